import EventKernel
import Measures
import NATSModel
import Scenario
import Testing

@testable import Simulation

@Suite struct PlanTests {
    /// A call in which people come and go, stopped at some instant: each plan in force is what its server would say.
    @Test(arguments: [5, 11, 17, 23, 31, 41, 53])
    func plansInForceAreTheServersForwarding(seconds: Int) throws {
        let run = try Run(
            committed(
                "region-loss-refused",
                [
                    "initial=empty", "horizon=\(seconds)s", "populations.vietnam.traffic.concurrent=200",
                    "populations.vietnam.duration.mean=20s", "populations.americas.traffic.concurrent=20",
                    "populations.americas.duration.mean=20s", "media.camera-on=0%",
                    "timeline.0.at=4s", "timeline.0.for=12s",
                ]), replication: 0, options: SimulationOptions())
        try run.run()
        var compared = 0
        for region in 0..<run.domains.count {
            compared += compare(run.domains[pointer: region], run.world)
        }
        #expect(compared > (seconds > 10 ? 50 : 0))
    }

    private func compare(_ domain: UnsafeMutablePointer<Domain>, _ world: World) -> Int {
        var compared = 0
        for server in 0..<domain.pointee.servers.count {
            let state = domain.pointee.servers[pointer: server]
            guard state.pointee.isAlive else { continue }
            for room in world.rooms.indices {
                let number = domain.pointee.plans.current[server * domain.pointee.plans.rooms + room]
                guard number != PlanTable.none, state.pointee.planEpoch == state.pointee.machine.epoch
                else { continue }
                let fresh = state.pointee.machine.forwarding(
                    of: world.literals[room], from: .client, in: world.subjects)
                var members: Set<String> = []
                for group in fresh.groups {
                    guard let first = fresh.candidates(of: group).first else { continue }
                    members.insert("\(UInt32(bitPattern: group.queue.rawValue)) \(first.sid ?? -1)")
                }
                #expect(planned(number, domain) == members)
                let plan = domain.pointee.plans.plan(number).pointee
                #expect(Int(plan.gatewaysCount) == fresh.gateways.count)
                compared += 1
            }
        }
        return compared
    }

    /// The targets of a plan, as session and slot; -1 behind a route.
    private func planned(_ number: UInt32, _ domain: UnsafeMutablePointer<Domain>) -> Set<String> {
        let plan = domain.pointee.plans.plan(number)
        var result: Set<String> = []
        plan.forEachList { list in
            for index in 0..<Int(list.pointee.count) {
                result.insert("\(list.targets[index].session) \(list.targets[index].slot)")
            }
        }
        for route in plan.allForwards.prefix(Int(plan.pointee.routesCount)) {
            for session in plan.sessions(behind: route) { result.insert("\(session.session) -1") }
        }
        return result
    }

    private func target(_ serial: UInt32) -> Target {
        Target(slot: Int32(serial), session: serial, pairBase: 0, serial: serial)
    }

    private func remote(_ serial: UInt32) -> RemoteTarget {
        RemoteTarget(session: serial, serial: serial, peerSerial: 10 * serial)
    }

    /// A message whose sender knew less goes to the sessions that it knew, and the whole plan stays as it was.
    @Test func aNarrowedPlanHoldsOnlyKnownSessions() {
        var plans = PlanTable(servers: 1, rooms: 1)
        let draft = PlanDraft(
            room: 0, maximumSerial: 6, maximumLocalSerial: 4,
            relays: [(0, [target(1), target(2)]), (1, [target(3), target(4)])],
            routes: [.init(place: 1, serial: 60, sessions: [remote(5), remote(6)])],
            gateways: [.init(place: 7, serial: 1, sessions: [remote(9)])])
        let whole = plans.append(draft, server: 0, at: 0)

        let narrow = plans.plan(plans.narrowed(whole, known: 3, server: 0, room: 0))
        #expect(narrow.pointee.localCopies == 3)
        #expect(narrow.pointee.relaysCount == 2)
        #expect(narrow.pointee.routesCount == 0)
        #expect(narrow.lists.next.pointee.relay == 1)
        #expect(narrow.lists.next.pointee.count == 1)
        #expect(!narrow.pointee.isCurrent)

        let wider = plans.plan(plans.narrowed(whole, known: 5, server: 0, room: 0))
        #expect(wider.pointee.localCopies == 4)
        #expect(wider.routes[0].count == 1)
        // The routed server gets the latest of its own announcements among them.
        #expect(wider.routes[0].serial == 50)
        #expect(plans.plan(whole).pointee.localCopies == 4)
        #expect(plans.plan(whole).pointee.isCurrent)
    }

    /// What lies behind a plan in the memory is what was put there, also after the memory has grown.
    @Test func aPlanKeepsItsPartsWhenTheTableGrows() {
        var plans = PlanTable(servers: 1, rooms: 1)
        let draft = PlanDraft(
            room: 0, relays: [(3, [target(1), target(2), target(3)]), (~5, [])],
            routes: [.init(place: 2, serial: 8, sessions: [])],
            gateways: [.init(place: 7, serial: 1, sessions: [remote(4), remote(5)])])
        let first = plans.append(draft, server: 0, at: 0)
        for _ in 0..<1_000 { _ = plans.append(draft, server: 0, at: 1) }
        let plan = plans.plan(first)
        #expect(plan.pointee.localCopies == 4)
        #expect(plan.lists.pointee.relay == 3)
        #expect((0..<3).map { plan.lists.targets[$0].session } == [1, 2, 3])
        #expect(plan.lists.next.pointee.relay == ~5)
        #expect(plan.routes[0].place == 2)
        #expect(plan.gateways[0].place == 7)
        #expect(plan.sessions(behind: plan.gateways[0]).map(\.session) == [4, 5])
        let list = plans.number(of: plan.lists.next)
        #expect(plans.list(list).pointee.relay == ~5)
        #expect(plans.count == 1_001)
    }

    /// Asked for the same again, the table does not grow.
    @Test func narrowingIsRemembered() {
        var plans = PlanTable(servers: 1, rooms: 1)
        let whole = plans.append(
            PlanDraft(room: 0, maximumSerial: 9, maximumLocalSerial: 9, relays: [(0, [target(9)])]), server: 0, at: 0)
        let first = plans.narrowed(whole, known: 8, server: 0, room: 0)
        #expect(plans.narrowed(whole, known: 8, server: 0, room: 0) == first)
        #expect(plans.count == 2)
        #expect(plans.narrowed(whole, known: 7, server: 0, room: 0) != first)
    }
}
