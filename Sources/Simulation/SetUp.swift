import CallModel
import EventKernel
import NATSModel
import Network
import RandomVariates
import Scenario

/// The state of a region at time zero.
extension Domain {
    /// Routes within the region and the relays' connections to their servers.
    mutating func connectLocally() {
        for relay in 0..<relays.count where !relayIsDeadAtStart(relay) {
            let server = relay % servers.count
            relays[pointer: relay].pointee.server = server
            openRelayConnection(server, relay)
            recorder.noteOpen(relay, server: server, at: -world.relay.serverHop.nanoseconds)
        }
        for first in 0..<servers.count {
            for second in 0..<servers.count where second > first { routeComesUp(first, second, at: 0) }
        }
    }

    private func relayIsDeadAtStart(_ relay: Int) -> Bool {
        !world.isAlive(world.relayOutages[firstRelay + relay], at: 0)
    }

    /// During the set-up an item is handled at once instead of travelling.
    mutating func handleAtOnce(_ posted: Posted) {
        switch posted.destination {
        case .server(let server, let port):
            withUnsafePointer(to: posted.item) { serveServer(Int(server), $0, port: Int(port)) }
        case .relay, .clients:
            preconditionFailure("nobody is connected yet")
        }
    }

    /// The relay that a person in progress has been on for long: what steering gives on a quiet day.
    mutating func settledRelay(of person: Int) -> Int? {
        let plan = world.people[person]
        var site = plan.region
        switch world.scenario.steering {
        case .election:
            // WebTransport wins whatever its round trip; the nearest site that offers the transport follows.
            site = nearestSite(person)
        case .geoDNS, .proxiedDNS:
            site = people[pointer: person].pointee.resolver!.preferred
        case .pinned:
            break
        }
        let transport: Transport = plan.hasWebTransport && offers(site, .webTransport) ? .webTransport : .webSocket
        let replicas = world.relaysOfRegion[site].filter { world.relays[$0].transport == transport }
        guard !replicas.isEmpty else { return nil }
        let pick = people[pointer: person].pointee.backoff.integer(below: replicas.count)
        return replicas[pick]
    }

    private func offers(_ site: Int, _ transport: Transport) -> Bool {
        world.relaysOfRegion[site].contains { world.relays[$0].transport == transport }
    }

    private func nearestSite(_ person: Int) -> Int {
        let wanted: Transport = world.people[person].hasWebTransport ? .webTransport : .webSocket
        var best = -1
        for site in 0..<world.regionCount where offers(site, wanted) {
            if best < 0 || world.access.roundTrip(person, site) < world.access.roundTrip(person, best) { best = site }
        }
        return best >= 0 ? best : world.people[person].region
    }

    /// The client's half of a session that exists at time zero.
    mutating func beginConnected(_ person: Int, on relay: Int) -> UInt32 {
        let client = people[pointer: person]
        let session = SessionID.make(person: person, connection: 0)
        client.pointee.connections = 1
        client.pointee.phase = .connected
        setElected(person, Candidate(session: session, relay: relay, isOpen: true))
        receivers[pointer: person].pointee.connections = 1
        client.pointee.presence.append(
            PresenceChange(time: 0, state: .connected, region: Int32(world.relays[relay].region)))
        let limit =
            world.relays[relay].transport == .webTransport
            ? world.client.quicIdleTimeout : world.client.webSocketTimeout
        arm(person, .idle, at: limit.nanoseconds)
        return session
    }

    /// The relay's half of it.
    mutating func admit(_ session: UInt32, on relay: Int) {
        let state = relays[pointer: relay]
        let slot = openSession(relay, session, at: 0)
        state.pointee.sessions[pointer: slot].pointee.state = .active
        sendToServer(relay, kind: .subscribe, slot: slot, at: -world.relay.serverHop.nanoseconds)
        // A session that is not new looks for silence at a phase of its own.
        let phase = world.timerPhase(session, period: world.relay.checkInterval.nanoseconds)
        let timeout = world.relay.clientTimeout.nanoseconds
        checkSession(slot, relay, at: timeout - min(phase, timeout))
    }
}
