/// What an item on a ring is. Messages and control share the rings of a connection, so that their order against
/// each other is the order in which NATS would see them.
@frozen
public enum ItemKind: UInt8, Sendable, BitwiseCopyable {
    /// A message of a participant; on every leg.
    case media
    /// A message of a raw publisher.
    case raw
    /// Client to relay: the last leg of a handshake. Relay to client: its answer.
    case hello, welcome
    /// Client to relay and back: a round-trip probe.
    case probe, echo
    /// Client to relay: the session is closed. Relay to client: it is reset.
    case bye, reset
    /// Relay to server: connect, SUB and UNSUB of a session. Server to relay: the connection is gone.
    case connect, subscribe, unsubscribe, disconnected
    /// Server to server: RS+ and RS-; `list` names the operation's room and session, `sequence` its serial.
    case interest, noInterest
    /// Gateway handshake and upkeep, in the order in which they occur.
    case dial, accepted, acknowledged, info, connectInfo, refused, ping, pong, closed
    /// To the region of a session's person, and no packet: the session brings no more copies.
    case gone
}

/// One message copy or control operation on its way: 32 bytes, moved by value.
@frozen
public struct Item: BitwiseCopyable, Sendable {
    /// When it reaches the station whose ring holds it, in nanoseconds.
    public var time: Int64
    /// Capture time of a message; otherwise free for the kind.
    public var published: Int64
    /// Stream that the message belongs to, or the entity that a control item concerns.
    public var sender: UInt32
    /// Position in that stream, from 0.
    public var sequence: UInt32
    /// Session (client legs), slice of targets (server to relay), or interest serial (server to server).
    public var list: UInt32
    /// Bytes on the wire in units of 16, rounded up: 1 MiB at most.
    public var size: UInt16
    public var kind: ItemKind
    /// Class and key-frame bit: see `ItemFlags`.
    public var flags: UInt8

    @inlinable
    public init(
        time: Int64, published: Int64, sender: UInt32, sequence: UInt32, list: UInt32, size: UInt16, kind: ItemKind,
        flags: UInt8
    ) {
        self.time = time
        self.published = published
        self.sender = sender
        self.sequence = sequence
        self.list = list
        self.size = size
        self.kind = kind
        self.flags = flags
    }

    /// Copies an item as a whole to a place that is another one: no question whether they overlap.
    @inlinable
    @inline(__always)
    public static func copy(_ item: UnsafePointer<Item>, to place: UnsafeMutablePointer<Item>) {
        UnsafeMutableRawPointer(place).copyMemory(from: item, byteCount: MemoryLayout<Item>.size)
    }

    /// The size in bytes, rounded up to 16.
    @inlinable public var bytes: Int64 { Int64(size) << 4 }

    /// A size in bytes as the units of `size`; what exceeds 1 MiB is clamped.
    @inlinable
    public static func units(bytes: Int64) -> UInt16 {
        UInt16(clamping: (bytes + 15) >> 4)
    }
}
