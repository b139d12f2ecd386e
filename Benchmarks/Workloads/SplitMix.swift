import Glibc

/// The streams of the C++ reference (`Benchmarks/peers/common.h`), bit for bit.
///
/// Benchmarks only: the models draw from RandomVariates.
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// The finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= Self.increment
        return Self.mix(state)
    }

    /// Uniform in the open interval from 0 to 1.
    @inline(__always)
    mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }

    /// Exponential with this mean in nanoseconds. The C library's logarithm, as the reference has it.
    @inline(__always)
    mutating func exponential(mean: Double) -> Int64 { Int64(-log(uniform()) * mean) }
}
