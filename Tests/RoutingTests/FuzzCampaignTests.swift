import Routing
import Synchronization
import Testing

private func campaign(
    _ programs: Int, seed: UInt64 = 11, model: StandIn.Quirk = .none, real: StandIn.Quirk = .none,
    jobs: FuzzJobs = { count, job in for index in 0..<count { job(index) } }
) -> FuzzCampaign {
    runCampaign(
        programs: programs, seed: seed,
        makeModel: { StandIn(seed: UInt64($0), quirk: model) },
        makeReal: { StandIn(seed: UInt64($0) + 1000, quirk: real) }, jobs: jobs)
}

@Test func aCampaignOnTheArithmeticAgreesAndExercisesEverything() {
    let result = campaign(200)
    #expect(result.disagreementCount == 0)
    #expect(result.outcomes.flatMap(\.oddities) == [])
    #expect(result.failures == [])
    #expect(result.coverage.missing == [])
    #expect(result.exactShare > 0.88)
    #expect(result.verdict == .agrees)
    #expect(result.summary.hasSuffix("\n27 of 27 features exercised\nThe model and the servers agree.\n"))
    #expect(result.modelShares.choices > 200)
    #expect(result.holds)
}

@Test func theOrderInWhichBatchesRunDoesNotShow() {
    let backwards = campaign(60) { count, job in for index in (0..<count).reversed() { job(index) } }
    #expect(backwards == campaign(60))
    #expect(backwards.outcomes.map(\.batch) == [0, 1])
    #expect(backwards.outcomes.map(\.programs) == [40, 20])
}

@Test func aGroupServedByAnotherClusterIsADisagreement() {
    let result = campaign(40, real: .farCluster)
    let kinds = Set(result.outcomes.flatMap(\.disagreements).map(\.kind))
    #expect(kinds.contains(.cluster))
    #expect(result.verdict == .disagrees)
    #expect(result.summary.split(separator: "\n").count < 20, "it fits on a screen")
    #expect(result.summary.contains("\n  and \(result.disagreementCount - 8) more\n"))
    #expect(!result.holds)
}

@Test func favouringAMemberFailsTheTestOfShares() {
    let result = campaign(80, real: .firstMember)
    #expect(result.disagreementCount == 0)
    #expect(result.modelShares.holds)
    #expect(!result.realShares.holds)
    #expect(result.verdict == .disagrees)
    #expect(!result.holds)
}

@Test func aFaultThatBothShareIsTold() {
    let result = campaign(40, model: .groupEndsWithMember, real: .groupEndsWithMember)
    #expect(!result.outcomes.flatMap(\.oddities).isEmpty)
    #expect(result.description.contains("differences of both from the arithmetic"))
}

@Test func anErrorOfABackEndFailsTheCampaignAndNamesTheBatch() {
    let result = runCampaign(
        programs: 3, seed: 1, makeModel: { _ in StandIn(seed: 1) },
        makeReal: { _ in throw UnsettledError("no route between a and b") })
    #expect(result.failures == ["batch 0: no route between a and b"])
    #expect(result.programs == 0)
    #expect(result.verdict == .inconclusive("1 of 1 batches could not be run"))
    #expect(result.summary.contains("\n1 failed batches:\n  batch 0: no route between a and b\n"))
    #expect(!result.holds)
}

@Test func progressCountsProgramsOfFinishedBatches() {
    let seen = Mutex<[Int]>([])
    _ = runCampaign(
        programs: 25, seed: 1, batchSize: 10, makeModel: { _ in StandIn(seed: 1) },
        makeReal: { _ in StandIn(seed: 2) }, progress: { progress in seen.withLock { $0.append(progress.programs) } })
    #expect(seen.withLock { $0 } == [10, 20, 25])
}

@Test func aFewProgramsThatAgreeProveTooLittle() {
    let result = campaign(20)
    #expect(result.disagreementCount == 0)
    #expect(result.verdict == .inconclusive("too few programs to exercise everything, 200 usually do"))
    #expect(result.summary.contains("No disagreement, but inconclusive: too few programs"))
}
