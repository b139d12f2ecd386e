import EventKernel

/// The timers of a route. A machine has at most one of each kind running.
enum RouteTimer: UInt8, CaseIterable, Hashable, Sendable, BitwiseCopyable {
    /// Bound on one TCP connect.
    case dial
    /// Pause after a dial failed.
    case pause
    /// Pause after a route closed.
    case reconnect
    /// Next ping.
    case ping
}

/// What a route machine asks of its surroundings.
enum RouteOutput: Hashable, Sendable {
    /// Start a TCP connect to `RouteDialer.url`.
    case dial
    /// Give up the TCP connect under way.
    case abandonDial
    case send(Operation)
    /// (Re)start a timer.
    case arm(RouteTimer, SimDuration)
    case disarm(RouteTimer)
    /// The handshake is complete: answer with `RouteInput.admitted` or `.refused`, by whether there is a route to
    /// this server already.
    case introduced(ServerInfo)
    /// A peer told of another server of the cluster.
    case learned(ServerInfo)
    /// A peer told of another cluster.
    case learnedGateway(ServerInfo)
    case closed(CloseReason)
    /// The dialer has nothing more to do.
    case finished
    /// A line of the server's log.
    case log(String)
}

/// What happens to a route at either end.
enum RouteInput: Hashable, Sendable {
    case timerFired(RouteTimer)
    case connectReceived(ConnectOptions)
    case infoReceived(ServerInfo)
    /// The introduced server is registered.
    case admitted
    /// There is a route to the introduced server already.
    case refused
    case pingReceived
    case pongReceived
    /// `-ERR`, with its text.
    case errorReceived(String)
    /// TCP was closed or reset by the other end.
    case closed(CloseReason)
    /// This process ends.
    case stopped
}

/// One attempt to bring up a route: dials its URL until TCP is up (nats-server v2.9.10 server/route.go
/// connectToRoute, reConnectToRoute). Explicit routes are dialled for ever, implicit ones `connect_retries` + 1
/// times. What follows on the connection is `RouteConnection`'s business.
struct RouteDialer: Sendable {
    /// Where the dialer stands.
    enum State: Hashable, Sendable {
        case reconnectWait
        /// Attempts count from 1.
        case dialling(attempt: Int)
        case pause(attempt: Int)
        case finished
    }

    let url: String
    /// Configured, not learned from other servers.
    let isExplicit: Bool
    /// After a route was closed, not at the first connect.
    let isReconnect: Bool
    private(set) var state = State.reconnectWait

    private let connectRetries: Int
    private let parameters: ServerParameters

    /// A first connect logs only its first failure and each of so many (server/const.go
    /// DEFAULT_CONNECT_ERROR_REPORTS).
    private static let firstConnectReports = 3_600

    init(
        url: String, isExplicit: Bool, isReconnect: Bool = false, connectRetries: Int = 0,
        parameters: ServerParameters = ServerParameters()
    ) {
        self.url = url
        self.isExplicit = isExplicit
        self.isReconnect = isReconnect
        self.connectRetries = connectRetries
        self.parameters = parameters
    }

    /// Dials at once, or after the pause of a reconnect: 1.0 to 1.1 s for an explicit route, up to 0.1 s for an
    /// implicit one.
    mutating func start(draw: () -> UInt64, into outputs: inout [RouteOutput]) {
        guard isReconnect else { return dial(1, &outputs) }
        let pause = isExplicit ? parameters.reconnectDelay : .zero
        outputs.append(.arm(.reconnect, pause + uniform(below: parameters.reconnectJitter, draw)))
    }

    /// A timer that was armed has fired.
    mutating func timerFired(_ timer: RouteTimer, into outputs: inout [RouteOutput]) {
        switch (timer, state) {
        case (.reconnect, .reconnectWait): dial(1, &outputs)
        case (.pause, .pause(let attempt)): dial(attempt + 1, &outputs)
        case (.dial, .dialling(let attempt)):
            outputs.append(.abandonDial)
            fail(attempt, "i/o timeout", &outputs)
        default: break
        }
    }

    /// TCP is up.
    mutating func dialSucceeded(into outputs: inout [RouteOutput]) {
        guard case .dialling = state else { return }
        outputs.append(.disarm(.dial))
        finish(&outputs)
    }

    /// The TCP connect was refused.
    mutating func dialFailed(_ failure: DialFailure, into outputs: inout [RouteOutput]) {
        guard case .dialling(let attempt) = state else { return }
        outputs.append(.disarm(.dial))
        fail(attempt, failure.rawValue, &outputs)
    }

    private mutating func dial(_ attempt: Int, _ outputs: inout [RouteOutput]) {
        state = .dialling(attempt: attempt)
        outputs.append(.dial)
        outputs.append(.arm(.dial, parameters.dialTimeout))
    }

    private mutating func fail(_ attempt: Int, _ reason: String, _ outputs: inout [RouteOutput]) {
        if isReconnect || attempt == 1 || attempt % Self.firstConnectReports == 0 {
            outputs.append(.log("Error trying to connect to route (attempt \(attempt)): dial tcp \(url): \(reason)"))
        }
        if !isExplicit && attempt > connectRetries { return finish(&outputs) }
        state = .pause(attempt: attempt)
        outputs.append(.arm(.pause, parameters.reconnectDelay))
    }

    private mutating func finish(_ outputs: inout [RouteOutput]) {
        state = .finished
        outputs.append(.finished)
    }
}
