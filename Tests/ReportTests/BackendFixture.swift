import EventKernel
import Measures
import ResultStore
import Scenario
import Statistics

@testable import Experiment

/// Emulated runs and validations made by hand.
extension Fixture {
    static func certificate(problems: [String] = []) -> EmulationRecord {
        EmulationRecord(
            serverVersion: "2.9.10", link: "namespaces", congestionControl: "reno", kernel: "6.1.0",
            linkLateness99: .microseconds(62), linkLatenessMaximum: .milliseconds(2),
            driverLateness99: .microseconds(250), driverLatenessMaximum: .milliseconds(7), steal: 0.0123, idle: 0.5,
            packetsDropped: 3, problems: problems)
    }

    /// One replication on real servers, with a response of its own.
    static func emulated(problems: [String] = []) -> ExperimentResult {
        let replication = ReplicationDigest(
            index: 0, fingerprint: 0, ledger: Ledger(),
            responses: [
                ResponseValue(name: "stream.us.resumed", unit: "s", value: 1.951),
                ResponseValue(name: "stream.us.lost", unit: "count", value: 0),
                ResponseValue(name: "stream.us.delivered", unit: "share", value: 0.5),
                ResponseValue(name: "stream.us.normal", unit: "s", value: 4),
            ], stations: [], faults: [], events: 900, violations: [], assumptions: [],
            emulation: certificate(problems: problems))
        var emulated = identity
        emulated.expectations = []
        emulated.overrides = []
        emulated.replicationsPlanned = 1
        emulated.backend = .emulate
        emulated.hash = "00112233"
        return summarise(
            emulated, replications: [replication], isInterrupted: false, cpuSeconds: 0.5, wallSeconds: 61)
    }

    /// The same on the model, three times.
    static func simulated() -> ExperimentResult {
        let replications = (0..<3).map { index in
            ReplicationDigest(
                index: index, fingerprint: UInt64(index + 1), ledger: Ledger(),
                responses: [
                    ResponseValue(name: "stream.us.resumed", unit: "s", value: 2 + 0.1 * Double(index)),
                    ResponseValue(name: "stream.us.lost", unit: "count", value: 0),
                    ResponseValue(name: "stream.us.delivered", unit: "share", value: 0.75),
                    ResponseValue(name: "stream.us.normal", unit: "s", value: .infinity),
                    ResponseValue(name: "stream.us.late", unit: "count", value: 7),
                ], stations: [], faults: [], events: 900, violations: [], assumptions: [])
        }
        var simulated = identity
        simulated.expectations = []
        simulated.overrides = []
        simulated.run = 11
        simulated.hash = "00112233"
        return summarise(
            simulated, replications: replications, isInterrupted: false, cpuSeconds: 0.5, wallSeconds: 0.5)
    }

    private static func row(
        _ response: String, _ title: String?, _ margin: CalibrationRow.Margin, above: Double? = nil
    ) -> CalibrationRow {
        CalibrationRow(
            response: response, title: title, margin: margin, above: above, measured: nil, measurements: 0)
    }

    /// A suite on real servers with every verdict, one against stored ranges, and a sweep.
    static func validation() -> ValidationResult {
        let burst = ValidatedCase(
            file: "scenarios/calibration/burst.yaml", scenario: "burst", suite: .burst, simulatedRuns: 20,
            liveRuns: 0, server: nil, storedReason: "no nats-server on the PATH",
            rows: [
                judge(
                    row("stream.us.latency.p50", "frame of 30 KB", .relative(0.03)), unit: "ms",
                    simulated: [352, 352.5, 353], measured: .stored(350...355, measurements: 5))
            ], sweeps: [], excluded: [], emulations: [])
        let cut = ValidatedCase(
            file: "scenarios/calibration/cut.yaml", scenario: "cut-30s", suite: .partition, simulatedRuns: 20,
            liveRuns: 2, server: "2.9.10", storedReason: "",
            rows: [
                judge(
                    row("stream.us.resumed", "US to SGP | resumes", .absolute(0.25)), unit: "s",
                    simulated: [1.5, 1.75, 2], measured: .live([1.875, 2])),
                judge(
                    row("stream.us.lost", nil, .absolute(10)), unit: "count",
                    simulated: [40, 60], measured: .live([8])),
                judge(
                    row("stream.us.normal", "comes back", .absolute(0), above: 0), unit: "s",
                    simulated: [nil, nil], measured: .live([nil, nil])),
                judge(row("stream.us.late", nil, .absolute(1)), unit: "count", simulated: [4], measured: .live([])),
            ],
            sweeps: [sweep(verdict: .pass)],
            excluded: [ExcludedRun(run: 2, value: nil, reasons: ["steal 9.0 %", "3 packets dropped"])],
            emulations: [certificate(), certificate()])
        return ValidationResult(cases: [cut, burst], isInterrupted: false)
    }

    static func sweep(verdict: Verdict?) -> ValidationSweep {
        func point(_ seconds: Double, _ simulated: [Double?], _ live: [Double?], _ inside: [Bool]) -> SweepPoint {
            SweepPoint(
                value: Int64(seconds * 1e9), simulated: Observation(simulated), live: live, isInside: inside)
        }
        return ValidationSweep(
            key: "timeline.0.for", row: row("stream.us.resumed", "recovery, 2 URLs", .absolute(0.5)), unit: "s",
            points: [
                point(20, [1, 2, 3], [2.5], [true]), point(20.5, [1, 1.5, 2], [], []),
                point(21, [nil, nil], [nil], [true]), point(21.5, [0.5, 1, 1.5], [4], [false]),
            ], verdict: verdict, reason: "1 outside, where chance leaves up to 1")
    }
}
