import EventKernel

/// The congestion window of one direction of a TCP connection, driven by the clock of its acknowledgements.
///
/// Follows Linux: an initial window of ten segments (RFC 6928), slow start and congestion avoidance by acknowledged
/// segments and only while the window limits the sender (`tcp_is_cwnd_limited`), half the window for each
/// retransmission timeout of idleness down to the initial one (`tcp_cwnd_restart`, `tcp_slow_start_after_idle` = 1),
/// one segment after a timeout, `reduction` of the window after a loss that acknowledgements tell of.
///
/// The window counts segments, here in bytes of full ones: a write that goes out at once fills segments of its
/// own (NATS sets TCP_NODELAY), what has to wait is joined to full segments. No event belongs to an acknowledgement:
/// `send` looks at those that came since, and ahead to those that it has to wait for.
public struct CongestionWindow: ~Copyable {
    /// Bytes of payload of a full segment at an MTU of 1,500 with time stamps.
    public static var segment: Int64 { 1_448 }
    /// Ten segments (RFC 6928).
    public static var initial: Int64 { 10 * segment }
    /// More is never under way: `tcp_wmem` maximum, 4 MiB.
    public static var largest: Int64 { 4_194_304 }
    /// What is left of the window after a loss: 0.5 with Reno, 0.7 with CUBIC, in 1/1,024.
    public static var reduction: Int64 { 512 }
    /// The kernel's own memory for a segment in the send buffer. Measured on Linux 6.18: 768 to 820 bytes
    /// (docs/models/gateways.md).
    public static var overhead: Int64 { 820 }

    /// What is acknowledged at one instant.
    struct UnderWay: BitwiseCopyable {
        var acknowledged: Int64
        var window: Int32
        var memory: Int32
    }

    /// The window, in bytes of full segments.
    public private(set) var size = CongestionWindow.initial
    /// Up to here the window grows by what is acknowledged, beyond by a segment for each round trip.
    public private(set) var threshold = Int64.max
    /// Sent and not acknowledged, in the window's bytes.
    public private(set) var underWay: Int64 = 0
    /// Bytes of the send buffer that this takes.
    public private(set) var memory: Int64 = 0
    private var ring = Ring<UnderWay>(capacityLimit: 1 << 24)
    /// The part of `underWay` whose acknowledgement is not under way: lost, or behind something lost.
    private var unanswered: Int64 = 0
    private var unansweredMemory: Int64 = 0
    /// When the last byte departed; nothing departs before.
    public private(set) var lastSent = Int64.min / 2
    /// The most that was under way during the current window, and the count of bytes with which that began.
    private var peak: Int64 = 0
    private var sent: Int64 = 0
    private var answered: Int64 = 0
    private var mark: Int64 = 0
    private var isLimited = false
    /// Departures that the last write took.
    private var parts = 0

    public init() {}

    /// Whether nothing that would free the window is on its way back.
    public var isStuck: Bool { unanswered > 0 && ring.isEmpty && underWay + Self.segment > size }

    /// When the last acknowledgement on its way arrives; `nil` if none is.
    public var lastAcknowledgement: Int64? { ring.isEmpty ? nil : ring.last.acknowledged }

    /// Starts anew: the state after a handshake.
    public mutating func reset() {
        ring.removeAll { _ in }
        size = Self.initial
        threshold = Int64.max
        underWay = 0
        memory = 0
        unanswered = 0
        unansweredMemory = 0
        lastSent = Int64.min / 2
        peak = 0
        sent = 0
        answered = 0
        mark = 0
        isLimited = false
    }

    /// Sends a write and returns when its last byte departs; `nil` if the window is shut and no acknowledgement on its
    /// way opens it.
    ///
    /// - Parameters:
    ///   - bytes: of the write, at least 1.
    ///   - time: of the write, not before the one before; nanoseconds, as all here.
    ///   - roundTrip: from departure to acknowledgement.
    ///   - timeout: of a retransmission.
    public mutating func send(_ bytes: Int64, at time: Int64, roundTrip: Int64, timeout: Int64) -> Int64? {
        settle(until: time)
        parts = 0
        if underWay == 0 { restartAfterIdle(at: time, timeout: timeout) }
        let whole = (bytes + Self.segment - 1) / Self.segment * Self.segment
        // What goes out at once fills segments of its own.
        if time >= lastSent, underWay + whole <= size {
            record(window: whole, memory: bytes + Self.overhead, departure: time, roundTrip: roundTrip)
            return time
        }
        return sendInParts(bytes, at: time, roundTrip: roundTrip)
    }

