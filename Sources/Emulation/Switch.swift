import CLinux
import EventKernel
import Foundation
import Glibc

/// Carries IPv4 packets between the TUN devices of a lab, each direction with its own delay and cut.
struct Switch: Sendable {
    /// One device and the address behind it.
    struct Port: Sendable {
        var device: Int32
        var address: Address
    }

    private let table: SwitchTable
    private let wakeUp: Int32
    private let thread: JoinableThread

    /// - Parameters:
    ///   - ports: the devices stay open until `end` has returned.
    ///   - isLiving: whether a server runs at a port; asked by node ports.
    init(_ ports: [Port], isLiving: @escaping @Sendable (Int) -> Bool) throws(FabricError) {
        let table = SwitchTable(ports, isLiving: isLiving)
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

    /// Of packets sent from now on. Those under way arrive when they were due, and later ones never before them.
    func setDelay(from: Int, to: Int, _ delay: SimDuration) {
        precondition(delay >= .zero, "a negative delay")
        table.change { $0.delays[$0.direction(from, to)] = delay.nanoseconds }
    }

    /// A cut loses what is under way, too.
    func setCut(from: Int, to: Int, _ isCut: Bool) {
        table.change { state in
            let direction = state.direction(from, to)
            state.cuts[direction] = isCut
            if isCut { state.dropAll(in: direction) }
        }
    }

    func addNodePort(_ service: NodePortTranslation.Service, address: Address, port: UInt16) {
        table.change { $0.nodePorts.add(service, at: .init(address: address, port: port)) }
    }

    var traffic: FabricTraffic { table.change { $0.traffic } }

    func resetTraffic() { table.change { $0.traffic = FabricTraffic() } }

    /// Stops the thread; to be called exactly once.
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

    init(_ ports: [Switch.Port], isLiving: @escaping @Sendable (Int) -> Bool) {
        self.ports = ports
        state = SwitchState(ports, isLiving: isLiving)
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
    var delays: [Int64]
    var cuts: [Bool]
    var nodePorts = NodePortTranslation()
    var traffic = FabricTraffic()

    private let ports: [Switch.Port]
    private let portAt: [Address: Int]
    private let isLiving: @Sendable (Int) -> Bool
    private var queues: [PacketQueue]
    /// Packets in all queues.
    private var underWay = 0

    init(_ ports: [Switch.Port], isLiving: @escaping @Sendable (Int) -> Bool) {
        self.ports = ports
        self.isLiving = isLiving
        portAt = Dictionary(uniqueKeysWithValues: ports.indices.map { (ports[$0].address, $0) })
        let directions = ports.count * ports.count
        delays = Array(repeating: 0, count: directions)
        cuts = Array(repeating: false, count: directions)
        queues = (0..<directions).map { _ in PacketQueue() }
    }

    func direction(_ from: Int, _ to: Int) -> Int { from * ports.count + to }

    mutating func dropAll(in direction: Int) {
        let dropped = queues[direction].removeAll()
        underWay -= dropped
        traffic.cut += dropped
    }

    /// Passes a packet on, or queues it.
    mutating func forward(_ bytes: UnsafeMutableRawBufferPointer, from port: Int, now: Int64) {
        guard let target = route(bytes, from: port, now: now) else {
            traffic.unroutable += 1
            return
        }
        let direction = direction(port, target)
        if cuts[direction] {
            traffic.cut += 1
        } else if delays[direction] == 0 && queues[direction].count == 0 {
            hand(UnsafeRawBufferPointer(bytes), to: target)
        } else if queues[direction].append(UnsafeRawBufferPointer(bytes), due: now + delays[direction]) {
            underWay += 1
        } else {
            traffic.overflowed += 1
        }
    }

    /// Hands over all that is due, and says when the next packet will be; `Int64.max` when there is none.
    mutating func deliver() -> Int64 {
        var next = Int64.max
        guard underWay > 0 else { return next }
        for index in queues.indices where queues[index].count > 0 {
            let queue = queues[index]
            while case let due = queue.nextDue, due <= clinux_now() {
                queue.takeFirst { hand(UnsafeRawBufferPointer($0), to: index % ports.count) }
                underWay -= 1
                let lateness = SimDuration(nanoseconds: clinux_now() - due)
                traffic.worstLateness = max(traffic.worstLateness, lateness)
            }
            next = min(next, queue.nextDue)
        }
        return next
    }

    /// The port that a packet goes to.
    private mutating func route(_ bytes: UnsafeMutableRawBufferPointer, from port: Int, now: Int64) -> Int? {
        guard var packet = IPv4Packet(bytes) else { return nil }
        let outcome = nodePorts.rewrite(
            &packet, from: port, now: now, address: { [ports] in ports[$0].address },
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
