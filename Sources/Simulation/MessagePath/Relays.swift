import CallModel
import EventKernel
import Measures
import Network
import RandomVariates

extension Domain {
    /// Serves one item at a relay.
    mutating func serveRelay(_ relay: Int, _ served: Served) {
        events += 1
        var item = served.item
        if item.kind == .bye || item.kind == .disconnected {
            item.time = max(item.time, relays[pointer: relay].pointee.station.processor.free)
        }
        guard relays[pointer: relay].pointee.isAlive else { return dropAtDeadRelay(relay, item) }
        switch item.kind {
        case .media:
            if served.port == 0 { publishFromClient(relay, item) } else { distribute(relay, item) }
        case .hello: acceptClient(relay, item)
        case .probe: echo(relay, item)
        case .bye: closeSession(relay, item.list, at: item.time)
        case .disconnected: relayLostServer(relay, at: item.time)
        default: preconditionFailure("a relay does not take \(item.kind)")
        }
    }

    // MARK: From clients

    /// A participant's packet: stamped, and published to the room.
    private mutating func publishFromClient(_ relay: Int, _ item: Item) {
        let state = relays[pointer: relay]
        let slot = state.pointee.slot(of: item.list)
        guard slot >= 0 else {
            if tellsStrangers(relay, session: item.list, at: item.time) {
                // Not before the relay comes to it: an answer never goes back in time.
                let now = max(item.time, state.pointee.station.processor.free)
                answer(relay, item, kind: .reset, at: now)
            }
            return losses.add(
                stream: item.sender, sequence: item.sequence, scope: .everyone, fate: .lost(.senderNotConnected),
                at: item.time)
        }
        let session = state.pointee.sessions[pointer: slot]
        session.pointee.lastInbound = item.time
        session.pointee.state = .active
        let departure = state.pointee.station.processor.serve(arrival: item.time, cost: costs.publishCost)
        guard state.pointee.server >= 0 else {
            return losses.add(
                stream: item.sender, sequence: item.sequence, scope: .everyone, fate: .lost(.relayWithoutServer),
                at: item.time)
        }
        guard item.bytes <= costs.maximumPayload else {
            return losses.add(
                stream: item.sender, sequence: item.sequence, scope: .everyone, fate: .lost(.payloadTooLarge),
                at: item.time)
        }
        write(relay, item, at: departure)
    }

    /// Whether a packet on a session that is closed here is answered with a reset. TCP always does. QUIC does so with
    /// a key of the process (RFC 9000 section 10.3): one that was started anew stays silent.
    private func tellsStrangers(_ relay: Int, session: UInt32, at time: Int64) -> Bool {
        if world.relays[firstRelay + relay].transport == .webSocket { return true }
        let lastInbound = relays[pointer: relay].pointee.lastInbound(of: session)
        return !world.relayOutages[firstRelay + relay].contains { $0.start >= lastInbound && $0.start <= time }
    }

    /// Writes to the relay's NATS connection. Its threads finish in any order, but a connection has one writer:
    /// nothing leaves before what was written earlier.
    mutating func write(_ relay: Int, _ item: Item, at time: Int64) {
        let state = relays[pointer: relay]
        var copy = item
        copy.time = max(time + costs.serverHop, state.pointee.lastToServer)
        state.pointee.lastToServer = copy.time
        if recorder.isOn {
            let handed = copy.time - costs.serverHop
            recorder.note(relay, item, server: state.pointee.server, at: handed)
        }
        post(copy, to: .server(Int32(state.pointee.server), port: Int32(relay)), in: region)
    }

    /// The last leg of a handshake: the relay makes a session, and completes it when the CPU has done the sums.
    private mutating func acceptClient(_ relay: Int, _ item: Item) {
        let state = relays[pointer: relay]
        let cost = world.relay.handshakeCost + world.relay.joinCost
        let departure = state.pointee.station.processor.serve(arrival: item.time, cost: cost.nanoseconds)
        let slot = openSession(relay, item.list, at: departure)
        fingerprint.add(.session, UInt64(item.list), UInt64(bitPattern: departure), UInt64(firstRelay + relay))
        schedule(.handshakeDone, object: slot, payload: UInt32(relay), at: departure)
    }

    /// Makes a session; what each packet to its person asks for goes with it.
    mutating func openSession(_ relay: Int, _ session: UInt32, at time: Int64) -> Int {
        let person = SessionID.person(session)
        return relays[pointer: relay].pointee.openSession(
            session, home: world.traits[person].region, way: world.access.way(person, region), at: time)
    }

