import EventKernel
import NATSModel
import Testing

/// One dialer in the US and one acceptor in Singapore with their servers, joined by TCP over a link of constant
/// delay: connect takes a round trip at the dialer, the acceptor sees it half a round trip later.
private struct Handshake {
    enum Event {
        case start
        case dialed
        case accepted
        case timer(GatewayTimer)
        case toUS(NATSModel.Operation)
        case toSG(NATSModel.Operation)
    }

    let roundTrip: SimDuration
    var table = SubjectTable()
    var us = Server(name: "us-0", cluster: "us")
    var sg = Server(name: "sg-0", cluster: "sg")
    var dialer: GatewayDialer
    var acceptor: InboundGateway
    var pending: [(time: SimTime, order: Int, event: Event)] = []
    var count = 0
    var synSent: SimTime?
    var outboundRegistered: SimTime?
    var inboundRegistered: SimTime?
    var interestUsable: SimTime?

    init(roundTrip: SimDuration) {
        self.roundTrip = roundTrip
        func info(_ cluster: String) -> ServerInfo {
            ServerInfo(
                server: ServerIdentity(name: cluster + "-0", cluster: cluster), gateway: cluster,
                urls: [cluster + ":7222"])
        }
        dialer = GatewayDialer(own: info("us"), remote: "sg", urls: ["sg:7222"])
        acceptor = InboundGateway(own: info("sg"))
        let room = table.intern("room.1.*")
        _ = sg.opened(1, .client)
        _ = sg.outputs(of: .subscribe(sid: 1, subject: room, queue: nil), on: 1, table)
    }

    mutating func schedule(_ event: Event, at time: SimTime) {
        count += 1
        pending.append((time, count, event))
    }

    mutating func run(until end: SimTime) {
        schedule(.start, at: .start)
        while let next = pending.min(by: { ($0.time, $0.order) < ($1.time, $1.order) }), next.time <= end {
            pending.removeAll { $0.order == next.order }
            handle(next.event, at: next.time)
        }
    }

    private mutating func handle(_ event: Event, at now: SimTime) {
        switch event {
        case .start: perform(.start, at: now)
        case .dialed: perform(.dialSucceeded, at: now)
        case .timer(let timer): perform(.timerFired(timer), at: now)
        case .accepted: accept(.accepted, at: now)
        case .toUS(.info(let info)): perform(.infoReceived(info), at: now)
        case .toUS(let operation):
            var outputs: [Output] = []
            us.receive(operation, on: connection(1), at: now, in: table, into: &outputs)
            let subject = table.intern("room.1.x")
            if interestUsable == nil && !us.forwarding(of: subject, from: .client, in: table).isEmpty {
                interestUsable = now
            }
        case .toSG(.connect(let options)): accept(.connectReceived(options), at: now)
        case .toSG(.info(let info)): accept(.infoReceived(info), at: now)
        case .toSG: break
        }
    }

    private mutating func perform(_ input: GatewayInput, at now: SimTime) {
        var outputs: [GatewayOutput] = []
        dialer.handle(input, draw: { 0 }, into: &outputs)
        for output in outputs {
            switch output {
            case .dial:
                synSent = now
                schedule(.dialed, at: now + roundTrip)
                schedule(.accepted, at: now + roundTrip + roundTrip / 2)
            case .arm(let timer, let delay):
                if timer == .solicit { schedule(.timer(timer), at: now + delay) }
            case .send(let operation): schedule(.toSG(operation), at: now + roundTrip / 2)
            case .opened(let info):
                outboundRegistered = now
                var said: [Output] = []
                us.open(connection(1), kind: .outboundGateway, peer: info.server, into: &said)
            default: break
            }
        }
    }

    private mutating func accept(_ input: GatewayInput, at now: SimTime) {
        var outputs: [GatewayOutput] = []
        acceptor.handle(input, draw: { 0 }, into: &outputs)
        for output in outputs {
            switch output {
            case .send(let operation): schedule(.toUS(operation), at: now + roundTrip / 2)
            case .opened(let info):
                inboundRegistered = now
                var said: [Output] = []
                sg.open(connection(2), kind: .inboundGateway, peer: info.server, into: &said)
                for output in said { schedule(.toUS(output.operation), at: now + roundTrip / 2) }
            default: break
            }
        }
    }
}

@Suite struct TimelineTests {
    @Test func theHandshakeTakesTwoRoundTripsTwoAndAHalfAndThree() throws {
        var run = Handshake(roundTrip: .milliseconds(234))
        run.run(until: .start + .seconds(5))
        let syn = try #require(run.synSent)
        #expect(run.outboundRegistered == syn + .milliseconds(468))
        #expect(run.inboundRegistered == syn + .milliseconds(585))
        #expect(run.interestUsable == syn + .milliseconds(702))
    }

    /// Measured 1.63 to 1.74 s over 10 starts.
    @Test func bothEndsAreRegisteredOnePointSixFourSecondsAfterTheProcessStarted() {
        var run = Handshake(roundTrip: .milliseconds(234))
        run.run(until: .start + .seconds(5))
        #expect(run.inboundRegistered == .start + .milliseconds(1_640))
    }

    /// A subscription made later is usable one one-way delay after it.
    @Test func laterInterestIsUsableOneOneWayDelayAfterTheSubscription() {
        var run = Handshake(roundTrip: .milliseconds(234))
        run.run(until: .start + .seconds(5))
        let room = run.table.intern("room.2.*")
        let said = run.sg.outputs(of: .subscribe(sid: 2, subject: room, queue: nil), on: 1, run.table)
        #expect(said.count == 1)
        run.interestUsable = nil
        for output in said { run.schedule(.toUS(output.operation), at: .start + .seconds(6) + .milliseconds(117)) }
        run.run(until: .start + .seconds(7))
        let subject = run.table.intern("room.2.x")
        #expect(run.us.forwarding(of: subject, from: .client, in: run.table).gateways.count == 1)
    }
}
