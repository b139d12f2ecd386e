import EventKernel
import Testing

@testable import NATSModel

private func info(_ name: String, id: UInt64, cluster: String = "us") -> ServerInfo {
    ServerInfo(
        server: ServerIdentity(name: name, cluster: cluster), gateway: nil, urls: [], id: id,
        routeURL: "\(name)/route")
}

private func instant(_ count: Int64) -> SimTime { .start + .seconds(count) }

private func withoutLogs(_ outputs: [RouteOutput]) -> [RouteOutput] {
    outputs.filter { if case .log = $0 { false } else { true } }
}

extension RouteConnection {
    fileprivate mutating func after(_ input: RouteInput, at now: SimTime = .start) -> [RouteOutput] {
        var outputs: [RouteOutput] = []
        handle(input, at: now, into: &outputs)
        return withoutLogs(outputs)
    }

    fileprivate mutating func opened() -> [RouteOutput] {
        var outputs: [RouteOutput] = []
        open(draw: { 0 }, into: &outputs)
        return withoutLogs(outputs)
    }

    fileprivate static func registered(version: ServerVersion = .v2_9_10) -> RouteConnection {
        var machine = RouteConnection(own: info("us-0", id: 1), dialled: "us-1/route", version: version)
        _ = machine.opened()
        _ = machine.after(.infoReceived(info("us-1", id: 2)))
        _ = machine.after(.admitted)
        return machine
    }
}

extension RouteDialer {
    fileprivate mutating func started(draw word: UInt64 = 0) -> [RouteOutput] {
        var outputs: [RouteOutput] = []
        start(draw: { word }, into: &outputs)
        return outputs
    }

    fileprivate mutating func after(_ timer: RouteTimer) -> [RouteOutput] {
        var outputs: [RouteOutput] = []
        timerFired(timer, into: &outputs)
        return outputs
    }

    fileprivate mutating func refused() -> [RouteOutput] {
        var outputs: [RouteOutput] = []
        dialFailed(.refused, into: &outputs)
        return outputs
    }
}

@Suite struct RouteDialerTests {
    @Test func aConfiguredRouteIsDialledAtOnceAndForEver() {
        var machine = RouteDialer(url: "b", isExplicit: true)
        #expect(machine.started() == [.dial, .arm(.dial, .seconds(1))])
        #expect(
            machine.refused() == [
                .disarm(.dial),
                .log("Error trying to connect to route (attempt 1): dial tcp b: connect: connection refused"),
                .arm(.pause, .seconds(1)),
            ])
        // Later failures of a first connect are not logged.
        for _ in 0..<100 {
            #expect(machine.after(.pause) == [.dial, .arm(.dial, .seconds(1))])
            #expect(machine.refused() == [.disarm(.dial), .arm(.pause, .seconds(1))])
        }
    }

    @Test func anUnansweredDialIsGivenUpAfterASecond() {
        var machine = RouteDialer(url: "b", isExplicit: true)
        _ = machine.started()
        #expect(
            machine.after(.dial) == [
                .abandonDial, .log("Error trying to connect to route (attempt 1): dial tcp b: i/o timeout"),
                .arm(.pause, .seconds(1)),
            ])
        #expect(machine.after(.dial) == [])
    }

    @Test func aReconnectWaitsByItsKind() {
        var explicit = RouteDialer(url: "b", isExplicit: true, isReconnect: true)
        #expect(explicit.started(draw: UInt64.max) == [.arm(.reconnect, .nanoseconds(1_099_999_999))])
        var implicit = RouteDialer(url: "b", isExplicit: false, isReconnect: true)
        #expect(implicit.started(draw: UInt64.max) == [.arm(.reconnect, .nanoseconds(99_999_999))])
        #expect(implicit.after(.reconnect) == [.dial, .arm(.dial, .seconds(1))])
    }

    @Test func aLearnedRouteHasOneAttemptAndItsRetries() {
        var machine = RouteDialer(url: "b", isExplicit: false)
        _ = machine.started()
        #expect(machine.refused().last == .finished)
        machine = RouteDialer(url: "b", isExplicit: false, connectRetries: 2)
        _ = machine.started()
        #expect(machine.refused().last == .arm(.pause, .seconds(1)))
        _ = machine.after(.pause)
        #expect(machine.refused().last == .arm(.pause, .seconds(1)))
        _ = machine.after(.pause)
        #expect(machine.refused().last == .finished)
    }
}

