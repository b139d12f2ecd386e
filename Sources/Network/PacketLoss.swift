import RandomVariates

/// How a link loses packets at random.
///
/// Gilbert's two-state chain (E. N. Gilbert, "Capacity of a burst-noise channel", Bell System Technical Journal 39,
/// 1960) with a bad state that loses everything: it is left with probability 1 / `burst` after each packet, and entered
/// so often that `share` of all packets are lost. With bursts of one packet on average it is Bernoulli's independent
/// loss, but for the packet right after a lost one.
public struct PacketLoss: Hashable, Sendable {
    /// Share of packets lost, 0 to less than 1.
    public var share: Double
    /// Mean number of packets lost in a row, 1 or more; exactly 1: independent losses.
    public var burst: Double

    public init(share: Double, burst: Double = 1) {
        precondition(share >= 0 && share < 1 && burst >= 1)
        self.share = share
        self.burst = burst
    }

    public static let none = PacketLoss(share: 0)

    /// Packets that arrive before the next lost one: geometric, from 64 random bits.
    public func gap(bits: UInt64) -> Int64 {
        guard share > 0 else { return Int64.max }
        // The bad state is entered after a good packet with this probability.
        let entered = min(1, share / ((1 - share) * burst))
        return burst == 1 && share < 1
            ? Self.failures(before: share, bits: bits) : 1 + Self.failures(before: entered, bits: bits)
    }

    /// Packets lost in a row, at least 1: geometric, from 64 random bits.
    public func length(bits: UInt64) -> Int64 { 1 + Self.failures(before: 1 / burst, bits: bits) }

    /// Failures before the first success of that probability.
    private static func failures(before success: Double, bits: UInt64) -> Int64 {
        guard success < 1 else { return 0 }
        return Int64(min(1e15, Elementary.log(unitInterval(bits)) / Elementary.log(1 - success)))
    }
}
