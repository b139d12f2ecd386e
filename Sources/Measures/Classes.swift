public import EventKernel

/// What a message carries, as far as the ledger tells kinds apart.
///
/// Probe echoes, health reports and requests for a key frame are traffic but no class: nobody is expected
/// to receive them as content.
@frozen
public enum MessageClass: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case audio, video
    /// Heartbeats and diagnostics, which every participant sends to the whole room.
    case signalling

    public var name: String {
        switch self {
        case .audio: "audio"
        case .video: "video"
        case .signalling: "signalling"
        }
    }
}

/// Whether sender and receiver live in the same region (by population, not by where a session landed).
@frozen
public enum PathKind: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case sameRegion, crossRegion

    public var name: String { self == .sameRegion ? "same-region" : "cross-region" }
}

/// Part of a rehearsal by capture time: before the first fault starts, until the last one ends, after it.
///
/// A scenario without faults is all `before`.
@frozen
public enum Phase: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case before, during, after

    public var name: String {
        switch self {
        case .before: "before"
        case .during: "during"
        case .after: "after"
        }
    }
}

/// Why an expected (message, receiver) pair never arrived. The list is closed: each lost pair has exactly one.
@frozen
public enum LossCause: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// The receiver intends to be in the call but has no session yet.
    case receiverNotJoined
    /// The sender intends to be in the call but has not finished its election or connection.
    case senderNotJoined
    /// The sender had a session and lost it.
    case senderNotConnected
    /// The receiver had a session and lost it.
    case receiverNotConnected
    /// The receiver's subscription had not reached the server that forwarded the message.
    case noInterest
    /// No gateway to the receiver's cluster is configured, or it never formed.
    case noGateway
    /// The gateway connection to the receiver's cluster was closed at the time.
    case gatewayDown
    /// Accepted by a gateway connection that closed before delivering it.
    case gatewayClosedWithBacklog
    case routeDown
    case serverDead
    case relayDead
    /// The relay process lives, but its NATS connection is down.
    case relayWithoutServer
    /// Packets to or from the site are dropped (black hole).
    case siteUnreachable
    case mailboxFull
    case queueFull
    case slowConsumer
    case payloadTooLarge
    /// Another member of the queue group got it.
    case queueGroupMember
    /// The receiver or the sender stopped trying to reconnect.
    case gaveUp
    /// On real servers: given to NATS, and not given back to the receiver's relay. The simulator knows better.
    case lostByServers

    /// The name used in files, in the database and on the terminal.
    public var name: String {
        switch self {
        case .receiverNotJoined: "receiver not joined yet"
        case .senderNotJoined: "sender not joined yet"
        case .senderNotConnected: "sender not connected"
        case .receiverNotConnected: "receiver not connected"
        case .noInterest: "no interest yet"
        case .noGateway: "no gateway"
        case .gatewayDown: "gateway down"
        case .gatewayClosedWithBacklog: "gateway closed with backlog"
        case .routeDown: "route down"
        case .serverDead: "server dead"
        case .relayDead: "relay dead"
        case .relayWithoutServer: "relay without server"
        case .siteUnreachable: "site unreachable"
        case .mailboxFull: "mailbox full"
        case .queueFull: "queue full"
        case .slowConsumer: "slow consumer"
        case .payloadTooLarge: "payload too large"
        case .queueGroupMember: "taken by queue group member"
        case .gaveUp: "gave up"
        case .lostByServers: "lost by the servers"
        }
    }
}

/// The delays within which deliveries are counted.
///
/// 150 ms and 400 ms are the bounds of ITU-T G.114 for conversation; 1 s is the bound for a usable video frame.
@frozen
public enum LatencyBound: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case within150ms, within400ms, within1s, ever

    /// The bound itself; `nil`: any delay counts.
    public var limit: SimDuration? {
        switch self {
        case .within150ms: .milliseconds(150)
        case .within400ms: .milliseconds(400)
        case .within1s: .seconds(1)
        case .ever: nil
        }
    }

    public var name: String {
        switch self {
        case .within150ms: "150ms"
        case .within400ms: "400ms"
        case .within1s: "1s"
        case .ever: "ever"
        }
    }
}
