import EventKernel

/// What the parts of a process have in common: writing, timers, dials, its own INFO.
extension ServerProcess {
    /// This server's INFO on gateway connections.
    var gatewayInfo: ServerInfo? {
        guard let gateway = configuration.gateway else { return nil }
        return ServerInfo(
            server: server.identity, gateway: gateway.name, urls: gatewayURLs.keys.sorted(), id: id)
    }

    /// This server's INFO on routes.
    var routeInfo: ServerInfo {
        ServerInfo(
            server: server.identity, gateway: nil, urls: [], id: id, routeURL: configuration.routeURL,
            gatewayURL: configuration.gateway?.url)
    }

    /// This server's INFO for clients.
    var clientInfo: ServerInfo { ServerInfo(server: server.identity, gateway: nil, urls: [], id: id) }

    /// Names of the servers that registered routes lead to.
    var routedNames: [String] {
        routesByID.values.sorted().compactMap { connection in
            if case .route(let link) = links[connection] { link.machine.peer?.server.name } else { nil }
        }
    }

    mutating func write(_ operation: Operation, _ connection: ConnectionID, _ turn: inout Turn) {
        switch operation {
        case .ping: pingTimes[connection] = turn.now
        case .routed: touchRoute(connection, turn.now)
        default: break
        }
        turn.outputs.append(.send(connection, operation))
    }

    mutating func write(_ outputs: [Output], _ turn: inout Turn) {
        for output in outputs { write(output.operation, output.connection, &turn) }
    }

    /// Hands an operation to the routing rules.
    /// - Returns: `false` where it has to be closed.
    mutating func route(_ operation: Operation, _ connection: ConnectionID, _ turn: inout Turn) -> Bool {
        var found: [Output] = []
        server.receive(operation, on: connection, at: turn.now, in: turn.subjects, into: &found)
        write(found, &turn)
        return !found.contains { output in
            if output.connection == connection, case .error(let error) = output.operation {
                error.closesConnection
            } else {
                false
            }
        }
    }

    /// Takes a connection out of everything but its machine.
    mutating func forget(
        _ connection: ConnectionID, _ reason: CloseReason, byPeer: Bool, _ turn: inout Turn
    ) {
        var found: [Output] = []
        server.close(connection, in: turn.subjects, into: &found)
        links[connection] = nil
        pingTimes[connection] = nil
        write(found, &turn)
        if !byPeer { turn.outputs.append(.close(connection, reason)) }
    }

    /// A PONG came: the round trip orders the gateways.
    mutating func measure(_ connection: ConnectionID, _ now: SimTime) {
        guard let sent = pingTimes.removeValue(forKey: connection) else { return }
        server.setRoundTrip(connection, now - sent)
    }

    mutating func arm(_ purpose: TimerPurpose, _ delay: SimDuration, _ turn: inout Turn) {
        let timer: TimerID
        if let armed = timerIDs[purpose] {
            timer = armed
        } else {
            lastTimer += 1
            timer = TimerID(rawValue: lastTimer)
            timers[timer] = purpose
            timerIDs[purpose] = timer
        }
        turn.outputs.append(.arm(timer, delay))
    }

    mutating func disarm(_ purpose: TimerPurpose, _ turn: inout Turn) {
        guard let timer = timerIDs.removeValue(forKey: purpose) else { return }
        timers[timer] = nil
        turn.outputs.append(.disarm(timer))
    }

    mutating func dial(_ url: String, for purpose: DialPurpose, _ turn: inout Turn) -> DialID {
        lastDial += 1
        let dial = DialID(rawValue: lastDial)
        dials[dial] = purpose
        turn.outputs.append(.dial(dial, url: url))
        return dial
    }

    mutating func abandon(_ dial: DialID?, _ turn: inout Turn) {
        guard let dial, dials.removeValue(forKey: dial) != nil else { return }
        turn.outputs.append(.abandonDial(dial))
    }

    /// What the log of the receiver of an `-ERR` shows. Where the text has names of the sender's that the error does
    /// not carry, they are taken to be what they are in a consistent configuration.
    func text(of error: ProtocolError, remote: String? = nil, isSolicitedRoute: Bool = false) -> String {
        let cluster = server.identity.cluster
        switch error {
        case .invalidSubject: return "Invalid Subject"
        case .unknownOperation: return "Unknown Protocol Operation"
        case .wrongGateway: return "Connection to gateway \"\(remote ?? cluster)\" rejected"
        case .wrongPort:
            if isSolicitedRoute { return "attempted to connect to gateway port" }
            return "Attempt to connect to gateway \"\(cluster)\" using wrong port"
        case .clusterNameConflict: return "Rejecting connection, cluster name does not match \"\(cluster)\""
        case .staleConnection: return "Stale Connection"
        case .maximumPayload: return "Maximum Payload Violation"
        case .publishPermission: return "Permissions Violation for Publish"
        case .replyPermission: return "Permissions Violation for Publish with Reply"
        case .headersNotSupported: return "message headers not supported"
        case .noRespondersRequiresHeaders: return "no responders requires headers support"
        }
    }
}
