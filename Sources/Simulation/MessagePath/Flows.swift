import EventKernel
import Measures
import NATSModel
import Network
import RandomVariates

/// One direction of a gateway connection: whose flow it is.
struct FlowPlace: BitwiseCopyable {
    /// Index within the region.
    var server: Int
    /// Index over all servers.
    var peer: Int
    var asDialer: Bool

    init(server: Int, peer: Int, asDialer: Bool) {
        self.server = server
        self.peer = peer
        self.asDialer = asDialer
    }

    /// From what an entry of the agenda says.
    init(object: Int) { self.init(server: object >> 16, peer: object >> 1 & 0x7fff, asDialer: object & 1 == 0) }

    var object: Int { server << 16 | peer << 1 | (asDialer ? 0 : 1) }
}

/// TCP over the WAN: when what gateways write departs, and what becomes of it at a cut or a loss.
extension Domain {
    @inline(__always)
    func flow(_ place: FlowPlace) -> UnsafeMutablePointer<Flow> {
        let state = servers[pointer: place.server]
        return place.asDialer
            ? state.pointee.dialerFlows[pointer: place.peer] : state.pointee.acceptorFlows[pointer: place.peer]
    }

    /// Writes an item to a gateway connection.
    mutating func transmit(_ server: Int, to peer: Int, asDialer: Bool, _ item: Item, at time: Int64) {
        let place = FlowPlace(server: server, peer: peer, asDialer: asDialer)
        if isWarping { return write(server, to: peer, asDialer: asDialer, item, at: time) }
        let flow = flow(place)
        guard flow.pointee.isOpen else {
            return loseHeld(item, toward: world.servers[peer].region, at: time)
        }
        // What the processor wrote before goes before, even when a timer writes while it is still busy.
        let time = max(time, flow.pointee.lastWritten)
        flow.pointee.writeGap = time - flow.pointee.lastWritten
        flow.pointee.lastWritten = time
        if flow.pointee.stall == .none {
            send(place, flow, item, at: time)
        } else {
            sendStalled(place, flow, item, at: time)
        }
    }

    /// Sends an item on a flow whose acknowledgements come.
    private mutating func send(
        _ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ item: Item, at time: Int64
    ) {
        if time >= flow.pointee.path.until || time < flow.pointee.path.from { refreshPath(place, flow, at: time) }
        var roundTrip = flow.pointee.path.roundTrip
        if !flow.pointee.path.isPlain { roundTrip += delays(place, flow, item, at: time) }
        guard
            let departure = flow.pointee.window.send(
                Flow.bytes(item), at: time, roundTrip: roundTrip, timeout: flow.pointee.path.timeout)
        else { preconditionFailure("a flow without a stall gets its acknowledgements") }
        if departure > time {
            let wanted = 2 * flow.pointee.window.size / CongestionWindow.segment * Flow.segmentMemory
            flow.pointee.bufferLimit = max(flow.pointee.bufferLimit, min(wanted, world.nats.sendBufferSize))
        }
        if departure &+ roundTrip < flow.pointee.path.calmUntil && !flow.pointee.path.isLossy {
            return flow.pointee.depart(item, at: departure)
        }
        let fate = passage(place, flow, item, at: departure)
        if fate.arrives && fate.isAnswered { return flow.pointee.depart(item, at: departure) }
        flow.pointee.window.loseLast()
        flow.pointee.stall = fate.arrives ? .unanswered : .hole
        flow.pointee.lastNew = departure
        flow.pointee.stalledAt = departure
        flow.pointee.delay =
            RetransmissionSchedule.acknowledgementDelay(
                writeGap: SimDuration(nanoseconds: flow.pointee.writeGap)
            ).nanoseconds
        flow.pointee.unanswered = fate.arrives ? Flow.bytes(item) : 0
        flow.pointee.fillLimit = fillLimit(place, flow, Flow.bytes(item))
        flow.pointee.detected = Int64.max
        flow.pointee.hasUnsent = false
        if fate.arrives {
            flow.pointee.depart(item, at: departure)
        } else {
            // Its memory is the window's until the retransmission.
            hold(place, flow, item, memory: 0, at: time)
        }
        scheduleRetry(place, flow)
    }

    /// Kernel memory at which the stalled flow's send buffer takes no more.
    ///
    /// What was never sent lies in buffers of up to half the receiver's window, of which the last one may be begun when
    /// the limit is nearly reached: small messages fill a socket after 2.1 to 3.8 s at 50 a second (measured, 18 cuts),
    /// those of more than a segment after 1.1 to 1.9 s at 2 MB/s (9 cuts).
    private mutating func fillLimit(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ bytes: Int64) -> Int64 {
        let limit = flow.pointee.bufferLimit
        let least = bytes > CongestionWindow.segment ? limit * 5 / 8 : limit * 7 / 8
        let spread = UInt64(limit * 5 / 16)
        return least + Int64(spread.multipliedFullWidth(by: stallBits(place, flow)).high)
    }