    /// Sends what does not fit into the window at once, in full segments as acknowledgements come.
    private mutating func sendInParts(_ bytes: Int64, at time: Int64, roundTrip: Int64) -> Int64? {
        var left = bytes
        var departure = max(time, lastSent)
        settle(until: departure)
        while left > 0 {
            let room = size - underWay
            let part = min(left, room)
            // Segments are filled across writes, so any piece of one may end it; but none of a few bytes alone.
            if part >= min(left, Self.segment / 8) {
                record(window: part, memory: part, departure: departure, roundTrip: roundTrip)
                left -= part
                continue
            }
            isLimited = true
            guard let next = nextAcknowledgement else { return nil }
            departure = max(departure, next)
            settle(until: departure)
        }
        return departure
    }

    private var nextAcknowledgement: Int64? { ring.isEmpty ? nil : ring.first.acknowledged }

    /// Notes a departure.
    private mutating func record(window: Int64, memory: Int64, departure: Int64, roundTrip: Int64) {
        // Acknowledgements are cumulative: none counts before an earlier one.
        let acknowledged = max(departure + roundTrip, lastAcknowledgement ?? 0)
        ring.append(UnderWay(acknowledged: acknowledged, window: Int32(window), memory: Int32(memory)))
        parts += 1
        underWay += window
        self.memory += memory
        sent += window
        lastSent = departure
        let limited = underWay + Self.segment > size
        if answered >= mark || limited || (!isLimited && underWay > peak) {
            isLimited = limited
            peak = underWay
            mark = sent
        }
    }

    /// Takes the acknowledgements that have come by `time`.
    public mutating func settle(until time: Int64) {
        while !ring.isEmpty, ring.first.acknowledged <= time {
            let entry = ring.popFirst()
            let bytes = Int64(entry.window)
            underWay -= bytes
            memory -= Int64(entry.memory)
            answered += bytes
            if size < threshold {
                if size < 2 * peak { size += bytes }
            } else if isLimited {
                size += Self.segment * bytes / size
            }
            if size > Self.largest { size = Self.largest }
        }
    }

    private mutating func restartAfterIdle(at time: Int64, timeout: Int64) {
        var idle = time - lastSent
        guard idle > timeout, size > Self.initial else { return }
        threshold = max(threshold, size / 4 * 3)
        idle -= timeout
        while idle > 0, size > Self.initial {
            size >>= 1
            idle -= timeout
        }
        size = max(size, Self.initial)
    }

    // MARK: Losses

    /// The last write gets no acknowledgement: it or its answer is lost, or it is behind such a one.
    public mutating func loseLast() {
        var left = min(parts, ring.count)
        parts = 0
        while left > 0 {
            left -= 1
            let entry = ring.last
            unanswered += Int64(entry.window)
            unansweredMemory += Int64(entry.memory)
            var isFirst = true
            ring.removeLast(while: { _ in isFirst }) { _ in isFirst = false }
        }
    }

    /// An acknowledgement that comes at `time` stands for everything sent before as well.
    public mutating func answerAll(at time: Int64) {
        guard unanswered > 0 else { return }
        let time = max(time, lastAcknowledgement ?? 0)
        ring.append(
            UnderWay(acknowledged: time, window: Int32(unanswered), memory: Int32(unansweredMemory)))
        unanswered = 0
        unansweredMemory = 0
    }

    /// A retransmission timeout: everything under way counts as lost, and one segment may go.
    public mutating func timeOut(at time: Int64) {
        threshold = max(size / 2, 2 * Self.segment)
        size = Self.segment
        forgetUnderWay(at: time)
    }

    /// Acknowledgements told of a loss: the window shrinks once.
    public mutating func recover(at time: Int64) {
        threshold = max((size * Self.reduction) >> 10, 2 * Self.segment)
        size = threshold
        forgetUnderWay(at: time)
    }

    private mutating func forgetUnderWay(at time: Int64) {
        ring.removeAll { _ in }
        answered = sent
        underWay = 0
        memory = 0
        unanswered = 0
        unansweredMemory = 0
        lastSent = time
        mark = sent
        peak = 0
        isLimited = true
    }
}
