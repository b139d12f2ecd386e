public import EventKernel

/// What the last operation may have changed about `Server.forwarding`.
public enum Change: Hashable, Sendable {
    case nothing
    /// Only subjects that match this pattern, whose first `scopeDepth` tokens are literal: `room.R.*` says that
    /// tables for subjects below `room.R` are out of date.
    case subject(SubjectID)
    /// Every subject; `epoch` has moved.
    case everything
}

/// The routing state of one nats-server process: subscriptions, what routes and gateways said they want, and the
/// rules by which messages are forwarded (one account, interest-only mode).
///
/// A server does no input or output and has no clock: each call takes an operation that arrived on a connection
/// and appends the operations to write. Connections are opened here once registered; handshakes are
/// `GatewayDialer`'s and `InboundGateway`'s business.
///
/// Rules from nats-server v2.9.10 (server/client.go, route.go, gateway.go), restated in `docs/models/nats.md`.
public struct Server: Sendable {
    public let identity: ServerIdentity
    public let version: ServerVersion
    /// Patterns with this many literal tokens in front are reported as `Change.subject`, others as `.everything`.
    public let scopeDepth: Int
    /// Moves with every change that can alter the forwarding of subjects in more than one scope.
    public private(set) var epoch: UInt32 = 0
    /// What the last call of `open`, `close`, `receive` or `setRoundTrip` changed.
    public internal(set) var lastChange = Change.nothing
    /// Operations that were refused; each was answered with `-ERR`.
    public internal(set) var protocolViolations: Int64 = 0
    /// Operations that came in on a connection already closed here.
    public internal(set) var ignoredOperations: Int64 = 0

    /// `max_payload`: bytes of headers and payload that a client may publish at once.
    public var maximumPayload: Int32 = 1_048_576
    /// Wrong rules that a test switched on.
    public var deviations: Deviation = [] {
        didSet { sublist.deviations = deviations }
    }

    /// What mapped replies call this server.
    let origin: ReplyOrigin
    var sublist = Sublist()
    var peers: [ConnectionID: Peer] = [:]
    /// Sorted.
    var routes: [ConnectionID] = []
    /// Sorted.
    var inboundGateways: [ConnectionID] = []
    /// In sending order: by round trip, then by id.
    var outboundGateways: [ConnectionID] = []
    let choiceKey: UInt64
    var replyMap = ReplyMap()
    let losesGroupTallies: Bool
    /// With `losesGroupTallies`: what the server believes to be the number of a group's members in the cluster.
    var groupTallies: [InterestKey: Int32] = [:]

    /// One subscription of a client.
    struct Subscription: Sendable {
        var subject: SubjectID
        var queue: QueueID?
        /// When it was made; replies are mapped for two seconds from then.
        var since: SimTime
        var maximum: Int32?
        var delivered: Int32 = 0
    }

    struct InterestKey: Hashable, Comparable, Sendable {
        var subject: SubjectID
        var queue: QueueID?

        static func < (left: InterestKey, right: InterestKey) -> Bool {
            if left.subject != right.subject { return left.subject < right.subject }
            return (left.queue?.rawValue ?? -1) < (right.queue?.rawValue ?? -1)
        }
    }

    /// One open connection.
    struct Peer: Sendable {
        var kind: ConnectionKind
        var identity: ServerIdentity?
        /// The other server's `origin`.
        var origin: ReplyOrigin?
        var options = ConnectOptions()
        /// Clients: by sid.
        var subscriptions: [Int32: Subscription] = [:]
        /// Routes and outbound gateways: what the other side asked for.
        var interest: Set<InterestKey> = []
        var roundTrip = SimDuration.zero
    }

    /// - Parameters:
    ///   - name: `server_name`, unique in the super-cluster.
    ///   - cluster: `cluster.name`.
    ///   - scopeDepth: see `Change.subject`; 2 fits `room.R.*`.
    public init(name: String, cluster: String, version: ServerVersion = .v2_9_10, scopeDepth: Int = 2) {
        precondition(scopeDepth >= 1, "a scope needs at least one token")
        self.identity = ServerIdentity(name: name, cluster: cluster)
        self.origin = ReplyOrigin(identity)
        self.version = version
        self.losesGroupTallies = version.behaviour.losesQueueTallyOnRouteReconnect
        self.scopeDepth = scopeDepth
        // FNV-1a over the name: servers draw members independently of each other.
        self.choiceKey = "\(cluster)/\(name)".utf8.reduce(0xcbf2_9ce4_8422_2325) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
    }

