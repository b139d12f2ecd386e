import CallModel
import EventKernel
import Measures
import NATSModel

/// How a message reached a server.
enum Source: UInt8 {
    case client
    /// A server of the same cluster.
    case route
    /// A server of another cluster.
    case gateway
}

extension Domain {
    /// Serves one item at a server. The place stays as it is meanwhile: nothing is appended to the port it came from.
    @inline(__always)
    mutating func serveServer(_ server: Int, _ item: UnsafePointer<Item>, port: Int) {
        events &+= 1
        let state = servers[pointer: server]
        guard item.pointee.kind == .media, state.pointee.isAlive else {
            return serveRarely(server, Served(item: item.pointee, port: port))
        }
        let source = source(of: port)
        if source == .gateway, !acceptsMessages(server, state, item, port: port) { return }
        let plan = plan(server, state, item, from: source)
        Item.copy(item, to: held)
        forward(server, state, plan, from: source, port: port)
    }

    /// Serves what is no message of a participant, or has come to a dead process.
    @inline(never)
    private mutating func serveRarely(_ server: Int, _ served: Served) {
        let state = servers[pointer: server]
        var served = served
        // Control takes its turn behind the messages before it: it acts when the processor comes to it.
        let isMessage = served.item.kind == .media || served.item.kind == .raw
        let free = isMessage ? Int64.min : state.pointee.station.processor.free
        let time = max(max(served.item.time, state.pointee.station.gate(of: served.port)), free)
        guard state.pointee.isAlive else {
            served.item.time = time
            return dropAtDeadServer(server, served)
        }
        if served.item.kind == .raw { return serveRaw(server, served) }
        served.item.time = time
        switch served.item.kind {
        case .subscribe, .unsubscribe, .connect: clientOperation(server, served)
        case .interest, .noInterest: interestOperation(server, served)
        case .dial, .accepted, .acknowledged, .info, .connectInfo, .refused, .ping, .pong, .closed:
            gatewayOperation(server, served)
        case .media, .raw, .hello, .welcome, .probe, .echo, .bye, .reset, .disconnected, .gone:
            preconditionFailure("a server does not take \(served.item.kind)")
        }
    }

    /// A message of a plain publisher.
    private mutating func serveRaw(_ server: Int, _ served: Served) {
        let state = servers[pointer: server]
        let source = source(of: served.port)
        withUnsafePointer(to: served.item) { item in
            if source == .gateway, !acceptsMessages(server, state, item, port: served.port) { return }
            let plan = planOfRoom(server, item.pointee, from: source)
            Item.copy(item, to: held)
            forward(server, state, plans.plan(plan), from: source, port: served.port)
        }
    }

    // Inlined: a call that only reads would copy the whole region first.
    @inline(__always)
    private func source(of port: Int) -> Source { sourceOfPort.place(port).pointee }

    /// Whether a message came in on a registered gateway; if not, it is lost.
    @inline(__always)
    private mutating func acceptsMessages(
        _ server: Int, _ state: UnsafeMutablePointer<ServerState>, _ item: UnsafePointer<Item>, port: Int
    ) -> Bool {
        let peer = (port &- relays.count &- servers.count) / 2
        if state.pointee.isRegistered[pointer: peer].pointee { return true }
        let time = max(item.pointee.time, state.pointee.station.gate(of: port))
        resetDialer(server, peer, at: max(time, state.pointee.station.processor.free))
        loseHeld(item.pointee, toward: region, at: time)
        return false
    }

    // MARK: Messages

