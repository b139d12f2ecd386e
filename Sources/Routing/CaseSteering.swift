public import EventKernel
public import Network

/// Where a client ends up: a question to the model of steering, which no NATS server can answer.
///
/// Every site has relays of both transports. The sites that are down are black holes from time zero; the client
/// arrives `after` that, with an empty cache of its own, behind a resolver that obeys the TTL.
public struct SteeringQuestion: Hashable, Sendable {
    public var mode: Steering
    /// The client's own region, one of the sites.
    public var region: String
    /// All sites, in the order in which DNS fails over.
    public var sites: [Site]
    /// Sites that are down.
    public var down: [String]
    /// How long they have been down.
    public var after: SimDuration
    /// The site that the client must end up on; `nil`: none.
    public var expected: String?

    /// A site, and the client's round trip to it.
    public struct Site: Hashable, Sendable {
        public var name: String
        public var roundTrip: SimDuration

        public init(name: String, roundTrip: SimDuration) {
            self.name = name
            self.roundTrip = roundTrip
        }
    }

    /// Long enough for health checks and for every cache that obeys the TTL.
    public static var settledAfter: SimDuration { .seconds(600) }

    public init(
        mode: Steering, region: String, sites: [Site], down: [String] = [],
        after: SimDuration = SteeringQuestion.settledAfter, expected: String?
    ) {
        self.mode = mode
        self.region = region
        self.sites = sites
        self.down = down
        self.after = after
        self.expected = expected
    }
}
