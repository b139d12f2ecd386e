public import Measures

/// What a scenario ran on.
public enum RunBackend: String, CaseIterable, Sendable {
    /// The model.
    case simulate
    /// Real nats-server processes behind an emulated link.
    case emulate
}

/// What is known about a run before its first replication.
public struct RunDescription: Hashable, Sendable {
    public var name: String
    /// The scenario's file, as given on the command line.
    public var file: String
    /// The whole text of the scenario.
    public var scenarioText: String
    /// The whole text of the deployment's file; empty if it is inline.
    public var deploymentText: String
    /// Hash of everything that decides the results except seed and number of replications: scenario, deployment,
    /// overrides and version of the model.
    public var hash: String
    /// The `--set key=value` of the command line, in order.
    public var overrides: [String]
    public var seed: UInt64
    /// Replications planned, at least 1.
    public var replications: Int
    public var threads: Int
    public var toolVersion: String
    public var host: String
    public var cores: Int
    /// UTC as `2026-11-23T12:00:00Z`.
    public var startedUTC: String
    public var backend: RunBackend

    public init(
        name: String, file: String, scenarioText: String, deploymentText: String, hash: String,
        overrides: [String], seed: UInt64, replications: Int, threads: Int, toolVersion: String, host: String,
        cores: Int, startedUTC: String, backend: RunBackend = .simulate
    ) {
        self.name = name
        self.file = file
        self.scenarioText = scenarioText
        self.deploymentText = deploymentText
        self.hash = hash
        self.overrides = overrides
        self.seed = seed
        self.replications = replications
        self.threads = threads
        self.toolVersion = toolVersion
        self.host = host
        self.cores = cores
        self.startedUTC = startedUTC
        self.backend = backend
    }
}

/// Where a run stands. A run that was killed still says `running`.
public enum RunState: String, CaseIterable, Sendable {
    case running, finished, interrupted
}

/// One response over the replications of a run.
public struct StoredEstimate: Hashable, Sendable {
    public var response: String
    public var unit: String
    /// `nil`: no replication observed it.
    public var mean: Double?
    /// `nil`: fewer than two observations.
    public var halfWidth: Double?
    /// Replications that observed it.
    public var n: Int
    /// Confidence level, 0 to 1.
    public var level: Double

    public init(response: String, unit: String, mean: Double?, halfWidth: Double?, n: Int, level: Double) {
        self.response = response
        self.unit = unit
        self.mean = mean
        self.halfWidth = halfWidth
        self.n = n
        self.level = level
    }
}

/// What became of one line of the scenario's `expect` block.
public struct StoredExpectation: Hashable, Sendable {
    /// As written in the scenario.
    public var text: String
    public var response: String
    public var unit: String
    public var atLeast: Double?
    public var atMost: Double?
    /// `pass`, `fail` or `inconclusive`.
    public var verdict: String

    public init(
        text: String, response: String, unit: String, atLeast: Double?, atMost: Double?, verdict: String
    ) {
        self.text = text
        self.response = response
        self.unit = unit
        self.atLeast = atLeast
        self.atMost = atMost
        self.verdict = verdict
    }
}

/// How a run ended.
public struct RunConclusion: Hashable, Sendable {
    /// `finished` or `interrupted`.
    public var state: RunState
    /// `pass`, `fail` or `inconclusive`; `nil` if the run was interrupted.
    public var verdict: String?
    /// Over all replications; `nil` if there is none.
    public var fingerprint: UInt64?
    public var estimates: [StoredEstimate]
    public var expectations: [StoredExpectation]
    /// UTC as `2026-11-23T12:00:00Z`.
    public var finishedUTC: String
    public var wallSeconds: Double
    public var cpuSeconds: Double

    public init(
        state: RunState, verdict: String?, fingerprint: UInt64?, estimates: [StoredEstimate],
        expectations: [StoredExpectation], finishedUTC: String, wallSeconds: Double, cpuSeconds: Double
    ) {
        self.state = state
        self.verdict = verdict
        self.fingerprint = fingerprint
        self.estimates = estimates
        self.expectations = expectations
        self.finishedUTC = finishedUTC
        self.wallSeconds = wallSeconds
        self.cpuSeconds = cpuSeconds
    }
}

/// One row of the list of runs, and all that `show` says above the numbers.
public struct RunSummary: Hashable, Sendable {
    public var id: Int64
    public var description: RunDescription
    public var state: RunState
    /// Replications that are complete in the database.
    public var completed: Int
    /// `nil` until the run is finished.
    public var verdict: String?
    public var fingerprint: UInt64?
    public var finishedUTC: String?
    public var wallSeconds: Double?
    public var cpuSeconds: Double?
}

/// A replication that is complete in the database.
public struct ReplicationSummary: Hashable, Sendable {
    public var number: Int
    public var fingerprint: UInt64
    /// Items served and timers fired.
    public var events: Int64
    public var wallSeconds: Double
    public var cpuSeconds: Double
    /// Whether series, setups and journal were kept.
    public var isKept: Bool
}

/// Something together with the replication that it happened in.
public struct InReplication<Value: Hashable & Sendable>: Hashable, Sendable {
    public var replication: Int
    public var value: Value

    public init(replication: Int, value: Value) {
        self.replication = replication
        self.value = value
    }
}

/// Lost pairs of one cause.
public struct CauseTotal: Hashable, Sendable {
    public var cause: LossCause
    public var pairs: Int64
}

/// An error of the database, in one line for the reader of a terminal.
public struct ResultStoreError: Error, Hashable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}
