import EventKernel
import NATSModel
import RandomVariates

/// What happens in the model of a case. Numbers are indices into the world's tables.
enum WorldEvent: BitwiseCopyable, Sendable {
    /// The next parcel reaches this end of a connection.
    case arrival(connection: Int32)
    case timer(server: Int32, incarnation: Int32, timer: Int32)
    /// A SYN reaches its target; its answer reaches the dialer.
    case dialArrives(Int32)
    case dialAnswered(Int32, succeeded: Bool)
}

/// The servers of a case as state machines, and the TCP connections between them and to clients.
///
/// Delays and cuts come from the case; everything else that takes time is small and fixed. One world is one event
/// calendar, so equal cases with equal seeds do equal things.
final class ModelWorld {
    /// One end of a connection.
    enum End {
        case server(Int, incarnation: Int)
        case client(Int)
    }

    /// What travels on a connection.
    enum Parcel {
        case accepted
        case operation(Operation)
        case closed(CloseReason)
    }

    /// A TCP connection. Side 0 dialled, side 1 accepted; the end on side s has the number 2 × index + s.
    struct Connection {
        var ends: [End]
        var isOpen = [true, true]
        var port: ListenPort
        /// Under way to side 0 and to side 1, in order of arrival.
        var underWay: [[Parcel]] = [[], []]
        var lastArrival = [SimTime.start, SimTime.start]
        /// Not acknowledged because packets vanish: sent again when the path heals.
        var held: [[Parcel]] = [[], []]
    }

    struct ServerSlot {
        var spec: ServerSpec
        var process: ServerProcess?
        var incarnation = 0
        var timers: [TimerID: EventHandle] = [:]
        var random: RandomStream
    }

    struct Dial {
        var server: Int
        var incarnation: Int
        var id: DialID
        var target: Int?
        var port: ListenPort
        var isOver = false
    }

    /// A direction between two servers.
    struct Direction: Hashable {
        var from: Int
        var to: Int
    }

    let topology: Topology
    let version: ServerVersion
    let deviations: Deviation
    var calendar = EventCalendar<WorldEvent>(limit: 4_000_000, instantLimit: 4_000_000)
    var subjects = SubjectTable()
    var servers: [ServerSlot] = []
    var connections: [Connection] = []
    var dials: [Dial] = []
    var cuts: Set<Direction> = []
    var clients: [ClientState] = []
    /// Parcels under way that no cut holds.
    var underWay = 0
    /// Copies of messages that servers wrote to gateway connections.
    var crossings = 0
    var receptions: [Reception] = []
    private var nodePortDraws: RandomStream

    /// Between a client and its server, and between servers of one cluster; of the order of loopback and of a
    /// switch. Nothing settled depends on them.
    static let clientDelay = SimDuration.microseconds(50)
    static let localDelay = SimDuration.microseconds(200)
    /// Between the starts of two servers. Servers that dial each other at the same instant close each other's route as
    /// a duplicate and try again a second later; real ones are launched one after the other.
    static let launchTime = SimDuration.milliseconds(5)
    /// From a heal to the retransmission that gets through: Linux's least retransmission timeout is 200 ms.
    static let retransmission = SimDuration.milliseconds(200)
    /// How long servers may take to come to rest: implicit gateways that never connect back off no longer than this.
    static let settleLimit = SimDuration.seconds(120)

    init(_ topology: Topology, version: ServerVersion, seed: UInt64, deviations: Deviation) {
        self.topology = topology
        self.version = version
        self.deviations = deviations
        for (index, spec) in topology.servers.enumerated() {
            let random = RandomStream(seed: seed, purpose: .routingServer, replication: 0, entity: UInt64(index))
            servers.append(ServerSlot(spec: spec, random: random))
        }
        nodePortDraws = RandomStream(seed: seed, purpose: .routingNodePort, replication: 0, entity: 0)
    }

    var now: SimTime { calendar.now }

    func index(of server: String) -> Int {
        guard let index = servers.firstIndex(where: { $0.spec.name == server }) else {
            preconditionFailure("a case names only servers that it has")
        }
        return index
    }

    // MARK: Servers

    func start(_ server: Int) {
        precondition(servers[server].process == nil, "a running server is not started")
        let spec = servers[server].spec
        var parameters = ServerParameters()
        if let interval = spec.pingInterval {
            parameters.gatewayPingInterval = min(interval, parameters.gatewayPingInterval)
            parameters.routePingInterval = interval
        }
        var process = ServerProcess(spec.configuration, parameters: parameters, version: version)
        process.deviations = deviations
        servers[server].process = process
        servers[server].incarnation += 1
        feed(.start, to: server)
    }

    /// The process is gone from one moment to the next; its kernel closes its connections.
    func kill(_ server: Int) {
        guard servers[server].process != nil else { return }
        servers[server].process = nil
        for timer in servers[server].timers.values { calendar.cancel(timer) }
        servers[server].timers = [:]
        for index in connections.indices {
            for side in 0...1 where connections[index].isOpen[side] {
                guard case .server(server, _) = connections[index].ends[side] else { continue }
                close(index, side: side, .clientClosed)
            }
        }
    }

