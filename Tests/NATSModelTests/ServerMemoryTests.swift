import EventKernel
import NATSModel
import Testing

@Suite struct ServerMemoryRuleTests {
    private static let parameters: ServerParameters = {
        var parameters = ServerParameters()
        parameters.memoryBaseline = 10_000_000
        parameters.memoryPerPending = 1.25
        return parameters
    }()

    @Test func aLimitLessTheBaselineHoldsSoMuch() {
        let memory = ServerMemory(limit: 110_000_000, Self.parameters)
        #expect(memory.pendingLimit == 80_000_000)
        #expect(memory.use(pending: 0) == 10_000_000)
        #expect(memory.use(pending: 40_000_000) == 60_000_000)
        #expect(memory.use(pending: 90_000_000) == 110_000_000)
    }

    @Test func aLimitBelowTheBaselineHoldsNothing() {
        #expect(ServerMemory(limit: 5_000_000, Self.parameters).pendingLimit == 0)
    }

    @Test func withoutALimitAnythingFits() {
        let memory = ServerMemory(limit: nil, Self.parameters)
        #expect(memory.pendingLimit == Int64.max)
        #expect(memory.use(pending: 8_000_000_000) == 10_010_000_000)
    }

    /// A container that is killed as soon as it runs.
    @Test func pausesDoubleUpToFiveMinutes() {
        var restarts = RestartBackOff(ServerParameters())
        var time = SimTime.start + .seconds(100)
        var pauses: [Int64] = []
        for _ in 0..<8 {
            let start = restarts.start(afterEndAt: time)
            pauses.append((start - time).nanoseconds / 1_000_000_000)
            time = start
        }
        #expect(pauses == [0, 10, 20, 40, 80, 160, 300, 300])
    }

    @Test func tenMinutesOfRunningMakeUpForIt() {
        var restarts = RestartBackOff(ServerParameters())
        let first = restarts.start(afterEndAt: .start)
        let second = restarts.start(afterEndAt: first + .seconds(600))
        #expect(second - first == .seconds(610))
        let third = restarts.start(afterEndAt: second + .seconds(601))
        #expect(third - second == .seconds(601))
        let fourth = restarts.start(afterEndAt: third)
        #expect(fourth - third == .seconds(10))
    }
}
