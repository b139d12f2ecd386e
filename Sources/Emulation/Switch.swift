import CLinux
import EventKernel
import Foundation
import Glibc
import Measures

/// Carries IPv4 packets between the TUN devices of a lab, each direction with an impairment of its own.
struct Switch: LinkCarrier {
    /// One device and the addresses behind it.
    struct Port: Sendable {
        var device: Int32
        var addresses: [Address]
    }

    /// What node ports know of a place.
    struct Server: Sendable {
        var address: Address
        /// The port that leads to it.
        var port: Int
    }

    private let table: SwitchTable
    private let wakeUp: Int32
    private let thread: JoinableThread

    /// - Parameters:
    ///   - ports: the devices stay open until `end` has returned.
    ///   - servers: by the numbers that node ports use.
    ///   - clock: of a direction, by its number.
    ///   - isLiving: whether a server runs; asked by node ports.
    init(
        _ ports: [Port], servers: [Server], clock: (Int) -> LinkClock, isLiving: @escaping @Sendable (Int) -> Bool
    ) throws(FabricError) {
        let table = SwitchTable(ports, SwitchState(ports, servers, clock, isLiving))
        let wakeUp = try checked(clinux_new_event(), "cannot make an event")
        do {
            thread = try JoinableThread { table.run(until: wakeUp) }
        } catch {
            close(wakeUp)
            throw error
        }
        self.table = table
        self.wakeUp = wakeUp
    }

    func change(from: Int, to: Int, _ body: (inout LinkState) -> Void) {
        table.change { $0.changeLink(from: from, to: to, body) }
    }

    func addNodePort(_ service: NodePortTranslation.Service, address: Address, port: UInt16) {
        table.change { $0.nodePorts.add(service, at: .init(address: address, port: port)) }
    }

    var traffic: FabricTraffic { table.change { $0.traffic } }

    func resetTraffic() { table.change { $0.traffic = FabricTraffic() } }

    func end() {
        clinux_raise_event(wakeUp)
        thread.join()
        close(wakeUp)
    }
}

/// What the switch's thread and its callers share.
private final class SwitchTable: @unchecked Sendable {
    // `state` is guarded by `lock`; a `Mutex` would not let the reading thread hand its buffer in.
    private let lock = NSLock()
    private var state: SwitchState
    private let ports: [Switch.Port]

    /// Taken from one device before the next one has its turn.
    private static let packetsInARow = 64

    init(_ ports: [Switch.Port], _ state: SwitchState) {
        self.ports = ports
        self.state = state
    }

    func change<Value>(_ body: (inout SwitchState) -> Value) -> Value {
        lock.lock()
        defer { lock.unlock() }
        return body(&state)
    }

    func run(until wakeUp: Int32) {
        clinux_prepare_timing_thread("switch")
        var items = [clinux_wait(fd: wakeUp, wantsRead: true)]
        items += ports.map { clinux_wait(fd: $0.device, wantsRead: true) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let due = change { $0.deliver() }
            let wait = due == Int64.max ? -1 : max(0, due - clinux_now())
            let ready = clinux_wait(&items, items.count, wait)
            precondition(ready >= 0, "a wait fails for nothing but our own mistakes")
            if items[0].can_read { return }
            for port in ports.indices where items[port + 1].can_read || items[port + 1].failed {
                // A device that is gone would end every wait at once.
                if !take(from: port, buffer) { items[port + 1].fd = -1 }
            }
        }
    }

    private func take(from port: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        for _ in 0..<Self.packetsInARow {
            let count = read(ports[port].device, buffer.baseAddress!, buffer.count)
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            let packet = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            change { $0.forward(packet, from: port, now: clinux_now()) }
        }
        return true
    }
}

/// Queues and settings of all directions.
private struct SwitchState {
    var nodePorts = NodePortTranslation()
    var traffic = FabricTraffic()

    private let ports: [Switch.Port]
    private let servers: [Switch.Server]
    private let portAt: [Address: Int]
    private let isLiving: @Sendable (Int) -> Bool
    private var clocks: [LinkClock]
    private var queues: [PacketQueue]
    /// Packets in all queues.
    private var underWay = 0

    /// Handed over from one direction before the next one has its turn, and arrivals theirs.
    private static let packetsInARow = 64

    init(
        _ ports: [Switch.Port], _ servers: [Switch.Server], _ clock: (Int) -> LinkClock,
        _ isLiving: @escaping @Sendable (Int) -> Bool
    ) {
        self.ports = ports
        self.servers = servers
        self.isLiving = isLiving
        portAt = Dictionary(
            uniqueKeysWithValues: ports.indices.flatMap { port in ports[port].addresses.map { ($0, port) } })
        let directions = ports.count * ports.count
        clocks = (0..<directions).map(clock)
        queues = (0..<directions).map { _ in PacketQueue() }
    }

    mutating func changeLink(from: Int, to: Int, _ body: (inout LinkState) -> Void) {
        let direction = direction(from, to)
        body(&clocks[direction].state)
        guard clocks[direction].state.isCut else { return }
        let dropped = queues[direction].removeAll()
        underWay -= dropped
        traffic.cut += dropped
    }

    private func direction(_ from: Int, _ to: Int) -> Int { from * ports.count + to }

    /// Passes a packet on, or queues it.
    mutating func forward(_ bytes: UnsafeMutableRawBufferPointer, from port: Int, now: Int64) {
        guard let target = route(bytes, from: port, now: now) else {
            traffic.unroutable += 1
            return
        }
        let direction = direction(port, target)
        switch clocks[direction].fate(bytes: bytes.count, now: now) {
        case .cut: traffic.cut += 1
        case .lost: traffic.lost += 1
        case .hasNoRoom: traffic.overflowed += 1
        case .due(let due) where due <= now && queues[direction].count == 0:
            hand(UnsafeRawBufferPointer(bytes), to: target)
        case .due(let due):
            if queues[direction].append(UnsafeRawBufferPointer(bytes), due: due) {
                underWay += 1
            } else {
                traffic.overflowed += 1
            }
        }
    }

    /// Hands over what is due, and says when the next packet will be; `Int64.max` when there is none.
    mutating func deliver() -> Int64 {
        var next = Int64.max
        guard underWay > 0 else { return next }
        for index in queues.indices where queues[index].count > 0 {
            let queue = queues[index]
            var now = clinux_now()
            for _ in 0..<Self.packetsInARow {
                let due = queue.nextDue
                guard due <= now else { break }
                traffic.noteDelayed(due: due, at: now)
                queue.takeFirst { hand(UnsafeRawBufferPointer($0), to: index % ports.count) }
                underWay -= 1
                now = clinux_now()
            }
            next = min(next, queue.nextDue)
        }
        return next
    }

    /// The port that a packet goes to.
    private mutating func route(_ bytes: UnsafeMutableRawBufferPointer, from port: Int, now: Int64) -> Int? {
        guard var packet = IPv4Packet(bytes) else { return nil }
        let outcome = nodePorts.rewrite(
            &packet, from: port, now: now, address: { [servers] in servers[$0].address },
            port: { [servers] in servers[$0].port },
            choose: { [isLiving] servers in
                // With nobody alive, the kernel behind any of them refuses.
                servers.filter(isLiving).randomElement() ?? servers[0]
            })
        return outcome == .dropped ? nil : portAt[packet.destination]
    }

    private mutating func hand(_ bytes: UnsafeRawBufferPointer, to port: Int) {
        if write(ports[port].device, bytes.baseAddress!, bytes.count) == bytes.count {
            traffic.passed += 1
        } else {
            traffic.overflowed += 1
        }
    }
}
