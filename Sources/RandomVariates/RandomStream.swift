/// The random numbers of one entity for one purpose in one replication: a Philox key with a range of counters.
///
/// key = hash(seed, purpose); counter = (replication 32 bits, entity 48 bits, block 48 bits), two draws to a block.
/// Nothing is shared between streams and nothing is consumed in common: adding an entity or a purpose, or drawing
/// more in one place, moves no number elsewhere, which is what makes two variants of a scenario comparable call by
/// call. `entity` must come from stable identity (population, person, call number), not from the order of creation.
@frozen
public struct RandomStream: Sendable, BitwiseCopyable {
    @usableFromInline let key: UInt64
    /// The upper part of the entity below the replication, and the lower part above the block.
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64
    @usableFromInline var spare: UInt64
    @usableFromInline var drawn: UInt64

    /// The stream of an entity, at its first draw. `entity` has 48 bits.
    @inlinable
    public init(seed: UInt64, purpose: Purpose, replication: UInt32, entity: UInt64) {
        precondition(entity < 1 << 48, "an entity is numbered by 48 bits")
        key = streamKey(seed: seed, purpose: purpose)
        high = entity >> 16 | UInt64(replication) << 32
        low = entity << 48
        spare = 0
        drawn = 0
    }

    /// How many times ``bits()`` was called.
    @inlinable public var drawCount: UInt64 { drawn }

    /// 64 random bits.
    @inlinable
    public mutating func bits() -> UInt64 {
        let position = drawn
        drawn &+= 1
        if position & 1 == 1 { return spare }
        precondition(position < (1 << 49) - 2, "a stream has 2⁴⁹ - 2 draws")
        let block = Philox4x32.block(low: low | position >> 1, high: high, key: key)
        spare = block.1
        return block.0
    }

    /// A number strictly between 0 and 1, on a grid of 2⁻⁵² (`unitInterval(_:)`).
    @inlinable
    public mutating func uniform() -> Double { unitInterval(bits()) }

    /// A number strictly between two bounds; `low` must be below `high`, and both finite.
    @inlinable
    public mutating func uniform(_ low: Double, _ high: Double) -> Double {
        precondition(low < high && (high - low).isFinite, "a range has a finite length above 0")
        return low + (high - low) * uniform()
    }

    /// A whole number from 0 to `bound - 1`, each equally likely; `bound` must be positive.
    ///
    /// Lemire, "Fast random integer generation in an interval" (ACM TOMACS 29, 2019): a product in place of a
    /// division, and a redraw for the few values that would favour some results.
    @inlinable
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "no whole number lies below this bound")
        let range = UInt64(bound)
        var product = bits().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold {
                product = bits().multipliedFullWidth(by: range)
            }
        }
        return Int(product.high)
    }
}
