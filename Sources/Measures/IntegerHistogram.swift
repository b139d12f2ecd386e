/// Counts of non-negative whole numbers (mostly nanoseconds) in buckets whose width grows with the value.
///
/// Values below 256 have a bucket each; above, every doubling is cut into 128 buckets, so a bucket is never wider
/// than 1/128 (0.8 %) of its lower bound. The layout is that of log-linear histograms as in HdrHistogram
/// (G. Tene, hdrhistogram.org). The state is whole numbers only, so merging is exact, associative and
/// commutative: the same histogram comes out however the parts were spread over threads.
@frozen
public struct IntegerHistogram: Hashable, Sendable {
    /// Buckets of one doubling; a power of two.
    @inlinable static var bucketsPerDoubling: Int { 128 }
    /// log2 of `bucketsPerDoubling`.
    @inlinable static var precisionBits: Int { 7 }

    /// Counts by bucket. Its length is always the whole number of doublings up to the largest value recorded,
    /// so that equal contents are equal values.
    @usableFromInline var counts: [Int64] = []
    @usableFromInline var recorded: Int64 = 0
    @usableFromInline var exactSum: Int128 = 0
    @usableFromInline var lowest = Int64.max
    @usableFromInline var highest = Int64.min

    @inlinable
    public init() {}

    /// How many values were recorded.
    @inlinable public var count: Int64 { recorded }
    /// Exact sum of the recorded values.
    @inlinable public var sum: Int128 { exactSum }
    /// The smallest value recorded, exactly; `nil` in an empty histogram.
    public var minimum: Int64? { count == 0 ? nil : lowest }
    /// The largest value recorded, exactly; `nil` in an empty histogram.
    public var maximum: Int64? { count == 0 ? nil : highest }
    /// The mean, from the exact sum; `nil` in an empty histogram.
    public var mean: Double? { count == 0 ? nil : Double(sum) / Double(count) }
    public var isEmpty: Bool { count == 0 }

    /// Counts one value. Negative values are a mistake of the caller.
    @inlinable
    public mutating func record(_ value: Int64) {
        record(value, count: 1)
    }

    /// Counts a value several times.
    @inlinable
    public mutating func record(_ value: Int64, count times: Int64) {
        precondition(value >= 0 && times >= 0, "a histogram counts non-negative values")
        if times == 0 { return }
        let index = Self.bucketIndex(of: value)
        if index >= counts.count { grow(toHold: index) }
        counts[index] += times
        recorded += times
        exactSum += Int128(value) * Int128(times)
        if value < lowest { lowest = value }
        if value > highest { highest = value }
    }

    /// Adds the counts of another histogram.
    public mutating func merge(_ other: IntegerHistogram) {
        if other.count == 0 { return }
        if other.counts.count > counts.count { grow(toHold: other.counts.count - 1) }
        for index in other.counts.indices { counts[index] += other.counts[index] }
        recorded += other.recorded
        exactSum += other.exactSum
        lowest = Swift.min(lowest, other.lowest)
        highest = Swift.max(highest, other.highest)
    }

    /// The value at nearest rank `ceil(p * count)`, interpolated within its bucket.
    ///
    /// The result lies in the same bucket as the true order statistic and within the recorded extremes, so it is off
    /// by less than 1/128 (0.8 %) of it, and by much less where values are spread evenly over the bucket. It is
    /// exact below 256, at the extremes (`p` = 0 or 1), and when all values are equal.
    /// - Parameter p: 0 to 1.
    /// - Returns: `nil` in an empty histogram.
    public func quantile(_ p: Double) -> Int64? {
        precondition(p >= 0 && p <= 1, "a quantile's order lies between 0 and 1")
        if count == 0 { return nil }
        let rank = Swift.min(count, Swift.max(1, Int64((p * Double(count)).rounded(.up))))
        if rank == 1 { return lowest }
        if rank == count { return highest }
        var below: Int64 = 0
        for index in counts.indices where counts[index] > 0 {
            let inBucket = counts[index]
            if below + inBucket < rank {
                below += inBucket
                continue
            }
            // The ranks of a bucket stand for the centres of equal parts of it.
            let width = Int128(Self.upperBound(of: index) - Self.lowerBound(of: index)) + 1
            let part = (Int128(2 * (rank - below) - 1) * width) / (2 * Int128(inBucket))
            let value = Self.lowerBound(of: index) + Int64(part)
            return Swift.min(highest, Swift.max(lowest, value))
        }
        return highest
    }

