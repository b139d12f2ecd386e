import Glibc

/// What the machine's CPUs have done since it was booted, in clock ticks of all of them together.
struct MachineLoad: Hashable, Sendable {
    /// Of all kinds; time of guests is part of the time that the machine gave them.
    var total: UInt64
    /// Nothing to do, or waiting for a disk.
    var idle: UInt64
    /// What the hypervisor gave to others although we had something to do.
    var steal: UInt64

    /// Shares of the time between two snapshots, 0 to 1.
    struct Shares: Hashable, Sendable {
        var idle: Double
        var steal: Double
    }

    /// - Returns: `nil` when `/proc` does not say.
    static func now() -> MachineLoad? { smallFile("/proc/stat").flatMap(MachineLoad.init(text:)) }

    /// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice.
    init?(text: String) {
        let fields = text.prefix { $0 != "\n" }.split(separator: " ")
        guard fields.count >= 9, fields[0] == "cpu" else { return nil }
        let values = fields[1...8].compactMap { UInt64($0) }
        guard values.count == 8 else { return nil }
        total = values.reduce(0, +)
        idle = values[3] + values[4]
        steal = values[7]
    }

    /// Since an earlier snapshot; nothing idle and nothing stolen when no tick has passed.
    func shares(since earlier: MachineLoad) -> Shares {
        guard total > earlier.total else { return Shares(idle: 0, steal: 0) }
        let length = Double(total - earlier.total)
        // The kernel's sums may go back by a tick.
        return Shares(
            idle: Double(max(idle, earlier.idle) - earlier.idle) / length,
            steal: Double(max(steal, earlier.steal) - earlier.steal) / length)
    }
}

/// How often the machine had no CPU time left, second by second.
///
/// The mean over a run would hide a few seconds in which something else took all. How long the servers' threads waited
/// for a CPU does not tell either: at 10,000 messages a second they wait more than a second each second on a machine
/// that is idle for a third of the time, because the kernel wakes several of them on the CPU that the message came to.
struct MachineWatch: Hashable, Sendable {
    /// A second with less idle time is a full one.
    static let leastIdle = 0.05

    /// Whole ones that were looked at.
    private(set) var seconds = 0
    private(set) var fullSeconds = 0
    private var last: MachineLoad?
    private var next = Int64.min

    /// To be called with instants in order; looks at most once a second.
    ///
    /// - Parameter time: nanoseconds of any clock.
    mutating func look(at time: Int64, _ load: () -> MachineLoad? = MachineLoad.now) {
        guard time >= next, let now = load() else { return }
        if let last {
            seconds += 1
            if now.shares(since: last).idle < Self.leastIdle { fullSeconds += 1 }
        }
        last = now
        next = time + 1_000_000_000
    }

    /// Share of full seconds; 0 where none was looked at.
    var fullShare: Double { seconds == 0 ? 0 : Double(fullSeconds) / Double(seconds) }
}
