/// Sorts the items of one slot by (time, caller's order), with memory that it keeps between calls.
///
/// Longer runs are sorted as 8-byte words, the time within the slot in the upper half and the position in the lower,
/// and gathered at the end, so that items of 32 bytes move once. The words are dealt into about half as many buckets as
/// there are items and put in order by insertion: times spread over the slot land within a place or two of their own.
/// A crowd in few buckets goes through a radix sort.
@frozen
public struct SlotSorter<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var words: ItemBuffer<UInt64>
    @usableFromInline var otherWords: ItemBuffer<UInt64>
    @usableFromInline var gathered: ItemBuffer<Element>
    @usableFromInline let histogram: UnsafeMutablePointer<UInt32>

    /// Digits are at most this wide, so that their counters stay in the first-level cache.
    @inlinable static var digitLimit: Int { 11 }
    /// Shorter runs are sorted by insertion.
    @inlinable static var insertionLimit: Int { 12 }

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
        guard sortWords(&buffer, slotShift: slotShift, time: time) else { return }
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

    /// Sorts by time alone; returns whether two items have the same time.
    @inlinable
    mutating func sortWords(
        _ buffer: inout ItemBuffer<Element>, slotShift: Int, time: (Element) -> SimTime
    ) -> Bool {
        let size = buffer.count
        precondition(size <= Int(UInt32.max), "a slot holds at most 2³² items")
        words.reserve(size)
        otherWords.reserve(size)
        gathered.reserve(size)
        let elements = buffer.base.unsafelyUnwrapped
        let source = words.base.unsafelyUnwrapped
        let digit = min(slotShift, min(Self.digitLimit, Int.bitWidth &- size.leadingZeroBitCount &- 1))
        let buckets = 1 << digit
        let shift = UInt64(32 &+ slotShift &- digit)
        let mask = UInt64(1) << UInt64(slotShift) &- 1
        histogram.initialize(repeating: 0, count: buckets)
        for position in 0..<size {
            let within = UInt64(bitPattern: time(elements[position]).nanoseconds) & mask
            let word = within << 32 | UInt64(truncatingIfNeeded: position)
            source[position] = word
            histogram[Int(truncatingIfNeeded: word &>> shift)] &+= 1
        }
        let sorted = deal(size: size, buckets: buckets, shift: shift) ?? radixSort(size: size, slotShift: slotShift)
        let result = gathered.base.unsafelyUnwrapped
        var hasTies = false
        var before = UInt64.max
        for position in 0..<size {
            let word = sorted[position]
            result[position] = elements[Int(word & 0xFFFF_FFFF)]
            let instant = word &>> 32
            hasTies = hasTies || instant == before
            before = instant
        }
        swap(&gathered.base, &buffer.base)
        swap(&gathered.capacity, &buffer.capacity)
        return hasTies
    }

    /// One pass over the upper bits, whose counts the histogram holds, then insertion; `nil` if a crowd in few
    /// buckets would make the insertion slow.
    @inlinable
    mutating func deal(size: Int, buckets: Int, shift: UInt64) -> UnsafeMutablePointer<UInt64>? {
        let source = words.base.unsafelyUnwrapped
        let target = otherWords.base.unsafelyUnwrapped
        var sum: UInt32 = 0
        var squares: UInt64 = 0
        for bucket in 0..<buckets {
            let count = histogram[bucket]
            histogram[bucket] = sum
            sum &+= count
            squares &+= UInt64(count) &* UInt64(count)
        }
        guard squares <= UInt64(size) &* 12 else { return nil }
        for position in 0..<size {
            let word = source[position]
            let bucket = Int(truncatingIfNeeded: word &>> shift)
            target[Int(histogram[bucket])] = word
            histogram[bucket] &+= 1
        }
        for position in 1..<size {
            let word = target[position]
            var hole = position
            while hole > 0 && word < target[hole &- 1] {
                target[hole] = target[hole &- 1]
                hole &-= 1
            }
            target[hole] = word
        }
        return target
    }

    /// Digit by digit from the lowest.
    @inlinable
    mutating func radixSort(size: Int, slotShift: Int) -> UnsafeMutablePointer<UInt64> {
        var source = words.base.unsafelyUnwrapped
        var target = otherWords.base.unsafelyUnwrapped
        let passes = (slotShift &+ Self.digitLimit &- 1) / Self.digitLimit
        let digit = passes == 0 ? 0 : (slotShift &+ passes &- 1) / passes
        for pass in 0..<passes {
            distribute(source, to: target, size: size, shift: UInt64(32 &+ pass &* digit), digit: UInt64(digit))
            swap(&source, &target)
        }
        return source
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
