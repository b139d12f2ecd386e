import EventKernel

/// Where the answer to a request belongs: the server that the requester is connected to.
///
/// The `_GR_.<cluster>.<server>.` of a mapped reply. A request made within two seconds of its inbox may overtake the
/// inbox's interest, so its answer is led by this instead of by interest (nats-server v2.9.10 server/gateway.go).
/// The real hash of a server is that of its id, drawn at each start; here it is that of its name.
@frozen
public struct ReplyOrigin: Hashable, Sendable, BitwiseCopyable {
    /// A hash of the cluster's name.
    public var cluster: UInt32
    /// A hash of the server's name.
    public var server: UInt32

    @inlinable
    public init(cluster: UInt32, server: UInt32) {
        self.cluster = cluster
        self.server = server
    }

    public init(_ identity: ServerIdentity) {
        self.init(cluster: Self.hash(identity.cluster), server: Self.hash(identity.name))
    }

    /// FNV-1a.
    private static func hash(_ text: String) -> UInt32 {
        text.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}

/// The mapped replies that clients of one server may still answer, each for 2 to 4 s.
///
/// Entries live for 2 s and are removed by a sweep every 2 s, whose grid starts with the first entry and ends with
/// the first sweep that finds nothing (nats-server v2.9.10 server/gateway.go trackGWReply,
/// startGWReplyMapExpiration). Sweeps that are due are made up for by the next call.
struct ReplyMap: Sendable {
    static let lifetime = SimDuration.seconds(2)

    private struct Entry: Sendable {
        var origin: ReplyOrigin
        var end: SimTime
    }

    /// By client, then by plain reply. Entries of a client that closed stay until their sweep, as they do there.
    private var entries: [ConnectionID: [SubjectID: Entry]] = [:]
    private var nextSweep: SimTime?

    mutating func track(_ reply: SubjectID, _ origin: ReplyOrigin, for client: ConnectionID, at now: SimTime) {
        sweep(now)
        entries[client, default: [:]][reply] = Entry(origin: origin, end: now + Self.lifetime)
        if nextSweep == nil { nextSweep = now + Self.lifetime }
    }

    /// Where what `client` publishes on `subject` now belongs; `nil` when interest decides.
    mutating func origin(of subject: SubjectID, for client: ConnectionID, at now: SimTime) -> ReplyOrigin? {
        if entries.isEmpty { return nil }
        sweep(now)
        return entries[client]?[subject]?.origin
    }

    private mutating func sweep(_ now: SimTime) {
        while let due = nextSweep, due <= now {
            if entries.isEmpty {
                nextSweep = nil
                return
            }
            for client in Array(entries.keys) {
                entries[client] = entries[client]?.filter { $0.value.end > due }
                if entries[client]?.isEmpty == true { entries[client] = nil }
            }
            nextSweep = due + Self.lifetime
        }
    }
}

extension Server {
    /// Whether a reply leaves this cluster mapped: a client here, any one, subscribed to it less than 2 s ago
    /// (shouldMapReplyForGatewaySend). Queue members count, routed subscriptions do not.
    func mapsReply(_ reply: SubjectID, at now: SimTime, in subjects: SubjectTable) -> Bool {
        if deviations.contains(.neverMapsReplies) { return false }
        func isRecent(_ client: ConnectionID, _ sid: Int32) -> Bool {
            guard let subscription = peers[client]?.subscriptions[sid] else { return false }
            return now < subscription.since + ReplyMap.lifetime
        }
        var slots: [Int] = []
        sublist.match(reply, in: subjects, into: &slots)
        return slots.contains { slot in
            sublist.entries[slot].locals.contains { isRecent($0.connection, $0.sid) }
                || sublist.entries[slot].members.contains { !$0.isRoute && isRecent($0.connection, $0.sid) }
        }
    }

    /// The message as it leaves this cluster.
    func leaving(_ message: Publish, at now: SimTime, in subjects: SubjectTable) -> Publish {
        var leaving = message
        if let reply = message.reply, message.replyOrigin == nil, mapsReply(reply, at: now, in: subjects) {
            leaving.replyOrigin = origin
        }
        return leaving
    }

    /// An answer to a mapped request goes to the requester's cluster and nowhere else; without a gateway there it
    /// is lost (handleGWReplyMap).
    func sendBack(
        _ message: Publish, to destination: ReplyOrigin, at now: SimTime, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        var answer = leaving(message, at: now, in: subjects)
        answer.destination = destination
        for gateway in outboundGateways where peers[gateway]?.origin?.cluster == destination.cluster {
            outputs.append(Output(connection: gateway, operation: .routed(answer, queues: [])))
        }
    }

    /// An answer that came back to the requester's cluster (handleGatewayReply).
    ///
    /// A server that got it by gateway hands it, still mapped, to the server that it is meant for. That one, or the
    /// first one if it knows no such server, treats it like a client's publish: local clients, all routes with
    /// interest, groups, and other clusters.
    mutating func receiveAnswer(
        _ message: Publish, to destination: ReplyOrigin, on connection: ConnectionID, isRoute: Bool, at now: SimTime,
        in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        guard destination.cluster == origin.cluster else { return }
        if !isRoute, destination.server != origin.server,
            let route = routes.first(where: { peers[$0]?.origin?.server == destination.server })
        {
            outputs.append(Output(connection: route, operation: .routed(message, queues: [])))
            return
        }
        var plain = message
        plain.destination = nil
        let table = forwarding(of: plain.subject, from: .answer(isFromRoute: isRoute), in: subjects)
        deliver(table, plain, from: connection, at: now, in: subjects, into: &outputs)
    }
}
