import EventKernel
import Measures
public import ResultStore
import Scenario
import Simulation

/// A replication that could not be finished, which ends the experiment.
public struct ExperimentError: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// A run that cannot be taken up again.
public struct ResumeError: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Runs every replication of a plan that its run does not have yet, and records each as soon as its turn comes.
///
/// Replications run side by side when there are several; they are taken in the order of their numbers, so nothing
/// that is recorded or returned depends on the number of threads. Only the calling thread writes.
/// - Parameters:
///   - simulate: one replication; must depend on the scenario and the replication's number alone.
///   - progress: called from any thread, often.
///   - isCancelled: asked often from any thread; `true` ends the experiment with what is finished by then.
/// - Returns: the result over the replications of the run, also those of an earlier, resumed one.
/// - Throws: `ExperimentError` if a replication fails, `ResumeError` if the run to resume is finished or had other
///   inputs, `ResultStoreError` if the database cannot be written. Replications recorded before stay.
public func runExperiment(
    _ plan: ExperimentPlan, simulate: @escaping ReplicationRunner, store: ResultStore,
    progress: (@Sendable (ExperimentProgress) -> Void)? = nil,
    isCancelled: @escaping @Sendable () -> Bool = { Interrupt.isRequested }
) throws -> ExperimentResult {
    let stopwatch = Stopwatch(hasOwnThread: false)
    var record = try RunRecord(plan: plan, store: store)
    let missing = record.missing
    let threads = plan.spread(over: missing.count)
    let meter = ProgressMeter(total: missing.count, horizon: plan.loaded.scenario.horizon, report: progress)
    let pool = ReplicationPool(count: missing.count, threads: threads.sideBySide) { slot in
        if isCancelled() { throw CancellationError() }
        let stopwatch = Stopwatch(hasOwnThread: threads.inside == 1 && plan.backend == .simulate)
        let options = SimulationOptions(
            executor: plan.executor, threads: threads.inside,
            progress: { meter.update(slot: slot, time: $0) }, isCancelled: isCancelled)
        let outcome = try simulate(plan.loaded.scenario, UInt32(missing[slot]), options)
        meter.finish(slot: slot)
        return FinishedReplication(number: missing[slot], outcome: outcome, cost: stopwatch.cost)
    }
    var failure: ExperimentError?
    var wasCancelled = false
    while let (slot, result) = pool.take() {
        switch result {
        case .success(let finished):
            // Whoever happened to finish while an earlier one was broken off is run again on resuming: what is kept
            // has no gaps, so that an interrupted run does not favour replications that are quick.
            if wasCancelled { continue }
            do {
                try record.add(finished)
            } catch {
                pool.stop()
                while pool.take() != nil {}
                throw error
            }
        case .failure(is CancellationError):
            wasCancelled = true
            pool.stop()
        case .failure(let error):
            failure = failure ?? ExperimentError("replication \(missing[slot]): \(error)")
            pool.stop()
        }
    }
    return try record.close(failure: failure, wasCancelled: wasCancelled, cost: stopwatch.cost)
}
