import EventKernel
import Measures
import NATSModel
import Network
import RandomVariates

/// What the WAN link does to packets: delay, jitter, loss, cuts, and the order in which they go onto it.
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
        let state = link.state(at: sent)
        guard isWarping || link.isUpThroughout(from: sent, to: sent + state.oneWay) else { return }
        let item = control(kind, attempt: attempt)
        let place = FlowPlace(server: server, peer: peer, asDialer: asDialer)
        if kind == .dial {
            flow(place).pointee.reset(isOpen: true)
            guard isWarping || !isLost(place, item, share: state.loss.share) else { return }
        } else if kind == .accepted || kind == .refused {
            // Repeated after a second, too late for the dial. Other packets are repeated in time.
            guard isWarping || !isLost(place, item, share: state.loss.share) else { return }
        }
        write(server, to: peer, asDialer: asDialer, item, at: time)
    }

    private mutating func isLost(_ place: FlowPlace, _ item: Item, share: Double) -> Bool {
        share > 0 && unitInterval(bits(place, item, leg: 2)) < share
    }

    /// Random bits of an item on its way over a connection.
    @inline(__always)
    private mutating func bits(_ place: FlowPlace, _ item: Item, leg: UInt32) -> UInt64 {
        let connection = UInt32(firstServer + place.server) << 14 | UInt32(place.peer) << 2 | (place.asDialer ? 2 : 0)
        return messageBits(
            world.jitterKey, sender: item.sender, sequence: item.sequence &+ UInt32(item.kind.rawValue) << 24,
            leg: connection << 2 | leg)
    }

    /// Tells a flow of a replication from all others.
    func connectionKey(_ place: FlowPlace) -> UInt64 {
        mix64(world.lossKey ^ UInt64(firstServer + place.server) << 16 ^ UInt64(place.object & 0xffff))
    }

    /// Up to `jitter` nanoseconds.
    @inline(__always)
    private mutating func jitter(_ place: FlowPlace, _ item: Item, _ jitter: Int64, leg: UInt32) -> Int64 {
        jitter == 0 ? 0 : Int64(bits(place, item, leg: leg).multipliedFullWidth(by: UInt64(jitter + 1)).high)
    }

    /// Hands a packet outside any flow to the link; during the set-up everything goes this way.
    mutating func write(_ server: Int, to peer: Int, asDialer: Bool, _ item: Item, at time: Int64) {
        let target = world.servers[peer].region
        var item = item
        item.time = time
        let destination = wanPort(of: peer, from: server, asDialer: asDialer)
        if isWarping { return post(item, to: destination, in: target) }
        // Its place among what its connection writes at the same instant.
        let place = FlowPlace(server: server, peer: peer, asDialer: asDialer)
        item.published = Int64(flow(place).pointee.nextNumber)
        wires[target].append(Posted(region: Int32(target), destination: destination, item: item))
    }

    @inline(__always)
    func wanPort(of peer: Int, from server: Int, asDialer: Bool) -> Destination {
        let target = world.servers[peer].region
        let base = world.relaysOfRegion[target].count + world.serversOfRegion[target].count
        let port = base + 2 * (firstServer + server) + (asDialer ? 0 : 1)
        return .server(Int32(world.servers[peer].local), port: Int32(port))
    }

    // MARK: The path of a flow

    /// Looks up what holds on a flow's way at `time`.
    mutating func refreshPath(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, at time: Int64) {
        let target = world.servers[place.peer].region
        let there = world.links[region][target]!
        let back = world.links[target][region]!
        let now = SimTime(nanoseconds: time)
        let forward = there.state(at: now)
        let reverse = back.state(at: now)
        var path = FlowPath()
        path.from = time
        path.until = min(there.nextChange(after: now), back.nextChange(after: now)).nanoseconds
        path.oneWay = forward.oneWay.nanoseconds
        path.back = reverse.oneWay.nanoseconds
        path.jitter = forward.jitter.nanoseconds
        path.jitterBack = reverse.jitter.nanoseconds
        path.bandwidth = forward.bandwidth ?? 0
        path.calmUntil = min(there.nextCut(notBefore: now), back.nextCut(notBefore: now)).nanoseconds
        path.isLossy = forward.loss.share > 0
        path.isPlain = path.jitter == 0 && path.jitterBack == 0 && path.bandwidth == 0 && !path.isLossy
        if flow.pointee.path.isLossy != path.isLossy || path.isLossy { flow.pointee.untilLoss = -1 }
        flow.pointee.path = path
    }

    /// What jitter and capacity add to the round trip of an item written at `time`.
    // Mutating, as are others here that only read: a call of one that is not would copy the whole region first.
    mutating func delays(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ item: Item, at time: Int64) -> Int64
    {
        let path = flow.pointee.path
        var sum = jitter(place, item, path.jitter, leg: 0) + jitter(place, item, path.jitterBack, leg: 1)
        if path.bandwidth > 0 {
            // As if alone on the link: what other connections write is not known at this instant.
            let ready = max(time, flow.pointee.window.lastSent)
            let start = max(ready, flow.pointee.linkFree)
            flow.pointee.linkFree = start + item.bytes * 8_000_000_000 / path.bandwidth
            sum += flow.pointee.linkFree - ready
        }
        return sum
    }

    /// Whether a segment sent at `time` arrives at another region, and whether its acknowledgement comes back.
    func travel(to target: Int, at time: SimTime) -> (arrives: Bool, isAnswered: Bool) {
        let there = world.links[region][target]!
        let back = world.links[target][region]!
        let arrival = time + there.oneWay(at: time)
        let arrives = there.isUpThroughout(from: time, to: arrival)
        let returned = arrival + back.oneWay(at: arrival)
        return (arrives, arrives && back.isUpThroughout(from: arrival, to: returned))
    }

    /// The same for an item of a flow, with random loss.
    mutating func passage(
        _ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ item: Item, at time: Int64
    ) -> (arrives: Bool, isAnswered: Bool) {
        var fate = travel(to: world.servers[place.peer].region, at: SimTime(nanoseconds: time))
        if flow.pointee.path.isLossy {
            let segments = (Flow.bytes(item) + CongestionWindow.segment - 1) / CongestionWindow.segment
            if loses(place, flow, segments: segments) { fate = (false, false) }
        }
        return fate
    }

    /// Counts segments until the next random loss.
    private mutating func loses(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, segments: Int64) -> Bool {
        let loss = world.links[region][world.servers[place.peer].region]!
            .state(at: SimTime(nanoseconds: flow.pointee.path.from)).loss
        if flow.pointee.untilLoss < 0 {
            flow.pointee.untilLoss = loss.gap(bits: lossBits(place, flow))
            flow.pointee.lossRun = loss.length(bits: lossBits(place, flow))
        }
        guard flow.pointee.untilLoss < segments else {
            flow.pointee.untilLoss -= segments
            return false
        }
        flow.pointee.lossRun -= segments - flow.pointee.untilLoss
        flow.pointee.untilLoss = 0
        if flow.pointee.lossRun <= 0 { flow.pointee.untilLoss = -1 }
        return true
    }

    private mutating func lossBits(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>) -> UInt64 {
        flow.pointee.lossDraws &+= 1
        let connection = UInt32(firstServer + place.server) << 14 | UInt32(place.peer) << 2 | (place.asDialer ? 2 : 0)
        return messageBits(world.lossKey, sender: connection, sequence: flow.pointee.lossDraws, leg: 0)
    }

    // MARK: Onto the wire

    /// When something put on the wire at `time` arrives: a connection keeps its order even when the delay falls.
    private mutating func arrival(
        _ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ item: Item, toward target: Int
    ) -> Int64 {
        var sent = item.time
        let path = flow.pointee.path
        var delay: Int64
        let bandwidth: Int64
        if path.from <= sent && sent < path.until {
            delay = path.oneWay + jitter(place, item, path.jitter, leg: 0)
            bandwidth = path.bandwidth
        } else {
            let state = world.links[region][target]!.state(at: SimTime(nanoseconds: sent))
            delay = state.oneWay.nanoseconds + jitter(place, item, state.jitter.nanoseconds, leg: 0)
            bandwidth = state.bandwidth ?? 0
        }
        if bandwidth > 0 {
            sent = max(sent, linkFree[target]) + item.bytes * 8_000_000_000 / bandwidth
            linkFree[target] = sent
        }
        delay += sent
        let arrival = max(delay, flow.pointee.lastArrival + 1)
        flow.pointee.lastArrival = arrival
        return arrival
    }

    /// Whether a packet outside any flow goes onto the wire before `end`.
    mutating func hasPackets(toward target: Int, before end: Int64) -> Bool {
        wires[target].contains { $0.item.time < end }
    }

    /// Puts on the wire what departs before `end`, one connection after another: on a link without a limit, and without
    /// packets outside the flows, none waits for another.
    mutating func releaseFlows(
        toward target: Int, before end: Int64, into other: UnsafeMutablePointer<Domain>
    ) {
        for server in 0..<servers.count {
            for peer in world.serversOfRegion[target] {
                release(FlowPlace(server: server, peer: peer, asDialer: true), before: end, into: other)
                release(FlowPlace(server: server, peer: peer, asDialer: false), before: end, into: other)
            }
        }
    }

    private mutating func release(
        _ place: FlowPlace, before end: Int64, into other: UnsafeMutablePointer<Domain>
    ) {
        let flow = flow(place)
        guard !flow.pointee.departing.isEmpty else { return }
        let destination = wanPort(of: place.peer, from: place.server, asDialer: place.asDialer)
        while !flow.pointee.departing.isEmpty, flow.pointee.departing.first.time < end {
            var item = flow.pointee.popDeparting()
            item.time = arrival(place, flow, item, toward: other.pointee.region)
            other.pointee.deliver(item, to: destination)
        }
    }

    /// Gathers what goes onto the wire before `end`: the flows, and the packets outside any, in order.
    mutating func gatherWire(toward target: Int, before end: Int64) {
        wireHeads.removeAll(keepingCapacity: true)
        for server in 0..<servers.count {
            let state = servers[pointer: server]
            for peer in world.serversOfRegion[target] {
                addHead(state.pointee.dialerFlows[pointer: peer], server, peer, true, before: end)
                addHead(state.pointee.acceptorFlows[pointer: peer], server, peer, false, before: end)
            }
        }
        guard !wires[target].isEmpty else { return }
        wires[target].sortByWriting()
        let first = wires[target][0]
        if first.item.time < end {
            wireHeads.append(
                WireHead(
                    time: first.item.time, port: first.wirePort, number: Int(first.item.published),
                    place: FlowPlace(object: 0), isPacket: true))
        }
    }

    @inline(__always)
    private mutating func addHead(
        _ flow: UnsafeMutablePointer<Flow>, _ server: Int, _ peer: Int, _ asDialer: Bool, before end: Int64
    ) {
        guard !flow.pointee.departing.isEmpty else { return }
        let time = flow.pointee.departing.first.time
        guard time < end else { return }
        wireHeads.append(
            WireHead(
                time: time, port: wanPort(of: peer, from: server, asDialer: asDialer).wirePort,
                number: flow.pointee.departing.headNumber,
                place: FlowPlace(server: server, peer: peer, asDialer: asDialer), isPacket: false))
    }

    /// When the first of what was gathered goes onto the wire; `Int64.max`: nothing was.
    func earliestOnWire() -> Int64 { wireHeads.map(\.time).min() ?? Int64.max }

    /// Puts the first of what was gathered on the wire, for its arrival; `nil` when nothing is left before `end`.
    mutating func popWire(toward target: Int, before end: Int64) -> Posted? {
        var best = -1
        for index in wireHeads.indices where best < 0 || wireHeads[index].precedes(wireHeads[best]) { best = index }
        guard best >= 0 else { return nil }
        let head = wireHeads[best]
        if head.isPacket { return popPacket(best, toward: target, before: end) }
        let flow = flow(head.place)
        var item = flow.pointee.popDeparting()
        let next = flow.pointee.departing.isEmpty ? Int64.max : flow.pointee.departing.first.time
        wireHeads[best].number += 1
        advance(best, next, before: end)
        item.time = arrival(head.place, flow, item, toward: target)
        let destination = wanPort(of: head.place.peer, from: head.place.server, asDialer: head.place.asDialer)
        return Posted(region: Int32(target), destination: destination, item: item)
    }

    private mutating func popPacket(_ index: Int, toward target: Int, before end: Int64) -> Posted {
        var posted = wires[target].removeFirst()
        let next = wires[target].first
        if let next {
            wireHeads[index].port = next.wirePort
            wireHeads[index].number = Int(next.item.published)
        }
        advance(index, next?.item.time ?? Int64.max, before: end)
        guard case .server(let local, let port) = posted.destination else {
            preconditionFailure("only servers write to the link")
        }
        let offset = Int(port) - world.relaysOfRegion[target].count - world.serversOfRegion[target].count
        let place = FlowPlace(
            server: offset / 2 - firstServer, peer: world.serversOfRegion[target].lowerBound + Int(local),
            asDialer: offset % 2 == 0)
        posted.item.published = 0
        posted.item.time = arrival(place, flow(place), posted.item, toward: target)
        return posted
    }

    private mutating func advance(_ index: Int, _ time: Int64, before end: Int64) {
        if time < end {
            wireHeads[index].time = time
        } else {
            wireHeads.remove(at: index)
        }
    }
}

