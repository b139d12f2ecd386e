import CallModel
import EventKernel
import Measures
import Network

/// One slot of the region's people: arrivals, timers and captures, merged in the order of time.
///
/// Equal times: arrivals before timers before captures. Everything that arrives in a slot left its relay before the
/// slot began, so the slot can run at its start.
extension Domain {
    mutating func runClients(slot: Int64, until end: Int64) {
        drained.removeAll()
        if arrivals.holds(slot: slot) {
            arrivals.drain(slot: slot, into: &drained)
            sorter.sort(
                &drained, slotShift: world.slotShift, time: { SimTime(nanoseconds: $0.time) }, precedes: Self.precedes)
        }
        sources.gather(until: end, world)
        var arrival = 0
        var publish = 0
        var touchedArrivals = isCrowded ? 0 : Int.max
        var touchedCaptures = touchedArrivals
        while true {
            if arrival >= touchedArrivals { touchedArrivals = touchReceivers(from: arrival) }
            if publish >= touchedCaptures { touchedCaptures = touchSenders(from: publish) }
            let arrivalTime = arrival < drained.count ? drained[arrival].time : Int64.max
            let publishTime = publish < sources.captures.count ? sources.captures[publish].time : Int64.max
            let next = min(arrivalTime, min(nextTimer, publishTime))
            guard next < end else { break }
            if arrivalTime == next {
                receive(drained[arrival])
                arrival += 1
            } else if nextTimer == next {
                fireClientTimer(at: next)
            } else {
                capture(sources.captures[publish])
                publish += 1
            }
        }
        // The horizon can cut a slot short: what lies beyond is still under way.
        while arrival < drained.count {
            cutShort.append(drained[arrival])
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
        let client = people[pointer: person]
        guard client.pointee.phase == .connected, client.pointee.elected != nil else {
            return losses.add(
                stream: due.stream, sequence: due.sequence, scope: .everyone, fate: .lost(silence(of: person)),
                at: due.time)
        }
        let kind = StreamTable.kind(of: due.stream)
        let session = client.pointee.elected!.session
        let place = addresses[client.pointee.elected!.relay]
        var arrival =
            due.time
            + world.access.delay(
                person, Int(place.region), sender: due.stream, sequence: due.sequence, leg: session & 0xfff)
        if place.isWebSocket {
            arrival = max(arrival, client.pointee.elected!.lastUplink + 1)
            client.pointee.elected!.lastUplink = arrival
        }
        guard world.sites.passes(Int(place.region), from: due.time, to: arrival) else {
            return losses.add(
                stream: due.stream, sequence: due.sequence, scope: .everyone, fate: .lost(.siteUnreachable),
                at: due.time)
        }
        let isKeyFrame = kind == StreamKind.video.rawValue && world.streams.isKeyFrame(due.sequence)
        let item = Item(
            time: arrival, published: due.time, sender: due.stream, sequence: due.sequence, list: session,
            size: world.streams.units(kind: kind, sequence: due.sequence), kind: .media,
            flags: isKeyFrame ? ItemFlags.keyFrame : 0)
        post(item, to: .relay(place.local, port: 0), in: Int(place.region))
    }

    /// Why a person without an elected session is not heard.
    private func silence(of person: Int) -> LossCause {
        let client = people[pointer: person].pointee
        if client.phase == .gaveUp { return .gaveUp }
        return client.lostSessions > 0 ? .senderNotConnected : .senderNotJoined
    }

    // MARK: Receiving

    mutating func receive(_ item: Item) {
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

    /// A copy of a message: the first one for a pair is its delivery, others are extra.
    private mutating func receiveMedia(_ person: Int, _ item: Item, hasLeft: Bool) {
        if hasLeft {
            return losses.add(
                stream: item.sender, sequence: item.sequence, scope: .person(Int32(person)), fate: .void, at: item.time)
        }
        let client = people[pointer: person]
        if client.pointee.elected?.session == item.list { client.pointee.lastPacket = item.time }
        let sender = StreamTable.person(of: item.sender)
        let kind = StreamTable.kind(of: item.sender)
        let pair = world.pair(receiver: person, sender: sender)
        let path = world.path(sender, person)
        guard gaps.receive(StreamKind(rawValue: kind)!, item.sequence, pairs[pointer: pair]) else {
            return tally.addExtra(kind: kind, path: path, phase: world.phase(of: item.published))
        }
        tally.addDelivery(kind: kind, path: path, published: item.published, arrival: item.time, world)
        fingerprint.add(
            .delivery, UInt64(item.sender) << 32 | UInt64(item.sequence), UInt64(person),
            UInt64(bitPattern: item.time))
        updatePair(pair, person, sender, kind, item, path: path)
    }

    private mutating func updatePair(
        _ pair: Int, _ person: Int, _ sender: Int, _ kind: Int, _ item: Item, path: PathKind
    ) {
        let state = pairs[pointer: pair]
        if state.pointee.setupStart >= 0 && state.pointee.firstPacket < 0 { state.pointee.firstPacket = item.time }
        switch StreamKind(rawValue: kind)! {
        case .audio:
            noteContinuity(state, at: item.time)
            state.pointee.latencySum += item.time - item.published
            state.pointee.latencyCount += 1
            if item.time - item.published <= 400_000_000 { state.pointee.punctual += 1 }
            if state.pointee.setupStart >= 0 && state.pointee.audioReady < 0 {
                state.pointee.audioReady = item.time + world.client.audioStart.nanoseconds
                finishSetupIfComplete(pair, person, sender)
            }
        case .video:
            if !world.traits[sender].hasMicrophone { noteContinuity(state, at: item.time) }
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

    /// A gap of more than two seconds in the media of a sending peer is an interruption.
    private func noteContinuity(_ state: UnsafeMutablePointer<PairState>, at time: Int64) {
        let last = state.pointee.lastMedia
        if last >= 0, time - last > 2_000_000_000 {
            state.pointee.interruptions += 1
            state.pointee.interrupted += time - last
        }
        state.pointee.lastMedia = max(last, time)
    }
}
