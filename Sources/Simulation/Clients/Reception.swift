import CallModel
import EventKernel
import Measures

/// Which messages of one stream a receiver has: the first that is missing, a sliding window of 64 from there on, and
/// runs of gaps before it.
///
/// Exact for any order of arrival: what leaves the window unseen becomes a gap, and a late copy closes it again.
struct ReceptionWindow: BitwiseCopyable {
    /// First sequence that the receiver is entitled to.
    var first: UInt32
    /// Sequences below have arrived, but for the gaps.
    var base: UInt32
    /// Bit i: `base + i` has arrived; the lowest is never set.
    var seen: UInt64
    /// Index of its gap list, -1 for none.
    var gaps: Int32

    init(first: UInt32) {
        self.first = first
        base = first
        seen = 0
        gaps = -1
    }
}

/// A run of sequences that have not arrived.
struct Gap: Hashable {
    var first: UInt32
    /// Inclusive.
    var last: UInt32
}

/// The gap lists of a region's receivers.
struct GapStore {
    private(set) var lists: [[Gap]] = []

    /// Records an arrival; `false`: the receiver had it already, or was not entitled to it.
    @inline(__always)
    mutating func receive(_ sequence: UInt32, _ window: UnsafeMutablePointer<ReceptionWindow>) -> Bool {
        // In order and nothing missing: most are.
        if sequence == window.pointee.base && window.pointee.seen == 0 {
            window.pointee.base &+= 1
            return true
        }
        return receiveOutOfOrder(sequence, window)
    }

    @inline(never)
    private mutating func receiveOutOfOrder(
        _ sequence: UInt32, _ window: UnsafeMutablePointer<ReceptionWindow>
    ) -> Bool {
        let base = window.pointee.base
        if sequence < base {
            return sequence >= window.pointee.first && fill(sequence, window)
        }
        let offset = sequence - base
        if offset < 64 {
            let bit = UInt64(1) << UInt64(offset)
            if window.pointee.seen & bit != 0 { return false }
            window.pointee.seen |= bit
        } else {
            slide(window, by: offset - 63)
            window.pointee.seen |= 1 << 63
        }
        // What has arrived without a gap leaves the window.
        let leading = (~window.pointee.seen).trailingZeroBitCount
        window.pointee.seen = leading == 64 ? 0 : window.pointee.seen >> UInt64(leading)
        window.pointee.base += UInt32(leading)
        return true
    }

    /// Moves the window forward; sequences that leave it unseen become gaps.
    private mutating func slide(_ window: UnsafeMutablePointer<ReceptionWindow>, by shift: UInt32) {
        let within = min(shift, 64)
        let leaving = within == 64 ? UInt64.max : (1 << UInt64(within)) - 1
        if window.pointee.seen & leaving != leaving || shift > 64 {
            var position: UInt32 = 0
            while position < within {
                if window.pointee.seen >> UInt64(position) & 1 == 0 {
                    let sequence = window.pointee.base + position
                    extend(window, sequence, sequence)
                }
                position += 1
            }
            if shift > 64 { extend(window, window.pointee.base + 64, window.pointee.base + shift - 1) }
        }
        window.pointee.seen = within == 64 ? 0 : window.pointee.seen >> UInt64(within)
        window.pointee.base += shift
    }

    private mutating func extend(_ window: UnsafeMutablePointer<ReceptionWindow>, _ first: UInt32, _ last: UInt32) {
        if window.pointee.gaps < 0 {
            window.pointee.gaps = Int32(lists.count)
            lists.append([])
        }
        let list = Int(window.pointee.gaps)
        if let previous = lists[list].last, previous.last + 1 == first {
            lists[list][lists[list].count - 1].last = last
        } else {
            lists[list].append(Gap(first: first, last: last))
        }
    }

    /// A copy older than the window: closes its gap, if there is one.
    private mutating func fill(_ sequence: UInt32, _ window: UnsafeMutablePointer<ReceptionWindow>) -> Bool {
        guard window.pointee.gaps >= 0 else { return false }
        let list = Int(window.pointee.gaps)
        guard let index = lists[list].lastIndex(where: { $0.first <= sequence && sequence <= $0.last }) else {
            return false
        }
        let gap = lists[list][index]
        if gap.first == gap.last {
            lists[list].remove(at: index)
        } else if sequence == gap.first {
            lists[list][index].first += 1
        } else if sequence == gap.last {
            lists[list][index].last -= 1
        } else {
            lists[list][index].last = sequence - 1
            lists[list].insert(Gap(first: sequence + 1, last: gap.last), at: index + 1)
        }
        return true
    }

