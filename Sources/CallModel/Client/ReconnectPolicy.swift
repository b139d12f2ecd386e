public import EventKernel

/// When a client that lost its session tries again, and when it stops trying for good.
///
/// Source: videocall-rs videocall-client/src/adaptive_quality_constants.rs:320-356 and connection_manager.rs:1740.
@frozen
public struct ReconnectPolicy: Hashable, Sendable, BitwiseCopyable {
    /// Attempts begun since the loss.
    public private(set) var attempts: Int64 = 0
    /// Attempts in a row in which no server answered.
    public private(set) var unanswered: Int64 = 0
    private var pause = SimDuration.zero
    private let first: SimDuration
    private let earlyCap: SimDuration
    private let middleCap: SimDuration
    private let lateCap: SimDuration
    private let limit: Int64

    public init(_ parameters: ClientParameters) {
        first = parameters.reconnectDelay
        earlyCap = parameters.backoffCapEarly
        middleCap = parameters.backoffCapMiddle
        lateCap = parameters.backoffCapLate
        limit = parameters.giveUpAttempts
    }

    /// Begins the next attempt.
    ///
    /// The first pause is fixed; each later one is twice the one before plus `jitter` times it, at most the cap of
    /// the attempt before: early after attempts 1 to 5, middle after 6 to 15, late afterwards.
    /// - Parameter jitter: uniform in [0, 1).
    /// - Returns: the pause before the attempt.
    public mutating func nextPause(jitter: Double) -> SimDuration {
        if attempts == 0 {
            pause = first
        } else {
            let cap = attempts <= 5 ? earlyCap : attempts <= 15 ? middleCap : lateCap
            let added = SimDuration(nanoseconds: Int64(jitter * Double(pause.nanoseconds)))
            pause = min(pause * 2 + added, cap)
        }
        attempts += 1
        return pause
    }

    /// Notes how the attempt ended.
    /// - Parameter answered: whether any server accepted a connection during it.
    /// - Returns: whether the client stops for good.
    public mutating func attemptFailed(answered: Bool) -> Bool {
        unanswered = answered ? 0 : unanswered + 1
        return unanswered >= limit
    }

    /// A session was elected: the next loss starts afresh.
    public mutating func succeeded() {
        attempts = 0
        unanswered = 0
        pause = .zero
    }
}
