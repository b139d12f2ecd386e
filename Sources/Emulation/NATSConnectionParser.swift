/// What a server sends to a client.
enum ServerOperation: Hashable {
    /// Its JSON object.
    case info(String)
    case message(NATSMessage)
    case ping
    case pong
    case okay
    case error(String)
}

/// MSG or HMSG.
struct NATSMessage: Hashable {
    var subject: String
    var sid: Int
    var reply: String?
    var hasHeaders = false
    /// The number in the first line of the headers, if there is one: 503.
    var status: Int?
    var payload = ""
}

/// A server sent what is no NATS protocol, or more than it may.
struct NATSProtocolError: Error, Hashable {
    var description: String
}

/// Reads the client protocol of NATS piece by piece (docs.nats.io, "Client Protocol").
struct NATSConnectionParser {
    /// The longest control line; INFO is the longest of them. Servers limit those of clients to 4 KiB.
    static let lineLimit = 1 << 16
    /// The largest message that a server takes by default.
    static let messageLimit = 1 << 20

    /// The next complete operation; `nil` when more bytes are needed.
    static func next(in input: inout InputBuffer) throws(NATSProtocolError) -> ServerOperation? {
        guard let length = input.lineLength() else {
            if input.count <= lineLimit { return nil }
            throw NATSProtocolError(description: "a line of more than \(lineLimit) bytes")
        }
        let line = input.text(0..<length)
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        switch words.first {
        case "MSG", "HMSG": return try message(words, lineLength: length, in: &input)
        case "INFO":
            input.drop(length + 2)
            return .info(String(line.dropFirst(5)))
        case "PING":
            input.drop(length + 2)
            return .ping
        case "PONG":
            input.drop(length + 2)
            return .pong
        case "+OK":
            input.drop(length + 2)
            return .okay
        case "-ERR":
            input.drop(length + 2)
            return .error(String(line.dropFirst(5)))
        default: throw NATSProtocolError(description: "not a line of the NATS protocol: '\(line.prefix(80))'")
        }
    }

    private static func message(
        _ words: [Substring], lineLength: Int, in input: inout InputBuffer
    ) throws(NATSProtocolError) -> ServerOperation? {
        let hasHeaders = words[0] == "HMSG"
        let sizes = hasHeaders ? 2 : 1
        let numbers = words.suffix(sizes).compactMap { Int($0) }
        guard (3 + sizes...4 + sizes).contains(words.count), numbers.count == sizes, let sid = Int(words[2]),
            let size = numbers.last, (0...messageLimit).contains(size), (0...size).contains(numbers[0])
        else { throw NATSProtocolError(description: "malformed message: '\(words.joined(separator: " ").prefix(80))'") }
        let start = lineLength + 2
        guard input.count >= start + size + 2 else { return nil }
        var message = NATSMessage(subject: String(words[1]), sid: sid, hasHeaders: hasHeaders)
        if words.count == 4 + sizes { message.reply = String(words[3]) }
        let headers = hasHeaders ? numbers[0] : 0
        if hasHeaders { message.status = status(in: input.text(start..<start + headers)) }
        message.payload = input.text(start + headers..<start + size)
        guard input.text(start + size..<start + size + 2) == "\r\n" else {
            throw NATSProtocolError(description: "a message without its end")
        }
        input.drop(start + size + 2)
        return .message(message)
    }

    /// From `NATS/1.0 503`.
    private static func status(in headers: String) -> Int? {
        let words = headers.utf8.prefix { $0 != 0x0D }.split(separator: 0x20)
        return words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self)) : nil
    }
}
