/// A connection of one server, numbered by the caller; unique among all connections that the server ever has.
@frozen
public struct ConnectionID: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    public static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.rawValue < right.rawValue }
}

/// What is at the other end of a connection, seen from this server.
///
/// Messages leave on outbound and arrive on inbound gateway connections; interest travels the other way
/// (nats-server v2.9.10 server/gateway.go).
@frozen
public enum ConnectionKind: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case client, route, inboundGateway, outboundGateway
}

/// Who a server says it is in its INFO.
public struct ServerIdentity: Hashable, Sendable {
    /// `server_name`.
    public var name: String
    /// `cluster.name`, which equals the gateway name where a gateway is configured.
    public var cluster: String

    public init(name: String, cluster: String) {
        self.name = name
        self.cluster = cluster
    }
}

/// The fields of a CONNECT that change behaviour.
public struct ConnectOptions: Hashable, Sendable {
    /// The name of the sender's cluster when it opens a gateway connection.
    public var gateway: String?
    /// The name of the sender's cluster when it opens a route.
    public var cluster: String?
    /// Whether the client gets its own messages back.
    public var echo: Bool
    public var headers: Bool
    /// Whether a request that nobody can answer is answered with a 503; needs `headers`.
    public var noResponders: Bool

    public init(
        gateway: String? = nil, cluster: String? = nil, echo: Bool = true, headers: Bool = true,
        noResponders: Bool = false
    ) {
        self.gateway = gateway
        self.cluster = cluster
        self.echo = echo
        self.headers = headers
        self.noResponders = noResponders
    }
}

/// The fields of an INFO between servers.
public struct ServerInfo: Hashable, Sendable {
    public var server: ServerIdentity
    /// The gateway name; `nil` when the port is no gateway port.
    public var gateway: String?
    /// `host:port` of every server of the sender's cluster, as the sender knows them.
    public var urls: [String]
    /// `server_id`: drawn anew at each start of a process; 0 where no process draws one.
    public var id: UInt64
    /// On a route: what other servers of the cluster dial to reach the sender.
    public var routeURL: String?
    /// On a route: the sender's own gateway URL; `nil` without gateway block.
    public var gatewayURL: String?
    /// `gateway_cmd` 1: `gateway` and `urls` are about another cluster than the sender's.
    public var isGossip: Bool
    /// `ldm`: the sender is about to leave.
    public var isLameDuck: Bool

    public init(
        server: ServerIdentity, gateway: String?, urls: [String], id: UInt64 = 0, routeURL: String? = nil,
        gatewayURL: String? = nil, isGossip: Bool = false, isLameDuck: Bool = false
    ) {
        self.server = server
        self.gateway = gateway
        self.urls = urls
        self.id = id
        self.routeURL = routeURL
        self.gatewayURL = gatewayURL
        self.isGossip = isGossip
        self.isLameDuck = isLameDuck
    }
}

/// A message on its way, without its payload.
public struct Publish: Hashable, Sendable {
    public var subject: SubjectID
    public var reply: SubjectID?
    /// Bytes of headers and payload.
    public var size: Int32
    /// How many of them are headers.
    public var headerSize: Int32
    /// Identity of the message. The member of a queue group is drawn from it, so that the choice does not depend
    /// on what else the server did before.
    public var key: UInt64
    /// Between servers: the reply subject is `_GR_.<cluster>.<server>.<reply>`, and answers shall go there.
    public var replyOrigin: ReplyOrigin?
    /// Between servers: the subject is `_GR_.<cluster>.<server>.<subject>`, an answer on its way back.
    public var destination: ReplyOrigin?

    public init(
        subject: SubjectID, reply: SubjectID? = nil, size: Int32 = 0, key: UInt64 = 0, headerSize: Int32 = 0,
        replyOrigin: ReplyOrigin? = nil, destination: ReplyOrigin? = nil
    ) {
        self.subject = subject
        self.reply = reply
        self.size = size
        self.key = key
        self.headerSize = headerSize
        self.replyOrigin = replyOrigin
        self.destination = destination
    }

    /// Whether it is an HPUB, HMSG or routed HMSG.
    public var hasHeaders: Bool { headerSize > 0 }

    /// What a client gets of it: the plain reply subject, and no headers if it does not support them.
    func seen(byClientWithHeaders supportsHeaders: Bool) -> Publish {
        let isBare = !supportsHeaders && hasHeaders
        return Publish(
            subject: subject, reply: reply, size: isBare ? size - headerSize : size, key: key,
            headerSize: isBare ? 0 : headerSize)
    }
}

/// Why a server sends `-ERR`, or closes a connection.
@frozen
public enum ProtocolError: UInt8, Sendable, BitwiseCopyable {
    /// SUB on something that is no subject.
    case invalidSubject
    /// An operation that this kind of connection may not carry.
    case unknownOperation
    /// Sent by a dialer that found another cluster than it wanted, and by an acceptor that rejects the dialer.
    case wrongGateway
    /// PUB of more than `Server.maximumPayload` bytes.
    case maximumPayload
    /// PUB on a subject that only servers use (`_GR_.`).
    case publishPermission
    /// PUB with a reply subject that only servers use (`_GR_.`, `_R_.`, `$JS.ACK.`).
    case replyPermission
    /// HPUB by a client that connected without headers. A real server closes without a word.
    case headersNotSupported
    /// CONNECT that wants 503 messages without supporting headers.
    case noRespondersRequiresHeaders
    /// The connection leads to a listener of another kind.
    case wrongPort
    /// A route from a server of another cluster.
    case clusterNameConflict
    /// Too many pings were not answered.
    case staleConnection

    /// Whether the server closes the connection after it; else the operation is dropped and the connection lives.
    public var closesConnection: Bool {
        switch self {
        case .invalidSubject, .publishPermission, .replyPermission: false
        case .unknownOperation, .wrongGateway, .maximumPayload, .headersNotSupported, .noRespondersRequiresHeaders,
            .wrongPort, .clusterNameConflict, .staleConnection:
            true
        }
    }
}

/// What travels on a connection, in the words of the NATS protocol.
public enum Operation: Hashable, Sendable {
    case info(ServerInfo)
    case connect(ConnectOptions)
    case ping
    case pong
    /// SUB of a client. A `sid` already in use is ignored.
    case subscribe(sid: Int32, subject: SubjectID, queue: QueueID?)
    /// UNSUB of a client; with `maximum`, once that many messages were delivered in all.
    case unsubscribe(sid: Int32, maximum: Int32?)
    /// PUB or HPUB of a client.
    case publish(Publish)
    /// MSG or HMSG to a client.
    case message(Publish, sid: Int32)
    /// The header-only `503` that answers a request without responders.
    case noResponders(subject: SubjectID, sid: Int32)
    /// RS+: on a route with the number of local members for a queue group; on a gateway the weight is always 1.
    case remoteSubscribe(subject: SubjectID, queue: QueueID?, weight: Int32)
    /// RS-.
    case remoteUnsubscribe(subject: SubjectID, queue: QueueID?)
    /// RMSG or HMSG between servers: one copy for all plain subscribers and the listed queue groups behind it.
    case routed(Publish, queues: [QueueID])
    /// INFO with gateway command 2: the plain subscriptions follow.
    case allSubscriptionsStart
    /// INFO with gateway command 3: they are complete.
    case allSubscriptionsComplete
    case error(ProtocolError)
}

/// One operation that a server writes to one of its connections.
public struct Output: Hashable, Sendable {
    public var connection: ConnectionID
    public var operation: Operation

    public init(connection: ConnectionID, operation: Operation) {
        self.connection = connection
        self.operation = operation
    }
}
