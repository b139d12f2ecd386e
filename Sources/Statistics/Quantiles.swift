/// The value at nearest rank `ceil(p * n)`: one that was observed, never interpolated.
///
/// - Parameter p: 0 to 1.
/// - Returns: `nil` without values.
public func quantile(_ p: Double, of values: [Double]) -> Double? {
    precondition(p >= 0 && p <= 1)
    if values.isEmpty { return nil }
    let rank = Int((p * Double(values.count)).rounded(.up))
    return values.sorted()[max(1, min(values.count, rank)) - 1]
}

/// The median: the middle value, or the mean of the two in the middle.
public func median(of values: [Double]) -> Double? {
    if values.isEmpty { return nil }
    let sorted = values.sorted()
    let upper = sorted[sorted.count / 2]
    if sorted.count % 2 == 1 { return upper }
    let lower = sorted[sorted.count / 2 - 1]
    return lower == upper ? upper : lower + (upper - lower) / 2
}

/// A distribution-free interval for the quantile of order `p` of independent values, from two order statistics.
///
/// It assumes nothing about the distribution, and infinite values (never happened) are welcome. The level is at least
/// the one asked for: each end errs with probability at most (1 - level) / 2.
/// - Parameter p: 0 < p < 1.
/// - Returns: `nil` if there are too few values: at level 0.95 the median needs 6, the 95th percentile 72 and the
///   99th 368.
public func quantileInterval(_ p: Double, of values: [Double], level: Double = 0.95) -> Interval? {
    precondition(p > 0 && p < 1 && level > 0 && level < 1)
    guard let ranks = quantileRanks(p, count: values.count, level: level) else { return nil }
    let sorted = values.sorted()
    return Interval(lower: sorted[ranks.lower - 1], upper: sorted[ranks.upper - 1], level: level)
}

/// The median's `quantileInterval`.
public func medianInterval(of values: [Double], level: Double = 0.95) -> Interval? {
    quantileInterval(0.5, of: values, level: level)
}

/// Ranks, counted from 1, of the order statistics that enclose the quantile; `nil` if `count` is too small.
func quantileRanks(_ p: Double, count: Int, level: Double) -> (lower: Int, upper: Int)? {
    let tail = (1 - level) / 2
    // The quantile lies below the value of rank r with probability P(fewer than r values below it).
    func errsBelow(_ rank: Int) -> Bool { binomialCumulative(rank - 1, trials: count, p) <= tail }
    func errsAbove(_ rank: Int) -> Bool { 1 - binomialCumulative(rank - 1, trials: count, p) <= tail }
    guard count > 0, errsBelow(1), errsAbove(count) else { return nil }
    let lower = lastIndex(1...count) { errsBelow($0) }
    let upper = lastIndex(1...count) { !errsAbove($0) } + 1
    return (lower, min(upper, count))
}

/// The last number for which a condition holds that holds up to some point and fails after it; one less than the
/// range's start if it never does.
private func lastIndex(_ range: ClosedRange<Int>, where holds: (Int) -> Bool) -> Int {
    var low = range.lowerBound - 1
    var high = range.upperBound + 1
    while high - low > 1 {
        let middle = low + (high - low) / 2
        if holds(middle) { low = middle } else { high = middle }
    }
    return low
}
