public import Measures
public import Scenario
public import Statistics

/// A run on real servers that does not count, and why.
public struct ExcludedRun: Hashable, Sendable {
    /// From 0.
    public var run: Int
    /// The value of the swept setting in nanoseconds; `nil` without a sweep.
    public var value: Int64?
    public var reasons: [String]

    public init(run: Int, value: Int64?, reasons: [String]) {
        self.run = run
        self.value = value
        self.reasons = reasons
    }
}

/// A calibration scenario held against real servers.
public struct ValidatedCase: Hashable, Sendable {
    public var file: String
    public var scenario: String
    public var suite: Calibration.Suite
    public var simulatedRuns: Int
    /// Runs on real servers that count.
    public var liveRuns: Int
    /// For example `2.9.10`; `nil`: held against stored measurements.
    public var server: String?
    /// Why there was no real server; empty otherwise.
    public var storedReason: String
    public var rows: [ValidationRow]
    public var sweeps: [ValidationSweep]
    public var excluded: [ExcludedRun]
    /// Certificates of the runs that count.
    public var emulations: [EmulationRecord]

    /// `nil` if it holds nothing but sweeps that were not compared.
    public var verdict: Verdict? {
        let verdicts = rows.map(\.verdict) + sweeps.compactMap(\.verdict)
        return verdicts.isEmpty ? nil : Verdict.overall(verdicts)
    }
}

/// What a validation found.
public struct ValidationResult: Hashable, Sendable {
    /// In the order in which they were given.
    public var cases: [ValidatedCase]
    /// Whether the user stopped it.
    public var isInterrupted: Bool

    public init(cases: [ValidatedCase], isInterrupted: Bool) {
        self.cases = cases
        self.isInterrupted = isInterrupted
    }

    /// Failed if anything failed, inconclusive if anything is open or nothing was compared, else passed.
    public var verdict: Verdict {
        let verdicts = cases.compactMap(\.verdict)
        let open: [Verdict] = isInterrupted || verdicts.isEmpty ? [.inconclusive] : []
        return Verdict.overall(verdicts + open)
    }
}
