/// What the kernel counted of the memory of a process that has a limit.
struct MemoryAccount: Hashable, Sendable {
    /// The most bytes in use at once, with the pages of files that the process has read; `nil` when the kernel does not
    /// tell (version 2 before Linux 5.19).
    var peak: Int64?
    /// How often a process was killed for want of memory.
    var kills: Int64

    /// - Parameters:
    ///   - peak: the text of `memory.max_usage_in_bytes`, or of `memory.peak` in version 2.
    ///   - events: that of `memory.oom_control`, or of `memory.events` in version 2: both have a line `oom_kill` with
    ///     the count (the first one since Linux 4.13). Without it nothing can be said.
    init?(peak: String?, events: String) {
        guard let kills = controlGroupCounters(events)["oom_kill"] else { return nil }
        self.peak = peak.flatMap { Int64($0.filter { !$0.isWhitespace }) }
        self.kills = kills
    }

    /// Whether the process died of its own limit, in bytes. The kernel counts also those that it kills because the
    /// machine, or a group around this one, has no memory left.
    func tellsOfKill(at limit: Int64) -> Bool {
        // What is in use reaches the limit to some pages before the kernel kills.
        kills > 0 && (peak.map { $0 >= limit - limit / 8 } ?? true)
    }
}
