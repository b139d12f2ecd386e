/// A point in simulated time: whole nanoseconds since the start of the run.
///
/// Sixty-three bits of nanoseconds reach 292 years, so a run cannot overflow by lasting long; integer
/// arithmetic makes every sum exact and the order of events the same on every machine.
@frozen
public struct SimTime: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Nanoseconds since the start of the run; negative values stand for the time before it.
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The instant at which every run starts.
    @inlinable public static var start: SimTime { SimTime(nanoseconds: 0) }

    /// Later than every instant that a run can reach.
    @inlinable public static var never: SimTime { SimTime(nanoseconds: Int64.max) }

    @inlinable
    public static func < (left: SimTime, right: SimTime) -> Bool { left.nanoseconds < right.nanoseconds }

    @inlinable
    public static func + (time: SimTime, delay: SimDuration) -> SimTime {
        SimTime(nanoseconds: time.nanoseconds + delay.nanoseconds)
    }

    @inlinable
    public static func - (time: SimTime, delay: SimDuration) -> SimTime {
        SimTime(nanoseconds: time.nanoseconds - delay.nanoseconds)
    }

    @inlinable
    public static func - (later: SimTime, earlier: SimTime) -> SimDuration {
        SimDuration(nanoseconds: later.nanoseconds - earlier.nanoseconds)
    }

    /// The time in seconds, for printing only: results are computed on the integer.
    @inlinable public var seconds: Double { Double(nanoseconds) / 1e9 }
}

/// A length of simulated time in whole nanoseconds.
@frozen
public struct SimDuration: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// A whole number of nanoseconds.
    @inlinable public static var zero: SimDuration { SimDuration(nanoseconds: 0) }
    @inlinable public static func nanoseconds(_ count: Int64) -> SimDuration { SimDuration(nanoseconds: count) }
    @inlinable public static func microseconds(_ count: Int64) -> SimDuration {
        SimDuration(nanoseconds: count * 1_000)
    }
    /// A whole number of milliseconds.
    @inlinable public static func milliseconds(_ count: Int64) -> SimDuration {
        SimDuration(nanoseconds: count * 1_000_000)
    }
    /// A whole number of seconds.
    @inlinable public static func seconds(_ count: Int64) -> SimDuration {
        SimDuration(nanoseconds: count * 1_000_000_000)
    }
    /// A whole number of minutes.
    @inlinable public static func minutes(_ count: Int64) -> SimDuration { seconds(count * 60) }

    @inlinable
    public static func < (left: SimDuration, right: SimDuration) -> Bool { left.nanoseconds < right.nanoseconds }
    @inlinable
    public static func + (left: SimDuration, right: SimDuration) -> SimDuration {
        SimDuration(nanoseconds: left.nanoseconds + right.nanoseconds)
    }
    @inlinable
    public static func - (left: SimDuration, right: SimDuration) -> SimDuration {
        SimDuration(nanoseconds: left.nanoseconds - right.nanoseconds)
    }
    @inlinable
    public static func * (duration: SimDuration, factor: Int64) -> SimDuration {
        SimDuration(nanoseconds: duration.nanoseconds * factor)
    }
    @inlinable
    public static func / (duration: SimDuration, divisor: Int64) -> SimDuration {
        SimDuration(nanoseconds: duration.nanoseconds / divisor)
    }

    /// The length in seconds, for printing only.
    @inlinable public var seconds: Double { Double(nanoseconds) / 1e9 }
    /// The length in milliseconds, for printing only.
    @inlinable public var milliseconds: Double { Double(nanoseconds) / 1e6 }
}
