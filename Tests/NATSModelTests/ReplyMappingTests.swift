import EventKernel
import NATSModel
import Testing

private let requester = ReplyOrigin(ServerIdentity(name: "us-0", cluster: "us"))

/// One server with two clients (1, 2), a route (11) and a gateway to each of two clusters (21 to `sg`, 22 to `eu`),
/// both of which want `service`.
private struct Bench {
    var table = SubjectTable()
    var server: Server
    let service: SubjectID
    let inbox: SubjectID

    init(name: String = "us-0", cluster: String = "us") {
        service = table.intern("service")
        inbox = table.intern("inbox.1")
        server = Server(name: name, cluster: cluster)
        _ = server.opened(1, .client)
        _ = server.opened(2, .client)
        _ = server.opened(11, .route, ServerIdentity(name: "\(cluster)-1", cluster: cluster))
        _ = server.opened(21, .outboundGateway, ServerIdentity(name: "sg-0", cluster: "sg"))
        _ = server.opened(22, .outboundGateway, ServerIdentity(name: "eu-0", cluster: "eu"))
        _ = server.opened(31, .inboundGateway, ServerIdentity(name: "sg-0", cluster: "sg"))
        for number in [21, 22] { remote(number, service) }
    }

    mutating func remote(_ number: Int, _ subject: SubjectID, queue: QueueID? = nil) {
        let plus = NATSModel.Operation.remoteSubscribe(subject: subject, queue: queue, weight: 1)
        _ = server.outputs(of: plus, on: number, table)
    }

    mutating func subscribe(
        _ number: Int, _ sid: Int32, _ subject: SubjectID, queue: QueueID? = nil, at time: SimTime = .start
    ) {
        _ = server.outputs(of: .subscribe(sid: sid, subject: subject, queue: queue), on: number, table, at: time)
    }

    /// What a request of client 1 makes the server write.
    mutating func request(at time: SimTime) -> [Output] {
        server.outputs(of: .publish(Publish(subject: service, reply: inbox)), on: 1, table, at: time)
    }

    mutating func publish(_ number: Int, _ subject: SubjectID, at time: SimTime = .start) -> [Output] {
        server.outputs(of: .publish(Publish(subject: subject)), on: number, table, at: time)
    }

    mutating func routed(_ message: Publish, on number: Int, at time: SimTime = .start) -> [Output] {
        server.outputs(of: .routed(message, queues: []), on: number, table, at: time)
    }
}

private func routed(_ number: Int, _ message: Publish, queues: [QueueID] = []) -> Output {
    Output(connection: connection(number), operation: .routed(message, queues: queues))
}

private func delivery(_ number: Int, _ message: Publish, sid: Int32) -> Output {
    Output(connection: connection(number), operation: .message(message, sid: sid))
}

@Suite struct ReplyMappingTests {
    @Test func withinTwoSecondsOfItsSubscriptionAReplyLeavesMapped() {
        var bench = Bench()
        bench.subscribe(1, 1, bench.inbox, at: seconds(10))
        let plain = Publish(subject: bench.service, reply: bench.inbox)
        let mapped = Publish(subject: bench.service, reply: bench.inbox, replyOrigin: requester)
        #expect(bench.request(at: seconds(10)) == [routed(21, mapped), routed(22, mapped)])
        #expect(bench.request(at: seconds(11.999)) == [routed(21, mapped), routed(22, mapped)])
        #expect(bench.request(at: seconds(12)) == [routed(21, plain), routed(22, plain)])
    }

    @Test func routesGetThePlainReply() {
        var bench = Bench()
        bench.subscribe(1, 1, bench.inbox)
        bench.remote(11, bench.service)
        let plain = Publish(subject: bench.service, reply: bench.inbox)
        #expect(bench.request(at: .start).first == routed(11, plain))
    }

    @Test func anyClientsSubscriptionCountsAlsoAMemberOrAPattern() {
        for pattern in ["inbox.1", "inbox.*", ">"] {
            var bench = Bench()
            let queue = bench.table.internQueue("q")
            bench.subscribe(2, 1, bench.table.intern(pattern), queue: queue)
            let mapped = Publish(subject: bench.service, reply: bench.inbox, replyOrigin: requester)
            #expect(bench.request(at: seconds(1)).contains(routed(21, mapped)))
        }
    }

    @Test func routedAndEndedSubscriptionsDoNotCount() {
        var bench = Bench()
        bench.remote(11, bench.inbox)
        bench.subscribe(1, 1, bench.inbox)
        _ = bench.server.outputs(of: .unsubscribe(sid: 1, maximum: nil), on: 1, bench.table)
        let plain = Publish(subject: bench.service, reply: bench.inbox)
        #expect(bench.request(at: seconds(1)) == [routed(21, plain), routed(22, plain)])
    }

