/// Count, mean and variance of numbers seen one at a time (Welford 1962), mergeable (Chan, Golub, LeVeque 1979).
///
/// Equal values leave a variance of exactly zero, whatever their size. The result of `merge` depends on the order
/// in its last bits: what must be the same on every machine belongs into integers.
public struct Moments: Hashable, Sendable {
    public private(set) var count = 0
    /// 0 while `count` is 0.
    public private(set) var mean = 0.0
    private var squares = 0.0

    public init() {}

    public init(_ values: some Sequence<Double>) {
        for value in values { add(value) }
    }

    public mutating func add(_ value: Double) {
        count += 1
        let before = value - mean
        mean += before / Double(count)
        squares += before * (value - mean)
    }

    public mutating func merge(_ other: Moments) {
        if other.count == 0 { return }
        if count == 0 {
            self = other
            return
        }
        let total = Double(count + other.count)
        let distance = other.mean - mean
        squares += other.squares + distance * distance * Double(count) * Double(other.count) / total
        mean += distance * Double(other.count) / total
        count += other.count
    }

    /// The sample variance (divisor n - 1); `nil` below two values.
    public var variance: Double? { count < 2 ? nil : squares / Double(count - 1) }
    /// The standard error of the mean; `nil` below two values.
    public var standardError: Double? { variance.map { ($0 / Double(count)).squareRoot() } }
}

/// A mean over replications with its uncertainty.
public struct Estimate: Hashable, Sendable {
    public var mean: Double
    /// Half the length of the confidence interval; `nil` with one replication, which has no interval.
    public var halfWidth: Double?
    /// Replications behind it.
    public var n: Int
    /// Confidence level, for example 0.95.
    public var level: Double

    public init(mean: Double, halfWidth: Double?, n: Int, level: Double) {
        self.mean = mean
        self.halfWidth = halfWidth
        self.n = n
        self.level = level
    }

    /// Lower end of the interval; `nil` without one.
    public var lower: Double? { halfWidth.map { mean - $0 } }
    /// Upper end of the interval; `nil` without one.
    public var upper: Double? { halfWidth.map { mean + $0 } }
    /// The confidence interval; `nil` with one replication.
    public var interval: Interval? {
        halfWidth.map { Interval(lower: mean - $0, upper: mean + $0, level: level) }
    }
}

/// A confidence interval, ends included.
public struct Interval: Hashable, Sendable {
    public var lower: Double
    public var upper: Double
    /// Confidence level; at least this where the exact one is not attainable (order statistics).
    public var level: Double

    public init(lower: Double, upper: Double, level: Double) {
        self.lower = lower
        self.upper = upper
        self.level = level
    }
}

/// Student's t interval for the mean of independent replications, n - 1 degrees of freedom.
///
/// One number for each replication goes in: an interval over the calls within one run would be far too narrow, since
/// they fail together. Equal values give an interval of length zero. Infinite values have no interval: judge those
/// by `quantileInterval`.
/// - Parameter level: 0 < level < 1.
/// - Returns: `nil` without values; no half-width with a single one.
public func meanInterval(_ values: [Double], level: Double = 0.95) -> Estimate? {
    precondition(level > 0 && level < 1)
    if values.isEmpty { return nil }
    let moments = Moments(values)
    var halfWidth: Double?
    if let error = moments.standardError, error.isFinite {
        let factor = StudentT.quantile(1 - (1 - level) / 2, degrees: Double(values.count - 1))
        halfWidth = error == 0 ? 0 : factor * error
    }
    return Estimate(mean: moments.mean, halfWidth: halfWidth, n: values.count, level: level)
}

/// The interval for a ratio of means when each replication gives a pair, for example setups that succeeded and
/// setups in all: the ratio estimator, clustered by replication, with n - 1 degrees of freedom
/// (Cochran, Sampling Techniques, 1977, chapter 6).
///
/// - Returns: `nil` if the denominators sum to zero; no half-width with a single pair.
public func ratioInterval(
    numerators: [Double], denominators: [Double], level: Double = 0.95
) -> Estimate? {
    precondition(numerators.count == denominators.count && level > 0 && level < 1)
    let n = numerators.count
    let total = denominators.reduce(0, +)
    if total == 0 { return nil }
    let ratio = numerators.reduce(0, +) / total
    var halfWidth: Double?
    if n > 1 {
        var residuals = 0.0
        for (numerator, denominator) in zip(numerators, denominators) {
            let residual = numerator - ratio * denominator
            residuals += residual * residual
        }
        let meanDenominator = total / Double(n)
        let error = (residuals / Double(n - 1) / Double(n)).squareRoot() / meanDenominator
        halfWidth = StudentT.quantile(1 - (1 - level) / 2, degrees: Double(n - 1)) * error
    }
    return Estimate(mean: ratio, halfWidth: halfWidth, n: n, level: level)
}

/// Wilson's score interval for a proportion of independent trials (Wilson 1927).
///
/// - Returns: `nil` without trials.
public func wilsonInterval(successes: Int, trials: Int, level: Double = 0.95) -> Interval? {
    precondition(successes >= 0 && successes <= trials && level > 0 && level < 1)
    if trials == 0 { return nil }
    let n = Double(trials)
    let share = Double(successes) / n
    let z = StandardNormal.quantile(1 - (1 - level) / 2)
    let scale = 1 + z * z / n
    let centre = (share + z * z / (2 * n)) / scale
    let half = z / scale * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    // At the ends the formula gives 0 and 1 but for rounding.
    return Interval(
        lower: successes == 0 ? 0 : centre - half, upper: successes == trials ? 1 : centre + half, level: level)
}
