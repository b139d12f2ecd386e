/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3" (SC 2011): ten rounds that turn a 128-bit counter and a 64-bit key into 128 random bits.
///
/// A stream is a key with a range of counters, so that any number of streams exist without seeding, jumping or
/// any order between them. Known answers are in the tests.
@frozen
public enum Philox4x32 {
    /// The four words of a counter or of a block, word 0 first.
    public typealias Block = (UInt32, UInt32, UInt32, UInt32)

    /// The random block of a counter under a key.
    @inlinable
    public static func block(counter: Block, key: (UInt32, UInt32)) -> Block {
        var (c0, c1, c2, c3) = counter
        var (k0, k1) = key
        for _ in 0..<10 {
            let left = UInt64(c0) &* 0xD251_1F53
            let right = UInt64(c2) &* 0xCD9E_8D57
            c0 = UInt32(truncatingIfNeeded: right >> 32) ^ c1 ^ k0
            c1 = UInt32(truncatingIfNeeded: right)
            c2 = UInt32(truncatingIfNeeded: left >> 32) ^ c3 ^ k1
            c3 = UInt32(truncatingIfNeeded: left)
            // Weyl steps: the golden ratio and the square root of 3, minus 1.
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return (c0, c1, c2, c3)
    }

    /// The same on 64-bit words: `low` holds counter words 0 and 1, `high` words 2 and 3.
    @inlinable
    static func block(low: UInt64, high: UInt64, key: UInt64) -> (UInt64, UInt64) {
        let words = block(
            counter: (
                UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32),
                UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: high >> 32)
            ),
            key: (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)))
        return (UInt64(words.1) << 32 | UInt64(words.0), UInt64(words.3) << 32 | UInt64(words.2))
    }
}
