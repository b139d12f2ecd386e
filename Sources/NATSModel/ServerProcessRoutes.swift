import EventKernel

/// Routes of a process (nats-server v2.9.10 server/route.go, server/client.go reconnect).
extension ServerProcess {
    // MARK: Dialling

    mutating func dialRoute(
        _ url: String, isExplicit: Bool, isReconnect: Bool, hasFailed: Bool = false, _ turn: inout Turn
    ) {
        lastRouteTask += 1
        let task = lastRouteTask
        var dialer = RouteDialer(
            url: url, isExplicit: isExplicit, isReconnect: isReconnect,
            connectRetries: configuration.routeConnectRetries, parameters: parameters)
        var outputs: [RouteOutput] = []
        dialer.start(draw: turn.draw, into: &outputs)
        routeTasks[task] = RouteTask(dialer: dialer, hasFailed: hasFailed)
        perform(outputs, task: task, &turn)
    }

    mutating func perform(_ outputs: [RouteOutput], task: Int32, _ turn: inout Turn) {
        for output in outputs {
            switch output {
            case .dial:
                guard let url = routeTasks[task]?.dialer.url else { continue }
                routeTasks[task]?.mark = mark
                let number = dial(url, for: .route(task), &turn)
                routeTasks[task]?.dial = number
            case .abandonDial:
                abandon(routeTasks[task]?.dial, &turn)
                noteFailure(ofTask: task)
            case .arm(let timer, let delay): arm(.routeTask(task, timer), delay, &turn)
            case .disarm(let timer): disarm(.routeTask(task, timer), &turn)
            case .finished: routeTasks[task] = nil
            case .log(let line): turn.outputs.append(.log(line))
            case .send, .introduced, .learned, .learnedGateway, .closed: break
            }
        }
    }

    // MARK: Connections

    mutating func openRoute(_ connection: ConnectionID, task: Int32?, _ turn: inout Turn) {
        let known = task.flatMap { routeTasks[$0] }
        // An implicit route to a configured URL counts as explicit.
        let isExplicit = known.map { configuration.routes.contains($0.dialer.url) } ?? false
        var machine = RouteConnection(
            own: routeInfo, dialled: known?.dialer.url, isExplicit: isExplicit, parameters: parameters,
            version: version)
        var outputs: [RouteOutput] = []
        machine.open(draw: turn.draw, into: &outputs)
        links[connection] = .route(RouteLink(machine: machine, mark: known?.mark))
        perform(outputs, route: connection, byPeer: false, &turn)
    }

    mutating func touchRoute(_ connection: ConnectionID, _ now: SimTime) {
        guard case .route(var link) = links[connection] else { return }
        link.machine.lastActivity = now
        links[connection] = .route(link)
    }

    mutating func receive(_ operation: Operation, onRoute connection: ConnectionID, _ turn: inout Turn) {
        guard case .route(let link) = links[connection] else { return }
        switch operation {
        case .connect(let options):
            touchRoute(connection, turn.now)
            drive(route: connection, .connectReceived(options), &turn)
        case .info(let info): drive(route: connection, .infoReceived(info), &turn)
        case .ping: drive(route: connection, .pingReceived, &turn)
        case .pong:
            measure(connection, turn.now)
            prove(connection)
            drive(route: connection, .pongReceived, &turn)
        case .error(let error):
            let isSolicited = link.machine.isSolicited
            drive(route: connection, .errorReceived(text(of: error, isSolicitedRoute: isSolicited)), &turn)
        default:
            touchRoute(connection, turn.now)
            if link.machine.state == .registered, !route(operation, connection, &turn) {
                drive(route: connection, .closed(.protocolViolation), &turn)
            }
        }
    }