/// One source of what goes onto a link.
struct WireHead: BitwiseCopyable {
    var time: Int64
    var port: Int64
    /// The running number of the flow's item; of a packet, that of its connection's next one when it was written.
    var number: Int
    var place: FlowPlace
    /// The packets outside any flow, in order.
    var isPacket: Bool

    /// By (time, port), and within a connection in the order of writing.
    @inline(__always)
    func precedes(_ other: WireHead) -> Bool {
        if time != other.time { return time < other.time }
        if port != other.port { return port < other.port }
        return isPacket ? number <= other.number : number < other.number
    }
}

extension Array<Posted> {
    /// Sorts by (time, port), keeping the order of posting among equals.
    mutating func sortByWriting() {
        let keyed = enumerated().sorted {
            let a = $0.element
            let b = $1.element
            if a.item.time != b.item.time { return a.item.time < b.item.time }
            if a.wirePort != b.wirePort { return a.wirePort < b.wirePort }
            return $0.offset < $1.offset
        }
        self = keyed.map(\.element)
    }
}

extension Posted {
    /// Orders what goes onto the wire at one instant: by connection.
    var wirePort: Int64 { destination.wirePort }
}

extension Destination {
    var wirePort: Int64 {
        guard case .server(let server, let port) = self else { return 0 }
        return Int64(port) << 32 | Int64(server)
    }
}
