public import EventKernel

/// The configuration of one server. URLs are opaque: whoever runs the process knows what they lead to.
public struct ServerConfiguration: Hashable, Sendable {
    /// `server_name`.
    public var name: String
    /// `cluster.name`; empty: the gateway's name. (Names that servers agree on among themselves are not modelled.)
    public var cluster: String
    /// What its route INFO tells others to dial.
    public var routeURL: String
    /// `cluster.routes`.
    public var routes: [String]
    /// `cluster.connect_retries`, for implicit routes.
    public var routeConnectRetries: Int
    /// `nil`: no gateway block.
    public var gateway: GatewayConfiguration?
    /// `lame_duck_grace_period`: from the signal to the first client that is closed.
    public var lameDuckGrace: SimDuration
    /// `lame_duck_duration`: from the signal to the end, at most.
    public var lameDuckDuration: SimDuration

    public init(
        name: String, cluster: String, routeURL: String, routes: [String] = [], routeConnectRetries: Int = 0,
        gateway: GatewayConfiguration? = nil, lameDuckGrace: SimDuration = .seconds(10),
        lameDuckDuration: SimDuration = .seconds(120)
    ) {
        self.name = name
        self.cluster = cluster
        self.routeURL = routeURL
        self.routes = routes
        self.routeConnectRetries = routeConnectRetries
        self.gateway = gateway
        self.lameDuckGrace = lameDuckGrace
        self.lameDuckDuration = lameDuckDuration
    }
}

/// A `gateway` block.
public struct GatewayConfiguration: Hashable, Sendable {
    /// `gateway.name`.
    public var name: String
    /// The listen address, or `gateway.advertise`.
    public var url: String
    public var remotes: [Remote]
    /// `gateway.reject_unknown_cluster`.
    public var rejectsUnknown: Bool
    /// `gateway.connect_retries`, for implicit remotes.
    public var connectRetries: Int

    /// One entry of `gateway.gateways`.
    public struct Remote: Hashable, Sendable {
        public var name: String
        public var urls: [String]

        public init(name: String, urls: [String]) {
            self.name = name
            self.urls = urls
        }
    }

    public init(
        name: String, url: String, remotes: [Remote] = [], rejectsUnknown: Bool = false, connectRetries: Int = 0
    ) {
        self.name = name
        self.url = url
        self.remotes = remotes
        self.rejectsUnknown = rejectsUnknown
        self.connectRetries = connectRetries
    }
}

/// The listeners of a server.
public enum ListenPort: UInt8, CaseIterable, Hashable, Sendable {
    case client, route, gateway
}

/// A TCP connect that a process asked for, numbered by the process; never used again.
public struct DialID: Hashable, Comparable, Sendable {
    public var rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static func < (left: DialID, right: DialID) -> Bool { left.rawValue < right.rawValue }
}

/// A timer of a process, numbered by it. Arming it again moves it.
public struct TimerID: Hashable, Comparable, Sendable {
    public var rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static func < (left: TimerID, right: TimerID) -> Bool { left.rawValue < right.rawValue }
}

/// What happens to a process.
public enum ProcessInput: Hashable, Sendable {
    /// The process starts, with its listeners up. A value takes this once; a restart is a new value.
    case start
    /// TCP is up on a listener; the surroundings number the connection.
    case accepted(ConnectionID, ListenPort)
    case dialSucceeded(DialID, ConnectionID)
    case dialFailed(DialID, DialFailure)
    case received(ConnectionID, Operation)
    /// The other end's FIN or RST arrived.
    case closed(ConnectionID, CloseReason)
    case timerFired(TimerID)
    /// `nats-server --signal ldm`.
    case lameDuck
    /// A clean shutdown: every connection is closed.
    case stop
}

/// What a process asks of its surroundings.
public enum ProcessOutput: Hashable, Sendable {
    case dial(DialID, url: String)
    case abandonDial(DialID)
    case send(ConnectionID, Operation)
    /// What was sent before still goes out. Not asked for connections that the other end closed.
    case close(ConnectionID, CloseReason)
    case arm(TimerID, SimDuration)
    case disarm(TimerID)
    case log(String)
    /// The process is gone; nothing reaches it any more.
    case exited
}