    mutating func drive(route connection: ConnectionID, _ input: RouteInput, byPeer: Bool = false, _ turn: inout Turn) {
        guard case .route(var link) = links[connection] else { return }
        var found: [RouteOutput] = []
        link.machine.handle(input, at: turn.now, into: &found)
        links[connection] = .route(link)
        perform(found, route: connection, byPeer: byPeer, &turn)
    }

    private mutating func perform(
        _ outputs: [RouteOutput], route connection: ConnectionID, byPeer: Bool, _ turn: inout Turn
    ) {
        for output in outputs {
            switch output {
            case .send(let operation): write(operation, connection, &turn)
            case .arm(let timer, let delay): arm(.route(connection, timer), delay, &turn)
            case .disarm(let timer): disarm(.route(connection, timer), &turn)
            case .introduced(let info): register(connection, info, &turn)
            case .learned(let info): learnRoute(info, &turn)
            case .learnedGateway(let info): learnGateway(info, &turn)
            case .closed(let reason): closeRoute(connection, reason, byPeer: byPeer, &turn)
            case .log(let line): turn.outputs.append(.log(line))
            case .dial, .abandonDial, .finished: break
            }
        }
    }

    /// The first connection to a server is kept, whoever dialled it.
    private mutating func register(_ connection: ConnectionID, _ info: ServerInfo, _ turn: inout Turn) {
        guard case .route(let link) = links[connection] else { return }
        if let kept = routesByID[info.id] {
            if case .route(var other) = links[kept] {
                other.machine.supersede(link.machine)
                links[kept] = .route(other)
            }
            return drive(route: connection, .refused, &turn)
        }
        routesByID[info.id] = connection
        drive(route: connection, .admitted, &turn)
        if let url = info.gatewayURL { addGatewayURL(url, &turn) }
        var found: [Output] = []
        server.open(connection, kind: .route, peer: info.server, into: &found)
        write(found, &turn)
        for (name, outbound) in outbounds.sorted(by: { $0.key < $1.key }) where outbound.dialer.state == .registered {
            gossip(name, outbound.dialer.urls, to: connection, &turn)
        }
        for other in routesByID.values.sorted() where other != connection { write(.info(info), other, &turn) }
    }

    /// A peer told of another server of the cluster, or that it leaves, which changes nothing here.
    private mutating func learnRoute(_ info: ServerInfo, _ turn: inout Turn) {
        guard info.id != id, routesByID[info.id] == nil, let url = info.routeURL,
            !configuration.routes.contains(url)
        else { return }
        dialRoute(url, isExplicit: false, isReconnect: false, &turn)
    }

    private mutating func learnGateway(_ info: ServerInfo, _ turn: inout Turn) {
        guard let cluster = info.gateway else { return }
        if configuration.gateway != nil { return learnGateway(cluster, info.urls, &turn) }
        let line = "Received information about gateway \"\(cluster)\" from \(info.server.name), but gateway is not"
        turn.outputs.append(.log(line + " configured"))
    }

    private mutating func closeRoute(
        _ connection: ConnectionID, _ reason: CloseReason, byPeer: Bool, _ turn: inout Turn
    ) {
        guard case .route(let link) = links[connection] else { return }
        let peer = link.machine.peer
        let isKept = peer.map { routesByID[$0.id] == connection } ?? false
        if !byPeer && reason == .staleConnection { write(.error(.staleConnection), connection, &turn) }
        if isKept, let peer { routesByID[peer.id] = nil }
        forget(connection, reason, byPeer: byPeer, &turn)
        if isKept, let url = peer?.gatewayURL { removeGatewayURL(url, &turn) }
        guard isRunning, link.machine.dialsAgain, let url = link.machine.url else { return }
        // The other connection to the same server remains, or it is this server itself.
        if let peer, routesByID[peer.id] != nil || peer.id == id { return }
        let hasFailed = !link.isProven && !link.machine.hadDuplicate && link.mark == mark
        dialRoute(url, isExplicit: link.machine.isExplicit, isReconnect: true, hasFailed: hasFailed, &turn)
    }
}
