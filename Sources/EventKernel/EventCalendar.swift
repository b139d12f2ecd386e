/// Names one scheduled event, so that it can be cancelled.
///
/// A handle outlives its event: cancelling after the event has fired is harmless and says so.
@frozen
public struct EventHandle: BitwiseCopyable, Hashable, Sendable {
    @usableFromInline let slot: UInt32
    @usableFromInline let generation: UInt32

    @inlinable
    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// More events at one instant than the model allows: most likely a loop without delay.
public struct InstantLimitError: Error, Equatable, CustomStringConvertible {
    /// The instant at which simulated time stopped.
    public let time: SimTime
    /// The number of events that one instant may have.
    public let limit: Int
    /// The most frequent kinds among the last events of the instant, the most frequent first, at most three.
    public let topKinds: [String]

    public init(time: SimTime, limit: Int, topKinds: [String]) {
        self.time = time
        self.limit = limit
        self.topKinds = topKinds
    }

    public var description: String {
        "more than \(limit) events at \(time.nanoseconds) ns; most of them: " + topKinds.joined(separator: ", ")
    }
}

/// Pending events in the order (time, order of scheduling), with the simulation's clock.
///
/// `post` is the fast way for events that are never cancelled; `schedule` returns a handle and costs a slot.
/// Events are small values, never closures. Cancelled events stay in the calendar until they come up or until
/// they are more than half of it and more than 1,024.
@frozen
public struct EventCalendar<Event: BitwiseCopyable & Sendable>: ~Copyable {
    /// The event stands before the slot so that the slot can lie in the event's padding.
    @frozen
    @usableFromInline
    struct Posted: BitwiseCopyable {
        @usableFromInline var event: Event
        @usableFromInline var slot: UInt32

        @inlinable
        init(event: Event, slot: UInt32) {
            self.event = event
            self.slot = slot
        }
    }

    @usableFromInline typealias Entry = RadixQueue<Posted>.Entry

    /// Bucket 0 is a first-in-first-out list of the entries that are due at `queue.last`, read from `head`.
    @usableFromInline var queue: RadixQueue<Posted>
    @usableFromInline var head: Int
    @usableFromInline var slots: SlotTable
    @usableFromInline var clock: SimTime
    /// Events handed out since the clock last moved.
    @usableFromInline var instantCount: Int
    /// Kinds of the last events of an instant that nears its limit.
    @usableFromInline var suspects: [String]

    /// The most events that may be pending at once; one more is a programming error.
    public let limit: Int
    /// The most events that may happen at one instant.
    public let instantLimit: Int

    /// Makes an empty calendar whose clock stands at the start of the run.
    @inlinable
    public init(limit: Int, instantLimit: Int) {
        precondition(limit > 0 && instantLimit > 0, "a calendar without room is a mistake")
        self.limit = limit
        self.instantLimit = instantLimit
        queue = RadixQueue()
        head = 0
        slots = SlotTable()
        clock = .start
        instantCount = 0
        suspects = []
    }

    /// The time of the event in hand.
    @inlinable public var now: SimTime { clock }
    /// Pending events without the cancelled ones.
    @inlinable public var count: Int { queue.count - slots.cancelledCount }
    /// Whether no event is pending.
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Adds an event that cannot be cancelled. `time` must not be before ``now`` and not `.never`.
    @inlinable
    public mutating func post(_ event: Event, at time: SimTime) {
        insert(Posted(event: event, slot: SlotTable.none), at: time)
    }

    /// Adds an event that cannot be cancelled, `delay` after ``now``. The delay must not be negative.
    @inlinable
    public mutating func post(_ event: Event, after delay: SimDuration) {
        insert(Posted(event: event, slot: SlotTable.none), at: clock + delay)
    }

    /// Adds an event that can be cancelled. `time` must not be before ``now`` and not `.never`.
    @inlinable
    public mutating func schedule(_ event: Event, at time: SimTime) -> EventHandle {
        let handle = slots.take()
        insert(Posted(event: event, slot: handle.slot), at: time)
        return handle
    }

