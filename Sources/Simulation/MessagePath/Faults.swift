import CallModel
import EventKernel
import Measures
import NATSModel
import Network

/// Death and return of processes. What faults do is known at time zero, so each region has its own entries; kills for
/// want of memory are in ServerMemory.swift.
extension Domain {
    /// Puts the region's outages on the agenda.
    mutating func scheduleOutages() {
        for relay in 0..<relays.count {
            for outage in world.relayOutages[firstRelay + relay] {
                schedule(.relayDown, object: relay, payload: outage.isSilent ? 1 : 0, at: outage.start)
                if outage.end < world.horizon { schedule(.relayUp, object: relay, at: outage.end) }
            }
        }
        for server in 0..<servers.count {
            for outage in world.serverOutages[firstServer + server] {
                schedule(.serverDown, object: server, payload: outage.isSilent ? 1 : 0, at: outage.start)
                if outage.end < world.horizon { schedule(.serverUp, object: server, at: outage.end) }
            }
        }
    }

    // MARK: Relays

    mutating func relayGoesDown(_ relay: Int, at time: Int64) {
        let state = relays[pointer: relay]
        let place = world.relays[firstRelay + relay]
        let isSilent = world.relayOutages[firstRelay + relay].contains { $0.start == time && $0.isSilent }
        let isRefused = world.sites.isRefused(region, at: time)
        state.pointee.isAlive = false
        fingerprint.add(.fault, UInt64(firstRelay + relay), UInt64(bitPattern: time), 1)
        journal.add(time, room: -1, subject: place.name, "dies")
        for slot in 0..<state.pointee.sessions.count {
            let session = state.pointee.sessions[pointer: slot]
            guard session.pointee.state != .closed else { continue }
            session.pointee.state = .closed
            noteClosed(relay, slot, at: time)
            // TCP resets reach their clients; a UDP port behind a living load balancer is reset by it only when it
            // refuses the site as a whole.
            if !isSilent && (isRefused || place.transport == .webSocket) {
                reset(state.pointee.upkeep[slot].id, at: time)
            }
        }
        while !state.pointee.mailbox.isEmpty { _ = state.pointee.mailbox.popFirst() }
        state.pointee.station.processor.restart(at: time)
        if state.pointee.server >= 0 {
            // The end of the connection follows what was written to it.
            schedule(
                .relayGone, object: state.pointee.server, payload: UInt32(relay),
                at: time + world.relay.serverHop.nanoseconds)
            recorder.noteClose(relay, at: time)
            state.pointee.server = -1
        }
        state.pointee.losesServer = false
        clusters.isStale = true
    }

    private mutating func reset(_ session: UInt32, at time: Int64) {
        let person = SessionID.person(session)
        let delay = world.access.delay(person, region, sender: session, sequence: 0, leg: 0x200)
        guard world.sites.passes(region, from: time, to: time + delay) else { return }
        let item = Item(
            time: time + delay, published: 0, sender: UInt32(person), sequence: 0, list: session, size: 4,
            kind: .reset, flags: 0)
        post(item, to: .clients, in: world.people[person].region)
    }

    mutating func relayComesUp(_ relay: Int, at time: Int64) {
        relays[pointer: relay].pointee.isAlive = true
        relays[pointer: relay].pointee.station.processor.restart(at: time)
        fingerprint.add(.fault, UInt64(firstRelay + relay), UInt64(bitPattern: time), 2)
        journal.add(time, room: -1, subject: world.relays[firstRelay + relay].name, "is back, empty")
        reconnectRelay(relay, at: time)
    }

    /// The relay's NATS connection is gone: it tries the other servers at once, then with a growing pause.
    mutating func relayLostServer(_ relay: Int, at time: Int64) {
        clusters.isStale = true
        relays[pointer: relay].pointee.losesServer = false
        guard relays[pointer: relay].pointee.server >= 0 else { return }
        relays[pointer: relay].pointee.server = -1
        recorder.noteClose(relay, at: time)
        // At once: an entry of the agenda for this very instant would wait for the end of the window.
        reconnectRelay(relay, at: time)
    }