    /// The plan for a participant's message: that of its stream's message before, while it is in force.
    @inline(__always)
    private mutating func plan(
        _ server: Int, _ state: UnsafeMutablePointer<ServerState>, _ item: UnsafePointer<Item>, from source: Source
    ) -> UnsafeMutablePointer<Plan> {
        let trail = trails.end(item.pointee.sender, localServer: server)
        if trail.pointee.plan != PlanTable.none, state.pointee.planEpoch == state.pointee.machine.epoch {
            let plan = plans.plan(trail.pointee.plan)
            if plan.pointee.isCurrent, source == .client || item.pointee.list >= plan.pointee.newest(for: source),
                trails.extend(trail, item.pointee.sender, localServer: server, item.pointee.sequence)
            {
                return plan
            }
        }
        let plan = planOfRoom(server, item.pointee, from: source)
        trails.add(
            stream: item.pointee.sender, localServer: server, server: Int32(firstServer + server),
            sequence: item.pointee.sequence, plan: plan)
        return plans.plan(plan)
    }

    /// The plan for a message of a room, compiled if need be, and narrowed to what the message's sender knew.
    @inline(never)
    private mutating func planOfRoom(_ server: Int, _ item: Item, from source: Source) -> UInt32 {
        let room = world.subject(of: item)
        let state = servers[pointer: server]
        var plan = plans.current[server * plans.rooms + room]
        if plan == PlanTable.none || state.pointee.planEpoch != state.pointee.machine.epoch {
            plan = compile(server, room, at: item.time)
        }
        let newest = source == .client ? 0 : plans.plan(plan).pointee.newest(for: source)
        guard item.list < newest && source != .client else { return plan }
        return plans.narrowed(plan, known: item.list, server: server, room: room)
    }

    /// Forwards the message in `held` by a plan: one service, then one copy for each session, route and gateway.
    @inline(__always)
    private mutating func forward(
        _ server: Int, _ state: UnsafeMutablePointer<ServerState>, _ plan: UnsafeMutablePointer<Plan>,
        from source: Source, port: Int
    ) {
        // What differs from copy to copy is handed on beside it: a change would have to reach memory before the next
        // copy.
        let item = UnsafePointer(held)
        let came = item.pointee.time
        // What waits at a port whose reader is held up comes to the processor when that ends.
        let arrival = max(came, state.pointee.station.gate(of: port))
        let relaysCount = Int(plan.pointee.relaysCount)
        let routes = source == .route ? 0 : Int(plan.pointee.routesCount)
        let gateways = source == .client ? Int(plan.pointee.gatewaysCount) : 0
        let copies = Int64(Int(plan.pointee.localCopies) &+ routes &+ gateways)
        // One flush for each connection, whatever the number of its subscriptions.
        let wakeUp = wakeUps.wakeUp(from: source, flushes: Int64(relaysCount &+ routes &+ gateways))
        let departure = state.pointee.station.processor.serve(
            arrival: arrival, cost: costs.service(bytes: item.pointee.bytes, copies: copies), wakeUp: wakeUp,
            share: source == .client && relaysCount > 0 ? wakeUps.localShare : wakeUps.share,
            latency: costs.wakeUpLatency)
        var list = plan.lists
        var left = relaysCount
        while left > 0 {
            let relay = list.pointee.relay
            if relay < 0 {
                deliverRaw(item.pointee, subscriber: Int(~relay), at: departure)
            } else {
                visit(
                    Int(relay), item, at: departure &+ costs.serverHop, list: plans.number(of: list), port: 1 &+ server)
            }
            list = list.next
            left &-= 1
        }
        var route = plan.routes
        let endOfRoutes = route + routes
        while route < endOfRoutes {
            hand(
                copyOf: item, at: departure &+ costs.routeHop, list: route.pointee.serial,
                toServer: Int(route.pointee.place), port: routePort(from: server))
            route += 1
        }
        if gateways > 0 { forwardByGateways(server, state, plan, port: port, arrival: came, at: departure) }
    }

