/// Pending timers in the total order (time, entity, kind, generation): a radix heap of 16-byte entries.
///
/// Times may not go back: nothing can be scheduled before the last time that ``pop(before:)`` returned. Looking
/// never counts as popping, so that after a ``peek()`` an earlier timer can still be scheduled.
///
/// Costs about 40 ns per pop and push together up to 10⁵ pending timers (`docs/decisions/0002-radix-calendar.md`).
@frozen
public struct TimerCalendar: ~Copyable {
    @usableFromInline typealias Entry = RadixQueue<TimerKey>.Entry

    /// Bucket 0 is a binary heap on (time, key) of all entries that are not later than `queue.last`.
    @usableFromInline var queue: RadixQueue<TimerKey>

    /// The most timers that may be pending at once; one more is a programming error.
    public let limit: Int

    /// The time of the last popped timer, the start of the run before the first.
    @inlinable public var lastPopped: SimTime { reached }
    @usableFromInline var reached: SimTime

    /// Makes an empty calendar for at most `limit` pending timers.
    @inlinable
    public init(limit: Int) {
        precondition(limit > 0, "a calendar without room is a mistake")
        self.limit = limit
        queue = RadixQueue()
        reached = .start
    }

    /// Pending timers.
    @inlinable public var count: Int { queue.count }
    /// Whether no timer is pending.
    @inlinable public var isEmpty: Bool { queue.count == 0 }

    /// Adds a timer at a time that is not before the last popped one and not `.never`.
    @inlinable
    public mutating func schedule(_ key: TimerKey, at time: SimTime) {
        precondition(time >= reached, "a timer cannot be scheduled in the past")
        precondition(time < .never, "a timer that never fires is not scheduled")
        precondition(queue.count < limit, "too many pending timers")
        queue.count += 1
        let entry = Entry(time: time.nanoseconds, payload: key)
        if time.nanoseconds > queue.last {
            queue.place(entry, in: queue.bucketIndex(of: time.nanoseconds))
        } else {
            queue.place(entry, in: 0)
            siftUp()
        }
    }

    /// The time of the next timer, `.never` if none is pending.
    @inlinable
    public func peek() -> SimTime {
        if let entry = head { return SimTime(nanoseconds: entry.time) }
        return .never
    }

    /// Removes and returns the first timer in the total order if it is strictly before `horizon`.
    @inlinable
    public mutating func pop(before horizon: SimTime) -> (time: SimTime, key: TimerKey)? {
        guard let entry = popEntry(before: horizon) else { return nil }
        let time = SimTime(nanoseconds: entry.time)
        reached = time
        return (time, entry.payload)
    }

    /// A pending entry of least time, or `nil`. Among equal times it is the first in the order only if it is due.
    @inlinable
    var head: Entry? {
        if queue.buckets[0].count > 0 { return queue.buckets[0].base.unsafelyUnwrapped[0] }
        guard let index = queue.lowestIndex else { return nil }
        return queue.buckets[index].base.unsafelyUnwrapped[queue.buckets[index].minimumIndex]
    }

    /// ``pop(before:)`` that does not move ``lastPopped``: for entries that count as never having fired.
    @inlinable
    mutating func popEntry(before horizon: SimTime) -> Entry? {
        if queue.buckets[0].count == 0 {
            guard queue.leastLater < horizon.nanoseconds else { return nil }
            makeDue()
        }
        let due = queue.buckets
        let base = due.pointee.base.unsafelyUnwrapped
        let first = base[0]
        guard first.time < horizon.nanoseconds else { return nil }
        queue.count &-= 1
        let remaining = due.pointee.count &- 1
        due.pointee.count = remaining
        if remaining > 0 {
            base[0] = base[remaining]
            siftDown(from: 0)
        }
        return first
    }

    /// Whether ``head`` is the first entry in the order, not only one of least time.
    @inlinable var headIsFirst: Bool { queue.buckets[0].count > 0 }

    /// Brings the entries of least time into bucket 0, which must be empty while another bucket is not.
    @inlinable
    mutating func makeDue() {
        queue.advance()
        makeHeap()
    }

    /// Drops the timers for which `isDead` holds.
    @inlinable
    mutating func removeAll(where isDead: (TimerKey, Int64) -> Bool) {
        queue.removeAll(head: 0, where: isDead)
        makeHeap()
    }

    @inlinable
    static func precedes(_ left: Entry, _ right: Entry) -> Bool {
        left.time < right.time || (left.time == right.time && left.payload.rawValue < right.payload.rawValue)
    }

    /// Moves the last entry of bucket 0 up to its place in the heap.
    @inlinable
    func siftUp() {
        let base = queue.buckets.pointee.base.unsafelyUnwrapped
        var child = queue.buckets.pointee.count &- 1
        let entry = base[child]
        while child > 0 {
            let parent = (child &- 1) >> 1
            guard Self.precedes(entry, base[parent]) else { break }
            base[child] = base[parent]
            child = parent
        }
        base[child] = entry
    }

    @inlinable
    func siftDown(from start: Int) {
        let size = queue.buckets.pointee.count
        let base = queue.buckets.pointee.base.unsafelyUnwrapped
        let entry = base[start]
        var parent = start
        while true {
            var child = 2 &* parent &+ 1
            guard child < size else { break }
            if child &+ 1 < size && Self.precedes(base[child &+ 1], base[child]) { child &+= 1 }
            guard Self.precedes(base[child], entry) else { break }
            base[parent] = base[child]
            parent = child
        }
        base[parent] = entry
    }

    /// Orders bucket 0 after entries were placed there in any order.
    @inlinable
    func makeHeap() {
        let size = queue.buckets.pointee.count
        guard size > 1 else { return }
        for parent in stride(from: size / 2 - 1, through: 0, by: -1) {
            siftDown(from: parent)
        }
    }
}
