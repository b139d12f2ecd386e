import EventKernel

/// One end of the connection between two servers of a cluster (nats-server v2.9.10 server/route.go createRoute,
/// processRouteConnect, processRouteInfo).
///
/// Both ends send INFO at once, the dialer CONNECT before it. Nothing bounds the wait for them but the pings. From
/// 2.10.0 real servers pool three connections, of which one account uses always
/// the same one; here one stands for all.
struct RouteConnection: Sendable {
    /// Where the connection stands.
    enum State: Hashable, Sendable {
        case idle, awaitInfo
        /// The peer is introduced, the process decides.
        case introduced
        case registered, closed
    }

    let own: ServerInfo
    /// Whether this end dials again when the connection is lost: it dialled, or closed a connection of its own to
    /// the same server in favour of this one.
    private(set) var isSolicited: Bool
    /// Its URL is configured.
    private(set) var isExplicit: Bool
    /// What to dial to reach the peer; of an accepted connection what its INFO says.
    private(set) var url: String?
    /// A second connection to the peer was closed in favour of this one, so the peer may have done the opposite.
    private(set) var hadDuplicate = false
    private(set) var state = State.idle
    /// The peer's first INFO.
    private(set) var peer: ServerInfo?
    /// When messages or interest last went over it in either direction.
    var lastActivity = SimTime.start

    private let pingsWhenBusy: Bool
    private var lastPeerPing: SimTime?
    private var isMeasured = false
    private var pings: PingMonitor

    /// - Parameter url: the URL that was dialled; `nil` for an accepted connection.
    init(
        own: ServerInfo, dialled url: String?, isExplicit: Bool = false,
        parameters: ServerParameters = ServerParameters(), version: ServerVersion = .v2_9_10
    ) {
        self.own = own
        self.url = url
        self.isSolicited = url != nil
        self.isExplicit = isExplicit
        self.pingsWhenBusy = version.behaviour.pingsBusyRoutes
        self.pings = PingMonitor(onRoutes: parameters, version.behaviour)
    }

    /// Whether this end dials again after a loss.
    var dialsAgain: Bool { isSolicited || hadDuplicate }

    /// TCP is up.
    mutating func open(draw: () -> UInt64, into outputs: inout [RouteOutput]) {
        precondition(state == .idle, "a connection is opened once")
        state = .awaitInfo
        outputs.append(.arm(.ping, pings.begin(draw: draw)))
        if isSolicited { outputs.append(.send(.connect(ConnectOptions(cluster: own.server.cluster)))) }
        outputs.append(.send(.info(own)))
        outputs.append(.log("Route connection created"))
    }

    /// A second connection to the same server is closed in favour of this one. If this end dialled it, this one is
    /// dialled again in its stead when it is lost.
    mutating func supersede(_ duplicate: RouteConnection) {
        hadDuplicate = true
        guard duplicate.isSolicited else { return }
        isSolicited = true
        isExplicit = duplicate.isExplicit
        url = duplicate.url
    }

    /// Takes one input and appends what to do, in order.
    mutating func handle(_ input: RouteInput, at now: SimTime, into outputs: inout [RouteOutput]) {
        guard state != .idle, state != .closed else { return }
        switch input {
        case .timerFired(let timer):
            if timer == .ping { tick(now, &outputs) }
        case .connectReceived(let options): receive(options, &outputs)
        case .infoReceived(let info): receive(info, &outputs)
        case .admitted:
            if state == .introduced { state = .registered }
        case .refused:
            if state == .introduced { close(.duplicateRoute, &outputs) }
        case .pingReceived:
            lastPeerPing = now
            outputs.append(.send(.pong))
        case .pongReceived:
            isMeasured = true
            pings.pongReceived()
        case .errorReceived(let text):
            outputs.append(.log("Route Error '\(text)'"))
            close(.parseError, &outputs)
        case .closed(let reason): close(reason, &outputs)
        case .stopped: close(.serverShutdown, &outputs)
        }
    }

    private mutating func receive(_ options: ConnectOptions, _ outputs: inout [RouteOutput]) {
        guard state == .awaitInfo, !isSolicited else { return }
        if let gateway = options.gateway {
            let line = "Rejecting connection from gateway \"\(gateway)\" on the Route port"
            reject(.wrongGateway, .wrongGateway, line, "wrong gateway", &outputs)
        } else if let cluster = options.cluster {
            if cluster == own.server.cluster { return }
            let line = "Rejecting connection, cluster name \"\(cluster)\" does not match \"\(own.server.cluster)\""
            let after = "cluster name from remote server conflicts"
            reject(.clusterNameConflict, .clusterNameConflict, line, after, &outputs)
        } else {
            let line = "attempted to connect to route port"
            reject(.wrongPort, .wrongPort, line, line, &outputs)
        }
    }

    private mutating func reject(
        _ error: ProtocolError, _ reason: CloseReason, _ before: String, _ after: String,
        _ outputs: inout [RouteOutput]
    ) {
        outputs.append(.log(before))
        outputs.append(.send(.error(error)))
        close(reason, &outputs)
        outputs.append(.log(after))
    }

    private mutating func receive(_ info: ServerInfo, _ outputs: inout [RouteOutput]) {
        if info.id == own.id {
            peer = info
            return close(.duplicateRoute, &outputs)
        }
        // What gossip tells about another cluster carries no cluster name.
        if !info.server.cluster.isEmpty && info.server.cluster != own.server.cluster {
            return close(.clusterNameConflict, &outputs)
        }
        if state == .registered {
            if info.gateway != nil {
                outputs.append(.learnedGateway(info))
            } else if info.id != peer?.id {
                outputs.append(.learned(info))
            }
            return
        }
        guard state == .awaitInfo else { return }
        if !isSolicited && info.server.name == own.server.name {
            outputs.append(.log("Remote server has a duplicate name: \"\(info.server.name)\""))
            return close(.duplicateServerName, &outputs)
        }
        peer = info
        if url == nil { url = info.routeURL }
        state = .introduced
        outputs.append(.introduced(info))
    }

    private mutating func tick(_ now: SimTime, _ outputs: inout [RouteOutput]) {
        if pingsWhenBusy || !isMeasured || !isBusy(now) {
            switch pings.tick() {
            case .ping: outputs.append(.send(.ping))
            case .stale: return close(.staleConnection, &outputs)
            }
        }
        outputs.append(.arm(.ping, pings.interval))
    }

    private func isBusy(_ now: SimTime) -> Bool {
        if now - lastActivity < pings.interval { return true }
        return lastPeerPing.map { now - $0 < pings.interval } ?? false
    }

    private mutating func close(_ reason: CloseReason, _ outputs: inout [RouteOutput]) {
        state = .closed
        outputs.append(.disarm(.ping))
        outputs.append(.closed(reason))
        outputs.append(.log("Router connection closed: \(reason.rawValue)"))
    }
}

extension PingMonitor {
    /// Pings on routes: the first soon after TCP is up, then each 2 min, from 2.10.0 each 30 s.
    init(onRoutes parameters: ServerParameters, _ behaviour: ServerBehaviour) {
        interval = min(parameters.routePingInterval, behaviour.routePingLimit)
        maximum = parameters.pingMaximum
        first = parameters.firstPing
        firstJitter = parameters.firstPingJitter
    }
}
