import NATSModel
import Testing

/// Three US and two Singapore servers as in the measured set-up: full meshes, one outbound gateway each.
/// Client n lives on server n; all subscriptions use sid 1 unless a test says otherwise.
private func fiveServers() -> SuperCluster {
    var world = SuperCluster()
    for index in 0..<3 { _ = world.addServer("us-\(index)", cluster: "us") }
    for index in 0..<2 { _ = world.addServer("sg-\(index)", cluster: "sg") }
    world.route(0, 1)
    world.route(0, 2)
    world.route(1, 2)
    world.route(3, 4)
    world.gateway(0, to: 3)
    world.gateway(1, to: 3)
    world.gateway(2, to: 4)
    world.gateway(3, to: 1)
    world.gateway(4, to: 1)
    for client in 0..<5 { world.addClient(client, at: client) }
    return world
}

@Suite struct SuperClusterTests {
    @Test(arguments: 0..<5)
    func aPlainSubscriptionOnEachServerGetsOneCopyOfEachMessage(_ publisher: Int) {
        var world = fiveServers()
        for client in 0..<5 { world.subscribe(client, 1, "room.1.*") }
        #expect(world.publish(publisher, "room.1.x").map(\.client) == [0, 1, 2, 3, 4])
        #expect(world.crossings == 1)
    }

    /// The calls' way: each session a queue group of its own, which makes the group a plain fan-out.
    @Test(arguments: 0..<5)
    func aGroupOfOneForEachSessionReachesAllAcrossTheGatewayInOneCrossing(_ publisher: Int) {
        var world = fiveServers()
        for client in 0..<5 {
            world.subscribe(client, 1, "room.1.*", queue: "session-\(client)-a")
            world.subscribe(client, 2, "room.1.*", queue: "session-\(client)-b")
        }
        let found = world.publish(publisher, "room.1.x")
        #expect(found.map(\.client) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
        #expect(world.crossings == 1)
    }

    /// One member on each of five servers: the publisher's region gets it, and one member only.
    @Test func aSharedGroupStaysInThePublishersCluster() {
        var world = fiveServers()
        for client in 0..<5 { world.subscribe(client, 1, "work", queue: "workers") }
        for key in 0..<100 {
            let here = world.publish(0, "work", key: UInt64(key))
            #expect(here.count == 1)
            #expect(here[0].client < 3)
            #expect(world.crossings == 0)
            let there = world.publish(4, "work", key: UInt64(key))
            #expect(there.count == 1)
            #expect(there[0].client >= 3)
        }
    }

    @Test func whenTheLastLocalMemberLeavesTheGroupMovesAtOnce() {
        var world = fiveServers()
        world.subscribe(2, 1, "work", queue: "workers")
        world.subscribe(4, 1, "work", queue: "workers")
        #expect(world.publish(0, "work").map(\.client) == [2])
        world.unsubscribe(2, 1)
        #expect(world.publish(0, "work").map(\.client) == [4])
        world.removeClient(4)
        #expect(world.publish(0, "work") == [])
    }

    @Test func plainAndQueueSubscribersShareOneCrossing() {
        var world = fiveServers()
        world.subscribe(3, 1, "a.b")
        world.subscribe(4, 1, "a.*")
        world.subscribe(4, 2, "a.b", queue: "q")
        world.subscribe(3, 2, "a.>", queue: "r")
        #expect(world.publish(0, "a.b").count == 4)
        #expect(world.crossings == 1)
    }

    @Test func aMessageIsNotForwardedTwiceOverRoutes() {
        var world = SuperCluster()
        for index in 0..<3 { _ = world.addServer("us-\(index)", cluster: "us") }
        world.route(0, 1)
        world.route(1, 2)
        world.addClient(0, at: 0)
        world.addClient(2, at: 2)
        world.subscribe(2, 1, "a")
        #expect(world.publish(0, "a") == [])
    }

    @Test func threeClustersEachGetOneCopyAndPassNothingOn() {
        var world = SuperCluster()
        for name in ["us", "sg", "eu"] { _ = world.addServer(name + "-0", cluster: name) }
        for first in 0..<3 {
            for second in 0..<3 where first != second { world.gateway(first, to: second) }
        }
        for client in 0..<3 {
            world.addClient(client, at: client)
            world.subscribe(client, 1, "a")
        }
        #expect(world.publish(0, "a").map(\.client) == [0, 1, 2])
        #expect(world.crossings == 2)
    }

    @Test func aServerWithoutGatewayPublishesToItsOwnClusterOnly() {
        var world = SuperCluster()
        _ = world.addServer("us-0", cluster: "us")
        _ = world.addServer("us-1", cluster: "us")
        _ = world.addServer("sg-0", cluster: "sg")
        world.route(0, 1)
        world.gateway(0, to: 2)
        for client in 0..<3 { world.addClient(client, at: client) }
        world.subscribe(2, 1, "a")
        world.subscribe(0, 1, "a")
        #expect(world.publish(1, "a").map(\.client) == [0])
        #expect(world.publish(0, "a").map(\.client) == [0, 2])
    }

    @Test func anUnsubscribeWithMaximumLeavesNoInterestBehind() {
        var world = fiveServers()
        world.subscribe(4, 1, "a")
        world.unsubscribe(4, 1, maximum: 2)
        #expect(world.publish(0, "a").count == 1)
        #expect(world.publish(0, "a").count == 1)
        #expect(world.publish(0, "a").count == 0)
        #expect(world.crossings == 0)
    }

    @Test func aRequestThatNobodyCanAnswerIsAnsweredAtOnce() {
        var world = fiveServers()
        world.addClient(7, at: 0, options: ConnectOptions(noResponders: true))
        world.subscribe(7, 1, "inbox.7.*")
        #expect(world.publish(7, "service", reply: "inbox.7.1") == [])
        #expect(world.unanswered == [7])
        world.subscribe(4, 1, "service")
        #expect(world.publish(7, "service", reply: "inbox.7.2").map(\.client) == [4])
        #expect(world.unanswered == [7])
        #expect(world.publish(0, "elsewhere", reply: "inbox.0.1") == [])
        #expect(world.unanswered == [7])
    }

    @Test func withoutEchoAClientDoesNotHearItself() {
        var world = fiveServers()
        world.addClient(7, at: 0, options: ConnectOptions(echo: false))
        world.subscribe(7, 1, "a")
        world.subscribe(1, 1, "a")
        #expect(world.publish(7, "a").map(\.client) == [1])
        #expect(world.publish(1, "a").map(\.client) == [1, 7])
    }
}