@Suite struct RouteConnectionTests {
    @Test func bothEndsIntroduceThemselvesAtOnce() {
        var dialled = RouteConnection(own: info("us-0", id: 1), dialled: "us-1/route")
        #expect(
            dialled.opened() == [
                .arm(.ping, .seconds(1)), .send(.connect(ConnectOptions(cluster: "us"))),
                .send(.info(info("us-0", id: 1))),
            ])
        var accepted = RouteConnection(own: info("us-1", id: 2), dialled: nil)
        #expect(accepted.opened() == [.arm(.ping, .seconds(1)), .send(.info(info("us-1", id: 2)))])
        #expect(accepted.after(.connectReceived(ConnectOptions(cluster: "us"))) == [])
        #expect(accepted.after(.infoReceived(info("us-0", id: 1))) == [.introduced(info("us-0", id: 1))])
        #expect(accepted.after(.admitted) == [])
        #expect(accepted.state == .registered)
        #expect(accepted.url == "us-0/route")
    }

    @Test func aRouteToItselfIsClosed() {
        var machine = RouteConnection(own: info("us-0", id: 1), dialled: "us-0/route")
        _ = machine.opened()
        #expect(
            machine.after(.infoReceived(info("us-0", id: 1))) == [.disarm(.ping), .closed(.duplicateRoute)])
    }

    @Test func aGatewayOnTheRoutePortIsRejected() {
        var machine = RouteConnection(own: info("us-0", id: 1), dialled: nil)
        _ = machine.opened()
        var outputs: [RouteOutput] = []
        machine.handle(.connectReceived(ConnectOptions(gateway: "sg")), at: .start, into: &outputs)
        #expect(
            outputs == [
                .log("Rejecting connection from gateway \"sg\" on the Route port"),
                .send(.error(.wrongGateway)), .disarm(.ping), .closed(.wrongGateway),
                .log("Router connection closed: Wrong Gateway"), .log("wrong gateway"),
            ])
    }

    @Test func theDroppedConnectionIsDialledInsteadOfTheKeptOne() {
        var kept = RouteConnection(own: info("us-0", id: 1), dialled: nil)
        let dropped = RouteConnection(own: info("us-0", id: 1), dialled: "us-1/route", isExplicit: true)
        #expect(!kept.dialsAgain)
        kept.supersede(dropped)
        #expect(kept.dialsAgain)
        #expect(kept.isExplicit)
        #expect(kept.url == "us-1/route")
    }

    /// 2.9.10: a ping every two minutes, left out when there was traffic or a ping of the peer since.
    @Test func pingsAreLeftOutOnABusyRoute() {
        var machine = RouteConnection.registered()
        #expect(machine.after(.timerFired(.ping), at: instant(1)) == [.send(.ping), .arm(.ping, .seconds(120))])
        _ = machine.after(.pongReceived, at: instant(1))
        machine.lastActivity = instant(60)
        #expect(machine.after(.timerFired(.ping), at: instant(121)) == [.arm(.ping, .seconds(120))])
        #expect(machine.after(.pingReceived, at: instant(200)) == [.send(.pong)])
        #expect(machine.after(.timerFired(.ping), at: instant(241)) == [.arm(.ping, .seconds(120))])
        #expect(machine.after(.timerFired(.ping), at: instant(361)) == [.send(.ping), .arm(.ping, .seconds(120))])
    }

    @Test func newerVersionsPingBusyRoutesEachHalfMinute() {
        var machine = RouteConnection.registered(version: ServerVersion(major: 2, minor: 10, patch: 0))
        for tick in 0..<2 {
            let now = instant(Int64(1 + 30 * tick))
            machine.lastActivity = now
            #expect(machine.after(.timerFired(.ping), at: now) == [.send(.ping), .arm(.ping, .seconds(30))])
        }
        #expect(machine.after(.timerFired(.ping), at: instant(61)) == [.disarm(.ping), .closed(.staleConnection)])
    }

    @Test func aRegisteredRouteTellsOfServersAndClusters() {
        var machine = RouteConnection.registered()
        let other = info("us-2", id: 3)
        #expect(machine.after(.infoReceived(other)) == [.learned(other)])
        let cluster = ServerInfo(
            server: ServerIdentity(name: "us-1", cluster: ""), gateway: "sg", urls: ["sg-0:7222"], isGossip: true)
        #expect(machine.after(.infoReceived(cluster)) == [.learnedGateway(cluster)])
        var leaving = info("us-1", id: 2)
        leaving.isLameDuck = true
        #expect(machine.after(.infoReceived(leaving)) == [])
    }
}