    /// Random bits of a stall, the same whenever it is looked at.
    private func stallBits(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>) -> UInt64 {
        mix64(connectionKey(place) ^ UInt64(bitPattern: flow.pointee.stalledAt))
    }

    /// Sends or holds what is written while a retransmission is awaited: the rest of the window may still be used.
    private mutating func sendStalled(
        _ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ item: Item, at time: Int64
    ) {
        flow.pointee.window.settle(until: time)
        if time >= flow.pointee.path.until || time < flow.pointee.path.from { refreshPath(place, flow, at: time) }
        let path = flow.pointee.path
        var departure: Int64?
        if !flow.pointee.hasUnsent && time < flow.pointee.firstTimeout {
            departure = flow.pointee.window.send(
                Flow.bytes(item), at: time, roundTrip: path.roundTrip, timeout: Int64.max)
            if departure == nil { flow.pointee.window.loseLast() }
        }
        guard let departure else {
            flow.pointee.hasUnsent = true
            return hold(place, flow, item, memory: Flow.bytes(item), at: time)
        }
        let fate = passage(place, flow, item, at: departure)
        flow.pointee.lastNew = departure
        var item = item
        if flow.pointee.stall == .unanswered && fate.arrives {
            flow.pointee.depart(item, at: departure)
            flow.pointee.unanswered += Flow.bytes(item)
            if fate.isAnswered {
                // Acknowledgements are cumulative: this one stands for those that were lost.
                flow.pointee.window.answerAll(at: departure + path.roundTrip)
                return resume(flow)
            }
            flow.pointee.window.loseLast()
            return scheduleRetry(place, flow)
        }
        flow.pointee.window.loseLast()
        flow.pointee.stall = .hole
        if fate.arrives {
            item.flags |= ItemFlags.received
            if fate.isAnswered && flow.pointee.detected == Int64.max {
                flow.pointee.detected = departure + path.roundTrip + path.roundTrip / 8
            }
        }
        hold(place, flow, item, memory: 0, at: time)
        scheduleRetry(place, flow)
    }

    /// The flow moves again.
    private func resume(_ flow: UnsafeMutablePointer<Flow>) {
        flow.pointee.stall = .none
        flow.pointee.retryNumber &+= 1
        flow.pointee.filledAt = -1
        flow.pointee.deadlineNumber &+= 1
    }

    /// Keeps an item until the flow moves again; starts the write deadline when the send buffer is full.
    private mutating func hold(
        _ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, _ item: Item, memory: Int64, at time: Int64
    ) {
        flow.pointee.held.append(item)
        flow.pointee.heldBytes += Flow.bytes(item)
        flow.pointee.heldMemory += memory
        guard flow.pointee.filledAt < 0,
            flow.pointee.window.memory + flow.pointee.heldMemory >= flow.pointee.fillLimit
        else { return }
        flow.pointee.filledAt = time
        flow.pointee.kept = flow.pointee.held.count
        // A flush of a message no larger than a segment writes all of it or nothing.
        flow.pointee.wrotePart = Flow.bytes(item) > CongestionWindow.segment
        armDeadline(place, flow, at: time)
    }

    private mutating func armDeadline(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, at time: Int64) {
        flow.pointee.deadlineNumber &+= 1
        schedule(
            .writeDeadline, object: place.object, payload: flow.pointee.deadlineNumber & 0xff_ffff,
            at: time + world.nats.writeDeadline.nanoseconds)
    }

    // MARK: Retransmission

    /// Puts the retransmission that will get through on the agenda: all that decides it is known in advance.
    private mutating func scheduleRetry(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>) {
        let target = world.servers[place.peer].region
        let roundTrip = SimDuration(nanoseconds: flow.pointee.path.roundTrip + flow.pointee.delay)
        let latest = RetransmissionSchedule.latestNew(
            firstUnanswered: SimTime(nanoseconds: flow.pointee.stalledAt), roundTrip: roundTrip)
        let last = min(
            max(flow.pointee.lastNew, flow.pointee.window.lastAcknowledgement ?? 0), latest.nanoseconds)
        let timeout =
            place.asDialer
            ? RetransmissionSchedule.timeout(roundTrip: roundTrip)
            : RetransmissionSchedule.quietTimeout(roundTrip: roundTrip)
        let probe = RetransmissionSchedule.probe(
            firstUnanswered: SimTime(nanoseconds: flow.pointee.stalledAt), lastSent: SimTime(nanoseconds: last),
            roundTrip: roundTrip, timeout: timeout)
        flow.pointee.firstTimeout = (probe + timeout).nanoseconds
        flow.pointee.retryNumber &+= 1
        let passing = RetransmissionSchedule.firstPassing(
            probe: probe, timeout: timeout, bits: stallBits(place, flow)
        ) {
            travel(to: target, at: $0).isAnswered
        }
        var time = passing?.time.nanoseconds ?? Int64.max
        flow.pointee.retry = passing?.isProbe == true ? .probe : .timeout
        if passing?.isProbe == true && flow.pointee.stall == .hole && flow.pointee.held.count > 1 {
            // The probe repeats the last segment, and its answer tells of the hole before.
            time += roundTrip.nanoseconds
            flow.pointee.retry = .recovery
        }
        let detected = flow.pointee.detected
        if detected < time, travel(to: target, at: SimTime(nanoseconds: detected)).isAnswered {
            time = detected
            flow.pointee.retry = .recovery
        }
        flow.pointee.retryAt = time
        guard time < Int64.max else { return }
        schedule(.flush, object: place.object, payload: flow.pointee.retryNumber & 0xff_ffff, at: time)
    }

