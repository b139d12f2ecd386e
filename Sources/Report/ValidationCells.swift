import Experiment
import Measures
import Scenario
import Statistics

/// The cells of a line of a validation, the same for terminal and page.
struct ValidationCells {
    var title: String
    var simulated: String
    var measured: String
    var error: String
    var margin: String
    var verdict: Verdict
    var reason: String

    init(_ row: ValidationRow) {
        title = Self.title(row.row)
        simulated = Self.simulated(row.simulated, unit: row.unit, isShare: row.row.above != nil)
        measured = Self.measured(row)
        error = row.error.map { Numbers.quantity($0, unit: Self.differenceUnit(row.unit)) } ?? "-"
        margin = row.tolerance.map { Numbers.quantity($0, unit: Self.differenceUnit(row.unit)) } ?? "-"
        verdict = row.verdict
        reason = row.reason
    }

    static let headings = ["response", "simulated median [range]", "measured", "error", "margin"]

    static func title(_ row: CalibrationRow) -> String {
        let name = row.title ?? row.response
        guard let above = row.above else { return name }
        return name
            + (above == 0 ? ", share of runs that have it" : ", share of runs above \(Numbers.fourDigits(above))")
    }

    /// A difference of shares is in points, not in percent of a share.
    static func differenceUnit(_ unit: String) -> String { unit == "share" ? "points" : unit }

    /// `1.951 s [1.812 to 2.104]`, with the runs in which it never happened.
    static func simulated(_ seen: Observation, unit: String, isShare: Bool) -> String {
        if isShare { return seen.median.map { Numbers.percent($0) + " % of \(seen.count)" } ?? "-" }
        guard let median = seen.median, let least = seen.least, let most = seen.most else {
            return seen.count == 0 ? "-" : "never in \(seen.count)"
        }
        let range = least == most ? "" : " [\(bare(least, unit)) to \(bare(most, unit))]"
        return Numbers.quantity(median, unit: unit) + range + never(seen)
    }

    /// `1.8 to 2.2 s, 3 live`.
    private static func measured(_ row: ValidationRow) -> String {
        guard let seen = row.measured, row.source != .none else { return "-" }
        let source = row.source == .live ? "\(seen.count) live" : "\(seen.count) stored"
        guard let least = seen.least, let most = seen.most else {
            return seen.count == 0 ? "-" : "never, \(source)"
        }
        let text = Numbers.quantity(most, unit: row.unit)
        let range = least == most ? text : "\(bare(least, row.unit)) to \(text)"
        return "\(range)\(never(seen)), \(source)"
    }

    private static func never(_ seen: Observation) -> String {
        seen.never == 0 ? "" : ", never in \(seen.never) of \(seen.count)"
    }

    private static func bare(_ value: Double, _ unit: String) -> String {
        switch unit {
        case "share": Numbers.percent(value)
        case "count": Numbers.count(value)
        default: Numbers.fourDigits(value)
        }
    }

    /// `12 of 13 real runs inside`.
    static func sweep(_ sweep: ValidationSweep) -> String {
        if sweep.live == 0 { return "\(sweep.points.count) values simulated, none on real servers" }
        return "\(sweep.inside) of \(sweep.live) real runs inside what was simulated"
    }

    static func sweepTitle(_ sweep: ValidationSweep) -> String {
        let (least, most) = (sweep.points.map(\.value).min() ?? 0, sweep.points.map(\.value).max() ?? 0)
        return "\(title(sweep.row)) over \(sweep.key), \(seconds(least)) to \(seconds(most)) s"
    }

    /// `20.5`.
    static func seconds(_ nanoseconds: Int64) -> String {
        let value = Double(nanoseconds) / 1e9
        return value == value.rounded() ? Numbers.fixed(value, 0) : Numbers.fixed(value, 1)
    }

    /// On what a scenario was measured.
    static func source(_ item: ValidatedCase) -> String {
        guard let server = item.server else { return "stored measurements: \(item.storedReason)" }
        let runs = item.liveRuns == 1 ? "1 real run" : "\(item.liveRuns) real runs"
        return "nats-server \(server), \(runs)"
    }

    /// What others have published about the rows of a scenario, one line each.
    static func published(_ item: ValidatedCase) -> [String] {
        item.rows.compactMap { row in
            guard let figure = row.row.published else { return nil }
            let seen = row.measured.flatMap(\.median).map { ", measured \(Numbers.quantity($0, unit: row.unit))" } ?? ""
            let simulated = row.simulated.median.map { Numbers.quantity($0, unit: row.unit) } ?? "-"
            return "\(title(row.row)): published \(Numbers.quantity(figure.value, unit: row.unit)) (\(figure.source)), "
                + "simulated \(simulated)\(seen)"
        }
    }

    /// Runs that did not count, one line each.
    static func excluded(_ item: ValidatedCase) -> [String] {
        item.excluded.map { run in
            let value = run.value.map { " at \(seconds($0)) s" } ?? ""
            return "real run \(run.run)\(value) left out: " + run.reasons.joined(separator: "; ")
        }
    }
}

extension ValidationResult {
    /// The suites that it has, in their own order, with their cases.
    var suites: [(suite: Calibration.Suite, cases: [ValidatedCase])] {
        Calibration.Suite.allCases.compactMap { suite in
            let own = cases.filter { $0.suite == suite }
            return own.isEmpty ? nil : (suite, own)
        }
    }

    /// `41 pass, 1 fail, 2 inconclusive`.
    var tally: String {
        let verdicts = cases.flatMap { $0.rows.map(\.verdict) + $0.sweeps.compactMap(\.verdict) }
        var parts = [Verdict.pass, .fail, .inconclusive].map { verdict in
            "\(verdicts.count { $0 == verdict }) \(verdict.rawValue)"
        }
        let skipped = cases.flatMap(\.sweeps).count { $0.verdict == nil }
        if skipped > 0 { parts.append("\(skipped) not compared") }
        return parts.joined(separator: ", ")
    }
}
