public import EventKernel

/// A whole nats-server: the routing rules of `Server`, and all that brings its connections up and down.
///
/// A state machine without input, output, clock or random numbers: the surroundings say what happened and do what
/// it asks. Whoever kills it drops the value and tells the other ends; whoever restarts it makes a new one.
///
/// Left out: pings to clients, `connect_urls`, authentication, TLS; of pooled routes (2.10.0) there is one.
public struct ServerProcess: Sendable {
    public let configuration: ServerConfiguration
    public let version: ServerVersion
    /// The routing rules and what they know.
    public internal(set) var server: Server

    /// Between start and exit.
    public internal(set) var isRunning = false
    /// In lame duck mode: no new clients.
    public internal(set) var isLameDuck = false

    let parameters: ServerParameters
    /// `server_id`.
    var id: UInt64 = 0
    var links: [ConnectionID: Link] = [:]
    /// Remote clusters, configured and learned, by name.
    var outbounds: [String: Outbound] = [:]
    /// Attempts to bring up routes, by number.
    var routeTasks: [Int32: RouteTask] = [:]
    /// Registered routes by the `server_id` of the other end.
    var routesByID: [UInt64: ConnectionID] = [:]
    /// Gateway URLs of the cluster's servers, each with the number of servers that have it.
    var gatewayURLs: [String: Int] = [:]
    var dials: [DialID: DialPurpose] = [:]
    var timers: [TimerID: TimerPurpose] = [:]
    var timerIDs: [TimerPurpose: TimerID] = [:]
    /// When the last ping went out.
    var pingTimes: [ConnectionID: SimTime] = [:]
    /// Clients that lame duck mode closes, the last first.
    var leavingClients: [ConnectionID] = []
    var leavingInterval = SimDuration.zero
    /// The grace period is over.
    var isClosingClients = false
    var lastDial: Int32 = 0
    var lastTimer: Int32 = 0
    var lastRouteTask: Int32 = 0
    /// Moves with each `markChange`.
    var mark = 0

    /// What a connection is to this process.
    enum Link: Sendable {
        case client(ClientLink)
        case route(RouteLink)
        case inbound(InboundGateway)
        /// The remote's name.
        case outbound(String)
    }

    struct ClientLink: Sendable {
        var hasConnected = false
        /// Registered: INFO may follow at any time.
        var hasPinged = false
    }

    struct RouteLink: Sendable {
        var machine: RouteConnection
        /// `mark` when its dial began; `nil` for an accepted one.
        var mark: Int?
        /// It has lasted until the first answer to a ping.
        var isProven = false
    }

    struct Outbound: Sendable {
        var dialer: GatewayDialer
        var connection: ConnectionID?
        var dial: DialID?
        /// The URL dialled last, and `mark` at that moment.
        var url = ""
        var mark = 0
        /// URLs that led nowhere since the last mark or proof.
        var failed: Set<String> = []
        /// The other end told its interest.
        var isProven = false
    }

    struct RouteTask: Sendable {
        var dialer: RouteDialer
        var dial: DialID?
        var mark = 0
        var hasFailed = false
    }

    enum DialPurpose: Hashable, Sendable {
        case gateway(String)
        case route(Int32)
    }

    enum TimerPurpose: Hashable, Sendable {
        case outbound(String, GatewayTimer)
        case inbound(ConnectionID, GatewayTimer)
        case routeTask(Int32, RouteTimer)
        case route(ConnectionID, RouteTimer)
        case lameDuck
    }

    /// What one call of `handle` works with.
    struct Turn {
        let now: SimTime
        let subjects: SubjectTable
        let draw: () -> UInt64
        var outputs: [ProcessOutput]
    }

    public init(
        _ configuration: ServerConfiguration, parameters: ServerParameters = ServerParameters(),
        version: ServerVersion = .v2_9_10
    ) {
        self.configuration = configuration
        self.version = version
        self.parameters = parameters
        self.server = Server(name: configuration.name, cluster: configuration.clusterName, version: version)
    }

    /// Takes one input and appends what to do, in order. Inputs about connections, dials and timers that the
    /// process has done with are ignored.
    /// - Parameters:
    ///   - now: when it happened; never goes back.
    ///   - subjects: the table in which all ids of operations were interned.
    ///   - draw: 64 uniform bits at each call.
    public mutating func handle(
        _ input: ProcessInput, at now: SimTime, in subjects: SubjectTable, draw: () -> UInt64,
        into outputs: inout [ProcessOutput]
    ) {
        withoutActuallyEscaping(draw) { draw in
            var turn = Turn(now: now, subjects: subjects, draw: draw, outputs: [])
            swap(&turn.outputs, &outputs)
            take(input, &turn)
            swap(&turn.outputs, &outputs)
        }
    }

