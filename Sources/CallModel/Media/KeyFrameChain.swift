/// Which frames of one sender can be decoded at one receiver. Constant size, 16 bytes.
///
/// A frame is decodable if it has arrived and every frame from the last key frame at or before it has arrived too.
/// - Frames that arrive ahead of a missing one wait, up to 64 of them; they become decodable when the gap is filled,
///   however late that is (how late counts is the caller's business).
/// - A key frame is decodable on arrival. Frames before it that are still missing are given up: if they come later they
///   are not decodable, and frames that waited behind them are lost to the decoder as well.
/// - A frame more than 64 numbers ahead of the missing one breaks the chain: nothing is decodable until the next
///   key frame. The upstream buffer holds 200 frames (videocall-rs jitter_buffer.rs:28); 64 are two seconds at 30/s.
/// - Before the first key frame nothing is decodable, and nothing waits.
@frozen
public struct KeyFrameChain: Hashable, Sendable, BitwiseCopyable {
    /// The frame that the decoder needs next.
    public private(set) var next: UInt32
    /// Whether a chain is open; otherwise only a key frame helps.
    public private(set) var isOpen: Bool
    /// Bit i: frame `next + 1 + i` has arrived and waits.
    private var waiting: UInt64

    public init() {
        next = 0
        isOpen = false
        waiting = 0
    }

    /// Whether frames have arrived behind a missing one.
    public var hasGap: Bool { isOpen && waiting != 0 }

    /// Takes the arrival of a frame.
    /// - Returns: how many frames became decodable by it: this one, and those that waited for it.
    public mutating func arrive(_ sequence: UInt32, isKeyFrame: Bool) -> Int {
        if !isOpen {
            guard isKeyFrame, sequence >= next else { return 0 }
            return open(at: sequence, waiting: 0)
        }
        guard sequence >= next else { return 0 }
        let ahead = sequence - next
        if ahead == 0 { return open(at: sequence, waiting: waiting) }
        if isKeyFrame {
            // Bit ahead - 1 is this frame's own place; what waits behind it stays.
            return open(at: sequence, waiting: ahead >= 64 ? 0 : waiting >> UInt64(ahead))
        }
        guard ahead <= 64 else {
            isOpen = false
            waiting = 0
            return 0
        }
        waiting |= 1 << UInt64(ahead - 1)
        return 0
    }

    /// Decodes `sequence` and what follows it without a gap; bit i of `waiting` is frame `sequence + 1 + i`.
    private mutating func open(at sequence: UInt32, waiting: UInt64) -> Int {
        let followers = (~waiting).trailingZeroBitCount
        isOpen = true
        next = sequence + 1 + UInt32(followers)
        // The missing frame itself holds the lowest bit, which is 0.
        self.waiting = followers >= 63 ? 0 : waiting >> UInt64(followers + 1)
        return 1 + followers
    }
}
