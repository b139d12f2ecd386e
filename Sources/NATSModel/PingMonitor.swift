import EventKernel

/// The pings of one end of a gateway connection (nats-server v2.9.10 server/client.go processPingTimer).
///
/// A ping goes out at each tick whatever the traffic. The tick at which more than `maximum` pings would be
/// unanswered closes the connection instead: behind a black hole an idle connection is closed 30 to 45 s after the
/// cut, by the phase of the ticks. (A cut that swallows the answer to a ping just sent counts from that ping, so
/// the least time is shorter by up to one round trip.)
struct PingMonitor: Hashable, Sendable {
    /// What to do at a tick.
    enum Verdict: Hashable, Sendable {
        /// Send a ping; the next tick is one `interval` later.
        case ping
        /// Close the connection as stale.
        case stale
    }

    let interval: SimDuration
    let maximum: Int64
    let first: SimDuration
    let firstJitter: SimDuration
    /// Pings sent since the last answer.
    private(set) var outstanding: Int64 = 0

    init(_ parameters: ServerParameters) {
        interval = parameters.gatewayPingInterval
        maximum = parameters.pingMaximum
        first = parameters.firstPing
        firstJitter = parameters.firstPingJitter
    }

    /// Starts anew; the result is the delay of the first tick, 1.0 to 1.2 s by default.
    mutating func begin(draw: () -> UInt64) -> SimDuration {
        outstanding = 0
        return first + uniform(below: firstJitter, draw)
    }

    /// The timer fired: what to do.
    mutating func tick() -> Verdict {
        if outstanding + 1 > maximum { return .stale }
        outstanding += 1
        return .ping
    }

    /// The other end answered.
    mutating func pongReceived() { outstanding = 0 }
}

/// A delay uniform over [0, bound), to the nanosecond.
func uniform(below bound: SimDuration, _ draw: () -> UInt64) -> SimDuration {
    precondition(bound.nanoseconds >= 0, "a bound is not negative")
    return .nanoseconds(Int64(UInt64(bound.nanoseconds).multipliedFullWidth(by: draw()).high))
}
