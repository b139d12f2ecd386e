import EventKernel
import Experiment
import Measures
import Scenario
import Statistics

/// Results made by hand, so that every number of a summary can be checked against this file.
enum Fixture {
    static let identity = RunIdentity(
        scenario: "region-loss", file: "scenarios/region-loss.yaml", seed: 7, horizon: 2_400,
        replicationsPlanned: 3,
        expectations: [
            Expectation(
                response: "delivery.audio.cross-region.during.400ms", atLeast: 0.9, atMost: nil, text: "at-least: 90%"),
            Expectation(response: "people.returned", atLeast: 0.9, atMost: nil, text: "at-least: 90%"),
            Expectation(response: "recovery.time", atLeast: nil, atMost: 1_200, text: "at-most: 20min"),
        ], overrides: ["client.webtransport-blocked=10 %"], run: 12, database: "results/antipode.db")

    /// Three replications of a site lost from 5:00 to 25:00, the last of which had not recovered at the end.
    static func faulty() -> ExperimentResult {
        let replications = (0..<3).map { index in
            var replication = ReplicationDigest(
                index: index, fingerprint: UInt64(0x1111_1111_1111_1111 * (index + 1)), ledger: ledger(),
                responses: responses(Double(index)), stations: stations,
                faults: [
                    FaultRecord(
                        kind: "black-hole", target: "singapore", start: .start + .minutes(5),
                        end: .start + .minutes(25))
                ], events: 41_152_263, violations: [],
                assumptions: ["client.webtransport-blocked", "dns.violators"])
            if index == 2 { replication.responses.removeAll { $0.name == "recovery.time" } }
            return replication
        }
        return summarise(
            identity, replications: replications, isInterrupted: false, cpuSeconds: 61.4, wallSeconds: 30.91)
    }

    private static let stations = [
        StationRecord(
            name: "singapore/relay-wt-0", served: 9, utilisation: 0.312, peakUtilisation: 0.571, meanWait: .zero,
            maximumWait: .zero),
        StationRecord(
            name: "us-east/nats-0", served: 9, utilisation: 0.05, peakUtilisation: 0.09, meanWait: .zero,
            maximumWait: .zero),
    ]

    private static func ledger() -> Ledger {
        var ledger = Ledger()
        for phase in Phase.allCases {
            var local = LedgerCell()
            local.expected = 1_000_000
            local.lost[Int(LossCause.receiverNotConnected.rawValue)] = phase == .before ? 0 : 20_000
            local.lost[Int(LossCause.siteUnreachable.rawValue)] = phase == .during ? 10_000 : 0
            local.inFlight = phase == .after ? 12 : 0
            local.delivered = local.expected - local.lostTotal - local.inFlight
            local.void = 40
            local.extra = 1_234
            ledger[.audio, .sameRegion, phase] = local
            var remote = LedgerCell()
            remote.expected = 250_000
            remote.lost[Int(LossCause.gatewayDown.rawValue)] = phase == .during ? 90_000 : 0
            remote.delivered = remote.expected - remote.lostTotal
            ledger[.audio, .crossRegion, phase] = remote
        }
        return ledger
    }

    private static func responses(_ shift: Double) -> [ResponseValue] {
        func share(_ path: PathKind, _ phase: Phase, _ bound: LatencyBound, _ value: Double) -> ResponseValue {
            let name = ResponseCatalogue.deliveryName("audio", path: path, phase: phase, bound: bound)
            return ResponseValue(name: name, unit: "share", value: value)
        }
        return [
            share(.sameRegion, .before, .within400ms, 0.9996), share(.sameRegion, .before, .ever, 1),
            share(.sameRegion, .during, .within400ms, 0.968 + shift / 1_000),
            share(.sameRegion, .during, .ever, 0.97 + shift / 1_000),
            share(.sameRegion, .after, .within400ms, 0.979), share(.sameRegion, .after, .ever, 0.98),
            share(.crossRegion, .before, .within400ms, 0.991), share(.crossRegion, .before, .ever, 1),
            share(.crossRegion, .during, .within400ms, 0.63 + shift / 100),
            share(.crossRegion, .during, .ever, 0.64 + shift / 100),
            share(.crossRegion, .after, .within400ms, 0.99), share(.crossRegion, .after, .ever, 0.999_999),
            ResponseValue(name: "setup.audio.same-region.p50", unit: "ms", value: 2_410 + shift),
            ResponseValue(name: "setup.audio.same-region.p95", unit: "ms", value: 3_120 + 40 * shift),
            ResponseValue(name: "setup.audio.same-region.p99", unit: "ms", value: 9_800 + 400 * shift),
            ResponseValue(name: "setup.video.same-region.p50", unit: "ms", value: 2_600),
            ResponseValue(name: "setup.video.same-region.p95", unit: "ms", value: 4_000),
            ResponseValue(name: "setup.video.same-region.p99", unit: "ms", value: 14_900),
            ResponseValue(name: "reconnect.audio.all.p50", unit: "ms", value: 31_000 + 1_000 * shift),
            ResponseValue(name: "reconnect.audio.all.p95", unit: "ms", value: 912_000),
            ResponseValue(name: "reconnect.audio.all.p99", unit: "ms", value: shift == 1 ? .infinity : 915_000),
            ResponseValue(name: "people.lost-session", unit: "count", value: 40 + shift),
            ResponseValue(name: "people.returned", unit: "share", value: 0.97 + shift / 100),
            ResponseValue(name: "people.gave-up", unit: "count", value: 1),
            ResponseValue(name: "recovery.time", unit: "s", value: 94 + 4 * shift),
        ]
    }

    /// One replication with two plain streams and nobody in a call.
    static func streams() -> ExperimentResult {
        func value(_ stream: String, _ measure: StreamMeasure, _ value: Double?) -> ResponseValue {
            ResponseValue(name: measure.responseName(stream: stream), unit: measure.unit, value: value)
        }
        let replication = ReplicationDigest(
            index: 0, fingerprint: 0xABCD, ledger: Ledger(),
            responses: [
                value("us", .published, 4_499), value("us", .lost, 1_590), value("us", .median, 117.3),
                value("us", .tail, 1_534), value("us", .resumed, 1.95), value("idle", .published, 90),
                value("idle", .lost, 0), value("idle", .median, 0.2), value("idle", .tail, 12_340),
                value("idle", .resumed, nil),
            ], stations: [], faults: [], events: 900, violations: [], assumptions: [])
        var streams = identity
        streams.expectations = []
        streams.replicationsPlanned = 1
        return summarise(
            streams, replications: [replication], isInterrupted: false, cpuSeconds: 0.004, wallSeconds: 0.005)
    }

    /// One replication without faults, expectations or losses.
    static func quiet() -> ExperimentResult {
        var cell = LedgerCell()
        cell.expected = 500
        cell.delivered = 500
        var ledger = Ledger()
        ledger[.audio, .sameRegion, .before] = cell
        let name = ResponseCatalogue.deliveryName("audio", path: .sameRegion, phase: .before, bound: .ever)
        let replication = ReplicationDigest(
            index: 0, fingerprint: 0xABCD, ledger: ledger,
            responses: [ResponseValue(name: name, unit: "share", value: 1)], stations: [], faults: [], events: 900,
            violations: [], assumptions: [])
        var quiet = identity
        quiet.expectations = []
        quiet.overrides = []
        quiet.replicationsPlanned = 1
        quiet.database = "other.db"
        return summarise(
            quiet, replications: [replication], isInterrupted: false, cpuSeconds: 0.004, wallSeconds: 0.005)
    }
}
