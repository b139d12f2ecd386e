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
}
