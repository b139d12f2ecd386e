import Experiment
import ResultStore
import Scenario
import Simulation
import Statistics
import Synchronization
import Testing

/// The last progress told, from any thread.
final class LastProgress: Sendable {
    private let last = Mutex<ExperimentProgress?>(nil)

    var value: ExperimentProgress? { last.withLock { $0 } }

    func set(_ progress: ExperimentProgress) { last.withLock { $0 = progress } }
}

@Test func anInterruptedRunKeepsWhatIsFinished() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let calls = Calls()
    let result = try runExperiment(
        scratch.plan(), simulate: recordingRunner(calls), store: store, isCancelled: { calls.count >= 2 })
    #expect(result.isInterrupted)
    #expect(result.replicationsDone == 2)
    #expect(result.verdict == .inconclusive)
    #expect(try store.run(result.identity.run)?.state == .interrupted)
    #expect(try store.completedReplications(of: result.identity.run) == [0, 1])
}

@Test func aReplicationThatNoticesTheInterruptionLeavesNothing() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let result = try runExperiment(
        scratch.plan(),
        simulate: { scenario, replication, _ in
            if replication == 3 { throw CancellationError() }
            return fakeOutcome(scenario, replication)
        }, store: store)
    #expect(result.isInterrupted)
    #expect(result.fingerprints.count == 3)
}

@Test func resumingRunsOnlyWhatIsMissing() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let whole = try runExperiment(scratch.plan(), simulate: recordingRunner(Calls()), store: store)
    let before = Calls()
    let part = try runExperiment(
        scratch.plan(), simulate: recordingRunner(before), store: store, isCancelled: { before.count >= 2 })
    let after = Calls()
    let resumed = try runExperiment(
        scratch.plan(resumedRun: part.identity.run), simulate: recordingRunner(after), store: store)
    #expect(after.sorted == [2, 3, 4, 5])
    #expect(resumed.identity.run == part.identity.run)
    #expect(resumed.reproducible == whole.reproducible)
    #expect(try store.run(part.identity.run)?.state == .finished)
}

@Test func resumingWithoutAnythingMissingJustJudges() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let calls = Calls()
    // The run is cut off between its last replication and its verdict, as a kill would.
    let plan = try scratch.plan(replications: 2)
    let part = try runExperiment(
        plan,
        simulate: { scenario, replication, _ in
            if replication == 1 { throw CancellationError() }
            return fakeOutcome(scenario, replication)
        }, store: store)
    try store.resume(run: part.identity.run)
    try store.record(
        run: part.identity.run, replication: 1, outcome: fakeOutcome(plan.loaded.scenario, 1), wall: 0, cpu: 0,
        keepDetail: false)
    let resumed = try runExperiment(
        scratch.plan(replications: 2, resumedRun: part.identity.run), simulate: recordingRunner(calls), store: store)
    #expect(calls.count == 0)
    #expect(!resumed.isInterrupted)
    #expect(resumed.replicationsDone == 2)
}

@Test func aFinishedRunIsNotResumed() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let result = try runExperiment(scratch.plan(), simulate: recordingRunner(Calls()), store: store)
    let error = #expect(throws: ResumeError.self) {
        try runExperiment(
            scratch.plan(resumedRun: result.identity.run), simulate: recordingRunner(Calls()), store: store)
    }
    #expect(error?.description == "run 1 is finished already")
}

@Test func aRunOfOtherInputsIsNotResumed() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let part = try runExperiment(
        scratch.plan(), simulate: recordingRunner(Calls()), store: store, isCancelled: { true })
    #expect(throws: ResumeError.self) {
        try runExperiment(
            scratch.plan(seed: 8, resumedRun: part.identity.run), simulate: recordingRunner(Calls()), store: store)
    }
}

@Test func aReplicationThatCannotBeFinishedEndsTheRun() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let error = #expect(throws: ExperimentError.self) {
        try runExperiment(
            scratch.plan(replications: 4),
            simulate: { scenario, replication, _ in
                if replication == 2 { throw SimulationError("a million items at one instant") }
                return fakeOutcome(scenario, replication)
            }, store: store)
    }
    #expect(error?.description == "replication 2: a million items at one instant")
    #expect(try store.runs().first?.state == .interrupted)
    #expect(try store.completedReplications(of: 1) == [0, 1])
}
