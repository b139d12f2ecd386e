import CallModel
import EventKernel
import Testing

/// Laws of the traffic, over replications with fixed seeds. Bounds are 4.5 standard errors unless stated: a false alarm
/// in 150,000 for each comparison.
@Suite struct CallTrafficTests {
    private static func running(_ plan: CallPlan, at time: SimTime) -> Int {
        plan.rooms.count { $0.start <= time && time < $0.end }
    }

    private static func present(_ plan: CallPlan, at time: SimTime) -> Int {
        plan.people.count { $0.isInCall(at: time) }
    }

    /// M/G/infinity: the number of calls in progress is Poisson(lambda E[S]) at every instant of a steady run.
    @Test func concurrencyIsPoissonAtEveryInstant() throws {
        let population = Sample.population(.arrivals(perSecond: 0.05, diurnal: .flat), variation: 1.5)
        let replications = 400
        let mean = 30.0
        var counts = [[Int]](repeating: [], count: 5)
        for replication in 0..<replications {
            let plan = try Sample.plan([population], seed: 5, replication: UInt32(replication))
            for step in 0..<5 {
                counts[step].append(Self.running(plan, at: .start + .seconds(Int64(step) * 440)))
            }
        }
        for values in counts {
            let average = Double(values.reduce(0, +)) / Double(replications)
            let error = (mean / Double(replications)).squareRoot()
            #expect(abs(average - mean) < 4.5 * error)
            // The variance of a Poisson count is its mean; that of its estimate is near 2 mean^2 / n.
            let squares = values.map { (Double($0) - average) * (Double($0) - average) }.reduce(0, +)
            let variance = squares / Double(replications - 1)
            #expect(abs(variance - mean) < 4.5 * mean * (2.1 / Double(replications)).squareRoot())
        }
    }

    @Test func theNumberOfPeopleIsStationaryFromTheFirstInstant() throws {
        let population = Sample.population(
            .concurrent(calls: 40, diurnal: .flat), sizes: [SizeShare(smallest: 2, largest: 8, share: 1)])
        var difference = 0.0
        var squares = 0.0
        let replications = 300
        for replication in 0..<replications {
            let plan = try Sample.plan([population], seed: 6, replication: UInt32(replication))
            let change = Double(
                Self.present(plan, at: .start + .seconds(1_790)) - Self.present(plan, at: .start))
            difference += change
            squares += change * change
        }
        let mean = difference / Double(replications)
        let error = (squares / Double(replications) / Double(replications)).squareRoot()
        #expect(error < 4)
        #expect(abs(mean) < 4.5 * error)
    }

    /// A start in the morning ramp must look like the ramp's past: a run from an empty night has the same mean.
    @Test func callsInProgressFollowTheRatesBeforeTheStart() throws {
        let population = Sample.population(
            .arrivals(perSecond: 0.01, diurnal: .business), minutes: 60, utcOffset: 0)
        let replications = 300
        let start: Int64 = 9 * 3_600 + 1_800
        var direct = 0
        var grown = 0
        for replication in 0..<replications {
            let steady = try Sample.plan(
                [population], startUTC: start, horizon: .seconds(1), seed: 7, replication: UInt32(replication))
            direct += Self.running(steady, at: .start)
            let warm = try Sample.plan(
                [population], steady: true, startUTC: start - 6 * 3_600, horizon: .seconds(6 * 3_600 + 1), seed: 8,
                replication: UInt32(replication))
            grown += Self.running(warm, at: .start + .seconds(6 * 3_600))
        }
        let error = (Double(direct + grown)).squareRoot()
        #expect(direct > 4_000)
        #expect(abs(Double(direct - grown)) < 4.5 * error)
    }

