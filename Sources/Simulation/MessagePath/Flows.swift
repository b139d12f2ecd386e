import EventKernel
import Measures
import NATSModel
import Network

/// TCP over the WAN: what the link does to what gateways write.
extension Domain {
    func control(_ kind: ItemKind, attempt: UInt32) -> Item {
        Item(time: 0, published: 0, sender: 0, sequence: attempt, list: 0, size: 4, kind: kind, flags: 0)
    }

    /// Sends a packet of a handshake or a reset, outside any flow: lost if the link is cut.
    mutating func sendControl(
        _ server: Int, to peer: Int, asDialer: Bool, kind: ItemKind, attempt: UInt32, at time: Int64
    ) {
        let target = world.servers[peer].region
        guard let link = world.links[region][target] else { return }
        let sent = SimTime(nanoseconds: time)
        guard isWarping || link.isUpThroughout(from: sent, to: sent + link.oneWay(at: sent)) else { return }
        let flow =
            asDialer
            ? servers[pointer: server].pointee.dialerFlows[pointer: peer]
            : servers[pointer: server].pointee.acceptorFlows[pointer: peer]
        if kind == .dial { resetFlow(flow, isOpen: true) }
        write(server, to: peer, asDialer: asDialer, control(kind, attempt: attempt), at: time)
    }

    /// Hands an item to the link, whose capacity all connections of the region share.
    private mutating func write(_ server: Int, to peer: Int, asDialer: Bool, _ item: Item, at time: Int64) {
        let target = world.servers[peer].region
        var item = item
        item.time = time
        let destination = wanPort(of: peer, from: server, asDialer: asDialer)
        if isWarping { return post(item, to: destination, in: target) }
        wires[target].append(
            Posted(region: Int32(target), destination: destination, item: item, isBeforeWire: true))
    }

    /// Puts an item on the wire: the link sends in the order of writing, and a connection keeps its order even when
    /// the delay falls. Returns when it arrives.
    mutating func putOnWire(_ posted: Posted) -> Int64 {
        guard case .server(let local, let port) = posted.destination else {
            preconditionFailure("only servers write to the link")
        }
        let target = Int(posted.region)
        let link = world.links[region][target]!
        var sent = posted.item.time
        if let bandwidth = link.bandwidth {
            sent = max(sent, linkFree[target]) + posted.item.bytes * 8_000_000_000 / bandwidth
            linkFree[target] = sent
        }
        let offset = Int(port) - world.relaysOfRegion[target].count - world.serversOfRegion[target].count
        let state = servers[pointer: offset / 2 - firstServer]
        let peer = world.serversOfRegion[target].lowerBound + Int(local)
        let flow =
            offset % 2 == 0 ? state.pointee.dialerFlows[pointer: peer] : state.pointee.acceptorFlows[pointer: peer]
        let arrival = max(
            sent + link.oneWay(at: SimTime(nanoseconds: sent)).nanoseconds, flow.pointee.lastArrival + 1)
        flow.pointee.lastArrival = arrival
        return arrival
    }

    func wanPort(of peer: Int, from server: Int, asDialer: Bool) -> Destination {
        let target = world.servers[peer].region
        let base = world.relaysOfRegion[target].count + world.serversOfRegion[target].count
        let port = base + 2 * (firstServer + server) + (asDialer ? 0 : 1)
        return .server(Int32(world.servers[peer].local), port: Int32(port))
    }

    func resetFlow(_ flow: UnsafeMutablePointer<Flow>, isOpen: Bool) {
        flow.pointee.held.removeAll { _ in }
        flow.pointee.heldBytes = 0
        flow.pointee.filledAt = -1
        flow.pointee.generation &+= 1
        flow.pointee.isOpen = isOpen
    }

    /// Writes an item to a gateway connection. While the link is cut it waits for TCP's retransmission.
    mutating func transmit(_ server: Int, to peer: Int, asDialer: Bool, _ item: Item, at time: Int64) {
        let flow =
            asDialer
            ? servers[pointer: server].pointee.dialerFlows[pointer: peer]
            : servers[pointer: server].pointee.acceptorFlows[pointer: peer]
        let target = world.servers[peer].region
        guard flow.pointee.isOpen || isWarping else {
            return loseHeld(item, toward: target, at: time)
        }
        guard flow.pointee.held.isEmpty else {
            return hold(flow, server, peer, asDialer, item, at: time)
        }
        let link = world.links[region][target]!
        let sent = SimTime(nanoseconds: time)
        guard isWarping || link.isUpThroughout(from: sent, to: sent + link.oneWay(at: sent)) else {
            return beginHolding(flow, server, peer, asDialer, item, at: time)
        }
        write(server, to: peer, asDialer: asDialer, item, at: time)
    }

