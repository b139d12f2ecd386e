import EventKernel
import NATSModel
import Testing

/// One server with clients 1 and 2, route 11 and inbound gateways 31 and 32.
private struct Bench {
    var table = SubjectTable()
    var server = Server(name: "sg-0", cluster: "sg")
    let pattern: SubjectID
    let queue: QueueID

    init() {
        pattern = table.intern("room.1.*")
        queue = table.internQueue("workers")
        _ = server.opened(1, .client)
        _ = server.opened(2, .client)
        _ = server.opened(11, .route)
        _ = server.opened(31, .inboundGateway)
        _ = server.opened(32, .inboundGateway)
    }

    mutating func subscribe(_ number: Int, _ sid: Int32, queue: QueueID? = nil) -> [Output] {
        server.outputs(of: .subscribe(sid: sid, subject: pattern, queue: queue), on: number, table)
    }

    mutating func unsubscribe(_ number: Int, _ sid: Int32) -> [Output] {
        server.outputs(of: .unsubscribe(sid: sid, maximum: nil), on: number, table)
    }

    func plus(_ number: Int, queue: QueueID? = nil, weight: Int32 = 1) -> Output {
        Output(
            connection: connection(number),
            operation: .remoteSubscribe(subject: pattern, queue: queue, weight: weight))
    }

    func minus(_ number: Int, queue: QueueID? = nil) -> Output {
        Output(connection: connection(number), operation: .remoteUnsubscribe(subject: pattern, queue: queue))
    }
}

@Suite struct InterestTests {
    @Test func theFirstPlainSubscriptionIsToldToRoutesAndInboundGateways() {
        var bench = Bench()
        #expect(bench.subscribe(1, 1) == [bench.plus(11), bench.plus(31), bench.plus(32)])
        #expect(bench.subscribe(2, 1) == [])
        #expect(bench.unsubscribe(1, 1) == [])
        #expect(bench.unsubscribe(2, 1) == [bench.minus(11), bench.minus(31), bench.minus(32)])
    }