    /// Offered load is over the day: in the social peak it is 2.3 times the mean.
    @Test func concurrentCallsAreTheMeanOfTheDay() throws {
        let population = Sample.population(.concurrent(calls: 50, diurnal: .social), minutes: 5, utcOffset: 7)
        var total = 0
        for replication in 0..<200 {
            // 14:30 UTC is 21:30 in Vietnam, 90 min into the peak.
            let plan = try Sample.plan(
                [population], startUTC: 14 * 3_600 + 1_800, horizon: .seconds(1), seed: 9,
                replication: UInt32(replication))
            total += Self.running(plan, at: .start)
        }
        let expected = 50.0 * 2.3 * 200
        #expect(abs(Double(total) - expected) < 4.5 * expected.squareRoot())
    }

    /// Chi-square with 6 degrees of freedom; 27.86 is its 99.99 % point: one false alarm in 10,000.
    @Test func sizesHaveTheSharesAsked() throws {
        let sizes = [
            SizeShare(smallest: 2, largest: 2, share: 0.42), SizeShare(smallest: 3, largest: 3, share: 0.17),
            SizeShare(smallest: 4, largest: 4, share: 0.14), SizeShare(smallest: 5, largest: 8, share: 0.27),
        ]
        let population = Sample.population(.constant(calls: 6_000), sizes: sizes)
        let plan = try Sample.plan([population])
        var observed = [Int](repeating: 0, count: 9)
        for room in plan.rooms { observed[room.people.count] += 1 }
        let shares = [0.42, 0.17, 0.14, 0.0675, 0.0675, 0.0675, 0.0675]
        let terms = zip(2...8, shares).map { size, share in
            let gap = Double(observed[size]) - share * 6_000
            return gap * gap / (share * 6_000)
        }
        #expect(terms.reduce(0, +) < 27.86)
    }

    @Test func spanningCallsAndTheirRemotePeopleHaveTheSharesAsked() throws {
        let population = Sample.population(
            .constant(calls: 4_000), sizes: [SizeShare(smallest: 6, largest: 6, share: 1)],
            cross: CrossRegion(with: 1, share: 0.1, remoteShare: 0.4))
        let other = Sample.population(.constant(calls: 0), name: "america", region: 0)
        let plan = try Sample.plan([population, other])
        let remote = plan.rooms.map { room in plan.members(of: room).count { $0.population == 1 } }
        let spanning = remote.filter { $0 > 0 }
        // 400 expected, standard deviation 19.
        #expect(abs(spanning.count - 400) < 86)
        // One for certain, and four with probability 0.4 each: 2.6 in the mean, standard deviation 0.98.
        let mean = Double(spanning.reduce(0, +)) / Double(spanning.count)
        #expect(abs(mean - 2.6) < 4.5 * 0.98 / Double(spanning.count).squareRoot())
    }

    /// Durations are lognormal with this mean and variation; 20,000 of them.
    @Test func durationsHaveTheMeanAndVariationAsked() throws {
        let population = Sample.population(.arrivals(perSecond: 10, diurnal: .flat), minutes: 52)
        let plan = try Sample.plan([population], steady: false, horizon: .seconds(2_000))
        let minutes = plan.rooms.map { ($0.end - $0.start).seconds / 60 }
        let count = Double(minutes.count)
        let mean = minutes.reduce(0, +) / count
        let variance = minutes.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / count
        #expect(abs(count - 20_000) < 640)
        #expect(abs(mean - 52) < 4.5 * 52 * 0.8 / count.squareRoot())
        #expect(abs(variance.squareRoot() / mean - 0.8) < 0.05)
        let below = minutes.count { $0 < 40.6 }
        // 40.6 min is the median: standard deviation of the count 71.
        #expect(abs(Double(below) - count / 2) < 320)
    }

