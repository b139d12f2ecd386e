import Glibc
import Routing
import Testing

@testable import Emulation

@Suite struct NATSConnectionParserTests {
    private func parse(_ text: String) throws -> [ServerOperation] {
        var input = InputBuffer()
        var operations: [ServerOperation] = []
        // Byte by byte, so that every possible cut is met.
        for byte in text.utf8 {
            withUnsafeBytes(of: byte) { input.append($0) }
            while let operation = try NATSConnectionParser.next(in: &input) { operations.append(operation) }
        }
        return operations
    }

    @Test func controlLines() throws {
        let text = "INFO {\"server_id\":\"N1\"} \r\nPING\r\nPONG\r\n+OK\r\n-ERR 'Stale Connection'\r\n"
        #expect(
            try parse(text) == [
                .info("{\"server_id\":\"N1\"} "), .ping, .pong, .okay, .error("'Stale Connection'"),
            ])
    }

    @Test func messages() throws {
        let text = "MSG a.b 7 5\r\nm1\r\nx\r\nMSG a 8 box 0\r\n\r\n"
        #expect(
            try parse(text) == [
                .message(NATSMessage(subject: "a.b", sid: 7, payload: "m1\r\nx")),
                .message(NATSMessage(subject: "a", sid: 8, reply: "box")),
            ])
    }

    @Test func messagesWithHeaders() throws {
        let text = "HMSG a 7 box 12 14\r\nNATS/1.0\r\n\r\nm1\r\nHMSG box 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"
        #expect(
            try parse(text) == [
                .message(NATSMessage(subject: "a", sid: 7, reply: "box", hasHeaders: true, payload: "m1")),
                .message(NATSMessage(subject: "box", sid: 2, hasHeaders: true, status: 503)),
            ])
    }

    @Test(arguments: [
        "HELLO\r\n", "MSG a 1\r\n", "MSG a b 2\r\n", "MSG a 1 1048577\r\n", "HMSG a 1 5 4\r\n", "MSG a 1 1\r\nxyz",
    ])
    func nonsenseIsRefused(text: String) {
        #expect(throws: NATSProtocolError.self) { try parse(text) }
    }

    @Test func anEndlessLineIsRefused() {
        #expect(throws: NATSProtocolError.self) { try parse(String(repeating: "x", count: 65_537)) }
    }

    @Test func patterns() {
        #expect(NATSConnection.pattern("a.*.c", matches: "a.b.c"))
        #expect(NATSConnection.pattern("a.>", matches: "a.b.c"))
        #expect(!NATSConnection.pattern("a.>", matches: "a"))
        #expect(!NATSConnection.pattern("a.*", matches: "a.b.c"))
        #expect(!NATSConnection.pattern("a.b.c", matches: "a.b"))
    }
}

/// One end of a connection; what is written to the other is handled at once.
private struct Wire {
    let ends: (own: Int32, other: Int32)

