import EventKernel
import NATSModel
import Testing

/// One server and two clients: 1 as its options say, 2 with the defaults.
private struct Bench {
    var table = SubjectTable()
    var server = Server(name: "us-0", cluster: "us")

    init(_ options: ConnectOptions = ConnectOptions()) {
        _ = server.opened(1, .client)
        _ = server.opened(2, .client)
        _ = server.outputs(of: .connect(options), on: 1, table)
    }

    mutating func subscribe(_ number: Int, _ sid: Int32, _ subject: String, queue: String? = nil) -> [Output] {
        let id = table.intern(subject)
        let group = queue.map { table.internQueue($0) }
        return server.outputs(of: .subscribe(sid: sid, subject: id, queue: group), on: number, table)
    }

    mutating func unsubscribe(_ sid: Int32, maximum: Int32?) {
        _ = server.outputs(of: .unsubscribe(sid: sid, maximum: maximum), on: 1, table)
    }

    mutating func publish(
        _ number: Int, _ subject: String, reply: String? = nil, size: Int32 = 1, headerSize: Int32 = 0
    ) -> [Output] {
        let message = Publish(
            subject: table.intern(subject), reply: reply.map { table.intern($0) }, size: size, headerSize: headerSize)
        return server.outputs(of: .publish(message), on: number, table)
    }

    /// The sids of client 1 that get a message which client 2 publishes.
    mutating func sids(_ subject: String) -> [Int32] {
        publish(2, subject).compactMap { output in
            guard case .message(_, let sid) = output.operation else { return nil }
            return sid
        }
    }

    /// The sid of client 1 that gets the 503 to a request, or nothing.
    mutating func unanswered(_ subject: String = "nobody", reply: String) -> [Int32] {
        publish(1, subject, reply: reply).compactMap { output in
            guard case .noResponders(_, let sid) = output.operation else { return nil }
            return sid
        }
    }
}

private func error(_ error: ProtocolError) -> [Output] {
    [Output(connection: connection(1), operation: .error(error))]
}

@Suite struct RefusalTests {
    @Test func onlyServersPublishToMappedReplies() {
        var bench = Bench()
        #expect(bench.publish(1, "_GR_.x") == error(.publishPermission))
        #expect(bench.publish(1, "_GR_.") == [])
        #expect(bench.publish(1, "_GR_") == [])
        #expect(!ProtocolError.publishPermission.closesConnection)
    }

    @Test func reservedRepliesAreRefused() {
        var bench = Bench()
        for reply in ["_GR_.a.b.c", "_R_.", "_R_.x", "$JS.ACK.x"] {
            #expect(bench.publish(1, "a", reply: reply) == error(.replyPermission))
        }
        for reply in ["_GR_.", "_R_", "$JS.ACK.", "_INBOX.x"] { #expect(bench.publish(1, "a", reply: reply) == []) }
        #expect(!ProtocolError.replyPermission.closesConnection)
    }

    @Test func aMessageAboveTheLimitClosesTheConnection() {
        var bench = Bench()
        _ = bench.subscribe(2, 1, "a")
        #expect(bench.publish(1, "a", size: 1_048_577) == error(.maximumPayload))
        #expect(bench.publish(1, "a", size: 1_048_576).count == 1)
        #expect(ProtocolError.maximumPayload.closesConnection)
    }

    @Test func headersNeedToBeAgreedOn() {
        var bench = Bench(ConnectOptions(headers: false))
        _ = bench.subscribe(2, 1, "a")
        #expect(bench.publish(1, "a", size: 13, headerSize: 12) == error(.headersNotSupported))
        #expect(bench.publish(1, "a").count == 1)
        #expect(ProtocolError.headersNotSupported.closesConnection)
    }

    @Test func noRespondersNeedsHeaders() {
        var bench = Bench()
        let options = ConnectOptions(headers: false, noResponders: true)
        #expect(bench.server.outputs(of: .connect(options), on: 1, bench.table) == error(.noRespondersRequiresHeaders))
        #expect(ProtocolError.noRespondersRequiresHeaders.closesConnection)
    }

    @Test func aSidInUseIsNotLookedAtFurther() {
        var bench = Bench()
        #expect(bench.subscribe(1, 4, "a") == [])
        #expect(bench.subscribe(1, 4, "b..c") == [])
        #expect(bench.subscribe(1, 5, "b..c") == error(.invalidSubject))
        #expect(!ProtocolError.invalidSubject.closesConnection)
        #expect(bench.sids("a") == [4])
    }

    @Test func aPublishedWildcardIsMatchedByWildcardsOnly() {
        var bench = Bench()
        for (sid, pattern) in [(Int32(5), "w.*"), (6, "w.>"), (7, "w.x")] { _ = bench.subscribe(1, sid, pattern) }
        #expect(bench.sids("w.*") == [5, 6])
        #expect(bench.sids("w.>") == [5, 6])
        #expect(bench.sids("w..x") == [])
        #expect(bench.sids("w.x") == [5, 6, 7])
    }
}

@Suite struct MaximumTests {
    @Test func aSubscriptionEndsWithItsLastMessage() {
        var bench = Bench()
        _ = bench.subscribe(1, 8, "m")
        bench.unsubscribe(8, maximum: 2)
        #expect([bench.sids("m"), bench.sids("m"), bench.sids("m")] == [[8], [8], []])
    }

