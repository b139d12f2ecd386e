public import CallModel
public import EventKernel
public import NATSModel
public import Network

/// A validated rehearsal: everything that a back end needs to run it.
///
/// Indices refer to `deployment.regions`, `deployment.links` and `populations`; all of them exist, all numbers
/// are within the ranges of the reference page, and every fault hits something.
public struct Scenario: Hashable, Sendable {
    /// Whether the run has a natural end or stands for an unchanging state.
    public enum Kind: String, CaseIterable, Sendable { case terminating, steady }
    /// The state at time zero.
    public enum Initial: String, CaseIterable, Sendable {
        /// Calls in progress drawn from the equilibrium, connected, timers at random phases.
        case steady
        /// Nobody there; servers start at time zero.
        case empty
    }

    public var name: String
    public var kind: Kind
    /// UTC seconds since 1970 at which the run starts; sets local hours.
    public var startUTC: Int64
    public var initial: Initial
    public var horizon: SimDuration
    public var seed: UInt64
    public var deployment: Deployment
    public var populations: [Population]
    public var publishers: [RawPublisher]
    public var steering: Steering
    public var profile: Profile
    public var relay: RelayParameters
    public var client: ClientParameters
    public var media: MediaParameters
    public var nats: ServerParameters
    public var dns: SteeringParameters
    public var timeline: [Fault]
    public var expectations: [Expectation]
    public var replications: Int
    /// What `validate` compares with real servers; `nil` for a rehearsal.
    public var calibration: Calibration?

    public init(
        name: String, kind: Kind, startUTC: Int64, initial: Initial, horizon: SimDuration, seed: UInt64,
        deployment: Deployment, populations: [Population], publishers: [RawPublisher], steering: Steering,
        profile: Profile, relay: RelayParameters, client: ClientParameters, media: MediaParameters,
        nats: ServerParameters, dns: SteeringParameters, timeline: [Fault], expectations: [Expectation],
        replications: Int, calibration: Calibration? = nil
    ) {
        self.name = name
        self.kind = kind
        self.startUTC = startUTC
        self.initial = initial
        self.horizon = horizon
        self.seed = seed
        self.deployment = deployment
        self.populations = populations
        self.publishers = publishers
        self.steering = steering
        self.profile = profile
        self.relay = relay
        self.client = client
        self.media = media
        self.nats = nats
        self.dns = dns
        self.timeline = timeline
        self.expectations = expectations
        self.replications = replications
        self.calibration = calibration
    }
}

extension Scenario {
    /// When the first fault starts; `nil`: there is none.
    public var firstFault: SimTime? { timeline.map(\.start).min() }
    /// When the last fault that ends before the horizon ends; `nil`: none does.
    public var heal: SimTime? { timeline.compactMap(\.end).max() }
}

/// A plain NATS publisher without relay or client, with its subscribers: for calibration.
public struct RawPublisher: Hashable, Sendable {
    /// Unique; names its responses (`stream.NAME.lost`). Without dots and spaces.
    public var name: String
    public var region: Int
    public var server: Int
    public var subject: String
    /// Instants a second at which it publishes: the k-th (from 1) is `start` + k / `perSecond`.
    public var perSecond: Double
    /// Messages at each of these instants, at least 1.
    public var burst: Int64
    /// Bytes of payload of a message.
    public var size: Int64
    /// One connection for each entry, subscribed from time zero on.
    public var subscribers: [ServerReference]
    public var start: SimTime
    /// Nothing is due from here on; `nil`: until the horizon.
    public var end: SimTime?

    public init(
        name: String, region: Int, server: Int, subject: String, perSecond: Double, burst: Int64 = 1, size: Int64,
        subscribers: [ServerReference], start: SimTime = .start, end: SimTime? = nil
    ) {
        self.name = name
        self.region = region
        self.server = server
        self.subject = subject
        self.perSecond = perSecond
        self.burst = burst
        self.size = size
        self.subscribers = subscribers
        self.start = start
        self.end = end
    }

    /// When the messages of the k-th instant, counted from 1, are due.
    public func due(instant: Int64) -> SimTime {
        start + SimDuration(nanoseconds: Int64(Double(instant) * 1e9 / perSecond))
    }

    /// Messages due before the end or the horizon, whichever comes first.
    public func published(before horizon: SimTime) -> Int64 {
        let end = min(self.end ?? horizon, horizon)
        guard end > start else { return 0 }
        var instants = Int64(Double((end - start).nanoseconds) * perSecond / 1e9) + 2
        while instants > 0, due(instant: instants) >= end { instants -= 1 }
        return instants * burst
    }
}

/// A NATS server of a region.
public struct ServerReference: Hashable, Sendable {
    public var region: Int
    public var server: Int

    public init(region: Int, server: Int) {
        self.region = region
        self.server = server
    }
}

/// A fault of the timeline: a lease that holds from `start` to `end`.
public struct Fault: Hashable, Sendable {
    /// What happens, to what.
    public enum Kind: Hashable, Sendable {
        /// Packets to and from the site are dropped; processes live on and keep their state.
        case blackHole(region: Int)
        /// Processes are dead, and start empty when the lease ends.
        case powerLoss(region: Int)
        /// The load balancer lives, its back ends are dead: connections are reset.
        case refused(region: Int)
        /// Packets are dropped: all, or those alone that leave the region `from`.
        case wanCut(link: Int, from: Int?)
        /// A link's round trip becomes this; several leases add their differences.
        case roundTrip(link: Int, SimDuration)
        /// A link loses packets at random, in place of its own loss.
        case loss(link: Int, PacketLoss)
        /// A link's jitter becomes this.
        case jitter(link: Int, SimDuration)
        /// A link's capacity in each direction becomes this, in bits per second.
        case bandwidth(link: Int, Int64)
        case serverKill(region: Int, server: Int)
        case relayKill(region: Int, transport: Transport, replica: Int)
    }

    public var kind: Kind
    public var start: SimTime
    /// `nil`: until the horizon.
    public var end: SimTime?

    public init(kind: Kind, start: SimTime, end: SimTime?) {
        self.kind = kind
        self.start = start
        self.end = end
    }
}

/// A bound on a response, judged by its interval over replications.
public struct Expectation: Hashable, Sendable {
    public var response: String
    /// In the response's own unit.
    public var atLeast: Double?
    public var atMost: Double?
    /// As written, for messages: `at-least: 99%`.
    public var text: String

    public init(response: String, atLeast: Double?, atMost: Double?, text: String) {
        self.response = response
        self.atLeast = atLeast
        self.atMost = atMost
        self.text = text
    }
}