    private mutating func take(_ input: ProcessInput, _ turn: inout Turn) {
        if case .start = input { return start(&turn) }
        guard isRunning else {
            if case .accepted(let connection, _) = input { turn.outputs.append(.close(connection, .serverShutdown)) }
            return
        }
        switch input {
        case .start: break
        case .accepted(let connection, let port): accept(connection, port, &turn)
        case .dialSucceeded(let dial, let connection): succeed(dial, connection, &turn)
        case .dialFailed(let dial, let failure): fail(dial, failure, &turn)
        case .received(let connection, let operation): receive(operation, connection, &turn)
        case .closed(let connection, let reason): lose(connection, reason, &turn)
        case .timerFired(let timer): fire(timer, &turn)
        case .lameDuck: becomeLameDuck(&turn)
        case .stop: stop(&turn)
        }
    }

    private mutating func start(_ turn: inout Turn) {
        precondition(!isRunning && id == 0, "a process is started once")
        isRunning = true
        id = turn.draw() | 1
        if let gateway = configuration.gateway {
            gatewayURLs[gateway.url] = 1
            turn.outputs.append(.log("Gateway name is \(gateway.name)"))
            turn.outputs.append(.log("Address for gateway \"\(gateway.name)\" is \(gateway.url)"))
            for remote in gateway.remotes where remote.name != gateway.name {
                outbounds[remote.name] = Outbound(dialer: makeDialer(remote.name, remote.urls, isImplicit: false))
            }
            for name in outbounds.keys.sorted() { drive(remote: name, .start, &turn) }
        }
        turn.outputs.append(.log("Server is ready"))
        for url in configuration.routes { dialRoute(url, isExplicit: true, isReconnect: false, &turn) }
    }

    private mutating func accept(_ connection: ConnectionID, _ port: ListenPort, _ turn: inout Turn) {
        precondition(links[connection] == nil, "a connection is accepted once")
        guard isListening(on: port) else { return turn.outputs.append(.close(connection, .serverShutdown)) }
        switch port {
        case .client:
            links[connection] = .client(ClientLink())
            var found: [Output] = []
            server.open(connection, kind: .client, into: &found)
            write(found, &turn)
            write(.info(clientInfo), connection, &turn)
        case .route: openRoute(connection, task: nil, &turn)
        case .gateway:
            guard let own = gatewayInfo, let gateway = configuration.gateway else { return }
            links[connection] = .inbound(
                InboundGateway(own: own, rejectsUnknown: gateway.rejectsUnknown, parameters: parameters))
            drive(inbound: connection, .accepted, &turn)
        }
    }

    private mutating func succeed(_ dial: DialID, _ connection: ConnectionID, _ turn: inout Turn) {
        switch dials.removeValue(forKey: dial) {
        case .gateway(let name):
            links[connection] = .outbound(name)
            outbounds[name]?.connection = connection
            outbounds[name]?.dial = nil
            drive(remote: name, .dialSucceeded, &turn)
        case .route(let task):
            var outputs: [RouteOutput] = []
            routeTasks[task]?.dialer.dialSucceeded(into: &outputs)
            openRoute(connection, task: task, &turn)
            perform(outputs, task: task, &turn)
        case nil:
            // Given up in the meantime.
            turn.outputs.append(.close(connection, .clientClosed))
        }
    }

    private mutating func fail(_ dial: DialID, _ failure: DialFailure, _ turn: inout Turn) {
        switch dials.removeValue(forKey: dial) {
        case .gateway(let name):
            noteFailure(of: name)
            drive(remote: name, .dialFailed(failure), &turn)
        case .route(let task):
            noteFailure(ofTask: task)
            var outputs: [RouteOutput] = []
            routeTasks[task]?.dialer.dialFailed(failure, into: &outputs)
            perform(outputs, task: task, &turn)
        case nil: break
        }
    }

    private mutating func receive(_ operation: Operation, _ connection: ConnectionID, _ turn: inout Turn) {
        switch links[connection] {
        case .client(let link): receive(operation, from: connection, link, &turn)
        case .route: receive(operation, onRoute: connection, &turn)
        case .inbound: receive(operation, onInbound: connection, &turn)
        case .outbound(let name): receive(operation, onOutbound: connection, name, &turn)
        case nil: break
        }
    }

    private mutating func lose(_ connection: ConnectionID, _ reason: CloseReason, _ turn: inout Turn) {
        switch links[connection] {
        case .client: dropClient(connection, &turn)
        case .route: drive(route: connection, .closed(reason), byPeer: true, &turn)
        case .inbound: drive(inbound: connection, .closed(reason), byPeer: true, &turn)
        case .outbound(let name): drive(remote: name, .closed(reason), byPeer: true, &turn)
        case nil: break
        }
    }

    private mutating func fire(_ timer: TimerID, _ turn: inout Turn) {
        guard let purpose = timers.removeValue(forKey: timer) else { return }
        timerIDs[purpose] = nil
        switch purpose {
        case .outbound(let name, let timer): drive(remote: name, .timerFired(timer), &turn)
        case .inbound(let connection, let timer): drive(inbound: connection, .timerFired(timer), &turn)
        case .routeTask(let task, let timer):
            var outputs: [RouteOutput] = []
            routeTasks[task]?.dialer.timerFired(timer, into: &outputs)
            perform(outputs, task: task, &turn)
        case .route(let connection, let timer): drive(route: connection, .timerFired(timer), &turn)
        case .lameDuck: closeNextClient(&turn)
        }
    }
}
