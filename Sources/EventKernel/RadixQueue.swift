/// A monotone priority queue on integer times: the radix heap of Ahuja, Mehlhorn, Orlin and Tarjan (1990) in base 64.
///
/// Times are read as 11 digits of 6 bits. Bucket `64 d + v` holds the entries whose time first differs from `last` in
/// digit `d`, where it has the value `v`; bucket 0 holds those that are due now. An entry only ever moves to a lower
/// digit, so that it is touched at most 11 times and, with realistic delays, about twice. Moves are sequential writes,
/// which is why the queue stays fast when a binary heap of the same size has left the cache
/// (`docs/decisions/0002-radix-calendar.md`).
///
/// Entries of equal time always share a bucket and keep their order in every move: the queue is first in, first out
/// among ties without storing a sequence number.
///
/// This is the shared core of ``TimerCalendar`` and ``EventCalendar``, which own the order inside bucket 0.
@frozen
@usableFromInline
struct RadixQueue<Payload: BitwiseCopyable>: ~Copyable {
    @frozen
    @usableFromInline
    struct Entry: BitwiseCopyable {
        @usableFromInline var time: Int64
        @usableFromInline var payload: Payload

        @inlinable
        init(time: Int64, payload: Payload) {
            self.time = time
            self.payload = payload
        }
    }

    @frozen
    @usableFromInline
    struct Bucket: BitwiseCopyable {
        @usableFromInline var base: UnsafeMutablePointer<Entry>?
        @usableFromInline var count: Int
        @usableFromInline var capacity: Int
        /// The least time in the bucket and the first position that holds it; only valid if `count > 0`.
        @usableFromInline var minimum: Int64
        @usableFromInline var minimumIndex: Int

        @inlinable
        init() {
            base = nil
            count = 0
            capacity = 0
            minimum = Int64.max
            minimumIndex = 0
        }
    }

    /// Bits of a digit: one word of `occupied` has a bit for each of its values.
    @inlinable static var digitBits: Int { 6 }
    /// Times are not negative, so two of them differ in bits 0...62.
    @inlinable static var digitCount: Int { 11 }
    @inlinable static var bucketCount: Int { digitCount << digitBits }

    @usableFromInline let buckets: UnsafeMutablePointer<Bucket>
    /// For each digit, bit `v` is set if its bucket `v` holds an entry; bucket 0 has no bit.
    @usableFromInline let occupied: UnsafeMutablePointer<UInt64>
    /// Bit `d` is set if `occupied[d]` is not zero.
    @usableFromInline var digits: UInt64
    /// The time from which bucket numbers are computed; never later than an entry outside bucket 0.
    @usableFromInline var last: Int64
    /// Entries in all buckets.
    @usableFromInline var count: Int

