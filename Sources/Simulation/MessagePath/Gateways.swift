import EventKernel
import Measures
import NATSModel
import Network
import RandomVariates
import Scenario

/// Wires the gateway state machines of `NATSModel` to links and agenda.
extension Domain {
    // MARK: Items

    /// Serves an item of a gateway's handshake or upkeep.
    mutating func gatewayOperation(_ server: Int, _ served: Served) {
        let offset = served.port - relays.count - servers.count
        let peer = offset / 2
        let item = served.item
        fingerprint.add(
            .control, UInt64(item.kind.rawValue), UInt64(bitPattern: item.time), UInt64(firstServer + server))
        if offset % 2 == 0 {
            acceptorOperation(server, peer, item)
        } else {
            dialerOperation(server, peer, item)
        }
    }

    /// We accept, `peer` dialled.
    private mutating func acceptorOperation(_ server: Int, _ peer: Int, _ item: Item) {
        if item.kind == .dial { return accept(server, peer, item) }
        guard let end = servers[pointer: server].pointee.inbound[peer], end.attempt == item.sequence else { return }
        switch item.kind {
        case .acknowledged: handleInbound(server, peer, .accepted, at: item.time)
        case .connectInfo:
            let info = world.info(of: peer)
            handleInbound(server, peer, .connectReceived(ConnectOptions(gateway: info.gateway)), at: item.time)
            handleInbound(server, peer, .infoReceived(info), at: item.time)
        case .ping:
            if end.gateway.state == .closed { return resetDialer(server, peer, at: item.time) }
            handleInbound(server, peer, .pingReceived, at: item.time)
        case .pong: handleInbound(server, peer, .pongReceived, at: item.time)
        case .closed: handleInbound(server, peer, .closed(.clientClosed), at: item.time)
        default: preconditionFailure("an acceptor does not take \(item.kind)")
        }
    }

    private mutating func accept(_ server: Int, _ peer: Int, _ item: Item) {
        guard world.info(of: firstServer + server).gateway != nil else { return refuse(server, peer, item) }
        handleInbound(server, peer, .closed(.readError), at: item.time)
        let state = servers[pointer: server]
        state.pointee.inbound[peer] = InboundEnd(
            gateway: InboundGateway(
                own: world.info(of: firstServer + server), remotes: state.pointee.outbound.map(\.dialer.remote),
                parameters: world.nats),
            random: world.gatewayStream(server: firstServer + server, peer: peer, side: 1), attempt: item.sequence)
        state.pointee.isRegistered[peer] = false
        state.pointee.acceptorFlows[pointer: peer].pointee.reset(isOpen: true)
        sendControl(server, to: peer, asDialer: false, kind: .accepted, attempt: item.sequence, at: item.time)
    }

    private mutating func refuse(_ server: Int, _ peer: Int, _ item: Item) {
        sendControl(server, to: peer, asDialer: false, kind: .refused, attempt: item.sequence, at: item.time)
    }

    /// A dead process's kernel, or one without gateway, refuses the dial.
    mutating func refuseDial(_ server: Int, _ served: Served) {
        refuse(server, (served.port - relays.count - servers.count) / 2, served.item)
    }

    /// We dialled, `peer` answers.
    private mutating func dialerOperation(_ server: Int, _ peer: Int, _ item: Item) {
        let state = servers[pointer: server]
        let match = state.pointee.outbound.firstIndex { $0.target == peer && $0.attempt == item.sequence }
        guard let dialer = match else {
            if item.kind == .ping {
                resetOrphans(FlowPlace(server: server, peer: peer, asDialer: true), at: item.time)
            }
            return
        }
        hear(FlowPlace(server: server, peer: peer, asDialer: true), at: item.time)
        switch item.kind {
        case .accepted:
            handleDialer(server, dialer, .dialSucceeded, at: item.time)
            if state.pointee.outbound[dialer].dialer.state == .awaitInfo {
                sendControl(
                    server, to: peer, asDialer: true, kind: .acknowledged, attempt: item.sequence, at: item.time)
            }
        case .refused: handleDialer(server, dialer, .dialFailed(.refused), at: item.time)
        case .info: handleDialer(server, dialer, .infoReceived(world.info(of: peer)), at: item.time)
        case .ping: handleDialer(server, dialer, .pingReceived, at: item.time)
        case .pong: handleDialer(server, dialer, .pongReceived, at: item.time)
        case .closed: handleDialer(server, dialer, .closed(.clientClosed), at: item.time)
        default: preconditionFailure("a dialer does not take \(item.kind)")
        }
    }

