import CPrefetch
import CallModel
import EventKernel
import Measures
import Network
import RandomVariates

/// One slot of the region's people: arrivals, timers and captures.
///
/// Everything that arrives in a slot left its relay before the slot began, so the slot can run at its start. The order
/// is that of time; at equal times arrivals come before timers before captures. Most people cannot tell: one to whom
/// nothing happens but media in order on the elected session, and no timer, shares nothing that depends on an order
/// with anybody else. Their packets are settled as they lie; what is left is sorted and merged.
extension Domain {
    mutating func runClients(slot: Int64, until end: Int64) {
        drained.removeAll()
        unruly.removeAll()
        unrulyCaptures.removeAll()
        if arrivals.holds(slot: slot) {
            arrivals.drain(slot: slot, into: &drained)
            findUnruly(Int32(truncatingIfNeeded: slot))
            settleArrivals(Int32(truncatingIfNeeded: slot), until: end)
        }
        captureAll(slot: slot, until: end)
        if !unruly.isEmpty || !unrulyCaptures.isEmpty || nextTimer < end { merge(until: end) }
    }

    /// Looks for people whose arrivals are not as expected.
    private mutating func findUnruly(_ slot: Int32) {
        for position in 0..<drained.count {
            let item = drained[position]
            if readingAhead.isOn, position &+ ReadingAhead.distance < drained.count {
                let ahead = SessionID.person(drained[position &+ ReadingAhead.distance].list)
                prefetch_line(receivers.place(ahead))
            }
            let receiver = receivers[pointer: SessionID.person(item.list)]
            let isExpected =
                item.kind == .media && item.list == receiver.pointee.session && item.time > receiver.pointee.lastSeen
            receiver.pointee.unrulySlot = isExpected ? receiver.pointee.unrulySlot : slot
            receiver.pointee.lastSeen = max(receiver.pointee.lastSeen, item.time)
        }
    }

    /// Whether a person's packets of a slot can be settled in the order in which they lie.
    @inline(__always)
    private mutating func isCalm(_ person: Int, _ slot: Int32, until end: Int64) -> Bool {
        let receiver = receivers[pointer: person]
        guard receiver.pointee.unrulySlot != slot else { return false }
        return receiver.pointee.quietUntil >= end || refreshQuiet(person) >= end
    }

    private mutating func settleArrivals(_ slot: Int32, until end: Int64) {
        for position in 0..<drained.count {
            readAhead(ofArrival: position)
            let item = drained[position]
            let person = SessionID.person(item.list)
            guard item.time < end, isCalm(person, slot, until: end) else {
                unruly.append(item)
                continue
            }
            let sender = StreamTable.person(of: item.sender)
            let pair = Int(receivers[pointer: person].pointee.pairBase) + sender
            // Records of setups are kept in the order of time.
            guard pairs[pointer: pair].pointee.setupStart < 0 else {
                unruly.append(item)
                continue
            }
            events += 1
            receivers[pointer: person].pointee.lastPacket = item.time
            settle(item, pair, person, sender)
        }
    }

    /// Takes the captures of a slot before `end`: each person's in their order.
    private mutating func captureAll(slot: Int64, until end: Int64) {
        for position in 0..<sources.open(slot: slot) {
            if readingAhead.isOn { sources.readAhead(at: position &+ ReadingAhead.distance, senders, receivers) }
            var next = sources.first(at: position)
            let person = StreamTable.person(of: next.stream)
            let isCalm = isCalm(person, Int32(truncatingIfNeeded: slot), until: end)
            while next.time.nanoseconds < end {
                let taken = sources.step(next.stream, world)
                if isCalm { capture(taken.due) } else { unrulyCaptures.append(taken.due) }
                next = taken.next
            }
            sources.close(next, slot: slot, world.slotShift)
        }
    }

