import CLinux
import EventKernel
import Glibc

/// Received bytes that are not read yet.
struct InputBuffer {
    private var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }

    /// All of it, from the oldest byte.
    var unread: ArraySlice<UInt8> { bytes[start...] }

    mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

    mutating func drop(_ count: Int) {
        start += count
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        } else if start > 1 << 16 {
            bytes.removeSubrange(..<start)
            start = 0
        }
    }

    /// How many bytes come before the first CR LF at or after `offset`.
    func lineLength(from offset: Int = 0) -> Int? {
        var index = start + offset
        while index + 1 < bytes.count {
            if bytes[index] == 0x0D, bytes[index + 1] == 0x0A { return index - start - offset }
            index += 1
        }
        return nil
    }

    /// Bytes as text, counted from the oldest one.
    func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[start + range.lowerBound..<start + range.upperBound], as: UTF8.self)
    }
}

/// A connected socket that never blocks, with what is to be sent and what came in.
final class SocketStream {
    /// Most bytes that may wait to be sent.
    static let outputLimit = 1 << 24

    /// -1 once closed.
    private(set) var descriptor: Int32
    /// Why nothing more will come; `nil` while the connection lives.
    private(set) var end: String?
    var input = InputBuffer()
    private var output: [UInt8] = []
    private var sent = 0
    private var isFinishing = false
    private var scratch = [UInt8](repeating: 0, count: 1 << 16)

    /// Owns the descriptor from now on.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    var hasOutput: Bool { sent < output.count }

    /// Sends as much as the socket takes now, and the rest when it takes more.
    func send(_ text: String) {
        guard end == nil else { return }
        output.append(contentsOf: text.utf8)
        if output.count - sent > Self.outputLimit {
            end(because: "more than \(Self.outputLimit) bytes wait to be sent")
        } else {
            flush()
        }
    }

    func flush() {
        while hasOutput, end == nil {
            let count = output.withUnsafeBytes { bytes in
                Glibc.send(
                    descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                end(because: String(cString: strerror(errno)))
            }
        }
        output.removeAll(keepingCapacity: true)
        sent = 0
        if isFinishing, end == nil { _ = shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// Takes in what has arrived, at most 1 MiB at a time.
    func receive() {
        for _ in 0..<16 where end == nil {
            let count = scratch.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                scratch.withUnsafeBytes { input.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                if count < scratch.count { return }
            } else if count == 0 {
                end(because: "closed by the other end")
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                end(because: String(cString: strerror(errno)))
            }
        }
    }

    /// Sends what waits, and then the end of the stream.
    func finish() {
        isFinishing = true
        flush()
    }

    func close() {
        end(because: "closed by this end")
    }

    private func end(because reason: String) {
        if end == nil { end = reason }
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }
}

/// Something that a `PollLoop` watches over.
protocol PollSource: AnyObject {
    var stream: SocketStream { get }
    /// Bytes came in, or the stream ended.
    func received()
}

/// Waits for all sockets of a lab at once.
struct PollLoop {
    /// Asked several times a second; `true` ends the wait with an error.
    var isCancelled: @Sendable () -> Bool = { false }
    private var sources: [any PollSource] = []
    /// The longest wait without asking.
    private static let slice = SimDuration.milliseconds(200)

    mutating func add(_ source: any PollSource) { sources.append(source) }

    /// Waits until something arrives or can be sent, or for that time, but not long, and handles it. Streams that ended
    /// are let go.
    /// - Throws: `EmulationError` when cancelled.
    mutating func turn(_ time: SimDuration) throws {
        if isCancelled() { throw EmulationError("interrupted") }
        let time = min(time, Self.slice)
        sources.removeAll { $0.stream.end != nil }
        var items = sources.map { source in
            var item = clinux_wait()
            item.fd = source.stream.descriptor
            item.wants_read = true
            item.wants_write = source.stream.hasOutput
            return item
        }
        try checked(clinux_wait(&items, items.count, max(0, time.nanoseconds)), "cannot wait for sockets")
        for (source, item) in zip(sources, items) {
            if item.can_write { source.stream.flush() }
            if item.can_read || item.failed {
                source.stream.receive()
                source.received()
            }
        }
    }
}

/// Real time, for bounds.
struct Deadline {
    private let end: Int64

    init(after duration: SimDuration) { end = clinux_now() + duration.nanoseconds }

    var left: SimDuration { .nanoseconds(max(0, end - clinux_now())) }
    var isOver: Bool { left == .zero }
}
