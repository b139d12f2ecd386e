import EventKernel

/// Gateway connections of a process, outbound and inbound, and what clusters tell of each other
/// (nats-server v2.9.10 server/gateway.go).
extension ServerProcess {
    func makeDialer(_ remote: String, _ urls: [String], isImplicit: Bool) -> GatewayDialer {
        guard let own = gatewayInfo, let gateway = configuration.gateway else {
            preconditionFailure("a server without gateway block dials no cluster")
        }
        // The listeners are up when a process starts.
        var parameters = parameters
        parameters.startDelay = .zero
        return GatewayDialer(
            own: own, remote: remote, urls: urls, isImplicit: isImplicit, connectRetries: gateway.connectRetries,
            parameters: parameters, version: version)
    }

    /// Creates an implicit remote, or adds URLs to a known one.
    mutating func learnGateway(_ cluster: String, _ urls: [String], _ turn: inout Turn) {
        guard let gateway = configuration.gateway, cluster != gateway.name else { return }
        if outbounds[cluster] != nil {
            outbounds[cluster]?.dialer.learn(urls)
        } else if !urls.isEmpty {
            outbounds[cluster] = Outbound(dialer: makeDialer(cluster, urls, isImplicit: true))
            drive(remote: cluster, .start, &turn)
        }
    }

    // MARK: Outbound

    mutating func receive(
        _ operation: Operation, onOutbound connection: ConnectionID, _ name: String, _ turn: inout Turn
    ) {
        switch operation {
        case .info(let info): drive(remote: name, .infoReceived(info), &turn)
        case .ping: drive(remote: name, .pingReceived, &turn)
        case .pong:
            measure(connection, turn.now)
            drive(remote: name, .pongReceived, &turn)
        case .error(let error):
            drive(remote: name, .errorReceived(text(of: error, remote: name)), &turn)
        default:
            guard outbounds[name]?.dialer.state == .registered else { return }
            if case .allSubscriptionsComplete = operation {
                outbounds[name]?.isProven = true
                outbounds[name]?.failed = []
            }
            if !route(operation, connection, &turn) { drive(remote: name, .closed(.protocolViolation), &turn) }
        }
    }

    mutating func drive(remote name: String, _ input: GatewayInput, byPeer: Bool = false, _ turn: inout Turn) {
        guard var outbound = outbounds[name], let own = gatewayInfo else { return }
        outbound.dialer.own = own
        outbound.dialer.routedNames = routedNames
        outbound.dialer.hasInbound = inboundGateways[name] != nil
        var found: [GatewayOutput] = []
        outbound.dialer.handle(input, draw: turn.draw, into: &found)
        outbounds[name] = outbound
        for output in found { perform(output, remote: name, byPeer: byPeer, &turn) }
    }

    private mutating func perform(
        _ output: GatewayOutput, remote name: String, byPeer: Bool, _ turn: inout Turn
    ) {
        switch output {
        case .dial(let index):
            let url = outbounds[name]?.dialer.urls[index] ?? ""
            outbounds[name]?.url = url
            outbounds[name]?.mark = mark
            outbounds[name]?.isProven = false
            let number = dial(url, for: .gateway(name), &turn)
            outbounds[name]?.dial = number
        case .abandonDial:
            abandon(outbounds[name]?.dial, &turn)
            noteFailure(of: name)
        case .send(let operation):
            if let connection = outbounds[name]?.connection { write(operation, connection, &turn) }
        case .arm(let timer, let delay): arm(.outbound(name, timer), delay, &turn)
        case .disarm(let timer): disarm(.outbound(name, timer), &turn)
        case .opened(let info):
            guard let connection = outbounds[name]?.connection else { return }
            var found: [Output] = []
            server.open(connection, kind: .outboundGateway, peer: info.server, into: &found)
            write(found, &turn)
        case .closed(let reason): closeOutbound(name, reason, byPeer: byPeer, &turn)
        case .gossip(let info):
            guard let cluster = info.gateway else { return }
            for connection in routesByID.values.sorted() { gossip(cluster, info.urls, to: connection, &turn) }
        case .learned(let cluster, let urls):
            if configuration.gateway?.rejectsUnknown == true && outbounds[cluster] == nil { return }
            learnGateway(cluster, urls, &turn)
        case .forgotten: outbounds[name] = nil
        case .log(let line): turn.outputs.append(.log(line))
        }
    }

    private mutating func closeOutbound(_ name: String, _ reason: CloseReason, byPeer: Bool, _ turn: inout Turn) {
        if outbounds[name]?.isProven == false { noteFailure(of: name) }
        outbounds[name]?.isProven = false
        guard let connection = outbounds[name]?.connection else { return }
        outbounds[name]?.connection = nil
        if !byPeer && reason == .wrongPort { write(.error(.wrongPort), connection, &turn) }
        if !byPeer && reason == .staleConnection { write(.error(.staleConnection), connection, &turn) }
        forget(connection, reason, byPeer: byPeer, &turn)
    }