    @Test func theResponderSeesThePlainReplyAndItsAnswerGoesToTheRequestersClusterOnly() {
        var bench = Bench(name: "eu-0", cluster: "eu")
        let other = ReplyOrigin(ServerIdentity(name: "sg-7", cluster: "sg"))
        bench.subscribe(1, 1, bench.service)
        bench.subscribe(2, 1, bench.inbox)
        let request = Publish(subject: bench.service, reply: bench.inbox, replyOrigin: other)
        let seen = Publish(subject: bench.service, reply: bench.inbox)
        #expect(bench.routed(request, on: 31) == [delivery(1, seen, sid: 1)])
        let answer = Publish(subject: bench.inbox, destination: other)
        #expect(bench.publish(1, bench.inbox, at: seconds(1)) == [routed(21, answer)])
        // Only the connection that got the request answers that way.
        let plain = Publish(subject: bench.inbox)
        #expect(bench.publish(2, bench.inbox, at: seconds(1)) == [delivery(2, plain, sid: 1)])
    }

    @Test func routesPassTheMappedReplyOn() {
        var bench = Bench(name: "eu-0", cluster: "eu")
        bench.remote(11, bench.service)
        let request = Publish(subject: bench.service, reply: bench.inbox, replyOrigin: requester)
        #expect(bench.routed(request, on: 31) == [routed(11, request)])
    }

    /// What is tracked when the sweeps start goes with the first of them, what comes 0.5 s later with the second.
    @Test func aMappedReplyIsRememberedForTwoToFourSeconds() {
        func isMapped(at time: Double, tracked: [Double]) -> Bool {
            var bench = Bench(name: "eu-0", cluster: "eu")
            let origin = ReplyOrigin(ServerIdentity(name: "sg-7", cluster: "sg"))
            bench.subscribe(1, 1, bench.service)
            for (index, moment) in tracked.enumerated() {
                let reply = index == tracked.count - 1 ? bench.inbox : bench.table.intern("inbox.other")
                let request = Publish(subject: bench.service, reply: reply, replyOrigin: origin)
                _ = bench.routed(request, on: 31, at: seconds(moment))
            }
            return !bench.publish(1, bench.inbox, at: seconds(time)).isEmpty
        }
        #expect(isMapped(at: 1.999, tracked: [0]))
        #expect(!isMapped(at: 2, tracked: [0]))
        #expect(isMapped(at: 3.999, tracked: [0, 0.5]))
        #expect(!isMapped(at: 4, tracked: [0, 0.5]))
        #expect(isMapped(at: 5.999, tracked: [0, 3]))
        #expect(!isMapped(at: 6, tracked: [0, 3]))
        // The sweep at 4 s finds nothing and is the last one; a later entry starts a grid of its own.
        #expect(isMapped(at: 6.499, tracked: [0, 4.5]))
        #expect(!isMapped(at: 6.5, tracked: [0, 4.5]))
        // The same reply again: remembered from then on.
        #expect(isMapped(at: 3.999, tracked: [0, 1, 1.9]))
    }

    @Test func anAnswerGoesByRouteToTheServerItIsMeantForEvenWithoutInterest() {
        var bench = Bench()
        bench.subscribe(1, 1, bench.inbox)
        let neighbour = ReplyOrigin(ServerIdentity(name: "us-1", cluster: "us"))
        let answer = Publish(subject: bench.inbox, destination: neighbour)
        #expect(bench.routed(answer, on: 31) == [routed(11, answer)])
    }

    @Test func anAnswerForThisServerGoesToClientsRoutesGroupsAndOtherClusters() {
        var bench = Bench()
        let queue = bench.table.internQueue("q")
        let far = bench.table.internQueue("far")
        bench.subscribe(1, 1, bench.inbox)
        bench.subscribe(2, 1, bench.inbox, queue: queue)
        bench.remote(11, bench.inbox)
        bench.remote(21, bench.inbox)
        bench.remote(22, bench.inbox, queue: far)
        bench.remote(22, bench.inbox, queue: queue)
        let plain = Publish(subject: bench.inbox)
        let expected = [
            delivery(1, plain, sid: 1), delivery(2, plain, sid: 1), routed(11, plain), routed(21, plain),
            routed(22, plain, queues: [far]),
        ]
        let answer = Publish(subject: bench.inbox, destination: requester)
        #expect(bench.routed(answer, on: 31) == expected)
        // The same from the server of the cluster that got it; it gets a copy back for its own clients.
        #expect(bench.routed(answer, on: 11) == expected)
        // And for a server that is unknown here: whoever got it takes care of it.
        let gone = Publish(subject: bench.inbox, destination: ReplyOrigin(cluster: requester.cluster, server: 1))
        #expect(bench.routed(gone, on: 31) == expected)
    }

