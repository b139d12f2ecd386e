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

extension CPUThrottling {
    /// Reads a `cpu.stat`, whose fields have other names and units in version 2; `nil` when it lacks some.
    init?(_ text: String) {
        let values = controlGroupCounters(text)
        guard let periods = values["nr_periods"], let throttled = values["nr_throttled"] else { return nil }
        guard let time = values["throttled_time"] ?? values["throttled_usec"].map({ $0 * 1000 }) else { return nil }
        self.init(periods: periods, throttledPeriods: throttled, throttledNanoseconds: time)
    }
}
