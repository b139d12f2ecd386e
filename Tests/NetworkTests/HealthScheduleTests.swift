import EventKernel
import Network
import Testing

private func at(_ milliseconds: Int64) -> SimTime { .start + .milliseconds(milliseconds) }

private func fault(_ state: SiteState, _ from: Int64, _ to: Int64?) -> SiteSchedule {
    var schedule = SiteSchedule(sites: 2)
    schedule.add(site: 1, state: state, from: at(from), to: to.map(at) ?? .never)
    schedule.seal()
    return schedule
}

private func health(
    _ schedule: SiteSchedule, phase: SimDuration = .seconds(7), horizon: SimTime = at(3_600_000),
    _ change: (inout SteeringParameters) -> Void = { _ in }
) -> HealthSchedule {
    var parameters = SteeringParameters()
    change(&parameters)
    return HealthSchedule(schedule: schedule, parameters: parameters, horizon: horizon, phases: [.zero, phase])
}

private func flips(_ health: HealthSchedule) -> [Int64] {
    health.changes(of: 1).map { $0.0.nanoseconds / 1_000_000 }
}

@Suite struct HealthScheduleTests {
    @Test func withoutFaultsEverythingStaysHealthy() {
        var schedule = SiteSchedule(sites: 2)
        schedule.seal()
        let health = health(schedule)
        #expect(health.changes(of: 0).isEmpty && health.changes(of: 1).isEmpty)
        #expect(health.answer(preferred: 1, at: at(1)) == 1)
    }

    /// Probes at 7 + 60 k s: the first one in the black hole is at 127 s; three tries of 5 s, then 3 s.
    @Test func aBlackHoleIsSeenAtTheNextProbeAfterAllTimeouts() {
        #expect(flips(health(fault(.blackHole, 100_000, 1_300_000))) == [145_000, 1_330_000])
    }

    @Test func aPowerLossTimesOutLikeABlackHole() {
        #expect(flips(health(fault(.powerLoss, 100_000, 1_300_000))) == [145_000, 1_330_000])
    }

    @Test func aRefusalFailsFast() {
        #expect(flips(health(fault(.refused, 100_000, 1_300_000))) == [130_510, 1_330_000])
    }

    @Test func aRetryThatFindsTheSiteUpSavesIt() {
        // The probe at 127 s retries at 132 s, when the site is back.
        #expect(flips(health(fault(.blackHole, 100_000, 131_000))) == [])
    }

    @Test func aRetryMayAlsoBringTheSiteBackEarly() {
        // Healed at 1,270 s; the probe at 1,267 s succeeds on its first retry at 1,272 s.
        #expect(flips(health(fault(.blackHole, 100_000, 1_270_000))) == [145_000, 1_275_000])
    }

    @Test func severalFailuresInARowAreNeededIfAskedFor() {
        let health = health(fault(.blackHole, 100_000, 1_300_000)) {
            $0.consecutiveDown = 3
            $0.consecutiveUp = 2
        }
        // Down: probes at 127, 187 and 247 s; up: at 1,327 and 1,387 s.
        #expect(flips(health) == [265_000, 1_390_000])
    }

    @Test func aGoodCheckBetweenTwoFailuresStartsTheirCountAfresh() {
        var schedule = SiteSchedule(sites: 2)
        schedule.add(site: 1, state: .blackHole, from: at(120_000), to: at(145_000))
        schedule.add(site: 1, state: .blackHole, from: at(240_000), to: at(270_000))
        schedule.seal()
        // Failures at 127 and 247 s, a success at 187 s.
        #expect(flips(health(schedule) { $0.consecutiveDown = 2 }) == [])
        #expect(flips(health(schedule) { $0.consecutiveDown = 1 }).count == 4)
    }

    @Test func aFaultBetweenTwoProbesIsNeverSeen() {
        #expect(flips(health(fault(.blackHole, 70_000, 126_000))) == [])
    }

    @Test func aLastingFaultIsNeverForgiven() {
        #expect(flips(health(fault(.blackHole, 100_000, nil), horizon: at(86_400_000))) == [145_000])
    }

    @Test func anUnhealthySiteIsAnsweredByTheOther() {
        let health = health(fault(.blackHole, 100_000, 1_300_000))
        #expect(health.answer(preferred: 1, at: at(144_999)) == 1)
        #expect(health.answer(preferred: 1, at: at(145_000)) == 0)
        #expect(health.answer(preferred: 1, at: at(1_330_000)) == 1)
    }