    @inlinable
    init() {
        buckets = UnsafeMutablePointer<Bucket>.allocate(capacity: Self.bucketCount)
        buckets.initialize(repeating: Bucket(), count: Self.bucketCount)
        occupied = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.digitCount)
        occupied.initialize(repeating: 0, count: Self.digitCount)
        digits = 0
        last = 0
        count = 0
    }

    @inlinable
    deinit {
        for index in 0..<Self.bucketCount {
            buckets[index].base?.deallocate()
        }
        buckets.deallocate()
        occupied.deallocate()
    }

    @inlinable
    func grow(_ bucket: UnsafeMutablePointer<Bucket>) {
        let capacity = max(8, bucket.pointee.capacity * 2)
        let base = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        if let old = bucket.pointee.base {
            base.moveInitialize(from: old, count: bucket.pointee.count)
            old.deallocate()
        }
        bucket.pointee.base = base
        bucket.pointee.capacity = capacity
    }

    /// Puts an entry at the end of a bucket; does not touch `count`.
    ///
    /// Without a branch on what the bucket holds: which of a crowd of entries is the least so far is a coin toss.
    @inlinable
    mutating func place(_ entry: Entry, in index: Int) {
        let bucket = buckets + index
        let position = bucket.pointee.count
        if position == bucket.pointee.capacity {
            grow(bucket)
        }
        (bucket.pointee.base.unsafelyUnwrapped + position).initialize(to: entry)
        bucket.pointee.count = position &+ 1
        let least = position == 0 ? Int64.max : bucket.pointee.minimum
        let isLess = entry.time < least
        bucket.pointee.minimum = isLess ? entry.time : least
        bucket.pointee.minimumIndex = isLess ? position : bucket.pointee.minimumIndex
        let bit: UInt64 = index == 0 ? 0 : 1
        let digit = index &>> Self.digitBits
        occupied[digit] |= bit &<< UInt64(truncatingIfNeeded: index & 63)
        digits |= bit &<< UInt64(truncatingIfNeeded: digit)
    }

    /// Forgets the entries of a bucket and keeps its memory; does not touch `count`.
    @inlinable
    mutating func clear(_ index: Int) {
        buckets[index].count = 0
        let digit = index &>> Self.digitBits
        let left = occupied[digit] & ~(1 &<< UInt64(truncatingIfNeeded: index & 63))
        occupied[digit] = left
        if left == 0 { digits &= ~(1 &<< UInt64(truncatingIfNeeded: digit)) }
    }

    /// The bucket of a time that is not before `last`.
    @inlinable
    func bucketIndex(of time: Int64) -> Int {
        let difference = UInt64(bitPattern: time ^ last)
        let bit = 63 &- (difference | 1).leadingZeroBitCount
        // A sixth, exact for 0...63.
        let digit = (bit &* 43) &>> 8
        let value = Int(truncatingIfNeeded: time &>> Int64(truncatingIfNeeded: digit &* Self.digitBits)) & 63
        return difference == 0 ? 0 : digit &<< Self.digitBits | value
    }

    /// The lowest bucket above 0 that holds an entry, or `nil`.
    @inlinable
    var lowestIndex: Int? {
        guard digits != 0 else { return nil }
        let digit = digits.trailingZeroBitCount
        return digit &<< Self.digitBits | occupied[digit].trailingZeroBitCount
    }

    /// The least time outside bucket 0, or `Int64.max`.
    @inlinable
    var leastLater: Int64 {
        guard let index = lowestIndex else { return Int64.max }
        return buckets[index].minimum
    }

    /// Buckets of up to this many entries are not worth spreading: looking through them is cheaper.
    @inlinable static var smallBucket: Int { 8 }

    /// Removes and returns the first entry of least time of a bucket above 0, and leaves `last` where it is; the
    /// others keep their order. Does not touch `count`.
    @inlinable
    mutating func takeLeast(from index: Int) -> Entry {
        let bucket = buckets + index
        let base = bucket.pointee.base.unsafelyUnwrapped
        let first = bucket.pointee.minimumIndex
        let entry = base[first]
        let remaining = bucket.pointee.count &- 1
        if remaining == 0 {
            clear(index)
            return entry
        }
        var least = Int64.max
        var leastIndex = 0
        for position in 0..<remaining {
            let other = base[position < first ? position : position &+ 1]
            base[position] = other
            let isLess = other.time < least
            least = isLess ? other.time : least
            leastIndex = isLess ? position : leastIndex
        }
        bucket.pointee.count = remaining
        bucket.pointee.minimum = least
        bucket.pointee.minimumIndex = leastIndex
        return entry
    }

    /// Moves `last` to the least time outside bucket 0 and spreads its bucket over the lower ones.
    ///
    /// Precondition: bucket 0 is empty and another one is not.
    @inlinable
    mutating func advance() {
        let digit = digits.trailingZeroBitCount
        let index = digit &<< Self.digitBits | occupied[digit].trailingZeroBitCount
        let source = buckets + index
        let size = source.pointee.count
        let entries = source.pointee.base.unsafelyUnwrapped
        last = source.pointee.minimum
        clear(index)
        if size == 1 {
            place(entries[0], in: 0)
            return
        }
        for position in 0..<size {
            let entry = entries[position]
            place(entry, in: bucketIndex(of: entry.time))
        }
    }

    /// Drops the entries for which `isDead` holds, in place and without changing the order of the others.
    ///
    /// Bucket 0 is filtered from position `head` on and closed up to position 0.
    @inlinable
    mutating func removeAll(head: Int, where isDead: (Payload, Int64) -> Bool) {
        for index in 0..<Self.bucketCount {
            let bucket = buckets + index
            guard let base = bucket.pointee.base else { continue }
            let size = bucket.pointee.count
            clear(index)
            for position in (index == 0 ? head : 0)..<size {
                let entry = base[position]
                if isDead(entry.payload, entry.time) {
                    count -= 1
                } else {
                    place(entry, in: index)
                }
            }
        }
    }
}
