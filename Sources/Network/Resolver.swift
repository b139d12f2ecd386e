public import EventKernel
import RandomVariates

/// One person's way to a DNS answer: the browser's cache over a recursive resolver's cache over the authority.
///
/// The recursive resolver serves many people, so it refreshes on a grid of its own with a random phase: an answer
/// that it hands out is as old as its last refresh. It keeps answers for the TTL; a violator's for a longer time,
/// uniform from the TTL to `violatorMaximum`, drawn once. The browser keeps what it got for `browserCache`.
/// All draws happen at creation and depend on the person alone.
public struct Resolver: Sendable {
    /// The site that the authority prefers for this person: their own region's unless mis-steered.
    public let preferred: Int
    private let lifetime: SimDuration
    private let phase: SimDuration
    private let browserCache: SimDuration
    private let missDelay: SimDuration
    /// Age of the browser's entry at the first query; `nil`: it has none.
    private let firstAge: SimDuration?
    private var cached: (site: Int, until: SimTime)?
    private var isFirst = true

    /// - Parameters:
    ///   - region: the person's own.
    ///   - resolverDelay: time of a query that the browser cannot answer itself.
    ///   - hitShare: probability that the browser has an entry at the first query.
    ///   - entity: the person's.
    public init(
        region: Int, sites: Int, parameters: SteeringParameters, resolverDelay: SimDuration, hitShare: Double,
        seed: UInt64, replication: UInt32, entity: UInt64
    ) {
        precondition(region >= 0 && region < sites)
        var stream = RandomStream(seed: seed, purpose: .resolver, replication: replication, entity: entity)
        // Every draw is made whatever the settings, so that a changed share moves nothing else.
        let isMissteered = stream.bernoulli(parameters.missteered)
        let elsewhere = stream.uniform()
        let isViolator = stream.bernoulli(parameters.violators)
        let stretch = stream.uniform()
        let phaseShare = stream.uniform()
        let hits = stream.bernoulli(hitShare)
        let ageShare = stream.uniform()
        preferred =
            isMissteered && sites > 1
            ? (region + 1 + min(sites - 2, Int(elsewhere * Double(sites - 1)))) % sites : region
        let timeToLive = max(parameters.timeToLive, .nanoseconds(1))
        let longest = max(timeToLive, parameters.violatorMaximum)
        lifetime = isViolator ? timeToLive + Self.share(stretch, of: longest - timeToLive) : timeToLive
        phase = Self.share(phaseShare, of: lifetime)
        browserCache = parameters.browserCache
        missDelay = resolverDelay
        firstAge = hits ? Self.share(ageShare, of: parameters.browserCache) : nil
    }

    private static func share(_ share: Double, of length: SimDuration) -> SimDuration {
        SimDuration(nanoseconds: Int64(share * Double(length.nanoseconds)))
    }

    /// Looks the service up at `time`; times must not go back.
    /// - Returns: the site, and how long the answer takes.
    public mutating func resolve(at time: SimTime, health: HealthSchedule) -> (site: Int, delay: SimDuration) {
        if isFirst {
            isFirst = false
            if let firstAge {
                let asked = time - firstAge
                cached = (lookUp(asked, health), asked + browserCache)
            }
        }
        if let cached, time < cached.until { return (cached.site, .zero) }
        let site = lookUp(time, health)
        cached = (site, time + missDelay + browserCache)
        return (site, missDelay)
    }

    /// Forgets the browser's cache, as on a change of network.
    public mutating func flush() { cached = nil }

    /// What the recursive resolver hands out at `time`: the authority's answer of its last refresh.
    private func lookUp(_ time: SimTime, _ health: HealthSchedule) -> Int {
        let period = lifetime.nanoseconds
        let gap = time.nanoseconds - phase.nanoseconds
        let steps = gap >= 0 ? gap / period : (gap - period + 1) / period
        return health.answer(preferred: preferred, at: SimTime(nanoseconds: phase.nanoseconds + steps * period))
    }
}
