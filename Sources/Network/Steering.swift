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