    @Test func withNoHealthySiteThePreferredOneIsAnswered() {
        var schedule = SiteSchedule(sites: 2)
        for site in 0..<2 { schedule.add(site: site, state: .blackHole, from: at(0), to: .never) }
        schedule.seal()
        #expect(health(schedule).answer(preferred: 1, at: at(600_000)) == 1)
    }

    /// The time from fault to changed answers is U(0, 60) + 15 + 3 s over the phase: all within, mean 48 s. The mean of
    /// 2,000 uniforms has a standard error of 0.39 s; 4 of them give one false alarm in 16,000.
    @Test func overPhasesTheSwitchTakesTheIntervalPlusTimeoutsPlusPropagation() {
        var sum: Int64 = 0
        for seed in UInt64(0)..<2_000 {
            let health = HealthSchedule(
                schedule: fault(.blackHole, 100_000, nil), parameters: SteeringParameters(), horizon: at(400_000),
                seed: seed, replication: 0)
            let delay = flips(health)[0] - 100_000
            #expect(delay >= 18_000 && delay < 78_001)
            sum += delay
        }
        #expect(abs(sum / 2_000 - 48_000) < 1_550)
    }
}

@Suite struct ResolverTests {
    private func make(
        hitShare: Double = 0, entity: UInt64 = 1, _ change: (inout SteeringParameters) -> Void = { _ in }
    ) -> Resolver {
        var parameters = SteeringParameters()
        parameters.violators = 0
        parameters.missteered = 0
        change(&parameters)
        return Resolver(
            region: 1, sites: 2, parameters: parameters, resolverDelay: .milliseconds(60), hitShare: hitShare, seed: 3,
            replication: 0, entity: entity)
    }

    private let healthy = health(fault(.up, 0, 0))

    @Test func theBrowserAnswersAgainForAMinute() {
        var resolver = make()
        #expect(resolver.resolve(at: at(1_000), health: healthy).delay == .milliseconds(60))
        #expect(resolver.resolve(at: at(61_059), health: healthy).delay == .zero)
        #expect(resolver.resolve(at: at(61_060), health: healthy).delay == .milliseconds(60))
    }

    @Test func flushingForgetsTheBrowsersAnswer() {
        var resolver = make()
        _ = resolver.resolve(at: at(1_000), health: healthy)
        resolver.flush()
        #expect(resolver.resolve(at: at(1_001), health: healthy).delay == .milliseconds(60))
    }

    @Test func aFirstQueryThatHitsTakesNoTime() {
        var resolver = make(hitShare: 1)
        #expect(resolver.resolve(at: at(1_000), health: healthy) == (1, .zero))
    }

    @Test func aChangedAnswerIsSeenAfterTheTTLAtTheLatest() {
        let health = health(fault(.blackHole, 100_000, nil))
        for entity in UInt64(0)..<200 {
            var early = make(entity: entity)
            #expect(early.resolve(at: at(144_999), health: health).site == 1)
            var late = make(entity: entity)
            #expect(late.resolve(at: at(205_000), health: health).site == 0)
        }
    }

    @Test func withinTheTTLSomeSeeTheChangeAndSomeDoNot() {
        let health = health(fault(.blackHole, 100_000, nil))
        let moved = (UInt64(0)..<1_000).count { entity in
            var resolver = make(entity: entity)
            return resolver.resolve(at: at(175_000), health: health).site == 0
        }
        // Half of a TTL has passed: 500 expected, standard deviation 15.8; 4.4 of them, one false alarm in 90,000.
        #expect(abs(moved - 500) < 70)
    }

    @Test func violatorsKeepOldAnswersForUpToAnHour() {
        let health = health(fault(.blackHole, 100_000, nil), horizon: at(7_200_000))
        let stale = (UInt64(0)..<200).count { entity in
            var resolver = make(entity: entity) { $0.violators = 1 }
            return resolver.resolve(at: at(205_000), health: health).site == 1
        }
        #expect(stale > 150)
        var resolver = make { $0.violators = 1 }
        #expect(resolver.resolve(at: at(3_745_000), health: health).site == 0)
    }

    @Test func aMissteeredPersonPrefersAnotherRegion() {
        #expect(make { $0.missteered = 1 }.preferred == 0)
        #expect(make().preferred == 1)
    }
}
