public import Experiment
import Measures
import Scenario
import Statistics

/// Where and when a validation was made.
public struct ValidationSetting: Hashable, Sendable {
    /// UTC, for example `2026-11-23`.
    public var date: String
    public var cores: Int
    /// For example `AMD EPYC 7B13`; empty if unknown.
    public var processor: String
    /// For example `Linux 6.1.0-18-amd64`.
    public var kernel: String
    /// The command that made it.
    public var command: String
    /// Of the program.
    public var version: String

    public init(date: String, cores: Int, processor: String, kernel: String, command: String, version: String) {
        self.date = date
        self.cores = cores
        self.processor = processor
        self.kernel = kernel
        self.command = command
        self.version = version
    }
}

/// The page that shows a validation, in Markdown.
public struct ValidationPage: Sendable {
    /// Where the picture lies, seen from the page.
    public static let picture = "images/recovery.svg"

    private let result: ValidationResult
    private let setting: ValidationSetting

    public init(_ result: ValidationResult, setting: ValidationSetting) {
        self.result = result
        self.setting = setting
    }

    /// The whole page, with a line break at the end.
    public var text: String {
        let parts = [headLines, machineLines] + suiteParts + [publishedLines, sweepLines, excludedLines, rulesLines]
        return parts.filter { !$0.isEmpty }.joined(separator: [""]).joined(separator: "\n") + "\n"
    }

    private var headLines: [String] {
        [
            "# Validation", "",
            "The model beside real nats-server processes behind an emulated link. `antipode validate` generates this",
            "page; do not edit it. Scenarios are in `scenarios/calibration`.", "",
            "**\(result.verdict.rawValue)**: \(result.tally).",
        ] + (result.isInterrupted ? ["", "The validation was interrupted: not all runs were made."] : [])
    }

    private var machineLines: [String] {
        let records = result.cases.flatMap(\.emulations)
        let versions = Set(records.map(\.serverVersion)).sorted()
        let processor = setting.processor.isEmpty ? "" : ", \(setting.processor)"
        var rows = [
            ("date", setting.date), ("command", "`\(setting.command)`"), ("antipode", setting.version),
            ("machine", "\(setting.cores) cores\(processor), \(setting.kernel)"),
            ("nats-server", versions.isEmpty ? "none: stored measurements only" : versions.joined(separator: ", ")),
        ]
        if let fidelity = FidelityText(records) {
            rows.append(("link", "\(records[0].link), TCP \(records[0].congestionControl)"))
            rows.append(("fidelity, worst of \(records.count) runs", fidelity.quality))
        }
        return ["| | |", "|---|---|"] + rows.map { "| \($0.0) | \(escaped($0.1)) |" }
    }

    private var suiteParts: [[String]] {
        result.suites.compactMap { suite, cases in
            if cases.allSatisfy(\.rows.isEmpty) { return nil }
            let rows = cases.flatMap { item in
                item.rows.map { row in
                    let cells = ValidationCells(row)
                    let verdict =
                        cells.reason.isEmpty
                        ? cells.verdict.rawValue : "\(cells.verdict.rawValue): \(cells.reason)"
                    return line([
                        item.scenario, cells.title, cells.simulated, cells.measured, cells.error, cells.margin,
                        residual(row), verdict,
                    ])
                }
            }
            return [
                "## Suite \(suite.rawValue)", "",
                "| scenario | response | simulated median [range] | measured | error | margin | residual | verdict |",
                "|---|---|---|---|---|---|---|---|",
            ] + rows
        }
    }

    /// Simulated less measured median, in percent of the measured one; of shares the plain difference.
    private func residual(_ row: ValidationRow) -> String {
        guard let difference = row.difference, let measured = row.measured?.median else { return "-" }
        let sign = difference < 0 ? "-" : "+"
        if row.unit == "share" || row.row.above != nil {
            return difference == 0 ? "0" : sign + Numbers.quantity(difference.magnitude, unit: "points")
        }
        if difference == 0 { return "0" }
        if measured == 0 { return sign + Numbers.quantity(difference.magnitude, unit: row.unit) }
        return sign + Numbers.percent(difference.magnitude / measured.magnitude) + " %"
    }

    private var sweepLines: [String] {
        let sweeps = result.cases.flatMap { item in item.sweeps.map { (item.scenario, $0) } }
        if sweeps.isEmpty { return [] }
        let rows = sweeps.map { scenario, sweep in
            let verdict = sweep.verdict?.rawValue ?? "not compared"
            return line([
                scenario, ValidationCells.sweepTitle(sweep), ValidationCells.sweep(sweep),
                sweep.reason.isEmpty ? verdict : "\(verdict): \(sweep.reason)",
            ])
        }
        return [
            "## Recovery against the length of the cut", "",
            "![Recovery time against the length of the cut: the model's median and range, and real servers]"
                + "(\(Self.picture))", "",
            "Line: median of the model. Band: its range. Points: runs on real servers; hollow ones lie outside.", "",
            "| scenario | response | found | verdict |", "|---|---|---|---|",
        ] + rows
    }

    private var publishedLines: [String] {
        let lines = result.cases.flatMap { item in
            ValidationCells.published(item).map { "- \(item.scenario), \($0)" }
        }
        if lines.isEmpty { return [] }
        return ["## Beside published figures", "", "Not compared: conditions there are not those here.", ""] + lines
    }

    private var excludedLines: [String] {
        let lines = result.cases.flatMap { item in
            ValidationCells.excluded(item).map { "- \(item.scenario): \($0)" }
        }
        if lines.isEmpty { return [] }
        return ["## Runs that do not count", ""] + lines
    }

    private var rulesLines: [String] {
        [
            "## How it is judged", "",
            "- A row passes if the simulated median lies in the measured range, widened by its margin or by",
            "  range / (n - 1), whichever is more: what n measurements are expected to miss on each side (order",
            "  statistics of a uniform law). *Error* is the distance to the range, 0 inside. *Residual* is the",
            "  simulated less the measured median.",
            "- *Share of runs above*: a coin flip in reality. The shares must differ by no more than the margin, or",
            "  the simulated one lie in the 95 % Wilson interval of the measured one. What never happens in some runs",
            "  is judged so too.",
            "- A sweep passes if no more real runs lie outside the simulated range, widened by the margin, than chance",
            "  leaves there in 95 of 100 sweeps.",
            "- Runs on real servers whose fidelity certificate has a problem do not count.",
        ]
    }

    private func line(_ cells: [String]) -> String { "| " + cells.map(escaped).joined(separator: " | ") + " |" }

    private func escaped(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
