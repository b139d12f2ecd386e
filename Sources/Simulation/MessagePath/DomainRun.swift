import EventKernel
import Measures

extension Domain {
    /// Runs the region from `start` to `end`, both at slot boundaries (or the horizon): the window executor.
    ///
    /// Within a slot nothing that the stations do can reach a person, and nothing that a person does can reach a
    /// station, before the next slot begins; so people come first, then the stations in windows of the least hop.
    mutating func run(from start: Int64, until end: Int64) {
        let width = Int64(1) << Int64(world.slotShift)
        var slot = start >> Int64(world.slotShift)
        while slot * width < end {
            if !isBusy(slot, until: (slot + 1) * width) {
                let next = earliest() >> Int64(world.slotShift)
                if next > slot {
                    slot = next
                    continue
                }
            }
            let slotEnd = min((slot + 1) * width, end)
            runClients(slot: slot, until: slotEnd)
            for relay in 0..<relays.count { feed(relay, slot: slot) }
            runStations(until: slotEnd)
            slot += 1
        }
    }

    /// Ends a run whose queues grow without end before memory does.
    func checkBacklog() throws(SimulationError) {
        let limit = Station.portLimit / 4
        for relay in 0..<relays.count where relays[pointer: relay].pointee.station.backlog > limit {
            throw Self.overload(world.relays[firstRelay + relay].name, limit)
        }
        for server in 0..<servers.count where servers[pointer: server].pointee.station.backlog > limit {
            throw Self.overload(world.servers[firstServer + server].name, limit)
        }
        for server in 0..<servers.count where longestFlow(server) > limit {
            throw Self.overload("a gateway connection of " + world.servers[firstServer + server].name, limit)
        }
    }

    /// The most messages that wait in one of a server's gateway connections.
    private func longestFlow(_ server: Int) -> Int {
        let state = servers[pointer: server]
        var most = 0
        for peer in world.servers.indices {
            let dialer = state.pointee.dialerFlows[pointer: peer]
            let acceptor = state.pointee.acceptorFlows[pointer: peer]
            most = max(most, dialer.pointee.departing.count + dialer.pointee.held.count)
            most = max(most, acceptor.pointee.departing.count + acceptor.pointee.held.count)
        }
        return most
    }

    private static func overload(_ name: String, _ limit: Int) -> SimulationError {
        SimulationError(
            "\(name) is overloaded: more than \(limit) messages wait there; give it more CPU or shorten the horizon")
    }

    /// Whether something is known to happen in a slot, without a look at everything.
    @inline(__always)
    private mutating func isBusy(_ slot: Int64, until end: Int64) -> Bool {
        min(nextAgenda, nextTimer) < end || sources.hasCaptures(in: slot) || arrivals.holds(slot: slot)
    }

    /// A lower bound for the time of the next thing that happens.
    private mutating func earliest() -> Int64 {
        var time = min(min(nextAgenda, nextTimer), min(nextRelay(), nextServer()))
        if let slot = sources.earliestSlot { time = min(time, slot << Int64(world.slotShift)) }
        if let slot = arrivals.earliestSlot { time = min(time, slot << Int64(world.slotShift)) }
        for relay in 0..<relays.count {
            guard let slot = relays[pointer: relay].pointee.arrivals.earliestSlot else { continue }
            time = min(time, slot << Int64(world.slotShift))
        }
        return time
    }

    /// Moves what reaches a relay from its clients in this slot to the relay's port, in order.
    private mutating func feed(_ relay: Int, slot: Int64) {
        let state = relays[pointer: relay]
        guard state.pointee.arrivals.holds(slot: slot) else { return }
        drained.removeAll()
        state.pointee.arrivals.drain(slot: slot, into: &drained)
        sorter.sort(
            &drained, slotShift: world.slotShift, time: { SimTime(nanoseconds: $0.time) }, precedes: Self.precedes)
        state.pointee.station.append(contentsOf: drained, to: 0)
    }

    /// The order of items of one port with equal times: (session, stream, sequence, kind).
    static func precedes(_ left: Item, _ right: Item) -> Bool {
        if left.list != right.list { return left.list < right.list }
        if left.sender != right.sender { return left.sender < right.sender }
        if left.sequence != right.sequence { return left.sequence < right.sequence }
        return left.kind.rawValue < right.kind.rawValue
    }

