import CallModel
import EventKernel
import Network
import RandomVariates
import Scenario

/// The timers of a client; equal times fire in this order.
enum ClientTimer: UInt8, CaseIterable {
    /// Intent to join and to leave.
    case join, leave
    /// The next step of joining: names resolved, token received.
    case step
    /// The election's deadline.
    case decide
    /// The next round of probes.
    case probe
    /// The elected session may have been silent too long.
    case idle
    /// The next attempt after a loss.
    case retry
}

/// One connection of an election.
struct Candidate {
    var session: UInt32
    /// Index over all relays.
    var relay: Int
    var isOpen = false
    var probes: UInt32 = 0
}

/// How far a person's client has come.
enum ClientPhase: UInt8 {
    /// Before the join intent.
    case outside
    case resolving, token, electing, connected
    /// Waiting for the next attempt.
    case waiting
    case gaveUp
    case left
}

/// What the resolution of losses needs to know of a person over time.
enum PresenceState: UInt8 {
    case joining, connected, lost, gaveUp
}

struct PresenceChange {
    var time: Int64
    var state: PresenceState
    /// Region of the elected session.
    var region: Int32
}

/// What a slot asks of a person for each packet: one look at the memory.
struct Receiver: BitwiseCopyable {
    /// No timer of the person fires before: a lower bound.
    var quietUntil = Int64.max
    /// Latest packet on the elected session.
    var lastPacket: Int64 = 0
    /// Latest arrival that a slot has looked at.
    var lastSeen: Int64 = -1
    /// Latest arrival of media on a session other than the elected one.
    var strayUntil: Int64 = -1
    /// The elected session while connected, else `noSession`.
    var session = Receiver.noSession
    /// Connections that could bring media: open or being opened.
    var connections: Int32 = 0
    /// The last slot in which something other than media in order on the elected session arrived.
    var unrulySlot: Int32 = -1
    /// The pair with sender s has the number `pairBase + s`.
    let pairBase: Int32

    static var noSession: UInt32 { UInt32.max }
}

/// What every capture asks of its person.
struct Sender: BitwiseCopyable {
    /// To the site of the elected session.
    var way: AccessWay
    /// Latest arrival of what went up on it: WebSockets keep order.
    var lastUplink: Int64 = 0
    /// The elected session while connected, else `noSession`.
    var session = Receiver.noSession
    /// Its relay: region, index within it, transport.
    var relay: Int32 = 0
    var site: UInt8 = 0
    var isWebSocket = false

    init(way: AccessWay) { self.way = way }
}

/// A client: the browser of one person.
struct ClientState {
    var phase = ClientPhase.outside
    var elected: Candidate?
    /// Number of connections made so far.
    var connections: UInt32 = 0
    var candidates: [Candidate] = []
    var election: Election?
    var policy: ReconnectPolicy
    var resolver: Resolver?
    var backoff: RandomStream
    /// Whether the attempt under way follows a loss.
    var isReconnecting = false
    /// Since when the person has been without media, for the clock of reconnects.
    var brokenAt: Int64 = -1
    var lostSessions = 0
    var stages = Stages()
    var presence: [PresenceChange] = []

    /// When the attempt under way passed its stages; -1: not yet.
    struct Stages {
        var resolved: Int64 = -1
        var token: Int64 = -1
        var opened: Int64 = -1
        var elected: Int64 = -1
    }

    init(_ world: World, person: Int) {
        let plan = world.people[person]
        policy = ReconnectPolicy(world.client)
        backoff = RandomStream(
            seed: world.scenario.seed, purpose: .backoff, replication: world.replication, entity: plan.entity)
        switch world.scenario.steering {
        case .geoDNS, .proxiedDNS:
            resolver = Resolver(
                region: plan.region, sites: world.regionCount, parameters: world.scenario.dns,
                resolverDelay: world.client.resolverDelay, hitShare: world.client.resolverHitShare,
                seed: world.scenario.seed, replication: world.replication, entity: plan.entity)
        case .election, .pinned:
            resolver = nil
        }
    }
}

/// A capture that is due in the current slot.
struct PublishDue: BitwiseCopyable {
    var time: Int64
    var stream: UInt32
    var sequence: UInt32

    /// The order of captures of one instant.
    static func precedes(_ left: PublishDue, _ right: PublishDue) -> Bool {
        if left.stream != right.stream { return left.stream < right.stream }
        return left.sequence < right.sequence
    }
}
