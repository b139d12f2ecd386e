import EventKernel
import NATSModel
import Testing

/// A few server processes on a network with one fixed delay: a queue of things that arrive at a time.
struct ProcessNetwork {
    /// What a URL leads to.
    struct Place {
        var server: String
        var port: ListenPort
    }

    private enum Event {
        case input(server: String, life: Int, ProcessInput)
        /// A SYN at the listener.
        case knock(dialler: String, life: Int, DialID, Place?)
        case operation(server: String, life: Int, ConnectionID, NATSModel.Operation)
        case closing(server: String, life: Int, ConnectionID)
        case timer(server: String, life: Int, TimerID, generation: Int)
    }

    private struct Scheduled {
        var time: SimTime
        var order: Int
        var event: Event
    }

    private struct Wire {
        var server: String
        var life: Int
        var connection: ConnectionID
    }

    private struct End: Hashable {
        var server: String
        var life: Int
        var connection: ConnectionID
    }

    private struct TimerKey: Hashable {
        var server: String
        var life: Int
        var timer: TimerID
    }

    var subjects = SubjectTable()
    var delay = SimDuration.milliseconds(1)
    /// Between pairs of servers, sorted, that differ from the rest.
    var delays: [[String]: SimDuration] = [:]
    var version = ServerVersion.v2_9_10
    private(set) var now = SimTime.start
    private(set) var processes: [String: ServerProcess] = [:]
    /// By server, with times.
    private(set) var logs: [String: [(time: SimTime, line: String)]] = [:]
    private(set) var exited: Set<String> = []
    /// What clients were sent, by the client's name.
    private(set) var received: [String: [NATSModel.Operation]] = [:]
    /// Clients that a server closed.
    private(set) var droppedClients: [String] = []
    /// TCP connects that were asked for.
    private(set) var dialled: [String] = []
    /// URLs that do not name a server and port, by what they lead to.
    var aliases: [String: Place] = [:]
    /// Pairs of servers, sorted, between which connects get no answer.
    var blackHoles: Set<[String]> = []

    private var configurations: [String: ServerConfiguration] = [:]
    private var lives: [String: Int] = [:]
    private var wires: [End: Wire] = [:]
    private var clients: [String: Wire] = [:]
    private var clientNames: [End: String] = [:]
    private var generations: [TimerKey: Int] = [:]
    private var events: [Scheduled] = []
    private var order = 0
    private var lastConnection: Int32 = 0
    private var random = Splitmix(state: 7)

    // MARK: Servers

    mutating func start(_ configuration: ServerConfiguration) {
        let key = configuration.routeURL.split(separator: "/")[0]
        boot(String(key), configuration)
    }

    /// Starts again a server that was killed or stopped.
    mutating func restart(_ server: String) {
        guard let configuration = configurations[server] else { return }
        boot(server, configuration)
    }

    private mutating func boot(_ server: String, _ configuration: ServerConfiguration) {
        configurations[server] = configuration
        lives[server, default: 0] += 1
        exited.remove(server)
        processes[server] = ServerProcess(configuration, version: version)
        feed(.start, to: server)
    }

    /// Drops a process; its kernel closes its connections.
    mutating func kill(_ server: String) {
        processes[server] = nil
        let life = lives[server, default: 0]
        for (end, wire) in wires.filter({ $0.key.server == server && $0.key.life == life })
            .sorted(by: { $0.key.connection < $1.key.connection })
        {
            wires[end] = nil
            post(
                .closing(server: wire.server, life: wire.life, wire.connection), after: pause(server, wire.server))
        }
    }

    mutating func feed(_ input: ProcessInput, to server: String) {
        guard processes[server] != nil else { return }
        var outputs: [ProcessOutput] = []
        var random = random
        processes[server]?.handle(input, at: now, in: subjects, draw: { random.next() }, into: &outputs)
        self.random = random
        for output in outputs { perform(output, server) }
    }

    private mutating func perform(_ output: ProcessOutput, _ server: String) {
        let life = lives[server, default: 0]
        switch output {
        case .dial(let dial, let url):
            dialled.append("\(server) \(url)")
            let place = place(url)
            post(.knock(dialler: server, life: life, dial, place), after: pause(server, place?.server ?? server))
        case .abandonDial: break
        case .send(let connection, let operation):
            let end = End(server: server, life: life, connection: connection)
            if let client = clientNames[end] {
                received[client, default: []].append(operation)
            } else if let wire = wires[end] {
                post(
                    .operation(server: wire.server, life: wire.life, wire.connection, operation),
                    after: pause(server, wire.server))
            }
        case .close(let connection, _):
            let end = End(server: server, life: life, connection: connection)
            if let client = clientNames.removeValue(forKey: end) {
                clients[client] = nil
                droppedClients.append(client)
            }
            guard let wire = wires.removeValue(forKey: end) else { return }
            post(
                .closing(server: wire.server, life: wire.life, wire.connection), after: pause(server, wire.server))
        case .arm(let timer, let pause):
            let key = TimerKey(server: server, life: life, timer: timer)
            generations[key, default: 0] += 1
            post(.timer(server: server, life: life, timer, generation: generations[key, default: 0]), after: pause)
        case .disarm(let timer):
            generations[TimerKey(server: server, life: life, timer: timer), default: 0] += 1
        case .log(let line): logs[server, default: []].append((now, line))
        case .exited:
            exited.insert(server)
            kill(server)
        }
    }

