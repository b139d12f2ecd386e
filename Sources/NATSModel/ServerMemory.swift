public import EventKernel

/// What a nats-server process needs of memory; see docs/models/server-memory.md.
public struct ServerMemory: Hashable, Sendable {
    /// Bytes that the container may use; `nil`: no limit.
    public let limit: Int64?
    /// Bytes of a server for which nothing waits.
    public let baseline: Int64
    /// Bytes for each byte that waits.
    public let perPending: Double

    public init(limit: Int64?, _ parameters: ServerParameters) {
        self.limit = limit
        baseline = parameters.memoryBaseline
        perPending = parameters.memoryPerPending
    }

    /// Bytes in use while `pending` bytes wait for connections; a limit is never passed, but ends the process.
    public func use(pending: Int64) -> Int64 {
        let wanted = baseline + Int64((perPending * Double(pending)).rounded())
        return limit.map { min($0, wanted) } ?? wanted
    }

    /// The most bytes that may wait: with more the kernel kills the process. `Int64.max`: no limit.
    public var pendingLimit: Int64 {
        guard let limit else { return Int64.max }
        return max(0, Int64(Double(limit - baseline) / perPending))
    }
}

/// When kubelet starts a container anew that has ended (`restartPolicy: Always`).
///
/// At once for the first time; if it ends again, after a pause that doubles up to a maximum. A container that has run
/// for twice the maximum counts as one that never ended (Kubernetes documentation, "Pod Lifecycle", container restart
/// policy: 10 s, 20 s, 40 s to 300 s, forgotten after 10 min; client-go `flowcontrol.Backoff`).
public struct RestartBackOff: Hashable, Sendable {
    private let first: SimDuration
    private let maximum: SimDuration
    private var next: SimDuration
    private var lastStart: SimTime?

    public init(_ parameters: ServerParameters) {
        first = parameters.restartBackOff
        maximum = max(parameters.restartBackOff, parameters.restartBackOffMaximum)
        next = first
    }

    /// Decides when the container that ended at `time` is started, not counting what the start itself takes.
    public mutating func start(afterEndAt time: SimTime) -> SimTime {
        guard let last = lastStart, time - last <= maximum + maximum else {
            lastStart = time
            next = first
            return time
        }
        let start = time + next
        lastStart = start
        next = min(next + next, maximum)
        return start
    }
}
