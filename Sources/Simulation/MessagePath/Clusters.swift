import EventKernel

/// Each server with the relays that are connected to it: what they do reaches another server over a route, and thus
/// later than what they do to each other.
struct Clusters: ~Copyable {
    /// By server: a bit for each of its relays.
    let members: Table<UInt64>
    /// Whether each relay has a living server, that no relay is about to lose, so that clusters can run one by one.
    fileprivate(set) var areApart = false
    /// Whether a relay's connection has changed since they were looked at.
    var isStale = true

    init(servers: Int) { members = Table(count: servers) { _ in 0 } }
}

extension Domain {
    /// Looks who is connected to whom.
    mutating func findClusters() {
        clusters.isStale = false
        clusters.areApart = relays.count <= 64
        for server in 0..<servers.count { clusters.members[server] = 0 }
        for relay in 0..<relays.count {
            let state = relays[pointer: relay]
            guard state.pointee.server >= 0, !state.pointee.losesServer else {
                clusters.areApart = false
                continue
            }
            if clusters.areApart { clusters.members[state.pointee.server] |= 1 << UInt64(relay) }
        }
    }

    /// Serves the region's clusters until `end`, or the next entry of the agenda.
    ///
    /// The one that can act first goes as far as nothing can come over a route: the other clusters' next services plus
    /// a route's hop. What a service puts on the agenda ends the turn of its own cluster. It concerns nobody else, or
    /// others a route's hop later.
    mutating func runClusters(until end: Int64) {
        while true {
            var least = Int64.max / 2
            var server = 0
            // When its server can act, and the first server of the others.
            var own = Int64.max / 2
            var other = Int64.max / 2
            for candidate in 0..<servers.count {
                let relayNext = nextRelay(ofCluster: candidate)
                let serverNext = serverClock(candidate)
                let first = min(serverNext, relayNext)
                let act = min(serverNext, relayNext &+ costs.serverHop)
                let isFirst = first < least
                other = min(other, isFirst ? own : act)
                own = isFirst ? act : own
                server = isFirst ? candidate : server
                least = min(least, first)
            }
            guard least < min(end, nextAgenda) else { return }
            runCluster(server, before: min(end, other &+ costs.routeHop))
        }
    }

    /// Serves a server and its relays by turns: the relays as far as the server's next copies allow, the server as far
    /// as the relays' next packets do.
    @inline(__always)
    private mutating func runCluster(_ server: Int, before horizon: Int64) {
        let hop = costs.serverHop
        while true {
            let limit = min(horizon, nextAgenda)
            let serverNext = serverClock(server)
            let relayNext = nextRelay(ofCluster: server)
            guard min(serverNext, relayNext) < limit else { return }
            if serverNext < relayNext {
                serveServer(server, before: min(relayNext &+ hop, limit))
            } else {
                serveRelays(ofCluster: server, before: min(min(serverNext, relayNext &+ hop) &+ hop, limit))
            }
        }
    }

    /// Serves those of a server's relays that can act before `window`.
    @inline(__always)
    private mutating func serveRelays(ofCluster server: Int, before window: Int64) {
        var members = clusters.members.place(server).pointee
        while members != 0 {
            let relay = members.trailingZeroBitCount
            members &= members &- 1
            if relayClock(relay) < window { serveRelay(relay, before: window) }
        }
    }

    /// A lower bound for the next service of a server's relays; far without work.
    @inline(__always)
    private mutating func nextRelay(ofCluster server: Int) -> Int64 {
        var next = Int64.max / 2
        var members = clusters.members.place(server).pointee
        while members != 0 {
            next = min(next, relayClock(members.trailingZeroBitCount))
            members &= members &- 1
        }
        return next
    }
}
