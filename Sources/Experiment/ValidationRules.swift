public import Scenario
public import Statistics

/// One response over the runs of one back end. Runs in which it never happened count apart.
public struct Observation: Hashable, Sendable {
    /// Runs in all.
    public var count: Int
    /// Runs without a finite value.
    public var never: Int
    /// Over the finite values; `nil` where there is none, and for stored ranges, which keep no median.
    public var median: Double?
    public var least: Double?
    public var most: Double?

    public init(count: Int, never: Int, median: Double?, least: Double?, most: Double?) {
        self.count = count
        self.never = never
        self.median = median
        self.least = least
        self.most = most
    }

    /// - Parameter values: one for each run; `nil` or infinite: it never happened.
    public init(_ values: [Double?]) {
        let finite = values.compactMap { $0 }.filter(\.isFinite)
        self.init(
            count: values.count, never: values.count - finite.count, median: Statistics.median(of: finite),
            least: finite.min(), most: finite.max())
    }

    /// Runs in which it happened.
    public var happened: Int { count - never }
}

/// What the model is held against.
public enum Measurement: Hashable, Sendable {
    /// The values of runs on real servers just now; `nil`: it never happened. Runs that were not faithful are not in.
    case live([Double?])
    /// What earlier measurements saw, and how many those were.
    case stored(ClosedRange<Double>, measurements: Int)
    /// Nothing, for this reason.
    case none(String)
}

/// One line of a validation.
public struct ValidationRow: Hashable, Sendable {
    /// Where the measured values come from: real servers just now, the calibration file, or nowhere.
    public enum Source: String, Sendable {
        case live, stored, none
    }

    public var row: CalibrationRow
    public var unit: String
    /// With `row.above` its median is the share of runs in which the response exceeds that.
    public var simulated: Observation
    /// The same for what was measured; `nil`: nothing was.
    public var measured: Observation?
    public var source: Source
    /// From the simulated median to the nearest measured bound, 0 inside; `nil`: not to be said.
    public var error: Double?
    /// How large the error may be.
    public var tolerance: Double?
    public var verdict: Verdict
    /// Why it is not passed, or passed in spite of an error; empty otherwise.
    public var reason: String

    init(_ row: CalibrationRow, unit: String, simulated: Observation, measured: Observation?, source: Source) {
        self.row = row
        self.unit = unit
        self.simulated = simulated
        self.measured = measured
        self.source = source
        verdict = .pass
        reason = ""
    }

    /// Simulated median less the measured one; `nil` where either is missing.
    public var difference: Double? {
        guard let simulated = simulated.median, let measured = measured?.median else { return nil }
        return simulated - measured
    }

    mutating func settle(_ verdict: Verdict, _ reason: String = "") {
        self.verdict = verdict
        self.reason = reason
    }
}

extension CalibrationRow.Margin {
    /// In the response's unit, at a measured bound.
    func width(at bound: Double) -> Double {
        switch self {
        case .absolute(let width): width
        case .relative(let share): share * bound.magnitude
        }
    }
}

/// Distance of a value to a range, 0 inside, and the bound that is nearest.
func distance(of value: Double, to range: ClosedRange<Double>) -> (error: Double, bound: Double) {
    let (below, above) = (range.lowerBound - value, value - range.upperBound)
    return (max(0, below, above), above > below ? range.upperBound : range.lowerBound)
}

/// Holds the model against real servers in one response.
///
/// A time or a number passes if the simulated median lies in the measured range, widened by the row's margin or by
/// range / (n - 1), whichever is more: of n independent values the range covers (n - 1) / (n + 1) of a uniform law's
/// support, so on each side range / (n - 1) of it is to be expected beyond (David and Nagaraja, Order Statistics,
/// 2003, section 2.5).
///
/// What never happens in some runs is a coin flip: the simulated share of runs in which it happens must lie in the
/// 95 % Wilson interval of the measured one; where both always or both never happen there is nothing to flip. The
/// same holds for rows with `above`, which compare nothing but that share, with their margin beside the interval.
/// - Parameter simulated: one value for each run; `nil`: it never happened.
public func judge(
    _ row: CalibrationRow, unit: String, simulated: [Double?], measured: Measurement
) -> ValidationRow {
    if let bound = row.above { return judgeShare(row, above: bound, simulated: simulated, measured: measured) }
    let model = Observation(simulated)
    var judged: ValidationRow
    switch measured {
    case .none(let reason):
        judged = ValidationRow(row, unit: unit, simulated: model, measured: nil, source: .none)
        judged.settle(.inconclusive, reason)
        return judged
    case .live(let values):
        judged = ValidationRow(row, unit: unit, simulated: model, measured: Observation(values), source: .live)
    case .stored(let range, let count):
        let seen = Observation(
            count: count, never: 0, median: nil, least: range.lowerBound, most: range.upperBound)
        judged = ValidationRow(row, unit: unit, simulated: model, measured: seen, source: .stored)
    }
    guard model.count > 0 else {
        judged.settle(.inconclusive, "nothing was simulated")
        return judged
    }
    guard let real = judged.measured, real.count > 0 else {
        judged.settle(.inconclusive, "no run on real servers is left")
        return judged
    }
    if let refusal = refuseNever(model, real) {
        judged.settle(.fail, refusal)
        return judged
    }
    guard let median = model.median, let least = real.least, let most = real.most else { return judged }
    let (error, bound) = distance(of: median, to: least...most)
    let tolerance = max(row.margin.width(at: bound), real.happened > 1 ? (most - least) / Double(real.happened - 1) : 0)
    judged.error = error
    judged.tolerance = tolerance
    if error > tolerance { judged.settle(.fail, "outside the measured range by more than the margin") }
    return judged
}

