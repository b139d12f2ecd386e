import Experiment
import Measures
import ResultStore
import Scenario
import Simulation
import Statistics
import Testing

private func fake(_ scenario: Scenario, _ replication: UInt32, _ options: SimulationOptions) throws -> Outcome {
    fakeOutcome(scenario, replication)
}

@Test func theNumberOfThreadsChangesNothing() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let alone = try runExperiment(scratch.plan(threads: 1), simulate: fake, store: store)
    let inPairs = try runExperiment(scratch.plan(threads: 2), simulate: fake, store: store)
    let crowd = try runExperiment(scratch.plan(threads: 8), simulate: fake, store: store)
    #expect(alone.fingerprints.count == 6)
    #expect(inPairs.reproducible == alone.reproducible)
    #expect(crowd.reproducible == alone.reproducible)
}

@Test func anotherSeedGivesAnotherFingerprint() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let seven = try runExperiment(scratch.plan(seed: 7), simulate: fake, store: store)
    let eight = try runExperiment(scratch.plan(seed: 8), simulate: fake, store: store)
    #expect(seven.fingerprint != eight.fingerprint)
}

@Test func severalReplicationsRunSideBySideWithOneThreadEach() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(replications: 4, threads: 2)
    _ = try runExperiment(
        plan,
        simulate: { scenario, replication, options in
            guard options.threads == 1 else { throw SimulationError("\(options.threads) threads") }
            return fakeOutcome(scenario, replication)
        }, store: scratch.store())
}

@Test func aSingleReplicationGetsAllThreads() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(replications: 1, threads: 2)
    _ = try runExperiment(
        plan,
        simulate: { scenario, replication, options in
            guard options.threads == 2 else { throw SimulationError("\(options.threads) threads") }
            return fakeOutcome(scenario, replication)
        }, store: scratch.store())
}

@Test func aSingleReplicationLendsItsFingerprint() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(replications: 1)
    let result = try runExperiment(plan, simulate: fake, store: scratch.store())
    #expect(result.fingerprint == fakeOutcome(plan.loaded.scenario, 0).fingerprint)
}

@Test func theFingerprintOfSeveralDependsOnTheirOrder() {
    #expect(combinedFingerprint([1, 2]) != combinedFingerprint([2, 1]))
    #expect(combinedFingerprint([1, 2]) == 0xac35_f49d_aa24_a5a0)
}

@Test func ledgersAreSummed() throws {
    let scratch = try Scratch()
    let plan = try scratch.plan(replications: 2)
    let result = try runExperiment(plan, simulate: fake, store: scratch.store())
    let parts = (0..<2).map { fakeOutcome(plan.loaded.scenario, UInt32($0)).ledger.total().expected }
    #expect(result.ledger.total().expected == parts[0] + parts[1])
    #expect(result.ledger.isBalanced)
}

@Test func aViolationFailsTheRun() throws {
    let scratch = try Scratch()
    let result = try runExperiment(
        scratch.plan(replications: 2),
        simulate: { scenario, replication, _ in
            var outcome = fakeOutcome(scenario, replication)
            if replication == 1 { outcome.violations = ["a duplicate on a subscription"] }
            return outcome
        }, store: scratch.store())
    #expect(result.verdict == .fail)
    #expect(result.violations == ["replication 1: a duplicate on a subscription"])
}

@Test func anUnbalancedLedgerFailsTheRunEvenIfTheBackEndSaysNothing() throws {
    let scratch = try Scratch()
    let result = try runExperiment(
        scratch.plan(replications: 1),
        simulate: { scenario, replication, _ in
            var outcome = fakeOutcome(scenario, replication)
            outcome.ledger[.video, .crossRegion, .after].expected += 1
            return outcome
        }, store: scratch.store())
    #expect(result.verdict == .fail)
    #expect(result.violations == ["replication 0: ledger out of balance"])
}

@Test func onlyTheFirstReplicationKeepsItsDetails() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let result = try runExperiment(scratch.plan(replications: 3), simulate: fake, store: store)
    #expect(try store.replications(of: result.identity.run).map(\.isKept) == [true, false, false])
}

@Test func allReplicationsKeepTheirDetailsIfAsked() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let result = try runExperiment(scratch.plan(replications: 2, details: .all), simulate: fake, store: store)
    #expect(try store.replications(of: result.identity.run).map(\.isKept) == [true, true])
}

@Test func progressEndsAtOne() throws {
    let scratch = try Scratch()
    let last = LastProgress()
    _ = try runExperiment(scratch.plan(replications: 3), simulate: fake, store: scratch.store()) { last.set($0) }
    #expect(last.value?.finished == 3)
    #expect(last.value?.fraction == 1)
}

@Test func aStoredRunGivesTheSameResult() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let result = try runExperiment(scratch.plan(), simulate: fake, store: store)
    let stored = try storedResult(of: result.identity.run, in: store, database: "results.db")
    #expect(stored == result)
}
