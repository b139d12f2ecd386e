public import Experiment
import Foundation
import Measures
import ResultStore
import Statistics

/// Two runs side by side, for a terminal.
public struct ComparisonText: Sendable {
    private let comparison: Comparison
    private let showsAll: Bool
    private let filter: String?
    private let style: TextStyle

    /// - Parameters:
    ///   - showsAll: whether rows without a difference are shown too.
    ///   - filter: only responses with this text in their names.
    public init(_ comparison: Comparison, showsAll: Bool, filter: String?, style: TextStyle) {
        self.comparison = comparison
        self.showsAll = showsAll
        self.filter = filter
        self.style = style
    }

    /// The whole text, with a line break at the end.
    public var text: String {
        let parts = [factLines, warningLines, rowLines, countLines].filter { !$0.isEmpty }
        return parts.joined(separator: [""]).joined(separator: "\n") + "\n"
    }

    private var names: [String] {
        [comparison.first, comparison.second].map { "run \($0.identity.run)" }
    }

    private var factLines: [String] {
        let rows = comparison.facts.map { fact in
            [fact.name, cut(fact.first, 44), cut(fact.second, 44), fact.differs ? "differs" : ""]
        }
        let lines = columns([[""] + names + [""]] + rows, [.left, .left, .left, .left])
        return [style.bold(lines[0])] + lines.dropFirst()
    }

    /// Numbers of a run that cannot be trusted are shown, but not without saying so.
    private var warningLines: [String] {
        [comparison.first, comparison.second].flatMap { result -> [String] in
            let name = "run \(result.identity.run)"
            var lines: [String] = []
            if let violation = result.violations.first { lines.append("\(name) broke an invariant: \(violation)") }
            if let problem = result.fidelityProblems.first {
                lines.append("\(name) was not faithful: replication \(problem.replication): \(problem.value)")
            }
            if result.isInterrupted { lines.append("\(name) is not complete") }
            return lines
        }
    }

    private func isNamed(_ name: String) -> Bool { filter.map { name.contains($0) } ?? true }

    private var rowLines: [String] {
        let shown = comparison.rows.filter { isNamed($0.name) && (showsAll || !$0.isEqual) }
        if shown.isEmpty { return [] }
        let heading = ["response", names[0], "n", names[1], "n", "difference", "relative"]
        let rows = shown.map { row in
            [
                row.name, cell(row.first), count(row.first), cell(row.second), count(row.second),
                row.difference.map { difference($0, row) } ?? "-", row.relative.map(relative) ?? "-",
            ]
        }
        let lines = columns([heading] + rows, [.left, .right, .right, .right, .right, .right, .right])
        return [style.bold(lines[0])] + lines.dropFirst()
    }

    private func cell(_ estimate: ResponseEstimate) -> String {
        if estimate.never > 0 { return Numbers.neverCell(estimate.never, of: estimate.never + estimate.observed) }
        return estimate.mean.map { Numbers.value($0, unit: estimate.unit, halfWidth: estimate.halfWidth) } ?? "-"
    }

    private func count(_ estimate: ResponseEstimate) -> String { "\(estimate.observed + estimate.never)" }

    private func difference(_ difference: Double, _ row: ComparedResponse) -> String {
        if difference == 0 { return "0" }
        let sign = difference > 0 ? "+" : "-"
        return sign + Numbers.quantity(difference.magnitude, unit: row.unit == "share" ? "points" : row.unit)
    }

    private func relative(_ share: Double) -> String {
        if share == 0 { return "0" }
        let sign = share > 0 ? "+" : "-"
        return sign + (share.magnitude >= 100 ? ">9,999" : Numbers.percent(share.magnitude)) + " %"
    }

    private var countLines: [String] {
        let rows = comparison.rows.filter { isNamed($0.name) }
        let equal = rows.count(where: \.isEqual)
        let (left, right) = (comparison.onlyFirst.count(where: isNamed), comparison.onlySecond.count(where: isNamed))
        var parts = ["\(rows.count) \(rows.count == 1 ? "response" : "responses") in both"]
        if equal > 0 { parts.append("\(equal) of them equal" + (showsAll ? "" : " (shown with --all)")) }
        if left > 0 { parts.append("\(left) in \(names[0]) only") }
        if right > 0 { parts.append("\(right) in \(names[1]) only") }
        return [parts.joined(separator: ", ")]
    }
}

/// The same as one line of JSON, keys in alphabetical order; all responses that both runs have.
///
/// - Parameter filter: only responses with this text in their names.
public func comparisonJSON(_ comparison: Comparison, filter: String?) throws -> String {
    try jsonLine(JSONComparison(comparison, filter: filter))
}

private struct JSONComparison: Encodable {
    struct Run: Encodable {
        var backend: String
        var file: String
        var fidelityProblems: [String]
        var hash: String
        var overrides: [String]
        var replications: Int
        var run: Int64
        var scenario: String
        var seed: UInt64
        var serverVersions: [String]
        var toolVersion: String
        var verdict: String

        init(_ result: ExperimentResult) {
            let identity = result.identity
            backend = identity.backend.rawValue
            file = identity.file
            fidelityProblems = result.fidelityProblems.map { "replication \($0.replication): \($0.value)" }
            hash = identity.hash
            overrides = identity.overrides
            replications = result.replicationsDone
            run = identity.run
            scenario = identity.scenario
            seed = identity.seed
            serverVersions = Set(result.emulations.map(\.value.serverVersion)).sorted()
            toolVersion = identity.toolVersion
            verdict = result.verdict.rawValue
        }
    }

    struct Row: Encodable {
        var difference: Nullable<Double>
        var first: JSONResponse
        var name: String
        var relative: Nullable<Double>
        var second: JSONResponse
        var unit: String

        init(_ row: ComparedResponse) {
            difference = Nullable(row.difference)
            first = JSONResponse(row.first)
            name = row.name
            relative = Nullable(row.relative)
            second = JSONResponse(row.second)
            unit = row.unit
        }
    }

    var differs: [String]
    var first: Run
    var onlyFirst: [String]
    var onlySecond: [String]
    var responses: [Row]
    var second: Run

    init(_ comparison: Comparison, filter: String?) {
        func isNamed(_ name: String) -> Bool { filter.map { name.contains($0) } ?? true }
        differs = comparison.facts.filter(\.differs).map(\.name)
        first = Run(comparison.first)
        onlyFirst = comparison.onlyFirst.filter(isNamed)
        onlySecond = comparison.onlySecond.filter(isNamed)
        responses = comparison.rows.filter { isNamed($0.name) }.map(Row.init)
        second = Run(comparison.second)
    }
}
