import EventKernel
import Foundation

/// One kept connection to the monitoring port of a server, over which its state is asked for again and again.
final class MonitorConnection: PollSource {
    /// The longest answer that is read.
    static let bodyLimit = 1 << 24
    static let paths = ["/routez", "/gatewayz?accs=1", "/subsz"]

    let stream: SocketStream
    /// Why it is of no more use; `nil` while it is.
    private(set) var failure: String?
    private var bodies: [Data] = []

    init(descriptor: Int32) { stream = SocketStream(descriptor) }

    /// Asks for all pages at once.
    func ask() {
        bodies = []
        stream.send(Self.paths.map { "GET \($0) HTTP/1.1\r\nHost: monitor\r\n\r\n" }.joined())
    }

    var hasAnswer: Bool { bodies.count == Self.paths.count }
    var isOfUse: Bool { failure == nil && stream.end == nil }

    /// What the server answered to the last `ask`.
    func answer() throws -> MonitorPages {
        precondition(hasAnswer, "an answer that has not come")
        let decoder = JSONDecoder()
        return MonitorPages(
            routes: try decoder.decode(RoutesPage.self, from: bodies[0]),
            gateways: try decoder.decode(GatewaysPage.self, from: bodies[1]),
            subscriptions: try decoder.decode(SubscriptionsPage.self, from: bodies[2]))
    }

    func received() {
        while failure == nil, let body = nextBody() { bodies.append(body) }
        if stream.input.count > Self.bodyLimit { failure = "an answer of more than \(Self.bodyLimit) bytes" }
        if failure == nil, let end = stream.end { failure = end }
    }

    /// The next complete answer (RFC 9112, sections 6 and 7.1).
    private func nextBody() -> Data? {
        guard let (head, length) = nextHead() else { return nil }
        guard head[0].hasSuffix(" 200 OK") else {
            failure = "monitoring answers '\(head[0].prefix(80))'"
            return nil
        }
        for line in head.dropFirst() {
            let lower = line.lowercased()
            if lower.hasPrefix("content-length:") {
                let count = Int(lower.dropFirst(15).filter { $0 != " " }) ?? -1
                guard (0...Self.bodyLimit).contains(count) else {
                    failure = "an answer of an impossible length"
                    return nil
                }
                guard stream.input.count >= length + count else { return nil }
                let body = Data(stream.input.unread.dropFirst(length).prefix(count))
                stream.input.drop(length + count)
                return body
            }
            if lower.hasPrefix("transfer-encoding:"), lower.hasSuffix("chunked") { return chunkedBody(from: length) }
        }
        failure = "an answer of unknown length"
        return nil
    }

    /// The lines of the next head, and how many bytes they take with the empty line.
    private func nextHead() -> (lines: [String], length: Int)? {
        var lines: [String] = []
        var offset = 0
        while let length = stream.input.lineLength(from: offset) {
            if length == 0 { return lines.isEmpty ? nil : (lines, offset + 2) }
            lines.append(stream.input.text(offset..<offset + length))
            offset += length + 2
        }
        return nil
    }

    private func chunkedBody(from start: Int) -> Data? {
        var body = Data()
        var offset = start
        while let length = stream.input.lineLength(from: offset) {
            guard let size = Int(stream.input.text(offset..<offset + length), radix: 16),
                (0...Self.bodyLimit).contains(size)
            else {
                failure = "a malformed chunk"
                return nil
            }
            offset += length + 2
            guard stream.input.count >= offset + size + 2 else { return nil }
            body.append(contentsOf: stream.input.unread.dropFirst(offset).prefix(size))
            offset += size + 2
            if size == 0 {
                stream.input.drop(offset)
                return body
            }
        }
        return nil
    }
}