    init() {
        var pair: [Int32] = [0, 0]
        precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &pair) == 0)
        ends = (pair[0], pair[1])
    }

    func write(_ text: String, to source: any PollSource) {
        precondition(Glibc.write(ends.other, text, text.utf8.count) == text.utf8.count)
        source.stream.receive()
        source.received()
    }

    func read() -> String {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(ends.other, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite struct NATSConnectionTests {
    private let wire = Wire()
    private let log = ClientLog()

    private func client(_ spec: ClientSpec = ClientSpec(name: "ann", server: "us-0")) -> NATSConnection {
        let client = NATSConnection(spec, descriptor: wire.ends.own, log: log)
        _ = wire.read()
        return client
    }

    @Test func connectStatesWhatTheClientCan() {
        let spec = ClientSpec(name: "ann", server: "us-0", echo: false, headers: false)
        let client = NATSConnection(spec, descriptor: wire.ends.own, log: log)
        defer { close(wire.ends.other) }
        let text = wire.read()
        #expect(text.contains("\"echo\":false,\"headers\":false,\"no_responders\":false}"))
        #expect(text.hasSuffix("SUB _ANTIPODE.settling.sync 1\r\n"))
        #expect(client.subscriptionCount == 1)
    }

    @Test func aRequestIsOneWriteWithItsInbox() throws {
        let client = client()
        defer { close(wire.ends.other) }
        let action = PublishAction(client: "ann", subject: "svc", hasHeaders: true, isRequest: true)
        #expect(try client.publish(action, first: 12) == ["_INBOX.ann.12"])
        #expect(
            wire.read()
                == "SUB _INBOX.ann.12 2\r\nHPUB svc _INBOX.ann.12 25 28\r\nNATS/1.0\r\nAntipode: 1\r\n\r\nm12\r\n")
    }

    @Test func aPingIsAnswered() {
        let client = client()
        defer { close(wire.ends.other) }
        wire.write("PING\r\n", to: client)
        #expect(wire.read() == "PONG\r\n")
    }

    @Test func theSubscriptionEndsWithItsMaximum() throws {
        let client = client()
        defer { close(wire.ends.other) }
        try client.subscribe(Subscribe(client: "ann", subject: "a", maximum: 2))
        #expect(wire.read() == "SUB a 2\r\nUNSUB 2 2\r\n")
        wire.write("MSG a 2 2\r\nm0\r\n", to: client)
        #expect(log.expiries == [])
        wire.write("MSG a 2 2\r\nm1\r\n", to: client)
        #expect(log.expiries == [ClientLog.Expiry(client: "ann", label: "a")])
        #expect(log.receptions.count == 2)
    }

    @Test func theLastErrorAndTheEndAreKept() {
        let client = client()
        wire.write("-ERR 'Unknown Protocol Operation'\r\n", to: client)
        close(wire.ends.other)
        client.stream.receive()
        #expect(client.lastError == "'Unknown Protocol Operation'")
        #expect(client.stream.end == "closed by the other end")
        #expect(!client.isOpen)
    }

    @Test func whatNobodyPublishedIsAProblem() throws {
        let client = client()
        defer { close(wire.ends.other) }
        wire.write("MSG a 9 2\r\nm0\r\n", to: client)
        #expect(log.problems == ["client ann: a message for subscription 9, which it never made"])
    }
}

@Suite struct MonitorConnectionTests {
    @Test func pagesOfKnownLengthAndInChunks() throws {
        let wire = Wire()
        defer { close(wire.ends.other) }
        let monitor = MonitorConnection(descriptor: wire.ends.own)
        monitor.ask()
        #expect(wire.read().hasPrefix("GET /routez HTTP/1.1\r\nHost: monitor\r\n\r\nGET /gatewayz?accs=1 HTTP/1.1\r\n"))
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n", to: monitor)
        wire.write("{\"routes\":[{\"remote_id\":\"N2\"}]}\r\n", to: monitor)
        wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n", to: monitor)
        wire.write("{\"outbound_gateways\":{\"sgp\":{\r\n4D\r\n", to: monitor)
        #expect(!monitor.hasAnswer)
        wire.write(
            "\"connection\":{\"cid\":3,\"name\":\"N3\",\"out_msgs\":7},"
                + "\"accounts\":[{\"name\":\"$G\"}]}}}\r\n0\r\n\r\n",
            to: monitor)
        wire.write("HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"num_subscriptions\":5}", to: monitor)
        try #require(monitor.hasAnswer)
        let sight = ServerSight(try monitor.answer())
        #expect(sight.routes == ["N2"])
        #expect(sight.subscriptions == 5)
        #expect(sight.outbound == ["sgp": .init(remote: "N3", entries: 0, connection: 3, written: 7)])
    }

    @Test func anErrorMakesItUseless() {
        let wire = Wire()
        defer { close(wire.ends.other) }
        let monitor = MonitorConnection(descriptor: wire.ends.own)
        monitor.ask()
        wire.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", to: monitor)
        #expect(monitor.failure == "monitoring answers 'HTTP/1.1 404 Not Found'")
        #expect(!monitor.isOfUse)
    }

    @Test(arguments: [
        "Content-Length: -1\r\n\r\n", "Content-Length: 9223372036854775807\r\n\r\n", "Content-Length: x\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    ])
    func anImpossibleLengthMakesItUseless(text: String) {
        let wire = Wire()
        defer { close(wire.ends.other) }
        let monitor = MonitorConnection(descriptor: wire.ends.own)
        monitor.ask()
        wire.write("HTTP/1.1 200 OK\r\n" + text, to: monitor)
        #expect(!monitor.isOfUse)
        #expect(!monitor.hasAnswer)
    }
}
