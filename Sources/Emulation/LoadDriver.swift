import CLinux
import EventKernel
import Foundation
import Glibc
import Measures

/// Writes messages when they are due, whatever the servers do, and takes the time of what arrives.
///
/// An open loop: a server that takes nothing makes messages wait in user space, up to a bound, and their latency counts
/// from when they were due. One thread serves all connections; another one dials. A connection that ends is dialled
/// again at once, then after 100 ms, doubled up to 4 s.
final class LoadDriver: @unchecked Sendable {
    /// What happened until now.
    struct Account {
        var written: Int64 = 0
        var delivered: Int64 = 0
        /// Messages that were due while their connection was lost.
        var lostAway: Int64 = 0
        /// Messages for which the backlog had no room.
        var lostFull: Int64 = 0
        /// Connections that ended by themselves.
        var disconnects: Int64 = 0
        /// How much later than due messages were written.
        var lateness = IntegerHistogram()
        /// What servers said that they should not, at most `mostProblems`.
        var problems: [String] = []
    }

    /// What the driver's thread and others share.
    struct Shared {
        var isStopped = false
        var commands: [DriverOperation] = []
        var answers: [(connection: Int, attempt: Int, socket: Int32?)] = []
        var source: (zero: Int64, source: any DriverSource)?
        /// Connections that the server has read the subscriptions of.
        var ready: Set<Int> = []
        /// (connection, sid) that a marker has reached.
        var marked: Set<Marked> = []
    }

    struct Marked: Hashable {
        var connection: Int
        var sid: UInt32
        var stream: UInt32
    }

    /// One wait looks at each of them.
    static let mostConnections = 2000
    private static let mostProblems = 20
    /// Written or read before the other has its turn.
    private static let operationsInARow = 128

    private let lock = NSLock()
    // Guarded by `lock`.
    private var shared = Shared()
    private let wakeUp: Int32
    private let dialer: DriverDialer
    private let onDelivery: (DriverDelivery) -> Void
    private var thread: JoinableThread?

    // Only the driver's thread looks at what follows, until it has ended.
    private(set) var account = Account()
    private var connections: [DriverConnection?] = []
    private var items: [clinux_wait]
    private var source: (any DriverSource)?
    private var zero: Int64 = 0
    private var next: DriverOperation?
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private var unflushed: [Int] = []
    private var dues: [Int64] = []

    /// - Parameters:
    ///   - dial: connects to a server, by its index; called on a thread of its own.
    ///   - onDelivery: called on the driver's thread for each message but markers.
    init(
        dial: @escaping @Sendable (Int) throws -> Int32, onDelivery: @escaping (DriverDelivery) -> Void
    ) throws(FabricError) {
        wakeUp = try checked(clinux_new_event(), "cannot make an event")
        self.onDelivery = onDelivery
        dialer = DriverDialer(dial)
        items = [clinux_wait(fd: wakeUp, wantsRead: true)]
    }

    deinit {
        close(wakeUp)
        scratch.deallocate()
    }

    // MARK: From other threads

    func start() throws(FabricError) {
        try dialer.start { [unowned self] answer in
            change { $0.answers.append(answer) }
        }
        thread = try JoinableThread { [unowned self] in run() }
    }

    /// Does something as soon as possible, before time zero or after it.
    func perform(_ operations: [DriverOperation]) { change { $0.commands += operations } }

    /// Sets time zero, in nanoseconds of the monotonic clock, and what is due from then on.
    func begin(at zero: Int64, _ source: any DriverSource) { change { $0.source = (zero, source) } }

    /// Connections whose subscriptions their servers have read.
    var ready: Set<Int> { look { $0.ready } }
    var marked: Set<Marked> { look { $0.marked } }

    /// Ends both threads and all connections; afterwards `account` may be read.
    func stop() {
        guard let thread else { return }
        change { $0.isStopped = true }
        thread.join()
        dialer.stop()
        self.thread = nil
        for case (_, _, let socket?) in look({ $0.answers }) { close(socket) }
        connections = []
    }

    private func look<Value>(_ body: (Shared) -> Value) -> Value {
        lock.lock()
        defer { lock.unlock() }
        return body(shared)
    }

