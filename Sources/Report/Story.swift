import EventKernel
import Experiment
public import Measures
public import ResultStore

/// What `explain` asks the journal.
public enum StoryQuestion: Hashable, Sendable {
    /// What happened in one call, by its number (`14`), its name (`vietnam/call-12`) or that of a person in it
    /// (`vietnam/call-12/person-2`).
    case call(String)
    /// Where pairs were lost for this reason.
    case cause(LossCause)
}

/// A story from the journal of a run's kept replications.
///
/// - Parameter limit: the most lines to tell of each replication.
/// - Throws: `ResultStoreError`, also if there is no such run or call.
public func story(
    of run: Int64, _ question: StoryQuestion, in store: ResultStore, limit: Int, style: TextStyle
) throws -> String {
    guard let summary = try store.run(run) else { throw ResultStoreError("no run \(run) in this database") }
    var lines: [String]
    var told: [InReplication<[String]>] = []
    switch question {
    case .call(let name):
        let calls = try find(name, among: store.calls(of: run), run: run)
        let titles = calls.map { "call \($0.value.number), \($0.value.identity)" }
        lines = [style.bold("\(titles[0]), in run \(run)") + "   \(summary.description.name)"]
        for (call, title) in zip(calls, titles) {
            let number = call.value.number
            let setups = try store.setups(of: run, call: number).filter { $0.replication == call.replication }
            let entries = try store.journal(of: run, call: number).filter { $0.replication == call.replication }
            // The same call may have another number in another replication.
            let other = title == titles[0] ? [] : [title]
            let parts = other + setupTable(setups, style) + storyLines(entries.map(\.value), limit: limit)
            told.append(InReplication(replication: call.replication, value: parts))
        }
    case .cause(let cause):
        let entries = try store.journal(of: run, cause: cause)
        lines = [style.bold("pairs lost to \"\(cause.name)\" in run \(run)") + "   \(summary.description.name)"]
        lines += causeTable(try store.ledger(of: run), cause, style)
        for replication in try store.replications(of: run) where replication.isKept {
            let own = entries.filter { $0.replication == replication.number }.map(\.value)
            told.append(InReplication(replication: replication.number, value: storyLines(own, limit: limit)))
        }
    }
    for part in told {
        lines += ["", style.bold("replication \(part.replication)")] + part.value
        // The journal keeps the first entries; how many did not fit is not known.
        let kept = try store.outcome(of: run, replication: part.replication)?.journal.count ?? 0
        if kept >= journalLimit {
            lines.append("The journal was full after \(Numbers.grouped(kept)) entries: what came later is missing.")
        }
    }
    return lines.joined(separator: "\n") + "\n"
}

/// The call that somebody means, once for each replication that has it.
private func find(
    _ text: String, among calls: [InReplication<KnownCall>], run: Int64
) throws -> [InReplication<KnownCall>] {
    let number = Int32(text)
    let identity = ResultStore.callIdentity(of: text)
    let found = calls.filter { $0.value.number == number || $0.value.identity == identity }
    if !found.isEmpty { return found }
    if calls.isEmpty {
        throw ResultStoreError("run \(run) knows no call: nobody set one up or lost anything in its kept replications")
    }
    let near = nearest(text, among: calls).map { number == nil ? $0.identity : "\($0.number) (\($0.identity))" }
    throw ResultStoreError(
        "run \(run) knows no call \"\(text)\" in its kept replications; nearest: " + near.joined(separator: ", "))
}

/// Up to three calls, of the same kind and population if there are any, whose numbers are closest to the one asked for.
private func nearest(_ text: String, among calls: [InReplication<KnownCall>]) -> [KnownCall] {
    let wanted = CallName(ResultStore.callIdentity(of: text))
    var candidates: [(rank: Int, distance: UInt, call: KnownCall)] = []
    for call in calls.map(\.value) where !candidates.contains(where: { $0.call.identity == call.identity }) {
        let own = CallName(call.identity)
        let number = Int(text) == nil ? own.number : Int(call.number)
        let rank = own.stem == wanted.stem ? 0 : own.population == wanted.population ? 1 : 2
        let distance = wanted.number.subtractingReportingOverflow(number)
        candidates.append((rank, distance.overflow ? .max : distance.partialValue.magnitude, call))
    }
    let sorted = candidates.sorted {
        ($0.rank, $0.distance, $0.call.identity) < ($1.rank, $1.distance, $1.call.identity)
    }
    return sorted.prefix(3).map(\.call)
}

/// `vietnam/call-12` in parts: `vietnam`, `vietnam/call` and 12. A bare number has only that.
private struct CallName {
    var population = ""
    var stem = ""
    var number = 0

    init(_ identity: String) {
        if let number = Int(identity) {
            self.number = number
            return
        }
        population = String(identity.prefix { $0 != "/" })
        stem = identity
        guard let dash = identity.lastIndex(of: "-") else { return }
        stem = String(identity[..<dash])
        number = Int(identity[identity.index(after: dash)...]) ?? 0
    }
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
    return [style.bold(lines[0])] + lines.dropFirst() + rest + [""]
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