    private mutating func beginHolding(
        _ flow: UnsafeMutablePointer<Flow>, _ server: Int, _ peer: Int, _ asDialer: Bool, _ item: Item, at time: Int64
    ) {
        let link = world.links[region][world.servers[peer].region]!
        flow.pointee.cutAt = time
        let now = SimTime(nanoseconds: time)
        let heal = link.nextUp(notBefore: link.isUp(at: now) ? link.nextCut(notBefore: now) : now)
        let retry = RetransmissionSchedule.firstRetransmission(
            notBefore: heal, cutAt: now, roundTrip: link.roundTrip(at: now))
        if retry < .never {
            schedule(
                .flush, object: flowObject(server, peer, asDialer), payload: flow.pointee.generation & 0xff_ffff,
                at: retry.nanoseconds)
        }
        hold(flow, server, peer, asDialer, item, at: time)
    }

    private mutating func hold(
        _ flow: UnsafeMutablePointer<Flow>, _ server: Int, _ peer: Int, _ asDialer: Bool, _ item: Item, at time: Int64
    ) {
        flow.pointee.held.append(item)
        flow.pointee.heldBytes += item.bytes
        let isFull =
            flow.pointee.held.count >= Int(world.nats.sendBufferMessages)
            || flow.pointee.heldBytes >= world.nats.sendBufferSize
        guard isFull, flow.pointee.filledAt < 0 else { return }
        flow.pointee.filledAt = time
        schedule(
            .writeDeadline, object: flowObject(server, peer, asDialer), payload: flow.pointee.generation & 0xff_ffff,
            at: time + world.nats.writeDeadline.nanoseconds)
    }

    private func flowObject(_ server: Int, _ peer: Int, _ asDialer: Bool) -> Int {
        server << 16 | peer << 1 | (asDialer ? 0 : 1)
    }

    private func flow(_ object: Int) -> UnsafeMutablePointer<Flow> {
        let state = servers[pointer: object >> 16]
        let peer = object >> 1 & 0x7fff
        return object & 1 == 0 ? state.pointee.dialerFlows[pointer: peer] : state.pointee.acceptorFlows[pointer: peer]
    }

    /// The link works again and the retransmission got through: what was held follows in order.
    mutating func flushFired(_ object: Int, _ payload: UInt32, at time: Int64) {
        let flow = flow(object)
        guard flow.pointee.isOpen, flow.pointee.generation & 0xff_ffff == payload else { return }
        var waiting: [Item] = []
        flow.pointee.held.removeAll { waiting.append($0) }
        flow.pointee.heldBytes = 0
        flow.pointee.filledAt = -1
        flow.pointee.generation &+= 1
        for item in waiting {
            transmit(object >> 16, to: object >> 1 & 0x7fff, asDialer: object & 1 == 0, item, at: time)
        }
    }

    /// A flush wrote nothing for the whole deadline: the connection is closed as a slow consumer.
    mutating func writeDeadlineFired(_ object: Int, _ payload: UInt32, at time: Int64) {
        let flow = flow(object)
        guard flow.pointee.isOpen, flow.pointee.generation & 0xff_ffff == payload, !flow.pointee.held.isEmpty else {
            return
        }
        let server = object >> 16
        let peer = object >> 1 & 0x7fff
        if object & 1 == 0 {
            guard let dialer = servers[pointer: server].pointee.outbound.firstIndex(where: { $0.target == peer }) else {
                return
            }
            handleDialer(server, dialer, .writeDeadlineExpired(bytesWritten: 0), at: time)
        } else {
            handleInbound(server, peer, .writeDeadlineExpired(bytesWritten: 0), at: time)
        }
    }

    /// What a closed connection still held is lost.
    mutating func dropHeld(_ flow: UnsafeMutablePointer<Flow>, _ server: Int, toward target: Int, at time: Int64) {
        var waiting: [Item] = []
        flow.pointee.held.removeAll { waiting.append($0) }
        resetFlow(flow, isOpen: false)
        for item in waiting { loseHeld(item, toward: target, at: time) }
    }

    /// What a connection that is closed carried, or would have.
    mutating func loseHeld(_ item: Item, toward target: Int, at time: Int64) {
        switch item.kind {
        case .media:
            losses.add(
                stream: item.sender, sequence: item.sequence, scope: .region(Int32(target)),
                fate: .lost(.gatewayClosedWithBacklog), at: time)
        case .raw: raw.lost += 1
        default: break
        }
    }
}
