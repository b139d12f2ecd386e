public import EventKernel
public import NATSModel

/// Where routing cases run: the model, or real servers.
///
/// A runner boots a topology, performs actions, settles, and takes what was received. Nothing that a back end does
/// depends on what a case expects.
public protocol RoutingBackend {
    /// For reports: `model of nats-server 2.9.10`, `nats-server 2.9.10`.
    var name: String { get }
    var version: ServerVersion { get }

    /// Starts the servers that start at once and returns when they are settled.
    mutating func boot(_ topology: Topology) throws
    /// Does something and returns without waiting for what it leads to.
    mutating func perform(_ action: Action, message: MessageNumber) throws
    /// Returns once nothing moves any more: all interest has spread, all messages have arrived, all connections
    /// that can come up are up.
    ///
    /// - Throws: `UnsettledError` when that does not happen within the back end's bound.
    mutating func settle() throws
    /// Lets time pass.
    mutating func wait(_ duration: SimDuration) throws
    /// Waits until `check` holds, or until the time is over.
    mutating func hold(_ check: StateCheck, within: SimDuration) throws -> [StateDifference]
    /// What was received since the last call, in order for each client.
    mutating func takeReceptions() throws -> [Reception]
    /// Copies of messages that servers wrote to gateway connections since the last call, without the back end's own.
    mutating func takeCrossings() throws -> Int
    /// Ends all servers and frees what the back end holds. Called once, also after an error.
    mutating func shutDown()
}

/// A model that runs beside real servers and says what their connections and interest will come to.
///
/// It is told of every connection, subscription and fault, and, of messages, only of those of the back end itself.
/// Messages of a case change no interest (a subscription that reaches its maximum is told as `unsubscribe`), and
/// which member of a queue group gets one is drawn at random: the model and the servers would not draw the same.
public protocol ShadowModel: RoutingBackend {
    /// The model's clock. How far it moves in `settle` is time that servers may take as well.
    var now: SimTime { get }
    /// By name in the case, for each running server: what its monitoring shows at this moment.
    func views() -> [String: ServerView]
}

/// The first of the numbers that identify an action's messages; message k of it is `rawValue + k`. Dense from 0 in
/// a case, over all publishers.
public struct MessageNumber: Hashable, Comparable, Sendable {
    public var rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }
    public static func < (left: MessageNumber, right: MessageNumber) -> Bool { left.rawValue < right.rawValue }
}

/// One message that a client received.
public struct Reception: Hashable, Sendable {
    /// What the payload says.
    public enum Content: Hashable, Sendable {
        case message(MessageNumber)
        /// The answer that `responder` published to that message.
        case answer(to: MessageNumber, responder: String)
        /// The header-only 503.
        case noResponders(MessageNumber)
    }

    public var client: String
    /// The label of the subscription; `inbox` for that of a request.
    public var label: String
    public var subject: String
    /// The reply subject as the client saw it.
    public var reply: String?
    public var hasHeaders: Bool
    public var content: Content

    public init(
        client: String, label: String, subject: String, reply: String? = nil, hasHeaders: Bool = false,
        content: Content
    ) {
        self.client = client
        self.label = label
        self.subject = subject
        self.reply = reply
        self.hasHeaders = hasHeaders
        self.content = content
    }
}

/// A connection that a check wants and the servers lack, or the other way round.
public struct StateDifference: Hashable, Sendable, CustomStringConvertible {
    public var server: String
    /// `gateways`, `routes` or `inbound`.
    public var what: String
    public var expected: String
    public var seen: String

    public init(server: String, what: String, expected: String, seen: String) {
        self.server = server
        self.what = what
        self.expected = expected
        self.seen = seen
    }

    public var description: String { "\(server): \(what) expected \(expected), seen \(seen)" }
}

/// The servers did not come to rest.
public struct UnsettledError: Error, Hashable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// The connections and interest that a server has at one moment: what monitoring shows of a real one.
public struct ServerView: Hashable, Sendable {
    /// Remote clusters with a registered outbound connection, by name: how many entries of interest are known there.
    public var outbound: [String: Int]
    /// Registered inbound gateway connections, by cluster.
    public var inbound: [String: Int]
    /// Servers of its own cluster that it has a route to, by name in the case, sorted.
    public var routes: [String]
    /// Subscriptions of its clients, and entries of interest that routes told: `subsz` of a real server.
    public var subscriptions: Int

    public init(
        outbound: [String: Int] = [:], inbound: [String: Int] = [:], routes: [String] = [], subscriptions: Int = 0
    ) {
        self.outbound = outbound
        self.inbound = inbound
        self.routes = routes
        self.subscriptions = subscriptions
    }
}
