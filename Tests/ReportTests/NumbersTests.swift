import Foundation
import Testing

@testable import Report

@Test(arguments: [(Int64(0), "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")])
func digitsAreGrouped(_ value: Int64, _ expected: String) {
    #expect(Numbers.grouped(value) == expected)
}

@Test(arguments: [
    (0.0, "0 ms"), (3.21, "3.2 ms"), (812.4, "812 ms"), (9_999.0, "9,999 ms"), (10_000.0, "10.0 s"),
    (599_000.0, "599.0 s"), (912_000.0, "15.2 min"), (.infinity, "never"),
])
func timesHaveAUnitThatFits(_ milliseconds: Double, _ expected: String) {
    #expect(Numbers.time(milliseconds: milliseconds) == expected)
}

@Test func anIntervalIsInTheUnitOfItsTime() {
    #expect(Numbers.time(milliseconds: 12_300, halfWidth: 410) == "12.3 s ±0.5")
    #expect(Numbers.time(milliseconds: 812, halfWidth: 20, isBare: true) == "812 ±20")
}

@Test(arguments: [
    (812.0, Double?.some(20), "812 ±20"), (1_000.0, nil, "1,000"), (3_982.0, 2_670, "4.0 s ±2.7"),
    (9_939.0, 9_369, "9.9 s ±9.4"), (599_000.0, 512_345, "599 s ±513"), (25_142_800.0, 20_000_000, "7.0 h ±5.6"),
    (36e8, 35e8, "1,000 h"), (.infinity, nil, "never"),
])
func timesFitTheirCell(_ milliseconds: Double, _ halfWidth: Double?, _ expected: String) {
    #expect(Numbers.timeCell(milliseconds: milliseconds, halfWidth: halfWidth) == expected)
}

@Test(arguments: [
    (1_238.0, 212.0, 2_846.0, "212–2,846"), (143_000.0, 3_226, 912_000, "3.2–912 s"),
    (747_000.0, 54_000, 1_400_000, "0.9–23 min"), (36e6, 0, 144e6, "0–40 h"), (1e15, 1, 4e15, ">9,999 h"),
])
func anIntervalWiderThanItsMeanGivesWayToTheRange(
    _ milliseconds: Double, _ least: Double, _ most: Double, _ expected: String
) {
    let cell = Numbers.timeCell(milliseconds: milliseconds, halfWidth: milliseconds * 1.01, range: least...most)
    #expect(cell == expected)
}

@Test func cellsOfExtremeValuesStillFit() {
    var longest = 0
    for exponent in -3...16 {
        for mantissa in [1.0, 1.234_567, 9.994_999, 9.995, 9.999_999] {
            let mean = mantissa * pow(10, Double(exponent))
            for factor in [0, 1e-9, 0.01, 0.5, 0.999, 1.001, 12.7] {
                let range = (mean / 1_000)...(mean * 2)
                let time = Numbers.timeCell(milliseconds: mean, halfWidth: mean * factor, range: range)
                longest = max(longest, time.count)
                let share = mean.truncatingRemainder(dividingBy: 1)
                let percent = Numbers.percentCell(share, halfWidth: share * factor, range: 0...0.999_999)
                longest = max(longest, percent.count)
            }
        }
    }
    for (never, total) in [(1, 3), (3, 10_000), (9_999, 10_000), (10_000, 10_000)] {
        longest = max(longest, Numbers.neverCell(never, of: total).count)
    }
    #expect(longest <= 11)
}

@Test(arguments: [(2, 5, "never 2/5"), (3, 10_000, "never <1 %"), (9_999, 10_000, "never 99 %"), (7, 7, "never 7/7")])
func neverSaysInHowMany(_ never: Int, _ total: Int, _ expected: String) {
    #expect(Numbers.neverCell(never, of: total) == expected)
}

@Test func sharesAndCountsFallBackToTheirRangeToo() {
    #expect(Numbers.percentCell(0.5, halfWidth: 0.9, range: 0.003...0.992) == "0.3–99.2")
    #expect(Numbers.percentCell(0.5, halfWidth: 0.4, range: 0.003...0.992) == "50.0 ±40.0")
    #expect(Numbers.value(4, unit: "count", halfWidth: 9, range: 0...11) == "0 to 11")
    #expect(Numbers.value(4, unit: "count", halfWidth: 2, range: 3...5) == "4 ±2")
}

@Test(arguments: [
    (0.0, "0"), (1.0, "100"), (0.5, "50.0"), (0.999_6, "99.96"), (0.999_999, "99.99"), (0.000_004, "<0.01"),
    (0.000_3, "0.03"), (0.999, "99.9"),
])
func onlyAllIsAHundredPercent(_ share: Double, _ expected: String) {
    #expect(Numbers.percent(share) == expected)
}

@Test func aHalfWidthIsNeverRoundedDown() {
    #expect(Numbers.percent(0.971, halfWidth: 0.0041) == "97.1 ±0.5")
    #expect(Numbers.percent(0.971, halfWidth: 0.000_001) == "97.10 ±0.01")
    #expect(Numbers.percent(0.971, halfWidth: 0) == "97.1")
}

@Test(arguments: [
    (0.971, "share", Double?.some(0.004), "97.1 % ±0.4"), (0.971, "share", nil, "97.1 %"),
    (2_410.0, "ms", 20, "2,410 ms ±20"),
    (94.0, "s", 3, "94.0 s ±3.0"), (2.5, "s", nil, "2,500 ms"), (41.0, "count", 2.5, "41 ±3"),
    (1.25, "count", nil, "1.2"),
    (4.1, "number", nil, "4.10"), (7.0, "per-second", nil, "7.00 per-second"),
])
func valuesCarryTheirUnit(_ value: Double, _ unit: String, _ halfWidth: Double?, _ expected: String) {
    #expect(Numbers.value(value, unit: unit, halfWidth: halfWidth) == expected)
}

@Test func clocksCountMinutes() {
    #expect(Numbers.clock(seconds: 300) == "5:00")
    #expect(Numbers.clock(seconds: 3_725.5, hasMilliseconds: true) == "62:05.500")
    #expect(Numbers.clock(seconds: 59.9999, hasMilliseconds: true) == "1:00.000")
}

@Test func colourIsForTerminalsOnly() {
    #expect(TextStyle.detect(isTerminal: true, environment: [:]).isEnabled)
    #expect(!TextStyle.detect(isTerminal: false, environment: [:]).isEnabled)
    #expect(!TextStyle.detect(isTerminal: true, environment: ["NO_COLOR": "1"]).isEnabled)
    #expect(TextStyle.detect(isTerminal: true, environment: ["NO_COLOR": ""]).isEnabled)
    #expect(!TextStyle.detect(isTerminal: true, environment: ["TERM": "dumb"]).isEnabled)
}

@Test func shellsGetWhatTheyCanRead() {
    #expect(shellQuoted("scenarios/a.yaml") == "scenarios/a.yaml")
    #expect(shellQuoted("it's here") == "'it'\\''s here'")
    #expect(shellQuoted("") == "''")
}