    /// Of the others, 80 % join after a lognormal with median 60 s and 20 % after an exponential of mean 6 min:
    /// a share of 0.8 * 0.5 + 0.2 * (1 - exp(-1/6)) = 0.4307 within 60 s.
    @Test func theJoinSpreadIsTheMixtureStated() throws {
        let population = Sample.population(
            .arrivals(perSecond: 0.2, diurnal: .flat), minutes: 600, variation: 0.1,
            sizes: [SizeShare(smallest: 5, largest: 5, share: 1)])
        let plan = try Sample.plan([population], steady: false, horizon: .minutes(240))
        // Two hours before the horizon, so that hardly anybody of these calls would join after it.
        let offsets = plan.rooms.filter { $0.start < .start + .minutes(120) }.flatMap { room in
            plan.members(of: room).dropFirst().map { ($0.join - room.start).seconds }
        }
        let within = Double(offsets.count { $0 < 60 }) / Double(offsets.count)
        #expect(offsets.count > 5_000)
        // The standard error is 0.0066.
        #expect(abs(within - 0.4307) < 0.03)
    }

    @Test func camerasMicrophonesAndTransportsHaveTheSharesAsked() throws {
        var media = MediaParameters()
        media.microphoneOn = 0.7
        media.cameraOn = 0.3
        var client = ClientParameters()
        client.webTransportBlocked = 0.1
        client.webSocketOnly = 0.2
        let population = Sample.population(
            .constant(calls: 2_500), sizes: [SizeShare(smallest: 4, largest: 4, share: 1)])
        let plan = try Sample.plan([population], client: client, media: media)
        // Of 10,000 people; the largest standard deviation is 46.
        #expect(abs(plan.people.count(where: \.microphone) - 7_000) < 210)
        #expect(abs(plan.people.count(where: \.camera) - 3_000) < 210)
        #expect(abs(plan.people.count(where: \.hasWebTransport) - 7_200) < 205)
    }
}

@Suite struct ArrivalRateTests {
    @Test func everyShapeHasTheMeanAsked() {
        for shape in Diurnal.allCases {
            let rate = ArrivalRate(mean: 3, diurnal: shape, startUTC: 0, utcOffset: 0)
            #expect(abs(rate.perHour.reduce(0, +) / 24 - 3) < 1e-12)
            #expect(rate.perHour.count == 24)
        }
    }

    @Test func theSocialPeakIsInTheEvening() {
        let rate = ArrivalRate(mean: 1, diurnal: .social, startUTC: 0, utcOffset: 7)
        // 13:00 to 16:00 UTC is 20 to 23 in Vietnam.
        #expect(abs(rate.rate(at: 13 * 3_600) - 2.3) < 1e-12)
        #expect(abs(rate.rate(at: 16 * 3_600 - 1) - 2.3) < 1e-12)
        #expect(abs(rate.rate(at: 16 * 3_600) - 1.5) < 1e-12)
        #expect(rate.peak == rate.rate(at: 13 * 3_600))
    }

    @Test func theDayRepeatsBackwardsToo() {
        let rate = ArrivalRate(mean: 1, diurnal: .business, startUTC: 1_753_257_600, utcOffset: -5)
        #expect(rate.rate(at: -1) == rate.rate(at: 86_399))
        #expect(rate.rate(at: -90_000) == rate.rate(at: 82_800))
    }

    @Test func aPointLiesWhereTheCumulativeRateReachesTheAmount() {
        let rate = ArrivalRate(mean: 2, diurnal: .flat, startUTC: 123, utcOffset: 0)
        #expect(rate.time(after: 0, amount: 10_000, limit: 6_000) == 5_000)
        #expect(rate.time(after: 0, amount: 10_000, limit: 4_999) == nil)
    }

    @Test func aPointCrossesTheHoursAtTheirOwnRates() {
        let rate = ArrivalRate(mean: 1, diurnal: .social, startUTC: 19 * 3_600, utcOffset: 0)
        // 19 h at 1.9 and 20 h at 2.3 times the mean: half an hour into the second.
        let point = rate.time(after: 0, amount: 1.9 * 3_600 + 2.3 * 1_800, limit: 1e6)!
        #expect(abs(point - 5_400) < 1e-6)
    }

    @Test func noTrafficHasNoPoints() {
        let rate = ArrivalRate(mean: 0, diurnal: .flat, startUTC: 0, utcOffset: 0)
        #expect(rate.time(after: 0, amount: 0.001, limit: 100_000) == nil)
    }
}
