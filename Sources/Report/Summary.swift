import EventKernel
public import Experiment
import Measures
import ResultStore
import Scenario
import Statistics

/// The summary of a run for a terminal: one screen of at most 40 lines and 100 columns, verdict first.
public struct Summary: Sendable {
    static let width = 100
    static let height = 40

    let result: ExperimentResult
    let style: TextStyle
    let program: String
    let calls: [(identity: String, pairs: Int64)]

    /// - Parameters:
    ///   - program: how the user called the program, for the commands that the summary proposes.
    ///   - calls: those worth explaining, the first ones of which are named if they find room on the screen.
    public init(
        _ result: ExperimentResult, style: TextStyle, program: String = programName,
        calls: [(identity: String, pairs: Int64)] = []
    ) {
        self.result = result
        self.style = style
        self.program = program
        self.calls = calls
    }

    /// The whole text, with a line break at the end.
    public var text: String {
        let head = headLines
        let length = { (parts: [[String]]) in parts.filter { !$0.isEmpty }.reduce(0) { $0 + $1.count + 1 } }
        let tables = hasCalls ? [setupLines, deliveryLines] : [streamLines]
        let body = tables + [outcomeLines, footLines]
        // Expectations get what the rest leaves of the screen; those that did not pass come first.
        let judged = expectationLines(limit: max(3, Self.height - head.count - length(body) - 1))
        // Calls to look at get what is still left.
        let explained = explainLines(limit: Self.height - head.count - judged.count - length(body))
        let parts = (tables + [outcomeLines + explained, footLines]).filter { !$0.isEmpty }
        let bodyLines = Array(parts.joined(separator: [""]))
        let lines = head + judged + (bodyLines.isEmpty ? [] : [""]) + bodyLines
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: Verdict

    private var headLines: [String] {
        let identity = result.identity
        let word = result.verdict.rawValue.uppercased()
        let horizon = identity.horizon.map { " of \(Numbers.length(seconds: $0))" } ?? ""
        let done = result.replicationsDone
        let planned = identity.replicationsPlanned
        let count = done == planned ? "\(planned)" : "\(done) of \(planned)"
        let noun = planned == 1 ? "replication" : "replications"
        var lines = [
            style.verdict(word, result.verdict) + "  " + style.bold(cut(identity.scenario, 40))
                + "   seed \(identity.seed), \(count) \(noun)\(horizon)"
        ]
        let reason = ", which gives no interval"
        if hasOneReplication, planned == 1, lines[0].count + reason.count <= Self.width { lines[0] += reason }
        if !result.faults.isEmpty { lines.append(faultLine) }
        lines += fidelityLines
        if result.isInterrupted { lines.append(style.bold("interrupted") + "   " + resumeHint) }
        for violation in result.violations.prefix(3) {
            lines.append(style.verdict(pad("violated", 14), .fail) + cut(violation, Self.width - 14))
        }
        if result.violations.count > 3 {
            lines.append(pad("", 14) + "and \(result.violations.count - 3) violations more")
        }
        return lines
    }

    private var faultLine: String {
        let shown = result.faults.prefix(2).map { fault in
            let end = fault.end.map { " to \(Numbers.clock(seconds: $0.seconds))" } ?? " to the end"
            return "\(fault.kind) \(fault.target) \(Numbers.clock(seconds: fault.start.seconds))\(end)"
        }
        let rest = result.faults.count > 2 ? ", and \(result.faults.count - 2) more" : ""
        return labelled("fault", cut(shown.joined(separator: ", ") + rest, Self.width - 14))
    }

    private var resumeHint: String {
        let missing = result.identity.replicationsPlanned - result.replicationsDone
        return "\(missing) to go: \(shellQuoted(program)) run --resume \(result.identity.run)\(databaseOption)"
    }

    private func expectationLines(limit: Int) -> [String] {
        if result.expectations.isEmpty { return ["nothing expected   (no expect block in the scenario)"] }
        let order: [Verdict] = [.fail, .inconclusive, .pass]
        let sorted = order.flatMap { verdict in result.expectations.filter { $0.verdict == verdict } }
        let isCut = sorted.count > limit
        let shown = isCut ? Array(sorted.prefix(limit - 1)) : sorted
        let rows = shown.map { judged in
            [
                pad(judged.verdict.rawValue, 12), cut(judged.expectation.response, 42), measured(judged.estimate),
                judged.expectation.text,
            ]
        }
        var lines = zip(columns(rows, [.left, .left, .left, .left]), shown).map { line, judged in
            let word = pad(judged.verdict.rawValue, 12)
            return style.verdict(word, judged.verdict) + cut(line, Self.width).dropFirst(12)
        }
        if isCut {
            let rest = sorted.dropFirst(limit - 1)
            let counts = order.compactMap { verdict in
                let count = rest.count { $0.verdict == verdict }
                return count == 0 ? nil : "\(count) \(verdict.rawValue)"
            }
            lines.append(pad("", 14) + "and more: " + counts.joined(separator: ", "))
        }
        return lines
    }

    private func measured(_ estimate: ResponseEstimate?) -> String {
        guard let estimate, estimate.observed + estimate.never > 0 else { return "not observed" }
        let total = estimate.observed + estimate.never + estimate.missing
        // A mean of those that recovered in time would flatter; the line on recovery has the median.
        guard let mean = estimate.mean else { return "in \(estimate.observed) of \(total)" }
        if estimate.never > 0 { return "never in \(estimate.never) of \(total)" }
        let text = Numbers.value(mean, unit: estimate.unit, halfWidth: estimate.halfWidth)
        return estimate.missing > 0 ? text + "  (n = \(estimate.observed) of \(total))" : text
    }

    // MARK: Foot

    private var footLines: [String] {
        let identity = result.identity
        var lines = hasCalls ? ledgerLines : []
        lines.append(
            labelled(
                "cost",
                "\(Numbers.grouped(result.events)) events, "
                    + "\(Numbers.time(milliseconds: result.cpuSeconds * 1_000)) CPU, "
                    + "\(Numbers.time(milliseconds: result.wallSeconds * 1_000)) wall"))
        lines.append(labelled("assumptions", assumptionText))
        lines += wrapped(replayParts(identity, program: program)).enumerated().map {
            labelled($0.offset == 0 ? "replay" : "", $0.element)
        }
        lines.append(labelled("database", "\(identity.database), run \(identity.run), fingerprint \(fingerprint)"))
        if let note { lines.append(labelled("note", note)) }
        return lines
    }

    private var ledgerLines: [String] {
        let ledger = result.ledger.total()
        let balance =
            "expected \(Numbers.grouped(ledger.expected)) = delivered \(Numbers.grouped(ledger.delivered))"
            + " + lost \(Numbers.grouped(ledger.lostTotal)) + in flight \(Numbers.grouped(ledger.inFlight))"
        let scope = result.replicationsDone > 1 ? "summed over replications; " : ""
        let rest = "\(scope)beside it void \(Numbers.grouped(ledger.void)), extra \(Numbers.grouped(ledger.extra))"
        return [labelled("ledger", balance), labelled("", rest)]
    }

    /// Why a run may be inconclusive, and what that is for whoever called: make turns every failure into its own 2.
    private var note: String? {
        let isOpen = result.verdict == .inconclusive
        if !result.fidelityProblems.isEmpty {
            return "the emulation was not faithful, so nothing is concluded; inconclusive is exit code 2"
        }
        if result.replicationsDone == 1 && !result.expectations.isEmpty {
            let exit = isOpen ? "; inconclusive is exit code 2" : ""
            return "one replication has no interval, so expectations stay open" + exit
        }
        return isOpen ? "inconclusive is exit code 2; more replications may settle it" : nil
    }

    private var hasOneReplication: Bool {
        result.verdict == .inconclusive && result.fidelityProblems.isEmpty && result.replicationsDone == 1
            && !result.expectations.isEmpty
    }

    /// The commands that tell of the costliest calls.
    private func explainLines(limit: Int) -> [String] {
        var lines: [String] = []
        for call in calls.prefix(3) {
            let parts = [
                "\(shellQuoted(program)) explain", "\(result.identity.run)",
                "--call \(shellQuoted(call.identity))" + databaseOption,
            ]
            var text = wrapped(parts)
            let cost = "   (\(Numbers.grouped(call.pairs)) pairs lost)"
            if text[text.count - 1].count + cost.count <= Self.width - 14 { text[text.count - 1] += cost }
            if lines.count + text.count > limit { break }
            for part in text { lines.append(labelled(lines.isEmpty ? "explain" : "", part)) }
        }
        return lines
    }

    private var fingerprint: String {
        if result.identity.backend == .emulate { return "none (real servers)" }
        return result.hasFingerprint ? hexadecimal(result.fingerprint) : "none"
    }

    private var assumptionText: String {
        let count = result.assumptions.count
        if count == 0 { return "none of the settings in use is a guess" }
        let noun = count == 1 ? "setting in use is a guess" : "settings in use are guesses"
        return "\(count) \(noun) (docs/assumptions.md)"
    }

    private var databaseOption: String {
        result.identity.database == defaultDatabase ? "" : " --database \(shellQuoted(result.identity.database))"
    }

    func labelled(_ label: String, _ text: String) -> String { style.bold(pad(label, 14)) + text }
}

/// Where runs are recorded unless the command line says otherwise.
public let defaultDatabase = "results/antipode.db"

/// How the program is called where nothing else is known.
public let programName = "antipode"

/// The command that gives the same numbers again, on any machine; so it does not say where the program is on this one.
func replayCommand(_ identity: RunIdentity) -> String {
    replayParts(identity, program: programName).joined(separator: " ")
}

/// The command in the parts between which a line may be broken.
private func replayParts(_ identity: RunIdentity, program: String) -> [String] {
    [
        "\(shellQuoted(program)) run", shellQuoted(identity.file), "--seed \(identity.seed)",
        "--replications \(identity.replicationsPlanned)",
    ] + identity.overrides.map { "--set \(shellQuoted($0))" }
        + (identity.backend == .emulate ? ["--backend emulate"] : [])
}

/// Lines that fit beside a label, with the backslash that lets a shell take them as one.
private func wrapped(_ parts: [String]) -> [String] {
    var lines: [String] = []
    for part in parts {
        if let last = lines.last, last.count + part.count + 3 <= Summary.width - 14 {
            lines[lines.count - 1] = last + " " + part
        } else {
            lines.append(part)
        }
    }
    return lines.indices.map { lines[$0] + ($0 < lines.count - 1 ? " \\" : "") }
}

/// Quotes what a shell would not take literally.
public func shellQuoted(_ text: String) -> String {
    let safe = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0)) }
    if safe && !text.isEmpty { return text }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