    @inline(__always)
    private mutating func forwardByGateways(
        _ server: Int, _ state: UnsafeMutablePointer<ServerState>, _ plan: UnsafeMutablePointer<Plan>, port: Int,
        arrival: Int64, at time: Int64
    ) {
        // The message itself is handed on at once: what waits is what comes after it.
        let stall = stall(server, state, plan, port: port, arrival: arrival, at: time)
        var copy = held.pointee
        for index in 0..<Int(plan.pointee.gatewaysCount) {
            let target = Int(plan.gateways[index].place)
            copy.list = state.pointee.known[pointer: target].pointee
            transmit(server, to: target, asDialer: true, copy, at: time)
        }
        checkMemory(server, at: time)
        if stall > 0 { state.pointee.station.hold(port, until: time &+ stall) }
    }

    // MARK: Plans

    /// Compiles the plan of a room from the server's forwarding: the rules themselves live in `NATSModel`.
    ///
    /// A session is a queue group of its own, so the plan for a client's message holds what a route's or a
    /// gateway's message needs as well; those use its local part, or its local and routed part.
    private mutating func compile(_ server: Int, _ room: Int, at time: Int64) -> UInt32 {
        let state = servers[pointer: server]
        if state.pointee.planEpoch != state.pointee.machine.epoch {
            plans.invalidateAll(server: server)
            state.pointee.planEpoch = state.pointee.machine.epoch
        }
        let forwarding = state.pointee.machine.forwarding(
            of: world.literals[room], from: .client, in: world.subjects)
        var builder = PlanBuilder(relays: relays.count, servers: servers.count, world)
        for local in forwarding.locals { builder.addLocal(local, state) }
        for group in forwarding.groups {
            guard let candidate = forwarding.candidates(of: group).first else { continue }
            builder.addMember(group.queue, candidate, state)
        }
        for route in forwarding.routes where route.plain {
            if case .route(let peer) = state.pointee.roles[Int(route.connection.rawValue)] { builder.addPlain(peer) }
        }
        var draft = builder.draft(room: room)
        for gateway in forwarding.gateways {
            guard case .outbound(let dialer) = state.pointee.roles[Int(gateway.connection.rawValue)] else { continue }
            let target = state.pointee.outbound[dialer].target
            draft.gateways.append(
                PlanDraft.Forward(
                    place: Int32(target), serial: UInt32(world.servers[target].region),
                    sessions: gateway.queues.map { RemoteTarget(session: UInt32(bitPattern: $0.rawValue)) }))
        }
        return plans.append(draft, server: server, at: time)
    }

    // MARK: Control

    /// SUB, UNSUB or CONNECT of a relay.
    private mutating func clientOperation(_ server: Int, _ served: Served) {
        let item = served.item
        let state = servers[pointer: server]
        if item.kind == .connect {
            if state.pointee.relayConnections[served.port] == nil { openRelayConnection(server, served.port) }
            return
        }
        guard let connection = state.pointee.relayConnections[served.port] else { return }
        let sid = Int32(item.published)
        scratch.removeAll(keepingCapacity: true)
        if item.kind == .subscribe {
            announce(server, session: item.list, peerSerial: 0)
            state.pointee.machine.receive(
                .subscribe(
                    sid: sid, subject: world.patterns[Int(item.sender)],
                    queue: QueueID(rawValue: Int32(bitPattern: item.list))),
                on: connection, at: SimTime(nanoseconds: item.time), in: world.subjects, into: &scratch)
        } else {
            state.pointee.serial += 1
            state.pointee.machine.receive(
                .unsubscribe(sid: sid, maximum: nil), on: connection, at: SimTime(nanoseconds: item.time),
                in: world.subjects, into: &scratch)
        }
        noteChange(server)
        sendInterest(server, at: item.time)
        fingerprint.add(.control, UInt64(item.list), UInt64(bitPattern: item.time), UInt64(item.kind.rawValue))
    }

    mutating func openRelayConnection(_ server: Int, _ relay: Int) {
        let state = servers[pointer: server]
        let connection = state.pointee.newConnection(.relay(relay))
        state.pointee.relayConnections[relay] = connection
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.open(connection, kind: .client, into: &scratch)
    }

