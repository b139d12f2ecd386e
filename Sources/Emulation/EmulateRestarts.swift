import EventKernel
import NATSModel

/// When servers that ran out of memory come back: as kubelet has it, and the model.
struct EmulatedRestarts {
    private var backOffs: [RestartBackOff]
    /// By server; `nil`: it is not to be started.
    private var due: [SimTime?]
    private let delay: SimDuration

    init(servers: Int, _ parameters: ServerParameters) {
        backOffs = Array(repeating: RestartBackOff(parameters), count: servers)
        due = Array(repeating: nil, count: servers)
        delay = parameters.restartDelay
    }

    mutating func plan(_ server: Int, killedAt time: SimTime) {
        due[server] = backOffs[server].start(afterEndAt: time) + delay
    }

    /// A fault of the timeline has the server now: it comes back when that ends.
    mutating func cancel(_ server: Int) { due[server] = nil }

    /// The next start of all; `nil`: none is planned.
    var next: SimTime? { due.compactMap(\.self).min() }

    /// Takes the servers that are to be started by now, by index.
    mutating func take(until now: SimTime) -> [Int] {
        let servers = due.indices.filter { due[$0].map { $0 <= now } ?? false }
        for server in servers { due[server] = nil }
        return servers
    }
}
