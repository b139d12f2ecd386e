public import EventKernel
public import RandomVariates

/// The way between one person and one site, last mile included.
///
/// One-way delay of a packet = half the round trip + queueing (gamma, shape 0.7, mean by kind) + one round trip if
/// the packet had to be repeated. Queueing is drawn for each packet on its own: its correlation over tens of
/// milliseconds, the spikes of a Wi-Fi scan or a handover, and a second loss of one packet are left out.
@frozen
public struct AccessPath: Hashable, Sendable, BitwiseCopyable {
    /// Base round trip plus the person's own last mile.
    public var roundTrip: SimDuration
    /// No packet is faster: half the round trip. Its minimum over all paths sizes the client slot.
    public var minimumOneWay: SimDuration
    /// Mean of the queueing delay in nanoseconds.
    public let meanQueueing: Int64
    /// A packet is repeated when 32 random bits are below this.
    public let lossThreshold: UInt64

    public init(roundTrip: SimDuration, kind: AccessKind) {
        self.roundTrip = roundTrip
        minimumOneWay = roundTrip / 2
        meanQueueing = kind.queueing.nanoseconds
        lossThreshold = UInt64(kind.loss * 4_294_967_296)
    }

    /// Draws a person's last-mile addition to each round trip, once for the run: lognormal by kind.
    public static func lastMile(
        of kind: AccessKind, seed: UInt64, replication: UInt32, entity: UInt64
    ) -> SimDuration {
        var stream = RandomStream(seed: seed, purpose: .accessDelay, replication: replication, entity: entity)
        let factor = stream.lognormal(mu: 0, sigma: kind.spread)
        return SimDuration(nanoseconds: Int64(factor * Double(kind.medianDelay.nanoseconds)))
    }
}

/// The queueing delay of packets, sampled with integers alone: no logarithm on the path, and the same bits on every
/// machine. One for each worker; 8 KiB.
///
/// Gamma with shape 0.7, mean 1 in units of 2^-16, as 1,024 equally likely cells; nothing beyond the 99.9 % point.
public struct QueueingTable: Sendable {
    @usableFromInline let table: QuantileTable

    /// Takes about a millisecond.
    public init() { table = .gamma(shape: 0.7, scale: 65_536 / 0.7) }

    /// The ends of the cells, in units of 2^-16 of the mean.
    public var ends: [Int64] { table.ends }

    /// The queueing delay in units of 2^-16 of its mean, from the upper 30 of 64 random bits.
    @inlinable
    public func quantile(_ bits: UInt64) -> Int64 { table[bits: bits] }

    /// The one-way delay of a packet along `path`; `bits` are a hash of the packet's identity.
    @inlinable
    public func oneWay(_ path: AccessPath, bits: UInt64) -> SimDuration {
        let queueing = (path.meanQueueing * quantile(bits)) >> 16
        let repeated = bits & 0xffff_ffff < path.lossThreshold ? path.roundTrip.nanoseconds : 0
        return SimDuration(nanoseconds: path.minimumOneWay.nanoseconds + queueing + repeated)
    }
}
