/// One time until an event, or until the observation ended without it.
public struct SurvivalObservation: Hashable, Sendable {
    /// Not negative; `.infinity` for something that will never happen.
    public var time: Double
    /// The observation ended at `time` before the event.
    public var isCensored: Bool

    public init(time: Double, isCensored: Bool) {
        self.time = time
        self.isCensored = isCensored
    }

    /// The event happened after `time`; after `.infinity` if it is known never to happen (somebody gave up).
    public static func event(_ time: Double) -> SurvivalObservation { .init(time: time, isCensored: false) }
    /// Nothing had happened when the observation ended.
    public static func censored(_ time: Double) -> SurvivalObservation { .init(time: time, isCensored: true) }
}

/// The product-limit estimate of a survival function from censored times (Kaplan and Meier 1958).
///
/// A mean of the times that ended within the horizon would flatter a system that often recovers late. Events come
/// before censorings at the same time, as is usual.
public struct KaplanMeier: Hashable, Sendable {
    /// A point at which the survival estimate falls.
    public struct Step: Hashable, Sendable {
        /// Time at which the event happened at least once.
        public var time: Double
        /// Share that has not had the event by `time`, that instant included.
        public var survival: Double
        /// Observations still open just before `time`.
        public var atRisk: Int
        public var events: Int
    }

    public private(set) var steps: [Step] = []
    public let count: Int
    public let censored: Int

    public init(_ observations: [SurvivalObservation]) {
        precondition(observations.allSatisfy { $0.time >= 0 }, "times are not negative")
        count = observations.count
        censored = observations.count { $0.isCensored }
        let sorted = observations.sorted { ($0.time, $0.isCensored ? 1 : 0) < ($1.time, $1.isCensored ? 1 : 0) }
        var survival = 1.0
        var index = 0
        while index < sorted.count {
            let time = sorted[index].time
            let atRisk = sorted.count - index
            var events = 0
            while index < sorted.count, sorted[index].time == time {
                if !sorted[index].isCensored { events += 1 }
                index += 1
            }
            if events == 0 { continue }
            survival *= Double(atRisk - events) / Double(atRisk)
            steps.append(Step(time: time, survival: survival, atRisk: atRisk, events: events))
        }
    }

    /// Share censored, 0 to 1; `nil` without observations.
    public var censoredShare: Double? { count == 0 ? nil : Double(censored) / Double(count) }

    /// Estimated share that has not had the event by `time`. After the last observation, if that was censored, this
    /// is an upper bound.
    public func survival(at time: Double) -> Double {
        var result = 1.0
        for step in steps where step.time <= time { result = step.survival }
        return result
    }

    /// The earliest time by which a share of `p` has had the event; `nil` if the observations end before.
    /// `.infinity` if that share never has it.
    public func quantile(_ p: Double) -> Double? {
        precondition(p > 0 && p < 1)
        // A hair of tolerance, or a product such as 4/5 * 3/4 * 2/3 * 1/2 would miss its exact value 1/5.
        return steps.first { $0.survival <= 1 - p + 1e-12 }?.time
    }

    /// The least time by which half have had the event; `nil`: not reached.
    public var median: Double? { quantile(0.5) }
}