    /// The session exists: the relay subscribes for it and answers.
    mutating func completeHandshake(slot: Int, relay: Int, at time: Int64) {
        let state = relays[pointer: relay]
        let session = state.pointee.sessions[slot]
        guard state.pointee.isAlive, session.state != .closed else { return }
        sendToServer(relay, kind: .subscribe, slot: slot, at: time)
        let item = Item(
            time: time, published: time, sender: UInt32(SessionID.person(session.id)), sequence: 0, list: session.id,
            size: 16, kind: .hello, flags: 0)
        answer(relay, item, kind: .welcome, at: time)
        let check = time + world.relay.clientTimeout.nanoseconds
        schedule(.sessionCheck, object: slot, payload: UInt32(relay), at: check)
    }

    private mutating func echo(_ relay: Int, _ item: Item) {
        let state = relays[pointer: relay]
        let slot = state.pointee.slot(of: item.list)
        guard slot >= 0 else { return }
        state.pointee.sessions[pointer: slot].pointee.lastInbound = item.time
        let departure = state.pointee.station.processor.serve(
            arrival: item.time, cost: world.relay.publishCost.nanoseconds)
        answer(relay, item, kind: .echo, at: departure)
    }

    /// Sends a control item back to the client that an item came from, if packets pass.
    private mutating func answer(_ relay: Int, _ item: Item, kind: ItemKind, at time: Int64) {
        let person = SessionID.person(item.list)
        let delay = world.access.delay(
            person, region, sender: item.list, sequence: item.sequence, leg: 0x100 | UInt32(kind.rawValue))
        guard world.sites.passes(region, from: time, to: time + delay) else { return }
        var reply = item
        reply.kind = kind
        reply.time = time + delay
        post(reply, to: .clients, in: Int(world.traits[person].region))
    }

    /// Sends SUB or UNSUB of a session; without a server it waits for the reconnection, which subscribes all.
    mutating func sendToServer(_ relay: Int, kind: ItemKind, slot: Int, at time: Int64) {
        let state = relays[pointer: relay]
        guard state.pointee.server >= 0 else { return }
        let session = state.pointee.sessions[slot].id
        let room = world.traits[SessionID.person(session)].room
        let item = Item(
            time: time, published: Int64(slot), sender: UInt32(room), sequence: 0, list: session, size: 4, kind: kind,
            flags: 0)
        write(relay, item, at: time)
    }

    /// Closes a session at the relay, whoever wished it.
    mutating func closeSession(_ relay: Int, _ session: UInt32, at time: Int64) {
        let state = relays[pointer: relay]
        let slot = state.pointee.slot(of: session)
        guard slot >= 0 else { return }
        state.pointee.sessions[pointer: slot].pointee.state = .closed
        recorder.noteClosed(relay, slot: slot, at: time)
        fingerprint.add(.session, UInt64(session), UInt64(bitPattern: time), 0xffff)
        sendToServer(relay, kind: .unsubscribe, slot: slot, at: max(time, state.pointee.station.processor.free))
    }

    /// The relay looks for silence on its own grid; a session heard since is looked at again later.
    mutating func sessionCheckFired(slot: Int, relay: Int, at time: Int64) {
        let state = relays[pointer: relay]
        let session = state.pointee.sessions[pointer: slot].pointee
        guard state.pointee.isAlive, session.state != .closed else { return }
        // Every connected client sends heartbeats, so what it publishes is what the relay hears of it.
        let due = session.lastInbound + world.relay.clientTimeout.nanoseconds
        if due <= time {
            journal.add(
                time, room: Int(world.people[SessionID.person(session.id)].room),
                subject: world.relays[firstRelay + relay].name,
                "closes the session of \(world.people[SessionID.person(session.id)].identity): silent too long")
            closeSession(relay, session.id, at: time)
        } else {
            let interval = world.relay.checkInterval.nanoseconds
            schedule(
                .sessionCheck, object: slot, payload: UInt32(relay),
                at: time + max(1, (due - time + interval - 1) / interval) * interval)
        }
    }

    // MARK: From NATS

    /// Hands a message to each session that it is for: mailbox, CPU, downlink.
    private mutating func distribute(_ relay: Int, _ item: Item) {
        let state = relays[pointer: relay]
        let list = plans.relays[Int(item.list)]
        retireMailbox(state, at: item.time)
        let own = StreamTable.person(of: item.sender)
        let message = messageWord(sender: item.sender, sequence: item.sequence)
        let cost = costs.deliveryCost
        let limit = costs.mailbox
        for index in Int(list.first)..<Int(list.first + list.count) {
            let target = plans.targets[pointer: index].pointee
            let session = state.pointee.sessions[pointer: Int(target.slot)]
            if session.pointee.state == .closed {
                dropForReceiver(item, target.session, at: item.time, closed: true)
                continue
            }
            if session.pointee.inMailbox >= limit {
                if SessionID.person(target.session) != own {
                    dropForReceiver(item, target.session, cause: .mailboxFull, at: item.time)
                }
                continue
            }
            let departure = state.pointee.station.processor.serve(arrival: item.time, cost: cost)
            let start = departure - cost
            if start > item.time {
                session.pointee.inMailbox += 1
                state.pointee.mailbox.append(MailboxEntry(start: start, slot: target.slot))
            }
            // The service discards a participant's own message only here, after it has cost CPU.
            if SessionID.person(target.session) != own {
                send(state, relay, item, message, to: session, Int(target.slot), at: departure)
            }
        }
    }