    /// Registers a connection and appends what a server says at that moment: to a route its local interest, to an
    /// inbound gateway the whole cluster's (queue groups first, then plain subjects between start and complete).
    public mutating func open(
        _ connection: ConnectionID, kind: ConnectionKind, peer: ServerIdentity? = nil, into outputs: inout [Output]
    ) {
        precondition(peers[connection] == nil, "a connection is opened once")
        precondition(kind == .client || peer != nil, "servers have an identity")
        lastChange = .nothing
        peers[connection] = Peer(kind: kind, identity: peer, origin: peer.map { ReplyOrigin($0) })
        switch kind {
        case .client: break
        case .route:
            _ = routes.insertSorted(connection)
            if deviations.contains(.forgetsReplayToRoutes) { break }
            replayLocalInterest(to: connection, into: &outputs)
        case .inboundGateway:
            _ = inboundGateways.insertSorted(connection)
            replayClusterInterest(to: connection, into: &outputs)
        case .outboundGateway:
            outboundGateways.append(connection)
            sortGateways()
        }
    }

    /// Forgets a connection with all its subscriptions or interest and tells the others what that ends.
    ///
    /// A connection that is not open is ignored: both ends may find out in turn.
    public mutating func close(_ connection: ConnectionID, in subjects: SubjectTable, into outputs: inout [Output]) {
        lastChange = .nothing
        guard let peer = peers[connection] else { return }
        switch peer.kind {
        case .client:
            let before = outputs.count
            removeAllSubscriptions(of: connection, in: subjects, into: &outputs)
            if deviations.contains(.keepsInterestOfClosedClients) { outputs.removeLast(outputs.count - before) }
        case .route:
            for key in peer.interest.sorted() { removeRouted(key, from: connection, in: subjects, into: &outputs) }
            _ = routes.removeSorted(connection)
        case .inboundGateway:
            _ = inboundGateways.removeSorted(connection)
        case .outboundGateway:
            for key in peer.interest.sorted() { removeGatewayInterest(key, from: connection, in: subjects) }
            outboundGateways.removeAll { $0 == connection }
        }
        peers[connection] = nil
    }

    /// Takes one operation that arrived on an open connection.
    ///
    /// After an `.error` whose `closesConnection` is true, the caller closes the connection at both ends.
    ///
    /// - Parameters:
    ///   - now: when it arrived; must not run backwards. Replies are mapped for 2 s from a subscription.
    ///   - subjects: the table in which all ids of the operation were interned.
    public mutating func receive(
        _ operation: Operation, on connection: ConnectionID, at now: SimTime, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        lastChange = .nothing
        guard let kind = peers[connection]?.kind else {
            ignoredOperations += 1
            return
        }
        switch operation {
        case .ping: outputs.append(Output(connection: connection, operation: .pong))
        case .pong, .info, .error: break
        case .connect(let options):
            peers[connection]?.options = options
            if kind == .client, options.noResponders, !options.headers {
                refuse(connection, .noRespondersRequiresHeaders, into: &outputs)
            }
        case .subscribe(let sid, let subject, let queue):
            guard kind == .client else { return refuse(connection, into: &outputs) }
            subscribe(sid, subject, queue, of: connection, at: now, in: subjects, into: &outputs)
        case .unsubscribe(let sid, let maximum):
            guard kind == .client else { return refuse(connection, into: &outputs) }
            unsubscribe(sid, maximum, of: connection, in: subjects, into: &outputs)
        case .publish(let message):
            guard kind == .client else { return refuse(connection, into: &outputs) }
            publish(message, from: connection, at: now, in: subjects, into: &outputs)
        case .remoteSubscribe, .remoteUnsubscribe, .routed, .allSubscriptionsStart, .allSubscriptionsComplete:
            receiveFromServer(operation, on: connection, kind: kind, at: now, in: subjects, into: &outputs)
        case .message, .noResponders:
            refuse(connection, into: &outputs)
        }
    }

    private mutating func subscribe(
        _ sid: Int32, _ subject: SubjectID, _ queue: QueueID?, of connection: ConnectionID, at now: SimTime,
        in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        guard peers[connection]?.subscriptions[sid] == nil else { return }
        guard subjects.isSubscribable(subject) else {
            return refuse(connection, .invalidSubject, into: &outputs)
        }
        let subscription = Subscription(subject: subject, queue: queue, since: now)
        add(subscription, sid: sid, of: connection, in: subjects, into: &outputs)
    }

    private mutating func unsubscribe(
        _ sid: Int32, _ maximum: Int32?, of connection: ConnectionID, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        guard let known = peers[connection]?.subscriptions[sid] else { return }
        if let maximum, maximum > known.delivered {
            peers[connection]?.subscriptions[sid]?.maximum = maximum
        } else {
            removeSubscription(sid, of: connection, in: subjects, into: &outputs)
        }
    }