    @Test func messagesBeforeTheUnsubscribeCount() {
        var bench = Bench()
        _ = bench.subscribe(1, 8, "m")
        #expect([bench.sids("m"), bench.sids("m")] == [[8], [8]])
        bench.unsubscribe(8, maximum: 3)
        #expect([bench.sids("m"), bench.sids("m")] == [[8], []])
    }

    @Test func aMaximumAlreadyReachedEndsItAtOnce() {
        for maximum in [Int32(1), 2, 0] {
            var bench = Bench()
            _ = bench.subscribe(1, 8, "m")
            #expect([bench.sids("m"), bench.sids("m")] == [[8], [8]])
            bench.unsubscribe(8, maximum: maximum)
            #expect(bench.sids("m") == [])
        }
    }

    @Test func theEndIsToldToRoutesAndOtherClusters() {
        var bench = Bench()
        _ = bench.server.opened(11, .route)
        _ = bench.server.opened(31, .inboundGateway)
        _ = bench.subscribe(1, 8, "m")
        _ = bench.subscribe(1, 9, "m", queue: "q")
        bench.unsubscribe(8, maximum: 1)
        bench.unsubscribe(9, maximum: 1)
        let subject = bench.table.intern("m")
        let queue = bench.table.internQueue("q")
        let minus = bench.publish(2, "m").filter { if case .message = $0.operation { false } else { true } }
        #expect(
            minus == [
                Output(connection: connection(11), operation: .remoteUnsubscribe(subject: subject, queue: nil)),
                Output(connection: connection(31), operation: .remoteUnsubscribe(subject: subject, queue: nil)),
                Output(connection: connection(11), operation: .remoteUnsubscribe(subject: subject, queue: queue)),
                Output(connection: connection(31), operation: .remoteUnsubscribe(subject: subject, queue: queue)),
            ])
    }

    /// What its own client publishes does not count where it does not hear itself.
    @Test func withoutEchoOwnMessagesDoNotCount() {
        var bench = Bench(ConnectOptions(echo: false))
        _ = bench.subscribe(1, 8, "m")
        bench.unsubscribe(8, maximum: 1)
        #expect(bench.publish(1, "m") == [])
        #expect(bench.sids("m") == [8])
        #expect(bench.sids("m") == [])
    }
}

@Suite struct NoRespondersTests {
    private let wanted = ConnectOptions(noResponders: true)

    @Test func theFirstOwnPatternOfTheTrieGetsThe503() {
        for (patterns, sid): ([String], Int32) in [
            (["r.*", "r.x"], 2), (["*.x", "r.x"], 1), (["*.x", "r.>"], 1), (["*.*", "*.x"], 2),
            (["r.x", "r.*", "r.>"], 3), (["r.x", "r.x"], 1),
        ] {
            var bench = Bench(wanted)
            for (index, pattern) in patterns.enumerated() { _ = bench.subscribe(1, Int32(index + 1), pattern) }
            #expect(bench.unanswered(reply: "r.x") == [sid])
        }
    }

    @Test func itNeedsAnOwnPlainSubscriptionForTheReply() {
        var bench = Bench(wanted)
        #expect(bench.unanswered(reply: "r.x") == [])
        _ = bench.subscribe(1, 1, "r.x", queue: "q")
        _ = bench.subscribe(2, 1, "r.x")
        #expect(bench.unanswered(reply: "r.x") == [])
        _ = bench.subscribe(1, 2, "r.x")
        #expect(bench.unanswered(reply: "r.x") == [2])
        #expect(bench.publish(1, "nobody") == [])
    }