    func feed(_ input: ProcessInput, to server: Int) {
        guard servers[server].process != nil else { return }
        var outputs: [ProcessOutput] = []
        var random = servers[server].random
        servers[server].process?.handle(input, at: now, in: subjects, draw: { random.bits() }, into: &outputs)
        servers[server].random = random
        for output in outputs { carryOut(output, of: server) }
    }

    private func carryOut(_ output: ProcessOutput, of server: Int) {
        switch output {
        case .dial(let id, let url): dial(id, url, from: server)
        case .abandonDial(let id):
            let match = dials.lastIndex {
                $0.server == server && $0.incarnation == servers[server].incarnation && $0.id == id
            }
            if let match { dials[match].isOver = true }
        case .send(let connection, let operation):
            countCrossing(operation, on: connection)
            send(.operation(operation), from: connection)
        case .close(let connection, let reason):
            close(Int(connection.rawValue) / 2, side: Int(connection.rawValue) % 2, reason)
        case .arm(let timer, let delay):
            if let earlier = servers[server].timers[timer] { calendar.cancel(earlier) }
            let event = WorldEvent.timer(
                server: Int32(server), incarnation: Int32(servers[server].incarnation), timer: timer.rawValue)
            servers[server].timers[timer] = calendar.schedule(event, after: delay)
        case .disarm(let timer):
            if let earlier = servers[server].timers.removeValue(forKey: timer) { calendar.cancel(earlier) }
        case .log: break
        case .exited: kill(server)
        }
    }

    private func countCrossing(_ operation: Operation, on connection: ConnectionID) {
        guard case .routed = operation, connections[Int(connection.rawValue) / 2].port == .gateway else { return }
        crossings += 1
    }

    // MARK: Connections

    private func dial(_ id: DialID, _ url: String, from server: Int) {
        var dial = Dial(
            server: server, incarnation: servers[server].incarnation, id: id, target: nil, port: .gateway)
        switch Endpoint(url: url) {
        case .server(let name, let port):
            dial.target = index(of: name)
            dial.port = ListenPort(port)
        case .nodePort(let cluster):
            let alive = servers.indices.filter { servers[$0].spec.cluster == cluster && servers[$0].process != nil }
            if !alive.isEmpty {
                dial.target = alive[Int(UInt64(alive.count).multipliedFullWidth(by: nodePortDraws.bits()).high)]
            }
        case .nobody: break
        }
        dials.append(dial)
        let number = Int32(dials.count - 1)
        guard let target = dial.target else {
            return calendar.post(.dialAnswered(number, succeeded: false), after: Self.localDelay)
        }
        if !cuts.contains(Direction(from: server, to: target)) {
            calendar.post(.dialArrives(number), after: delay(from: server, to: target))
        }
    }

    private func dialArrives(_ number: Int) {
        let dial = dials[number]
        guard let target = dial.target, !cuts.contains(Direction(from: target, to: dial.server)) else { return }
        let succeeds = isListening(target, dial.port)
        calendar.post(
            .dialAnswered(Int32(number), succeeded: succeeds), after: delay(from: target, to: dial.server))
    }

    private func isListening(_ server: Int, _ port: ListenPort) -> Bool {
        servers[server].process?.isListening(on: port) ?? false
    }

    private func dialAnswered(_ number: Int, succeeded: Bool) {
        let dial = dials[number]
        guard !dial.isOver, servers[dial.server].incarnation == dial.incarnation else { return }
        dials[number].isOver = true
        guard succeeded, let target = dial.target else { return feed(.dialFailed(dial.id, .refused), to: dial.server) }
        let connection = connect(
            .server(dial.server, incarnation: dial.incarnation),
            .server(target, incarnation: servers[target].incarnation), dial.port)
        feed(.dialSucceeded(dial.id, ConnectionID(rawValue: connection * 2)), to: dial.server)
    }

    /// Makes a connection; the accepting end learns of it one delay later. Returns its index.
    func connect(_ dialer: End, _ acceptor: End, _ port: ListenPort) -> Int32 {
        connections.append(Connection(ends: [dialer, acceptor], port: port))
        let index = Int32(connections.count - 1)
        send(.accepted, from: ConnectionID(rawValue: index * 2))
        return index
    }

    /// Sends towards the other end, behind everything sent before.
    func send(_ parcel: Parcel, from connection: ConnectionID) {
        let index = Int(connection.rawValue) / 2
        let side = Int(connection.rawValue) % 2
        guard connections[index].isOpen[side] else { return }
        transmit(parcel, index, to: 1 - side)
    }

    private func transmit(_ parcel: Parcel, _ index: Int, to side: Int) {
        let direction = self.direction(index, to: side)
        if !connections[index].held[side].isEmpty || cuts.contains(direction) {
            connections[index].held[side].append(parcel)
        } else {
            enqueue(parcel, index, to: side, after: delay(index, direction))
        }
    }

