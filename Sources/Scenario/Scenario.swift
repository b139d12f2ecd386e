public import CallModel
public import EventKernel
public import NATSModel
public import Network

/// A validated rehearsal: everything that a back end needs to run it.
///
/// Indices refer to `deployment.regions`, `deployment.links` and `populations`; all of them exist, all numbers
/// are within the ranges of the reference page, and every fault hits something.
public struct Scenario: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable { case terminating, steady }
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

/// How clients find a site.
public enum Steering: String, CaseIterable, Sendable {
    /// Connect to every relay of every region, probe, choose (what the service does).
    case election
    /// Unproxied geographic DNS with health checks, TTL and browser caches.
    case geoDNS = "geo-dns"
    /// The same behind a proxy that switches without DNS; WebTransport stays on DNS.
    case proxiedDNS = "proxied-dns"
    /// Always the population's own region, dead or alive: no failover.
    case pinned
}

/// People who call from one place.
public struct Population: Hashable, Sendable {
    public var name: String
    /// Index of the region they belong to.
    public var region: Int
    /// Base round trip to each region's site, without the last mile.
    public var roundTrips: [SimDuration]
    public var access: AccessKind
    /// Hours to add to UTC for local time.
    public var utcOffset: Int
    public var traffic: Traffic
    /// Participants of a call: cumulative weights are not needed, the parser normalises shares to 1.
    public var sizes: [SizeShare]
    public var meanDuration: SimDuration
    /// Coefficient of variation of the (lognormal) duration.
    public var durationVariation: Double
    public var crossRegion: CrossRegion?

    public init(
        name: String, region: Int, roundTrips: [SimDuration], access: AccessKind, utcOffset: Int, traffic: Traffic,
        sizes: [SizeShare], meanDuration: SimDuration, durationVariation: Double, crossRegion: CrossRegion?
    ) {
        self.name = name
        self.region = region
        self.roundTrips = roundTrips
        self.access = access
        self.utcOffset = utcOffset
        self.traffic = traffic
        self.sizes = sizes
        self.meanDuration = meanDuration
        self.durationVariation = durationVariation
        self.crossRegion = crossRegion
    }
}

/// How calls arrive.
public enum Traffic: Hashable, Sendable {
    /// Calls per second, Poisson; concurrency follows from the duration.
    case arrivals(perSecond: Double, diurnal: Diurnal)
    /// Mean number of calls in progress (offered load); the arrival rate follows from the duration.
    case concurrent(calls: Double, diurnal: Diurnal)
    /// Exactly this many calls, from the start to the horizon: for calibration and closed forms.
    case constant(calls: Int)
}

/// The shape of a day by local hour.
public enum Diurnal: String, CaseIterable, Sendable { case flat, business, social }

public struct SizeShare: Hashable, Sendable {
    public var smallest: Int
    public var largest: Int
    /// Share of calls whose size is uniform over `smallest...largest`.
    public var share: Double

    public init(smallest: Int, largest: Int, share: Double) {
        self.smallest = smallest
        self.largest = largest
        self.share = share
    }
}

/// Calls of a population that people of another one join.
public struct CrossRegion: Hashable, Sendable {
    /// Index of the other population.
    public var with: Int
    /// Share of calls that span both.
    public var share: Double
    /// Probability that a participant of such a call (beyond one from each side) is of the other population.
    public var remoteShare: Double

    public init(with: Int, share: Double, remoteShare: Double) {
        self.with = with
        self.share = share
        self.remoteShare = remoteShare
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
