import CallModel
import EventKernel
import Measures
import Network
import RandomVariates
import Scenario

/// How a client gets, loses and regains its session.
extension Domain {
    mutating func clientTimerFired(_ person: Int, _ timer: ClientTimer, at time: Int64) {
        events += 1
        fingerprint.add(.timer, UInt64(person), UInt64(bitPattern: time), UInt64(timer.rawValue) | 1 << 32)
        switch timer {
        case .join: beginAttempt(person, at: time)
        case .leave: leave(person, at: time)
        case .step: nextStep(person, at: time)
        case .decide: decide(person, at: time)
        case .probe: probe(person, at: time)
        case .idle: checkIdle(person, at: time)
        case .retry: beginAttempt(person, at: time)
        }
    }

    mutating func arm(_ person: Int, _ timer: ClientTimer, at time: Int64) {
        guard time < world.horizon else { return }
        clientTimers.schedule(entity: UInt32(person), kind: timer.rawValue, at: SimTime(nanoseconds: time))
        nextTimer = min(nextTimer, time)
        let receiver = receivers[pointer: person]
        receiver.pointee.quietUntil = min(receiver.pointee.quietUntil, time)
    }

    /// Looks up when the first timer of a person is due.
    mutating func refreshQuiet(_ person: Int) -> Int64 {
        var due = Int64.max
        for timer in ClientTimer.allCases {
            due = min(due, clientTimers.due(entity: UInt32(person), kind: timer.rawValue).nanoseconds)
        }
        receivers[pointer: person].pointee.quietUntil = due
        return due
    }

    // MARK: Attempts

    /// Resolves names; a first join also needs a token.
    private mutating func beginAttempt(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        // Whoever has left of their own will meanwhile does not come back.
        guard client.pointee.phase != .left else { return }
        if client.pointee.phase == .outside {
            notePresence(person, .joining, region: -1, at: time)
        }
        client.pointee.phase = .resolving
        client.pointee.stages = ClientState.Stages()
        var delay = SimDuration.zero
        if client.pointee.resolver != nil {
            delay = client.pointee.resolver!.resolve(at: SimTime(nanoseconds: time), health: world.health).delay
        } else if !client.pointee.isReconnecting {
            let isCached = client.pointee.backoff.bernoulli(world.client.resolverHitShare)
            delay = isCached ? .zero : world.client.resolverDelay
        }
        arm(person, .step, at: time + max(1, delay.nanoseconds))
    }

    private mutating func nextStep(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        switch client.pointee.phase {
        case .resolving:
            client.pointee.stages.resolved = time
            if client.pointee.isReconnecting { return connect(person, at: time) }
            client.pointee.phase = .token
            // The token service runs in the first region only, and is asked over HTTPS.
            let roundTrips = world.client.tokenRoundTrips
            let exchange = roundTrips * world.access.roundTrip(person, 0) + world.client.tokenService.nanoseconds
            guard world.sites.passes(0, from: time, to: time + exchange), !world.sites.isRefused(0, at: time) else {
                return attemptFailed(person, answered: false, at: time + world.client.connectTimeout.nanoseconds)
            }
            arm(person, .step, at: time + max(1, exchange))
        case .token:
            client.pointee.stages.token = time
            connect(person, at: time)
        case .outside, .electing, .connected, .waiting, .gaveUp, .left:
            break
        }
    }

    /// Opens a connection to every relay that steering offers, and starts the election among them.
    private mutating func connect(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        client.pointee.phase = .electing
        client.pointee.candidates = []
        // Connections are numbered by 12 bits: whoever has used them all up (a thousand elections) gives up.
        guard client.pointee.connections + UInt32(2 * world.regionCount) < 1 << SessionID.connectionBits else {
            return giveUp(person, "has made \(client.pointee.connections) connections", at: time)
        }
        for relay in offeredRelays(person, at: time) {
            let session = SessionID.make(person: person, connection: client.pointee.connections)
            client.pointee.connections += 1
            client.pointee.candidates.append(Candidate(session: session, relay: relay))
            dial(person, session, relay, at: time)
        }
        let checkPhase = Int64(
            client.pointee.backoff.integer(below: Int(max(1, world.client.electionCheck.nanoseconds))) + 1)
        let election = Election(
            start: SimTime(nanoseconds: time), checkPhase: SimDuration(nanoseconds: checkPhase),
            candidates: client.pointee.candidates.map {
                (world.relays[$0.relay].transport, world.relays[$0.relay].region)
            },
            parameters: world.client)
        client.pointee.election = election
        arm(person, .decide, at: election.deadline.nanoseconds)
        arm(person, .probe, at: time + world.client.probeInterval.nanoseconds)
    }

