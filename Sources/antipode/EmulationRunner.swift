import Emulation
import Experiment
import Scenario
import Simulation

/// How real servers are run.
struct EmulationSettings: Sendable {
    var executable: NATSExecutable
    var link = LinkKind.automatic
    /// A folder that gets a folder of logs from each replication; `nil`: they are lost.
    var keepLogs: String?

    /// Runs replications on real servers.
    var runner: ReplicationRunner {
        { [self] scenario, replication, options in
            let name = String(scenario.name.map { $0 == "/" ? "-" : $0 })
            let logs = keepLogs.map { "\($0)/\(name)-\(replication)" }
            return try emulate(
                scenario, replication: replication,
                options: EmulationOptions(
                    executable: executable, link: link, keepLogs: logs, progress: options.progress,
                    isCancelled: options.isCancelled))
        }
    }
}
