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
                let plan = domain.pointee.plans.plans[Int(number)]
                #expect(Int(plan.gatewaysCount) == fresh.gateways.count)
                compared += 1
            }
        }
        return compared
    }

    /// The targets of a plan, as session and slot.
    private func planned(_ number: UInt32, _ domain: UnsafeMutablePointer<Domain>) -> Set<String> {
        let plan = domain.pointee.plans.plans[Int(number)]
        var result: Set<String> = []
        func add(_ first: Int32, _ count: Int32) {
            for index in Int(first)..<Int(first + count) {
                let target = domain.pointee.plans.targets[index]
                result.insert("\(target.session) \(target.slot)")
            }
        }
        for index in Int(plan.relaysFirst)..<Int(plan.relaysFirst + plan.relaysCount) {
            let list = domain.pointee.plans.relays[index]
            add(list.first, list.count)
        }
        for index in Int(plan.routesFirst)..<Int(plan.routesFirst + plan.routesCount) {
            let list = domain.pointee.plans.routes[index]
            add(list.first, list.count)
        }
        return result
    }

    /// A message whose sender knew less goes to the sessions that it knew, and the whole plan stays as it was.
    @Test func aNarrowedPlanHoldsOnlyKnownSessions() {
        var plans = PlanTable(servers: 1, rooms: 1)
        for serial in 1...6 {
            plans.targets.append(
                Target(
                    slot: Int32(serial), session: UInt32(serial), pairBase: 0, serial: UInt32(serial),
                    peerSerial: UInt32(10 * serial)))
        }
        plans.relays.append(RelayTargets(relay: 0, first: 0, count: 2, room: 0))
        plans.relays.append(RelayTargets(relay: 1, first: 2, count: 2, room: 0))
        plans.routes.append(ForwardTargets(place: 1, first: 4, count: 2, serial: 60))
        let whole = Plan(
            server: 0, room: 0, maximumSerial: 6, maximumLocalSerial: 4, relaysFirst: 0, relaysCount: 2,
            routesFirst: 0,
            routesCount: 1, gatewaysFirst: 0, gatewaysCount: 0, localCopies: 4)
        _ = plans.append(whole, server: 0, at: 0)

        let narrow = plans.plans[Int(plans.narrowed(0, known: 3, server: 0))]
        #expect(narrow.localCopies == 3)
        #expect(narrow.relaysCount == 2)
        #expect(narrow.routesCount == 0)
        #expect(plans.relays[Int(narrow.relaysFirst) + 1].count == 1)

        let wider = plans.plans[Int(plans.narrowed(0, known: 5, server: 0))]
        #expect(wider.localCopies == 4)
        #expect(plans.routes[Int(wider.routesFirst)].count == 1)
        // The routed server gets the latest of its own announcements among them.
        #expect(plans.routes[Int(wider.routesFirst)].serial == 50)
        #expect(plans.plans[0].localCopies == 4)
    }

    /// Asked for the same again, the table does not grow.
    @Test func narrowingIsRemembered() {
        var plans = PlanTable(servers: 1, rooms: 1)
        plans.targets.append(Target(slot: 0, session: 0, pairBase: 0, serial: 9, peerSerial: 0))
        plans.relays.append(RelayTargets(relay: 0, first: 0, count: 1, room: 0))
        _ = plans.append(
            Plan(
                server: 0, room: 0, maximumSerial: 9, maximumLocalSerial: 9, relaysFirst: 0, relaysCount: 1,
                routesFirst: 0,
                routesCount: 0, gatewaysFirst: 0, gatewaysCount: 0, localCopies: 1),
            server: 0, at: 0)
        let first = plans.narrowed(0, known: 8, server: 0)
        #expect(plans.narrowed(0, known: 8, server: 0) == first)
        #expect(plans.plans.count == 2)
        #expect(plans.narrowed(0, known: 7, server: 0) != first)
    }
}
