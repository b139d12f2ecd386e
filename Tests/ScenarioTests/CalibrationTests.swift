import EventKernel
import Foundation
import Testing

@testable import Scenario

@Suite struct CalibrationTests {
    /// A scenario of ten minutes with the stream `a`; the calibration stands in line 16.
    static func text(_ calibration: String) -> String {
        Samples.scenario(
            extra: "publishers: [{ server: us-east/nats-0, subject: a, rate: 1/s, size: 1B, subscribers: [] }]\n"
                + "calibration: " + calibration)
    }

    static func calibration(_ text: String) throws -> Calibration {
        try #require(
            try ScenarioReader.parse(text: Self.text(text), file: "x.yaml").scenario.calibration)
    }

    @Test func readsRowsInTheUnitsOfTheirResponses() throws {
        let read = try Self.calibration(
            """
            { suite: partition, live-runs: 2, simulated-runs: 50, exclusive: true, rows: [ \
            { response: gateway.us-east/nats-0.singapore.closed, title: closed, margin: 0.3s, \
            measured: [11.7s, 12.4s], measurements: 12 }, \
            { response: stream.a.latency.p50, margin: 3%, measured: [500us, 1ms], measurements: 4 }, \
            { response: stream.a.lost, above: 0, margin: 0.25, measured: [20%, 0.3], measurements: 9 }, \
            { response: server.us-east/nats-1.cpu-per-message, margin: 30% }] }
            """)
        #expect(
            read
                == Calibration(
                    suite: .partition, liveRuns: 2, simulatedRuns: 50, isExclusive: true,
                    rows: [
                        CalibrationRow(
                            response: "gateway.us-east/nats-0.singapore.closed", title: "closed",
                            margin: .absolute(0.3), above: nil, measured: 11.7...12.4, measurements: 12),
                        CalibrationRow(
                            response: "stream.a.latency.p50", title: nil, margin: .relative(0.03), above: nil,
                            measured: 0.5...1, measurements: 4),
                        CalibrationRow(
                            response: "stream.a.lost", title: nil, margin: .absolute(0.25), above: 0,
                            measured: 0.2...0.3, measurements: 9),
                        CalibrationRow(
                            response: "server.us-east/nats-1.cpu-per-message", title: nil, margin: .relative(0.3),
                            above: nil, measured: nil, measurements: 0),
                    ], sweep: nil))
    }

    @Test func leavesOutWhatHasDefaults() throws {
        let read = try Self.calibration("{ suite: kill, rows: [{ response: stream.a.lost, margin: 0 }] }")
        #expect(read.liveRuns == 3)
        #expect(read.simulatedRuns == 20)
        #expect(!read.isExclusive)
        #expect(read.sweep == nil)
    }

    /// Never: in no run above a bound that every time exceeds.
    @Test(arguments: ["stream.a.resumed", "stream.a.latency.p50"])
    func neverIsAShareOfZero(_ response: String) throws {
        let row = try Self.calibration(
            "{ suite: kill, rows: [{ response: \(response), measured: never, measurements: 4 }] }"
        ).rows[0]
        #expect(row.above == -1)
        #expect(row.measured == 0...0)
        #expect(row.margin == .absolute(0))
        #expect(row.measurements == 4)
    }

    @Test func readsWhatOthersHavePublished() throws {
        let read = try Self.calibration(
            """
            { suite: throttle, rows: [{ response: server.us-east/nats-0.cpu, margin: 30%, published: 0.03, \
            published-by: a guide }] }
            """)
        #expect(read.rows[0].published == PublishedFigure(value: 0.03, source: "a guide"))
    }

    @Test func readsASweep() throws {
        let read = try Self.calibration(
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }], \
            sweep: { set: horizon, from: 59s, to: 60500ms, step: 500ms, live: [60s, 59.5s] } }
            """)
        let sweep = try #require(read.sweep)
        #expect(sweep.key == "horizon")
        #expect(sweep.values == [59_000_000_000, 59_500_000_000, 60_000_000_000, 60_500_000_000])
        #expect(sweep.live == [60_000_000_000, 59_500_000_000])
        #expect(sweep.override(60_500_000_000) == "horizon=60.5s")
    }

    @Test(arguments: [
        (
            "{ suite: partiton, rows: [] }",
            """
            x.yaml:16:23: expected suite to be one of healthy, burst, partition, kill, throttle, found \
            "partiton" (did you mean "partition"?)
            """
        ),
        (
            "{ suite: burst, rows: [] }",
            "x.yaml:16:36: rows: nothing is compared"
        ),
        (
            "{ suite: burst, simulated-runs: 19, rows: [{ response: stream.a.lost, margin: 0 }] }",
            "x.yaml:16:46: simulated-runs: expected a value from 20 to 1000, found \"19\""
        ),
        (
            "{ suite: partition, rows: [{ response: stream.b.lost, margin: 0 }] }",
            """
            x.yaml:16:53: response: no response "stream.b.lost" among the streams, gateways and servers of this \
            scenario (did you mean "stream.a.lost"?)
            """
        ),
        (
            "{ suite: partition, rows: [{ response: gateway.us-east/nats-2.singapore.up, margin: 1s }] }",
            """
            x.yaml:16:53: response: no response "gateway.us-east/nats-2.singapore.up" among the streams, \
            gateways and servers of this scenario (did you mean "gateway.us-east/nats-0.singapore.up"?)
            """
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost }] }",
            "x.yaml:16:41: key \"margin\" is missing in a row of a calibration"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.resumed, margin: 5 }] }",
            "x.yaml:16:79: margin: expected a duration with a unit (ns us ms s min h d), found \"5\""
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost, margin: 5, measured: [1, 2] }] }",
            "x.yaml:16:79: measured needs the key \"measurements\": how many"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost, margin: 5, measurements: 2 }] }",
            "x.yaml:16:79: measurements has no effect without measured"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost, margin: 5, published: 2 }] }",
            "x.yaml:16:79: published needs the key \"published-by\": where"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost, margin: 5, published-by: a guide }] }",
            "x.yaml:16:79: published-by has no effect without published"
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 5, measured: [2, 1], measurements: 2 \
            }] }
            """,
            "x.yaml:16:93: measured: the greatest value is below the least one"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost, margin: 5, measured: [1], measurements: 2 }] }",
            "x.yaml:16:89: measured: expected the least and the greatest value, found 1 values"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.lost, measured: never, measurements: 2 }] }",
            "x.yaml:16:78: measured: never is for responses in s or ms, \"stream.a.lost\" is a count"
        ),
        (
            "{ suite: partition, rows: [{ response: stream.a.resumed, measured: nver, measurements: 2 }] }",
            """
            x.yaml:16:81: measured: expected a list of two values or never, found "nver" (did you mean "never"?)
            """
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.resumed, margin: 1s, measured: never, measurements: \
            2 }] }
            """,
            "x.yaml:16:71: margin has no effect with measured: never"
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }, { response: stream.a.lost, \
            margin: 1 }] }
            """,
            "x.yaml:16:81: response \"stream.a.lost\" has this comparison twice"
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }], sweep: { set: horizon, from: \
            1min, to: 2min, step: 7s } }
            """,
            "x.yaml:16:121: to: expected 1min and some steps of 7s, found \"2min\""
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }], sweep: { set: horizon, from: \
            1min, to: 2min, step: 1ms } }
            """,
            "x.yaml:16:121: to: expected at most 1000 values, found 60001"
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }], sweep: { set: horizon, from: \
            1min, to: 2min, step: 1s, live: [90500ms] } }
            """,
            "x.yaml:16:144: live: \"90500ms\" is no value of the sweep (did you mean \"1.5min\"?)"
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }], sweep: { set: horizn, from: \
            1min, to: 2min, step: 1s } }
            """,
            "x.yaml:16:96: set: with horizn=1min: unknown key \"horizn\" in a scenario (did you mean \"horizon\"?)"
        ),
        (
            """
            { suite: partition, rows: [{ response: stream.a.lost, margin: 0 }], sweep: { set: timeline.0.for, \
            from: 1min, to: 2min, step: 1s } }
            """,
            "x.yaml:16:96: set: with timeline.0.for=1min: expected a list of faults, found a mapping"
        ),
    ])
    func refusesWrongCalibrations(_ calibration: String, _ line: String) {
        #expect(complaint(Self.text(calibration)) == line)
    }
}
