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
