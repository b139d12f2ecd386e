import EventKernel
import Experiment
public import Measures
public import ResultStore

/// What `explain` asks the journal.
public enum StoryQuestion: Hashable, Sendable {
    /// What happened in one call.
    case call(Int32)
    /// Where pairs were lost for this reason.
    case cause(LossCause)
}

/// A story from the journal of a run's kept replications.
///
/// - Parameter limit: the most lines to tell of each replication.
/// - Throws: `ResultStoreError`, also if there is no such run.
public func story(
    of run: Int64, _ question: StoryQuestion, in store: ResultStore, limit: Int, style: TextStyle
) throws -> String {
    guard let summary = try store.run(run) else { throw ResultStoreError("no run \(run) in this database") }
    let entries: [InReplication<JournalEntry>]
    var lines: [String]
    switch question {
    case .call(let call):
        entries = try store.journal(of: run, call: call)
        let setups = try store.setups(of: run, call: call)
        lines = [style.bold("call \(call) in run \(run)") + "   \(summary.description.name)"]
        if setups.isEmpty && !entries.contains(where: { $0.value.call == call }) {
            lines.append("The kept replications tell nothing of this call. Its number may be wrong, or the")
            lines.append("journal was full before it began.")
        }
        lines += setupTable(setups, style)
    case .cause(let cause):
        entries = try store.journal(of: run, cause: cause)
        lines = [style.bold("pairs lost to \"\(cause.name)\" in run \(run)") + "   \(summary.description.name)"]
        lines += causeTable(try store.ledger(of: run), cause, style)
    }
    for replication in try store.replications(of: run) where replication.isKept {
        let told = entries.filter { $0.replication == replication.number }.map(\.value)
        lines += ["", style.bold("replication \(replication.number)")]
        lines += storyLines(told, limit: limit)
        // The journal keeps the first entries; how many did not fit is not known.
        let kept = try store.outcome(of: run, replication: replication.number)?.journal.count ?? 0
        if kept >= journalLimit {
            lines.append("The journal was full after \(Numbers.grouped(kept)) entries: what came later is missing.")
        }
    }
    return lines.joined(separator: "\n") + "\n"
}

/// One line for each entry: when, who, what, and the pairs that it cost.
private func storyLines(_ entries: [JournalEntry], limit: Int) -> [String] {
    if entries.isEmpty { return ["  nothing in the journal"] }
    let shown = entries.prefix(limit)
    let rows = shown.map { entry in
        let cost = entry.cause.map { cause in
            // The sentence often names the cause already.
            let name = entry.text.contains(cause.name) ? "" : ": \(cause.name)"
            return "  (\(Numbers.grouped(entry.pairs)) pairs\(name))"
        }
        return [
            "  " + Numbers.clock(seconds: entry.time.seconds, hasMilliseconds: true), entry.subject,
            entry.text + (cost ?? ""),
        ]
    }
    let lines = columns(rows, [.right, .left, .left])
    if entries.count <= limit { return lines }
    return lines + ["  and \(Numbers.grouped(entries.count - limit)) entries more (--limit tells how many to show)"]
}

private func setupTable(_ setups: [InReplication<SetupRecord>], _ style: TextStyle) -> [String] {
    if setups.isEmpty { return [] }
    let heading = ["  joiner", "hears", "from", "kind", "first audio", "first video", "site"]
    let rows = setups.prefix(20).map { entry -> [String] in
        let setup = entry.value
        return [
            "  " + setup.joiner, setup.peer,
            Numbers.clock(seconds: setup.start.seconds, hasMilliseconds: true),
            setup.isReconnect ? "reconnect" : "join", reached(setup.firstAudio, setup),
            setup.expectsVideo ? reached(setup.firstVideo, setup) : "-", setup.site.isEmpty ? "-" : setup.site,
        ]
    }
    let lines = columns([heading] + rows, [.left, .left, .right, .left, .right, .right, .left])
    let rest = setups.count > 20 ? ["  and \(setups.count - 20) setups more"] : []
    return ["", style.bold(lines[0])] + lines.dropFirst() + rest
}

private func reached(_ time: SimDuration?, _ setup: SetupRecord) -> String {
    if let time { return Numbers.time(milliseconds: time.milliseconds) }
    return setup.isCensored ? "not yet" : "never"
}

/// Where the pairs of one cause were lost, largest first.
private func causeTable(_ ledger: Ledger, _ cause: LossCause, _ style: TextStyle) -> [String] {
    var cells: [(place: [String], pairs: Int64, expected: Int64)] = []
    for messageClass in MessageClass.allCases {
        for path in PathKind.allCases {
            for phase in Phase.allCases {
                let cell = ledger[messageClass, path, phase]
                let pairs = cell.lost[Int(cause.rawValue)]
                if pairs > 0 { cells.append(([messageClass.name, path.name, phase.name], pairs, cell.expected)) }
            }
        }
    }
    if cells.isEmpty { return ["No pair was lost to this cause."] }
    let rows = cells.sorted { $0.pairs > $1.pairs }.map { cell in
        let share = Numbers.percent(Double(cell.pairs) / Double(max(1, cell.expected))) + " %"
        return ["  " + cell.place[0], cell.place[1], cell.place[2], Numbers.grouped(cell.pairs), share]
    }
    let heading = ["  class", "path", "phase", "pairs lost", "of expected"]
    let lines = columns([heading] + rows, [.left, .left, .left, .right, .right])
    return ["", style.bold(lines[0])] + lines.dropFirst()
}
