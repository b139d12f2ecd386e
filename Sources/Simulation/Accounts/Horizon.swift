import EventKernel
import Measures

/// What is still on its way when the run ends, found by looking at every ring, bin and buffer.
extension Domain {
    mutating func accountHorizon() {
        for relay in 0..<relays.count { accountRelay(relay) }
        for server in 0..<servers.count { accountServer(server) }
        var items = cutShort
        arrivals.removeAll { items.append($0) }
        for item in items where item.kind == .media {
            note(item, .person(Int32(SessionID.person(item.list))))
        }
        for target in outboxes.indices {
            for posted in outboxes[target] + wires[target] where posted.item.kind == .media { note(posted) }
        }
    }

    /// A copy between two places.
    private mutating func note(_ posted: Posted) {
        let region = Int(posted.region)
        let relayCount = world.relaysOfRegion[region].count
        switch posted.destination {
        case .clients: note(posted.item, .person(Int32(SessionID.person(posted.item.list))))
        case .relay(_, let port):
            if port == 0 { note(posted.item, .everyone) } else { noteTargets(posted.item) }
        case .server(let server, let port):
            if Int(port) < relayCount {
                note(posted.item, .everyone)
            } else if Int(port) < relayCount + world.serversOfRegion[region].count {
                note(posted.item, .server(Int32(world.serversOfRegion[region].lowerBound) + server))
            } else {
                note(posted.item, .region(posted.region))
            }
        }
    }

    /// A copy on its way from a server to a relay: one pair for each session that it is for.
    private mutating func noteTargets(_ item: Item) {
        let list = plans.list(item.list)
        for index in 0..<Int(list.pointee.count) {
            note(item, .person(Int32(SessionID.person(list.targets[index].session))))
        }
    }

    private mutating func note(_ item: Item, _ scope: LossScope) {
        losses.add(stream: item.sender, sequence: item.sequence, scope: scope, fate: .inFlight, at: world.horizon)
    }

    private mutating func accountRelay(_ relay: Int) {
        let state = relays[pointer: relay]
        var items: [Item] = []
        state.pointee.arrivals.removeAll { items.append($0) }
        state.pointee.station.removeAll(from: 0) { items.append($0) }
        for item in items where item.kind == .media { note(item, .everyone) }
        for port in 1..<state.pointee.station.portCount {
            var copies: [Item] = []
            state.pointee.station.removeAll(from: port) { copies.append($0) }
            for item in copies where item.kind == .media { noteTargets(item) }
        }
        state.pointee.station.processor.finish()
    }

    private mutating func accountServer(_ server: Int) {
        let state = servers[pointer: server]
        for port in 0..<state.pointee.station.portCount {
            var items: [Item] = []
            state.pointee.station.removeAll(from: port) { items.append($0) }
            let scope: LossScope =
                port < relays.count
                ? .everyone
                : port < relays.count + servers.count ? .server(Int32(firstServer + server)) : .region(Int32(region))
            for item in items {
                if item.kind == .media { note(item, scope) }
            }
        }
        for peer in world.servers.indices {
            var held: [Item] = []
            state.pointee.dialerFlows[pointer: peer].pointee.departing.removeAll { held.append($0) }
            state.pointee.dialerFlows[pointer: peer].pointee.held.removeAll { held.append($0) }
            state.pointee.dialerFlows[pointer: peer].pointee.orphans.removeAll { held.append($0) }
            for item in held where item.kind == .media { note(item, .region(Int32(world.servers[peer].region))) }
        }
        state.pointee.station.processor.finish()
    }
}
