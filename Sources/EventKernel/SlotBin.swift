/// A bag of items that arrive in any order of time, given back slot by slot: a timing wheel of one level.
///
/// Slot `s` covers the times from `s << slotShift` up to the next slot. Slots can only be drained in ascending
/// order. Items within the next `slots` slots cost one append into the slot's own run; later ones wait in an
/// overflow list that is swept at most once for each turn of the wheel.
///
/// Items of a slot come out in the order of their arrival here, which can depend on how the work was cut; sort them
/// with ``SlotSorter`` before order matters.
@frozen
public struct SlotBin<Element: BitwiseCopyable>: ~Copyable {
    @frozen
    @usableFromInline
    struct Run: BitwiseCopyable {
        @usableFromInline var base: UnsafeMutablePointer<Element>?
        @usableFromInline var count: Int
        @usableFromInline var capacity: Int

        @inlinable
        init() {
            base = nil
            count = 0
            capacity = 0
        }
    }

    @frozen
    @usableFromInline
    struct Later: BitwiseCopyable {
        @usableFromInline var slot: Int64
        @usableFromInline var element: Element

        @inlinable
        init(slot: Int64, element: Element) {
            self.slot = slot
            self.element = element
        }
    }

    @usableFromInline let runs: UnsafeMutablePointer<Run>
    /// One bit for each slot of the wheel that holds an item.
    @usableFromInline let bitmap: UnsafeMutablePointer<UInt64>
    @usableFromInline let wordCount: Int
    @usableFromInline let mask: Int64
    /// Memory of drained slots, taken again by the next slots to fill: what was used last is still in the cache.
    @usableFromInline let spares: UnsafeMutablePointer<Run>
    @usableFromInline var spareCount: Int
    @usableFromInline var overflow: ItemBuffer<Later>
    /// The least slot in `overflow`; `Int64.max` if it is empty.
    @usableFromInline var overflowSlot: Int64
    @usableFromInline var cursor: Int64
    @usableFromInline var size: Int

    /// The logarithm to base 2 of a slot's length in nanoseconds.
    public let slotShift: Int

    /// Makes an empty bin whose first slot is 0. `slots`, the size of the wheel, must be a power of two.
    @inlinable
    public init(slotShift: Int, slots: Int) {
        precondition(slotShift >= 0 && slotShift <= 32, "a slot is at most 4.3 s long")
        precondition(slots > 0 && slots & (slots - 1) == 0, "the number of slots must be a power of two")
        self.slotShift = slotShift
        mask = Int64(slots - 1)
        wordCount = (slots + 63) / 64
        runs = UnsafeMutablePointer<Run>.allocate(capacity: slots)
        runs.initialize(repeating: Run(), count: slots)
        bitmap = UnsafeMutablePointer<UInt64>.allocate(capacity: wordCount)
        bitmap.initialize(repeating: 0, count: wordCount)
        spares = UnsafeMutablePointer<Run>.allocate(capacity: slots)
        spareCount = 0
        overflow = ItemBuffer()
        overflowSlot = Int64.max
        cursor = 0
        size = 0
    }

    @inlinable
    deinit {
        for index in 0...Int(mask) {
            runs[index].base?.deallocate()
        }
        for index in 0..<spareCount {
            spares[index].base?.deallocate()
        }
        spares.deallocate()
        runs.deallocate()
        bitmap.deallocate()
    }

    /// Items in the bin.
    @inlinable public var count: Int { size }
    /// Whether the bin is empty.
    @inlinable public var isEmpty: Bool { size == 0 }
    /// The first slot that has not been drained; nothing can be appended before it.
    @inlinable public var firstOpenSlot: Int64 { cursor }

    /// The slot of a time.
    @inlinable
    public func slot(of time: SimTime) -> Int64 { time.nanoseconds >> Int64(slotShift) }

    /// The first instant of a slot.
    @inlinable
    public func start(of slot: Int64) -> SimTime { SimTime(nanoseconds: slot << Int64(slotShift)) }

    /// Adds an item at a time whose slot has not been drained.
    @inlinable
    public mutating func append(_ element: Element, at time: SimTime) {
        let slot = time.nanoseconds &>> Int64(slotShift)
        size &+= 1
        // One comparison for both ends: a slot before the cursor is a huge number without its sign.
        if UInt64(bitPattern: slot &- cursor) <= UInt64(bitPattern: mask) {
            place(element, in: Int(truncatingIfNeeded: slot & mask))
        } else {
            appendLater(element, slot: slot)
        }
    }

    @inlinable
    mutating func appendLater(_ element: Element, slot: Int64) {
        precondition(slot >= cursor, "the slot of this item has been drained")
        overflow.append(Later(slot: slot, element: element))
        overflowSlot = min(overflowSlot, slot)
    }

    /// Whether a slot holds an item; no earlier one may be drained after it.
    @inlinable
    public func holds(slot: Int64) -> Bool {
        assert(slot >= cursor)
        if overflowSlot == slot { return true }
        let index = Int(slot & mask)
        return slot &- cursor <= mask && bitmap[index >> 6] >> UInt64(index & 63) & 1 != 0
    }

