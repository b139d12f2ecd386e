import EventKernel

/// Clients of a process, and how it ends (nats-server v2.9.10 server/server.go lameDuckMode, Shutdown).
extension ServerProcess {
    // MARK: Clients

    mutating func receive(
        _ operation: Operation, from connection: ConnectionID, _ link: ClientLink, _ turn: inout Turn
    ) {
        var link = link
        switch operation {
        case .connect: link.hasConnected = true
        case .ping: link.hasPinged = link.hasConnected
        // What a client port hears of a server that took it for another one.
        case .info: return
        case .error(let error):
            turn.outputs.append(.log("Client Error '\(text(of: error))'"))
            return closeClient(connection, .parseError, &turn)
        default: break
        }
        links[connection] = .client(link)
        if !route(operation, connection, &turn) { closeClient(connection, .protocolViolation, &turn) }
    }

    mutating func closeClient(_ connection: ConnectionID, _ reason: CloseReason, _ turn: inout Turn) {
        guard case .client = links[connection] else { return }
        forget(connection, reason, byPeer: false, &turn)
    }

    mutating func dropClient(_ connection: ConnectionID, _ turn: inout Turn) {
        forget(connection, .clientClosed, byPeer: true, &turn)
    }

    private var clients: [ConnectionID] {
        links.keys.sorted().filter { if case .client = links[$0] { true } else { false } }
    }

    // MARK: Lame duck

    /// No new clients; routes and clients are told; after the grace period clients are closed one after the other
    /// over the rest of the duration, at least two a second on average; then the process stops. Gateways are not
    /// told, and what routes are told makes them forget client URLs only, so nothing else changes before the end.
    mutating func becomeLameDuck(_ turn: inout Turn) {
        guard !isLameDuck else { return }
        turn.outputs.append(.log("Entering lame duck mode, stop accepting new clients"))
        isLameDuck = true
        let all = clients
        if all.isEmpty { return stop(&turn) }
        var rest = configuration.lameDuckDuration - configuration.lameDuckGrace
        if rest <= .zero { rest = .seconds(1) }
        leavingInterval = min(rest / Int64(all.count), .seconds(1))
        leavingClients = all.reversed()
        var info = routeInfo
        info.isLameDuck = true
        for connection in routesByID.values.sorted() { write(.info(info), connection, &turn) }
        info = clientInfo
        info.isLameDuck = true
        for connection in all {
            guard case .client(let link) = links[connection], link.hasPinged else { continue }
            write(.info(info), connection, &turn)
        }
        arm(.lameDuck, configuration.lameDuckGrace, &turn)
    }

    /// A client that left by itself takes its turn all the same.
    mutating func closeNextClient(_ turn: inout Turn) {
        if !isClosingClients { turn.outputs.append(.log("Closing existing clients")) }
        isClosingClients = true
        if let next = leavingClients.popLast() { closeClient(next, .serverShutdown, &turn) }
        if leavingClients.isEmpty { return stop(&turn) }
        let pause = uniform(below: leavingInterval, turn.draw)
        arm(.lameDuck, max(pause, leavingInterval / 2), &turn)
    }

    // MARK: Stop

    mutating func stop(_ turn: inout Turn) {
        turn.outputs.append(.log("Initiating Shutdown..."))
        isRunning = false
        for connection in links.keys.sorted() {
            switch links[connection] {
            case .client: closeClient(connection, .serverShutdown, &turn)
            case .route: drive(route: connection, .stopped, &turn)
            case .inbound: drive(inbound: connection, .stopped, &turn)
            case .outbound(let name): drive(remote: name, .stopped, &turn)
            case nil: break
            }
        }
        for dial in dials.keys.sorted() { abandon(dial, &turn) }
        for timer in timers.keys.sorted() { turn.outputs.append(.disarm(timer)) }
        timers = [:]
        timerIDs = [:]
        outbounds = [:]
        routeTasks = [:]
        turn.outputs.append(.log("Server Exiting.."))
        turn.outputs.append(.exited)
    }
}