    /// One relay of each group that steering offers: a random replica, as a load balancer picks it.
    private mutating func offeredRelays(_ person: Int, at time: Int64) -> [Int] {
        let offers = world.scenario.steering.offers(
            region: world.people[person].region, sites: world.regionCount,
            resolver: &people[pointer: person].pointee.resolver, health: world.health,
            at: SimTime(nanoseconds: time))
        return offers.compactMap { pickReplica(person, region: $0.site, transport: $0.transport) }
    }

    private mutating func pickReplica(_ person: Int, region target: Int, transport: Transport) -> Int? {
        if transport == .webTransport && !world.people[person].hasWebTransport { return nil }
        let replicas = world.relaysOfRegion[target].filter { world.relays[$0].transport == transport }
        guard !replicas.isEmpty else { return nil }
        let pick = people[pointer: person].pointee.backoff.integer(below: replicas.count)
        return replicas[pick]
    }

    /// Sends the last leg of a handshake, after the round trips before it; they need a site that answers.
    private mutating func dial(_ person: Int, _ session: UInt32, _ relay: Int, at time: Int64) {
        let place = world.relays[relay]
        let roundTrips =
            place.transport == .webSocket ? world.client.webSocketRoundTrips : world.client.webTransportRoundTrips
        let before = world.access.roundTrip(person, place.region) * (roundTrips - 1)
        let delay = world.access.delay(person, place.region, sender: session, sequence: 0, leg: 0x300)
        guard world.sites.passes(place.region, from: time, to: time + before + delay) else { return }
        let item = Item(
            time: time + before + delay, published: time, sender: UInt32(person), sequence: 0, list: session, size: 16,
            kind: .hello, flags: 0)
        receivers[pointer: person].pointee.connections += 1
        post(item, to: .relay(Int32(place.local), port: 0), in: place.region)
    }

    /// A relay answered a handshake.
    mutating func welcomed(_ person: Int, _ item: Item) {
        let client = people[pointer: person]
        let match = client.pointee.candidates.firstIndex { $0.session == item.list }
        guard client.pointee.phase == .electing, let index = match else {
            return sendUp(person, item.list, kind: .bye, at: item.time)
        }
        client.pointee.candidates[index].isOpen = true
        if client.pointee.stages.opened < 0 { client.pointee.stages.opened = item.time }
    }

    /// Probes every open connection of the election.
    private mutating func probe(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        guard client.pointee.phase == .electing else { return }
        for index in client.pointee.candidates.indices where client.pointee.candidates[index].isOpen {
            client.pointee.candidates[index].probes += 1
            sendUp(
                person, client.pointee.candidates[index].session, kind: .probe,
                sequence: client.pointee.candidates[index].probes,
                at: time)
        }
        arm(person, .probe, at: time + world.client.probeInterval.nanoseconds)
    }

    mutating func echoed(_ person: Int, _ item: Item) {
        let client = people[pointer: person]
        guard client.pointee.phase == .electing,
            let index = client.pointee.candidates.firstIndex(where: { $0.session == item.list })
        else { return }
        client.pointee.election?.record(
            index, roundTrip: SimDuration(nanoseconds: item.time - item.published), at: SimTime(nanoseconds: item.time))
    }

    /// The relay of a connection: sessions carry no address, the candidates do.
    private func relay(of session: UInt32, _ person: Int) -> Int? {
        let client = people[pointer: person]
        if let elected = client.pointee.elected, elected.session == session { return elected.relay }
        return client.pointee.candidates.first { $0.session == session }?.relay
    }

