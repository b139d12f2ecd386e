/// Delivery latencies as the reference keeps them: exact sum and a histogram of 0.1 ms.
struct Latencies: ~Copyable {
    private(set) var sum: Int64 = 0
    private(set) var maximum: Int64 = 0
    private let buckets: UnsafeMutablePointer<UInt32>
    private static let limit = 600_000

    init() {
        buckets = .allocate(capacity: Self.limit + 1)
        buckets.initialize(repeating: 0, count: Self.limit + 1)
    }

    deinit { buckets.deallocate() }

    @inline(__always)
    mutating func add(_ latency: Int64) {
        sum &+= latency
        maximum = max(maximum, latency)
        // Division by a constant is a multiplication.
        buckets[min(Int(truncatingIfNeeded: UInt64(bitPattern: latency) / 100_000), Self.limit)] &+= 1
    }

    mutating func merge(_ other: borrowing Latencies) {
        sum += other.sum
        maximum = max(maximum, other.maximum)
        for bucket in 0...Self.limit { buckets[bucket] += other.buckets[bucket] }
    }

    var count: Int { (0...Self.limit).reduce(0) { $0 + Int(buckets[$1]) } }

    /// Milliseconds; -1 if there is none.
    var percentile99: Double {
        let need = Int((0.99 * Double(count)).rounded(.up))
        var seen = 0
        for bucket in 0...Self.limit {
            seen += Int(buckets[bucket])
            if seen >= need { return Double(bucket + 1) * 0.1 }
        }
        return -1
    }
}
