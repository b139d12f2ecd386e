import CallModel
import EventKernel
import Measures
import Network
import RandomVariates

extension Domain {
    /// Serves one item at a relay. The place stays as it is meanwhile: nothing is appended to the port it came from.
    @inline(__always)
    mutating func serveRelay(_ relay: Int, _ item: UnsafePointer<Item>, port: Int) {
        events &+= 1
        let state = relays[pointer: relay]
        guard item.pointee.kind == .media, state.pointee.isAlive else { return serveRarely(relay, item.pointee, port) }
        if port == 0 { publish(relay, state, item) } else { distribute(relay, item) }
    }

    /// Serves what is no message, or has come to a dead process.
    @inline(never)
    private mutating func serveRarely(_ relay: Int, _ item: Item, _ port: Int) {
        var item = item
        if item.kind == .bye || item.kind == .disconnected {
            item.time = max(item.time, relays[pointer: relay].pointee.station.processor.free)
        }
        guard relays[pointer: relay].pointee.isAlive else { return dropAtDeadRelay(relay, item) }
        switch item.kind {
        case .hello: acceptClient(relay, item)
        case .probe: echo(relay, item)
        case .bye: closeSession(relay, item.list, at: item.time)
        case .disconnected: relayLostServer(relay, at: item.time)
        default: preconditionFailure("a relay does not take \(item.kind)")
        }
    }

    // MARK: From clients

    /// A participant's packet: stamped, and published to the room.
    @inline(__always)
    private mutating func publish(_ relay: Int, _ state: UnsafeMutablePointer<RelayState>, _ item: UnsafePointer<Item>)
    {
        if readingAhead.isOn { readAhead(ofRelay: state) }
        let slot = state.pointee.place(of: item.pointee.list)
        guard slot >= 0, state.pointee.sessions[pointer: slot].pointee.state != .closed else {
            return refuse(relay, item.pointee)
        }
        state.pointee.upkeep[pointer: slot].pointee.lastInbound = item.pointee.time
        state.pointee.sessions[pointer: slot].pointee.state = .active
        let departure = state.pointee.station.processor.serve(arrival: item.pointee.time, cost: costs.publishCost)
        guard state.pointee.server >= 0, item.pointee.bytes <= costs.maximumPayload else {
            return losses.add(
                stream: item.pointee.sender, sequence: item.pointee.sequence, scope: .everyone,
                fate: .lost(state.pointee.server < 0 ? .relayWithoutServer : .payloadTooLarge), at: item.pointee.time)
        }
        write(relay, state, item, at: departure)
    }

    /// A packet on a session that is not open here.
    @inline(never)
    private mutating func refuse(_ relay: Int, _ item: Item) {
        if tellsStrangers(relay, session: item.list, at: item.time) {
            // Not before the relay comes to it: an answer never goes back in time.
            let now = max(item.time, relays[pointer: relay].pointee.station.processor.free)
            answer(relay, item, kind: .reset, at: now)
        }
        losses.add(
            stream: item.sender, sequence: item.sequence, scope: .everyone, fate: .lost(.senderNotConnected),
            at: item.time)
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
        withUnsafePointer(to: item) { write(relay, relays[pointer: relay], $0, at: time) }
    }