    /// Adds an event that can be cancelled, `delay` after ``now``. The delay must not be negative.
    @inlinable
    public mutating func schedule(_ event: Event, after delay: SimDuration) -> EventHandle {
        schedule(event, at: clock + delay)
    }

    /// Takes an event back. Returns `false`, and does nothing, if it has fired or was cancelled before.
    @inlinable
    @discardableResult
    public mutating func cancel(_ handle: EventHandle) -> Bool {
        guard slots.cancel(handle) else { return false }
        if slots.cancelledCount > 1024 && slots.cancelledCount > queue.count / 2 { compact() }
        return true
    }

    /// Removes and returns the next event if it is strictly before `horizon`, and moves the clock to it.
    /// - Throws: ``InstantLimitError`` if this would be one event too many at its instant.
    @inlinable
    public mutating func popNext(before horizon: SimTime) throws(InstantLimitError) -> Event? {
        while let entry = popEntry(before: horizon.nanoseconds) {
            if entry.payload.slot != SlotTable.none && slots.release(entry.payload.slot) { continue }
            if entry.time == clock.nanoseconds {
                instantCount &+= 1
                if instantCount &+ Self.suspectWindow > instantLimit { try suspect(entry.payload.event) }
            } else {
                clock = SimTime(nanoseconds: entry.time)
                instantCount = 1
            }
            return entry.payload.event
        }
        return nil
    }

    /// ``popNext(before:)`` with the horizon itself included. `horizon` must not be `.never`.
    @inlinable
    public mutating func popNext(notAfter horizon: SimTime) throws(InstantLimitError) -> Event? {
        precondition(horizon < .never, "nothing happens at the end of time")
        return try popNext(before: SimTime(nanoseconds: horizon.nanoseconds + 1))
    }

    /// Moves the clock forward over a stretch without events, as at the end of a run.
    @inlinable
    public mutating func advance(to time: SimTime) {
        precondition(time >= clock, "the clock does not go back")
        precondition(time.nanoseconds <= leastTime, "the clock cannot pass a pending event")
        guard time > clock else { return }
        clock = time
        instantCount = 0
    }

    /// The least time of a pending entry, cancelled ones included; `Int64.max` if there is none.
    @inlinable
    var leastTime: Int64 { queue.buckets[0].count > 0 ? queue.last : queue.leastLater }

    @inlinable
    mutating func insert(_ posted: Posted, at time: SimTime) {
        precondition(time >= clock, "an event cannot be scheduled in the past")
        precondition(time < .never, "an event that never happens is not scheduled")
        if queue.count >= limit { makeRoom() }
        if time.nanoseconds < queue.last { rebase() }
        queue.count &+= 1
        let entry = Entry(time: time.nanoseconds, payload: posted)
        queue.place(entry, in: queue.bucketIndex(of: time.nanoseconds))
    }

    /// Cancelled events give way before the limit counts.
    @inlinable
    mutating func makeRoom() {
        precondition(count < limit, "too many pending events")
        compact()
    }

    @inlinable
    mutating func popEntry(before horizon: Int64) -> Entry? {
        if queue.buckets[0].count == 0 {
            guard let index = queue.lowestIndex, queue.buckets[index].minimum < horizon else { return nil }
            if queue.buckets[index].count <= RadixQueue<Posted>.smallBucket {
                queue.count &-= 1
                return queue.takeLeast(from: index)
            }
            queue.advance()
        } else if queue.last >= horizon {
            return nil
        }
        let due = queue.buckets
        let entry = due.pointee.base.unsafelyUnwrapped[head]
        head &+= 1
        if head == due.pointee.count {
            due.pointee.count = 0
            head = 0
        }
        queue.count &-= 1
        return entry
    }

    /// Events of one instant that are looked at, up to its limit, to name the kinds that fill it.
    @inlinable static var suspectWindow: Int { 256 }

    @usableFromInline
    mutating func suspect(_ event: Event) throws(InstantLimitError) {
        if instantCount == max(2, instantLimit + 1 - Self.suspectWindow) { suspects.removeAll() }
        let kind = String(describing: event).prefix { $0 != "(" }
        suspects.append(String(kind))
        guard instantCount > instantLimit else { return }
        var counts: [String: Int] = [:]
        for kind in suspects { counts[kind, default: 0] += 1 }
        let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        throw InstantLimitError(time: clock, limit: instantLimit, topKinds: ranked.prefix(3).map(\.key))
    }

