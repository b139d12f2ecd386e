import Foundation
public import Measures
public import ResultStore
public import Scenario
public import Simulation

/// Runs one replication; `Simulation.simulate` or an emulation, and in tests whatever they need.
public typealias ReplicationRunner = @Sendable (Scenario, UInt32, SimulationOptions) throws -> Outcome

/// Which replications keep their series, setups and journal in the database; estimates come from all of them.
public enum DetailPolicy: String, CaseIterable, Sendable {
    case first, all
}

/// Entries of the journal that a replication keeps at most.
public let journalLimit = SimulationOptions().journalLimit

/// An experiment on one scenario: how many replications, from which seed, on how many threads.
public struct ExperimentPlan: Sendable {
    /// The scenario with the seed and the number of replications that hold for this experiment.
    public var loaded: LoadedScenario
    /// The scenario file as the user named it, for the replay command.
    public var file: String
    /// The result database as the user named it, for the report.
    public var database: String
    /// 1 or more.
    public var replications: Int
    /// 1 or more. With several replications they run side by side, with one the threads go inside it.
    public var threads: Int
    public var executor: SimulationOptions.Executor
    public var details: DetailPolicy
    /// An earlier run of the same scenario and seed whose missing replications are to be run.
    public var resumedRun: Int64?
    public var backend: RunBackend

    /// - Parameters:
    ///   - seed: takes the place of the scenario's seed.
    ///   - replications: takes the place of the scenario's number; on real servers one if not given.
    ///   - threads: `nil` for one per core; real servers have the machine for themselves, so always one.
    public init(
        loaded: LoadedScenario, file: String, database: String, seed: UInt64?, replications: Int?,
        threads: Int?, executor: SimulationOptions.Executor, details: DetailPolicy, resumedRun: Int64?,
        backend: RunBackend = .simulate
    ) {
        self.loaded = loaded
        self.file = file
        self.database = database
        self.backend = backend
        self.replications = replications ?? (backend == .emulate ? 1 : loaded.scenario.replications)
        self.threads = backend == .emulate ? 1 : threads ?? ProcessInfo.processInfo.activeProcessorCount
        self.executor = executor
        self.details = details
        self.resumedRun = resumedRun
        if let seed { self.loaded.scenario.seed = seed }
        self.loaded.scenario.replications = self.replications
        precondition(self.replications >= 1 && self.threads >= 1, "a plan needs a replication and a thread")
    }

    /// How the threads are spread when `missing` replications are to be run.
    func spread(over missing: Int) -> (sideBySide: Int, inside: Int) {
        missing > 1 ? (min(threads, missing), 1) : (1, threads)
    }
}