    /// Settles what is left, and timers, in the order of time.
    private mutating func merge(until end: Int64) {
        sorter.sort(
            &unruly, slotShift: world.slotShift, time: { SimTime(nanoseconds: $0.time) }, precedes: Self.precedes)
        captureSorter.sort(
            &unrulyCaptures, slotShift: world.slotShift, time: { SimTime(nanoseconds: $0.time) },
            precedes: PublishDue.precedes)
        var arrival = 0
        var publish = 0
        while true {
            let arrivalTime = arrival < unruly.count ? unruly[arrival].time : Int64.max
            let publishTime = publish < unrulyCaptures.count ? unrulyCaptures[publish].time : Int64.max
            let next = min(arrivalTime, min(nextTimer, publishTime))
            guard next < end else { break }
            if arrivalTime == next {
                receive(unruly[arrival])
                arrival += 1
            } else if nextTimer == next {
                fireClientTimer(at: next)
            } else {
                capture(unrulyCaptures[publish])
                publish += 1
            }
        }
        // The horizon can cut a slot short: what lies beyond is still under way.
        while arrival < unruly.count {
            cutShort.append(unruly[arrival])
            arrival += 1
        }
    }

    /// Fires the client timer that is due at `time`, the least that any can be; re-armed ones may be due later.
    private mutating func fireClientTimer(at time: Int64) {
        if let timer = clientTimers.popLive(before: SimTime(nanoseconds: time + 1)) {
            clientTimerFired(Int(timer.entity), ClientTimer(rawValue: timer.kind)!, at: time)
        }
        nextTimer = clientTimers.peek().nanoseconds
    }

    // MARK: Sending

    /// A microphone or camera (or the client's own reporting) has produced a packet.
    mutating func capture(_ due: PublishDue) {
        events += 1
        let person = StreamTable.person(of: due.stream)
        let sender = senders[pointer: person]
        guard sender.pointee.session != Receiver.noSession else {
            return losses.add(
                stream: due.stream, sequence: due.sequence, scope: .everyone, fate: .lost(silence(of: person)),
                at: due.time)
        }
        let session = sender.pointee.session
        let message = messageWord(sender: due.stream, sequence: due.sequence)
        var arrival =
            due.time &+ sender.pointee.way.delay(message: message, leg: session & 0xfff, quantiles: quantiles)
        if sender.pointee.isWebSocket {
            arrival = max(arrival, sender.pointee.lastUplink &+ 1)
            sender.pointee.lastUplink = arrival
        }
        let site = Int(sender.pointee.site)
        guard costs.sitesAreOpen || world.sites.passes(site, from: due.time, to: arrival) else {
            return losses.add(
                stream: due.stream, sequence: due.sequence, scope: .everyone, fate: .lost(.siteUnreachable),
                at: due.time)
        }
        let kind = StreamTable.kind(of: due.stream)
        let isKeyFrame = kind == StreamKind.video.rawValue && due.sequence % costs.framesPerKeyFrame == 0
        let item = Item(
            time: arrival, published: due.time, sender: due.stream, sequence: due.sequence, list: session,
            size: isKeyFrame ? costs.keyFrameUnits : costs.units(kind), kind: .media,
            flags: isKeyFrame ? ItemFlags.keyFrame : 0)
        if site == region && !isReference {
            let arrivals = relays[pointer: Int(sender.pointee.relay)]
            arrivals.pointee.arrivals.append(item, at: SimTime(nanoseconds: arrival))
        } else {
            post(item, to: .relay(sender.pointee.relay, port: 0), in: site)
        }
    }

    /// Why a person without an elected session is not heard.
    private func silence(of person: Int) -> LossCause {
        let client = people[pointer: person].pointee
        if client.phase == .gaveUp { return .gaveUp }
        return client.lostSessions > 0 ? .senderNotConnected : .senderNotJoined
    }

    // MARK: Receiving

