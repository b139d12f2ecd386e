import CallModel
import EventKernel
import Network
import Testing

/// Populations and plans for the tests of this room.
enum Sample {
    static func population(
        _ traffic: Traffic, name: String = "vietnam", region: Int = 1, minutes: Int64 = 10, variation: Double = 0.8,
        sizes: [SizeShare] = [SizeShare(smallest: 2, largest: 4, share: 1)], cross: CrossRegion? = nil,
        utcOffset: Int = 7
    ) -> Population {
        Population(
            name: name, region: region, roundTrips: [.milliseconds(250), .milliseconds(30)], access: .fibre,
            utcOffset: utcOffset, traffic: traffic, sizes: sizes, meanDuration: .minutes(minutes),
            durationVariation: variation, crossRegion: cross)
    }

    static func plan(
        _ populations: [Population], steady: Bool = true, startUTC: Int64 = 0, horizon: SimDuration = .minutes(30),
        seed: UInt64 = 1, replication: UInt32 = 0, client: ClientParameters = ClientParameters(),
        media: MediaParameters = MediaParameters(), peopleLimit: Int = 100_000
    ) throws -> CallPlan {
        try CallPlan.make(
            populations: populations, client: client, media: media, startUTC: startUTC, steady: steady,
            horizon: horizon, seed: seed, replication: replication, peopleLimit: peopleLimit)
    }

    /// What a person intends, apart from positions, which may move.
    static func intents(_ plan: CallPlan, before limit: SimTime = .never) -> [String: PersonPlan] {
        var result: [String: PersonPlan] = [:]
        for var person in plan.people where person.join < limit {
            person.id = 0
            person.room = 0
            result[person.identity] = person
        }
        return result
    }
}

@Suite struct CallPlanStructureTests {
    private let mixed = [
        Sample.population(
            .arrivals(perSecond: 0.1, diurnal: .flat), sizes: [SizeShare(smallest: 1, largest: 9, share: 1)],
            cross: CrossRegion(with: 1, share: 0.5, remoteShare: 0.4)),
        Sample.population(.concurrent(calls: 20, diurnal: .social), name: "america", region: 0, utcOffset: -5),
    ]

    @Test func positionsAreDenseAndRoomsCoverThePeopleInOrder() throws {
        let plan = try Sample.plan(mixed)
        #expect(plan.people.indices.allSatisfy { plan.people[$0].id == Int32($0) })
        #expect(plan.rooms.indices.allSatisfy { plan.rooms[$0].id == Int32($0) })
        #expect(plan.rooms.flatMap { Array($0.people) } == Array(plan.people.indices))
        #expect(plan.rooms.allSatisfy { room in plan.members(of: room).allSatisfy { $0.room == room.id } })
    }

    @Test func identitiesAndEntitiesAreUnique() throws {
        let plan = try Sample.plan(mixed)
        #expect(plan.people.count > 500)
        #expect(Set(plan.people.map(\.identity)).count == plan.people.count)
        #expect(Set(plan.people.map(\.entity)).count == plan.people.count)
        #expect(plan.people.allSatisfy { $0.entity < 1 << 48 })
        #expect(Set(plan.rooms.map(\.identity)).count == plan.rooms.count)
    }

    @Test func theFirstArrivalOfAPopulationIsCallOne() throws {
        let plan = try Sample.plan(mixed, steady: false)
        #expect(plan.people[0].identity == "vietnam/call-1/person-1")
        #expect(plan.people[0].entity == 0x0000_0000_1001)
        #expect(plan.rooms.last?.identity.hasPrefix("america/call-") == true)
    }

    @Test func peopleJoinWithinSixtyPercentOfTheCallAndTheFirstTwoStayToItsEnd() throws {
        let plan = try Sample.plan(mixed, steady: false)
        for room in plan.rooms {
            let latest = room.start + SimDuration(nanoseconds: (room.end - room.start).nanoseconds / 10 * 6 + 10)
            for person in plan.members(of: room) {
                #expect(person.join >= room.start && person.join <= latest)
                #expect(person.leave > person.join && person.leave <= room.end)
                let isOfTheFirstTwo = person.identity.hasSuffix("person-1") || person.identity.hasSuffix("person-2")
                #expect(!isOfTheFirstTwo || person.leave == room.end)
            }
            #expect(plan.members(of: room).first?.join == room.start)
        }
    }

    @Test func someLeaveBeforeTheEnd() throws {
        let plan = try Sample.plan(mixed, steady: false)
        #expect(plan.rooms.contains { room in plan.members(of: room).contains { $0.leave < room.end } })
    }

    @Test func inProgressMeansJoinedBeforeTimeZeroAndNotYetGone() throws {
        let plan = try Sample.plan(mixed)
        #expect(plan.people.allSatisfy { $0.isInProgress == ($0.join < .start) && $0.leave >= .start })
        #expect(plan.people.contains { $0.isInProgress } && plan.people.contains { !$0.isInProgress })
        #expect(plan.rooms.contains { $0.isInitial && $0.identity.hasPrefix("vietnam/initial-") })
    }

    @Test func anEmptyStartHasNobodyInProgress() throws {
        let plan = try Sample.plan(mixed, steady: false)
        #expect(plan.people.allSatisfy { $0.join >= .start && !$0.isInProgress })
        #expect(plan.rooms.allSatisfy { !$0.isInitial })
    }

    @Test func nobodyJoinsAtTheHorizonOrLater() throws {
        let plan = try Sample.plan(mixed, horizon: .minutes(5))
        #expect(plan.people.allSatisfy { $0.join < .start + .minutes(5) })
        #expect(plan.people.contains { $0.leave > .start + .minutes(5) })
    }

