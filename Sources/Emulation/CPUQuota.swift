import Foundation
import Glibc

/// How much CPU time a process may use.
struct CPUQuota: Hashable, Sendable {
    /// Cores' worth of time, for example 0.5.
    var cores: Double

    /// Over which the kernel (CFS) accounts, in microseconds; Kubernetes has the same.
    static let period = 100_000
    /// The kernel takes no less than a millisecond for each period.
    static let leastCores = 0.01

    init(cores: Double) {
        precondition(cores >= Self.leastCores && cores <= 1024, "\(cores) cores")
        self.cores = cores
    }

    /// In microseconds of each period.
    var time: Int { Int((cores * Double(Self.period)).rounded()) }
}

/// How often a `CPUQuota` held a process back.
struct CPUThrottling: Hashable, Sendable {
    /// Periods in which it ran.
    var periods: Int64
    /// Those in which it used up its quota.
    var throttledPeriods: Int64
    /// How long its threads were held back, all together.
    var throttledNanoseconds: Int64
}

/// A control group with a quota, for one process: a lease that ends with `remove`, and that `Leftovers` finds when its
/// owner was killed.
struct CPUGroup: Hashable, Sendable {
    /// The group's folder.
    let path: String
    private let version: CPUGroupHierarchy.Version

    /// How many groups this process has made.
    private static let counter = GroupCounter()

    /// Makes a group of its own below the one that this process is in.
    ///
    /// - Throws: `FabricError` when the machine does not allow it.
    init(_ quota: CPUQuota, in hierarchy: CPUGroupHierarchy? = .current()) throws(FabricError) {
        guard let hierarchy else { throw FabricError("the kernel offers no CPU control groups here") }
        guard let process = ProcessIdentity(of: getpid()) else {
            throw FabricError("cannot read /proc: is it mounted?")
        }
        version = hierarchy.version
        var failure = FabricError("no control group takes others below it")
        for parent in hierarchy.homes {
            let path = parent + "/" + CPUGroupName(owner: process, number: Self.counter.next()).text
            guard mkdir(path, 0o755) == 0 else {
                failure = FabricError("cannot make the control group \(path)", code: errno)
                continue
            }
            do {
                try Self.write(quota, to: path, version)
                self.path = path
                return
            } catch {
                rmdir(path)
                failure = error
            }
        }
        throw failure
    }

    private static func write(
        _ quota: CPUQuota, to path: String, _ version: CPUGroupHierarchy.Version
    ) throws(FabricError) {
        switch version {
        case .one:
            try put("\(CPUQuota.period)", in: path + "/cpu.cfs_period_us")
            try put("\(quota.time)", in: path + "/cpu.cfs_quota_us")
        case .two: try put("\(quota.time) \(CPUQuota.period)", in: path + "/cpu.max")
        }
    }

    private static func put(_ text: String, in path: String) throws(FabricError) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw FabricError("cannot write \(path)", code: errno) }
        defer { close(file) }
        let count = text.withCString { Glibc.write(file, $0, strlen($0)) }
        guard count == text.utf8.count else { throw FabricError("cannot write \(text) to \(path)", code: errno) }
    }

    /// A descriptor that moves whoever writes 0 to it into the group; the caller closes it.
    func entrance() throws(FabricError) -> Int32 {
        let file = open(path + "/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw FabricError("cannot open \(path)/cgroup.procs", code: errno) }
        return file
    }

    /// What the kernel counted; `nil` when the group is gone.
    var throttling: CPUThrottling? { smallFile(path + "/cpu.stat").flatMap(Self.throttling(of:)) }

    /// Reads a `cpu.stat`, whose fields have other names and units in version 2.
    static func throttling(of text: String) -> CPUThrottling? {
        var values: [Substring: Int64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { values[words[0]] = Int64(words[1]) }
        }
        guard let periods = values["nr_periods"], let throttled = values["nr_throttled"] else { return nil }
        guard let time = values["throttled_time"] ?? values["throttled_usec"].map({ $0 * 1000 }) else { return nil }
        return CPUThrottling(periods: periods, throttledPeriods: throttled, throttledNanoseconds: time)
    }

    /// Removes the group once its processes are gone; they are, unless the kernel is still at it.
    ///
    /// - Returns: false when it remains.
    @discardableResult
    func remove() -> Bool { CPUGroupHierarchy.remove(path) }
}

extension CPUGroup {
    /// Whether this process can limit others: tried, not guessed.
    static var availability: Availability {
        do {
            let group = try CPUGroup(CPUQuota(cores: 1))
            close(try group.entrance())
            group.remove()
            return Availability(isAvailable: true)
        } catch {
            let hint = error.code == EACCES || error.code == EPERM || error.code == EROFS ? " (root may)" : ""
            return Availability(isAvailable: false, reason: error.description + hint)
        }
    }
}

/// The name of a control group that tells its owner, as that of a lab's folder does.
struct CPUGroupName: Hashable, Sendable {
    var pid: Int32
    var startTime: UInt64
    var number: Int

    private static let prefix = "antipode"

    init(owner: ProcessIdentity, number: Int) {
        pid = owner.pid
        startTime = owner.startTime
        self.number = number
    }

    /// `nil` for names of other groups.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == Self.prefix else { return nil }
        guard let pid = Int32(parts[1]), let startTime = UInt64(parts[2]), let number = Int(parts[3]) else {
            return nil
        }
        (self.pid, self.startTime, self.number) = (pid, startTime, number)
    }

    var text: String { "\(Self.prefix)-\(pid)-\(startTime)-\(number)" }
}
