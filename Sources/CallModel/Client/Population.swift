public import EventKernel
public import Network

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

/// A share of calls with sizes in a range.
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