    private func enqueue(_ parcel: Parcel, _ index: Int, to side: Int, after delay: SimDuration) {
        let arrival = max(now + delay, connections[index].lastArrival[side])
        connections[index].lastArrival[side] = arrival
        connections[index].underWay[side].append(parcel)
        underWay += 1
        calendar.post(.arrival(connection: Int32(index * 2 + side)), at: arrival)
    }

    /// Closes one end; the other end is told, as far as packets get through.
    func close(_ index: Int, side: Int, _ reason: CloseReason) {
        guard connections[index].isOpen[side] else { return }
        transmit(.closed(.clientClosed), index, to: 1 - side)
        connections[index].isOpen[side] = false
    }

    private func arrive(_ index: Int, side: Int) {
        let parcel = connections[index].underWay[side].removeFirst()
        underWay -= 1
        guard connections[index].isOpen[side], isPresent(connections[index].ends[side]) else {
            // Nobody there: the kernel answers with a RST, unless the sender is gone as well.
            if case .closed = parcel { return }
            if connections[index].isOpen[1 - side] { transmit(.closed(.readError), index, to: 1 - side) }
            return
        }
        if case .closed = parcel { connections[index].isOpen[side] = false }
        switch connections[index].ends[side] {
        case .client(let client): receive(parcel, client: client)
        case .server(let server, _):
            let connection = ConnectionID(rawValue: Int32(index * 2 + side))
            switch parcel {
            case .accepted: feed(.accepted(connection, connections[index].port), to: server)
            case .operation(let operation): feed(.received(connection, operation), to: server)
            case .closed(let reason): feed(.closed(connection, reason), to: server)
            }
        }
    }

    private func isPresent(_ end: End) -> Bool {
        switch end {
        case .client: true
        case .server(let server, let incarnation):
            servers[server].process != nil && servers[server].incarnation == incarnation
        }
    }

    // MARK: Paths

    private func place(_ end: End) -> Int {
        switch end {
        case .server(let server, _): server
        case .client(let client): index(of: clients[client].spec.server)
        }
    }

    private func direction(_ index: Int, to side: Int) -> Direction {
        Direction(from: place(connections[index].ends[1 - side]), to: place(connections[index].ends[side]))
    }

    private func delay(_ index: Int, _ direction: Direction) -> SimDuration {
        if connections[index].port == .client { return Self.clientDelay }
        return delay(from: direction.from, to: direction.to)
    }

    private func delay(from: Int, to: Int) -> SimDuration {
        let (first, second) = (servers[from].spec.cluster, servers[to].spec.cluster)
        let match = topology.delays.first {
            ($0.between, $0.and) == (first, second) || ($0.between, $0.and) == (second, first)
        }
        return Self.localDelay + (match?.oneWay ?? .zero)
    }

    func cut(_ directions: [Direction]) { cuts.formUnion(directions) }

    /// Packets get through again: what was not acknowledged is sent once more.
    func heal(_ directions: [Direction]) {
        cuts.subtract(directions)
        for index in connections.indices {
            for side in 0...1 where !connections[index].held[side].isEmpty {
                let direction = self.direction(index, to: side)
                if cuts.contains(direction) { continue }
                let parcels = connections[index].held[side]
                connections[index].held[side] = []
                let delay = Self.retransmission + delay(index, direction)
                for parcel in parcels { enqueue(parcel, index, to: side, after: delay) }
            }
        }
    }

    // MARK: Time

    private func handle(_ event: WorldEvent) {
        switch event {
        case .arrival(let connection): arrive(Int(connection) / 2, side: Int(connection) % 2)
        case .timer(let server, let incarnation, let timer):
            let server = Int(server)
            guard servers[server].incarnation == Int(incarnation) else { return }
            servers[server].timers[TimerID(rawValue: timer)] = nil
            feed(.timerFired(TimerID(rawValue: timer)), to: server)
        case .dialArrives(let dial): dialArrives(Int(dial))
        case .dialAnswered(let dial, let succeeded): dialAnswered(Int(dial), succeeded: succeeded)
        }
    }

    /// Handles events until `isDone` or the time is over. Returns whether it is done.
    func run(atMost duration: SimDuration, until isDone: () -> Bool) throws -> Bool {
        let deadline = now + duration
        while !isDone() {
            guard let event = try calendar.popNext(notAfter: deadline) else {
                calendar.advance(to: deadline)
                return isDone()
            }
            handle(event)
        }
        return true
    }

    /// Nothing is under way and no server is about to bring a connection up.
    var isSettled: Bool {
        underWay == 0 && !servers.contains { $0.process?.isSettling ?? false }
    }

    /// Tells the servers that a connection that did not come up so far may do so now.
    func expectChange() {
        for index in servers.indices { servers[index].process?.markChange() }
    }
}

extension ListenPort {
    init(_ port: Endpoint.Port) {
        switch port {
        case .client: self = .client
        case .route: self = .route
        case .gateway: self = .gateway
        }
    }
}

extension Purpose {
    /// Jitter and the order of URLs at the servers of a routing case.
    static let routingServer = Purpose(rawValue: 576)
    /// The server that a connection to a node port gets to.
    static let routingNodePort = Purpose(rawValue: 577)
}
