import CallModel
import EventKernel
import Measures
import NATSModel

/// How a message reached a server.
enum Source {
    case client
    /// A server of the same cluster.
    case route
    /// A server of another cluster.
    case gateway
}

extension Domain {
    /// Serves one item at a server.
    mutating func serveServer(_ server: Int, _ served: Served) {
        events += 1
        var served = served
        let arrival = served.item.time
        served.item.time = max(arrival, servers[pointer: server].pointee.station.gate(of: served.port))
        // Control takes its turn behind the messages before it: it acts when the processor comes to it.
        if served.item.kind != .media && served.item.kind != .raw {
            served.item.time = max(served.item.time, servers[pointer: server].pointee.station.processor.free)
        }
        guard servers[pointer: server].pointee.isAlive else { return dropAtDeadServer(server, served) }
        let item = served.item
        switch item.kind {
        case .media, .raw:
            let source = source(of: served.port)
            if source == .gateway, !acceptsMessages(server, port: served.port, at: item.time) {
                return loseHeld(item, toward: region, at: item.time)
            }
            forward(server, item, from: source, port: served.port, arrival: arrival)
        case .subscribe, .unsubscribe, .connect: clientOperation(server, served)
        case .interest, .noInterest: interestOperation(server, served)
        case .dial, .accepted, .acknowledged, .info, .connectInfo, .refused, .ping, .pong, .closed:
            gatewayOperation(server, served)
        case .hello, .welcome, .probe, .echo, .bye, .reset, .disconnected:
            preconditionFailure("a server does not take \(item.kind)")
        }
    }

    // Inlined: a call that only reads would copy the whole region first.
    @inline(__always)
    private func source(of port: Int) -> Source {
        port < relays.count || port >= rawPort ? .client : port < relays.count + servers.count ? .route : .gateway
    }

    // MARK: Messages

    /// Forwards a message by the plan of its room: one service, then one copy for each session, route and gateway.
    private mutating func forward(
        _ server: Int, _ item: Item, from source: Source, port: Int, arrival: Int64
    ) {
        let room = world.subject(of: item)
        var plan = plans.current[server * plans.rooms + room]
        if plan == PlanTable.none || plans.epochs[server] != servers[pointer: server].pointee.machine.epoch {
            plan = compile(server, room, at: item.time)
        }
        if source != .client {
            let listed = plans.plans[pointer: Int(plan)]
            let newest = source == .route ? listed.pointee.maximumLocalSerial : listed.pointee.maximumSerial
            if item.list < newest { plan = plans.narrowed(plan, known: item.list, server: server) }
        }
        if item.kind == .media {
            trails.add(
                stream: item.sender, localServer: server, server: Int32(firstServer + server),
                sequence: item.sequence, plan: plan)
        }
        let what = plans.plans[Int(plan)]
        let routes = source == .route ? 0 : what.routesCount
        let gateways = source == .client ? what.gatewaysCount : 0
        let copies = Int64(what.localCopies + routes + gateways)
        // One flush for each connection, whatever the number of its subscriptions.
        let wakeUp = wakeUps.wakeUp(from: source, flushes: Int64(what.relaysCount + routes + gateways))
        let departure = servers[pointer: server].pointee.station.processor.serve(
            arrival: item.time, cost: costs.service(bytes: item.bytes, copies: copies), wakeUp: wakeUp,
            share: source == .client && what.relaysCount > 0 ? wakeUps.localShare : wakeUps.share,
            latency: costs.wakeUpLatency)
        var copy = item
        copy.flags |= ItemFlags.fromServer
        copy.time = departure + costs.serverHop
        for index in Int(what.relaysFirst)..<Int(what.relaysFirst + what.relaysCount) {
            copy.list = UInt32(index)
            let relay = plans.relays[index].relay
            if relay < 0 {
                deliverRaw(copy, subscriber: Int(~relay), at: departure)
            } else {
                post(copy, to: .relay(relay, port: Int32(1 + server)), in: region)
            }
        }
        if routes > 0 { forwardByRoutes(server, item, what, at: departure) }
        if gateways > 0 {
            let stall = stall(server, what, port: port, arrival: arrival, at: departure)
            forwardByGateways(server, item, what, at: departure)
            if stall > 0 { servers[pointer: server].pointee.station.hold(port, until: departure + stall) }
        }
    }

    private mutating func forwardByRoutes(_ server: Int, _ item: Item, _ what: Plan, at time: Int64) {
        var copy = item
        copy.time = time + costs.routeHop
        for index in Int(what.routesFirst)..<Int(what.routesFirst + what.routesCount) {
            let route = plans.routes[index]
            copy.list = route.serial
            post(copy, to: .server(route.place, port: Int32(routePort(from: server))), in: region)
        }
    }