    /// Tells the sender of a message that its connection is not open, once.
    mutating func resetDialer(_ server: Int, _ peer: Int, at time: Int64) {
        guard let end = servers[pointer: server].pointee.inbound[peer], !end.wasReset else { return }
        servers[pointer: server].pointee.inbound[peer]?.wasReset = true
        sendControl(server, to: peer, asDialer: false, kind: .closed, attempt: end.attempt, at: time)
    }

    /// Our registered connection to `peer`, if it is one.
    func outboundConnection(_ server: Int, to peer: Int) -> ConnectionID? {
        servers[pointer: server].pointee.outbound.first { $0.target == peer && $0.connection != nil }?.connection
    }

    // MARK: Machines

    mutating func handleDialer(_ server: Int, _ dialer: Int, _ input: GatewayInput, at time: Int64) {
        let state = servers[pointer: server]
        var outputs: [GatewayOutput] = []
        var random = state.pointee.outbound[dialer].random
        state.pointee.outbound[dialer].dialer.handle(input, draw: { random.bits() }, into: &outputs)
        state.pointee.outbound[dialer].random = random
        for output in outputs { perform(output, server, dialer, at: time) }
    }

    private mutating func perform(_ output: GatewayOutput, _ server: Int, _ dialer: Int, at time: Int64) {
        let state = servers[pointer: server]
        switch output {
        case .dial(let url):
            state.pointee.outbound[dialer].attempt += 1
            dial(server, dialer, url: state.pointee.outbound[dialer].dialer.urls[url], at: time)
        case .abandonDial: state.pointee.outbound[dialer].attempt += 1
        case .send(let operation): send(operation, server, dialer, at: time)
        case .arm(let timer, let delay): armDialer(server, dialer, timer, delay, at: time)
        case .disarm(let timer): state.pointee.outbound[dialer].generations[Int(timer.rawValue)] += 1
        case .opened: openOutbound(server, dialer, at: time)
        case .closed(let reason): closeOutbound(server, dialer, reason, at: time)
        case .learned(let cluster, let urls): learn(server, cluster, urls, at: time)
        case .gossip, .forgotten, .log: break
        }
    }

    private mutating func send(_ operation: Operation, _ server: Int, _ dialer: Int, at time: Int64) {
        let gateway = servers[pointer: server].pointee.outbound[dialer]
        let kind: ItemKind
        switch operation {
        case .info: kind = .connectInfo
        case .ping: kind = .ping
        case .pong: kind = .pong
        default: return  // CONNECT goes with the INFO
        }
        let item = control(kind, attempt: gateway.attempt)
        transmit(server, to: gateway.target, asDialer: true, item, at: time)
    }

    private mutating func armDialer(
        _ server: Int, _ dialer: Int, _ timer: GatewayTimer, _ delay: SimDuration, at time: Int64
    ) {
        let state = servers[pointer: server]
        state.pointee.outbound[dialer].generations[Int(timer.rawValue)] += 1
        var delay = delay.nanoseconds
        if isWarping {
            // A run that starts in the middle of things: no waiting for the handshake, pings at a random phase.
            if timer == .solicit { return handleDialer(server, dialer, .timerFired(.solicit), at: time) }
            guard timer == .ping else { return }
            delay = Int64(
                state.pointee.outbound[dialer].random.integer(below: Int(world.nats.gatewayPingInterval.nanoseconds)))
        }
        schedule(
            .dialerTimer, object: server << 16 | dialer << 8 | Int(timer.rawValue),
            payload: state.pointee.outbound[dialer].generations[Int(timer.rawValue)] & 0xff_ffff, at: time + delay)
    }

    mutating func dialerTimerFired(_ object: Int, _ payload: UInt32, at time: Int64) {
        let server = object >> 16
        let dialer = object >> 8 & 255
        let timer = GatewayTimer(rawValue: UInt8(object & 255))!
        let state = servers[pointer: server]
        guard state.pointee.isAlive, dialer < state.pointee.outbound.count,
            state.pointee.outbound[dialer].generations[Int(timer.rawValue)] & 0xff_ffff == payload
        else { return }
        handleDialer(server, dialer, .timerFired(timer), at: time)
    }

