import EventKernel
import Network

/// What holds on the way of a flow, both directions, from one change of the link to the next.
struct FlowPath: BitwiseCopyable {
    var from = Int64.max
    var until = Int64.min
    /// To the other end, and back.
    var oneWay: Int64 = 0
    var back: Int64 = 0
    var jitter: Int64 = 0
    var jitterBack: Int64 = 0
    /// Bits per second; 0: not limited.
    var bandwidth: Int64 = 0
    /// A packet whose acknowledgement is back before this instant meets no cut.
    var calmUntil = Int64.min
    var isLossy = false
    /// No jitter, no loss, no limit.
    var isPlain = true

    var roundTrip: Int64 { oneWay + back }
    /// The sender's retransmission timeout.
    var timeout: Int64 {
        RetransmissionSchedule.timeout(roundTrip: SimDuration(nanoseconds: roundTrip)).nanoseconds
            + RetransmissionSchedule.acknowledgementDelay.nanoseconds
    }
}

/// Why a flow waits for a retransmission.
enum Stall: UInt8 {
    case none
    /// All that was sent has arrived or will; acknowledgements are lost.
    case unanswered
    /// Something sent is lost: nothing after it is delivered before it.
    case hole
}

/// The sending half of one gateway connection: a TCP flow over the WAN.
///
/// What is written departs as the congestion window allows. A loss or a cut stalls the flow: what is lost, and what is
/// written then, is held until the retransmission that gets through, and follows in order.
struct Flow: ~Copyable {
    var window = CongestionWindow()
    var path = FlowPath()
    /// When the last item written was written; nothing is written before.
    var lastWritten: Int64 = 0
    /// Between the last two writes.
    var writeGap: Int64 = 0
    var lastArrival: Int64 = 0
    /// What a link alone with this flow would be busy with until then.
    var linkFree: Int64 = 0
    /// Written and not yet on the wire, with the time of departure.
    var departing = Ring<Item>(capacityLimit: Station.portLimit)
    /// Of those: the running number of the first that had not departed at the last look, and the bytes from it on.
    var unsentNumber = 0
    var unsentBytes: Int64 = 0
    /// Lost, or written behind something lost, in order.
    var held = Ring<Item>(capacityLimit: Station.portLimit)
    var heldBytes: Int64 = 0
    /// What the held items take of the send buffer, beyond what the window counts.
    var heldMemory: Int64 = 0
    var stall = Stall.none
    /// Whether some of what is held was never sent.
    var hasUnsent = false
    /// When the segment was sent with which the stall began.
    var stalledAt: Int64 = 0
    /// How long answers have waited at the other end for a second segment.
    var delay: Int64 = 0
    /// Bytes that have arrived since without an answer.
    var unanswered: Int64 = 0
    /// When the retransmission that gets through is due; `Int64.max`: none does.
    var retryAt = Int64.max
    /// When the last new segment was sent, and the first timeout, from which on no new one is.
    var lastNew: Int64 = 0
    var firstTimeout: Int64 = 0
    /// When selective acknowledgements tell of the hole; `Int64.max`: none is on its way.
    var detected = Int64.max
    /// How the pending retransmission will find the window: see `Retry`.
    var retry = Retry.timeout
    var retryNumber: UInt32 = 0
    /// Bytes of kernel memory that the socket may use.
    var bufferLimit = Flow.leastBuffer
    /// Of that, how much a stalled flow fills.
    var fillLimit = Flow.leastBuffer
    /// Held items that were in the buffer when it was full; the others are the process's.
    var kept = 0
    /// What the socket of a connection that is closed goes on sending, see `Orphans.swift`.
    var orphans = Ring<Item>(capacityLimit: Station.portLimit)
    /// When it was full; -1: it is not.
    var filledAt: Int64 = -1
    /// Whether the write that met the full buffer has written some bytes.
    var wrotePart = false
    var deadlineNumber: UInt32 = 0
    /// Segments that pass before the next lost one, and those lost in a row then.
    var untilLoss: Int64 = -1
    var lossRun: Int64 = 0
    var lossDraws: UInt32 = 0
    var isOpen = false

    /// Linux tcp_sndbuf_expand: twice the window in segments of 2,304 bytes of memory, at least for ten segments. A
    /// buffer that was never full stays at the least.
    static var segmentMemory: Int64 { 2_304 }
    static var leastBuffer: Int64 { 20 * segmentMemory }
    /// Bytes of a message's protocol line (RMSG, account, subject, size).
    static var protocolLine: Int64 { 16 }

    init() {}

    /// The running number of the next item that departs.
    var nextNumber: Int { departing.headNumber + departing.count }

    static func bytes(_ item: Item) -> Int64 { item.bytes + protocolLine }

    /// What retransmits a held segment.
    enum Retry: UInt8 {
        /// The probe of the last segment: everything else had arrived.
        case probe
        /// Selective acknowledgements, or the answer to the probe.
        case recovery
        case timeout
    }

    /// Starts the state of a new connection; what departed already stays on its way.
    mutating func reset(isOpen: Bool) {
        window.reset()
        held.removeAll { _ in }
        heldBytes = 0
        heldMemory = 0
        stall = .none
        hasUnsent = false
        detected = Int64.max
        retryNumber &+= 1
        bufferLimit = Self.leastBuffer
        filledAt = -1
        deadlineNumber &+= 1
        self.isOpen = isOpen
    }

    /// Lets an item depart; nothing departs before the one before it.
    mutating func depart(_ item: Item, at time: Int64) {
        var item = item
        item.time = departing.isEmpty ? time : max(time, departing.last.time)
        departing.append(item)
        unsentBytes += Self.bytes(item)
    }

    /// Takes the first departing item: it goes onto the wire.
    mutating func popDeparting() -> Item {
        let number = departing.headNumber
        let item = departing.popFirst()
        if unsentNumber <= number {
            unsentNumber = number + 1
            unsentBytes -= Self.bytes(item)
        }
        return item
    }

    /// Whether there can be pending bytes: what has departed since the last look is not taken off here.
    @inline(__always)
    var mayBePending: Bool { unsentBytes &+ heldBytes > max(0, bufferLimit &- window.memory) }

    /// Bytes that NATS has written or wants to, and the kernel's send buffer has no room for.
    mutating func pendingBytes(at time: Int64) -> Int64 {
        noteDepartures(until: time)
        return max(0, unsentBytes + heldBytes - max(0, bufferLimit - window.memory))
    }

    private mutating func noteDepartures(until time: Int64) {
        let head = departing.headNumber
        unsentNumber = max(unsentNumber, head)
        while unsentNumber < head + departing.count, departing[unsentNumber - head].time <= time {
            unsentBytes -= Self.bytes(departing[unsentNumber - head])
            unsentNumber += 1
        }
    }

    /// Removes what was to depart after `time`; `body` sees each item.
    mutating func truncate(after time: Int64, _ body: (Item) -> Void) {
        noteDepartures(until: time)
        var bytes: Int64 = 0
        departing.removeLast(while: { $0.time > time }) {
            bytes += Self.bytes($0)
            body($0)
        }
        unsentBytes -= bytes
    }
}