    /// Makes room for a time before `queue.last`.
    ///
    /// Only dropping cancelled events can move `last` beyond the clock, so this is rare; it costs one visit for
    /// each pending event. Entries of equal time stay in one bucket and in order.
    @inlinable
    mutating func rebase() {
        var pending: [Entry] = []
        pending.reserveCapacity(queue.count)
        for index in 0..<RadixQueue<Posted>.bucketCount {
            let bucket = queue.buckets[index]
            for position in (index == 0 ? head : 0)..<bucket.count {
                pending.append(bucket.base.unsafelyUnwrapped[position])
            }
            queue.clear(index)
        }
        head = 0
        queue.last = clock.nanoseconds
        for entry in pending {
            queue.place(entry, in: queue.bucketIndex(of: entry.time))
        }
    }

    @inlinable
    mutating func compact() {
        var freed: [UInt32] = []
        let table = slots.entries
        queue.removeAll(head: head) { posted, _ in
            guard posted.slot != SlotTable.none && table[Int(posted.slot)].isCancelled else { return false }
            freed.append(posted.slot)
            return true
        }
        head = 0
        for slot in freed { _ = slots.release(slot) }
    }
}

/// Which handles are alive: one generation per slot, and a list of free slots.
@frozen
@usableFromInline
struct SlotTable: ~Copyable {
    @frozen
    @usableFromInline
    struct Slot: BitwiseCopyable {
        @usableFromInline var generation: UInt32
        /// The next free slot while this one is free.
        @usableFromInline var next: UInt32
        @usableFromInline var isCancelled: Bool

        @inlinable
        init(generation: UInt32) {
            self.generation = generation
            next = SlotTable.none
            isCancelled = false
        }
    }

    /// No slot: the mark of an event that cannot be cancelled and the end of the free list.
    @inlinable static var none: UInt32 { UInt32.max }

    @usableFromInline var entries: UnsafeMutablePointer<Slot>
    @usableFromInline var capacity: Int
    @usableFromInline var used: Int
    @usableFromInline var firstFree: UInt32
    /// Cancelled events that are still in the calendar.
    @usableFromInline var cancelledCount: Int

    @inlinable
    init() {
        entries = UnsafeMutablePointer<Slot>.allocate(capacity: 16)
        capacity = 16
        used = 0
        firstFree = SlotTable.none
        cancelledCount = 0
    }

    @inlinable
    deinit { entries.deallocate() }

    @inlinable
    mutating func take() -> EventHandle {
        if firstFree != SlotTable.none {
            let slot = firstFree
            firstFree = entries[Int(slot)].next
            return EventHandle(slot: slot, generation: entries[Int(slot)].generation)
        }
        if used == capacity { grow() }
        (entries + used).initialize(to: Slot(generation: 0))
        used += 1
        return EventHandle(slot: UInt32(used - 1), generation: 0)
    }

    @usableFromInline
    mutating func grow() {
        let larger = UnsafeMutablePointer<Slot>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: entries, count: used)
        entries.deallocate()
        entries = larger
        capacity *= 2
    }

    @inlinable
    mutating func cancel(_ handle: EventHandle) -> Bool {
        let slot = Int(handle.slot)
        guard slot < used, entries[slot].generation == handle.generation, !entries[slot].isCancelled else {
            return false
        }
        entries[slot].isCancelled = true
        cancelledCount += 1
        return true
    }

    /// Frees the slot of an event that left the calendar; returns whether the event had been cancelled.
    @inlinable
    mutating func release(_ slot: UInt32) -> Bool {
        let index = Int(slot)
        let wasCancelled = entries[index].isCancelled
        if wasCancelled { cancelledCount -= 1 }
        entries[index].isCancelled = false
        entries[index].generation &+= 1
        entries[index].next = firstFree
        firstFree = slot
        return wasCancelled
    }
}
