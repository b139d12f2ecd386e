public import Experiment
import Measures
import Scenario
import Statistics

/// A validation for a terminal: what failed can be seen without counting columns.
public func validationText(_ result: ValidationResult, style: TextStyle) -> String {
    var lines: [String] = []
    for (suite, cases) in result.suites {
        lines.append(style.bold("suite \(suite.rawValue)"))
        // One set of columns for a suite, so that its scenarios can be compared.
        let rows = cases.flatMap { item in item.rows.map { ValidationCells($0) } }
        let cells = rows.map { ["  " + cut($0.title, 46), $0.simulated, $0.measured, $0.error, $0.margin] }
        let table = columns(
            [["  " + ValidationCells.headings[0]] + ValidationCells.headings.dropFirst()] + cells,
            [.left, .left, .left, .right, .right])
        let width = table.map(\.count).max() ?? 0
        if !rows.isEmpty { lines.append(style.faint(table[0])) }
        var next = 1
        for item in cases {
            lines.append("\(item.scenario)   \(ValidationCells.source(item)), \(item.simulatedRuns) simulated")
            for row in rows[(next - 1)..<(next - 1 + item.rows.count)] {
                lines.append(pad(table[next], width) + "  " + mark(row.verdict, row.reason, style))
                next += 1
            }
            for sweep in item.sweeps {
                lines.append("  " + ValidationCells.sweepTitle(sweep))
                let found = "    " + ValidationCells.sweep(sweep)
                lines.append(pad(found, width) + "  " + mark(sweep.verdict, sweep.reason, style))
            }
            lines += ValidationCells.published(item).map { "  " + $0 }
            lines += ValidationCells.excluded(item).map { "  " + $0 }
        }
        lines.append("")
    }
    let word = style.verdict(result.verdict.rawValue.uppercased(), result.verdict)
    return (lines + [word + "  " + result.tally]).joined(separator: "\n") + "\n"
}

private func mark(_ verdict: Verdict?, _ reason: String, _ style: TextStyle) -> String {
    let word = verdict.map { style.verdict($0.rawValue, $0) } ?? "not compared"
    return reason.isEmpty ? word : word + ": " + reason
}

/// The line that is written over while a validation runs: `12 of 40 runs, 3:20 left  cut-30s, burst-1`.
public func validationProgressText(_ progress: ValidationProgress) -> String {
    let left = progress.remainingSeconds.map { ", \(Numbers.clock(seconds: $0.rounded(.up))) left" } ?? ""
    let running = progress.running.joined(separator: ", ")
    return cut("\(progress.finished) of \(progress.total) runs\(left)  \(running)", 79)
}