    @Test func aSpanningCallHasSomebodyFromEachSide() throws {
        let population = Sample.population(
            .arrivals(perSecond: 0.2, diurnal: .flat), cross: CrossRegion(with: 1, share: 1, remoteShare: 0.4))
        let other = Sample.population(.constant(calls: 0), name: "america", region: 0)
        let plan = try Sample.plan([population, other], steady: false)
        #expect(plan.rooms.count > 200)
        for room in plan.rooms where room.end - room.start > .minutes(1) && room.end < .start + .minutes(30) {
            let regions = Set(plan.members(of: room).map(\.region))
            #expect(regions == [0, 1])
        }
    }

    @Test func theLastMileIsTheSameToEverySite() throws {
        let plan = try Sample.plan(mixed)
        for person in plan.people {
            #expect(person.roundTrips[0] - person.roundTrips[1] == .milliseconds(220))
            #expect(person.roundTrips[1] > .milliseconds(30))
        }
        #expect(plan.people[0].path(to: 1).minimumOneWay == plan.people[0].roundTrips[1] / 2)
    }

    @Test func aCallBeyondTheBoundsIsRefused() {
        let sizes = [SizeShare(smallest: 5_000, largest: 5_000, share: 1)]
        #expect(throws: CallPlanError.self) {
            try Sample.plan([Sample.population(.constant(calls: 1), sizes: sizes)])
        }
        #expect(throws: CallPlanError.self) {
            try Sample.plan([Sample.population(.constant(calls: 1_000))], peopleLimit: 1_000)
        }
    }
}

@Suite struct ConstantTrafficTests {
    private let population = Sample.population(
        .constant(calls: 7), sizes: [SizeShare(smallest: 3, largest: 3, share: 1)])

    @Test func aSteadyStartHasEveryoneInProgressUntilAfterTheHorizon() throws {
        let plan = try Sample.plan([population])
        #expect(plan.rooms.count == 7 && plan.people.count == 21)
        #expect(plan.people.allSatisfy { $0.isInProgress && $0.join < .start && $0.leave == .start + .minutes(31) })
    }

    @Test func anEmptyStartHasEveryoneJoinWithinTenSeconds() throws {
        let plan = try Sample.plan([population], steady: false)
        #expect(plan.people.count == 21)
        #expect(plan.people.allSatisfy { $0.join >= .start && $0.join <= .start + .seconds(10) })
        #expect(Set(plan.people.map(\.join)).count == 21)
    }
}

@Suite struct CommonRandomNumberTests {
    private let first = Sample.population(
        .concurrent(calls: 30, diurnal: .business), cross: CrossRegion(with: 1, share: 0.3, remoteShare: 0.5))
    private let second = Sample.population(.arrivals(perSecond: 0.02, diurnal: .flat), name: "america", region: 0)
    private let third = Sample.population(.arrivals(perSecond: 0.1, diurnal: .social), name: "europe", region: 0)

    @Test func theSameSeedGivesTheSamePlan() throws {
        #expect(try Sample.plan([first, second]) == Sample.plan([first, second]))
    }

    @Test func anotherSeedOrReplicationGivesAnotherPlan() throws {
        let plan = try Sample.plan([first, second])
        #expect(try Sample.plan([first, second], seed: 2) != plan)
        #expect(try Sample.plan([first, second], replication: 1) != plan)
    }

    @Test func anAppendedPopulationMovesNobodyElse() throws {
        let before = Sample.intents(try Sample.plan([first, second]))
        let after = Sample.intents(try Sample.plan([first, second, third]))
        #expect(before.count > 100 && after.count > before.count)
        for (identity, person) in before { #expect(after[identity] == person) }
    }

    @Test func aLongerHorizonMovesNobody() throws {
        let short = Sample.intents(try Sample.plan([first, second], horizon: .minutes(20)))
        let long = Sample.intents(
            try Sample.plan([first, second], horizon: .minutes(60)), before: .start + .minutes(20))
        #expect(short.count > 100)
        #expect(short == long)
    }

    @Test func anotherPopulationsTrafficMovesNobody() throws {
        var busier = second
        busier.traffic = .arrivals(perSecond: 0.5, diurnal: .flat)
        let before = Sample.intents(try Sample.plan([first, second])).filter { $0.key.hasPrefix("vietnam/") }
        let after = Sample.intents(try Sample.plan([first, busier])).filter { $0.key.hasPrefix("vietnam/") }
        #expect(before == after)
    }

    @Test func camerasMoveNoJoinAndNoTransport() throws {
        var media = MediaParameters()
        media.cameraOn = 0.1
        let before = Sample.intents(try Sample.plan([first, second]))
        let after = Sample.intents(try Sample.plan([first, second], media: media))
        #expect(before != after)
        for (identity, person) in before {
            var same = person
            same.camera = after[identity]?.camera ?? false
            #expect(after[identity] == same)
        }
    }

    @Test func moreBlockedNetworksOnlyTakeWebTransportAway() throws {
        var client = ClientParameters()
        client.webTransportBlocked = 0.5
        let before = Sample.intents(try Sample.plan([first, second]))
        let after = Sample.intents(try Sample.plan([first, second], client: client))
        #expect(after.values.allSatisfy { !$0.hasWebTransport || before[$0.identity]!.hasWebTransport })
        #expect(after.values.contains { !$0.hasWebTransport && before[$0.identity]!.hasWebTransport })
    }
}
