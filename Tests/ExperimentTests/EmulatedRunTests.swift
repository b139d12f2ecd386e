import Measures
import ResultStore
import Simulation
import Statistics
import Testing

@testable import Experiment

private func emulatedPlan(_ scratch: Scratch, replications: Int? = nil) throws -> ExperimentPlan {
    ExperimentPlan(
        loaded: try scratch.scenario(), file: scratch.file("s.yaml"), database: "results.db", seed: 7,
        replications: replications,
        threads: 8, executor: .windows, details: .first, resumedRun: nil, backend: .emulate)
}

private func runner(problems: [String], violations: [String] = []) -> ReplicationRunner {
    { scenario, replication, _ in
        var outcome = fakeOutcome(scenario, replication)
        outcome.fingerprint = 0
        outcome.violations = violations
        outcome.emulation = EmulationRecord(
            serverVersion: "2.9.10", link: "namespaces", congestionControl: "reno", kernel: "Linux 6.1",
            problems: problems)
        return outcome
    }
}

@Test func realServersRunOnceAndOneAtATimeUnlessToldOtherwise() throws {
    let scratch = try Scratch()
    let plan = try emulatedPlan(scratch)
    #expect(plan.replications == 1)
    #expect(plan.threads == 1)
    #expect(try emulatedPlan(scratch, replications: 4).replications == 4)
}

@Test func anEmulatedRunHasNoFingerprint() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let result = try runExperiment(
        emulatedPlan(scratch), simulate: runner(problems: []), store: store, isCancelled: { false })
    #expect(result.identity.backend == .emulate)
    #expect(!result.hasFingerprint)
    #expect(result.emulations.map(\.value.serverVersion) == ["2.9.10"])
    let stored = try #require(try store.run(1))
    #expect(stored.fingerprint == nil)
    #expect(stored.description.backend == .emulate)
    #expect(try storedResult(of: 1, in: store, database: "results.db").reproducible == result.reproducible)
}

@Test func aRunThatWasNotFaithfulIsNeitherPassedNorFailed() throws {
    let scratch = try Scratch()
    let plan = try emulatedPlan(scratch, replications: 3)
    let faithful = try runExperiment(
        plan, simulate: runner(problems: [], violations: ["broken"]), store: scratch.store(), isCancelled: { false })
    let result = try runExperiment(
        plan, simulate: runner(problems: ["steal 9 %"], violations: ["broken"]), store: scratch.store(),
        isCancelled: { false })
    #expect(faithful.verdict == .fail)
    #expect(result.verdict == .inconclusive)
    #expect(result.expectations.allSatisfy { $0.verdict == .inconclusive })
    #expect(result.fidelityProblems.map(\.value) == ["steal 9 %", "steal 9 %", "steal 9 %"])
}

@Test func notFaithfulOutweighsAViolation() {
    #expect(overallVerdict([.fail], violations: ["broken"], isComplete: true, isFaithful: false) == .inconclusive)
    #expect(overallVerdict([.pass], violations: ["broken"], isComplete: true) == .fail)
}

@Test func aRunIsResumedOnItsOwnBackEndOnly() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    var plan = try emulatedPlan(scratch, replications: 2)
    _ = try runExperiment(plan, simulate: runner(problems: []), store: store, isCancelled: { true })
    plan.resumedRun = 1
    plan.backend = .simulate
    #expect(throws: ResumeError.self) {
        try runExperiment(plan, simulate: runner(problems: []), store: store, isCancelled: { false })
    }
}

@Test func aFailureOfRealServersEndsTheRunInOneLine() throws {
    struct Broken: Error, CustomStringConvertible { var description = "nats-server does not start" }
    let scratch = try Scratch()
    let plan = try emulatedPlan(scratch)
    do {
        _ = try runExperiment(
            plan, simulate: { _, _, _ in throw Broken() }, store: scratch.store(), isCancelled: { false })
        Issue.record("it went on")
    } catch let error as ExperimentError {
        #expect(error.description == "replication 0: nats-server does not start")
    }
}
