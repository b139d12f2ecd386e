import CLinux
import EventKernel
import Glibc

/// One client connection of the load driver, over all its dials. Only the driver's thread uses it.
final class DriverConnection {
    enum State {
        /// Not opened yet, or closed for good.
        case closed
        /// Waits for the dialer.
        case dialling
        /// Waits until that time, in nanoseconds of the monotonic clock, to dial again.
        case waiting(until: Int64)
        case connected
    }

    struct Subscription {
        var sid: UInt32
        var subject: String
        var queue: String?
    }

    /// The longest pause between two dials; the first dial after a loss comes at once.
    static let longestPause: Int64 = 4_000_000_000
    static let firstPause: Int64 = 100_000_000
    /// Between dials of a connection that was never there, whose server is just starting.
    static let startPause: Int64 = 10_000_000
    /// Most bytes that wait to be sent to a server, or for a server to come back.
    static let backlogLimit = 64 << 20

    let number: Int
    let server: Int
    let whileAway: DriverOperation.WhileAway
    private(set) var state = State.dialling
    /// Raised by every dial, so that the answer to an earlier one is told apart.
    private(set) var attempt = 0
    private(set) var descriptor: Int32 = -1
    /// It answered the first PING: the server has read what was subscribed.
    private(set) var isReady = false
    private var wasReady = false
    private var pause: Int64 = 0
    private var output = ByteQueue()
    /// Messages that wait for the connection to come back.
    private var kept = ByteQueue()
    private var partial: [UInt8] = []
    private var subscriptions: [Subscription] = []
    private var isLeaving = false

    init(number: Int, server: Int, whileAway: DriverOperation.WhileAway) {
        self.number = number
        self.server = server
        self.whileAway = whileAway
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    var isConnected: Bool { descriptor >= 0 }
    var hasOutput: Bool { isConnected && output.count > 0 }

    // MARK: Dialling

    /// - Returns: the number of the new attempt.
    func dial() -> Int {
        attempt += 1
        state = .dialling
        return attempt
    }

    /// The dialer's answer: a connected socket, or `nil`.
    func dialled(_ socket: Int32?, now: Int64) {
        guard let socket else { return waitToDial(now) }
        descriptor = socket
        state = .connected
        output.append(
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"name\":\"antipode\",\"lang\":\"swift\","
                + "\"version\":\"1\",\"echo\":true,\"headers\":true,\"no_responders\":false}\r\n")
        for subscription in subscriptions { write(subscription) }
        output.append("PING\r\n")
        output.append(kept.unsent)
        kept.removeAll()
    }

    private func waitToDial(_ now: Int64) {
        if !wasReady {
            state = .waiting(until: now + Self.startPause)
        } else {
            state = .waiting(until: now + pause)
            pause = min(max(Self.firstPause, 2 * pause), Self.longestPause)
        }
    }

    /// The connection is gone; bytes that were written to it and not sent are lost, as a client library's are.
    func lost(now: Int64) {
        closeSocket()
        if isLeaving {
            state = .closed
        } else {
            waitToDial(now)
        }
    }

    private func closeSocket() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
        isReady = false
        output.removeAll()
        partial.removeAll(keepingCapacity: true)
    }

    /// Ends it for good, after what the socket still takes.
    func leave() {
        isLeaving = true
        guard isConnected else {
            state = .closed
            return
        }
        _ = flush()
        closeSocket()
        state = .closed
    }

    // MARK: Writing

    func subscribe(_ subscription: Subscription) {
        subscriptions.append(subscription)
        if isConnected { write(subscription) }
    }

    func unsubscribe(_ sid: UInt32) {
        subscriptions.removeAll { $0.sid == sid }
        if isConnected { output.append("UNSUB \(sid)\r\n") }
    }

    private func write(_ subscription: Subscription) {
        let queue = subscription.queue.map { $0 + " " } ?? ""
        output.append("SUB \(subscription.subject) \(queue)\(subscription.sid)\r\n")
    }

    enum Fate {
        case written
        case kept
        /// There was no connection.
        case lostAway
        /// The backlog was full.
        case lostFull
    }

    func publish(_ subject: String, _ stamp: MessageStamp, size: Int) -> Fate {
        guard isConnected else {
            if whileAway == .lose || isLeaving { return .lostAway }
            guard kept.count + size <= Self.backlogLimit else { return .lostFull }
            kept.appendMessage(subject, stamp, size: size)
            return .kept
        }
        guard output.count + size <= Self.backlogLimit else { return .lostFull }
        output.appendMessage(subject, stamp, size: size)
        return .written
    }

    /// Sends what the socket takes.
    /// - Returns: whether the connection still lives.
    func flush() -> Bool {
        while output.count > 0 {
            let unsent = output.unsent
            let count = send(descriptor, unsent.baseAddress!, unsent.count, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                output.drop(count)
            } else if errno == EAGAIN {
                return true
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    // MARK: Reading

    /// Reads once and hands over what is complete.
    ///
    /// - Returns: whether the connection still lives.
    /// - Throws: `NATSProtocolError` when the server sent what is no NATS protocol.
    func receive(
        _ scratch: UnsafeMutableRawBufferPointer, _ handle: (WireReader.Item, _ time: Int64) -> Void
    ) throws(NATSProtocolError) -> Bool {
        let count = recv(descriptor, scratch.baseAddress!, scratch.count, 0)
        let time = clinux_now()
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        if count == 0 { return false }
        let fresh = UnsafeRawBufferPointer(rebasing: scratch[..<count])
        if partial.isEmpty {
            let used = try take(fresh, time, handle)
            if used < count { partial.append(contentsOf: UnsafeRawBufferPointer(rebasing: fresh[used...])) }
        } else {
            partial.append(contentsOf: fresh)
            // Out of the property while it is read: handling an item may lose the connection.
            var bytes = partial
            partial = []
            let used: Result<Int, NATSProtocolError> = bytes.withUnsafeBytes { buffer in
                Result { () throws(NATSProtocolError) in try take(buffer, time, handle) }
            }
            bytes.removeSubrange(..<(try used.get()))
            partial = bytes
        }
        return true
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer, _ time: Int64, _ handle: (WireReader.Item, Int64) -> Void
    ) throws(NATSProtocolError) -> Int {
        var position = 0
        while let item = try WireReader.next(bytes, &position) {
            switch item {
            case .ping: output.append("PONG\r\n")
            case .pong:
                isReady = true
                wasReady = true
                pause = 0
                handle(item, time)
            default: handle(item, time)
            }
        }
        return position
    }
}