    mutating func receive(_ item: Item) {
        if item.kind == .gone { return receivers[pointer: Int(item.sender)].pointee.connections -= 1 }
        events += 1
        let person = SessionID.person(item.list)
        let phase = people[pointer: person].pointee.phase
        switch item.kind {
        case .media: receiveMedia(person, item, hasLeft: phase == .left)
        case .welcome: if phase != .left { welcomed(person, item) }
        case .echo: echoed(person, item)
        case .reset: wasReset(person, item)
        default: preconditionFailure("a client does not take \(item.kind)")
        }
    }

    /// A copy of a message, for somebody who may have left or have several sessions.
    private mutating func receiveMedia(_ person: Int, _ item: Item, hasLeft: Bool) {
        if hasLeft {
            return losses.add(
                stream: item.sender, sequence: item.sequence, scope: .person(Int32(person)), fate: .void, at: item.time)
        }
        let receiver = receivers[pointer: person]
        if receiver.pointee.session == item.list { receiver.pointee.lastPacket = item.time }
        let sender = StreamTable.person(of: item.sender)
        settle(item, Int(receiver.pointee.pairBase) + sender, person, sender)
    }

    /// The first copy for a pair is its delivery, others are extra.
    @inline(__always)
    private mutating func settle(_ item: Item, _ pair: Int, _ person: Int, _ sender: Int) {
        let kind = StreamTable.kind(of: item.sender)
        let path: PathKind = pairs[pointer: pair].pointee.isWithinRegion ? .sameRegion : .crossRegion
        guard gaps.receive(kind, item.sequence, pairs[pointer: pair]) else {
            return tally.addExtra(kind: kind, path: path, phase: world.phase(of: item.published))
        }
        count(item, kind, person, path, arrival: item.time)
        updatePair(pair, person, sender, kind, item, path: path)
    }

    /// Counts a delivery.
    @inline(__always)
    mutating func count(_ item: Item, _ kind: Int, _ person: Int, _ path: PathKind, arrival: Int64) {
        tally.addDelivery(kind: kind, path: path, published: item.published, arrival: arrival)
        fingerprint.add(
            .delivery, UInt64(item.sender) << 32 | UInt64(item.sequence), UInt64(person), UInt64(bitPattern: arrival))
    }

    private mutating func updatePair(
        _ pair: Int, _ person: Int, _ sender: Int, _ kind: Int, _ item: Item, path: PathKind
    ) {
        let state = pairs[pointer: pair]
        if state.pointee.setupStart >= 0 && state.pointee.firstPacket < 0 { state.pointee.firstPacket = item.time }
        switch StreamKind(rawValue: kind)! {
        case .audio:
            state.pointee.noteAudio(at: item.time, published: item.published)
            if state.pointee.setupStart >= 0 && state.pointee.audioReady < 0 {
                state.pointee.audioReady = item.time + world.client.audioStart.nanoseconds
                finishSetupIfComplete(pair, person, sender)
            }
        case .video:
            if state.pointee.isSilent { state.pointee.noteContinuity(at: item.time) }
            let decodable = state.pointee.chain.arrive(item.sequence, isKeyFrame: item.flags & ItemFlags.keyFrame != 0)
            if decodable > 0 {
                countDecodable(decodable, pair, item, path: path)
                if state.pointee.setupStart >= 0 && state.pointee.videoReady < 0 {
                    state.pointee.videoReady = item.time + world.client.videoStart.nanoseconds
                    finishSetupIfComplete(pair, person, sender)
                }
            }
        case .heartbeat, .diagnostics:
            break
        }
    }

    /// Each frame counts in the phase of its own capture: a late one may free others of the next phase.
    private mutating func countDecodable(_ count: Int, _ pair: Int, _ item: Item, path: PathKind) {
        if count == 1 { return tally.addDecodable(1, path: path, phase: world.phase(of: item.published)) }
        let end = pairs[pointer: pair].pointee.chain.next
        for frame in (end - UInt32(count))..<end {
            let captured = world.streams.captureTime(Int(item.sender), frame)
            tally.addDecodable(1, path: path, phase: world.phase(of: captured))
        }
    }
}
