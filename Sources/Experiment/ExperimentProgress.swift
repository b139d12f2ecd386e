import EventKernel
import Synchronization

/// How far an experiment has come, for display only.
public struct ExperimentProgress: Sendable {
    /// Replications written.
    public var finished: Int
    /// Replications that this experiment has to run (without those taken over from an earlier, interrupted run).
    public var total: Int
    /// Simulated time done over simulated time to do, 0 to 1.
    public var fraction: Double
    public var elapsedSeconds: Double

    public init(finished: Int, total: Int, fraction: Double, elapsedSeconds: Double) {
        self.finished = finished
        self.total = total
        self.fraction = fraction
        self.elapsedSeconds = elapsedSeconds
    }

    /// Seconds to go at the speed so far; `nil` while too little is done to tell.
    public var remainingSeconds: Double? {
        guard fraction >= 0.01, elapsedSeconds >= 1 else { return nil }
        return elapsedSeconds * (1 - fraction) / fraction
    }
}

/// Adds up the simulated time that each replication has reached; any thread may tell it.
final class ProgressMeter: Sendable {
    private let reached: Mutex<[Int64]>
    private let finished = Atomic<Int>(0)
    private let horizon: Int64
    private let startedAt = ProcessClock.wallSeconds
    private let report: (@Sendable (ExperimentProgress) -> Void)?

    init(total: Int, horizon: SimDuration, report: (@Sendable (ExperimentProgress) -> Void)?) {
        reached = Mutex(Array(repeating: 0, count: total))
        self.horizon = max(1, horizon.nanoseconds)
        self.report = report
    }

    /// - Parameter slot: position among the replications to run, not the replication's own number.
    func update(slot: Int, time: SimTime) {
        guard let report else { return }
        let progress = reached.withLock { times in
            // Two threads inside one replication may tell in the wrong order; progress never goes back.
            times[slot] = max(times[slot], min(time.nanoseconds, horizon))
            return snapshot(times)
        }
        report(progress)
    }

    func finish(slot: Int) {
        finished.add(1, ordering: .relaxed)
        update(slot: slot, time: SimTime(nanoseconds: horizon))
    }

    private func snapshot(_ times: [Int64]) -> ExperimentProgress {
        let done = times.reduce(0.0) { $0 + Double($1) }
        return ExperimentProgress(
            finished: finished.load(ordering: .relaxed), total: times.count,
            fraction: times.isEmpty ? 1 : done / (Double(horizon) * Double(times.count)),
            elapsedSeconds: ProcessClock.wallSeconds - startedAt)
    }
}
