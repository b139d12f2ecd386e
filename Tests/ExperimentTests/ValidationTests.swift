import EventKernel
import Foundation
import Measures
import Scenario
import Simulation
import Statistics
import Synchronization
import Testing

@testable import Experiment

private let calibration = Calibration(
    suite: .partition, liveRuns: 2, simulatedRuns: 20, isExclusive: false,
    rows: [
        CalibrationRow(
            response: "stream.a.resumed", title: "resumes", margin: .absolute(0.1), above: nil, measured: 1...2,
            measurements: 3)
    ], sweep: nil)

private func outcome(_ value: Double?, problems: [String]? = nil) -> Outcome {
    var outcome = Outcome()
    outcome.responses = [ResponseValue(name: "stream.a.resumed", unit: "s", value: value)]
    if let problems {
        outcome.emulation = EmulationRecord(
            serverVersion: "2.9.10", link: "namespaces", congestionControl: "reno", kernel: "Linux 6.1",
            problems: problems)
    }
    return outcome
}

private func item(
    _ scratch: Scratch, _ calibration: Calibration = calibration, live: ReplicationRunner? = nil
) throws -> ValidationCase {
    let scenario = try scratch.scenario().scenario
    return ValidationCase(
        file: "a.yaml", calibration: calibration,
        variants: [ValidationCase.Variant(value: nil, scenario: scenario, isLive: true)],
        live: live.map { ValidationCase.Live(server: "2.9.10", runs: calibration.liveRuns, run: $0) },
        storedReason: live == nil ? "asked for" : "")
}

private func result(
    _ cases: [ValidationCase], jobs: Int = 2, simulate: @escaping ReplicationRunner = { _, _, _ in outcome(1.5) }
) throws -> ValidationResult {
    try validate(
        ValidationPlan(cases: cases, threads: 2, jobs: jobs), simulate: simulate, isCancelled: { false })
}

@Test func theModelRunsWithSeedsFromOne() throws {
    let scratch = try Scratch()
    let seeds = Mutex<[UInt64]>([])
    let found = try result([item(scratch)]) { scenario, replication, _ in
        #expect(replication == 0)
        seeds.withLock { $0.append(scenario.seed) }
        return outcome(Double(scenario.seed))
    }
    #expect(seeds.withLock { $0.sorted() } == Array(1...20))
    #expect(found.cases[0].rows[0].simulated.median == 10.5)
}

@Test func withoutServersTheStoredRangeCounts() throws {
    let scratch = try Scratch()
    let found = try result([item(scratch)])
    #expect(found.verdict == .pass)
    #expect(found.cases[0].server == nil)
    #expect(found.cases[0].rows[0].source == .stored)
    #expect(try result([item(scratch)], simulate: { _, _, _ in outcome(3.2) }).verdict == .fail)
}

@Test func realRunsTakeThePlaceOfTheStoredRange() throws {
    let scratch = try Scratch()
    let found = try result([item(scratch) { _, run, _ in outcome(5 + Double(run), problems: []) }])
    #expect(found.cases[0].rows[0].measured == Observation(count: 2, never: 0, median: 5.5, least: 5, most: 6))
    #expect(found.cases[0].liveRuns == 2)
    #expect(found.verdict == .fail)
}

@Test func aRunThatWasNotFaithfulDoesNotCount() throws {
    let scratch = try Scratch()
    let found = try result([item(scratch) { _, run, _ in outcome(1.5, problems: run == 0 ? ["steal 9 %"] : []) }])
    // Numbers 1 and, in its place, 2.
    #expect(found.cases[0].liveRuns == 2)
    #expect(found.cases[0].excluded == [ExcludedRun(run: 0, value: nil, reasons: ["steal 9 %"])])
    #expect(found.verdict == .pass)
}

@Test func aRunThatDoesNotCountIsMadeAgainTwiceAtTheMost() throws {
    let scratch = try Scratch()
    let found = try result([item(scratch) { _, run, _ in outcome(1.5, problems: run % 2 == 0 ? ["late"] : []) }])
    #expect(found.cases[0].liveRuns == 1)
    #expect(found.cases[0].excluded.map(\.run) == [0, 2, 4])
    #expect(!found.isInterrupted)
}

@Test func withoutAFaithfulRunTheCaseIsInconclusive() throws {
    let scratch = try Scratch()
    let found = try result([item(scratch) { _, _, _ in outcome(1.5, problems: ["late"]) }])
    #expect(found.cases[0].rows[0].verdict == .inconclusive)
    #expect(found.verdict == .inconclusive)
}

