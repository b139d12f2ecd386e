import Measures
import Scenario
import Statistics

/// A response over replications: each replication counts once, whatever happened inside it.
public struct ResponseEstimate: Hashable, Sendable {
    public var name: String
    public var unit: String
    /// Mean over the replications that observed it; infinite if it never happened in one of them, `nil` if none
    /// did. Also `nil` for a recovery time that the horizon cut off in some of them (see `RecoveryEstimate`).
    public var mean: Double?
    /// 95 % Student-t interval; `nil` with fewer than two finite observations, or if one is infinite.
    public var lower: Double?
    public var upper: Double?
    /// The extremes over replications; `nil` where there is no mean, or an infinite one.
    public var least: Double?
    public var most: Double?
    /// Replications with a finite value.
    public var observed: Int
    /// Replications in which it never happened (an infinite value).
    public var never: Int
    /// Replications without a value: censored by the horizon, or nothing to measure.
    public var missing: Int

    public init(
        name: String, unit: String, mean: Double?, lower: Double?, upper: Double?, least: Double? = nil,
        most: Double? = nil, observed: Int, never: Int, missing: Int
    ) {
        self.name = name
        self.unit = unit
        self.mean = mean
        self.lower = lower
        self.upper = upper
        self.least = least
        self.most = most
        self.observed = observed
        self.never = never
        self.missing = missing
    }

    /// Half the width of the interval.
    public var halfWidth: Double? {
        guard let lower, let upper else { return nil }
        return (upper - lower) / 2
    }

    /// For times that the horizon cut off: a mean of those that ended before it would flatter.
    mutating func withholdMean() {
        mean = nil
        lower = nil
        upper = nil
        least = nil
        most = nil
    }

    /// - Parameter values: one for each replication; `nil` if it did not observe the response.
    public init(name: String, unit: String, values: [Double?]) {
        let seen = values.compactMap { $0 }
        let finite = seen.filter(\.isFinite)
        let never = seen.count - finite.count
        let estimate = meanInterval(finite)
        self.init(
            name: name, unit: unit, mean: never > 0 ? .infinity : estimate?.mean,
            lower: never > 0 ? nil : estimate?.lower, upper: never > 0 ? nil : estimate?.upper,
            least: never > 0 ? nil : finite.min(), most: never > 0 ? nil : finite.max(),
            observed: finite.count, never: never, missing: values.count - seen.count)
    }
}

/// The response that the horizon censors, and that is therefore judged and reported by its own rules.
let recoveryResponse = "recovery.time"

/// Estimates of every response that a replication has, in the order of the catalogue; others after it by name.
func estimateResponses(_ replications: [ReplicationDigest]) -> [ResponseEstimate] {
    var units: [String: String] = [:]
    for response in replications.flatMap(\.responses) { units[response.name] = response.unit }
    let tables = replications.map { replication in
        Dictionary(replication.responses.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
    let catalogue = ResponseCatalogue.all.map(\.name)
    let others = Set(units.keys).subtracting(catalogue).sorted()
    return (catalogue + others).compactMap { name in
        guard let unit = units[name] else { return nil }
        var estimate = ResponseEstimate(name: name, unit: unit, values: tables.map { $0[name] ?? nil })
        if name == recoveryResponse && estimate.missing > 0 { estimate.withholdMean() }
        return estimate
    }
}

/// Judges one `expect` line.
///
/// An infinite observation exceeds every upper bound, so the mean does too. Replications in which recovery was cut off
/// by the horizon are judged by what is known of them: it took at least until then.
/// - Parameter censoredAt: seconds from the first fault to the horizon; `nil` without faults.
func judge(
    _ expectation: Expectation, replications: [ReplicationDigest], estimates: [ResponseEstimate],
    censoredAt: Double?
) -> JudgedExpectation {
    guard let estimate = estimates.first(where: { $0.name == expectation.response }) else {
        return JudgedExpectation(expectation: expectation, estimate: nil, verdict: .inconclusive)
    }
    let verdict: Verdict
    if estimate.never > 0 {
        verdict = expectation.atMost == nil ? .inconclusive : .fail
    } else if expectation.response == recoveryResponse, estimate.missing > 0, let censoredAt, censoredAt.isFinite {
        verdict = judgeCensored(expectation, replications: replications, censoredAt: censoredAt)
    } else {
        let mean = estimate.mean.map {
            Estimate(mean: $0, halfWidth: estimate.halfWidth, n: estimate.observed, level: confidenceLevel)
        }
        verdict = Verdict(mean, atLeast: expectation.atLeast, atMost: expectation.atMost)
    }
    return JudgedExpectation(expectation: expectation, estimate: estimate, verdict: verdict)
}

/// The level of every interval that an experiment states.
public let confidenceLevel = 0.95

/// Takes each censored time for its least possible value, which bounds the mean from below: enough to fail an upper
/// bound or to pass a lower one, never for the reverse.
private func judgeCensored(
    _ expectation: Expectation, replications: [ReplicationDigest], censoredAt: Double
) -> Verdict {
    let least = meanInterval(recoveryTimes(replications).map { min($0 ?? censoredAt, censoredAt) })
    guard let interval = least?.interval else { return .inconclusive }
    if let most = expectation.atMost { return interval.lower > most ? .fail : .inconclusive }
    if let bound = expectation.atLeast { return interval.lower >= bound ? .pass : .inconclusive }
    return .inconclusive
}

/// Recovery times in seconds by replication; `nil`: not before the horizon.
private func recoveryTimes(_ replications: [ReplicationDigest]) -> [Double?] {
    replications.map { replication in
        replication.responses.first { $0.name == recoveryResponse }?.value
    }
}

/// Recovery over replications by Kaplan and Meier, since a mean of those that recovered in time would flatter.
///
/// The interval of the median is the distribution-free one over the times, with censored ones counted as later than
/// the horizon; it exists from six replications on.
func estimateRecovery(_ replications: [ReplicationDigest], censoredAt: Double?) -> RecoveryEstimate? {
    guard let censoredAt, !replications.isEmpty else { return nil }
    let times = recoveryTimes(replications)
    let curve = KaplanMeier(times.map { $0.map(SurvivalObservation.event) ?? .censored(censoredAt) })
    let bounds = medianInterval(of: times.map { $0 ?? .infinity })
    return RecoveryEstimate(
        median: curve.median.flatMap { $0.isFinite ? $0 : nil },
        lower: bounds.flatMap { $0.lower.isFinite ? $0.lower : nil },
        upper: bounds.flatMap { $0.upper.isFinite ? $0.upper : nil },
        replications: times.count, censored: times.count { $0 == nil || $0 == .infinity })
}