    /// A client's message: checked in the order of nats-server v2.9.10 server/client.go processHeaderPub and
    /// processInboundClientMsg. Any subject may be published to; only interest says whether it reaches anybody.
    private mutating func publish(
        _ message: Publish, from connection: ConnectionID, at now: SimTime, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        precondition(message.replyOrigin == nil && message.destination == nil, "clients publish plain subjects")
        guard let options = peers[connection]?.options else { return }
        if message.hasHeaders && !options.headers {
            return refuse(connection, .headersNotSupported, into: &outputs)
        }
        if message.size > maximumPayload { return refuse(connection, .maximumPayload, into: &outputs) }
        if subjects.isGatewayReply(message.subject) {
            return refuse(connection, .publishPermission, into: &outputs)
        }
        if let reply = message.reply, subjects.isReservedReply(reply) {
            return refuse(connection, .replyPermission, into: &outputs)
        }
        if let destination = replyMap.origin(of: message.subject, for: connection, at: now) {
            return sendBack(message, to: destination, at: now, in: subjects, into: &outputs)
        }
        let hasEcho = options.echo || deviations.contains(.ignoresEcho)
        let source: SourceKind = hasEcho ? .client : .clientWithoutEcho(connection)
        let table = forwarding(of: message.subject, from: source, in: subjects)
        deliver(table, message, from: connection, at: now, in: subjects, into: &outputs)
    }

    private mutating func receiveFromServer(
        _ operation: Operation, on connection: ConnectionID, kind: ConnectionKind, at now: SimTime,
        in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        switch (operation, kind) {
        case (.remoteSubscribe(let subject, let queue, let weight), .route):
            guard subjects.isSubscribable(subject), weight > 0 else { return refuse(connection, into: &outputs) }
            let key = InterestKey(subject: subject, queue: queue)
            addRouted(key, weight: weight, from: connection, in: subjects, into: &outputs)
        case (.remoteSubscribe(let subject, let queue, _), .outboundGateway):
            guard subjects.isSubscribable(subject) else { return refuse(connection, into: &outputs) }
            addGatewayInterest(InterestKey(subject: subject, queue: queue), from: connection, in: subjects)
        case (.remoteUnsubscribe(let subject, let queue), .route):
            if deviations.contains(.ignoresRouteUnsubscribe) { return }
            let key = InterestKey(subject: subject, queue: queue)
            removeRouted(key, from: connection, in: subjects, into: &outputs)
        case (.remoteUnsubscribe(let subject, let queue), .outboundGateway):
            if deviations.contains(.ignoresGatewayUnsubscribe) { return }
            removeGatewayInterest(InterestKey(subject: subject, queue: queue), from: connection, in: subjects)
        case (.routed(let message, let queues), .route), (.routed(let message, let queues), .inboundGateway):
            let isRoute = kind == .route
            if let destination = message.destination {
                receiveAnswer(
                    message, to: destination, on: connection, isRoute: isRoute, at: now, in: subjects, into: &outputs)
                return
            }
            let source: SourceKind = isRoute ? .route(.listed(queues)) : .gateway(.listed(queues))
            var table = forwarding(of: message.subject, from: source, in: subjects)
            if !deviations.isEmpty { addForbidden(to: &table, message.subject, from: connection, in: subjects) }
            deliver(table, message, from: connection, at: now, in: subjects, into: &outputs)
        case (.allSubscriptionsStart, .outboundGateway), (.allSubscriptionsComplete, .outboundGateway):
            // Interest-only from the first moment: the brackets change nothing (nats-server since 2.9.0).
            break
        default:
            refuse(connection, into: &outputs)
        }
    }

    private mutating func refuse(
        _ connection: ConnectionID, _ error: ProtocolError = .unknownOperation, into outputs: inout [Output]
    ) {
        protocolViolations += 1
        outputs.append(Output(connection: connection, operation: .error(error)))
    }

    /// Stores the round trip that a PONG measured. Outbound gateways are asked in its ascending order, so the
    /// nearest cluster gets a queue group's copy; an unmeasured connection counts as zero and comes first.
    public mutating func setRoundTrip(_ connection: ConnectionID, _ roundTrip: SimDuration) {
        lastChange = .nothing
        guard peers[connection] != nil else { return }
        peers[connection]?.roundTrip = roundTrip
        let before = outboundGateways
        sortGateways()
        if outboundGateways != before { changedEverything() }
    }

    private mutating func sortGateways() {
        let keyed = outboundGateways.map { (peers[$0]?.roundTrip ?? .zero, $0) }
        outboundGateways = keyed.sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }.map { $0.1 }
    }

    mutating func changedEverything() {
        epoch &+= 1
        lastChange = .everything
    }

    /// Notes that tables for subjects under `pattern` are out of date; two different scopes in one call make it
    /// everything.
    mutating func changed(_ pattern: SubjectID, in subjects: SubjectTable) {
        switch lastChange {
        case .everything: return
        case .subject(let earlier):
            if earlier == pattern { return }
            changedEverything()
        case .nothing:
            let tokens = subjects.tokens(of: pattern)
            let isScoped =
                tokens.count >= scopeDepth && tokens.prefix(scopeDepth).allSatisfy { $0 > SubjectTable.empty }
            if isScoped { lastChange = .subject(pattern) } else { changedEverything() }
        }
    }
}
