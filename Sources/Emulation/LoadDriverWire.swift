import EventKernel
import Glibc

/// What a message of the load driver begins with, little-endian: stream, sequence number, due time.
struct MessageStamp: Hashable {
    /// Bytes; no message can be smaller.
    static let size = 16
    /// A due time that no message of a stream has: the message only shows that the way is open.
    static let marker = SimTime(nanoseconds: Int64.min)

    var stream: UInt32
    var sequence: UInt32
    var due: SimTime

    init(stream: UInt32, sequence: UInt32, due: SimTime) {
        self.stream = stream
        self.sequence = sequence
        self.due = due
    }

    /// `nil` for payloads that are too short to be ours.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size else { return nil }
        stream = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        sequence = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        due = SimTime(nanoseconds: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self)))
    }
}

/// Bytes that wait to be sent, in one growing block.
struct ByteQueue: ~Copyable {
    private var block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    private var start = 0
    private var end = 0

    var count: Int { end - start }
    var unsent: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: block[start..<end]) }

    deinit { block.deallocate() }

    mutating func removeAll() {
        start = 0
        end = 0
    }

    mutating func drop(_ count: Int) {
        start += count
        if start == end { removeAll() }
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        reserve(bytes.count)
        memcpy(block.baseAddress! + end, bytes.baseAddress!, bytes.count)
        end += bytes.count
    }

    /// PUB with a stamp, filled up with zeros.
    mutating func appendMessage(_ subject: String, _ stamp: MessageStamp, size: Int) {
        precondition(size >= MessageStamp.size, "a message without room for its stamp")
        append("PUB ")
        append(subject)
        append(" ")
        appendNumber(size)
        append("\r\n")
        reserve(size + 2)
        let payload = block.baseAddress! + end
        payload.storeBytes(of: stamp.stream.littleEndian, as: UInt32.self)
        payload.storeBytes(of: stamp.sequence.littleEndian, toByteOffset: 4, as: UInt32.self)
        payload.storeBytes(of: stamp.due.nanoseconds.littleEndian, toByteOffset: 8, as: Int64.self)
        memset(payload + MessageStamp.size, 0, size - MessageStamp.size)
        end += size
        append("\r\n")
    }

    private mutating func appendNumber(_ number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        reserve(20)
        while divisor > 0 {
            block[end] = UInt8(ascii: "0") + UInt8(number / divisor % 10)
            end += 1
            divisor /= 10
        }
    }

    private mutating func reserve(_ more: Int) {
        if end + more <= block.count { return }
        let held = count
        if start > 0, held + more <= block.count / 2 {
            memmove(block.baseAddress!, block.baseAddress! + start, held)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(2 * block.count, held + more), alignment: 16)
            memcpy(larger.baseAddress!, block.baseAddress! + start, held)
            block.deallocate()
            block = larger
        }
        start = 0
        end = held
    }
}

/// Reads the client protocol without making a string of each line.
struct WireReader {
    enum Item {
        case message(sid: UInt32, payload: UnsafeRawBufferPointer)
        case ping
        case pong
        case error(String)
        /// INFO and +OK.
        case other
    }

    /// The next complete item at `position`, which moves behind it; `nil` when more bytes are needed.
    static func next(
        _ bytes: UnsafeRawBufferPointer, _ position: inout Int
    ) throws(NATSProtocolError) -> Item? {
        guard position < bytes.count,
            let newline = memchr(bytes.baseAddress! + position, 0x0A, bytes.count - position)
        else {
            if bytes.count - position <= NATSConnectionParser.lineLimit { return nil }
            throw NATSProtocolError(description: "a line of more than \(NATSConnectionParser.lineLimit) bytes")
        }
        let end = UnsafeRawPointer(newline) - bytes.baseAddress!
        let line = UnsafeRawBufferPointer(rebasing: bytes[position..<max(position, end - 1)])
        if line.count > 4, line[0] == UInt8(ascii: "M"), line[1] == UInt8(ascii: "S") {
            guard let (sid, size) = numbers(of: line) else {
                throw NATSProtocolError(description: "malformed message: '\(text(line).prefix(80))'")
            }
            let start = end + 1
            guard start + size + 2 <= bytes.count else { return nil }
            position = start + size + 2
            return .message(sid: sid, payload: UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]))
        }
        let whole = text(line)
        let item: Item
        if whole == "PING" {
            item = .ping
        } else if whole == "PONG" {
            item = .pong
        } else if whole.hasPrefix("-ERR") {
            item = .error(String(whole.dropFirst(5)))
        } else if whole.hasPrefix("INFO ") || whole == "+OK" {
            item = .other
        } else {
            throw NATSProtocolError(description: "not a line of the NATS protocol: '\(whole.prefix(80))'")
        }
        position = end + 1
        return item
    }

    private static func text(_ line: UnsafeRawBufferPointer) -> String { String(decoding: line, as: UTF8.self) }

    /// Of `MSG subject sid [reply] size`: the third word and the last one.
    private static func numbers(of line: UnsafeRawBufferPointer) -> (sid: UInt32, size: Int)? {
        var word = 0
        var sid = 0
        var number = 0
        var isNumber = false
        for byte in line {
            if byte == UInt8(ascii: " ") {
                if word == 2 {
                    guard isNumber else { return nil }
                    sid = number
                }
                word += 1
                number = 0
                isNumber = true
            } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                number = number &* 10 &+ Int(byte - UInt8(ascii: "0"))
            } else {
                isNumber = false
            }
        }
        guard word == 3 || word == 4, isNumber, (0...NATSConnectionParser.messageLimit).contains(number) else {
            return nil
        }
        return UInt32(exactly: sid).map { ($0, number) }
    }
}