    private func change(_ body: (inout Shared) -> Void) {
        lock.lock()
        body(&shared)
        lock.unlock()
        clinux_raise_event(wakeUp)
    }

    /// From the driver's own thread, which needs no waking.
    private func note(_ body: (inout Shared) -> Void) {
        lock.lock()
        defer { lock.unlock() }
        body(&shared)
    }

    // MARK: The driver's thread

    private func run() {
        clinux_prepare_timing_thread("load-driver")
        while true {
            performDue()
            let redial = dialAgain()
            let now = clinux_now()
            let due = min(next.map { zero + $0.due.nanoseconds } ?? Int64.max, redial)
            let ready = clinux_wait(&items, items.count, due == Int64.max ? -1 : max(0, due - now))
            precondition(ready >= 0, "a wait fails for nothing but our own mistakes")
            guard ready > 0 else { continue }
            if items[0].can_read, !takeShared() { return }
            for index in connections.indices { serve(index) }
            flushAll()
        }
    }

    /// - Returns: whether to go on.
    private func takeShared() -> Bool {
        var counter: UInt64 = 0
        _ = read(wakeUp, &counter, 8)
        var taken = Shared()
        note { shared in
            taken.isStopped = shared.isStopped
            swap(&taken.commands, &shared.commands)
            if !taken.isStopped { swap(&taken.answers, &shared.answers) }
            taken.source = shared.source
            shared.source = nil
        }
        if taken.isStopped { return false }
        for (number, attempt, socket) in taken.answers { take(socket, for: number, attempt) }
        for operation in taken.commands { perform(operation) }
        if let (zero, source) = taken.source {
            self.zero = zero
            self.source = source
            next = self.source?.next()
        }
        return true
    }

    private func take(_ socket: Int32?, for number: Int, _ attempt: Int) {
        let connection = connections[number]
        guard let connection, connection.attempt == attempt, case .dialling = connection.state else {
            if let socket { close(socket) }
            return
        }
        connection.dialled(socket, now: clinux_now())
        unflushed.append(number)
        watch(connection)
    }

    /// Does what is due, in batches between which arrivals have their turn.
    private func performDue() {
        var count = 0
        dues.removeAll(keepingCapacity: true)
        while let operation = next, count < Self.operationsInARow,
            zero + operation.due.nanoseconds <= clinux_now()
        {
            perform(operation)
            if case .publish = operation.kind { dues.append(zero + operation.due.nanoseconds) }
            next = source?.next()
            count += 1
        }
        guard count > 0 || !unflushed.isEmpty else { return }
        flushAll()
        let now = clinux_now()
        for due in dues { account.lateness.record(max(0, now - due)) }
    }

    private func perform(_ operation: DriverOperation) {
        let number = operation.connection
        if case .open(let server, let whileAway) = operation.kind {
            return open(number, DriverConnection(number: number, server: server, whileAway: whileAway))
        }
        guard number < connections.count, let connection = connections[number] else {
            preconditionFailure("connection \(number) was not opened")
        }
        switch operation.kind {
        case .open: break
        case .subscribe(let sid, let subject, let queue):
            connection.subscribe(.init(sid: sid, subject: subject, queue: queue))
        case .unsubscribe(let sid): connection.unsubscribe(sid)
        case .publish(let subject, let stream, let sequence, let size):
            // A marker tells no time: its due time is what says that it is one.
            let stamp = MessageStamp(stream: stream, sequence: sequence, due: operation.due)
            count(connection.publish(subject, stamp, size: size))
        case .close:
            connection.leave()
            watch(connection)
            return
        }
        if connection.isConnected { unflushed.append(number) }
    }

    private func count(_ fate: DriverConnection.Fate) {
        switch fate {
        case .written, .kept: account.written += 1
        case .lostAway: account.lostAway += 1
        case .lostFull: account.lostFull += 1
        }
    }

    private func open(_ number: Int, _ connection: DriverConnection) {
        precondition(number < Self.mostConnections, "more than \(Self.mostConnections) connections")
        while connections.count <= number {
            connections.append(nil)
            items.append(clinux_wait(fd: -1))
        }
        precondition(connections[number] == nil, "connection \(number) is opened twice")
        connections[number] = connection
        dialer.dial(connection.server, for: number, connection.dial())
    }

