import Foundation

/// Clocks of this process, for what a run cost; nothing simulated reads them.
public enum ProcessClock {
    /// CPU time of all threads of the process so far, in seconds.
    public static var cpuSeconds: Double { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// CPU time of the calling thread so far, in seconds.
    public static var threadCPUSeconds: Double { read(CLOCK_THREAD_CPUTIME_ID) }

    /// A clock that never goes back, in seconds since an arbitrary point.
    public static var wallSeconds: Double { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// What a part of an experiment cost.
struct Cost: Sendable {
    var wallSeconds: Double
    var cpuSeconds: Double
}

/// Started at the beginning of a part of an experiment.
struct Stopwatch: Sendable {
    private let wallStart = ProcessClock.wallSeconds
    private let cpuStart: Double
    /// Whether the calling thread does all the work; else the CPU time of the whole process counts.
    private let hasOwnThread: Bool

    init(hasOwnThread: Bool) {
        self.hasOwnThread = hasOwnThread
        cpuStart = hasOwnThread ? ProcessClock.threadCPUSeconds : ProcessClock.cpuSeconds
    }

    var cost: Cost {
        let cpu = hasOwnThread ? ProcessClock.threadCPUSeconds : ProcessClock.cpuSeconds
        return Cost(wallSeconds: ProcessClock.wallSeconds - wallStart, cpuSeconds: cpu - cpuStart)
    }
}
