/// Which timer of whom: the tie-breaking part of the order of timers.
///
/// Timers of equal time run in the order (entity, kind, generation), which is the order of the raw value: entity in
/// the upper 32 bits, kind in the next 8, generation in the lowest 24. It depends on no history, so that two runs
/// that schedule the same timers in another order, or on other threads, agree.
@frozen
public struct TimerKey: BitwiseCopyable, Hashable, Comparable, Sendable {
    /// Entity, kind and generation in one word, in order of weight.
    public var rawValue: UInt64

    /// Generations are counted modulo this number, 2²⁴.
    @inlinable public static var generationModulus: UInt32 { 1 << 24 }

    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Makes a key. The generation must be below ``generationModulus``.
    @inlinable
    public init(entity: UInt32, kind: UInt8, generation: UInt32) {
        precondition(generation < TimerKey.generationModulus, "a timer's generation has 24 bits")
        rawValue = UInt64(entity) << 32 | UInt64(kind) << 24 | UInt64(generation)
    }

    /// The dense id of the owner.
    @inlinable public var entity: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
    /// The owner's own number for the timer.
    @inlinable public var kind: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 24) }
    /// The count that tells a cancelled timer from its successor.
    @inlinable public var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue & 0xFF_FFFF) }

    @inlinable
    public static func < (left: TimerKey, right: TimerKey) -> Bool { left.rawValue < right.rawValue }
}
