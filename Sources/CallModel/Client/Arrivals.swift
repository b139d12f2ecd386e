import RandomVariates

extension Diurnal {
    /// Weight of each local hour; only their ratio to the mean counts.
    ///
    /// `business` follows office hours with a lunch dip, `social` peaks from 20 to 22 o'clock at 2.3 times the mean.
    /// Both are assumptions (docs/models/traffic.md). The day of the week is not modelled.
    public var hourWeights: [Double] {
        switch self {
        case .flat:
            Array(repeating: 1, count: 24)
        case .business:
            [
                0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 1.2, 2.2, 2.5, 2.2,
                1.3, 1.6, 2.3, 2.2, 1.8, 1.2, 0.8, 0.8, 0.8, 0.8, 0.8, 0.3,
            ]
        case .social:
            [
                0.8, 0.4, 0.15, 0.15, 0.15, 0.15, 0.3, 0.5, 0.8, 0.9, 0.9, 1.1,
                1.2, 1.0, 0.9, 0.9, 0.9, 1.1, 1.4, 1.9, 2.3, 2.3, 2.3, 1.5,
            ]
        }
    }
}

/// The rate of a population's calls over time: constant within each local hour.
public struct ArrivalRate: Sendable {
    /// Calls per second by local hour.
    public let perHour: [Double]
    /// Seconds of the local day at time zero.
    private let offset: Double

    /// - Parameters:
    ///   - mean: calls per second, over a day.
    ///   - startUTC: seconds since 1970 at time zero.
    public init(mean: Double, diurnal: Diurnal, startUTC: Int64, utcOffset: Int) {
        let weights = diurnal.hourWeights
        let total = weights.reduce(0, +)
        perHour = weights.map { mean * $0 * 24 / total }
        let local = (startUTC + Int64(utcOffset) * 3_600) % 86_400
        offset = Double(local < 0 ? local + 86_400 : local)
    }

    /// The largest rate of the day.
    public var peak: Double { perHour.max() ?? 0 }

    /// Calls per second at `time` seconds from the start; the past counts too.
    public func rate(at time: Double) -> Double { perHour[hour(at: time).index] }

    /// The local hour at `time`, and the time at which it ends.
    private func hour(at time: Double) -> (index: Int, end: Double) {
        let number = ((time + offset) / 3_600).rounded(.down)
        let day = (number / 24).rounded(.down)
        return (Int(number - day * 24), (number + 1) * 3_600 - offset)
    }

    /// The time at which the cumulative rate from `time` on reaches `amount`; `nil` if that is after `limit`.
    ///
    /// With exponential amounts of mean 1 these are the points of the Poisson process of this rate.
    public func time(after time: Double, amount: Double, limit: Double) -> Double? {
        var now = time
        var rest = amount
        while now < limit {
            let (index, end) = hour(at: now)
            let capacity = perHour[index] * (end - now)
            if rest < capacity {
                let point = now + rest / perHour[index]
                return point < limit ? point : nil
            }
            rest -= capacity
            now = end
        }
        return nil
    }
}