@Test func aLabThatFailsCostsItsOwnRunOnly() throws {
    let scratch = try Scratch()
    struct Broken: Error, CustomStringConvertible { var description = "no port" }
    let found = try result([
        item(scratch) { _, run, _ in
            if run == 1 { throw Broken() }
            return outcome(1.5, problems: [])
        }
    ])
    #expect(found.cases[0].excluded == [ExcludedRun(run: 1, value: nil, reasons: ["no port"])])
    #expect(found.verdict == .pass)
}

@Test func aFailureOfTheModelEndsTheValidation() throws {
    let scratch = try Scratch()
    struct Broken: Error {}
    #expect(throws: ExperimentError.self) { try result([item(scratch)]) { _, _, _ in throw Broken() } }
}

/// Counts labs that run at the same time.
private final class Labs: Sendable {
    private let state = Mutex((now: 0, most: 0, alone: true))
    var most: Int { state.withLock { $0.most } }
    var exclusiveWereAlone: Bool { state.withLock { $0.alone } }

    func enter(exclusive: Bool) {
        state.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
            if exclusive && state.now > 1 { state.alone = false }
        }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}

@Test func exclusiveScenariosRunAlone() throws {
    let scratch = try Scratch()
    let labs = Labs()
    func lab(exclusive: Bool) throws -> ValidationCase {
        var own = calibration
        own.isExclusive = exclusive
        own.liveRuns = 4
        return try item(scratch, own) { _, _, _ in
            labs.enter(exclusive: exclusive)
            usleep(2_000)
            labs.leave()
            return outcome(1.5, problems: [])
        }
    }
    let found = try result([lab(exclusive: false), lab(exclusive: true), lab(exclusive: false)], jobs: 3)
    #expect(found.verdict == .pass)
    #expect(labs.exclusiveWereAlone)
    #expect(labs.most <= 3)
}

@Test func aSweepRunsOnRealServersAtItsLiveValuesOnly() throws {
    let scratch = try Scratch()
    var swept = calibration
    swept.sweep = CalibrationSweep(key: "timeline.0.for", values: [1, 2, 3], live: [2])
    let scenario = try scratch.scenario().scenario
    let variants = [Int64(1), 2, 3].map {
        ValidationCase.Variant(value: $0, scenario: scenario, isLive: $0 == 2)
    }
    let live = ValidationCase.Live(server: "2.9.10", runs: 2) { _, _, _ in outcome(1.5, problems: []) }
    let found = try result([
        ValidationCase(file: "a.yaml", calibration: swept, variants: variants, live: live)
    ])
    let sweep = try #require(found.cases[0].sweeps.first)
    #expect(found.cases[0].rows.isEmpty)
    #expect(sweep.points.map(\.live.count) == [0, 2, 0])
    #expect(sweep.points.map(\.simulated.count) == [20, 20, 20])
    #expect(sweep.verdict == .pass)
}

@Test func anInterruptedValidationIsInconclusive() throws {
    let scratch = try Scratch()
    let started = Atomic<Int>(0)
    let found = try validate(
        ValidationPlan(cases: [item(scratch)], threads: 1, jobs: 1),
        simulate: { _, _, _ in
            started.add(1, ordering: .relaxed)
            return outcome(1.5)
        }, isCancelled: { started.load(ordering: .relaxed) >= 3 })
    #expect(found.isInterrupted)
    #expect(found.cases[0].rows[0].simulated.count == 3)
    #expect(found.cases[0].rows[0].verdict == .inconclusive)
    #expect(found.verdict == .inconclusive)
}

@Test func whatIsLeftIsEstimatedFromTheHorizons() throws {
    let scratch = try Scratch()
    let case0 = try item(scratch) { _, _, _ in outcome(1.5, problems: []) }
    let plan = ValidationPlan(cases: [case0], threads: 1, jobs: 2)
    let jobs = ValidationJob.all(plan.cases).filter(\.isLive)
    let told = Mutex<[ValidationProgress]>([])
    let meter = ValidationMeter(jobs, plan) { progress in told.withLock { $0.append(progress) } }
    meter.start(jobs[0])
    let progress = try #require(told.withLock { $0.first })
    // Two runs of 10 minutes, 4 seconds, and 7.5 seconds of pause on average, side by side.
    #expect(progress.remainingSeconds == 611.5)
    #expect(progress.finished == 0)
    #expect(progress.total == 2)
    #expect(progress.running == [case0.variants[0].scenario.name])
}