    @Test func itMustBeAskedFor() {
        var bench = Bench(ConnectOptions(noResponders: false))
        _ = bench.subscribe(1, 1, "r.x")
        #expect(bench.unanswered(reply: "r.x") == [])
    }

    /// A subject with an empty token reaches nobody, nor does one that only the silent publisher wants.
    @Test func whatReachesNobodyIsAnswered() {
        var bench = Bench(ConnectOptions(echo: false, noResponders: true))
        _ = bench.subscribe(1, 1, "r.x")
        _ = bench.subscribe(1, 2, "self")
        _ = bench.subscribe(1, 3, "self", queue: "q")
        #expect(bench.unanswered("no..body", reply: "r.x") == [1])
        #expect(bench.unanswered("self", reply: "r.x") == [1])
    }

    @Test func aCopyHandedToARouteOrAGatewayCountsAsReached() {
        for kind in [ConnectionKind.route, .outboundGateway] {
            var bench = Bench(wanted)
            _ = bench.subscribe(1, 1, "r.x")
            _ = bench.server.opened(11, kind)
            let plus = NATSModel.Operation.remoteSubscribe(
                subject: bench.table.intern("there"), queue: bench.table.internQueue("q"), weight: 1)
            _ = bench.server.outputs(of: plus, on: 11, bench.table)
            #expect(bench.unanswered("there", reply: "r.x") == [])
            #expect(bench.unanswered("elsewhere", reply: "r.x") == [1])
        }
    }
}

@Suite struct HeaderTests {
    @Test func aClientWithoutHeadersGetsThePayloadOnly() {
        var bench = Bench(ConnectOptions(headers: false))
        _ = bench.subscribe(1, 1, "h")
        _ = bench.subscribe(2, 1, "h")
        let subject = bench.table.intern("h")
        let message = Publish(subject: subject, size: 13, headerSize: 12)
        #expect(
            bench.publish(2, "h", size: 13, headerSize: 12) == [
                Output(connection: connection(1), operation: .message(Publish(subject: subject, size: 1), sid: 1)),
                Output(connection: connection(2), operation: .message(message, sid: 1)),
            ])
    }

    @Test func serversPassHeadersOn() {
        var bench = Bench(ConnectOptions(headers: false))
        let subject = bench.table.intern("h")
        for (number, kind) in [(11, ConnectionKind.route), (21, .outboundGateway)] {
            _ = bench.server.opened(number, kind)
            let plus = NATSModel.Operation.remoteSubscribe(subject: subject, queue: nil, weight: 1)
            _ = bench.server.outputs(of: plus, on: number, bench.table)
        }
        let message = Publish(subject: subject, size: 13, headerSize: 12)
        #expect(
            bench.publish(2, "h", size: 13, headerSize: 12)
                == [11, 21].map { Output(connection: connection($0), operation: .routed(message, queues: [])) })
    }
}

@Suite struct ShareTests {
    /// Seen on a real 2.9.10: of 3,000 messages by the first of three members 2,003 go to the second.
    @Test func theShareOfAMemberWithoutEchoFallsToTheNext() {
        var bench = Bench(ConnectOptions(echo: false))
        _ = bench.subscribe(1, 1, "w", queue: "q")
        _ = bench.subscribe(2, 2, "w", queue: "q")
        _ = bench.subscribe(2, 3, "w", queue: "q")
        let source = SourceKind.clientWithoutEcho(connection(1))
        let found = bench.server.forwarding(of: bench.table.intern("w"), from: source, in: bench.table)
        #expect(
            found.candidates == [
                .init(connection: connection(2), sid: 2, weight: 2),
                .init(connection: connection(2), sid: 3, weight: 1),
            ])
        #expect(found.groups.map(\.weight) == [3])
    }

    @Test func thatOfTheLastFallsToTheFirst() {
        var bench = Bench(ConnectOptions(echo: false))
        _ = bench.server.opened(0, .client)
        for number in [0, 1] { _ = bench.subscribe(number, 1, "w", queue: "q") }
        let source = SourceKind.clientWithoutEcho(connection(1))
        let found = bench.server.forwarding(of: bench.table.intern("w"), from: source, in: bench.table)
        #expect(found.candidates == [.init(connection: connection(0), sid: 1, weight: 2)])
        #expect(found.groups.map(\.weight) == [2])
    }
}
