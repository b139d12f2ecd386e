public import Measures
public import ResultStore
public import Scenario
public import Statistics

/// What is known of a run before its replications are looked at.
public struct RunIdentity: Hashable, Sendable {
    public var scenario: String
    /// The scenario file as the user named it.
    public var file: String
    public var seed: UInt64
    /// In seconds of simulated time; `nil` if the run is old and its scenario can no longer be read.
    public var horizon: Double?
    public var replicationsPlanned: Int
    public var expectations: [Expectation]
    /// `key=value` of each `--set`.
    public var overrides: [String]
    /// Number of the run in its database.
    public var run: Int64
    public var database: String
    public var backend: RunBackend
    /// Hash of scenario, deployment and overrides; two runs of one hash had the same input but for the seed.
    public var hash: String
    /// The version of this program that ran it.
    public var toolVersion: String

    public init(
        scenario: String, file: String, seed: UInt64, horizon: Double?, replicationsPlanned: Int,
        expectations: [Expectation], overrides: [String], run: Int64, database: String,
        backend: RunBackend = .simulate, hash: String = "", toolVersion: String = antipodeVersion
    ) {
        self.scenario = scenario
        self.file = file
        self.seed = seed
        self.horizon = horizon
        self.replicationsPlanned = replicationsPlanned
        self.expectations = expectations
        self.overrides = overrides
        self.run = run
        self.database = database
        self.backend = backend
        self.hash = hash
        self.toolVersion = toolVersion
    }
}

/// One `expect` line and how it turned out.
public struct JudgedExpectation: Hashable, Sendable {
    public var expectation: Expectation
    /// `nil` if no replication observed the response.
    public var estimate: ResponseEstimate?
    public var verdict: Verdict

    public init(expectation: Expectation, estimate: ResponseEstimate?, verdict: Verdict) {
        self.expectation = expectation
        self.estimate = estimate
        self.verdict = verdict
    }
}

/// The recovery time over replications, some of which may not have recovered before the horizon.
public struct RecoveryEstimate: Hashable, Sendable {
    /// Kaplan-Meier median in seconds after the first fault; `nil`: fewer than half recovered.
    public var median: Double?
    /// Its 95 % interval; an end is `nil` where the observations do not bound it.
    public var lower: Double?
    public var upper: Double?
    public var replications: Int
    /// Replications that had not recovered at the horizon.
    public var censored: Int

    public init(median: Double?, lower: Double?, upper: Double?, replications: Int, censored: Int) {
        self.median = median
        self.lower = lower
        self.upper = upper
        self.replications = replications
        self.censored = censored
    }
}

/// What an experiment found out: everything that a report prints.
public struct ExperimentResult: Hashable, Sendable {
    public var identity: RunIdentity
    public var verdict: Verdict
    public var expectations: [JudgedExpectation]
    /// Invariants that did not hold, each with its replication; any of them fails the run.
    public var violations: [String]
    /// Whether the user stopped the run, or it died, before all replications were there.
    public var isInterrupted: Bool
    public var fingerprint: UInt64
    /// One for each replication, by number.
    public var fingerprints: [UInt64]
    /// Summed over replications.
    public var ledger: Ledger
    /// In the order of `ResponseCatalogue`, others after it by name.
    public var responses: [ResponseEstimate]
    /// `nil` without faults.
    public var recovery: RecoveryEstimate?
    /// Worst over replications for each station, busiest first.
    public var stations: [StationRecord]
    public var faults: [FaultRecord]
    /// Assumptions that any replication read, sorted.
    public var assumptions: [String]
    /// The fidelity certificates of emulated replications, by number; empty for a simulated run.
    public var emulations: [InReplication<EmulationRecord>]
    /// Items served plus timers fired, over all replications.
    public var events: Int64
    public var cpuSeconds: Double
    public var wallSeconds: Double

    /// Whether there is a fingerprint: real servers never do quite the same twice.
    public var hasFingerprint: Bool { identity.backend == .simulate && !fingerprints.isEmpty }

    /// Replications that finished.
    public var replicationsDone: Int { fingerprints.count }

    /// What went beyond its bound in emulated replications, each with its replication; any makes the run inconclusive.
    public var fidelityProblems: [InReplication<String>] {
        emulations.flatMap { record in
            record.value.problems.map { InReplication(replication: record.replication, value: $0) }
        }
    }

    /// The estimate of a response by its name in the catalogue.
    public func response(named name: String) -> ResponseEstimate? { responses.first { $0.name == name } }
}