    /// Share of the values that are at most `bound`, counting the bucket of `bound` as a whole; `nil` when empty.
    ///
    /// Use a counter of its own where the share must be exact.
    public func share(atMost bound: Int64) -> Double? {
        if count == 0 { return nil }
        if bound < 0 { return 0 }
        let last = Self.bucketIndex(of: bound)
        let within = counts.prefix(last + 1).reduce(0, +)
        return Double(within) / Double(count)
    }

    // MARK: Buckets

    /// A bucket that holds something; both bounds belong to it.
    public struct Bucket: Hashable, Sendable {
        public var lower: Int64
        public var upper: Int64
        public var count: Int64

        public init(lower: Int64, upper: Int64, count: Int64) {
            self.lower = lower
            self.upper = upper
            self.count = count
        }
    }

    /// The buckets that hold something, in ascending order.
    public var buckets: [Bucket] {
        counts.indices.compactMap { index in
            counts[index] == 0
                ? nil
                : Bucket(lower: Self.lowerBound(of: index), upper: Self.upperBound(of: index), count: counts[index])
        }
    }

    /// Puts a histogram together again from what was stored of it.
    ///
    /// - Parameters:
    ///   - buckets: as `buckets` gave them; only `lower` and `count` are read.
    ///   - sum: the exact sum.
    ///   - minimum: the smallest value recorded; ignored without buckets.
    ///   - maximum: the largest value recorded; ignored without buckets.
    /// - Returns: `nil` if the parts contradict each other.
    public init?(restoring buckets: [Bucket], sum: Int128, minimum: Int64, maximum: Int64) {
        self.init()
        for bucket in buckets {
            if bucket.lower < 0 || bucket.count < 1 { return nil }
            record(bucket.lower, count: bucket.count)
        }
        if buckets.isEmpty {
            if sum != 0 { return nil }
            return
        }
        let holdsMinimum = minimum >= 0 && Self.bucketIndex(of: minimum) == Self.bucketIndex(of: lowest)
        let holdsMaximum = maximum >= minimum && Self.bucketIndex(of: maximum) == Self.bucketIndex(of: highest)
        if !holdsMinimum || !holdsMaximum { return nil }
        exactSum = sum
        lowest = minimum
        highest = maximum
    }

    /// More than the index of any bucket: the length of a row that counts any value.
    @inlinable public static var bucketLimit: Int { (64 - precisionBits) * bucketsPerDoubling }

    /// The bucket of a value: itself below 256; above, seven bits after the leading one.
    @inlinable
    @inline(__always)
    public static func bucketIndex(of value: Int64) -> Int {
        let leading = 63 &- (value | 1).leadingZeroBitCount
        let shift = Swift.max(0, leading &- precisionBits)
        return shift &* bucketsPerDoubling &+ Int(value &>> Int64(shift))
    }

    /// The least value of a bucket.
    public static func lowerBound(of index: Int) -> Int64 {
        let shift = Swift.max(0, index / bucketsPerDoubling - 1)
        return Int64(index - shift * bucketsPerDoubling) << Int64(shift)
    }

    static func upperBound(of index: Int) -> Int64 {
        let shift = Swift.max(0, index / bucketsPerDoubling - 1)
        return lowerBound(of: index) + ((Int64(1) << Int64(shift)) - 1)
    }

    @usableFromInline
    mutating func grow(toHold index: Int) {
        let length = (index / Self.bucketsPerDoubling + 1) * Self.bucketsPerDoubling
        counts.append(contentsOf: repeatElement(0, count: length - counts.count))
    }
}