    @Test func anAnswerForAnotherClusterIsDropped() {
        var bench = Bench()
        bench.subscribe(1, 1, bench.inbox)
        let stray = Publish(subject: bench.inbox, destination: ReplyOrigin(cluster: 1, server: requester.server))
        #expect(bench.routed(stray, on: 31) == [])
        #expect(bench.routed(stray, on: 11) == [])
    }

    @Test func fromARouteAnAnswerPrefersLocalMembersAndFromAGatewayNone() {
        var bench = Bench()
        let queue = bench.table.internQueue("q")
        bench.subscribe(1, 1, bench.inbox, queue: queue)
        bench.remote(11, bench.inbox, queue: queue)
        func candidates(_ source: SourceKind) -> [ConnectionID] {
            bench.server.forwarding(of: bench.inbox, from: source, in: bench.table).candidates.map(\.connection)
        }
        #expect(candidates(.answer(isFromRoute: true)) == [connection(1)])
        #expect(candidates(.answer(isFromRoute: false)) == [connection(1), connection(11)])
    }

    @Test func anAnswerThatIsItselfARequestLeavesMapped() {
        var bench = Bench(name: "eu-0", cluster: "eu")
        let other = ReplyOrigin(ServerIdentity(name: "sg-7", cluster: "sg"))
        let second = bench.table.intern("inbox.2")
        bench.subscribe(1, 1, bench.service)
        let request = Publish(subject: bench.service, reply: bench.inbox, replyOrigin: other)
        _ = bench.routed(request, on: 31, at: seconds(5))
        bench.subscribe(1, 2, second, at: seconds(5))
        let pong = NATSModel.Operation.publish(Publish(subject: bench.inbox, reply: second))
        let here = ReplyOrigin(ServerIdentity(name: "eu-0", cluster: "eu"))
        #expect(
            bench.server.outputs(of: pong, on: 1, bench.table, at: seconds(6)) == [
                routed(21, Publish(subject: bench.inbox, reply: second, replyOrigin: here, destination: other))
            ])
    }

    /// An answer in the window is no request that could get a 503, even where no gateway leads back.
    @Test func anAnswerWithoutAWayBackIsLostSilently() {
        var bench = Bench(name: "eu-0", cluster: "eu")
        _ = bench.server.outputs(of: .connect(ConnectOptions(noResponders: true)), on: 1, bench.table)
        let second = bench.table.intern("inbox.2")
        bench.subscribe(1, 1, bench.service)
        bench.subscribe(1, 2, second)
        let request = Publish(
            subject: bench.service, reply: bench.inbox, replyOrigin: ReplyOrigin(cluster: 1, server: 1))
        _ = bench.routed(request, on: 31)
        let answer = NATSModel.Operation.publish(Publish(subject: bench.inbox, reply: second))
        #expect(bench.server.outputs(of: answer, on: 1, bench.table) == [])
    }

    /// Two servers a (0, 1) and two b (2, 3); a's gateways lead to b-1, b's to a-2. Each server has a client that
    /// sees `inbox.>` plainly (sid 1), in a group of its cluster (2) and in one of both (3). The responder is on b-2.
    /// As seen on a real 2.9.10: copies per client, requester first.
    @Test func observersOfAnAnswerSeeItOnceMappedOrNot() {
        var world = SuperCluster.twoAndTwo()
        for server in 0..<4 {
            world.addClient(server, at: server)
            world.subscribe(server, 1, "inbox.>")
            world.subscribe(server, 2, "inbox.>", queue: server < 2 ? "a" : "b")
            world.subscribe(server, 3, "inbox.>", queue: "all")
        }
        world.addClient(9, at: 3)
        world.subscribe(9, 1, "service")
        world.now = seconds(10)
        world.addClient(8, at: 0)
        world.subscribe(8, 1, "inbox.x")
        #expect(world.publish(8, "service", reply: "inbox.x").map(\.client) == [9])
        let mapped = world.publish(9, "inbox.x")
        // Four plain ones, the requester, a group of each cluster, the shared one in the requester's.
        #expect(mapped.filter { $0.sid == 1 }.map(\.client) == [0, 1, 2, 3, 8])
        #expect(mapped.filter { $0.sid == 2 && $0.client < 2 }.map(\.client) == [0])
        #expect(mapped.filter { $0.sid == 2 && $0.client >= 2 }.count == 1)
        #expect(mapped.filter { $0.sid == 3 }.map(\.client) == [0])
        #expect(world.crossings == 2)
        world.now = seconds(20)
        #expect(world.publish(8, "service", reply: "inbox.x").map(\.client) == [9])
        let plain = world.publish(9, "inbox.x")
        #expect(plain.filter { $0.sid == 1 }.map(\.client) == [0, 1, 2, 3, 8])
        #expect(plain.filter { $0.sid == 3 }.allSatisfy { $0.client >= 2 })
        #expect(plain.count == 8)
        #expect(world.crossings == 1)
    }
}
