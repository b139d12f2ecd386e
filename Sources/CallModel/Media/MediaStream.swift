public import EventKernel

/// When one person captures the packets of one medium: a static schedule, fixed by intent before the first event.
///
/// Packets are numbered from 0 at the person's join, whether they can be sent or not. A segment is a row of ticks at a
/// constant period with a constant number of packets at each; the packets of one tick share its time. Times are whole
/// nanoseconds and the period is rounded down (33,333,333 ns at 30 a second), so every time follows by arithmetic.
public struct MediaStream: Hashable, Sendable {
    /// A row of ticks; tick i is at `start + i * period` and has `perTick` packets.
    @frozen
    public struct Segment: Hashable, Sendable, BitwiseCopyable {
        public var start: SimTime
        public var period: SimDuration
        public var perTick: UInt32
        public var firstSequence: UInt32
        /// At least 1.
        public var ticks: Int64

        /// Packets in this segment.
        @inlinable public var count: Int64 { ticks * Int64(perTick) }

        /// Ticks earlier than `time`.
        @inlinable
        func ticks(before time: SimTime) -> Int64 {
            let gap = (time - start).nanoseconds
            return gap <= 0 ? 0 : min(ticks, (gap - 1) / period.nanoseconds + 1)
        }
    }

    /// In the order of time, without gaps in the numbers.
    public private(set) var segments: [Segment] = []
    /// All packets of the stream; the number after the last one.
    public private(set) var count: UInt32 = 0

    public init() {}

    /// Appends ticks at `start`, `start + period` ... earlier than `end`. A row without packets leaves no segment.
    ///
    /// Numbers stop at 2^32: a stream that is longer than that is cut there (27 years of audio).
    public mutating func append(from start: SimTime, to end: SimTime, period: SimDuration, perTick: Int) {
        precondition(period > .zero && perTick >= 0)
        guard start < end, perTick > 0 else { return }
        if let last = segments.last {
            precondition(start.nanoseconds > last.start.nanoseconds + (last.ticks - 1) * last.period.nanoseconds)
        }
        let wanted = ((end - start).nanoseconds - 1) / period.nanoseconds + 1
        let ticks = min(wanted, Int64(UInt32.max - count) / Int64(perTick))
        guard ticks > 0 else { return }
        segments.append(
            Segment(start: start, period: period, perTick: UInt32(perTick), firstSequence: count, ticks: ticks))
        count += UInt32(ticks * Int64(perTick))
    }

    /// Packets captured in [from, to).
    public func count(from: SimTime, to: SimTime) -> Int64 {
        from < to ? captured(before: to) - captured(before: from) : 0
    }

    /// Packets captured before `time`.
    public func captured(before time: SimTime) -> Int64 {
        let index = segment { $0.start < time }
        guard index >= 0 else { return 0 }
        let segment = segments[index]
        return Int64(segment.firstSequence) + segment.ticks(before: time) * Int64(segment.perTick)
    }

    /// The number of the first packet captured at or after `time`; `count` if there is none.
    public func firstSequence(notBefore time: SimTime) -> UInt32 { UInt32(captured(before: time)) }

    /// When packet `sequence` is captured.
    public func captureTime(of sequence: UInt32) -> SimTime {
        precondition(sequence < count)
        let segment = segments[segment { $0.firstSequence <= sequence }]
        return segment.start + segment.period * Int64((sequence - segment.firstSequence) / segment.perTick)
    }

    /// The last segment that satisfies `isBefore`, which holds for a prefix of them; -1 if none does.
    private func segment(_ isBefore: (Segment) -> Bool) -> Int {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(segments[middle]) { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    /// A cursor at the first packet captured at or after `time`.
    public func cursor(notBefore time: SimTime) -> MediaCursor {
        let sequence = firstSequence(notBefore: time)
        guard sequence < count else { return MediaCursor() }
        let index = segment { $0.firstSequence <= sequence }
        return MediaCursor(segments[index], index: index, sequence: sequence)
    }

    /// Moves a cursor of this stream one packet on.
    @inlinable
    public func advance(_ cursor: inout MediaCursor) {
        cursor.sequence += 1
        cursor.restOfTick -= 1
        if cursor.restOfTick > 0 { return }
        cursor.restOfSegment -= 1
        if cursor.restOfSegment > 0 {
            cursor.restOfTick = cursor.perTick
            cursor.time = cursor.time + cursor.period
        } else {
            nextSegment(&cursor)
        }
    }

    @usableFromInline
    func nextSegment(_ cursor: inout MediaCursor) {
        let index = Int(cursor.segment) + 1
        cursor =
            index < segments.count
            ? MediaCursor(segments[index], index: index, sequence: segments[index].firstSequence) : MediaCursor()
    }
}

/// The next packet of a stream; 40 bytes, without references. Made by `MediaStream.cursor`, moved by
/// `MediaStream.advance`; a stream of one segment can also be walked by `time + period`.
@frozen
public struct MediaCursor: Hashable, Sendable, BitwiseCopyable {
    /// Capture time of the next packet; `.never` when the stream has ended.
    public var time: SimTime
    @usableFromInline var period: SimDuration
    @usableFromInline var restOfSegment: Int64
    /// Its number.
    public var sequence: UInt32
    @usableFromInline var segment: Int32
    @usableFromInline var perTick: UInt32
    @usableFromInline var restOfTick: UInt32

    /// The cursor of an ended stream.
    @inlinable
    public init() {
        time = .never
        period = .zero
        restOfSegment = 0
        sequence = 0
        segment = 0
        perTick = 0
        restOfTick = 0
    }

    /// Moves one packet on within the segment, without a look at the stream.
    /// - Returns: `false`, with nothing changed, at the segment's last packet: `MediaStream.advance` goes on.
    @inlinable
    public mutating func stepWithinSegment() -> Bool {
        if restOfTick > 1 {
            restOfTick -= 1
        } else {
            guard restOfSegment > 1 else { return false }
            restOfSegment -= 1
            restOfTick = perTick
            time = time + period
        }
        sequence += 1
        return true
    }

    init(_ segment: MediaStream.Segment, index: Int, sequence: UInt32) {
        let offset = sequence - segment.firstSequence
        let tick = Int64(offset / segment.perTick)
        time = segment.start + segment.period * tick
        period = segment.period
        restOfSegment = segment.ticks - tick
        self.sequence = sequence
        self.segment = Int32(index)
        perTick = segment.perTick
        restOfTick = segment.perTick - offset % segment.perTick
    }
}
