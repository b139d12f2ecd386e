public import EventKernel

/// The last mile of a person's connection.
///
/// The figures are typical shapes, not measurements of one network: see `docs/assumptions.md`.
public enum AccessKind: String, CaseIterable, Sendable {
    case fibre, cable, wifi
    case busyWifi = "busy-wifi"
    case lte
    case fiveG = "5g"

    /// Median of the round-trip addition drawn once for each person (lognormal).
    public var medianDelay: SimDuration {
        switch self {
        case .fibre: .milliseconds(2)
        case .cable: .milliseconds(7)
        case .wifi: .milliseconds(5)
        case .busyWifi: .milliseconds(8)
        case .lte: .milliseconds(17)
        case .fiveG: .milliseconds(11)
        }
    }

    /// Standard deviation of its logarithm.
    public var spread: Double {
        switch self {
        case .fibre, .cable: 0.5
        case .wifi, .busyWifi: 0.7
        case .lte: 0.45
        case .fiveG: 0.4
        }
    }

    /// Mean one-way queueing delay of a packet (gamma, shape 0.7).
    public var queueing: SimDuration {
        switch self {
        case .fibre: .microseconds(350)
        case .cable: .milliseconds(2)
        case .wifi: .microseconds(2_100)
        case .busyWifi: .microseconds(10_500)
        case .lte: .microseconds(5_600)
        case .fiveG: .microseconds(2_800)
        }
    }

    /// Share of packets lost once; the transport repeats them one round trip later.
    public var loss: Double {
        switch self {
        case .fibre: 0.000_02
        case .cable: 0.000_1
        case .wifi: 0.000_9
        case .busyWifi: 0.009
        case .lte: 0.008
        case .fiveG: 0.001
        }
    }

    /// Downstream bits per second of one person.
    public var downstream: Int64 {
        switch self {
        case .fibre: 100_000_000
        case .cable: 50_000_000
        case .wifi: 50_000_000
        case .busyWifi: 20_000_000
        case .lte: 30_000_000
        case .fiveG: 100_000_000
        }
    }
}