    mutating func handleInbound(_ server: Int, _ peer: Int, _ input: GatewayInput, at time: Int64) {
        let state = servers[pointer: server]
        guard state.pointee.inbound[peer] != nil else { return }
        var outputs: [GatewayOutput] = []
        var random = state.pointee.inbound[peer]!.random
        state.pointee.inbound[peer]!.gateway.handle(input, draw: { random.bits() }, into: &outputs)
        state.pointee.inbound[peer]!.random = random
        for output in outputs { perform(output, server, from: peer, at: time) }
    }

    private mutating func perform(_ output: GatewayOutput, _ server: Int, from peer: Int, at time: Int64) {
        let state = servers[pointer: server]
        guard let end = state.pointee.inbound[peer] else { return }
        switch output {
        case .send(let operation):
            switch operation {
            case .info: transmit(server, to: peer, asDialer: false, control(.info, attempt: end.attempt), at: time)
            case .ping: transmit(server, to: peer, asDialer: false, control(.ping, attempt: end.attempt), at: time)
            case .pong: transmit(server, to: peer, asDialer: false, control(.pong, attempt: end.attempt), at: time)
            default: break
            }
        case .arm(let timer, let delay): armInbound(server, peer, timer, delay, at: time)
        case .disarm(let timer): state.pointee.inbound[peer]!.generations[Int(timer.rawValue)] += 1
        case .opened: openInbound(server, peer, at: time)
        case .closed: closeInbound(server, peer, at: time)
        case .learned(let cluster, let urls): learn(server, cluster, urls, at: time)
        case .dial, .abandonDial, .gossip, .forgotten, .log: break
        }
    }

    private mutating func armInbound(
        _ server: Int, _ peer: Int, _ timer: GatewayTimer, _ delay: SimDuration, at time: Int64
    ) {
        let state = servers[pointer: server]
        state.pointee.inbound[peer]!.generations[Int(timer.rawValue)] += 1
        var delay = delay.nanoseconds
        if isWarping {
            guard timer == .ping else { return }
            delay = Int64(
                state.pointee.inbound[peer]!.random.integer(below: Int(world.nats.gatewayPingInterval.nanoseconds)))
        }
        schedule(
            .inboundTimer, object: server << 16 | peer << 4 | Int(timer.rawValue),
            payload: state.pointee.inbound[peer]!.generations[Int(timer.rawValue)] & 0xff_ffff, at: time + delay)
    }

    mutating func inboundTimerFired(_ object: Int, _ payload: UInt32, at time: Int64) {
        let server = object >> 16
        let peer = object >> 4 & 0xfff
        let timer = GatewayTimer(rawValue: UInt8(object & 15))!
        guard servers[pointer: server].pointee.isAlive, let end = servers[pointer: server].pointee.inbound[peer],
            end.generations[Int(timer.rawValue)] & 0xff_ffff == payload
        else { return }
        handleInbound(server, peer, .timerFired(timer), at: time)
    }

    // MARK: Opening and closing

    /// Dials a URL. Nothing answers at an address that does not exist here: the dial times out.
    private mutating func dial(_ server: Int, _ dialer: Int, url: String, at time: Int64) {
        let state = servers[pointer: server]
        let draw = state.pointee.outbound[dialer].random.bits()
        guard let target = world.gatewayServer(at: url, from: region, draw: draw) else {
            state.pointee.outbound[dialer].target = -1
            return
        }
        state.pointee.outbound[dialer].target = target
        sendControl(
            server, to: target, asDialer: true, kind: .dial, attempt: state.pointee.outbound[dialer].attempt, at: time)
    }

    private mutating func openOutbound(_ server: Int, _ dialer: Int, at time: Int64) {
        let state = servers[pointer: server]
        let target = state.pointee.outbound[dialer].target
        let connection = state.pointee.newConnection(.outbound(dialer: dialer))
        state.pointee.outbound[dialer].connection = connection
        // The flow is open since the INFO that led here: its CONNECT has just been written.
        state.pointee.dialerFlows[pointer: target].pointee.isOpen = true
        state.pointee.known[target] = 0
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.open(
            connection, kind: .outboundGateway, peer: world.info(of: target).server, into: &scratch)
        noteChange(server)
        noteGateway(server, world.servers[target].region, isRegistered: true, "registered", at: time)
    }