    /// Sends a control packet up a connection, if packets pass.
    private mutating func sendUp(
        _ person: Int, _ session: UInt32, kind: ItemKind, sequence: UInt32 = 0, at time: Int64
    ) {
        guard let relay = relay(of: session, person) else { return }
        let place = world.relays[relay]
        let delay = world.access.delay(
            person, place.region, sender: session, sequence: sequence, leg: 0x400 | UInt32(kind.rawValue))
        guard world.sites.passes(place.region, from: time, to: time + delay) else { return }
        let item = Item(
            time: time + delay, published: time, sender: UInt32(person), sequence: sequence, list: session, size: 5,
            kind: kind, flags: 0)
        post(item, to: .relay(Int32(place.local), port: 0), in: place.region)
    }

    // MARK: Election

    private mutating func decide(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        guard client.pointee.phase == .electing, client.pointee.election != nil else { return }
        guard client.pointee.candidates.contains(where: \.isOpen) else {
            return attemptFailed(person, answered: false, at: time)
        }
        switch client.pointee.election!.decide() {
        case .elected(let index): elect(person, index, at: time)
        case .extended(let deadline): arm(person, .decide, at: deadline.nanoseconds)
        case .failed: attemptFailed(person, answered: true, at: time)
        }
    }

    private mutating func elect(_ person: Int, _ index: Int, at time: Int64) {
        let client = people[pointer: person]
        let winner = client.pointee.candidates[index]
        for candidate in client.pointee.candidates where candidate.isOpen && candidate.session != winner.session {
            sendUp(person, candidate.session, kind: .bye, at: time)
        }
        client.pointee.candidates = []
        client.pointee.election = nil
        client.pointee.phase = .connected
        client.pointee.policy.succeeded()
        setElected(person, winner)
        receivers[pointer: person].pointee.lastPacket = time
        client.pointee.stages.elected = time
        if client.pointee.isReconnecting {
            tally.returned += 1
            client.pointee.isReconnecting = false
        }
        notePresence(person, .connected, region: Int32(world.relays[winner.relay].region), at: time)
        journal.add(
            time, room: Int(world.people[person].room), subject: world.people[person].identity,
            "elects \(world.relays[winner.relay].name)")
        armIdle(person, heard: time)
    }

    /// Notes the session that carries a person's media, or that there is none, wherever it is asked for.
    mutating func setElected(_ person: Int, _ elected: Candidate?) {
        people[pointer: person].pointee.elected = elected
        let session = elected?.session ?? Receiver.noSession
        receivers[pointer: person].pointee.session = session
        let sender = senders[pointer: person]
        sender.pointee.session = session
        guard let elected else { return }
        let address = addresses[elected.relay]
        sender.pointee.way = world.access.way(person, Int(address.region))
        sender.pointee.lastUplink = 0
        sender.pointee.relay = address.local
        sender.pointee.site = UInt8(address.region)
        sender.pointee.isWebSocket = address.isWebSocket
    }

    private mutating func attemptFailed(_ person: Int, answered: Bool, at time: Int64) {
        let client = people[pointer: person]
        client.pointee.candidates = []
        client.pointee.election = nil
        if client.pointee.policy.attemptFailed(answered: answered) {
            return giveUp(person, "no server answered \(world.client.giveUpAttempts) times in a row", at: time)
        }
        client.pointee.phase = .waiting
        // The client looks for success half a second after its election (connection_manager.rs:865).
        let pause = client.pointee.policy.nextPause(jitter: client.pointee.backoff.uniform()).nanoseconds
        arm(person, .retry, at: time + 500_000_000 + pause)
    }

    private mutating func giveUp(_ person: Int, _ reason: String, at time: Int64) {
        people[pointer: person].pointee.phase = .gaveUp
        tally.gaveUp += 1
        notePresence(person, .gaveUp, region: -1, at: time)
        journal.add(
            time, room: Int(world.people[person].room), subject: world.people[person].identity,
            "gives up: \(reason)")
    }

    // MARK: Loss

