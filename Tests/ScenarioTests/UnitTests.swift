import EventKernel
import Testing

@testable import Scenario

@Suite struct UnitTests {
    @Test(arguments: [
        ("350ns", 350), ("5.6us", 5_600), ("40ms", 40_000_000), ("1.5s", 1_500_000_000), ("5min", 300_000_000_000),
        ("2h", 7_200_000_000_000), ("1d", 86_400_000_000_000), ("1h30min", 5_400_000_000_000),
        ("1min30s500ms", 90_500_000_000), ("0s", 0), ("0.000000001s", 1), ("+3ms", 3_000_000),
    ])
    func readsDurations(_ text: String, _ nanoseconds: Int64) throws {
        #expect(try Units.duration(text) == SimDuration(nanoseconds: nanoseconds))
    }

    @Test(arguments: [
        ("190B", 190), ("2KB", 2_000), ("3MB", 3_000_000), ("1GB", 1_000_000_000), ("64KiB", 65_536),
        ("4MiB", 4_194_304), ("1GiB", 1_073_741_824), ("1.5KiB", 1_536),
    ])
    func readsSizes(_ text: String, _ bytes: Int64) throws {
        #expect(try Units.size(text) == bytes)
    }

    @Test(arguments: [
        ("9bit/s", 9), ("300kbit/s", 300_000), ("10Mbit/s", 10_000_000), ("2.5Gbit/s", 2_500_000_000),
    ])
    func readsBandwidths(_ text: String, _ bits: Int64) throws {
        #expect(try Units.bandwidth(text) == bits)
    }

    @Test(arguments: [("50/s", 50.0), ("12/min", 0.2), ("36/h", 0.01), ("86400/d", 1.0)])
    func readsRates(_ text: String, _ perSecond: Double) throws {
        #expect(try Units.rate(text) == perSecond)
    }

    @Test(arguments: [("300m", 300), ("2", 2_000), ("0.5", 500)])
    func readsCPU(_ text: String, _ thousandths: Int64) throws {
        #expect(try Units.cpu(text) == thousandths)
    }

    @Test(arguments: [("4%", 0.04), ("0.04", 0.04), ("100%", 1.0), ("99.9%", 0.999), ("0", 0.0)])
    func readsShares(_ text: String, _ share: Double) throws {
        #expect(try Units.share(text) == share)
    }

    @Test(
        arguments: [
            ("5", "expected a duration with a unit (ns us ms s min h d), found \"5\"", nil),
            (
                "5m",
                "m is a unit of CPU only; expected a duration with one of the units ns us ms s min h d, found \"5m\"",
                "5min"
            ),
            ("5 min", "expected a duration with one of the units ns us ms s min h d, found \"5 min\"", "5min"),
            ("2sec", "expected a duration with one of the units ns us ms s min h d, found \"2sec\"", "2s"),
            (
                "1h5minutes", "expected a duration with one of the units ns us ms s min h d, found \"1h5minutes\"",
                "1h5min"
            ),
            ("5parsec", "expected a duration with one of the units ns us ms s min h d, found \"5parsec\"", nil),
            ("soon", "expected a duration such as 40ms, found \"soon\"", nil),
            ("1.5ns", "expected a duration in whole nanoseconds below 292 years, found \"1.5ns\"", nil),
            ("999999999d", "expected a duration in whole nanoseconds below 292 years, found \"999999999d\"", nil),
            ("5min1h", "expected the parts of a duration from large to small, found \"5min1h\"", nil),
            ("1.s", "expected a duration such as 40ms, found \"1.s\"", nil),
        ] as [(String, String, String?)])
    func refusesWrongDurations(_ text: String, _ message: String, _ suggestion: String?) {
        #expect(throws: UnitError(message: message, suggestion: suggestion)) { try Units.duration(text) }
    }

    @Test(arguments: [("64Mi", "64MiB"), ("64K", "64KB"), ("64kib", "64KiB")])
    func suggestsUnitsOfSize(_ text: String, _ suggestion: String) {
        let message = "expected a size with one of the units B KB MB GB KiB MiB GiB, found \"\(text)\""
        #expect(throws: UnitError(message: message, suggestion: suggestion)) { try Units.size(text) }
    }

    @Test func suggestsUnitsOfBandwidth() {
        let message = "expected a bandwidth with one of the units bit/s kbit/s Mbit/s Gbit/s, found \"10Mbps\""
        #expect(throws: UnitError(message: message, suggestion: "10Mbit/s")) { try Units.bandwidth("10Mbps") }
    }

    @Test func refusesPartsOfBytes() {
        let message = "expected a size in whole bytes, found \"1.5B\""
        #expect(throws: UnitError(message: message, suggestion: nil)) { try Units.size("1.5B") }
    }

    @Test func refusesPartsOfThousandthsOfACore() {
        let message = "expected CPU in whole thousandths of a core, found \"0.5m\""
        #expect(throws: UnitError(message: message, suggestion: nil)) { try Units.cpu("0.5m") }
    }

    @Test(
        arguments: [
            (1, "1ns"), (2_200_000, "2.2ms"), (300_000_000_000, "5min"), (924_600_000_000, "924.6s"), (0, "0s"),
        ] as [(Int64, String)])
    func writesDurationsShort(_ nanoseconds: Int64, _ text: String) {
        #expect(UnitFormat.duration(nanoseconds) == text)
    }

    @Test(arguments: [0, 1, 999, 1_000, 1_024, 1_536, 65_536, 1_250, 4_194_304, 1_000_000_007, 67_108_864])
    func writesSizesThatReadBack(_ bytes: Int64) throws {
        #expect(try Units.size(UnitFormat.size(bytes)) == bytes)
    }

    @Test(arguments: [0, 1, 350, 5_600, 86_399_999_999_999, 1_000_000_007, 924_600_000_000])
    func writesDurationsThatReadBack(_ nanoseconds: Int64) throws {
        #expect(try Units.duration(UnitFormat.duration(nanoseconds)).nanoseconds == nanoseconds)
    }

    @Test(arguments: [(0.8, "0.8"), (-2, "-2"), (1e6, "1000000"), (0.1 + 0.2, "0.3"), (0, "0"), (-0.5, "-0.5")])
    func writesNumbersForPeople(_ value: Double, _ text: String) {
        #expect(UnitFormat.number(value) == text)
    }

    @Test(arguments: [
        ("2026-11-17T13:30:00Z", 1_794_922_200), ("1970-01-01T00:00Z", 0), ("2024-02-29T23:59:59Z", 1_709_251_199),
    ])
    func readsInstants(_ text: String, _ seconds: Int64) {
        #expect(Instant.parse(text) == seconds)
    }

    @Test(arguments: [
        "2026-02-29T00:00:00Z", "2026-11-17 13:30:00Z", "2026-11-17T24:00:00Z", "2026-11-17T13:30:00", "Z",
    ])
    func refusesWrongInstants(_ text: String) {
        #expect(Instant.parse(text) == nil)
    }

    @Test func findsTheNearestWord() {
        #expect(Nearest.match("singapor", among: ["us-east", "singapore"]) == "singapore")
        #expect(Nearest.match("mialbox", among: ["mailbox", "join-cost"]) == "mailbox")
        #expect(Nearest.match("frankfurt", among: ["us-east", "singapore"]) == nil)
    }
}