/// Why shares of runs in which something happens do not go together; `nil`: they do.
private func refuseNever(_ model: Observation, _ real: Observation) -> String? {
    if model.never == 0 && real.never == 0 { return nil }
    if model.happened == 0 && real.happened == 0 { return nil }
    if model.happened == 0 && real.never == 0 { return "never on the model, always on real servers" }
    if model.never == 0 && real.happened == 0 { return "always on the model, never on real servers" }
    let share = Double(model.happened) / Double(model.count)
    guard let interval = wilsonInterval(successes: real.happened, trials: real.count) else { return nil }
    if share >= interval.lower && share <= interval.upper { return nil }
    return "happened in \(model.happened) of \(model.count) simulated and \(real.happened) of \(real.count) real runs"
}

/// A row with `above`: whether the response exceeds a value is a coin flip, and its share is compared.
private func judgeShare(
    _ row: CalibrationRow, above bound: Double, simulated: [Double?], measured: Measurement
) -> ValidationRow {
    // What never happens exceeds nothing: `above: 0` asks in how many runs it happens at all.
    func exceeding(_ values: [Double?]) -> Int { values.count { $0.map { $0.isFinite && $0 > bound } ?? false } }
    func shares(_ values: [Double?]) -> Observation {
        let share = values.isEmpty ? nil : Double(exceeding(values)) / Double(values.count)
        return Observation(count: values.count, never: 0, median: share, least: share, most: share)
    }
    let model = shares(simulated)
    var judged: ValidationRow
    var interval: Interval?
    switch measured {
    case .none(let reason):
        judged = ValidationRow(row, unit: "share", simulated: model, measured: nil, source: .none)
        judged.settle(.inconclusive, reason)
        return judged
    case .live(let values):
        judged = ValidationRow(row, unit: "share", simulated: model, measured: shares(values), source: .live)
        interval = wilsonInterval(successes: exceeding(values), trials: values.count)
    case .stored(let range, let count):
        let seen = Observation(
            count: count, never: 0, median: nil, least: range.lowerBound, most: range.upperBound)
        judged = ValidationRow(row, unit: "share", simulated: model, measured: seen, source: .stored)
        interval = wilson(range, count)
    }
    guard let share = model.median else {
        judged.settle(.inconclusive, "nothing was simulated")
        return judged
    }
    guard let interval, let least = judged.measured?.least, let most = judged.measured?.most else {
        judged.settle(.inconclusive, "no run on real servers is left")
        return judged
    }
    let (error, nearest) = distance(of: share, to: least...most)
    judged.error = error
    judged.tolerance = row.margin.width(at: nearest)
    if error <= row.margin.width(at: nearest) { return judged }
    if share >= interval.lower && share <= interval.upper {
        judged.reason = "inside the 95 % interval of the measured share"
    } else {
        judged.settle(.fail, "outside the 95 % interval of the measured share")
    }
    return judged
}

/// From the lower end of the interval of the least share to the upper end of that of the greatest.
private func wilson(_ range: ClosedRange<Double>, _ trials: Int) -> Interval? {
    func successes(_ share: Double) -> Int { min(trials, max(0, Int((share * Double(trials)).rounded()))) }
    guard
        let lower = wilsonInterval(successes: successes(range.lowerBound), trials: trials),
        let upper = wilsonInterval(successes: successes(range.upperBound), trials: trials)
    else { return nil }
    return Interval(lower: lower.lower, upper: upper.upper, level: lower.level)
}