    /// The first slot that holds an item, `nil` if the bin is empty.
    @inlinable
    public var earliestSlot: Int64? {
        guard size > 0 else { return nil }
        return min(wheelSlot, overflowSlot)
    }

    /// Moves all items of a slot to the end of `buffer`, and closes this slot and those before it.
    ///
    /// No earlier slot may hold an item.
    @inlinable
    public mutating func drain(slot: Int64, into buffer: inout ItemBuffer<Element>) {
        precondition(slot >= cursor, "slots are drained in ascending order")
        precondition(
            slot == cursor || size == 0 || min(wheelSlot, overflowSlot) >= slot, "an earlier slot still holds items")
        cursor = slot
        if overflowSlot == slot { sweep() }
        let index = Int(slot & mask)
        let run = runs + index
        if run.pointee.count > 0 {
            size &-= run.pointee.count
            hand(run, to: &buffer)
            if run.pointee.base != nil {
                (spares + spareCount).initialize(to: run.pointee)
                spareCount &+= 1
                run.pointee = Run()
            }
            bitmap[index >> 6] &= ~(1 << UInt64(index & 63))
        }
        cursor = slot &+ 1
    }

    /// Empties the bin and hands each item to `body`, in no order that may matter.
    @inlinable
    public mutating func removeAll(each body: (Element) -> Void) {
        for index in 0...Int(mask) {
            for position in 0..<runs[index].count {
                body(runs[index].base.unsafelyUnwrapped[position])
            }
            runs[index].count = 0
        }
        for word in 0..<wordCount {
            bitmap[word] = 0
        }
        for position in 0..<overflow.count {
            body(overflow[position].element)
        }
        overflow.removeAll()
        overflowSlot = Int64.max
        size = 0
    }

    /// Reads all items, in no order that may matter.
    @inlinable
    public func forEach(_ body: (Element) -> Void) {
        for index in 0...Int(mask) {
            for position in 0..<runs[index].count {
                body(runs[index].base.unsafelyUnwrapped[position])
            }
        }
        for position in 0..<overflow.count {
            body(overflow[position].element)
        }
    }

    /// An empty buffer takes the run's memory for its own: no copy.
    @inlinable
    func hand(_ run: UnsafeMutablePointer<Run>, to buffer: inout ItemBuffer<Element>) {
        if buffer.size == 0 {
            swap(&run.pointee.base, &buffer.base)
            swap(&run.pointee.capacity, &buffer.capacity)
            buffer.size = run.pointee.count
        } else {
            buffer.append(from: run.pointee.base.unsafelyUnwrapped, count: run.pointee.count)
        }
        run.pointee.count = 0
    }

    @inlinable
    mutating func place(_ element: Element, in index: Int) {
        let run = runs + index
        let position = run.pointee.count
        if position == run.pointee.capacity { grow(run) }
        if position == 0 { bitmap[index >> 6] |= 1 << UInt64(index & 63) }
        (run.pointee.base.unsafelyUnwrapped + position).initialize(to: element)
        run.pointee.count = position &+ 1
    }

    @inlinable
    mutating func grow(_ run: UnsafeMutablePointer<Run>) {
        if run.pointee.base == nil && spareCount > 0 {
            spareCount &-= 1
            run.pointee = spares[spareCount]
            return
        }
        let capacity = max(16, run.pointee.capacity * 2)
        let base = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        if let old = run.pointee.base {
            base.moveInitialize(from: old, count: run.pointee.count)
            old.deallocate()
        }
        run.pointee.base = base
        run.pointee.capacity = capacity
    }

    /// The first slot of the wheel that holds an item; `Int64.max` if there is none.
    @inlinable
    var wheelSlot: Int64 {
        guard size > overflow.size else { return Int64.max }
        let start = Int(cursor & mask)
        var word = start >> 6
        var bits = bitmap[word] & (UInt64.max << UInt64(start & 63))
        // The last look is at the first word again, whose low bits are the far end of the wheel.
        for _ in 0...wordCount {
            if bits != 0 {
                let index = Int64(word << 6 | bits.trailingZeroBitCount)
                return cursor &+ ((index &- cursor) & mask)
            }
            word = word &+ 1 == wordCount ? 0 : word &+ 1
            bits = bitmap[word]
        }
        return Int64.max
    }

    /// Moves the items that the wheel now reaches out of the overflow list.
    @inlinable
    mutating func sweep() {
        var kept = 0
        overflowSlot = Int64.max
        for position in 0..<overflow.count {
            let later = overflow[position]
            if later.slot - cursor <= mask {
                place(later.element, in: Int(later.slot & mask))
            } else {
                overflow[kept] = later
                overflowSlot = min(overflowSlot, later.slot)
                kept += 1
            }
        }
        overflow.size = kept
    }
}
