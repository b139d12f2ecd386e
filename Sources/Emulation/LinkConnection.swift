import CLinux
import Glibc
import Measures

/// A connection through a `LinkProxy`: the two sockets, and what is under way between them.
struct LinkConnection {
    private enum Dial {
        /// When it reaches the server: as late as the last packet of TCP's handshake would.
        case underWay(due: Int64)
        case connecting
        case connected
        case refused
    }

    private let incoming: Int32
    private var outgoing: Int32 = -1
    private let route: LinkProxy.Route
    private let target: Address
    private var dial: Dial
    private var forth: LinkStream
    private var back: LinkStream

    init(_ incoming: Int32, _ route: LinkProxy.Route, target: Address, _ state: inout LinkProxyTable.State) {
        self.incoming = incoming
        self.target = target
        self.route = route
        forth = LinkStream(direction: state.direction(route.from, route.to))
        back = LinkStream(direction: state.direction(route.to, route.from))
        var due = clinux_now()
        for direction in [forth.direction, back.direction, forth.direction] {
            due = state.due(bytes: LinkStream.headerBytes, in: direction, now: due)
        }
        dial = .underWay(due: due)
    }

    var isOver: Bool { forth.isReset || back.isReset || (forth.isEndPassedOn && back.isEndPassedOn) }

    func close() {
        Glibc.close(incoming)
        if outgoing >= 0 { Glibc.close(outgoing) }
    }

    /// What to wait for: incoming, outgoing.
    var wishes: [clinux_wait] {
        if case .connecting = dial {
            return [wish(incoming, forth, back), clinux_wait(fd: outgoing, wantsWrite: true)]
        }
        return [wish(incoming, forth, back), wish(outgoing, back, forth)]
    }

    private func wish(_ socket: Int32, _ from: LinkStream, _ to: LinkStream) -> clinux_wait {
        // A socket that failed would end every wait at once; -1 is passed over.
        let wants = from.wantsRead || to.isBlocked
        return clinux_wait(fd: wants ? socket : -1, wantsRead: from.wantsRead, wantsWrite: to.isBlocked)
    }

    /// Reads what came in.
    mutating func proceed(_ atIncoming: clinux_wait, _ atOutgoing: clinux_wait, _ state: inout LinkProxyTable.State) {
        if atIncoming.failed || atIncoming.can_read { forth.read(from: incoming, &state) }
        if atIncoming.failed || atIncoming.can_write { back.isBlocked = false }
        switch dial {
        case .connecting where atOutgoing.failed || atOutgoing.can_write:
            if clinux_connect_result(outgoing) == 0 { dial = .connected } else { refuse(&state) }
        case .connected:
            if atOutgoing.failed || atOutgoing.can_read { back.read(from: outgoing, &state) }
            if atOutgoing.failed || atOutgoing.can_write { forth.isBlocked = false }
        default: break
        }
    }

    private mutating func refuse(_ state: inout LinkProxyTable.State) {
        dial = .refused
        back.addReset(&state)
    }

    /// Dials when it is time, and writes what is due.
    mutating func deliver(_ state: inout LinkProxyTable.State) {
        if case .underWay = dial, let due = dialDue(state), due <= clinux_now() { connect(&state) }
        if case .connected = dial { forth.write(to: outgoing, &state) }
        back.write(to: incoming, &state)
    }

    private mutating func connect(_ state: inout LinkProxyTable.State) {
        guard let socket = try? Socket.make(from: route.address) else { return refuse(&state) }
        outgoing = socket
        let started = clinux_connect(socket, target.rawValue, route.port)
        if started == 0 {
            dial = .connected
        } else if started == -EINPROGRESS {
            dial = .connecting
        } else {
            refuse(&state)
        }
    }

    private func dialDue(_ state: LinkProxyTable.State) -> Int64? {
        guard case .underWay(let due) = dial else { return nil }
        return max(due, state.heldUntil[forth.direction], state.heldUntil[back.direction])
    }