    private mutating func forwardByGateways(_ server: Int, _ item: Item, _ what: Plan, at time: Int64) {
        for index in Int(what.gatewaysFirst)..<Int(what.gatewaysFirst + what.gatewaysCount) {
            let dialer = Int(plans.gateways[index].place)
            let target = servers[pointer: server].pointee.outbound[dialer].target
            var copy = item
            copy.list = servers[pointer: server].pointee.known[target]
            transmit(server, to: target, asDialer: true, copy, at: time)
        }
        checkMemory(server, at: time)
    }

    // MARK: Plans

    /// Compiles the plan of a room from the server's forwarding: the rules themselves live in `NATSModel`.
    ///
    /// A session is a queue group of its own, so the plan for a client's message holds what a route's or a
    /// gateway's message needs as well; those use its local part, or its local and routed part.
    private mutating func compile(_ server: Int, _ room: Int, at time: Int64) -> UInt32 {
        let state = servers[pointer: server]
        if plans.epochs[server] != state.pointee.machine.epoch {
            plans.invalidateAll(server: server)
            plans.epochs[server] = state.pointee.machine.epoch
        }
        let forwarding = state.pointee.machine.forwarding(
            of: world.literals[room], from: .client, in: world.subjects)
        var builder = PlanBuilder(relays: relays.count, servers: servers.count)
        for local in forwarding.locals { builder.addLocal(local, state) }
        for group in forwarding.groups {
            guard let candidate = forwarding.candidates(of: group).first else { continue }
            builder.addMember(group.queue, candidate, state)
        }
        for route in forwarding.routes where route.plain {
            if case .route(let peer) = state.pointee.roles[Int(route.connection.rawValue)] { builder.addPlain(peer) }
        }
        var plan = Plan(
            server: Int32(firstServer + server), room: Int32(room), time: time, maximumSerial: builder.maximumSerial,
            maximumLocalSerial: builder.maximumLocalSerial, relaysFirst: 0, relaysCount: 0, routesFirst: 0,
            routesCount: 0,
            gatewaysFirst: Int32(plans.gateways.count), gatewaysCount: 0, localCopies: 0)
        for gateway in forwarding.gateways {
            guard case .outbound(let dialer) = state.pointee.roles[Int(gateway.connection.rawValue)] else { continue }
            let first = plans.targets.count
            for queue in gateway.queues {
                plans.targets.append(
                    Target(slot: -1, session: UInt32(bitPattern: queue.rawValue), serial: 0, peerSerial: 0))
            }
            let target = state.pointee.outbound[dialer].target
            plans.gateways.append(
                ForwardTargets(
                    place: Int32(dialer), first: Int32(first), count: Int32(plans.targets.count - first),
                    serial: UInt32(world.servers[target].region)))
            plan.gatewaysCount += 1
        }
        builder.finish(&plan, room: room, into: &plans)
        plans.plans.append(plan)
        let number = UInt32(plans.plans.count - 1)
        plans.current[server * plans.rooms + room] = number
        return number
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
    var byRelay: [[Target]]
    var byServer: [[Target]]
    var plain: [Bool]
    var raws: [Int32] = []
    var maximumSerial: UInt32 = 0
    var maximumLocalSerial: UInt32 = 0

    init(relays: Int, servers: Int) {
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
        let target = Target(
            slot: candidate.sid ?? -1, session: session, serial: announced.serial, peerSerial: announced.peerSerial)
        switch state.pointee.roles[Int(candidate.connection.rawValue)] {
        case .relay(let relay):
            byRelay[relay].append(target)
            maximumLocalSerial = max(maximumLocalSerial, announced.serial)
        case .route(let peer): byServer[peer].append(target)
        case .outbound, .inbound, .raw: preconditionFailure("a queue member is a client or behind a route")
        }
        maximumSerial = max(maximumSerial, announced.serial)
    }

    func finish(_ plan: inout Plan, room: Int, into plans: inout PlanTable) {
        plan.relaysFirst = Int32(plans.relays.count)
        for (relay, targets) in byRelay.enumerated() where !targets.isEmpty {
            plans.relays.append(
                RelayTargets(
                    relay: Int32(relay), first: Int32(plans.targets.count), count: Int32(targets.count),
                    room: Int32(room)))
            for target in targets { plans.targets.append(target) }
            plan.relaysCount += 1
            plan.localCopies += Int32(targets.count)
        }
        for subscriber in raws {
            plans.relays.append(RelayTargets(relay: ~subscriber, first: 0, count: 0, room: Int32(room)))
            plan.relaysCount += 1
            plan.localCopies += 1
        }
        plan.routesFirst = Int32(plans.routes.count)
        for (server, targets) in byServer.enumerated() where !targets.isEmpty || plain[server] {
            plans.routes.append(
                ForwardTargets(
                    place: Int32(server), first: Int32(plans.targets.count), count: Int32(targets.count),
                    serial: targets.map(\.peerSerial).max() ?? 0))
            for target in targets { plans.targets.append(target) }
            plan.routesCount += 1
        }
    }
}
