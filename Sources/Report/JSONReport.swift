import EventKernel
public import Experiment
import Foundation
import Measures
import ResultStore
import Scenario
import Statistics

/// One line of JSON for a run, keys in alphabetical order.
///
/// Everything but `cpuSeconds`, `wallSeconds`, `run` and `database` is the same on every machine for the same file and
/// seed. A field without a value is `null`, never absent.
public func jsonReport(_ result: ExperimentResult) throws -> String {
    try jsonLine(JSONRun(result))
}

/// One line, keys in alphabetical order.
func jsonLine(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

private struct JSONRun: Encodable {
    var assumptions: [String]
    var backend: String
    var cpuSeconds: Double
    var database: String
    /// The fidelity certificates; empty for a simulated run.
    var emulations: [JSONEmulation]
    var events: Int64
    var expectations: [JSONExpectation]
    var faults: [JSONFault]
    /// `null` for an emulated run: real servers never do quite the same twice.
    var fingerprint: Nullable<String>
    var fingerprints: [String]
    var interrupted: Bool
    var ledger: JSONLedger
    var recovery: Nullable<JSONRecovery>
    var replay: String
    var replications: Int
    var replicationsDone: Int
    var responses: [JSONResponse]
    var run: Int64
    var scenario: String
    var seed: UInt64
    var stations: [JSONStation]
    var verdict: String
    var violations: [String]
    var wallSeconds: Double

    init(_ result: ExperimentResult) {
        assumptions = result.assumptions
        backend = result.identity.backend.rawValue
        cpuSeconds = result.cpuSeconds
        database = result.identity.database
        emulations = result.emulations.map { JSONEmulation($0.value, replication: $0.replication) }
        events = result.events
        expectations = result.expectations.map(JSONExpectation.init)
        faults = result.faults.map {
            JSONFault(end: Nullable($0.end?.seconds), kind: $0.kind, start: $0.start.seconds, target: $0.target)
        }
        let isEmulated = result.identity.backend == .emulate
        fingerprint = Nullable(isEmulated ? nil : hexadecimal(result.fingerprint))
        fingerprints = isEmulated ? [] : result.fingerprints.map(hexadecimal)
        interrupted = result.isInterrupted
        ledger = JSONLedger(result.ledger)
        recovery = Nullable(result.recovery.map(JSONRecovery.init))
        replay = replayCommand(result.identity)
        replications = result.identity.replicationsPlanned
        replicationsDone = result.replicationsDone
        responses = result.responses.map(JSONResponse.init)
        run = result.identity.run
        scenario = result.identity.scenario
        seed = result.identity.seed
        stations = result.stations.map {
            JSONStation(name: $0.name, peakUtilisation: $0.peakUtilisation, utilisation: $0.utilisation)
        }
        verdict = result.verdict.rawValue
        violations = result.violations
        wallSeconds = result.wallSeconds
    }
}

private struct JSONFault: Encodable {
    var end: Nullable<Double>
    var kind: String
    var start: Double
    var target: String
}

private struct JSONStation: Encodable {
    var name: String
    var peakUtilisation: Double
    var utilisation: Double
}

private struct JSONRecovery: Encodable {
    var censored: Int
    var interval: [Nullable<Double>]
    var median: Nullable<Double>
    var replications: Int

    init(_ recovery: RecoveryEstimate) {
        censored = recovery.censored
        interval = [Nullable(recovery.lower), Nullable(recovery.upper)]
        median = Nullable(recovery.median)
        replications = recovery.replications
    }
}

private struct JSONExpectation: Encodable {
    var atLeast: Nullable<Double>
    var atMost: Nullable<Double>
    var estimate: Nullable<Double>
    var interval: Nullable<[Double]>
    var n: Int
    var response: String
    var text: String
    var verdict: String

    init(_ judged: JudgedExpectation) {
        atLeast = Nullable(judged.expectation.atLeast)
        atMost = Nullable(judged.expectation.atMost)
        estimate = Nullable(judged.estimate?.mean.flatMap(finite))
        interval = Nullable(judged.estimate.flatMap(bounds))
        n = judged.estimate?.observed ?? 0
        response = judged.expectation.response
        text = judged.expectation.text
        verdict = judged.verdict.rawValue
    }
}

struct JSONResponse: Encodable {
    var estimate: Nullable<Double>
    var interval: Nullable<[Double]>
    /// Replications that did not observe it.
    var missing: Int
    var n: Int
    var name: String
    /// Replications in which it never happened; then there is no finite estimate.
    var never: Int
    var unit: String

    init(_ response: ResponseEstimate) {
        estimate = Nullable(response.mean.flatMap(finite))
        interval = Nullable(bounds(response))
        missing = response.missing
        n = response.observed
        name = response.name
        never = response.never
        unit = response.unit
    }
}

/// The fidelity certificate of one replication.
struct JSONEmulation: Encodable {
    var congestionControl: String
    var driverLatenessMaximumMs: Double
    var driverLatenessP99Ms: Double
    var idle: Double
    var kernel: String
    var link: String
    var linkLatenessMaximumMs: Double
    var linkLatenessP99Ms: Double
    var packetsDropped: Int64
    var problems: [String]
    var replication: Int
    var serverVersion: String
    var steal: Double

    init(_ record: EmulationRecord, replication: Int) {
        congestionControl = record.congestionControl
        driverLatenessMaximumMs = record.driverLatenessMaximum.milliseconds
        driverLatenessP99Ms = record.driverLateness99.milliseconds
        idle = record.idle
        kernel = record.kernel
        link = record.link
        linkLatenessMaximumMs = record.linkLatenessMaximum.milliseconds
        linkLatenessP99Ms = record.linkLateness99.milliseconds
        packetsDropped = record.packetsDropped
        problems = record.problems
        self.replication = replication
        serverVersion = record.serverVersion
        steal = record.steal
    }
}

private struct JSONLedger: Encodable {
    var byClass: [JSONLedgerCell]
    var delivered: Int64
    var expected: Int64
    var extra: Int64
    var inFlight: Int64
    /// By cause; causes that lost nothing are left out.
    var lost: [String: Int64]
    var void: Int64

    init(_ ledger: Ledger) {
        let total = ledger.total()
        delivered = total.delivered
        expected = total.expected
        extra = total.extra
        inFlight = total.inFlight
        lost = lossesByCause(total)
        void = total.void
        byClass = MessageClass.allCases.flatMap { messageClass in
            PathKind.allCases.flatMap { path in
                Phase.allCases.map { JSONLedgerCell(ledger[messageClass, path, $0], messageClass, path, $0) }
            }
        }
    }
}

private struct JSONLedgerCell: Encodable {
    var `class`: String
    var decodable: Int64
    var delivered: Int64
    var expected: Int64
    var extra: Int64
    var inFlight: Int64
    var lost: [String: Int64]
    var path: String
    var phase: String
    var void: Int64
    var within150ms: Int64
    var within1s: Int64
    var within400ms: Int64

    init(_ cell: LedgerCell, _ messageClass: MessageClass, _ path: PathKind, _ phase: Phase) {
        self.class = messageClass.name
        decodable = cell.decodable
        delivered = cell.delivered
        expected = cell.expected
        extra = cell.extra
        inFlight = cell.inFlight
        lost = lossesByCause(cell)
        self.path = path.name
        self.phase = phase.name
        void = cell.void
        within150ms = cell.deliveredWithin[Int(LatencyBound.within150ms.rawValue)]
        within1s = cell.deliveredWithin[Int(LatencyBound.within1s.rawValue)]
        within400ms = cell.deliveredWithin[Int(LatencyBound.within400ms.rawValue)]
    }
}

/// A value or an explicit `null`, so that a reader finds every key.
struct Nullable<Value: Encodable>: Encodable {
    var value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

private func lossesByCause(_ cell: LedgerCell) -> [String: Int64] {
    var losses: [String: Int64] = [:]
    for cause in LossCause.allCases where cell.lost[Int(cause.rawValue)] != 0 {
        losses[cause.name] = cell.lost[Int(cause.rawValue)]
    }
    return losses
}

private func bounds(_ estimate: ResponseEstimate) -> [Double]? {
    guard let lower = estimate.lower, let upper = estimate.upper else { return nil }
    return [lower, upper]
}

private func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

/// Sixteen hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