    /// Tells one peer that a cluster exists.
    mutating func gossip(_ cluster: String, _ urls: [String], to connection: ConnectionID, _ turn: inout Turn) {
        let teller = ServerIdentity(name: server.identity.name, cluster: "")
        write(.info(ServerInfo(server: teller, gateway: cluster, urls: urls, isGossip: true)), connection, &turn)
    }

    // MARK: Inbound

    mutating func receive(_ operation: Operation, onInbound connection: ConnectionID, _ turn: inout Turn) {
        guard case .inbound(let machine) = links[connection] else { return }
        switch operation {
        case .connect(let options): drive(inbound: connection, .connectReceived(options), &turn)
        case .info(let info): drive(inbound: connection, .infoReceived(info), &turn)
        case .ping: drive(inbound: connection, .pingReceived, &turn)
        case .pong:
            measure(connection, turn.now)
            drive(inbound: connection, .pongReceived, &turn)
        case .error(let error): drive(inbound: connection, .errorReceived(text(of: error)), &turn)
        default:
            if machine.state == .registered {
                if !route(operation, connection, &turn) {
                    drive(inbound: connection, .closed(.protocolViolation), &turn)
                }
            } else if machine.state == .awaitConnect {
                // Anything before CONNECT.
                drive(inbound: connection, .errorReceived(""), &turn)
            }
        }
    }

    mutating func drive(
        inbound connection: ConnectionID, _ input: GatewayInput, byPeer: Bool = false, _ turn: inout Turn
    ) {
        guard case .inbound(var machine) = links[connection], let own = gatewayInfo else { return }
        machine.own = own
        machine.routedNames = routedNames
        machine.remotes = outbounds.keys.sorted()
        var found: [GatewayOutput] = []
        machine.handle(input, draw: turn.draw, into: &found)
        links[connection] = .inbound(machine)
        for output in found { perform(output, inbound: connection, byPeer: byPeer, &turn) }
    }

    private mutating func perform(
        _ output: GatewayOutput, inbound connection: ConnectionID, byPeer: Bool, _ turn: inout Turn
    ) {
        switch output {
        case .send(let operation): write(operation, connection, &turn)
        case .arm(let timer, let delay): arm(.inbound(connection, timer), delay, &turn)
        case .disarm(let timer): disarm(.inbound(connection, timer), &turn)
        case .opened(let info): openInbound(connection, info, &turn)
        case .closed(let reason):
            if !byPeer && reason == .staleConnection { write(.error(.staleConnection), connection, &turn) }
            forget(connection, reason, byPeer: byPeer, &turn)
        case .log(let line): turn.outputs.append(.log(line))
        // What is learned of the peer's cluster is acted on between the groups and the plain interest.
        case .dial, .abandonDial, .gossip, .learned, .forgotten: break
        }
    }

    /// Groups, then the remotes that this server knows, then plain interest.
    private mutating func openInbound(_ connection: ConnectionID, _ info: ServerInfo, _ turn: inout Turn) {
        let cluster = info.gateway ?? info.server.cluster
        var found: [Output] = []
        server.open(
            connection, kind: .inboundGateway, peer: ServerIdentity(name: info.server.name, cluster: cluster),
            into: &found)
        let start = found.firstIndex { $0.operation == .allSubscriptionsStart } ?? found.endIndex
        write(Array(found[..<start]), &turn)
        learnGateway(cluster, info.urls, &turn)
        for (name, outbound) in outbounds.sorted(by: { $0.key < $1.key }) where name != cluster {
            let urls = outbound.dialer.urls
            if !urls.isEmpty { gossip(name, urls, to: connection, &turn) }
        }
        write(Array(found[start...]), &turn)
    }

    // MARK: The cluster's URLs

    mutating func addGatewayURL(_ url: String, _ turn: inout Turn) {
        guard configuration.gateway != nil else { return }
        gatewayURLs[url, default: 0] += 1
        if gatewayURLs[url] == 1 { tellInbound(&turn) }
    }

    mutating func removeGatewayURL(_ url: String, _ turn: inout Turn) {
        guard isRunning, let count = gatewayURLs[url] else { return }
        gatewayURLs[url] = count > 1 ? count - 1 : nil
        if count == 1 { tellInbound(&turn) }
    }

    private mutating func tellInbound(_ turn: inout Turn) {
        guard let info = gatewayInfo else { return }
        for connection in links.keys.sorted() {
            guard case .inbound(let machine) = links[connection], machine.state == .registered else { continue }
            write(.info(info), connection, &turn)
        }
    }
}
