import CallModel
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

extension SteeringQuestion {
    /// The site that the client ends up on, as the simulation decides it: what steering offers, then the election
    /// among those that answer. `nil`: none answers.
    public func answer() -> String? {
        let own = sites.firstIndex { $0.name == region } ?? 0
        let now = SimTime.start + after
        let health = healthSchedule(until: now)
        var resolver: Resolver? = Resolver(
            region: own, sites: sites.count, parameters: Self.dns, resolverDelay: .zero, hitShare: 0, seed: 1,
            replication: 0, entity: 0)
        let offers = mode.offers(region: own, sites: sites.count, resolver: &resolver, health: health, at: now)
        let client = ClientParameters()
        var election = Election(
            start: now, checkPhase: client.electionCheck, candidates: offers.map { ($0.transport, $0.site) },
            parameters: client)
        for (index, offer) in offers.enumerated() {
            let site = sites[offer.site]
            if down.contains(site.name) {
                election.disconnected(index)
            } else {
                probe(&election, index, offer.transport, site.roundTrip, client)
            }
        }
        while true {
            switch election.decide() {
            case .elected(let index): return sites[offers[index].site].name
            case .extended: continue
            case .failed: return nil
            }
        }
    }

    /// Nobody's resolver breaks rules or takes a client for one of another region: then the answer is the same for
    /// everybody.
    private static var dns: SteeringParameters {
        var dns = SteeringParameters()
        dns.violators = 0
        dns.missteered = 0
        return dns
    }

    private func healthSchedule(until horizon: SimTime) -> HealthSchedule {
        var schedule = SiteSchedule(sites: sites.count)
        for (index, site) in sites.enumerated() where down.contains(site.name) {
            schedule.add(site: index, state: .blackHole, from: .start, to: .never)
        }
        schedule.seal()
        return HealthSchedule(
            schedule: schedule, parameters: Self.dns, horizon: horizon,
            phases: sites.map { _ in .zero })
    }

    /// Probes one server over the longest time that an election takes; it folds what has arrived by its deadline.
    private func probe(
        _ election: inout Election, _ candidate: Int, _ transport: Transport, _ roundTrip: SimDuration,
        _ client: ClientParameters
    ) {
        let handshake = transport == .webSocket ? client.webSocketRoundTrips : client.webTransportRoundTrips
        let longest = client.electionPeriod + client.electionExtension * client.electionExtensions
        let interval = max(client.probeInterval, .milliseconds(1))
        var sent = interval
        while sent <= longest {
            if sent >= roundTrip * handshake {
                election.record(candidate, roundTrip: roundTrip, at: election.start + sent + roundTrip)
            }
            sent = sent + interval
        }
    }
}
