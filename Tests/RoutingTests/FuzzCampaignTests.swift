import Routing
import Testing

private func campaign(
    _ programs: Int, seed: UInt64 = 11, real quirk: StandIn.Quirk = .none,
    jobs: FuzzJobs = { count, job in for index in 0..<count { job(index) } }
) -> FuzzCampaign {
    runCampaign(
        programs: programs, seed: seed,
        makeModel: { StandIn(seed: UInt64($0)) }, makeReal: { StandIn(seed: UInt64($0) + 1000, quirk: quirk) },
        jobs: jobs)
}

@Test func aCampaignOnTheArithmeticAgreesAndExercisesEverything() {
    let result = campaign(1000)
    print(result)
    #expect(result.holds)
}