    @inline(__always)
    private func retireMailbox(_ state: UnsafeMutablePointer<RelayState>, at time: Int64) {
        while !state.pointee.mailbox.isEmpty, state.pointee.mailbox.first.start <= time {
            let entry = state.pointee.mailbox.popFirst()
            state.pointee.sessions[pointer: Int(entry.slot)].pointee.inMailbox -= 1
        }
    }

    /// Sends a copy down to one session: queue, downlink, last mile.
    @inline(__always)
    private mutating func send(
        _ state: UnsafeMutablePointer<RelayState>, _ relay: Int, _ item: Item, _ message: UInt64,
        to session: UnsafeMutablePointer<RelaySession>, _ slot: Int, at time: Int64
    ) {
        var start = time
        if session.pointee.downlinkFree > time {
            start = session.pointee.downlinkFree
            guard waits(relay, slot, until: start, at: time) else {
                return dropForReceiver(item, session.pointee.id, cause: .queueFull, at: time)
            }
        }
        let sent = start + session.pointee.way.downlinkTime(bytes: item.bytes)
        session.pointee.downlinkFree = sent
        var arrival =
            sent + world.access.delay(session.pointee.way, message: message, leg: session.pointee.id | 0x8000_0000)
        if state.pointee.isWebSocket {
            // One TCP connection: nothing overtakes what was sent before it.
            arrival = max(arrival, session.pointee.lastArrival + 1)
            session.pointee.lastArrival = arrival
        }
        guard world.sites.passes(region, from: start, to: arrival) else {
            return dropForReceiver(item, session.pointee.id, cause: .siteUnreachable, at: time)
        }
        var copy = item
        copy.time = arrival
        copy.list = session.pointee.id
        post(copy, to: .clients, in: Int(session.pointee.home))
    }

    /// Whether there is room to wait for the downlink; WebSocket queues have no limit.
    private mutating func waits(_ relay: Int, _ slot: Int, until start: Int64, at time: Int64) -> Bool {
        let state = relays[pointer: relay]
        let session = state.pointee.sessions[pointer: slot]
        if session.pointee.waiting < 0 {
            session.pointee.waiting = Int32(state.pointee.waiting.count)
            state.pointee.waiting.append([])
        }
        let queue = Int(session.pointee.waiting)
        let gone = state.pointee.waiting[queue].prefix { $0 <= time }.count
        state.pointee.waiting[queue].removeFirst(gone)
        let isBounded = world.relays[firstRelay + relay].transport == .webTransport
        guard !isBounded || state.pointee.waiting[queue].count < world.relay.webTransportQueue else { return false }
        state.pointee.waiting[queue].append(start)
        return true
    }

    /// A copy that ends here for one receiver.
    mutating func dropForReceiver(_ item: Item, _ session: UInt32, cause: LossCause, at time: Int64) {
        losses.add(
            stream: item.sender, sequence: item.sequence, scope: .person(Int32(SessionID.person(session))),
            fate: .lost(cause), at: time)
    }

    /// A copy for a session that has closed: void if its person has left, else the receiver lost its session.
    private mutating func dropForReceiver(_ item: Item, _ session: UInt32, at time: Int64, closed: Bool) {
        let person = SessionID.person(session)
        let fate: Fate =
            world.people[person].leave.nanoseconds <= time ? .void : .lost(.receiverNotConnected)
        losses.add(
            stream: item.sender, sequence: item.sequence, scope: .person(Int32(person)), fate: fate, at: time)
    }

    private mutating func dropAtDeadRelay(_ relay: Int, _ item: Item) {
        switch item.kind {
        case .media:
            let isFromClient =
                item.list >> SessionID.connectionBits < UInt32(world.people.count)
                && item.flags & ItemFlags.fromServer == 0
            losses.add(
                stream: item.sender, sequence: item.sequence,
                scope: isFromClient ? .everyone : .relay(Int32(firstRelay + relay)), fate: .lost(.relayDead),
                at: item.time)
        case .hello:
            // A load balancer resets what has no back end; a dead UDP port stays silent.
            let isRefused = world.sites.isRefused(region, at: item.time)
            if isRefused || world.relays[firstRelay + relay].transport == .webSocket {
                let now = max(item.time, relays[pointer: relay].pointee.station.processor.free)
                answer(relay, item, kind: .reset, at: now)
            }
        default: break
        }
    }
}

/// Bits of `Item.flags`.
enum ItemFlags {
    static let keyFrame: UInt8 = 1
    /// The copy has left a server: `list` is a slice of targets, no session.
    static let fromServer: UInt8 = 2
    /// Held by a flow although it arrived: only what was lost before it is missing.
    static let received: UInt8 = 4
}