    private mutating func armIdle(_ person: Int, heard: Int64) {
        guard let elected = people[pointer: person].pointee.elected else { return }
        let limit =
            world.relays[elected.relay].transport == .webTransport
            ? world.client.quicIdleTimeout : world.client.webSocketTimeout
        arm(person, .idle, at: heard + limit.nanoseconds)
    }

    /// The elected session's timeout may have passed: keep-alives count as heard while packets pass.
    private mutating func checkIdle(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        guard client.pointee.phase == .connected, let elected = client.pointee.elected else { return }
        let place = world.relays[elected.relay]
        let limit =
            place.transport == .webTransport
            ? world.client.quicIdleTimeout.nanoseconds : world.client.webSocketTimeout.nanoseconds
        let keptAlive = lastKeepAlive(elected, since: client.pointee.stages.elected, before: time)
        let heard = max(max(receivers[pointer: person].pointee.lastPacket, lastDirect(person)), keptAlive)
        if heard + limit > time { return armIdle(person, heard: heard) }
        loseSession(person, brokenAt: heard, reason: "no packet for \(limit / 1_000_000_000) s", at: time)
    }

    /// When the last keep-alive of a living relay arrived: now, or up to one interval before its silence began.
    private func lastKeepAlive(_ elected: Candidate, since electedAt: Int64, before time: Int64) -> Int64 {
        let relay = elected.relay
        var silentSince = Int64.max
        if let closed = world.sites.closedSpan(world.relays[relay].region, at: time) {
            silentSince = min(silentSince, closed.start)
        }
        // A process that came back does not know the session: its silence goes on.
        for outage in world.relayOutages[relay] where outage.start <= time && outage.end > electedAt {
            silentSince = min(silentSince, outage.start)
        }
        if silentSince == Int64.max { return time }
        return silentSince - world.timerPhase(elected.session, period: world.keepAliveInterval)
    }

    /// The relay reset a connection.
    mutating func wasReset(_ person: Int, _ item: Item) {
        let client = people[pointer: person]
        if let elected = client.pointee.elected, elected.session == item.list, client.pointee.phase == .connected {
            return loseSession(person, brokenAt: item.time, reason: "connection reset", at: item.time)
        }
        if let index = client.pointee.candidates.firstIndex(where: { $0.session == item.list }) {
            client.pointee.candidates[index].isOpen = false
            client.pointee.election?.disconnected(index)
        }
    }

    private mutating func loseSession(_ person: Int, brokenAt: Int64, reason: String, at time: Int64) {
        let client = people[pointer: person]
        guard let elected = client.pointee.elected else { return }
        let place = world.relays[elected.relay]
        sendUp(person, elected.session, kind: .bye, at: time)
        setElected(person, nil)
        client.pointee.phase = .waiting
        client.pointee.isReconnecting = true
        client.pointee.brokenAt = brokenAt
        client.pointee.lostSessions += 1
        tally.lostSessions += 1
        if client.pointee.lostSessions == 1 { tally.peopleWhoLost += 1 }
        notePresence(person, .lost, region: -1, at: time)
        fingerprint.add(.session, UInt64(person), UInt64(bitPattern: time), 0x2_0000)
        journal.add(
            time, room: Int(world.people[person].room), subject: world.people[person].identity,
            "loses its session on \(place.name): \(reason)")
        restartSetups(of: person, brokenAt: brokenAt)
        let pause = client.pointee.policy.nextPause(jitter: client.pointee.backoff.uniform())
        arm(person, .retry, at: time + max(1, pause.nanoseconds))
    }

    private mutating func leave(_ person: Int, at time: Int64) {
        let client = people[pointer: person]
        if let elected = client.pointee.elected { sendUp(person, elected.session, kind: .bye, at: time) }
        for candidate in client.pointee.candidates where candidate.isOpen {
            sendUp(person, candidate.session, kind: .bye, at: time)
        }
        client.pointee.phase = .left
        setElected(person, nil)
        client.pointee.candidates = []
        client.pointee.election = nil
        closeSetups(of: person, at: time)
    }

    private func notePresence(_ person: Int, _ state: PresenceState, region: Int32, at time: Int64) {
        people[pointer: person].pointee.presence.append(PresenceChange(time: time, state: state, region: region))
    }
}