    private mutating func closeOutbound(_ server: Int, _ dialer: Int, _ reason: CloseReason, at time: Int64) {
        let state = servers[pointer: server]
        let target = state.pointee.outbound[dialer].target
        if target >= 0 {
            leaveSocket(FlowPlace(server: server, peer: target, asDialer: true), at: time)
            sendControl(
                server, to: target, asDialer: true, kind: .closed, attempt: state.pointee.outbound[dialer].attempt,
                at: time)
        }
        guard let connection = state.pointee.outbound[dialer].connection else { return }
        state.pointee.outbound[dialer].connection = nil
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.close(connection, in: world.subjects, into: &scratch)
        noteChange(server)
        noteGateway(
            server, world.servers[target].region, isRegistered: false, "closed: \(reason.rawValue)", at: time)
    }

    private mutating func openInbound(_ server: Int, _ peer: Int, at time: Int64) {
        let state = servers[pointer: server]
        let connection = state.pointee.newConnection(.inbound(server: peer))
        state.pointee.inbound[peer]!.connection = connection
        state.pointee.isRegistered[peer] = true
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.open(
            connection, kind: .inboundGateway, peer: world.info(of: peer).server, into: &scratch)
        noteInbound(server, peer, isRegistered: true, at: time)
        sendInterest(server, at: time)
    }

    private mutating func closeInbound(_ server: Int, _ peer: Int, at time: Int64) {
        let state = servers[pointer: server]
        leaveSocket(FlowPlace(server: server, peer: peer, asDialer: false), at: time)
        guard let connection = state.pointee.inbound[peer]!.connection else { return }
        state.pointee.inbound[peer]!.connection = nil
        state.pointee.isRegistered[peer] = false
        noteInbound(server, peer, isRegistered: false, at: time)
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.close(connection, in: world.subjects, into: &scratch)
        resetDialer(server, peer, at: time)
    }

    /// A cluster that dialled us, or that gossip names, is dialled back.
    private mutating func learn(_ server: Int, _ cluster: String, _ urls: [String], at time: Int64) {
        let state = servers[pointer: server]
        let own = world.info(of: firstServer + server)
        guard cluster != own.gateway else { return }
        if let dialer = state.pointee.outbound.firstIndex(where: { $0.dialer.remote == cluster }) {
            state.pointee.outbound[dialer].dialer.hasInbound = true
            return state.pointee.outbound[dialer].dialer.learn(urls)
        }
        guard state.pointee.outbound.count < 255 else { return }
        let dialer = GatewayDialer(
            own: own, remote: cluster, urls: urls, isImplicit: true, parameters: world.nats,
            version: state.pointee.machine.version)
        state.pointee.outbound.append(
            OutboundGateway(
                dialer: dialer,
                random: world.gatewayStream(
                    server: firstServer + server, peer: 4096 + state.pointee.outbound.count, side: 0)))
        handleDialer(server, state.pointee.outbound.count - 1, .start, at: time)
    }

    mutating func noteInbound(_ server: Int, _ peer: Int, isRegistered: Bool, at time: Int64) {
        servers[pointer: server].pointee.changes.append(
            GatewayChange(
                time: time, region: world.servers[peer].region, isOutbound: false, isRegistered: isRegistered))
        tally.noteInbound(registered: isRegistered, at: time)
    }

    private mutating func noteGateway(_ server: Int, _ remote: Int, isRegistered: Bool, _ text: String, at time: Int64)
    {
        servers[pointer: server].pointee.changes.append(
            GatewayChange(time: time, region: remote, isOutbound: true, isRegistered: isRegistered))
        tally.noteOutbound(registered: isRegistered, at: time)
        fingerprint.add(
            .session, UInt64(firstServer + server), UInt64(bitPattern: time), isRegistered ? 0x1_0001 : 0x1_0000)
        guard !isWarping else { return }
        journal.add(
            time, room: -1, subject: world.servers[firstServer + server].name,
            "outbound gateway to \(world.scenario.deployment.regions[remote].name) \(text)")
    }
}