    /// Serves the region's stations until `end`, and its agenda.
    private mutating func runStations(until end: Int64) {
        stationsEnd = end
        while true {
            let next = min(nextRelay(), nextServer())
            if nextAgenda <= next {
                guard nextAgenda < end else { return }
                fireAgenda(before: nextAgenda + 1)
                continue
            }
            guard next < end else { return }
            if clusters.isStale { findClusters() }
            if clusters.areApart { runClusters(until: end) } else { runTogether(until: min(end, nextAgenda)) }
        }
    }

    /// Serves those stations that may act first, for as long as nothing that the others do can reach them: the way for
    /// when relays change servers.
    ///
    /// Relays hear from servers alone, servers from relays and from each other. So relays can go as far as the first
    /// server that may act, plus its hop; servers as far as the first relay, plus its hop, and the first server, plus
    /// a route's. What a service puts on the agenda ends the turn of its own station; others hear of it a hop later.
    private mutating func runTogether(until bound: Int64) {
        let hop = costs.serverHop
        let relayNext = nextRelay()
        let serverNext = nextServer()
        if relayNext <= serverNext {
            let window = min(min(serverNext, relayNext + hop) + hop, bound)
            for relay in 0..<relays.count where relayClock(relay) < window { serveRelay(relay, before: window) }
        } else {
            let window = min(min(relayNext + hop, serverNext + min(costs.routeHop, 2 * hop)), bound)
            for server in 0..<servers.count where serverClock(server) < window { serveServer(server, before: window) }
        }
    }

    /// A lower bound for the next service of any relay; far, but not so far that a hop would overflow, without work.
    @inline(__always)
    private mutating func nextRelay() -> Int64 {
        var next = Int64.max / 2
        for relay in 0..<relays.count { next = min(next, relayClock(relay)) }
        return next
    }

    /// The same for the servers.
    @inline(__always)
    private mutating func nextServer() -> Int64 {
        var next = Int64.max / 2
        for server in 0..<servers.count { next = min(next, serverClock(server)) }
        return next
    }

    @inline(__always)
    mutating func serveRelay(_ relay: Int, before window: Int64) {
        let state = relays[pointer: relay]
        while let next = state.pointee.station.nextPlace(before: min(window, nextAgenda)) {
            serveRelay(relay, next.item, port: next.port)
        }
    }

    @inline(__always)
    mutating func serveServer(_ server: Int, before window: Int64) {
        if readingAhead.isOn { readAhead(ofServer: server, before: window) }
        let state = servers[pointer: server]
        while let next = state.pointee.station.nextPlace(before: min(window, nextAgenda)) {
            serveServer(server, next.item, port: next.port)
        }
    }

    /// Fires the next entry of the agenda, if it is due before `bound`.
    mutating func fireAgenda(before bound: Int64) {
        guard let entry = agenda.pop(before: SimTime(nanoseconds: bound)) else { return }
        nextAgenda = agenda.peek().nanoseconds
        events += 1
        let time = entry.time.nanoseconds
        fingerprint.add(.timer, entry.key.rawValue, UInt64(bitPattern: time), UInt64(region))
        let object = Int(entry.key.entity)
        let payload = entry.key.generation
        switch AgendaKind(rawValue: entry.key.kind)! {
        case .relayDown: relayGoesDown(object, at: time)
        case .relayUp: relayComesUp(object, at: time)
        case .serverDown: serverFaultBegins(object, isSilent: payload == 1, at: time)
        case .serverUp: serverComesUp(object, at: time)
        case .relayReconnect: reconnectRelay(object, at: time)
        case .routeUp: routeComesUp(object >> 8, object & 255, at: time)
        case .routeDown: routeGoesDown(object >> 8, object & 255, at: time)
        case .dialerTimer: dialerTimerFired(object, payload, at: time)
        case .inboundTimer: inboundTimerFired(object, payload, at: time)
        case .flush: flushFired(object, payload, at: time)
        case .orphan: orphanFired(object, at: time)
        case .writeDeadline: writeDeadlineFired(object, payload, at: time)
        case .handshakeDone: completeHandshake(slot: object, relay: Int(payload), at: time)
        case .sessionCheck: sessionCheckFired(slot: object, relay: Int(payload), at: time)
        case .rawPublish: publishRaw(object, at: time)
        case .loadMark: markLoad(isEnd: payload == 1, at: time)
        case .memoryKill: memoryKillFired(object, payload, at: time)
        case .memoryRestart: memoryRestartFired(object, payload, at: time)
        case .relayGone: closeRelayConnection(object, Int(payload), at: time)
        }
    }
}