    /// RS+ or RS- of a routed server or of the far end of our outbound gateway.
    private mutating func interestOperation(_ server: Int, _ served: Served) {
        let item = served.item
        let state = servers[pointer: server]
        let sender: Int
        let connection: ConnectionID?
        if served.port < relays.count + servers.count {
            let peer = served.port - relays.count
            sender = firstServer + peer
            connection = state.pointee.routeConnections[peer]
        } else {
            sender = (served.port - relays.count - servers.count) / 2
            connection = outboundConnection(server, to: sender)
        }
        guard let connection else { return }
        state.pointee.known[sender] = item.sequence
        let subject = world.patterns[Int(item.sender)]
        let queue = item.list == UInt32.max ? nil : QueueID(rawValue: Int32(bitPattern: item.list))
        scratch.removeAll(keepingCapacity: true)
        let isRoute = served.port < relays.count + servers.count
        if item.kind == .interest {
            if isRoute { announce(server, session: item.list, peerSerial: item.sequence) }
            state.pointee.machine.receive(
                .remoteSubscribe(subject: subject, queue: queue, weight: Int32(item.size)), on: connection,
                at: SimTime(nanoseconds: item.time), in: world.subjects, into: &scratch)
        } else {
            if isRoute { state.pointee.serial += 1 }
            state.pointee.machine.receive(
                .remoteUnsubscribe(subject: subject, queue: queue), on: connection,
                at: SimTime(nanoseconds: item.time), in: world.subjects, into: &scratch)
        }
        noteChange(server)
        sendInterest(server, at: item.time)
        fingerprint.add(.control, UInt64(item.list), UInt64(bitPattern: item.time), UInt64(firstServer + server))
    }

    /// Numbers the announcement of a session.
    mutating func announce(_ server: Int, session: UInt32, peerSerial: UInt32) {
        let state = servers[pointer: server]
        state.pointee.serial += 1
        state.pointee.announcements[session] = Announcement(serial: state.pointee.serial, peerSerial: peerSerial)
    }

    /// Drops the plans that the machine's last change concerns.
    mutating func noteChange(_ server: Int) {
        switch servers[pointer: server].pointee.machine.lastChange {
        case .nothing, .everything: break  // the epoch tells
        case .subject(let pattern): plans.invalidate(server: server, room: world.room(of: pattern))
        }
    }

    /// Writes the interest operations in `scratch` to their connections.
    mutating func sendInterest(_ server: Int, at time: Int64) {
        let outputs = scratch
        // Nothing overtakes the messages that the processor is still busy with: a ring never goes back in time.
        let time = max(time, servers[pointer: server].pointee.station.processor.free)
        for output in outputs {
            let item: Item
            let serial = servers[pointer: server].pointee.serial
            switch output.operation {
            case .remoteSubscribe(let subject, let queue, let weight):
                item = interestItem(.interest, subject, queue, weight: weight, serial: serial)
            case .remoteUnsubscribe(let subject, let queue):
                item = interestItem(.noInterest, subject, queue, weight: 0, serial: serial)
            default:
                continue
            }
            write(server, item, to: output.connection, at: time)
        }
    }

    private func interestItem(
        _ kind: ItemKind, _ subject: SubjectID, _ queue: QueueID?, weight: Int32, serial: UInt32
    ) -> Item {
        Item(
            time: 0, published: 0, sender: UInt32(world.room(of: subject)), sequence: serial,
            list: queue.map { UInt32(bitPattern: $0.rawValue) } ?? UInt32.max, size: UInt16(clamping: weight),
            kind: kind, flags: 0)
    }