    private func place(_ url: String) -> Place? {
        if let alias = aliases[url] { return alias }
        let parts = url.split(separator: "/").map(String.init)
        guard parts.count == 2 else { return nil }
        let port: ListenPort? =
            switch parts[1] {
            case "client": .client
            case "route": .route
            case "gateway": .gateway
            default: nil
            }
        return port.map { Place(server: parts[0], port: $0) }
    }

    // MARK: Clients

    /// Connects a client to a port of a server, with CONNECT and PING as clients send them.
    mutating func connect(_ client: String, to server: String, port: ListenPort = .client) {
        lastConnection += 1
        let connection = ConnectionID(rawValue: lastConnection)
        let life = lives[server, default: 0]
        clients[client] = Wire(server: server, life: life, connection: connection)
        clientNames[End(server: server, life: life, connection: connection)] = client
        feed(.accepted(connection, port), to: server)
        send(.connect(ConnectOptions()), from: client)
        send(.ping, from: client)
    }

    mutating func send(_ operation: NATSModel.Operation, from client: String) {
        guard let wire = clients[client] else { return }
        feed(.received(wire.connection, operation), to: wire.server)
    }

    mutating func subscribe(_ client: String, _ subject: String, queue: String? = nil, sid: Int32 = 1) {
        let group = queue.map { subjects.internQueue($0) }
        send(.subscribe(sid: sid, subject: subjects.intern(subject), queue: group), from: client)
    }

    mutating func publish(_ client: String, _ subject: String) {
        send(.publish(Publish(subject: subjects.intern(subject), key: 1)), from: client)
    }

    /// How many messages a client got.
    func messages(_ client: String) -> Int {
        received[client, default: []].count { if case .message = $0 { true } else { false } }
    }

    mutating func disconnect(_ client: String) {
        guard let wire = clients.removeValue(forKey: client) else { return }
        clientNames[End(server: wire.server, life: wire.life, connection: wire.connection)] = nil
        feed(.closed(wire.connection, .clientClosed), to: wire.server)
    }

    // MARK: Time

    private func pause(_ first: String, _ second: String) -> SimDuration {
        delays[[first, second].sorted()] ?? delay
    }

    private mutating func post(_ event: Event, after pause: SimDuration) {
        order += 1
        let entry = Scheduled(time: now + pause, order: order, event: event)
        events.insert(entry, at: events.firstIndex { $0.time > entry.time } ?? events.endIndex)
    }

    mutating func run(_ span: SimDuration) {
        let end = now + span
        var steps = 0
        while let next = events.first, next.time <= end {
            events.removeFirst()
            now = next.time
            deliver(next.event)
            steps += 1
            guard steps < 200_000 else {
                Issue.record("the network does not come to rest")
                return
            }
        }
        now = end
    }

    private func isAlive(_ server: String, _ life: Int) -> Bool {
        processes[server] != nil && lives[server] == life
    }

    private mutating func deliver(_ event: Event) {
        switch event {
        case .input(let server, let life, let input):
            if isAlive(server, life) { feed(input, to: server) }
        case .knock(let dialler, let life, let dial, let place): answer(dialler, life, dial, place)
        case .operation(let server, let life, let connection, let operation):
            let end = End(server: server, life: life, connection: connection)
            if isAlive(server, life), wires[end] != nil { feed(.received(connection, operation), to: server) }
        case .closing(let server, let life, let connection):
            let end = End(server: server, life: life, connection: connection)
            guard wires.removeValue(forKey: end) != nil, isAlive(server, life) else { return }
            feed(.closed(connection, .clientClosed), to: server)
        case .timer(let server, let life, let timer, let generation):
            let key = TimerKey(server: server, life: life, timer: timer)
            if isAlive(server, life), generations[key] == generation { feed(.timerFired(timer), to: server) }
        }
    }

    /// The SYN's answer reaches the dialler one delay later; the acceptor has the connection after another.
    private mutating func answer(_ dialler: String, _ life: Int, _ dial: DialID, _ place: Place?) {
        if let place, blackHoles.contains([dialler, place.server].sorted()) { return }
        guard let place, processes[place.server]?.isListening(on: place.port) == true else {
            return post(.input(server: dialler, life: life, .dialFailed(dial, .refused)), after: delay)
        }
        lastConnection += 2
        let near = ConnectionID(rawValue: lastConnection - 1)
        let far = ConnectionID(rawValue: lastConnection)
        let farLife = lives[place.server, default: 0]
        wires[End(server: dialler, life: life, connection: near)] = Wire(
            server: place.server, life: farLife, connection: far)
        wires[End(server: place.server, life: farLife, connection: far)] = Wire(
            server: dialler, life: life, connection: near)
        let pause = pause(dialler, place.server)
        post(.input(server: dialler, life: life, .dialSucceeded(dial, near)), after: pause)
        post(.input(server: place.server, life: farLife, .accepted(far, place.port)), after: pause * 2)
    }

    // MARK: What is to be seen

    /// `peer name` of the outbound gateway connections of a server, by remote.
    func outbound(_ server: String) -> [String: String] {
        processes[server]?.outboundGateways.mapValues { $0.peer } ?? [:]
    }

    func inbound(_ server: String) -> [String: Int] { processes[server]?.inboundGateways ?? [:] }

    func routes(_ server: String) -> [String] { processes[server]?.routePeers ?? [] }

    func lines(_ server: String) -> [String] { logs[server, default: []].map { $0.line } }

    /// Something is under way, in a process or between two of them.
    var isSettling: Bool {
        processes.values.contains { $0.isSettling }
            || events.contains { if case .timer = $0.event { false } else { true } }
    }

    mutating func markChange() {
        for name in processes.keys { processes[name]?.markChange() }
    }
}