    @inline(__always)
    private mutating func write(
        _ relay: Int, _ state: UnsafeMutablePointer<RelayState>, _ item: UnsafePointer<Item>, at time: Int64
    ) {
        let arrival = max(time &+ costs.serverHop, state.pointee.lastToServer)
        state.pointee.lastToServer = arrival
        if recorder.isOn {
            recorder.note(relay, item.pointee, server: state.pointee.server, at: arrival - costs.serverHop)
        }
        hand(copyOf: item, at: arrival, list: item.pointee.list, toServer: state.pointee.server, port: relay)
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
            RelaySession(
                way: world.access.way(person, region), rate: world.access.rate(person),
                home: UInt8(world.traits[person].region)),
            session, at: time)
    }

    /// The session exists: the relay subscribes for it and answers.
    mutating func completeHandshake(slot: Int, relay: Int, at time: Int64) {
        let state = relays[pointer: relay]
        let session = state.pointee.upkeep[slot].id
        guard state.pointee.isAlive, state.pointee.sessions[slot].state != .closed else { return }
        sendToServer(relay, kind: .subscribe, slot: slot, at: time)
        let item = Item(
            time: time, published: time, sender: UInt32(SessionID.person(session)), sequence: 0, list: session,
            size: 16, kind: .hello, flags: 0)
        answer(relay, item, kind: .welcome, at: time)
        checkSession(slot, relay, at: time + world.relay.clientTimeout.nanoseconds)
    }

    private mutating func echo(_ relay: Int, _ item: Item) {
        let state = relays[pointer: relay]
        let slot = state.pointee.slot(of: item.list)
        guard slot >= 0 else { return }
        state.pointee.upkeep[pointer: slot].pointee.lastInbound = item.time
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
        let session = state.pointee.upkeep[slot].id
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
        noteClosed(relay, slot, at: time)
        fingerprint.add(.session, UInt64(session), UInt64(bitPattern: time), 0xffff)
        sendToServer(relay, kind: .unsubscribe, slot: slot, at: max(time, state.pointee.station.processor.free))
    }

    /// The relay will look for silence.
    mutating func checkSession(_ slot: Int, _ relay: Int, at time: Int64) {
        relays[pointer: relay].pointee.upkeep[pointer: slot].pointee.staysUntil = time
        schedule(.sessionCheck, object: slot, payload: UInt32(relay), at: time)
    }

    /// The relay looks for silence on its own grid; a session heard since is looked at again later.
    mutating func sessionCheckFired(slot: Int, relay: Int, at time: Int64) {
        let state = relays[pointer: relay]
        let session = state.pointee.upkeep[slot]
        guard state.pointee.isAlive, state.pointee.sessions[slot].state != .closed else { return }
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
            checkSession(slot, relay, at: time + max(1, (due - time + interval - 1) / interval) * interval)
        }
    }

    // MARK: From NATS

    /// A server's copy for a relay, which its own server alone writes to: so the relay can first serve what came
    /// earlier, then the copy at once, without a ring. What its clients publish thereby reaches a server a hop after
    /// the relays' next services, thus after all that servers do meanwhile.
    @inline(never)
    mutating func visit(_ relay: Int, _ item: UnsafePointer<Item>, at time: Int64, list: UInt32, port: Int) {
        let state = relays[pointer: relay]
        if isReference { return send(item.pointee, at: time, list: list, toRelay: relay, port: port) }
        guard state.pointee.isAlive, catchUp(relay, state, to: time, port: port) else {
            return state.pointee.station.append(
                copyOf: item, at: time, list: list, adding: ItemFlags.fromServer, to: port)
        }
        events &+= 1
        distribute(relay, state, item, at: time, list: list)
        state.pointee.station.noteNextTime()
    }

    /// Serves what precedes an item with this time at a relay's port; `false`: it cannot go as far now.
    @inline(__always)
    private mutating func catchUp(
        _ relay: Int, _ state: UnsafeMutablePointer<RelayState>, to time: Int64, port: Int
    ) -> Bool {
        while state.pointee.station.precedes(time, at: port) {
            guard let next = state.pointee.station.nextPlace(before: min(stationsEnd, nextAgenda)) else { return false }
            serveRelay(relay, next.item, port: next.port)
        }
        return max(time, state.pointee.station.processor.free) < min(stationsEnd, nextAgenda)
    }

    /// The same for a copy that has waited at a port.
    @inline(never)
    private mutating func distribute(_ relay: Int, _ item: UnsafePointer<Item>) {
        distribute(relay, relays[pointer: relay], item, at: item.pointee.time, list: item.pointee.list)
    }

    /// Hands a message to each session that it is for: mailbox, CPU, downlink.
    @inline(__always)
    private mutating func distribute(
        _ relay: Int, _ state: UnsafeMutablePointer<RelayState>, _ item: UnsafePointer<Item>, at time: Int64,
        list number: UInt32
    ) {
        let list = plans.list(number)
        if !state.pointee.mailbox.isEmpty { retireMailbox(state, at: time) }
        let own = StreamTable.person(of: item.pointee.sender)
        let message = messageWord(sender: item.pointee.sender, sequence: item.pointee.sequence)
        var copy = list.targets
        let end = copy + Int(list.pointee.count)
        while copy < end {
            let isOwn = SessionID.person(copy.pointee.session) == own
            offer(copy.pointee, state, relay, item, message, isOwn: isOwn, at: time)
            copy += 1
        }
    }

    /// Hands a message to one session, if that is open and has room for it.
    @inline(__always)
    private mutating func offer(
        _ copy: Target, _ state: UnsafeMutablePointer<RelayState>, _ relay: Int, _ item: UnsafePointer<Item>,
        _ message: UInt64, isOwn: Bool, at time: Int64
    ) {
        let session = state.pointee.sessions.place(Int(copy.slot))
        guard session.pointee.state != .closed, session.pointee.inMailbox < costs.mailbox else {
            return drop(item.pointee, copy.session, session, isOwn: isOwn, at: time)
        }
        let departure = state.pointee.station.processor.serve(arrival: time, cost: costs.deliveryCost)
        let start = departure &- costs.deliveryCost
        if start > time {
            session.pointee.inMailbox &+= 1
            state.pointee.mailbox.append(MailboxEntry(start: start, slot: copy.slot))
        }
        // The service discards a participant's own message only here, after it has cost CPU.
        if !isOwn { send(state, relay, item, message, copy, session, from: time, at: departure) }
    }

    /// A copy ends because its session has closed or its mailbox is full; an own echo is nobody's loss then.
    @inline(never)
    private mutating func drop(
        _ item: Item, _ id: UInt32, _ session: UnsafeMutablePointer<RelaySession>, isOwn: Bool, at time: Int64
    ) {
        if session.pointee.state == .closed {
            dropForReceiver(item, id, at: time, closed: true)
        } else if !isOwn {
            dropForReceiver(item, id, cause: .mailboxFull, at: time)
        }
    }

    @inline(never)
    private mutating func retireMailbox(_ state: UnsafeMutablePointer<RelayState>, at time: Int64) {
        while !state.pointee.mailbox.isEmpty, state.pointee.mailbox.upcoming.start <= time {
            let entry = state.pointee.mailbox.popFirst()
            state.pointee.sessions[pointer: Int(entry.slot)].pointee.inMailbox &-= 1
        }
    }

    /// Sends a copy down to one session: queue, downlink, last mile.
    @inline(__always)
    private mutating func send(
        _ state: UnsafeMutablePointer<RelayState>, _ relay: Int, _ item: UnsafePointer<Item>, _ message: UInt64,
        _ copy: Target, _ session: UnsafeMutablePointer<RelaySession>, from came: Int64, at time: Int64
    ) {
        var start = time
        if session.pointee.downlinkFree > time {
            start = session.pointee.downlinkFree
            guard state.pointee.isWebSocket || waits(relay, Int(copy.slot), until: start, at: time) else {
                return dropForReceiver(item.pointee, copy.session, cause: .queueFull, at: time)
            }
        }
        let sent = start &+ downlinks[Int(session.pointee.rate)].time(bytes: item.pointee.bytes)
        session.pointee.downlinkFree = sent
        var arrival =
            sent &+ session.pointee.way.delay(message: message, leg: copy.session | 0x8000_0000, quantiles: quantiles)
        if state.pointee.isWebSocket {
            // One TCP connection: nothing overtakes what was sent before it.
            arrival = max(arrival, session.pointee.lastArrival &+ 1)
            session.pointee.lastArrival = arrival
        }
        guard costs.sitesAreOpen || world.sites.passes(region, from: start, to: arrival) else {
            return dropForReceiver(item.pointee, copy.session, cause: .siteUnreachable, at: time)
        }
        if settlesDirectly(relay, item, copy, session, arrival: arrival, from: came) { return }
        var sending = item.pointee
        sending.time = arrival
        sending.list = copy.session
        sending.flags |= ItemFlags.fromServer
        hand(sending, toClientsIn: Int(session.pointee.home))
    }

    /// Whether there is room to wait for the downlink of a WebTransport session; WebSocket queues have no limit.
    @inline(never)
    private mutating func waits(_ relay: Int, _ slot: Int, until start: Int64, at time: Int64) -> Bool {
        let state = relays[pointer: relay]
        let session = state.pointee.upkeep[pointer: slot]
        if session.pointee.waiting < 0 { session.pointee.waiting = state.pointee.addQueue() }
        let queue = state.pointee.waiting[Int(session.pointee.waiting)]
        while !queue.pointee.isEmpty, queue.pointee.upcoming <= time { _ = queue.pointee.popFirst() }
        guard queue.pointee.count < world.relay.webTransportQueue else { return false }
        queue.pointee.append(start)
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
            noteGone(item.list, lastCopy: item.time, at: item.time)
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
