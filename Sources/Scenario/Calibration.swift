/// What `validate` compares between the model and real servers, for one scenario.
public struct Calibration: Hashable, Sendable {
    /// Groups of comparisons that are run together.
    public enum Suite: String, CaseIterable, Sendable {
        case healthy, burst, partition, kill, throttle
    }

    public var suite: Suite
    /// Replications on real servers, at least 1.
    public var liveRuns: Int
    /// Replications on the model; the comparison is of its median, so at least 20.
    public var simulatedRuns: Int
    /// Whether it needs the machine for itself: sub-millisecond or CPU measurements do.
    public var isExclusive: Bool
    public var rows: [CalibrationRow]
    /// A setting that takes several values, for a picture of a response over it; `nil`: none.
    public var sweep: CalibrationSweep?

    public init(
        suite: Suite, liveRuns: Int, simulatedRuns: Int, isExclusive: Bool, rows: [CalibrationRow],
        sweep: CalibrationSweep?
    ) {
        self.suite = suite
        self.liveRuns = liveRuns
        self.simulatedRuns = simulatedRuns
        self.isExclusive = isExclusive
        self.rows = rows
        self.sweep = sweep
    }
}

/// One response that is compared.
public struct CalibrationRow: Hashable, Sendable {
    /// How far the simulated median may lie outside what was measured.
    public enum Margin: Hashable, Sendable {
        /// In the response's unit.
        case absolute(Double)
        /// Of the nearest measured bound.
        case relative(Double)
    }

    public var response: String
    /// What it is, for people; `nil`: the response's name alone.
    public var title: String?
    public var margin: Margin
    /// For outcomes that are coin flips: the share of runs in which the response exceeds this is what is compared. A
    /// run without a value counts as one that does not.
    public var above: Double?
    /// Range that earlier measurements saw (with `above`: of shares); `nil`: never measured before.
    public var measured: ClosedRange<Double>?
    /// How many measurements that was.
    public var measurements: Int
    /// Shown beside what was measured; `nil`: none.
    public var published: PublishedFigure?

    public init(
        response: String, title: String?, margin: Margin, above: Double?, measured: ClosedRange<Double>?,
        measurements: Int, published: PublishedFigure? = nil
    ) {
        self.response = response
        self.title = title
        self.margin = margin
        self.above = above
        self.measured = measured
        self.measurements = measurements
        self.published = published
    }
}

/// What others have published about a response. Conditions are theirs, so nothing is compared with it.
public struct PublishedFigure: Hashable, Sendable {
    /// In the response's unit.
    public var value: Double
    /// Who, and where.
    public var source: String

    public init(value: Double, source: String) {
        self.value = value
        self.source = source
    }
}

/// A setting over a range of durations, for example the length of a cut.
public struct CalibrationSweep: Hashable, Sendable {
    /// Dotted key as for `--set`, for example `timeline.0.for`.
    public var key: String
    /// Values on the model, nanoseconds.
    public var values: [Int64]
    /// Values on real servers, a subset of `values`.
    public var live: [Int64]

    public init(key: String, values: [Int64], live: [Int64]) {
        self.key = key
        self.values = values
        self.live = live
    }
}
