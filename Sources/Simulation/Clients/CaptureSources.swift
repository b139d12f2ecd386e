import CallModel
import EventKernel

/// The people of a region as sources of captures: when each has something to publish next, in dense rows that slots
/// scan, and the cursors of their streams.
struct CaptureSources: ~Copyable {
    /// A person with something left to publish, and the least time over the person's cursors.
    private struct Source: BitwiseCopyable {
        var due: Int64
        var person: Int32
    }

    /// Those who publish within the next second or so, whom every slot scans, and the others, of whom the first is
    /// due at `lateLeast`.
    private var soon = Slab<Source>()
    private var late = Slab<Source>()
    private var lateLeast = Int64.max
    /// By stream.
    private let cursors: Table<MediaCursor>
    /// The least time over all.
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
        guard time < Int64.max else { return }
        late.append(Source(due: time, person: Int32(person)))
        lateLeast = min(lateLeast, time)
        least = min(least, time)
    }

    /// Gathers the captures due before `end`, all of them in one slot.
    mutating func gather(until end: Int64, _ world: World) {
        captures.removeAll()
        guard least < end else { return }
        if lateLeast < end { wake(dueBefore: end + Self.reach) }
        var next = lateLeast
        var kept = 0
        for position in 0..<soon.count {
            var source = soon[position]
            if source.due < end { source.due = take(Int(source.person), until: end, world) }
            if source.due < end + Self.reach {
                next = min(next, source.due)
                soon[kept] = source
                kept += 1
            } else if source.due < Int64.max {
                next = min(next, source.due)
                late.append(source)
                lateLeast = min(lateLeast, source.due)
            }
        }
        soon.removeLast(soon.count - kept)
        least = next
        sorter.sort(
            &captures, slotShift: world.slotShift, time: { SimTime(nanoseconds: $0.time) }, precedes: Self.precedes)
    }

    /// A second: longer than a stream that flows pauses.
    private static var reach: Int64 { 1_000_000_000 }

    /// Moves late sources that are due before `bound` to the others.
    private mutating func wake(dueBefore bound: Int64) {
        var kept = 0
        lateLeast = Int64.max
        for position in 0..<late.count {
            let source = late[position]
            if source.due < bound {
                soon.append(source)
            } else {
                lateLeast = min(lateLeast, source.due)
                late[kept] = source
                kept += 1
            }
        }
        late.removeLast(late.count - kept)
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
