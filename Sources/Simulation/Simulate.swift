public import EventKernel
public import Measures
public import Scenario

/// How to execute a replication; nothing here changes its results.
public struct SimulationOptions: Sendable {
    /// Which of the two realisations of the event order runs.
    public enum Executor: String, Sendable, CaseIterable {
        /// Windows over FIFO rings: the fast one.
        case windows
        /// One event at a time from the global order: the specification, for tests.
        case reference
    }

    public var executor: Executor
    /// Threads inside this one replication; at most one for each region is of use.
    public var threads: Int
    /// Setup records and journal entries to keep.
    public var setupLimit: Int
    public var journalLimit: Int
    /// Called now and then with the simulated time reached, from any thread.
    public var progress: (@Sendable (SimTime) -> Void)?
    /// Asked now and then; `true` ends the replication with `CancellationError`.
    public var isCancelled: (@Sendable () -> Bool)?
    /// Powers of two by which windows are narrower than they could be: a test that their width does not matter.
    var narrowing = 0
    /// Most operations to record of what relays say to NATS; `nil`: nothing is recorded.
    var recordingLimit: Int?

    public init(
        executor: Executor = .windows, threads: Int = 1, setupLimit: Int = 20_000, journalLimit: Int = 4_000,
        progress: (@Sendable (SimTime) -> Void)? = nil, isCancelled: (@Sendable () -> Bool)? = nil
    ) {
        self.executor = executor
        self.threads = threads
        self.setupLimit = setupLimit
        self.journalLimit = journalLimit
        self.progress = progress
        self.isCancelled = isCancelled
    }
}

/// Runs one replication of a scenario on the model.
///
/// The outcome depends on `scenario` (with its seed) and `replication` alone: not on options, machine or time.
/// - Throws: `CancellationError` when `isCancelled` says so; `SimulationError` when a bound of the engine is hit.
public func simulate(_ scenario: Scenario, replication: UInt32, options: SimulationOptions) throws -> Outcome {
    let run = try Run(scenario, replication: replication, options: options)
    try run.run()
    var builder = OutcomeBuilder(run.world)
    return builder.build(run.domains, options: options)
}

/// A bound of the engine that a run reached.
public struct SimulationError: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}
