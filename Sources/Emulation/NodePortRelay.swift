import CLinux
import Glibc

/// A listener that passes each connection on to one of several targets, drawn at random, on a thread of its own.
struct NodePortRelay: Sendable {
    /// Where connections can go to at the moment.
    typealias Targets = @Sendable () -> [(address: Address, port: UInt16)]

    /// More are accepted only when others have ended.
    static let mostConnections = 256

    private let wakeUp: Int32
    private let thread: JoinableThread

    init(_ address: Address, _ port: UInt16, targets: @escaping Targets) throws(FabricError) {
        let listener = try Socket.listen(address, port, backlog: 64)
        let wakeUp = clinux_new_event()
        do {
            try checked(wakeUp, "cannot make an event")
            thread = try JoinableThread {
                var loop = RelayLoop(address: address, listener: listener, wakeUp: wakeUp, targets: targets)
                loop.run()
            }
        } catch {
            close(listener)
            if wakeUp >= 0 { close(wakeUp) }
            throw error
        }
        self.wakeUp = wakeUp
    }

    /// Closes the listener and all connections; to be called exactly once.
    func end() {
        clinux_raise_event(wakeUp)
        thread.join()
        close(wakeUp)
    }
}

/// The relay's thread: its connections, and one wait for all of them.
private struct RelayLoop {
    let address: Address
    let listener: Int32
    let wakeUp: Int32
    let targets: NodePortRelay.Targets
    private var connections: [RelayedConnection] = []
    /// The process has no more descriptors. The connection that waits would end every wait at once, so it gets a pause.
    private var isExhausted = false

    /// In nanoseconds.
    private static let pause: Int64 = 10_000_000

    init(address: Address, listener: Int32, wakeUp: Int32, targets: @escaping NodePortRelay.Targets) {
        self.address = address
        self.listener = listener
        self.wakeUp = wakeUp
        self.targets = targets
    }

    mutating func run() {
        clinux_name_thread("node port")
        defer {
            for connection in connections { connection.close() }
            Glibc.close(listener)
        }
        while true {
            var items = [clinux_wait(fd: wakeUp, wantsRead: true)]
            let isFull = connections.count >= NodePortRelay.mostConnections
            items.append(clinux_wait(fd: listener, wantsRead: !isFull && !isExhausted))
            for connection in connections { items += connection.wishes }
            let ready = clinux_wait(&items, items.count, isExhausted ? Self.pause : -1)
            precondition(ready >= 0, "a wait fails for nothing but our own mistakes")
            isExhausted = false
            if items[0].can_read { return }
            for index in connections.indices {
                connections[index].proceed(items[2 + 2 * index], items[3 + 2 * index])
            }
            connections.removeAll { connection in
                if connection.isOver { connection.close() }
                return connection.isOver
            }
            if items[1].can_read { accept() }
        }
    }

    private mutating func accept() {
        while connections.count < NodePortRelay.mostConnections {
            let incoming = clinux_accept(listener)
            if incoming < 0 {
                isExhausted = incoming != -EAGAIN && incoming != -ECONNABORTED
                return
            }
            guard let outgoing = connect() else {
                // Nobody lives: the caller sees the connection close.
                Glibc.close(incoming)
                continue
            }
            connections.append(RelayedConnection(incoming, outgoing))
        }
    }

    private func connect() -> Int32? {
        guard let target = targets().randomElement() else { return nil }
        guard let socket = try? Socket.make(from: address) else { return nil }
        let started = clinux_connect(socket, target.address.rawValue, target.port)
        if started == 0 || started == -EINPROGRESS { return socket }
        Glibc.close(socket)
        return nil
    }
}

/// Two sockets; what one says goes to the other.
private struct RelayedConnection {
    private let first: Int32
    private let second: Int32
    private var forth = RelayedDirection()
    private var back = RelayedDirection()
    private var isReset = false

    init(_ first: Int32, _ second: Int32) {
        self.first = first
        self.second = second
    }

    var isOver: Bool {
        isReset || forth.isBroken || back.isBroken || (forth.isEndPassedOn && back.isEndPassedOn)
    }

    /// What to wait for: first socket, second socket.
    var wishes: [clinux_wait] { [wish(first, from: forth, to: back), wish(second, from: back, to: forth)] }

    func close() {
        Glibc.close(first)
        Glibc.close(second)
    }

    mutating func proceed(_ atFirst: clinux_wait, _ atSecond: clinux_wait) {
        // A reset is noticed by the read or write that it makes fail; with neither wanted, here.
        if atFirst.failed && !atFirst.can_read || atSecond.failed && !atSecond.can_read { isReset = true }
        if atFirst.can_read { forth.read(from: first) }
        if atSecond.can_read { back.read(from: second) }
        forth.write(to: second)
        back.write(to: first)
    }

    private func wish(_ socket: Int32, from: RelayedDirection, to: RelayedDirection) -> clinux_wait {
        // One that is closed both ways would end every wait at once; -1 is passed over.
        let isDone = from.isAtEnd && to.isEndPassedOn
        return clinux_wait(fd: isDone ? -1 : socket, wantsRead: from.wantsRead, wantsWrite: to.wantsWrite)
    }
}

/// What was read at one end and not yet written at the other.
private struct RelayedDirection {
    private var buffer: [UInt8] = []
    private(set) var isAtEnd = false
    private(set) var isEndPassedOn = false
    private(set) var isBroken = false

    private static let mostBytes = 65_536

    var wantsRead: Bool { !isAtEnd && buffer.count < Self.mostBytes }
    var wantsWrite: Bool { !buffer.isEmpty }

    mutating func read(from socket: Int32) {
        let room = Self.mostBytes - buffer.count
        guard room > 0 else { return }
        var count = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: room) { bytes, initialized in
            count = recv(socket, bytes.baseAddress!, room, 0)
            initialized = max(0, count)
        }
        if count > 0 {
            buffer += chunk
        } else if count == 0 {
            isAtEnd = true
        } else if errno != EAGAIN && errno != EINTR {
            isBroken = true
        }
    }

    mutating func write(to socket: Int32) {
        if !buffer.isEmpty {
            let flags = Int32(truncatingIfNeeded: MSG_NOSIGNAL)
            let count = buffer.withUnsafeBytes { send(socket, $0.baseAddress!, $0.count, flags) }
            if count > 0 {
                buffer.removeFirst(count)
            } else if count < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN {
                isBroken = true
            }
        }
        if buffer.isEmpty && isAtEnd && !isEndPassedOn {
            shutdown(socket, Int32(SHUT_WR))
            isEndPassedOn = true
        }
    }
}

extension clinux_wait {
    /// Something to wait for; without a wish, only failures end the wait.
    init(fd: Int32, wantsRead: Bool = false, wantsWrite: Bool = false) {
        self.init()
        self.fd = fd
        wants_read = wantsRead
        wants_write = wantsWrite
    }
}
