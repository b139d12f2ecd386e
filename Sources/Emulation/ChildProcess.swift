import CLinux
import EventKernel
import Glibc
import Synchronization

/// How a process ended.
enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    case exited(code: Int32)
    case killed(signal: Int32)
    /// Nobody can say: the kernel keeps no status where SIGCHLD is ignored.
    case unknown

    var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "killed by signal \(signal)"
        case .unknown: "unknown status"
        }
    }

    /// From the status word of `waitpid`.
    init(waitStatus status: Int32) {
        self = status & 0x7F == 0 ? .exited(code: (status >> 8) & 0xFF) : .killed(signal: status & 0x7F)
    }
}

/// A program that runs at a place of a `Fabric`, in a process group of its own. It does not outlive its lab.
final class ChildProcess: Sendable {
    /// Its process number.
    let pid: Int32
    /// Where it runs.
    let server: String
    /// The file that takes what it prints.
    let log: String
    /// The process as the kernel knows it; `nil` when it ended before it could be looked at.
    let identity: ProcessIdentity?
    /// Limit it; the lab removes them.
    let groups: [ControlGroup]

    /// Readable once the process has ended.
    let descriptor: Int32
    // The lock keeps signals from a process that was reaped, whose number may belong to another one.
    private let exit = Mutex(Exit())

    private struct Exit {
        var status: ExitStatus?
        /// The last value that was seen.
        var cpuTime = SimDuration.zero
        /// At its end: the lab may remove the group then.
        var memory: MemoryAccount?
    }

    init(pid: Int32, server: String, log: String, groups: [ControlGroup] = []) throws(FabricError) {
        self.pid = pid
        self.server = server
        self.log = log
        self.groups = groups
        identity = ProcessIdentity(of: pid)
        let descriptor = clinux_process_descriptor(pid)
        if descriptor < 0 {
            _ = Glibc.kill(-pid, SIGKILL)
            _ = waitpid(pid, nil, 0)
        }
        self.descriptor = try checked(descriptor, "cannot watch process \(pid)")
    }

    deinit {
        // A zombie would stay until the end of this program; the lab has killed the process before it lets go of it.
        _ = status
        close(descriptor)
    }

    /// How it ended; `nil` while it runs.
    var status: ExitStatus? { exit.withLock { reap(&$0) } }

    /// How long its threads have run, all together, with the resolution of the kernel's scheduler; up to its end once
    /// it has ended. What it started is not counted.
    var cpuTime: SimDuration {
        exit.withLock { exit in
            if reap(&exit) == nil { measure(&exit) }
            return exit.cpuTime
        }
    }

    /// How often its quota held it back; `nil` without a quota, or when the lab has removed the group.
    var throttling: CPUThrottling? { groups.lazy.compactMap(\.throttling).first }

    /// What it has used of its memory limit, up to its end once it has ended; `nil` without a limit.
    var memory: MemoryAccount? {
        exit.withLock { exit in reap(&exit) == nil ? currentMemory : exit.memory }
    }

    private var currentMemory: MemoryAccount? { groups.lazy.compactMap(\.memory).first }

    /// Whether it has not ended yet.
    var isRunning: Bool { status == nil }

    /// Ends it and what it started at once, without a chance to clean up (SIGKILL). Does not wait.
    func kill() { send(SIGKILL) }

    /// Asks it to end (SIGTERM). Does not wait.
    func terminate() { send(SIGTERM) }

    /// Sends a signal to it and to what it started; nothing happens when it has ended.
    func send(_ signal: Int32) {
        exit.withLock { exit in
            if reap(&exit) == nil { _ = Glibc.kill(-pid, signal) }
        }
    }

    /// Waits for its end.
    ///
    /// - Returns: `nil` when it still runs after that time.
    func wait(_ timeout: SimDuration) -> ExitStatus? {
        let deadline = clinux_now() + timeout.nanoseconds
        while true {
            if let status { return status }
            let left = deadline - clinux_now()
            if left <= 0 { return nil }
            var item = clinux_wait(fd: descriptor, wantsRead: true)
            _ = clinux_wait(&item, 1, left)
        }
    }

    private func reap(_ exit: inout Exit) -> ExitStatus? {
        if exit.status != nil { return exit.status }
        // Once waited for, it cannot be asked any more.
        measure(&exit)
        var status: Int32 = 0
        switch waitpid(pid, &status, WNOHANG) {
        case pid: exit.status = ExitStatus(waitStatus: status)
        case -1 where errno == ECHILD: exit.status = .unknown
        default: return nil
        }
        exit.memory = currentMemory
        return exit.status
    }

    private func measure(_ exit: inout Exit) {
        let time = clinux_process_cpu_time(pid)
        if time >= 0 { exit.cpuTime = max(exit.cpuTime, SimDuration(nanoseconds: time)) }
    }
}
