import EventKernel
import NATSModel
import Testing

/// Cluster a: a1 with the members, a2 which b's gateway leads to; both routes and gateways come after the members.
/// As seen on real servers: 2.9.10 and 2.15.1 deliver all the time, 2.10.25 and 2.10.26 do not.
private func world(_ version: String) throws -> SuperCluster {
    var world = SuperCluster()
    world.version = try ServerVersion(parsing: version)
    for name in ["a1", "a2", "b1"] { _ = world.addServer(name, cluster: String(name.prefix(1))) }
    world.addClient(0, at: 0)
    world.addClient(2, at: 2)
    for sid in [Int32(1), 2] { world.subscribe(0, sid, "work", queue: "workers") }
    world.route(0, 1)
    world.gateway(2, to: 1)
    return world
}

@Suite struct GroupTallyTests {
    @Test(arguments: [("2.9.10", 1), ("2.10.22", 1), ("2.10.23", 0), ("2.10.27", 0), ("2.10.28", 1), ("2.15.1", 1)])
    func afterARouteCameLateOneOfTwoMembersLeaves(_ version: String, _ copies: Int) throws {
        var world = try world(version)
        #expect(world.publish(2, "work").count == 1)
        world.unsubscribe(0, 2)
        #expect(world.publish(2, "work").count == copies)
        // Another member, and the group is known again.
        world.subscribe(0, 3, "work", queue: "workers")
        #expect(world.publish(2, "work").count == 1)
    }

    @Test func aGatewayThatComesAfterwardsIsNotToldOfALostGroup() throws {
        for (version, entries) in [("2.9.10", 3), ("2.10.25", 2)] {
            var world = try world(version)
            world.unsubscribe(0, 2)
            #expect(world.servers[1].opened(99, .inboundGateway).count == entries)
        }
    }

    @Test func withoutAReconnectTheCountIsRight() throws {
        var world = try world("2.10.25")
        world.subscribe(0, 5, "other", queue: "workers")
        world.subscribe(0, 6, "other", queue: "workers")
        world.unsubscribe(0, 5)
        #expect(world.publish(2, "other").count == 1)
        world.unsubscribe(0, 6)
        #expect(world.publish(2, "other").count == 0)
    }

    @Test func aMemberOnTheGatewaysServerHidesTheLoss() throws {
        var world = try world("2.10.25")
        world.addClient(1, at: 1)
        world.subscribe(1, 1, "other", queue: "workers")
        world.subscribe(0, 5, "other", queue: "workers")
        world.subscribe(0, 6, "other", queue: "workers")
        world.disconnect(0, 1)
        world.route(0, 1)
        world.unsubscribe(0, 5)
        world.removeClient(1)
        #expect(world.publish(2, "other").count == 1)
    }

    @Test func aRouteThatBreaksAndComesBackLosesTheCountToo() throws {
        for (version, copies) in [("2.9.10", 1), ("2.10.25", 0)] {
            var world = try world(version)
            world.subscribe(0, 3, "work", queue: "workers")
            world.unsubscribe(0, 1)
            world.subscribe(0, 4, "work", queue: "workers")
            world.disconnect(0, 1)
            #expect(world.publish(2, "work").count == 0)
            world.route(0, 1)
            #expect(world.publish(2, "work").count == 1)
            world.unsubscribe(0, 2)
            #expect(world.publish(2, "work").count == copies)
        }
    }
}