    @Test func routesHearEveryWeightOfAGroupAndGatewaysItsFirstAndLastMemberOnly() {
        var bench = Bench()
        let queue = bench.queue
        #expect(
            bench.subscribe(1, 1, queue: queue)
                == [bench.plus(11, queue: queue), bench.plus(31, queue: queue), bench.plus(32, queue: queue)])
        #expect(bench.subscribe(1, 2, queue: queue) == [bench.plus(11, queue: queue, weight: 2)])
        #expect(bench.subscribe(2, 1, queue: queue) == [bench.plus(11, queue: queue, weight: 3)])
        #expect(bench.unsubscribe(2, 1) == [bench.plus(11, queue: queue, weight: 2)])
        #expect(bench.unsubscribe(1, 1) == [bench.plus(11, queue: queue, weight: 1)])
        #expect(
            bench.unsubscribe(1, 2)
                == [bench.minus(11, queue: queue), bench.minus(31, queue: queue), bench.minus(32, queue: queue)])
    }

    @Test func routedInterestIsToldToOtherClustersButToNoRoute() {
        var bench = Bench()
        _ = bench.server.opened(12, .route)
        let plus = NATSModel.Operation.remoteSubscribe(subject: bench.pattern, queue: nil, weight: 1)
        #expect(bench.server.outputs(of: plus, on: 11, bench.table) == [bench.plus(31), bench.plus(32)])
        #expect(bench.server.outputs(of: plus, on: 12, bench.table) == [])
        let minus = NATSModel.Operation.remoteUnsubscribe(subject: bench.pattern, queue: nil)
        #expect(bench.server.outputs(of: minus, on: 11, bench.table) == [])
        #expect(bench.server.outputs(of: minus, on: 12, bench.table) == [bench.minus(31), bench.minus(32)])
    }

    @Test func aNewWeightFromARouteIsNotToldToOtherClusters() {
        var bench = Bench()
        for weight in [Int32(1), 2, 3] {
            let plus = NATSModel.Operation.remoteSubscribe(subject: bench.pattern, queue: bench.queue, weight: weight)
            let told = bench.server.outputs(of: plus, on: 11, bench.table)
            #expect(told.count == (weight == 1 ? 2 : 0))
        }
        let subject = bench.table.intern("room.1.x")
        #expect(bench.server.forwarding(of: subject, from: .client, in: bench.table).groups[0].weight == 3)
    }

    @Test func interestFromAnotherClusterIsToldToNobody() {
        var bench = Bench()
        _ = bench.server.opened(21, .outboundGateway)
        let plus = NATSModel.Operation.remoteSubscribe(subject: bench.pattern, queue: nil, weight: 1)
        #expect(bench.server.outputs(of: plus, on: 21, bench.table) == [])
        #expect(bench.server.lastChange == .subject(bench.pattern))
    }

    @Test func aSidInUseIsIgnored() {
        var bench = Bench()
        _ = bench.subscribe(1, 1)
        #expect(bench.subscribe(1, 1, queue: bench.queue) == [])
        #expect(bench.server.lastChange == .nothing)
    }

    @Test func aNewRouteIsToldLocalInterestOnly() {
        var bench = Bench()
        _ = bench.subscribe(1, 1)
        _ = bench.subscribe(1, 2, queue: bench.queue)
        _ = bench.subscribe(2, 1, queue: bench.queue)
        let far = bench.table.intern("far")
        _ = bench.server.outputs(of: .remoteSubscribe(subject: far, queue: nil, weight: 1), on: 11, bench.table)
        #expect(bench.server.opened(12, .route) == [bench.plus(12), bench.plus(12, queue: bench.queue, weight: 2)])
    }

    @Test func aNewInboundGatewayIsToldTheClustersInterestQueuesFirst() {
        var bench = Bench()
        _ = bench.subscribe(1, 1)
        _ = bench.subscribe(1, 2, queue: bench.queue)
        _ = bench.subscribe(2, 1, queue: bench.queue)
        let far = bench.table.intern("far")
        _ = bench.server.outputs(of: .remoteSubscribe(subject: far, queue: nil, weight: 1), on: 11, bench.table)
        _ = bench.server.outputs(
            of: .remoteSubscribe(subject: far, queue: bench.queue, weight: 4), on: 11, bench.table)
        let gateway = connection(33)
        #expect(
            bench.server.opened(33, .inboundGateway) == [
                bench.plus(33, queue: bench.queue),
                Output(
                    connection: gateway,
                    operation: .remoteSubscribe(subject: far, queue: bench.queue, weight: 1)),
                Output(connection: gateway, operation: .allSubscriptionsStart),
                bench.plus(33),
                Output(connection: gateway, operation: .remoteSubscribe(subject: far, queue: nil, weight: 1)),
                Output(connection: gateway, operation: .allSubscriptionsComplete),
            ])
    }

    @Test func closingAClientTakesItsInterestBack() {
        var bench = Bench()
        _ = bench.subscribe(1, 1)
        _ = bench.subscribe(1, 2, queue: bench.queue)
        _ = bench.subscribe(2, 1, queue: bench.queue)
        #expect(
            bench.server.closed(1, bench.table) == [
                bench.minus(11), bench.minus(31), bench.minus(32), bench.plus(11, queue: bench.queue, weight: 1),
            ])
        #expect(bench.server.closed(1, bench.table) == [])
    }

    @Test func closingAClientTellsRoutesOnceForEachGroup() {
        var bench = Bench()
        let queue = bench.queue
        for sid in 1...3 { _ = bench.subscribe(1, Int32(sid), queue: queue) }
        _ = bench.subscribe(2, 1, queue: queue)
        #expect(bench.server.closed(1, bench.table) == [bench.plus(11, queue: queue, weight: 1)])
        #expect(
            bench.server.closed(2, bench.table)
                == [bench.minus(31, queue: queue), bench.minus(32, queue: queue), bench.minus(11, queue: queue)])
    }

    @Test func closingARouteTakesItsInterestBackFromOtherClusters() {
        var bench = Bench()
        let plus = NATSModel.Operation.remoteSubscribe(subject: bench.pattern, queue: bench.queue, weight: 5)
        _ = bench.server.outputs(of: plus, on: 11, bench.table)
        #expect(
            bench.server.closed(11, bench.table)
                == [bench.minus(31, queue: bench.queue), bench.minus(32, queue: bench.queue)])
    }

    @Test func closingAnOutboundGatewayDropsWhatItWanted() {
        var bench = Bench()
        _ = bench.server.opened(21, .outboundGateway)
        let plus = NATSModel.Operation.remoteSubscribe(subject: bench.pattern, queue: nil, weight: 1)
        _ = bench.server.outputs(of: plus, on: 21, bench.table)
        let subject = bench.table.intern("room.1.x")
        #expect(bench.server.forwarding(of: subject, from: .client, in: bench.table).gateways.count == 1)
        #expect(bench.server.closed(21, bench.table) == [])
        #expect(bench.server.forwarding(of: subject, from: .client, in: bench.table).isEmpty)
    }

    @Test func aChangeOfOneRoomIsScopedAndAWildcardOneIsNot() {
        var bench = Bench()
        _ = bench.subscribe(1, 1)
        #expect(bench.server.lastChange == .subject(bench.pattern))
        #expect(bench.server.epoch == 0)
        let wide = bench.table.intern("room.*.alice")
        _ = bench.server.outputs(of: .subscribe(sid: 2, subject: wide, queue: nil), on: 1, bench.table)
        #expect(bench.server.lastChange == .everything)
        #expect(bench.server.epoch == 1)
        _ = bench.server.outputs(of: .ping, on: 1, bench.table)
        #expect(bench.server.lastChange == .nothing)
        _ = bench.server.closed(1, bench.table)
        #expect(bench.server.lastChange == .everything)
        #expect(bench.server.epoch == 2)
    }

    @Test func whatAConnectionMayNotCarryIsRefusedAndCounted() {
        var bench = Bench()
        let plus = NATSModel.Operation.remoteSubscribe(subject: bench.pattern, queue: nil, weight: 1)
        let refusal = { (number: Int) in
            [Output(connection: connection(number), operation: .error(.unknownOperation))]
        }
        #expect(bench.server.outputs(of: plus, on: 1, bench.table) == refusal(1))
        #expect(bench.server.outputs(of: plus, on: 31, bench.table) == refusal(31))
        let publish = NATSModel.Operation.publish(Publish(subject: bench.pattern))
        #expect(bench.server.outputs(of: publish, on: 11, bench.table) == refusal(11))
        #expect(bench.server.protocolViolations == 3)
        #expect(bench.server.outputs(of: plus, on: 99, bench.table) == [])
        #expect(bench.server.ignoredOperations == 1)
    }

    @Test func anInvalidSubjectIsAnsweredAndTheConnectionStays() {
        var bench = Bench()
        let bad = bench.table.intern("a..b")
        #expect(
            bench.server.outputs(of: .subscribe(sid: 1, subject: bad, queue: nil), on: 1, bench.table)
                == [Output(connection: connection(1), operation: .error(.invalidSubject))])
        #expect(bench.subscribe(1, 1).count == 3)
    }
}
