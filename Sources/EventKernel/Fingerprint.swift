/// A digest of what happened in a run, independent of the order in which it was recorded.
///
/// It is the wrapping sum of one keyed hash per record, so that threads and windows can each keep their own and
/// ``merge(_:)`` them in any order. `docs/determinism.md` lists the ingredients.
@frozen
public struct Fingerprint: Hashable, Sendable, BitwiseCopyable {
    /// What a record is about. The raw values are part of every fingerprint and never change.
    @frozen
    public enum Ingredient: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        /// A copy of a message reached a person.
        case delivery = 1
        /// A pair was lost, with its cause.
        case loss = 2
        /// A timer fired.
        case timer = 3
        /// A control message was processed (SUB, UNSUB, interest, ping, close).
        case control = 4
        /// A session changed its state.
        case session = 5
        /// A fault began or ended.
        case fault = 6
        /// A random quantity was drawn outside the message path.
        case random = 7
    }

    @usableFromInline var sum: UInt64

    /// The fingerprint of a run in which nothing happened.
    @inlinable
    public init() { sum = 0 }

    /// The digest.
    @inlinable public var value: UInt64 { sum }

    /// Adds a record of three words; what they mean is the ingredient's matter.
    @inlinable
    public mutating func add(_ ingredient: Ingredient, _ first: UInt64, _ second: UInt64, _ third: UInt64) {
        sum &+= Fingerprint.hash(UInt64(ingredient.rawValue), first, second, third)
    }

    /// Adds everything that the other fingerprint has seen.
    @inlinable
    public mutating func merge(_ other: Fingerprint) { sum &+= other.sum }

    /// The digest as 16 lower-case hexadecimal digits.
    public var hexadecimal: String {
        let digits = String(sum, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Multiply and xor-shift rounds with one argument added before each.
    ///
    /// Each round is a bijection of 64 bits, so that two records which differ in one word never collide. The
    /// multipliers are those of MurmurHash3's 64-bit finaliser and of splitmix64 (both public domain); ingredients are
    /// spaced by the golden ratio.
    @inlinable
    static func hash(_ ingredient: UInt64, _ first: UInt64, _ second: UInt64, _ third: UInt64) -> UInt64 {
        var state = first &+ ingredient &* 0x9E37_79B9_7F4A_7C15
        state = (state ^ (state >> 32)) &* 0xFF51_AFD7_ED55_8CCD
        state = (state ^ (state >> 29)) &+ second
        state = (state ^ (state >> 32)) &* 0xC4CE_B9FE_1A85_EC53
        state = (state ^ (state >> 29)) &+ third
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
        return state ^ (state >> 31)
    }
}
