import Glibc

/// What the kernel holds a process to.
struct ProcessLimits: Hashable, Sendable {
    var cpu: CPUQuota?
    /// Bytes; who wants more is killed. Nothing is swapped out instead.
    var memory: Int64?

    init(cpu: CPUQuota? = nil, memory: Int64? = nil) {
        precondition(memory.map { $0 > 0 } ?? true, "a limit of no memory")
        self.cpu = cpu
        self.memory = memory
    }

    var controllers: [ControlGroupController] { (cpu == nil ? [] : [.cpu]) + (memory == nil ? [] : [.memory]) }
}

/// A control group with limits, for one process: a lease that ends with `remove`, and that `Leftovers` finds when its
/// owner was killed.
struct ControlGroup: Hashable, Sendable {
    /// The group's folder.
    let path: String
    /// Those that this group sets.
    let limits: ProcessLimits
    private let version: ControlGroupHierarchy.Version

    /// How many groups this process has made.
    private static let counter = GroupCounter()

    /// Makes the groups that the limits need, below those that this process is in: one for each hierarchy, of which
    /// version 1 may have one for each controller.
    ///
    /// - Returns: at most two.
    /// - Throws: `FabricError` when the machine does not allow it; nothing is left then.
    static func make(_ limits: ProcessLimits) throws(FabricError) -> [ControlGroup] {
        var shares: [(hierarchy: ControlGroupHierarchy, limits: ProcessLimits)] = []
        for controller in limits.controllers {
            guard let hierarchy = ControlGroupHierarchy.current(controller) else {
                throw FabricError("the kernel offers no control groups for \(controller.rawValue) here")
            }
            // A process is in one group of each hierarchy.
            var share = shares.firstIndex { $0.hierarchy.root == hierarchy.root }
            if share == nil {
                share = shares.endIndex
                shares.append((hierarchy, ProcessLimits()))
            }
            switch controller {
            case .cpu: shares[share!].limits.cpu = limits.cpu
            case .memory: shares[share!].limits.memory = limits.memory
            }
        }
        var groups: [ControlGroup] = []
        do {
            for share in shares { groups.append(try ControlGroup(share.limits, in: share.hierarchy)) }
        } catch {
            for group in groups { group.remove() }
            throw error
        }
        return groups
    }

    /// Makes one of its own below the one that this process is in.
    init(_ limits: ProcessLimits, in hierarchy: ControlGroupHierarchy) throws(FabricError) {
        guard let process = ProcessIdentity(of: getpid()) else {
            throw FabricError("cannot read /proc: is it mounted?")
        }
        var failure = FabricError("no control group takes others below it")
        for parent in hierarchy.homes(for: limits.controllers) {
            let path = parent + "/" + ControlGroupName(owner: process, number: Self.counter.next()).text
            guard mkdir(path, 0o755) == 0 else {
                failure = FabricError("cannot make the control group \(path)", code: errno)
                continue
            }
            do {
                try limits.write(to: path, hierarchy.version)
                self.path = path
                self.limits = limits
                version = hierarchy.version
                return
            } catch {
                rmdir(path)
                failure = error
            }
        }
        throw failure
    }

    /// A descriptor that moves whoever writes 0 to it into the group; the caller closes it.
    func entrance() throws(FabricError) -> Int32 {
        let file = open(path + "/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw FabricError("cannot open \(path)/cgroup.procs", code: errno) }
        return file
    }

    /// What the kernel counted of CPU time; `nil` without a quota, or when the group is gone.
    var throttling: CPUThrottling? {
        limits.cpu == nil ? nil : smallFile(path + "/cpu.stat").flatMap { CPUThrottling($0) }
    }

    /// What the kernel counted of memory; `nil` without a limit, when the group is gone, or where the kernel does not
    /// count kills.
    var memory: MemoryAccount? {
        guard limits.memory != nil else { return nil }
        let (peak, events) =
            version == .one
            ? ("/memory.max_usage_in_bytes", "/memory.oom_control") : ("/memory.peak", "/memory.events")
        return smallFile(path + events).flatMap { MemoryAccount(peak: smallFile(path + peak), events: $0) }
    }

    /// Removes the group once its processes are gone; they are, unless the kernel is still at it.
    ///
    /// - Returns: false when it remains.
    @discardableResult
    func remove() -> Bool { ControlGroupHierarchy.remove(path) }
}

extension ProcessLimits {
    /// Writes them to the files of a group.
    ///
    /// Of memory, version 1 has been run against real servers, version 2 only against a folder with files of these
    /// names: no machine with its memory controller was at hand.
    func write(to path: String, _ version: ControlGroupHierarchy.Version) throws(FabricError) {
        if let cpu {
            switch version {
            case .one:
                try Self.put("\(CPUQuota.period)", in: path + "/cpu.cfs_period_us")
                try Self.put("\(cpu.time)", in: path + "/cpu.cfs_quota_us")
            case .two: try Self.put("\(cpu.time) \(CPUQuota.period)", in: path + "/cpu.max")
            }
        }
        guard let memory else { return }
        switch version {
        case .one:
            try Self.put("\(memory)", in: path + "/memory.limit_in_bytes")
            // Memory and swap together, which is no less than memory alone, so it comes second. A kernel that does not
            // account for swap lacks the file; then the group does not swap.
            if access(path + "/memory.memsw.limit_in_bytes", F_OK) == 0 {
                try Self.put("\(memory)", in: path + "/memory.memsw.limit_in_bytes")
            } else {
                try Self.put("0", in: path + "/memory.swappiness")
            }
        case .two:
            try Self.put("\(memory)", in: path + "/memory.max")
            // Missing where the kernel knows no swap.
            if access(path + "/memory.swap.max", F_OK) == 0 { try Self.put("0", in: path + "/memory.swap.max") }
        }
    }

    private static func put(_ text: String, in path: String) throws(FabricError) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw FabricError("cannot write \(path)", code: errno) }
        defer { close(file) }
        let count = text.withCString { Glibc.write(file, $0, strlen($0)) }
        guard count == text.utf8.count else { throw FabricError("cannot write \(text) to \(path)", code: errno) }
    }
}

extension ControlGroup {
    /// Whether this process can limit others: tried, not guessed.
    static func availability(of controller: ControlGroupController) -> Availability {
        var limits = ProcessLimits()
        switch controller {
        case .cpu: limits.cpu = CPUQuota(cores: 1)
        case .memory: limits.memory = 64 << 20
        }
        do {
            let groups = try make(limits)
            defer { for group in groups { group.remove() } }
            for group in groups { close(try group.entrance()) }
            guard controller != .memory || groups.allSatisfy({ $0.memory != nil }) else {
                return Availability(isAvailable: false, reason: "the kernel does not count who it kills")
            }
            return Availability(isAvailable: true)
        } catch {
            let hint = error.code == EACCES || error.code == EPERM || error.code == EROFS ? " (root may)" : ""
            return Availability(isAvailable: false, reason: error.description + hint)
        }
    }
}

/// The name of a control group that tells its owner, as that of a lab's folder does.
struct ControlGroupName: Hashable, Sendable {
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

/// The counters of a control group's file: a line for each, with its name and its value.
func controlGroupCounters(_ text: String) -> [Substring: Int64] {
    var values: [Substring: Int64] = [:]
    for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 2 { values[words[0]] = Int64(words[1]) }
    }
    return values
}
