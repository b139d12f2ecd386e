public import EventKernel

/// What a cloud site is to packets that arrive there.
@frozen
public enum SiteState: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case up
    /// The load balancer lives, its back ends are dead: connections are reset.
    case refused
    /// Packets to and from the site are dropped; processes live on and keep their state.
    case blackHole
    /// Processes are dead, and start empty when the lease ends.
    case powerLoss
}

/// The state of every site over the whole run, known at time zero because every fault is.
///
/// Leases compose: while several hold, the worst one decides (power loss over black hole over refused). A lease
/// holds from its start, included, to its end, excluded. Fill with `add`, then `seal`, then ask.
public struct SiteSchedule: Sendable {
    private struct Lease {
        var site: Int
        var state: SiteState
        var from: SimTime
        var to: SimTime
    }

    public let sites: Int
    private var leases: [Lease] = []
    private var isSealed = false
    /// Changes of site s are at `first[s] ..< first[s + 1]`; before its first change a site is up.
    @usableFromInline var first: [Int]
    @usableFromInline var times: [SimTime] = []
    @usableFromInline var states: [SiteState] = []

    public init(sites: Int) {
        precondition(sites >= 0)
        self.sites = sites
        first = Array(repeating: 0, count: sites + 1)
    }

    /// Adds a lease; `to` may be `.never`. A lease of `.up` or of no length changes nothing.
    public mutating func add(site: Int, state: SiteState, from: SimTime, to: SimTime) {
        precondition(!isSealed && site >= 0 && site < sites && from <= to)
        guard state != .up, from < to else { return }
        leases.append(Lease(site: site, state: state, from: from, to: to))
    }

    /// Composes the leases; n of them cost O(n log n).
    public mutating func seal() {
        precondition(!isSealed)
        isSealed = true
        for site in 0..<sites {
            first[site] = times.count
            compose(leases.filter { $0.site == site })
        }
        first[sites] = times.count
        leases = []
    }

    private mutating func compose(_ own: [Lease]) {
        var edges: [(time: SimTime, state: SiteState, step: Int)] = []
        for lease in own {
            edges.append((lease.from, lease.state, 1))
            if lease.to < .never { edges.append((lease.to, lease.state, -1)) }
        }
        edges.sort { $0.time < $1.time }
        var holding = [0, 0, 0, 0]
        var current = SiteState.up
        var index = 0
        while index < edges.count {
            let time = edges[index].time
            while index < edges.count, edges[index].time == time {
                holding[Int(edges[index].state.rawValue)] += edges[index].step
                index += 1
            }
            let worst = SiteState.allCases.last { holding[Int($0.rawValue)] > 0 } ?? .up
            guard worst != current else { continue }
            current = worst
            times.append(time)
            states.append(worst)
        }
    }

    /// The position just after the last change at or before `time` among the changes of `site`.
    @inlinable
    func position(_ site: Int, _ time: SimTime) -> Int {
        var low = first[site]
        var high = first[site + 1]
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The state of a site at an instant: one compare for a site without leases, else a binary search.
    @inlinable
    public func state(of site: Int, at time: SimTime) -> SiteState {
        if first[site] == first[site + 1] { return .up }
        let after = position(site, time)
        return after == first[site] ? .up : states[after - 1]
    }

    /// The same for a caller whose times never go back: amortised constant time.
    @inlinable
    public func state(of site: Int, at time: SimTime, _ cursor: inout SiteCursor) -> SiteState {
        let start = first[site]
        let end = first[site + 1]
        if start == end { return .up }
        var after = start + cursor.passed
        while after < end, times[after] <= time { after += 1 }
        cursor.passed = after - start
        return after == start ? .up : states[after - 1]
    }

    /// Whether a packet that is at the site's edge at this instant gets through to a living process.
    @inlinable
    public func isReachable(_ site: Int, at time: SimTime) -> Bool { state(of: site, at: time) == .up }

    /// Whether the site is up at every instant from `from` to `to`, both included.
    @inlinable
    public func isReachableThroughout(_ site: Int, from: SimTime, to: SimTime) -> Bool {
        if first[site] == first[site + 1] { return true }
        let after = position(site, from)
        if after > first[site], states[after - 1] != .up { return false }
        // Neighbouring changes differ, so the next change of an up site is for the worse.
        return after == first[site + 1] || times[after] > to
    }

    /// The first change later than `time`; `.never` if there is none.
    public func nextChange(of site: Int, after time: SimTime) -> SimTime {
        let after = position(site, time)
        return after == first[site + 1] ? .never : times[after]
    }

    /// All changes of a site in the order of time; neighbouring states differ, and the first one differs from up.
    public func changes(of site: Int) -> [(SimTime, SiteState)] {
        (first[site]..<first[site + 1]).map { (times[$0], states[$0]) }
    }
}

/// Where a caller of `SiteSchedule.state(of:at:_:)` stands; one for each caller and site.
@frozen
public struct SiteCursor: Sendable, BitwiseCopyable {
    @usableFromInline var passed = 0

    @inlinable
    public init() {}
}
