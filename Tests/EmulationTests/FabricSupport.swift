import CLinux
import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

/// Two clusters: a1, a2 and b1.
let threePlaces = [
    Fabric.Place(name: "a1", cluster: "a"), Fabric.Place(name: "a2", cluster: "a"),
    Fabric.Place(name: "b1", cluster: "b"),
]

/// A TCP connection or listener of a test, which blocks for at most five seconds.
final class TestSocket {
    let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    static let patience: Int64 = 5_000_000_000

    func wait(forWriting: Bool = false, nanoseconds: Int64 = patience) -> Bool {
        var item = clinux_wait(fd: descriptor, wantsRead: !forWriting, wantsWrite: forWriting)
        return clinux_wait(&item, 1, nanoseconds) > 0
    }

    func accept() throws -> TestSocket {
        try #require(wait(), "no connection came")
        return TestSocket(try checked(clinux_accept(descriptor), "accept"))
    }

    func say(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            guard wait(forWriting: true) else { return }
            let count = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress!, $0.count, Int32(truncatingIfNeeded: MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// The next bytes, or nothing at the end of the stream; `nil` when none came in time.
    func hear(atMost: Int = 65_536, nanoseconds: Int64 = patience) -> String? {
        guard wait(nanoseconds: nanoseconds) else { return nil }
        var bytes = [UInt8](repeating: 0, count: atMost)
        let count = recv(descriptor, &bytes, atMost, 0)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// All until that many bytes are there.
    func hear(exactly count: Int) -> String {
        var text = ""
        while text.utf8.count < count {
            guard let more = hear(atMost: count - text.utf8.count), !more.isEmpty else { break }
            text += more
        }
        return text
    }
}

extension [TestSocket] {
    /// The first one that something came in at.
    func firstReady() -> Int? {
        var items = map { clinux_wait(fd: $0.descriptor, wantsRead: true) }
        _ = clinux_wait(&items, items.count, TestSocket.patience)
        return items.firstIndex { $0.can_read }
    }
}

extension Fabric {
    func connection(at server: String, to host: String, _ port: UInt16, within: SimDuration = .seconds(5)) throws
        -> TestSocket
    {
        TestSocket(try connect(at: server, host: host, port: port, within: within))
    }
}

func fileExists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

/// Looks until it holds, for at most five seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = clinux_now() + TestSocket.patience
    while clinux_now() < deadline {
        if condition() { return true }
        sched_yield()
    }
    return condition()
}

/// What of labs can be seen in this process and below it.
struct LabHoldings {
    var namespacesOfThreads: Set<String>
    var namespaceDescriptors: Int
    var devices: Int
    var interfaces: Set<String>

    init() {
        func entries(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
        func link(_ path: String) -> String {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? ""
        }
        let descriptors = entries("/proc/self/fd").map { link("/proc/self/fd/\($0)") }
        namespaceDescriptors = descriptors.count { $0.hasPrefix("net:[") }
        devices = descriptors.count { $0 == "/dev/net/tun" }
        namespacesOfThreads = Set(
            entries("/proc/self/task").map { link("/proc/self/task/\($0)/ns/net") }.filter { !$0.isEmpty })
        interfaces = Set(entries("/sys/class/net"))
    }

    /// Whether nothing is held that was not held before.
    func isWithin(_ before: LabHoldings) -> Bool {
        devices <= before.devices && namespaceDescriptors <= before.namespaceDescriptors
            && namespacesOfThreads.isSubset(of: before.namespacesOfThreads)
            && interfaces.isSubset(of: before.interfaces)
    }
}

/// How many descriptors this process has open, in all threads.
func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
}
