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

    public init(
        name: String, kind: Kind, startUTC: Int64, initial: Initial, horizon: SimDuration, seed: UInt64,
        deployment: Deployment, populations: [Population], publishers: [RawPublisher], steering: Steering,
        profile: Profile, relay: RelayParameters, client: ClientParameters, media: MediaParameters,
        nats: ServerParameters, dns: SteeringParameters, timeline: [Fault], expectations: [Expectation],
        replications: Int
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
    }
}

/// A plain NATS publisher without relay or client, with its subscribers: for calibration.
public struct RawPublisher: Hashable, Sendable {
    public var region: Int
    public var server: Int
    public var subject: String
    public var perSecond: Double
    public var size: Int64
    public var subscribers: [ServerReference]

    public init(
        region: Int, server: Int, subject: String, perSecond: Double, size: Int64, subscribers: [ServerReference]
    ) {
        self.region = region
        self.server = server
        self.subject = subject
        self.perSecond = perSecond
        self.size = size
        self.subscribers = subscribers
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
        case wanCut(link: Int)
        /// A link's round trip becomes this; several leases add their differences.
        case roundTrip(link: Int, SimDuration)
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
