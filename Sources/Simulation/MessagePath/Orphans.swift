import EventKernel
import Network

/// What the socket of a closed connection still delivers.
///
/// A server that closes a stalled connection leaves the kernel with what the socket's buffer holds, and the kernel goes
/// on with its retransmissions. If one gets through while the other end still counts the connection as open, all of it
/// arrives: late, and behind newer messages if a new connection was faster. Measured after cuts of 30 s: 118 to 156
/// messages of 50 a second, 30.7 s old (docs/measurements.md). What comes too late meets a reset and is lost there, or
/// is reset before by what the other end has to say.
extension Domain {
    /// Closes a flow; what its socket holds may get through later, the rest is lost.
    mutating func leaveSocket(_ place: FlowPlace, at time: Int64) {
        let flow = flow(place)
        let retry = flow.pointee.retryAt
        let isLeft =
            flow.pointee.stall != .none && retry > time && retry < world.horizon && flow.pointee.orphans.isEmpty
        if isLeft {
            guard place.asDialer else {
                // Of what an acceptor says only that it says something matters: a ping, to the old connection.
                flow.pointee.held.removeAll { item in
                    if item.kind == .ping && flow.pointee.orphans.isEmpty { flow.pointee.orphans.append(item) }
                }
                if !flow.pointee.orphans.isEmpty { schedule(.orphan, object: place.object, at: retry) }
                return dropHeld(flow, toward: world.servers[place.peer].region, at: time)
            }
            var left = flow.pointee.filledAt >= 0 ? flow.pointee.kept : flow.pointee.held.count
            while left > 0 {
                flow.pointee.orphans.append(flow.pointee.held.popFirst())
                left -= 1
            }
            schedule(.orphan, object: place.object, at: retry)
        }
        dropHeld(flow, toward: world.servers[place.peer].region, at: time)
    }

    /// The retransmission of a closed connection gets through: its data follows in slow start.
    mutating func orphanFired(_ object: Int, at time: Int64) {
        let place = FlowPlace(object: object)
        let flow = flow(place)
        refreshPath(place, flow, at: time)
        let roundTrip = flow.pointee.path.roundTrip
        var bytes: Int64 = 0
        var window = CongestionWindow.segment
        var departure = time
        while !flow.pointee.orphans.isEmpty {
            var item = flow.pointee.orphans.popFirst()
            item.flags &= ~ItemFlags.received
            bytes += Flow.bytes(item)
            while bytes > window {
                bytes -= window
                window *= 2
                departure += roundTrip
            }
            flow.pointee.depart(item, at: departure)
        }
    }

    /// The other end says something on a connection that is closed here: the kernel resets it, and what its socket held
    /// is lost (Linux tcp_rcv_state_process; RFC 1122 section 4.2.2.13).
    mutating func resetOrphans(_ place: FlowPlace, at time: Int64) {
        var waiting: [Item] = []
        flow(place).pointee.orphans.removeAll { waiting.append($0) }
        for item in waiting { loseHeld(item, toward: world.servers[place.peer].region, at: time) }
    }

    /// The machine loses power: its kernel's sockets are gone with it.
    mutating func dropOrphans(of server: Int, at time: Int64) {
        for peer in world.servers.indices {
            resetOrphans(FlowPlace(server: server, peer: peer, asDialer: true), at: time)
            resetOrphans(FlowPlace(server: server, peer: peer, asDialer: false), at: time)
        }
    }
}
