import CallModel
import EventKernel

/// The people of a region as sources of captures: the cursors of their streams, and bins of people by the slot of
/// their next capture, so that a slot looks at those who have something for it and at nobody else.
struct CaptureSources: ~Copyable {
    /// By stream.
    private let cursors: Table<MediaCursor>
    /// Of each person with captures left the stream of the next one, by its slot.
    private var due: SlotBin<UInt32>
    private var drained = ItemBuffer<UInt32>()
    /// The captures gathered last: those of one person lie together, in order of (time, stream, sequence).
    private(set) var captures = ItemBuffer<PublishDue>()
    /// For the reference executor, which asks for instants: the least time over all.
    private(set) var least = Int64.max

    init(_ world: World, region: Int) {
        cursors = Table(count: world.people.count * StreamKind.count) { stream in
            guard world.people[stream / StreamKind.count].region == region else { return MediaCursor() }
            return world.streams.schedules[stream]?.cursor(notBefore: .start) ?? MediaCursor()
        }
        due = SlotBin(slotShift: world.slotShift, slots: 1024)
    }

    /// Adds the next person of the region.
    mutating func add(_ person: Int) {
        let next = next(of: person)
        guard next.time < .never else { return }
        due.append(next.stream, at: next.time)
        least = min(least, next.time.nanoseconds)
    }

    /// Whether a slot has captures; no earlier one may be gathered after it.
    @inline(__always)
    func hasCaptures(in slot: Int64) -> Bool { due.holds(slot: slot) }

    /// The first slot that has captures.
    var earliestSlot: Int64? { due.earliestSlot }

    /// Gathers the captures of a slot that are due before `end`; what the horizon cuts off is never asked for.
    mutating func gather(slot: Int64, until end: Int64, _ world: World) {
        captures.removeAll()
        guard due.holds(slot: slot) else { return }
        drained.removeAll()
        due.drain(slot: slot, into: &drained)
        for position in 0..<drained.count {
            let stream = drained[position]
            let next = take((cursors[pointer: Int(stream)].pointee.time, stream), until: end, world)
            if next.time.nanoseconds >> Int64(world.slotShift) > slot && next.time < .never {
                due.append(next.stream, at: next.time)
            }
        }
    }

    /// Gathers the captures due before `end` by a look at everybody: the reference executor's way.
    mutating func gather(until end: Int64, _ world: World) {
        captures.removeAll()
        guard least < end else { return }
        least = Int64.max
        for person in 0..<(cursors.count / StreamKind.count) {
            least = min(least, take(next(of: person), until: end, world).time.nanoseconds)
        }
    }

    /// Takes a person's captures before `end`, of which `next` is the first, and returns the next one.
    @inline(__always)
    private mutating func take(
        _ next: (time: SimTime, stream: UInt32), until end: Int64, _ world: World
    ) -> (time: SimTime, stream: UInt32) {
        var next = next
        while next.time.nanoseconds < end {
            let cursor = cursors[pointer: Int(next.stream)]
            captures.append(
                PublishDue(time: next.time.nanoseconds, stream: next.stream, sequence: cursor.pointee.sequence))
            if !cursor.pointee.stepWithinSegment() { world.streams.advance(Int(next.stream), &cursor.pointee) }
            next = self.next(of: StreamTable.person(of: next.stream))
        }
        return next
    }

    /// A person's next capture: the stream with the least time, the lowest of equals.
    @inline(__always)
    private mutating func next(of person: Int) -> (time: SimTime, stream: UInt32) {
        let first = person * StreamKind.count
        var next = (time: cursors[pointer: first].pointee.time, stream: UInt32(first))
        for other in (first + 1)..<(first + StreamKind.count) {
            let time = cursors[pointer: other].pointee.time
            next.stream = time < next.time ? UInt32(other) : next.stream
            next.time = min(next.time, time)
        }
        return next
    }
}
