import EventKernel
import NATSModel
import Testing

/// Two clusters of two servers. Client n lives on server n.
private func fourServers(_ deviations: Deviation) -> SuperCluster {
    var world = SuperCluster.twoAndTwo(deviations)
    for client in 0..<4 {
        let options = ConnectOptions(echo: client != 3, noResponders: true)
        world.addClient(client, at: client, options: options)
    }
    return world
}

/// One situation in which a wrong rule shows: who gets a message with it and without it.
private struct Probe: Sendable, CustomTestStringConvertible {
    var deviation: Deviation
    var right: [Int]
    var wrong: [Int]
    var observe: @Sendable (inout SuperCluster) -> [Int]

    var testDescription: String {
        Deviation.all.first { $0.deviation == deviation }?.name ?? "unnamed"
    }

    init(
        _ deviation: Deviation, right: [Int], wrong: [Int],
        observe: @escaping @Sendable (inout SuperCluster) -> [Int]
    ) {
        self.deviation = deviation
        self.right = right
        self.wrong = wrong
        self.observe = observe
    }
}

/// How many of 300 messages of `client` each client got.
private func shares(_ world: inout SuperCluster, _ client: Int, _ subject: String) -> [Int] {
    var counts = [0, 0, 0, 0]
    for key in 0..<300 {
        for arrival in world.publish(client, subject, key: UInt64(key)) { counts[arrival.client] += 1 }
    }
    return counts
}

private let interestProbes = [
    Probe(.ignoresGatewayUnsubscribe, right: [0], wrong: [1]) { world in
        world.subscribe(2, 1, "x")
        world.unsubscribe(2, 1)
        _ = world.publish(0, "x")
        return [world.crossings]
    },
    Probe(.ignoresRouteUnsubscribe, right: [0], wrong: [1]) { world in
        world.subscribe(0, 1, "x")
        world.unsubscribe(0, 1)
        _ = world.publish(2, "x")
        return [world.crossings]
    },
    Probe(.hidesRoutedInterest, right: [0], wrong: []) { world in
        world.subscribe(0, 1, "x")
        return world.publish(2, "x").map(\.client)
    },
    Probe(.forgetsReplayToRoutes, right: [0], wrong: []) { world in
        world.subscribe(0, 1, "x")
        world.disconnect(0, 1)
        world.route(0, 1)
        return world.publish(1, "x").map(\.client)
    },
    Probe(.forgetsReplayOfGroups, right: [1], wrong: []) { world in
        world.subscribe(1, 1, "x", queue: "q")
        world.disconnect(2, 1)
        world.gateway(2, to: 1)
        return world.publish(2, "x").map(\.client)
    },
    Probe(.endsGroupsEarly, right: [1], wrong: []) { world in
        world.subscribe(1, 1, "x", queue: "q")
        world.subscribe(1, 2, "x", queue: "q")
        world.unsubscribe(1, 1)
        return world.publish(2, "x").map(\.client)
    },
    Probe(.keepsInterestOfClosedClients, right: [0], wrong: [1]) { world in
        world.subscribe(2, 1, "x")
        world.removeClient(2)
        _ = world.publish(0, "x")
        return [world.crossings]
    },
]

