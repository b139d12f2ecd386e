/// Where a message came into the server.
public enum SourceKind: Hashable, Sendable {
    /// A client that gets its own messages back.
    case client
    /// A client that connected with `echo: false`: its own subscriptions are skipped.
    case clientWithoutEcho(ConnectionID)
    /// A server of the same cluster.
    case route(QueueFilter)
    /// A server of another cluster.
    case gateway(QueueFilter)
    /// The answer to a mapped request, at the server that the requester is connected to. It came from the server of
    /// the cluster that got it by gateway, or by gateway directly; it goes to all that a client's message goes to.
    case answer(isFromRoute: Bool)
}

/// The queue groups that a routed message may be given to.
public enum QueueFilter: Hashable, Sendable {
    /// Every group: a table compiled once, which the reader narrows to the list that each message carries.
    case all
    /// The groups that the message lists.
    case listed([QueueID])
}

/// All that a server does with a message on one subject, before any draw: the table behind a plan.
///
/// Lists are sorted (connection, then sid; groups by id; gateways by round trip), so equal interest gives equal
/// values whatever its history.
public struct Forwarding: Hashable, Sendable {
    /// One subscription of a client of this server.
    @frozen
    public struct Local: Hashable, Comparable, Sendable, BitwiseCopyable {
        public var connection: ConnectionID
        public var sid: Int32

        @inlinable
        public init(connection: ConnectionID, sid: Int32) {
            self.connection = connection
            self.sid = sid
        }

        @inlinable
        public static func < (left: Local, right: Local) -> Bool {
            left.connection == right.connection ? left.sid < right.sid : left.connection < right.connection
        }
    }

    /// One possible receiver of a queue group's copy.
    @frozen
    public struct Candidate: Hashable, Sendable, BitwiseCopyable {
        public var connection: ConnectionID
        /// The local member's sid; `nil` when `connection` is a route.
        public var sid: Int32?
        /// Its share of the draws: 1 for a local member and the number of members for a route, and in addition
        /// those of the members in front of it that may not get the message.
        public var weight: Int32

        @inlinable
        public init(connection: ConnectionID, sid: Int32?, weight: Int32) {
            self.connection = connection
            self.sid = sid
            self.weight = weight
        }
    }

    /// A queue group: exactly one of its candidates gets the message.
    @frozen
    public struct Group: Hashable, Sendable, BitwiseCopyable {
        public var queue: QueueID
        /// Range in `candidates`.
        public var first: Int32
        public var count: Int32
        /// Sum of the candidates' weights.
        public var weight: Int32

        @inlinable
        public init(queue: QueueID, first: Int32, count: Int32, weight: Int32) {
            self.queue = queue
            self.first = first
            self.count = count
            self.weight = weight
        }
    }

    /// A route that gets one copy if `plain`, or if a group's draw falls on it.
    @frozen
    public struct Route: Hashable, Sendable, BitwiseCopyable {
        public var connection: ConnectionID
        public var plain: Bool

        @inlinable
        public init(connection: ConnectionID, plain: Bool) {
            self.connection = connection
            self.plain = plain
        }
    }

    /// An outbound gateway connection that gets one copy with the list of groups to serve there.
    public struct Gateway: Hashable, Sendable {
        public var connection: ConnectionID
        public var plain: Bool
        public var queues: [QueueID]

        public init(connection: ConnectionID, plain: Bool, queues: [QueueID]) {
            self.connection = connection
            self.plain = plain
            self.queues = queues
        }
    }

    /// Plain subscriptions of clients of this server: one copy each.
    public var locals: [Local] = []
    public var groups: [Group] = []
    public var candidates: [Candidate] = []
    /// Every route that can get a copy, each once.
    public var routes: [Route] = []
    public var gateways: [Gateway] = []

    public init() {}

    public var isEmpty: Bool { locals.isEmpty && groups.isEmpty && routes.isEmpty && gateways.isEmpty }

    /// The members of a group, local ones first.
    public func candidates(of group: Group) -> ArraySlice<Candidate> {
        candidates[Int(group.first)..<Int(group.first + group.count)]
    }

    /// The member of `group` for one message: uniform over members when `draw` is uniform over 64 bits.
    ///
    /// Local members are not preferred over routed ones (nats-server v2.9.10 server/client.go processMsgResults).
    public func pick(_ group: Group, draw: UInt64) -> Candidate {
        if group.count == 1 { return candidates[Int(group.first)] }
        var rest = Int32(UInt64(group.weight).multipliedFullWidth(by: draw).high)
        for candidate in candidates(of: group) {
            if rest < candidate.weight { return candidate }
            rest -= candidate.weight
        }
        preconditionFailure("the weights of a group add up to its weight")
    }
}
