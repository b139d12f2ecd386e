/// At most one pending timer for each (entity, kind), re-armed and cancelled in constant time.
///
/// A cancelled or replaced timer stays in the calendar as a *stale* entry, told from the live one by its
/// generation and due time; it is skipped when it comes up. When stale entries are more than half of the calendar
/// and more than 1,024, all of them are dropped at once, so that a keep-alive timer that is re-armed for each
/// message costs memory for two entries, not for thousands.
///
/// Live timers come out in the total order (time, entity, kind, generation).
@frozen
public struct TimerTable: ~Copyable {
    @frozen
    @usableFromInline
    struct State: BitwiseCopyable {
        /// When the pending timer is due; `Int64.max` if none is pending.
        @usableFromInline var due: Int64
        @usableFromInline var generation: UInt32

        @inlinable
        init(due: Int64, generation: UInt32) {
            self.due = due
            self.generation = generation
        }
    }

    @usableFromInline var calendar: TimerCalendar
    @usableFromInline let states: UnsafeMutablePointer<State>
    @usableFromInline let stateCount: Int

    /// Kinds of timers per entity.
    public let kinds: Int
    /// Live timers.
    @inlinable public var count: Int { liveCount }
    @usableFromInline var liveCount: Int
    /// Stale entries that are still in the calendar.
    @inlinable public var stale: Int { staleCount }
    @usableFromInline var staleCount: Int
    /// How often stale entries were dropped in bulk.
    public private(set) var compactions: Int
    /// The time of the last popped live timer; nothing can be scheduled before it.
    @inlinable public var lastPopped: SimTime { reached }
    @usableFromInline var reached: SimTime

    /// Makes a table without pending timers.
    ///
    /// `limit` bounds the entries of the calendar, live and stale together; twice the number of timers that can be
    /// live plus 1,024 is always enough.
    public init(entities: Int, kinds: Int, limit: Int) {
        precondition(entities >= 0 && entities <= Int(UInt32.max), "entities are numbered by 32 bits")
        precondition(kinds > 0 && kinds <= 256, "kinds are numbered by 8 bits")
        calendar = TimerCalendar(limit: limit)
        self.kinds = kinds
        stateCount = entities * kinds
        states = UnsafeMutablePointer<State>.allocate(capacity: max(1, entities * kinds))
        states.initialize(repeating: State(due: Int64.max, generation: 0), count: entities * kinds)
        liveCount = 0
        staleCount = 0
        compactions = 0
        reached = .start
    }

    deinit { states.deallocate() }

    @inlinable
    func index(entity: UInt32, kind: UInt8) -> Int {
        let index = Int(entity) * kinds + Int(kind)
        precondition(Int(kind) < kinds && index < stateCount, "no such timer")
        return index
    }

    /// Arms a timer; one of the same entity and kind that was pending is replaced.
    @inlinable
    public mutating func schedule(entity: UInt32, kind: UInt8, at time: SimTime) {
        precondition(time >= reached, "a timer cannot be scheduled in the past")
        let index = index(entity: entity, kind: kind)
        if states[index].due == Int64.max {
            liveCount += 1
        } else {
            staleCount += 1
        }
        let generation = (states[index].generation &+ 1) & (TimerKey.generationModulus &- 1)
        states[index] = State(due: time.nanoseconds, generation: generation)
        compactIfNeeded(room: 1)
        calendar.schedule(TimerKey(entity: entity, kind: kind, generation: generation), at: time)
    }

    /// Disarms a timer; returns whether it was pending.
    @inlinable
    @discardableResult
    public mutating func cancel(entity: UInt32, kind: UInt8) -> Bool {
        let index = index(entity: entity, kind: kind)
        guard states[index].due != Int64.max else { return false }
        states[index].due = Int64.max
        liveCount -= 1
        staleCount += 1
        compactIfNeeded(room: 0)
        return true
    }

    /// When a timer is due; `.never` if it is not pending.
    @inlinable
    public func due(entity: UInt32, kind: UInt8) -> SimTime {
        SimTime(nanoseconds: states[index(entity: entity, kind: kind)].due)
    }

    /// The time of the next live timer, `.never` if there is none. Drops stale entries that are ahead of it.
    @inlinable
    public mutating func peek() -> SimTime {
        while let head = calendar.head {
            if isLive(head.payload, head.time) { return SimTime(nanoseconds: head.time) }
            if !calendar.headIsFirst {
                // The stale head may hide a live timer of the same time.
                calendar.makeDue()
            } else if calendar.popEntry(before: .never) != nil {
                staleCount -= 1
            }
        }
        return .never
    }

    /// Removes and returns the first live timer if it is strictly before `horizon`, skipping stale entries.
    @inlinable
    public mutating func popLive(before horizon: SimTime) -> (time: SimTime, entity: UInt32, kind: UInt8)? {
        while let entry = calendar.popEntry(before: horizon) {
            let key = entry.payload
            if isLive(key, entry.time) {
                states[index(entity: key.entity, kind: key.kind)].due = Int64.max
                liveCount -= 1
                let time = SimTime(nanoseconds: entry.time)
                reached = time
                return (time, key.entity, key.kind)
            }
            staleCount -= 1
        }
        return nil
    }

    /// Both the generation and the due time must agree: 2²⁴ re-armings later the generation alone comes round.
    @inlinable
    func isLive(_ key: TimerKey, _ time: Int64) -> Bool {
        let state = states[Int(key.entity) * kinds + Int(key.kind)]
        return state.generation == key.generation && state.due == time
    }

    @inlinable
    mutating func compactIfNeeded(room: Int) {
        let crowded = calendar.count + room > calendar.limit && staleCount > 0
        if crowded || (staleCount > 1024 && staleCount > calendar.count / 2) { compact() }
    }

    @usableFromInline
    mutating func compact() {
        let states = states
        let kinds = kinds
        calendar.removeAll { key, time in
            let state = states[Int(key.entity) * kinds + Int(key.kind)]
            return state.generation != key.generation || state.due != time
        }
        staleCount = 0
        compactions += 1
    }
}