private let pathProbes = [
    Probe(.forwardsBetweenRoutes, right: [1], wrong: [1, 7]) { world in
        // a-1 and a-3 have no route to each other.
        let third = world.addServer("a-3", cluster: "a")
        world.route(1, third)
        world.addClient(7, at: third)
        world.subscribe(7, 1, "x")
        world.subscribe(1, 1, "x")
        return world.publish(0, "x").map(\.client)
    },
    Probe(.forwardsBetweenGateways, right: [1, 2], wrong: [1, 1, 2]) { world in
        world.subscribe(1, 1, "x")
        world.subscribe(2, 1, "x")
        return world.publish(0, "x").map(\.client)
    },
    Probe(.forwardsWithoutInterest, right: [0], wrong: [1]) { world in
        world.subscribe(1, 1, "x")
        _ = world.publish(0, "x")
        return [world.crossings]
    },
    Probe(.tailMatchesNothing, right: [], wrong: [2]) { world in
        world.subscribe(2, 1, "x.>")
        return world.publish(0, "x").map(\.client)
    },
    Probe(.starMatchesSeveralTokens, right: [], wrong: [2, 2]) { world in
        world.subscribe(2, 1, "x.*")
        world.subscribe(2, 2, "x.*.*")
        return world.publish(0, "x.1.2.3").map(\.client)
    },
    Probe(.ignoresEcho, right: [0], wrong: [0, 3]) { world in
        world.subscribe(0, 1, "x")
        world.subscribe(3, 1, "x")
        return world.publish(3, "x").map(\.client)
    },
    Probe(.endsOneMessageLate, right: [0, 0], wrong: [0, 0, 0]) { world in
        world.subscribe(0, 1, "x")
        world.unsubscribe(0, 1, maximum: 2)
        return (0..<4).flatMap { _ in world.publish(2, "x").map(\.client) }
    },
    Probe(.deliversOncePerClient, right: [1, 1], wrong: [1]) { world in
        world.subscribe(1, 1, "x")
        world.subscribe(1, 2, "*")
        return world.publish(0, "x").map(\.client)
    },
    // The answer on its way back does not stop at its own cluster's observer (3 is silent to itself).
    Probe(.neverMapsReplies, right: [2], wrong: [1]) { world in
        world.subscribe(3, 1, "service")
        world.subscribe(2, 1, "inbox.>")
        world.now = .start + .seconds(10)
        world.subscribe(0, 1, "inbox.x")
        _ = world.publish(0, "service", reply: "inbox.x")
        _ = world.publish(3, "inbox.x")
        return [world.crossings]
    },
    Probe(.countsOwnClusterOnly, right: [], wrong: [0]) { world in
        world.subscribe(0, 1, "inbox.x")
        world.subscribe(2, 1, "service")
        world.now = .start + .seconds(10)
        _ = world.publish(0, "service", reply: "inbox.x")
        return world.unanswered
    },
    Probe(.neverAnswersNoResponders, right: [0], wrong: []) { world in
        world.subscribe(0, 1, "inbox.x")
        _ = world.publish(0, "nobody", reply: "inbox.x")
        return world.unanswered
    },
]

private let groupProbes = [
    Probe(.servesGroupsInEachCluster, right: [1], wrong: [1, 2]) { world in
        world.subscribe(1, 1, "x", queue: "q")
        world.subscribe(2, 1, "x", queue: "q")
        return world.publish(0, "x").map(\.client)
    },
    Probe(.servesUnlistedGroups, right: [0, 2], wrong: [0, 2, 3]) { world in
        world.subscribe(0, 1, "x", queue: "q")
        world.subscribe(3, 1, "x", queue: "q")
        world.subscribe(2, 1, "x")
        return world.publish(0, "x").map(\.client)
    },
    // One member on a-1, four on a-2.
    Probe(.ignoresWeights, right: [64, 236, 0, 0], wrong: [152, 148, 0, 0]) { world in
        world.subscribe(0, 1, "x", queue: "q")
        for sid in 1...4 { world.subscribe(1, Int32(sid), "x", queue: "q") }
        return shares(&world, 0, "x")
    },
    Probe(.prefersLocalMembers, right: [152, 148, 0, 0], wrong: [300, 0, 0, 0]) { world in
        world.subscribe(0, 1, "x", queue: "q")
        world.subscribe(1, 1, "x", queue: "q")
        return shares(&world, 0, "x")
    },
]

@Suite struct DeviationTests {
    @Test(arguments: interestProbes + pathProbes + groupProbes)
    fileprivate func aWrongRuleShows(_ probe: Probe) {
        var world = fourServers([])
        #expect(probe.observe(&world) == probe.right)
        world = fourServers(probe.deviation)
        #expect(probe.observe(&world) == probe.wrong)
    }

    @Test func eachHasANameABitAndAProbe() {
        let probed = (interestProbes + pathProbes + groupProbes).map(\.deviation.rawValue).sorted()
        #expect(probed == (0..<22).map { 1 << $0 })
        #expect(Deviation.all.map(\.deviation.rawValue) == (0..<22).map { 1 << $0 })
        #expect(Set(Deviation.all.map(\.name)).count == 22)
    }

    /// However many wrong rules are on, no message goes round for ever.
    @Test func allTogetherTheyComeToAnEnd() {
        var everything = Deviation()
        for each in Deviation.all { everything.insert(each.deviation) }
        everything.subtract([.ignoresEcho, .deliversOncePerClient])
        var world = fourServers(everything)
        for third in ["a-3", "b-3"] {
            let server = world.addServer(third, cluster: String(third.prefix(1)))
            for other in third == "a-3" ? [0, 1] : [2, 3] { world.route(server, other) }
        }
        for client in 0..<4 { world.subscribe(client, 1, "x") }
        for client in 0..<4 { #expect(world.publish(client, "x").count >= 4 - (client == 3 ? 1 : 0)) }
    }
}
