import CallModel
import EventKernel

/// The people of a region as sources of captures: the cursors of their streams, and bins of people by the slot of
/// their next capture, so that a slot looks at those who have something for it and at nobody else.
struct CaptureSources: ~Copyable {
    /// By stream.
    private let cursors: Table<MediaCursor>
    /// Those with captures left, by the slot of the next one.
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
        var time = SimTime.never
        for kind in 0..<StreamKind.count {
            time = min(time, cursors[pointer: person * StreamKind.count + kind].pointee.time)
        }
        guard time < .never else { return }
        due.append(UInt32(person), at: time)
        least = min(least, time.nanoseconds)
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
            let next = take(drained[position], until: end, world)
            if next.nanoseconds >> Int64(world.slotShift) > slot && next < .never {
                due.append(drained[position], at: next)
            }
        }
    }

    /// Gathers the captures due before `end` by a look at everybody: the reference executor's way.
    mutating func gather(until end: Int64, _ world: World) {
        captures.removeAll()
        guard least < end else { return }
        least = Int64.max
        for person in 0..<(cursors.count / StreamKind.count) {
            least = min(least, take(UInt32(person), until: end, world).nanoseconds)
        }
    }

    /// Takes a person's captures before `end` and returns when the next one is due.
    @inline(__always)
    private mutating func take(_ person: UInt32, until end: Int64, _ world: World) -> SimTime {
        let first = Int(person) * StreamKind.count
        while true {
            var stream = first
            var time = cursors[pointer: first].pointee.time
            for other in (first + 1)..<(first + StreamKind.count) {
                let otherTime = cursors[pointer: other].pointee.time
                stream = otherTime < time ? other : stream
                time = min(time, otherTime)
            }
            guard time.nanoseconds < end else { return time }
            let cursor = cursors[pointer: stream]
            captures.append(
                PublishDue(time: time.nanoseconds, stream: UInt32(stream), sequence: cursor.pointee.sequence))
            if !cursor.pointee.stepWithinSegment() { world.streams.advance(stream, &cursor.pointee) }
        }
    }
}