    /// Dials what has waited long enough, and says when the next one will have; `Int64.max`: none waits.
    private func dialAgain() -> Int64 {
        var earliest = Int64.max
        for case let connection? in connections {
            guard case .waiting(let time) = connection.state else { continue }
            if time <= clinux_now() {
                dialer.dial(connection.server, for: connection.number, connection.dial())
            } else {
                earliest = min(earliest, time)
            }
        }
        return earliest
    }

    private func watch(_ connection: DriverConnection) {
        items[connection.number + 1] = clinux_wait(
            fd: connection.descriptor, wantsRead: true, wantsWrite: connection.hasOutput)
    }

    private func flushAll() {
        for number in unflushed {
            guard let connection = connections[number], connection.isConnected else { continue }
            let wanted = connection.hasOutput
            if !connection.flush() { lose(connection) }
            if wanted { items[number + 1].wants_write = connection.hasOutput }
        }
        unflushed.removeAll(keepingCapacity: true)
    }

    // MARK: What arrives

    private func serve(_ number: Int) {
        let item = items[number + 1]
        guard item.can_read || item.can_write || item.failed, let connection = connections[number] else { return }
        items[number + 1].can_read = false
        items[number + 1].can_write = false
        items[number + 1].failed = false
        guard connection.isConnected else { return }
        if item.can_write { unflushed.append(number) }
        guard item.can_read || item.failed else { return }
        do {
            let lives = try connection.receive(scratch) { item, time in handle(item, connection, time) }
            if !lives { return lose(connection) }
        } catch {
            complain("connection \(number): \(error.description)")
            return lose(connection)
        }
        if connection.hasOutput { unflushed.append(number) }
    }

    private func handle(_ item: WireReader.Item, _ connection: DriverConnection, _ time: Int64) {
        switch item {
        case .message(let sid, let payload):
            guard let stamp = MessageStamp(payload) else {
                return complain("connection \(connection.number): a message that is not ours")
            }
            if stamp.due == MessageStamp.marker {
                let marked = Marked(connection: connection.number, sid: sid, stream: stamp.stream)
                return note { $0.marked.insert(marked) }
            }
            account.delivered += 1
            onDelivery(
                DriverDelivery(
                    connection: connection.number, sid: sid, stream: stamp.stream, sequence: stamp.sequence,
                    due: stamp.due, time: SimTime(nanoseconds: time - zero)))
        case .pong: note { $0.ready.insert(connection.number) }
        case .error(let text): complain("connection \(connection.number): the server says \(text)")
        case .ping, .other: break
        }
    }

    private func lose(_ connection: DriverConnection) {
        account.disconnects += 1
        connection.lost(now: clinux_now())
        note { $0.ready.remove(connection.number) }
        watch(connection)
    }

    private func complain(_ problem: String) {
        if account.problems.count < Self.mostProblems { account.problems.append(problem) }
    }
}

/// Dials for the driver: making a socket in a server's network takes too long for a thread that keeps times.
final class DriverDialer: @unchecked Sendable {
    typealias Answer = (connection: Int, attempt: Int, socket: Int32?)

    // All state is guarded by `condition`.
    private let condition = NSCondition()
    private var wanted: [(server: Int, connection: Int, attempt: Int)] = []
    private var isStopped = false
    private let connect: @Sendable (Int) throws -> Int32
    private var thread: JoinableThread?

    init(_ connect: @escaping @Sendable (Int) throws -> Int32) { self.connect = connect }

    func start(_ answer: @escaping @Sendable (Answer) -> Void) throws(FabricError) {
        thread = try JoinableThread { [unowned self] in
            clinux_name_thread("dialer")
            while let next = take() {
                answer((next.connection, next.attempt, try? connect(next.server)))
            }
        }
    }

    func dial(_ server: Int, for connection: Int, _ attempt: Int) {
        condition.lock()
        wanted.append((server, connection, attempt))
        condition.signal()
        condition.unlock()
    }

    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
        thread?.join()
        thread = nil
    }

    private func take() -> (server: Int, connection: Int, attempt: Int)? {
        condition.lock()
        defer { condition.unlock() }
        while wanted.isEmpty && !isStopped { condition.wait() }
        return isStopped ? nil : wanted.removeFirst()
    }
}
