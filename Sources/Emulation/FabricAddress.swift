import CLinux
import EventKernel
import Glibc

/// An IPv4 address.
struct Address: Hashable, Sendable, CustomStringConvertible {
    /// In host byte order.
    var rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        rawValue = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }

    /// Four decimal numbers; `nil` for all other text, host names among it.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        rawValue = 0
        for part in parts {
            guard let octet = UInt8(part) else { return nil }
            rawValue = rawValue << 8 | UInt32(octet)
        }
    }

    var octets: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> $0) } }
    var description: String { octets.map(String.init).joined(separator: ".") }
}

/// TCP sockets that do not block; all belong to the calling thread's network namespace.
enum Socket {
    /// A socket bound to an address, with any port.
    static func make(from address: Address) throws(FabricError) -> Int32 {
        try prepare("bind to \(address)") { clinux_bind($0, address.rawValue, 0) }
    }

    static func listen(_ address: Address, _ port: UInt16, backlog: Int32) throws(FabricError) -> Int32 {
        try prepare("listen on \(address):\(port)") { socket in
            let bound = clinux_bind(socket, address.rawValue, port)
            return bound < 0 ? bound : clinux_listen(socket, backlog)
        }
    }

    private static func prepare(_ what: String, _ step: (Int32) -> Int32) throws(FabricError) -> Int32 {
        let socket = try checked(clinux_tcp_socket(), "cannot open a socket")
        let outcome = step(socket)
        if outcome < 0 { close(socket) }
        try checked(outcome, "cannot \(what)")
        return socket
    }

    /// Connects and waits for it; the socket stays open when that fails.
    static func connect(_ socket: Int32, _ address: Address, _ port: UInt16, within: SimDuration) throws(FabricError) {
        let what = "cannot connect to \(address):\(port)"
        let deadline = clinux_now() + within.nanoseconds
        let started = clinux_connect(socket, address.rawValue, port)
        if started == 0 { return }
        guard started == -EINPROGRESS else { throw FabricError(what, code: -started) }
        var item = clinux_wait(fd: socket, wantsWrite: true)
        repeat {
            let left = deadline - clinux_now()
            guard left > 0 else { throw FabricError(what, code: ETIMEDOUT) }
            try checked(clinux_wait(&item, 1, left), what)
        } while !item.can_write && !item.failed
        try checked(clinux_connect_result(socket), what)
    }
}
