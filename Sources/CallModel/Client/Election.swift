public import EventKernel
public import Network

/// How a client chooses among the servers that it has connected to.
///
/// Samples of the round trip are gathered at once but folded into the means only once a second; a mean covers the
/// last 10 folded samples, and samples over 10 s are thrown away. At the deadline the best WebTransport server with
/// enough samples wins, whatever its round trip beside a WebSocket's; only if there is none, the best WebSocket.
/// If nobody has enough samples the deadline moves by a second, at most twice; then one sample is enough.
/// Source: videocall-rs videocall-client/src/connection/connection_manager.rs:622, 756, 1248, 1626.
public struct Election: Hashable, Sendable {
    /// What the deadline brings.
    public enum Decision: Hashable, Sendable {
        /// Index of the candidate.
        case elected(Int)
        /// Nobody has enough samples: decide again at this time.
        case extended(until: SimTime)
        /// No candidate has a single sample after the last extension.
        case failed
    }

    private struct Candidate: Hashable, Sendable {
        var transport: Transport
        var site: Int
        var isConnected = true
        /// Arrived and not folded yet.
        var queued: [Sample] = []
        /// The last folded samples in nanoseconds, oldest first.
        var window: [Int64] = []
    }

    private struct Sample: Hashable, Sendable {
        var time: SimTime
        var roundTrip: SimDuration
    }

    /// connection_manager.rs:48
    public static var window: Int { 10 }
    /// connection_manager.rs:644
    public static var longestSample: SimDuration { .seconds(10) }
    /// connection_manager.rs:1248
    public static var foldInterval: SimDuration { .seconds(1) }

    public let start: SimTime
    private let parameters: ClientParameters
    private let checkPhase: SimDuration
    private var extensions: Int64 = 0
    private var candidates: [Candidate]

    /// - Parameters:
    ///   - checkPhase: from the start to the first check of the deadline, 0 to `electionCheck`.
    ///   - candidates: transport and site of each server that is dialled.
    public init(
        start: SimTime, checkPhase: SimDuration, candidates: [(transport: Transport, site: Int)],
        parameters: ClientParameters
    ) {
        precondition(checkPhase >= .zero && checkPhase <= parameters.electionCheck)
        self.start = start
        self.checkPhase = checkPhase
        self.parameters = parameters
        self.candidates = candidates.map { Candidate(transport: $0.transport, site: $0.site) }
    }

    /// When to call `decide` next: the first check at or after the period and its extensions have passed.
    public var deadline: SimTime {
        let due = parameters.electionPeriod + parameters.electionExtension * extensions
        let check = max(1, parameters.electionCheck.nanoseconds)
        let gap = (due - checkPhase).nanoseconds
        let steps = gap <= 0 ? 0 : (gap - 1) / check + 1
        return start + checkPhase + SimDuration(nanoseconds: check * steps)
    }

    /// Notes an echo of a probe that arrived at `time`.
    public mutating func record(_ candidate: Int, roundTrip: SimDuration, at time: SimTime) {
        guard roundTrip >= .zero, roundTrip <= Self.longestSample else { return }
        candidates[candidate].queued.append(Sample(time: time, roundTrip: roundTrip))
    }

    /// Takes a server out whose connection broke.
    public mutating func disconnected(_ candidate: Int) { candidates[candidate].isConnected = false }

    /// Folded samples of a candidate, at most 10, as `decide` saw them.
    public func samples(of candidate: Int) -> Int { candidates[candidate].window.count }

    /// Decides at `deadline`.
    public mutating func decide() -> Decision {
        let now = deadline
        let seconds = (now - start).nanoseconds / Self.foldInterval.nanoseconds
        fold(until: start + Self.foldInterval * seconds)
        if let winner = best(samples: Int(parameters.electionSamples)) { return .elected(winner) }
        if extensions < parameters.electionExtensions {
            extensions += 1
            return .extended(until: deadline)
        }
        return best(samples: 1).map(Decision.elected) ?? .failed
    }

    private mutating func fold(until time: SimTime) {
        for index in candidates.indices {
            let due = candidates[index].queued.filter { $0.time <= time }
            candidates[index].queued.removeAll { $0.time <= time }
            let all = candidates[index].window + due.map(\.roundTrip.nanoseconds)
            candidates[index].window = Array(all.suffix(Self.window))
        }
    }

    /// The best server with at least this many samples: WebTransport first, then the least mean, then the first.
    private func best(samples: Int) -> Int? {
        for transport in [Transport.webTransport, .webSocket] {
            var winner: (index: Int, mean: Int64)?
            for (index, candidate) in candidates.enumerated()
            where candidate.transport == transport && candidate.isConnected && !candidate.window.isEmpty
                && candidate.window.count >= samples
            {
                let mean = candidate.window.reduce(0, +) / Int64(candidate.window.count)
                if winner == nil || mean < winner!.mean { winner = (index, mean) }
            }
            if let winner { return winner.index }
        }
        return nil
    }
}
