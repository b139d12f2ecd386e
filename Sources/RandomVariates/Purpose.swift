/// What random numbers are for. Each purpose has streams of its own, so that a new purpose moves no draw of another.
///
/// The number is part of every stream's key and must never change once results depend on it. Rooms above add theirs
/// in extensions, each from its own range:
///
/// | range | room |
/// |---|---|
/// | 0 - 255 | RandomVariates: general use, examples |
/// | 256 - 511 | Network: loss, jitter, DNS, health checks |
/// | 512 - 767 | NATSModel and Routing: reconnect jitter, order of URLs, choice of group members |
/// | 768 - 1023 | CallModel: arrivals, room sizes, durations, clients, media |
/// | 1024 - 1279 | Scenario and Simulation: initial state, phases, faults |
/// | 1280 - 1535 | Experiment and Emulation: seeds of searches, load drivers |
/// | 1536 - 1791 | Statistics: resampling |
/// | from 0xFFFF0000 | tests |
@frozen
public struct Purpose: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number in the key.
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// For small models and examples that need no distinction.
    @inlinable public static var general: Purpose { Purpose(rawValue: 0) }
    /// Times between arrivals in small models and examples.
    @inlinable public static var arrival: Purpose { Purpose(rawValue: 1) }
    /// Service times in small models and examples.
    @inlinable public static var service: Purpose { Purpose(rawValue: 2) }
}
