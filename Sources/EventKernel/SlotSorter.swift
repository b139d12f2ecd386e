/// Sorts the items of one slot by (time, caller's order), with memory that it keeps between calls.
///
/// Long runs go through a radix sort of 8-byte words, the time within the slot in the upper half and the position
/// in the lower, and one gather at the end: items of 32 bytes move once, not once for each digit.
@frozen
public struct SlotSorter<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var words: ItemBuffer<UInt64>
    @usableFromInline var otherWords: ItemBuffer<UInt64>
    @usableFromInline var gathered: ItemBuffer<Element>
    @usableFromInline let histogram: UnsafeMutablePointer<UInt32>

    /// Digits are at most this wide, so that their counters stay in the first-level cache.
    @inlinable static var digitLimit: Int { 11 }
    /// Shorter runs are sorted by insertion.
    @inlinable static var insertionLimit: Int { 48 }

    /// Makes a sorter; memory is taken at the first long run.
    @inlinable
    public init() {
        words = ItemBuffer()
        otherWords = ItemBuffer()
        gathered = ItemBuffer()
        histogram = UnsafeMutablePointer<UInt32>.allocate(capacity: 1 << Self.digitLimit)
    }

    @inlinable
    deinit { histogram.deallocate() }

    /// Sorts `buffer` by time and, among equal times, by `precedes`, a strict total order of the items.
    ///
    /// All times must lie in one slot of `1 << slotShift` nanoseconds. If `precedes` leaves no ties, the result does
    /// not depend on the order before.
    @inlinable
    public mutating func sort(
        _ buffer: inout ItemBuffer<Element>, slotShift: Int, time: (Element) -> SimTime,
        precedes: (Element, Element) -> Bool
    ) {
        precondition(slotShift >= 0 && slotShift <= 32, "a slot is at most 4.3 s long")
        let size = buffer.count
        if size < Self.insertionLimit {
            insertionSort(&buffer, from: 0, to: size, time: time, precedes: precedes)
            return
        }
        radixSort(&buffer, slotShift: slotShift, time: time)
        var start = 0
        while start < size {
            let instant = time(buffer.base.unsafelyUnwrapped[start])
            var end = start &+ 1
            while end < size && time(buffer.base.unsafelyUnwrapped[end]) == instant { end &+= 1 }
            if end &- start > 1 { sortTies(&buffer, from: start, to: end, time: time, precedes: precedes) }
            start = end
        }
    }

    /// Stable, so that runs that are already in order cost one pass.
    @inlinable
    func insertionSort(
        _ buffer: inout ItemBuffer<Element>, from start: Int, to end: Int, time: (Element) -> SimTime,
        precedes: (Element, Element) -> Bool
    ) {
        guard end &- start > 1, let base = buffer.base else { return }
        for position in start &+ 1..<end {
            let element = base[position]
            let instant = time(element)
            var hole = position
            while hole > start {
                let other = base[hole &- 1]
                let otherTime = time(other)
                guard instant < otherTime || (instant == otherTime && precedes(element, other)) else { break }
                base[hole] = other
                hole &-= 1
            }
            base[hole] = element
        }
    }

    /// Items of one instant: insertion for a few, the standard library's sort for a crowd.
    @inlinable
    func sortTies(
        _ buffer: inout ItemBuffer<Element>, from start: Int, to end: Int, time: (Element) -> SimTime,
        precedes: (Element, Element) -> Bool
    ) {
        if end &- start < Self.insertionLimit {
            insertionSort(&buffer, from: start, to: end, time: time, precedes: precedes)
            return
        }
        let ties = UnsafeMutableBufferPointer(start: buffer.base.unsafelyUnwrapped + start, count: end - start)
        let sorted = ties.sorted(by: precedes)
        for (offset, element) in sorted.enumerated() {
            ties[offset] = element
        }
    }

    @inlinable
    mutating func radixSort(_ buffer: inout ItemBuffer<Element>, slotShift: Int, time: (Element) -> SimTime) {
        let size = buffer.count
        precondition(size <= Int(UInt32.max), "a slot holds at most 2³² items")
        words.reserve(size)
        otherWords.reserve(size)
        gathered.reserve(size)
        let elements = buffer.base.unsafelyUnwrapped
        var source = words.base.unsafelyUnwrapped
        var target = otherWords.base.unsafelyUnwrapped
        let mask = UInt64(1) << UInt64(slotShift) &- 1
        for position in 0..<size {
            let within = UInt64(bitPattern: time(elements[position]).nanoseconds) & mask
            source[position] = within << 32 | UInt64(truncatingIfNeeded: position)
        }
        let passes = (slotShift &+ Self.digitLimit &- 1) / Self.digitLimit
        let digit = passes == 0 ? 0 : (slotShift &+ passes &- 1) / passes
        for pass in 0..<passes {
            distribute(source, to: target, size: size, shift: UInt64(32 &+ pass &* digit), digit: UInt64(digit))
            swap(&source, &target)
        }
        let result = gathered.base.unsafelyUnwrapped
        for position in 0..<size {
            result[position] = elements[Int(source[position] & 0xFFFF_FFFF)]
        }
        swap(&gathered.base, &buffer.base)
        swap(&gathered.capacity, &buffer.capacity)
    }

    /// One stable pass over one digit.
    @inlinable
    func distribute(
        _ source: UnsafeMutablePointer<UInt64>, to target: UnsafeMutablePointer<UInt64>, size: Int, shift: UInt64,
        digit: UInt64
    ) {
        let buckets = 1 << Int(digit)
        let mask = UInt64(buckets &- 1)
        histogram.initialize(repeating: 0, count: buckets)
        for position in 0..<size {
            histogram[Int(source[position] >> shift & mask)] &+= 1
        }
        var sum: UInt32 = 0
        for bucket in 0..<buckets {
            let count = histogram[bucket]
            histogram[bucket] = sum
            sum &+= count
        }
        for position in 0..<size {
            let word = source[position]
            let bucket = Int(word >> shift & mask)
            target[Int(histogram[bucket])] = word
            histogram[bucket] &+= 1
        }
    }
}