    /// Something of the other end has arrived, and its answer to what had arrived there before the cut with it.
    ///
    /// Linux then sees that the retransmissions were not what was answered, takes back the window and the loss (Eifel
    /// detection, RFC 3522), and sends what is new: selective acknowledgements of that tell of the hole a round trip
    /// later. An answer to part of a segment does not do it: repeated segments are filled up with what follows them, so
    /// that at five small messages a second nothing moves (measured in three cuts of 10 s, 15 connections).
    mutating func hear(_ place: FlowPlace, at time: Int64) {
        let flow = flow(place)
        guard flow.pointee.isOpen, flow.pointee.stall != .none,
            flow.pointee.unanswered >= CongestionWindow.segment / 2
        else { return }
        if flow.pointee.stall == .unanswered {
            flow.pointee.retry = .probe
            return move(place, flow, at: time)
        }
        flow.pointee.unanswered = 0
        let roundTrip = flow.pointee.path.roundTrip
        let detected = time + roundTrip + roundTrip / 8
        // A retransmission that gets through before stays as it is.
        guard detected < min(flow.pointee.detected, flow.pointee.retryAt),
            travel(to: world.servers[place.peer].region, at: SimTime(nanoseconds: detected)).isAnswered
        else { return }
        flow.pointee.detected = detected
        flow.pointee.retryAt = detected
        flow.pointee.retry = .recovery
        flow.pointee.retryNumber &+= 1
        schedule(.flush, object: place.object, payload: flow.pointee.retryNumber & 0xff_ffff, at: detected)
    }

    /// A retransmission got through.
    mutating func flushFired(_ object: Int, _ payload: UInt32, at time: Int64) {
        let place = FlowPlace(object: object)
        let flow = flow(place)
        guard flow.pointee.isOpen, flow.pointee.stall != .none,
            flow.pointee.retryNumber & 0xff_ffff == payload
        else { return }
        move(place, flow, at: time)
    }

    /// What was held follows in order.
    private mutating func move(_ place: FlowPlace, _ flow: UnsafeMutablePointer<Flow>, at time: Int64) {
        switch (flow.pointee.retry, flow.pointee.stall) {
        case (.probe, .unanswered): flow.pointee.window.answerAll(at: time + flow.pointee.path.roundTrip)
        case (.timeout, _): flow.pointee.window.timeOut(at: time)
        case (.probe, _), (.recovery, _): flow.pointee.window.recover(at: time)
        }
        resume(flow)
        var waiting: [Item] = []
        flow.pointee.held.removeAll { waiting.append($0) }
        flow.pointee.heldBytes = 0
        flow.pointee.heldMemory = 0
        for var item in waiting {
            if item.flags & ItemFlags.received != 0 && flow.pointee.stall == .none {
                item.flags &= ~ItemFlags.received
                flow.pointee.depart(item, at: time)
            } else {
                item.flags &= ~ItemFlags.received
                transmit(place.server, to: place.peer, asDialer: place.asDialer, item, at: time)
            }
        }
    }

    /// A flush has taken the whole deadline: the connection is closed as a slow consumer, unless some bytes went.
    mutating func writeDeadlineFired(_ object: Int, _ payload: UInt32, at time: Int64) {
        let place = FlowPlace(object: object)
        let flow = flow(place)
        guard flow.pointee.isOpen, flow.pointee.filledAt >= 0, flow.pointee.deadlineNumber & 0xff_ffff == payload else {
            return
        }
        let written: Int64 = flow.pointee.wrotePart ? 1 : 0
        if flow.pointee.wrotePart {
            flow.pointee.wrotePart = false
            armDeadline(place, flow, at: time)
        }
        if place.asDialer {
            let dialers = servers[pointer: place.server].pointee.outbound
            guard let dialer = dialers.firstIndex(where: { $0.target == place.peer }) else { return }
            handleDialer(place.server, dialer, .writeDeadlineExpired(bytesWritten: written), at: time)
        } else {
            handleInbound(place.server, place.peer, .writeDeadlineExpired(bytesWritten: written), at: time)
        }
    }

    /// What a closed connection had not sent, or not got through, is lost.
    mutating func dropHeld(_ flow: UnsafeMutablePointer<Flow>, toward target: Int, at time: Int64) {
        var waiting: [Item] = []
        flow.pointee.truncate(after: time) { waiting.append($0) }
        flow.pointee.held.removeAll { waiting.append($0) }
        flow.pointee.reset(isOpen: false)
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
