public import Scenario
public import Statistics

/// A response at one value of a swept setting.
public struct SweepPoint: Hashable, Sendable {
    /// Of the setting, nanoseconds.
    public var value: Int64
    public var simulated: Observation
    /// One for each run on real servers; `nil`: it never happened.
    public var live: [Double?]
    /// For each of them, whether it lies within what was simulated.
    public var isInside: [Bool]
}

/// One response over the values of a setting.
public struct ValidationSweep: Hashable, Sendable {
    /// Dotted key of the setting.
    public var key: String
    public var row: CalibrationRow
    public var unit: String
    public var points: [SweepPoint]
    /// `nil`: not compared, since there was no real server; it has no part in the whole then.
    public var verdict: Verdict?
    /// Why it is not passed; empty otherwise.
    public var reason: String

    /// Runs on real servers, and those of them within what was simulated.
    public var live: Int { points.reduce(0) { $0 + $1.live.count } }
    /// How many of `live` lie within what was simulated at their value of the setting.
    public var inside: Int { points.reduce(0) { $0 + $1.isInside.count { $0 } } }
}

/// Holds a response against real servers at each value of a setting.
///
/// A real run lies inside if its value is between the least and the greatest simulated one, widened by the margin;
/// one in which it never happened if that was simulated too. If the model is right, a real run is just one more draw
/// and lies outside the range of n simulated ones with probability 2 / (n + 1). So the sweep passes as long as no more
/// lie outside than chance alone leaves there in 95 of 100 sweeps, and fewer than half in any case.
/// - Parameter values: the setting's values, with the runs on the model and on real servers.
func judgeSweep(
    _ row: CalibrationRow, unit: String, key: String, isCompared: Bool,
    values: [(value: Int64, simulated: [Double?], live: [Double?])]
) -> ValidationSweep {
    let points = values.map { value, simulated, live in
        let model = Observation(simulated)
        return SweepPoint(
            value: value, simulated: model, live: live, isInside: live.map { isInside($0, model, row.margin) })
    }
    var sweep = ValidationSweep(key: key, row: row, unit: unit, points: points, verdict: nil, reason: "")
    guard isCompared else {
        sweep.reason = "needs real servers"
        return sweep
    }
    let runs = points.filter { !$0.live.isEmpty }.map(\.simulated.count).min() ?? 0
    guard sweep.live > 0, runs > 0 else {
        sweep.verdict = .inconclusive
        sweep.reason = "no run on real servers is left"
        return sweep
    }
    let outside = sweep.live - sweep.inside
    let allowed = allowedOutside(of: sweep.live, simulatedRuns: runs)
    sweep.verdict = outside <= allowed ? .pass : .fail
    if outside > 0 { sweep.reason = "\(outside) outside, where chance leaves up to \(allowed)" }
    return sweep
}

/// The least number that chance exceeds in fewer than 5 of 100 sweeps, but always fewer than half.
func allowedOutside(of live: Int, simulatedRuns: Int) -> Int {
    let probability = 2 / Double(simulatedRuns + 1)
    let fewerThanHalf = max(0, (live - 1) / 2)
    return (0..<fewerThanHalf).first { binomialCumulative($0, trials: live, probability) >= 0.95 } ?? fewerThanHalf
}

private func isInside(_ value: Double?, _ model: Observation, _ margin: CalibrationRow.Margin) -> Bool {
    guard let value, value.isFinite else { return model.never > 0 }
    guard let least = model.least, let most = model.most else { return false }
    let (error, bound) = distance(of: value, to: least...most)
    return error <= margin.width(at: bound)
}
