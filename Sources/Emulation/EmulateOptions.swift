public import EventKernel
public import Measures
public import Scenario

/// What carries the packets between regions.
public enum LinkKind: String, CaseIterable, Sendable {
    /// Network namespaces where the machine allows them, proxies elsewhere.
    case automatic
    /// A network namespace for each region, joined by a switch of whole packets.
    case namespaces
    /// Proxies on loopback addresses, which need no privileges. There are no packets: cuts and bursts differ from a
    /// real link's.
    case proxy
}

/// How to run a scenario on real servers.
public struct EmulationOptions: Sendable {
    /// The nats-server to run, in all regions.
    public var executable: NATSExecutable
    public var link: LinkKind
    /// A folder that configurations and logs of the servers are copied to at the end; `nil`: they are lost.
    public var keepLogs: String?
    /// Called about four times a second with the time reached, on the calling thread.
    public var progress: (@Sendable (SimTime) -> Void)?
    /// Asked at least ten times a second; `true` ends the replication with `CancellationError`.
    public var isCancelled: (@Sendable () -> Bool)?

    public init(
        executable: NATSExecutable, link: LinkKind = .automatic, keepLogs: String? = nil,
        progress: (@Sendable (SimTime) -> Void)? = nil, isCancelled: (@Sendable () -> Bool)? = nil
    ) {
        self.executable = executable
        self.link = link
        self.keepLogs = keepLogs
        self.progress = progress
        self.isCancelled = isCancelled
    }
}

/// Runs one replication of a scenario on real servers, in real time: it takes as long as its horizon and some seconds.
///
/// A run does not repeat to the message, so its fingerprint is 0. What disturbed it is in `Outcome.emulation`; with
/// problems in there, nothing can be concluded from it.
///
/// - Throws: `CancellationError` when `isCancelled` says so; `EmulationError` for what cannot be emulated, here or at
///   all, and when a server does what it should not; `FabricError` when the machine refuses something.
public func emulate(_ scenario: Scenario, replication: UInt32, options: EmulationOptions) throws -> Outcome {
    let deployment = try EmulatedDeployment(scenario)
    let turn = BootTicket()
    try turn.take { options.isCancelled?() ?? false }
    let run = try EmulationRun(deployment, replication: replication, turn: turn, options: options)
    defer { run.end() }
    return try run.outcome()
}