    /// When there is something to do without a socket being ready.
    func nextDue(_ state: LinkProxyTable.State) -> Int64 {
        var next = min(dialDue(state) ?? Int64.max, back.nextDue(state))
        if case .connected = dial { next = min(next, forth.nextDue(state)) }
        return next
    }
}

/// One direction of a `LinkConnection`: what was read at one end and is not yet written at the other.
struct LinkStream {
    private enum Content {
        case bytes([UInt8])
        case end
        case reset
    }

    private struct Piece {
        var due: Int64
        var content: Content
    }

    /// The direction of the link.
    let direction: Int
    private var pieces: [Piece] = []
    /// Of the first piece.
    private var written = 0
    private var byteCount = 0
    private var isAtEnd = false
    /// The other end takes nothing any more.
    private var isBroken = false
    /// The other end's kernel takes nothing at the moment.
    var isBlocked = false
    private(set) var isEndPassedOn = false
    private(set) var isReset = false

    /// Of IPv4 and TCP with time stamps.
    static let headerBytes = 52
    private static let mostBytes = 4 << 20
    private static let bytesInARow = 65_536

    init(direction: Int) { self.direction = direction }

    var wantsRead: Bool { !isAtEnd && byteCount < Self.mostBytes }

    func nextDue(_ state: LinkProxyTable.State) -> Int64 {
        guard let first = pieces.first, !isBlocked else { return Int64.max }
        return max(first.due, state.heldUntil[direction])
    }

    mutating func read(from socket: Int32, _ state: inout LinkProxyTable.State) {
        guard wantsRead else { return }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.bytesInARow) { buffer, initialized in
            count = recv(socket, buffer.baseAddress!, Self.bytesInARow, 0)
            initialized = max(0, count)
        }
        if count > 0 {
            byteCount += count
            add(.bytes(bytes), bytes: count + Self.headerBytes, &state)
        } else if count == 0 {
            isAtEnd = true
            add(.end, bytes: Self.headerBytes, &state)
        } else if errno != EAGAIN && errno != EINTR {
            addReset(&state)
        }
    }

    /// The end breaks the connection off.
    mutating func addReset(_ state: inout LinkProxyTable.State) {
        isAtEnd = true
        add(.reset, bytes: Self.headerBytes, &state)
    }

    private mutating func add(_ content: Content, bytes: Int, _ state: inout LinkProxyTable.State) {
        let due = state.due(bytes: bytes, in: direction, now: clinux_now())
        pieces.append(Piece(due: max(due, pieces.last?.due ?? due), content: content))
    }

    /// Writes what is due.
    mutating func write(to socket: Int32, _ state: inout LinkProxyTable.State) {
        while !isBlocked, !pieces.isEmpty {
            let due = nextDue(state)
            let now = clinux_now()
            guard now >= due else { return }
            switch pieces[0].content {
            case .end:
                shutdown(socket, Int32(SHUT_WR))
                isEndPassedOn = true
            case .reset: isReset = true
            case .bytes(let bytes):
                if written == 0 { state.traffic.noteDelayed(due: due, at: now) }
                guard write(bytes, to: socket) else { return }
                state.traffic.passed += 1
                byteCount -= bytes.count
                written = 0
            }
            pieces.removeFirst()
        }
    }

    /// Whether all of it is gone now.
    private mutating func write(_ bytes: [UInt8], to socket: Int32) -> Bool {
        while written < bytes.count, !isBroken {
            let count = bytes.withUnsafeBytes {
                send(socket, $0.baseAddress! + written, bytes.count - written, Int32(truncatingIfNeeded: MSG_NOSIGNAL))
            }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                isBlocked = true
                return false
            } else if errno != EINTR {
                // What the other end has to say about it comes back the other way.
                isBroken = true
            }
        }
        return true
    }
}
