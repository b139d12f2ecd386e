public import Experiment
import Measures
import Scenario
import Statistics

/// A validation as one line of JSON, keys in alphabetical order.
///
/// A field without a value is `null`, never absent. Times of a sweep's setting are in seconds.
public func validationJSON(_ result: ValidationResult) throws -> String { try jsonLine(JSONValidation(result)) }

private struct JSONValidation: Encodable {
    var cases: [JSONCase]
    var interrupted: Bool
    var verdict: String

    init(_ result: ValidationResult) {
        cases = result.cases.map(JSONCase.init)
        interrupted = result.isInterrupted
        verdict = result.verdict.rawValue
    }
}

private struct JSONCase: Encodable {
    var emulations: [JSONEmulation]
    var excluded: [JSONExcluded]
    var file: String
    var liveRuns: Int
    var rows: [JSONRow]
    var scenario: String
    var server: Nullable<String>
    var simulatedRuns: Int
    var storedReason: String
    var suite: String
    var sweeps: [JSONSweep]
    var verdict: Nullable<String>

    init(_ item: ValidatedCase) {
        emulations = item.emulations.enumerated().map { JSONEmulation($0.element, replication: $0.offset) }
        excluded = item.excluded.map {
            JSONExcluded(reasons: $0.reasons, run: $0.run, value: Nullable($0.value.map(seconds)))
        }
        file = item.file
        liveRuns = item.liveRuns
        rows = item.rows.map(JSONRow.init)
        scenario = item.scenario
        server = Nullable(item.server)
        simulatedRuns = item.simulatedRuns
        storedReason = item.storedReason
        suite = item.suite.rawValue
        sweeps = item.sweeps.map(JSONSweep.init)
        verdict = Nullable(item.verdict?.rawValue)
    }
}

private struct JSONExcluded: Encodable {
    var reasons: [String]
    var run: Int
    var value: Nullable<Double>
}

private struct JSONObservation: Encodable {
    var count: Int
    var least: Nullable<Double>
    var median: Nullable<Double>
    var most: Nullable<Double>
    var never: Int

    init(_ seen: Observation) {
        count = seen.count
        least = Nullable(seen.least)
        median = Nullable(seen.median)
        most = Nullable(seen.most)
        never = seen.never
    }
}

private struct JSONRow: Encodable {
    var above: Nullable<Double>
    var difference: Nullable<Double>
    var error: Nullable<Double>
    var margin: Nullable<Double>
    var measured: Nullable<JSONObservation>
    var published: Nullable<Double>
    var reason: String
    var response: String
    var simulated: JSONObservation
    var source: String
    var title: Nullable<String>
    var unit: String
    var verdict: String

    init(_ row: ValidationRow) {
        above = Nullable(row.row.above)
        difference = Nullable(row.difference)
        error = Nullable(row.error)
        margin = Nullable(row.tolerance)
        measured = Nullable(row.measured.map(JSONObservation.init))
        published = Nullable(row.row.published?.value)
        reason = row.reason
        response = row.row.response
        simulated = JSONObservation(row.simulated)
        source = row.source.rawValue
        title = Nullable(row.row.title)
        unit = row.unit
        verdict = row.verdict.rawValue
    }
}

private struct JSONSweep: Encodable {
    struct Point: Encodable {
        var inside: [Bool]
        var live: [Nullable<Double>]
        var simulated: JSONObservation
        var value: Double
    }

    var inside: Int
    var key: String
    var live: Int
    var points: [Point]
    var reason: String
    var response: String
    var title: Nullable<String>
    var unit: String
    var verdict: Nullable<String>

    init(_ sweep: ValidationSweep) {
        inside = sweep.inside
        key = sweep.key
        live = sweep.live
        points = sweep.points.map { point in
            Point(
                inside: point.isInside, live: point.live.map { Nullable($0.flatMap { $0.isFinite ? $0 : nil }) },
                simulated: JSONObservation(point.simulated), value: seconds(point.value))
        }
        reason = sweep.reason
        response = sweep.row.response
        title = Nullable(sweep.row.title)
        unit = sweep.unit
        verdict = Nullable(sweep.verdict?.rawValue)
    }
}

private func seconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e9 }