    /// Every missing run of a window in `first..<end`, in order.
    func missing(_ window: ReceptionWindow, end: UInt32) -> [Gap] {
        var result = window.gaps >= 0 ? lists[Int(window.gaps)] : []
        func add(_ first: UInt32, _ last: UInt32) {
            if let previous = result.last, previous.last + 1 == first {
                result[result.count - 1].last = last
            } else {
                result.append(Gap(first: first, last: last))
            }
        }
        var position: UInt32 = 0
        while position < 64, window.base + position < end {
            if window.seen >> UInt64(position) & 1 == 0 { add(window.base + position, window.base + position) }
            position += 1
        }
        if window.base + 64 < end { add(window.base + 64, end - 1) }
        return result.compactMap { $0.first >= end ? nil : Gap(first: $0.first, last: min($0.last, end - 1)) }
    }
}

/// What a receiver knows of one sender in its room.
struct PairState: BitwiseCopyable {
    // An audio packet asks for the first 64 bytes, a video packet for the next as well: lines of the cache.
    var audio = ReceptionWindow(first: 0)
    /// Latest arrival of media; -1: none yet.
    var lastMedia: Int64 = -1
    var latencySum: Int64 = 0
    var latencyCount: Int32 = 0
    /// Audio that came within 400 ms.
    var punctual: Int32 = 0
    /// Clock of the setup under way; -1: none.
    var setupStart: Int64 = -1
    var isReconnect = false
    /// Whether both are of one region, and whether the sender has no microphone.
    var isWithinRegion = false
    var isSilent = false
    var interruptions: Int32 = 0
    var video = ReceptionWindow(first: 0)
    var chain = KeyFrameChain()
    var heartbeat = ReceptionWindow(first: 0)
    var diagnostics = ReceptionWindow(first: 0)
    /// First packet of any class since the clock started; -1: not yet.
    var firstPacket: Int64 = -1
    /// When audio and video became playable; -1: not yet.
    var audioReady: Int64 = -1
    var videoReady: Int64 = -1
    var interrupted: Int64 = 0
    /// Makes the size a multiple of a line.
    private var unused: Int64 = 0

    init() {}

    /// A gap of more than two seconds in the media of a sending peer is an interruption.
    static var interruption: Int64 { 2_000_000_000 }

    /// Counts an audio packet that was not there yet.
    @inline(__always)
    mutating func noteAudio(at time: Int64, published: Int64) {
        noteContinuity(at: time)
        noteLatency(time &- published)
    }

    /// The same for one that does not end an interruption.
    @inline(__always)
    mutating func noteUninterrupted(at time: Int64, published: Int64) {
        lastMedia = max(lastMedia, time)
        noteLatency(time &- published)
    }

    @inline(__always)
    private mutating func noteLatency(_ latency: Int64) {
        latencySum &+= latency
        latencyCount &+= 1
        punctual &+= latency <= 400_000_000 ? 1 : 0
    }

    @inline(__always)
    mutating func noteContinuity(at time: Int64) {
        if lastMedia >= 0, time &- lastMedia > Self.interruption {
            interruptions += 1
            interrupted += time - lastMedia
        }
        lastMedia = max(lastMedia, time)
    }

    /// Which messages of a stream of the sender have arrived.
    subscript(kind: StreamKind) -> ReceptionWindow {
        get {
            switch kind {
            case .audio: audio
            case .video: video
            case .heartbeat: heartbeat
            case .diagnostics: diagnostics
            }
        }
        set {
            switch kind {
            case .audio: audio = newValue
            case .video: video = newValue
            case .heartbeat: heartbeat = newValue
            case .diagnostics: diagnostics = newValue
            }
        }
    }
}

extension GapStore {
    /// Records an arrival of a stream; `false`: the receiver had it already, or was not entitled to it.
    @inline(__always)
    mutating func receive(_ kind: Int, _ sequence: UInt32, _ pair: UnsafeMutablePointer<PairState>) -> Bool {
        switch kind {
        case StreamKind.audio.rawValue: receive(sequence, &pair.pointee.audio)
        case StreamKind.video.rawValue: receive(sequence, &pair.pointee.video)
        case StreamKind.heartbeat.rawValue: receive(sequence, &pair.pointee.heartbeat)
        default: receive(sequence, &pair.pointee.diagnostics)
        }
    }
}