    /// Connects a relay to a living server and subscribes all its sessions again.
    mutating func reconnectRelay(_ relay: Int, at time: Int64) {
        let state = relays[pointer: relay]
        guard state.pointee.isAlive, state.pointee.server < 0 else { return }
        let preferred = relay % servers.count
        let candidates = (0..<servers.count).map { (preferred + $0) % servers.count }
        guard let server = candidates.first(where: { servers[pointer: $0].pointee.isAlive }) else {
            // async-nats doubles its pause up to a cap of seconds; the long pauses decide.
            return schedule(.relayReconnect, object: relay, at: time + world.relay.natsReconnectCap.nanoseconds)
        }
        state.pointee.server = server
        clusters.isStale = true
        // TCP handshake, INFO, CONNECT: one and a half round trips before the first SUB leaves.
        let ready = time + 3 * world.relay.serverHop.nanoseconds
        write(relay, control(.connect, attempt: 0), at: ready)
        for slot in 0..<state.pointee.sessions.count where state.pointee.sessions[slot].state != .closed {
            sendToServer(relay, kind: .subscribe, slot: slot, at: ready)
        }
    }

    /// A server drops the subscriptions of a relay that has died. Whoever of the two came back in the meantime, did so
    /// without this connection.
    mutating func closeRelayConnection(_ server: Int, _ relay: Int, at time: Int64) {
        let state = servers[pointer: server]
        guard state.pointee.isAlive, let connection = state.pointee.relayConnections[relay] else { return }
        state.pointee.relayConnections[relay] = nil
        state.pointee.serial += 1
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.close(connection, in: world.subjects, into: &scratch)
        noteChange(server)
        sendInterest(server, at: time)
    }

    // MARK: Servers

    mutating func serverGoesDown(_ server: Int, isSilent: Bool, at time: Int64) {
        let state = servers[pointer: server]
        state.pointee.isAlive = false
        state.pointee.memory.turn()
        fingerprint.add(.fault, UInt64(firstServer + server) | 1 << 32, UInt64(bitPattern: time), 1)
        journal.add(time, room: -1, subject: world.servers[firstServer + server].name, "dies")
        for dialer in state.pointee.outbound.indices where state.pointee.outbound[dialer].target >= 0 {
            let gateway = state.pointee.outbound[dialer]
            if gateway.connection != nil { noteOutboundGone(server, dialer, at: time) }
            if !isSilent && gateway.connection != nil {
                sendControl(
                    server, to: gateway.target, asDialer: true, kind: .closed, attempt: gateway.attempt, at: time)
            }
            dropHeld(
                state.pointee.dialerFlows[pointer: gateway.target],
                toward: world.servers[gateway.target].region, at: time)
        }
        if isSilent { dropOrphans(of: server, at: time) }
        for peer in world.servers.indices {
            guard let end = state.pointee.inbound[peer] else { continue }
            if end.connection != nil { noteInbound(server, peer, isRegistered: false, at: time) }
            if !isSilent {
                sendControl(server, to: peer, asDialer: false, kind: .closed, attempt: end.attempt, at: time)
            }
            dropHeld(state.pointee.acceptorFlows[pointer: peer], toward: world.servers[peer].region, at: time)
            forgetInbound(server, peer, peerKnows: !isSilent)
        }
        let lastDeparture = max(time, state.pointee.station.processor.free)
        state.pointee.station.processor.restart(at: time)
        tellNeighbours(of: server, at: time, afterLast: lastDeparture)
    }

    /// The accepting end dies with its process. What the dialer still sends to a process that came back is answered
    /// with a reset, as its kernel would, so the attempt stays on record.
    private mutating func forgetInbound(_ server: Int, _ peer: Int, peerKnows: Bool) {
        let state = servers[pointer: server]
        var ignored: [GatewayOutput] = []
        state.pointee.inbound[peer]!.gateway.handle(.closed(.serverShutdown), draw: { 0 }, into: &ignored)
        state.pointee.inbound[peer]!.connection = nil
        state.pointee.isRegistered[peer] = false
        state.pointee.inbound[peer]!.wasReset = peerKnows
        for timer in GatewayTimer.allCases {
            state.pointee.inbound[peer]!.generations[Int(timer.rawValue)] += 1
        }
    }

    private mutating func noteOutboundGone(_ server: Int, _ dialer: Int, at time: Int64) {
        let remote = world.servers[servers[pointer: server].pointee.outbound[dialer].target].region
        servers[pointer: server].pointee.changes.append(
            GatewayChange(time: time, region: remote, isOutbound: true, isRegistered: false))
        tally.noteOutbound(registered: false, at: time)
    }

