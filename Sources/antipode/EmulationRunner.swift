import Emulation
import Experiment

/// What carries the packets between regions.
enum LinkKind: String, CaseIterable {
    case automatic, namespaces, proxy
}

/// How real servers are run.
struct EmulationSettings: Sendable {
    var executable: NATSExecutable
    var link = LinkKind.automatic
    /// A folder that gets a folder of logs from each replication; `nil`: they are lost.
    var keepLogs: String?

    /// Runs replications on real servers.
    var runner: ReplicationRunner {
        { _, _, _ in throw EmulationError("not built in") }
    }
}
