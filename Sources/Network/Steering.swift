public import EventKernel

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

/// The two ways in which a client reaches a relay.
public enum Transport: String, CaseIterable, Sendable {
    case webSocket = "ws"
    case webTransport = "wt"
}

/// A way to a site that a client may take.
public struct SteeringOffer: Hashable, Sendable {
    public var transport: Transport
    public var site: Int

    public init(transport: Transport, site: Int) {
        self.transport = transport
        self.site = site
    }
}

extension Steering {
    /// What a client of `region` may dial at `time`, in this order; its connections then compete in an election.
    ///
    /// - Parameter resolver: the person's; needed by both kinds of DNS, which note there what they were told.
    public func offers(
        region: Int, sites: Int, resolver: inout Resolver?, health: HealthSchedule, at time: SimTime
    ) -> [SteeringOffer] {
        let regions: [Int]
        switch self {
        case .election: regions = Array(0..<sites)
        case .pinned: regions = [region]
        case .geoDNS: regions = [resolver!.resolve(at: time, health: health).site]
        case .proxiedDNS:
            // The proxy's edge follows health at once; WebTransport is not proxied and keeps its cached answer.
            let cached = resolver!.resolve(at: time, health: health).site
            return [
                SteeringOffer(transport: .webSocket, site: health.answer(preferred: region, at: time)),
                SteeringOffer(transport: .webTransport, site: cached),
            ]
        }
        return regions.flatMap { site in Transport.allCases.map { SteeringOffer(transport: $0, site: site) } }
    }
}
