import EventKernel

/// Each server with the relays that are connected to it: what they do reaches another server over a route, and thus
/// later than what they do to each other.
struct Clusters: ~Copyable {
    /// A server's relays by index; nobody's clock stands for those that there are not, so that three are looked at
    /// without a question how many there are.
    struct Members: BitwiseCopyable {
        var first: Int32
        var second: Int32
        var third: Int32
        var count: Int32 = 0
        /// A bit for each of them.
        var all: UInt64 = 0

        init(nobody: Int32) {
            first = nobody
            second = nobody
            third = nobody
        }

        mutating func add(_ relay: Int) {
            count += 1
            all |= 1 << UInt64(relay)
            switch count {
            case 1: first = Int32(relay)
            case 2: second = Int32(relay)
            case 3: third = Int32(relay)
            default: break
            }
        }
    }

    /// By server.
    let members: Table<Members>
    /// Whether each relay has a living server, that no relay is about to lose, so that clusters can run one by one.
    fileprivate(set) var areApart = false
    /// Whether a relay's connection has changed since they were looked at.
    var isStale = true

    init(servers: Int) { members = Table(count: servers) { _ in Members(nobody: 0) } }
}

extension Domain {
    /// Looks who is connected to whom.
    mutating func findClusters() {
        clusters.isStale = false
        clusters.areApart = relays.count <= 64
        for server in 0..<servers.count {
            clusters.members[pointer: server].pointee = Clusters.Members(nobody: Int32(nobody))
        }
        for relay in 0..<relays.count {
            let state = relays[pointer: relay]
            guard state.pointee.server >= 0, !state.pointee.losesServer else {
                clusters.areApart = false
                continue
            }
            if clusters.areApart { clusters.members[pointer: state.pointee.server].pointee.add(relay) }
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
        let members = clusters.members.place(server)
        if members.pointee.count > 3 { return serveManyRelays(members.pointee.all, before: window) }
        while true {
            let (relay, next) = earliestRelay(members)
            guard next < min(window, nextAgenda) else { return }
            serveRelay(relay, before: window)
        }
    }

    private mutating func serveManyRelays(_ all: UInt64, before window: Int64) {
        var members = all
        while members != 0 {
            let relay = members.trailingZeroBitCount
            members &= members &- 1
            if relayClock(relay) < window { serveRelay(relay, before: window) }
        }
    }

    /// Of up to three relays the one that can act first, and when.
    @inline(__always)
    private func earliestRelay(_ members: UnsafePointer<Clusters.Members>) -> (relay: Int, next: Int64) {
        let first = relayClock(Int(members.pointee.first))
        let second = relayClock(Int(members.pointee.second))
        let third = relayClock(Int(members.pointee.third))
        var next = first
        var relay = members.pointee.first
        relay = second < next ? members.pointee.second : relay
        next = min(next, second)
        relay = third < next ? members.pointee.third : relay
        next = min(next, third)
        return (Int(relay), next)
    }

    /// A lower bound for the next service of a server's relays; far without work.
    @inline(__always)
    private mutating func nextRelay(ofCluster server: Int) -> Int64 {
        let members = clusters.members.place(server)
        if members.pointee.count > 3 { return nextRelay(ofMany: members.pointee.all) }
        let next = min(
            relayClock(Int(members.pointee.first)),
            min(relayClock(Int(members.pointee.second)), relayClock(Int(members.pointee.third))))
        return min(Int64.max / 2, next)
    }

    private func nextRelay(ofMany all: UInt64) -> Int64 {
        var next = Int64.max / 2
        var members = all
        while members != 0 {
            next = min(next, relayClock(members.trailingZeroBitCount))
            members &= members &- 1
        }
        return next
    }
}
