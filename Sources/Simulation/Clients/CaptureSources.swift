import CPrefetch
import CallModel
import EventKernel

/// The people of a region as sources of captures: the cursors of their streams, and bins of people by the slot of
/// their next capture, so that a slot looks at those who have something for it and at nobody else.
struct CaptureSources: ~Copyable {
    /// By stream.
    private let cursors: Table<MediaCursor>
    /// By stream: its cursor's time. Those of one person lie together.
    private let times: Table<SimTime>
    /// Of each person with captures left the stream of the next one, by its slot.
    private var due: SlotBin<UInt32>
    private var drained = ItemBuffer<UInt32>()
    /// The captures that the reference executor gathered last, in order of (time, stream, sequence).
    private(set) var captures = ItemBuffer<PublishDue>()
    /// For the reference executor, which asks for instants: the least time over all.
    private(set) var least = Int64.max

    init(_ world: World, region: Int) {
        cursors = Table(count: world.people.count * StreamKind.count) { stream in
            guard world.people[stream / StreamKind.count].region == region else { return MediaCursor() }
            return world.streams.schedules[stream]?.cursor(notBefore: .start) ?? MediaCursor()
        }
        let first = cursors[pointer: 0]
        times = Table(count: world.people.count * StreamKind.count) { first[$0].time }
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

    /// Takes the people with captures in a slot; how many there are.
    mutating func open(slot: Int64) -> Int {
        drained.removeAll()
        if due.holds(slot: slot) { due.drain(slot: slot, into: &drained) }
        return drained.count
    }

    /// The first capture of one of them.
    @inline(__always)
    func first(at position: Int) -> (time: SimTime, stream: UInt32) {
        let stream = drained[position]
        return (times[pointer: Int(stream)].pointee, stream)
    }

    /// Fetches the cursors of one of them some places ahead, and what captures ask of that person.
    @inline(__always)
    func readAhead(at position: Int, _ senders: borrowing Table<Sender>, _ receivers: borrowing Table<Receiver>) {
        guard position < drained.count else { return }
        let person = StreamTable.person(of: drained[position])
        prefetch_line(times.place(person * StreamKind.count))
        prefetch_line(cursors.place(Int(drained[position])))
        prefetch_line(senders.place(person))
        prefetch_line(receivers.place(person))
    }

    /// Takes a capture; its person's next one.
    @inline(__always)
    mutating func step(_ stream: UInt32, _ world: World) -> (due: PublishDue, next: (time: SimTime, stream: UInt32)) {
        let cursor = cursors[pointer: Int(stream)]
        let due = PublishDue(
            time: cursor.pointee.time.nanoseconds, stream: stream, sequence: cursor.pointee.sequence)
        if !cursor.pointee.stepWithinSegment() { world.streams.advance(Int(stream), &cursor.pointee) }
        times[pointer: Int(stream)].pointee = cursor.pointee.time
        return (due, next(of: StreamTable.person(of: stream)))
    }

    /// Keeps a person for the slot of its next capture, if there is one.
    @inline(__always)
    mutating func close(_ next: (time: SimTime, stream: UInt32), slot: Int64, _ shift: Int) {
        if next.time.nanoseconds >> Int64(shift) > slot && next.time < .never { due.append(next.stream, at: next.time) }
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
    private mutating func take(
        _ next: (time: SimTime, stream: UInt32), until end: Int64, _ world: World
    ) -> (time: SimTime, stream: UInt32) {
        var next = next
        while next.time.nanoseconds < end {
            let taken = step(next.stream, world)
            captures.append(taken.due)
            next = taken.next
        }
        return next
    }

    /// A person's next capture: the stream with the least time, the lowest of equals.
    @inline(__always)
    private mutating func next(of person: Int) -> (time: SimTime, stream: UInt32) {
        let first = person &* StreamKind.count
        let times = times.place(first)
        var next = (time: times[0], stream: UInt32(truncatingIfNeeded: first))
        for kind in 1..<StreamKind.count {
            let time = times[kind]
            next.stream = time < next.time ? UInt32(truncatingIfNeeded: first &+ kind) : next.stream
            next.time = min(next.time, time)
        }
        return next
    }
}