    /// Relays and routed servers of the region see the connection close: the kernel or the host tells them.
    /// What it had in hand goes before, on the relays' rings as on a connection.
    private mutating func tellNeighbours(of server: Int, at time: Int64, afterLast lastDeparture: Int64) {
        for relay in 0..<relays.count where relays[pointer: relay].pointee.server == server {
            var item = control(.disconnected, attempt: 0)
            item.time = lastDeparture + world.relay.serverHop.nanoseconds
            relays[pointer: relay].pointee.losesServer = true
            clusters.isStale = true
            post(item, to: .relay(Int32(relay), port: Int32(1 + server)), in: region)
        }
        for peer in 0..<servers.count where peer != server {
            schedule(.routeDown, object: peer << 8 | server, at: time + world.nats.routeHop.nanoseconds)
        }
    }

    mutating func serverComesUp(_ server: Int, at time: Int64) {
        let state = servers[pointer: server]
        state.pointee.isAlive = true
        state.pointee.memory.turn()
        state.pointee.machine = world.makeMachine(firstServer + server)
        state.pointee.roles = []
        state.pointee.announcements = [:]
        state.pointee.serial = 0
        for relay in 0..<relays.count { state.pointee.relayConnections[relay] = nil }
        for peer in 0..<servers.count { state.pointee.routeConnections[peer] = nil }
        state.pointee.station.processor.restart(at: time)
        plans.invalidateAll(server: server)
        state.pointee.planEpoch = state.pointee.machine.epoch
        fingerprint.add(.fault, UInt64(firstServer + server) | 1 << 32, UInt64(bitPattern: time), 2)
        journal.add(time, room: -1, subject: world.servers[firstServer + server].name, "is back, empty")
        let ready = time + world.nats.startDelay.nanoseconds
        for peer in 0..<servers.count where peer != server && servers[pointer: peer].pointee.isAlive {
            // Dial, INFO and CONNECT: two round trips of the route.
            schedule(
                .routeUp, object: server << 8 | peer, at: ready + 4 * world.nats.routeHop.nanoseconds)
        }
        subscribeRaw(on: server, at: time)
        createDialers(server)
        startDialers(server, at: time)
    }

    /// Creates the configured dialers anew.
    mutating func createDialers(_ server: Int) {
        let state = servers[pointer: server]
        let earlier = state.pointee.outbound
        state.pointee.outbound = world.makeDialers(firstServer + server)
        for dialer in state.pointee.outbound.indices where dialer < earlier.count {
            // Attempts and timer generations go on, so that nothing of the earlier life is taken for the new one.
            state.pointee.outbound[dialer].attempt = earlier[dialer].attempt + 1
            state.pointee.outbound[dialer].generations = earlier[dialer].generations.map { $0 + 1 }
            state.pointee.outbound[dialer].random = earlier[dialer].random
        }
    }

    /// Starts the configured dialers; one that was learned meanwhile is under way already.
    mutating func startDialers(_ server: Int, at time: Int64) {
        for dialer in servers[pointer: server].pointee.outbound.indices {
            handleDialer(server, dialer, .start, at: time)
        }
    }

    /// A route between two servers of the region is registered at both ends.
    mutating func routeComesUp(_ first: Int, _ second: Int, at time: Int64) {
        guard servers[pointer: first].pointee.isAlive, servers[pointer: second].pointee.isAlive else { return }
        guard servers[pointer: first].pointee.routeConnections[second] == nil,
            servers[pointer: second].pointee.routeConnections[first] == nil
        else { return }
        openRoute(first, to: second, at: time)
        openRoute(second, to: first, at: time)
    }

    private mutating func openRoute(_ server: Int, to peer: Int, at time: Int64) {
        let state = servers[pointer: server]
        let connection = state.pointee.newConnection(.route(peer))
        state.pointee.routeConnections[peer] = connection
        state.pointee.known[firstServer + peer] = 0
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.open(
            connection, kind: .route, peer: world.info(of: firstServer + peer).server, into: &scratch)
        noteChange(server)
        sendInterest(server, at: time)
    }

    mutating func routeGoesDown(_ server: Int, _ peer: Int, at time: Int64) {
        let state = servers[pointer: server]
        guard state.pointee.isAlive, let connection = state.pointee.routeConnections[peer] else { return }
        state.pointee.routeConnections[peer] = nil
        state.pointee.serial += 1
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.close(connection, in: world.subjects, into: &scratch)
        noteChange(server)
        sendInterest(server, at: time)
    }
}
