import CallModel
import EventKernel

/// The people of a region as sources of captures: when each has something to publish next, in one dense row that
/// every slot scans, and the cursors of their streams.
struct CaptureSources: ~Copyable {
    /// In ascending order.
    private var people = Slab<Int32>()
    /// By position in `people`: the least time over the person's cursors, `Int64.max` when nothing is left.
    private var due = Slab<Int64>()
    /// By stream.
    private let cursors: Table<MediaCursor>
    /// The least time in `due`.
    private(set) var least = Int64.max
    /// The captures gathered last, in order of (time, stream, sequence).
    private(set) var captures = ItemBuffer<PublishDue>()
    private var sorter = SlotSorter<PublishDue>()

    init(_ world: World, region: Int) {
        cursors = Table(count: world.people.count * StreamKind.count) { stream in
            guard world.people[stream / StreamKind.count].region == region else { return MediaCursor() }
            return world.streams.schedules[stream]?.cursor(notBefore: .start) ?? MediaCursor()
        }
    }

    /// Adds the next person of the region.
    mutating func add(_ person: Int) {
        var time = Int64.max
        for kind in 0..<StreamKind.count {
            time = min(time, cursors[pointer: person * StreamKind.count + kind].pointee.time.nanoseconds)
        }
        people.append(Int32(person))
        due.append(time)
        least = min(least, time)
    }

    /// Gathers the captures due before `end`, all of them in one slot.
    mutating func gather(until end: Int64, _ world: World) {
        captures.removeAll()
        guard least < end else { return }
        var next = Int64.max
        for position in 0..<people.count {
            var time = due[position]
            if time < end {
                time = take(Int(people[position]), until: end, world)
                due[position] = time
            }
            next = min(next, time)
        }
        least = next
        sorter.sort(
            &captures, slotShift: world.slotShift, time: { SimTime(nanoseconds: $0.time) }, precedes: Self.precedes)
    }

    private static func precedes(_ left: PublishDue, _ right: PublishDue) -> Bool {
        if left.stream != right.stream { return left.stream < right.stream }
        return left.sequence < right.sequence
    }

    /// Takes a person's captures before `end` and returns when the next one is due.
    @inline(__always)
    private mutating func take(_ person: Int, until end: Int64, _ world: World) -> Int64 {
        var least = Int64.max
        for stream in (person * StreamKind.count)..<((person + 1) * StreamKind.count) {
            let cursor = cursors[pointer: stream]
            while cursor.pointee.time.nanoseconds < end {
                captures.append(
                    PublishDue(
                        time: cursor.pointee.time.nanoseconds, stream: UInt32(stream),
                        sequence: cursor.pointee.sequence))
                if !cursor.pointee.stepWithinSegment() { world.streams.advance(stream, &cursor.pointee) }
            }
            least = min(least, cursor.pointee.time.nanoseconds)
        }
        return least
    }
}