    /// Writes an item to a route or an inbound gateway.
    private mutating func write(_ server: Int, _ item: Item, to connection: ConnectionID, at time: Int64) {
        var item = item
        switch servers[pointer: server].pointee.roles[Int(connection.rawValue)] {
        case .route(let peer):
            item.time = time + world.nats.routeHop.nanoseconds
            post(item, to: .server(Int32(peer), port: Int32(routePort(from: server))), in: region)
        case .inbound(let remote):
            transmit(server, to: remote, asDialer: false, item, at: time)
        case .relay, .outbound, .raw:
            preconditionFailure("interest goes to routes and inbound gateways")
        }
    }

    /// What reaches a dead process: messages are lost, attempts to connect are refused unless nobody is there.
    private mutating func dropAtDeadServer(_ server: Int, _ served: Served) {
        let item = served.item
        switch item.kind {
        case .media:
            let scope: LossScope
            switch source(of: served.port) {
            case .client: scope = .everyone
            case .route: scope = .server(Int32(firstServer + server))
            case .gateway: scope = .region(Int32(region))
            }
            losses.add(
                stream: item.sender, sequence: item.sequence, scope: scope, fate: .lost(.serverDead), at: item.time)
        case .raw: raw.lost += 1
        case .dial:
            if !isSilentlyDead(server, at: item.time) { refuseDial(server, served) }
        default: break
        }
    }
}

/// Gathers the targets of a plan by relay and by routed server.
private struct PlanBuilder {
    private var byRelay: [[Target]]
    private var byServer: [[RemoteTarget]]
    private var plain: [Bool]
    private var raws: [Int32] = []
    private var maximumSerial: UInt32 = 0
    private var maximumLocalSerial: UInt32 = 0
    private let world: World

    init(relays: Int, servers: Int, _ world: World) {
        self.world = world
        byRelay = Array(repeating: [], count: relays)
        byServer = Array(repeating: [], count: servers)
        plain = Array(repeating: false, count: servers)
    }

    mutating func addLocal(_ local: Forwarding.Local, _ state: UnsafeMutablePointer<ServerState>) {
        if case .raw(let subscriber) = state.pointee.roles[Int(local.connection.rawValue)] {
            raws.append(Int32(subscriber))
        }
    }

    mutating func addPlain(_ peer: Int) { plain[peer] = true }

    mutating func addMember(
        _ queue: QueueID, _ candidate: Forwarding.Candidate, _ state: UnsafeMutablePointer<ServerState>
    ) {
        let session = UInt32(bitPattern: queue.rawValue)
        let announced = state.pointee.announcements[session] ?? Announcement(serial: 0, peerSerial: 0)
        switch state.pointee.roles[Int(candidate.connection.rawValue)] {
        case .relay(let relay):
            guard let slot = candidate.sid else { preconditionFailure("a relay subscribes with a number") }
            byRelay[relay].append(
                Target(
                    slot: slot, session: session,
                    pairBase: Int32(world.pairBase[SessionID.person(session)]), serial: announced.serial))
            maximumLocalSerial = max(maximumLocalSerial, announced.serial)
        case .route(let peer):
            byServer[peer].append(
                RemoteTarget(session: session, serial: announced.serial, peerSerial: announced.peerSerial))
        case .outbound, .inbound, .raw: preconditionFailure("a queue member is a client or behind a route")
        }
        maximumSerial = max(maximumSerial, announced.serial)
    }

    func draft(room: Int) -> PlanDraft {
        var draft = PlanDraft(room: room, maximumSerial: maximumSerial, maximumLocalSerial: maximumLocalSerial)
        for (relay, targets) in byRelay.enumerated() where !targets.isEmpty {
            draft.relays.append((Int32(relay), targets))
        }
        for subscriber in raws { draft.relays.append((~subscriber, [])) }
        for (server, sessions) in byServer.enumerated() where !sessions.isEmpty || plain[server] {
            draft.routes.append(
                PlanDraft.Forward(
                    place: Int32(server), serial: sessions.map(\.peerSerial).max() ?? 0, sessions: sessions))
        }
        return draft
    }
}
