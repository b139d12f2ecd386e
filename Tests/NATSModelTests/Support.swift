import EventKernel
import NATSModel
import Testing

/// SplitMix64 (Steele, Lea, Flood 2014), so that the tests' draws depend on no room of the program.
struct Splitmix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(UInt64(bound).multipliedFullWidth(by: next()).high) }
}

func connection(_ number: Int) -> ConnectionID { ConnectionID(rawValue: Int32(number)) }

extension Server {
    /// The operations that one input makes this server write.
    mutating func outputs(
        of operation: NATSModel.Operation, on number: Int, _ subjects: SubjectTable, at time: SimTime = .start
    ) -> [Output] {
        var found: [Output] = []
        receive(operation, on: connection(number), at: time, in: subjects, into: &found)
        return found
    }

    mutating func opened(_ number: Int, _ kind: ConnectionKind, _ peer: ServerIdentity? = nil) -> [Output] {
        var found: [Output] = []
        let other = ServerIdentity(name: "peer-\(number)", cluster: "peer")
        let peer = kind == .client ? nil : peer ?? other
        open(connection(number), kind: kind, peer: peer, into: &found)
        return found
    }

    mutating func closed(_ number: Int, _ subjects: SubjectTable) -> [Output] {
        var found: [Output] = []
        close(connection(number), in: subjects, into: &found)
        return found
    }
}

/// What one client got.
struct Arrival: Hashable, Comparable {
    var client: Int
    var sid: Int32
    var subject: SubjectID

    static func < (left: Arrival, right: Arrival) -> Bool {
        (left.client, left.sid, left.subject) < (right.client, right.sid, right.subject)
    }
}

func seconds(_ value: Double) -> SimTime { .start + .nanoseconds(Int64((value * 1e9).rounded())) }

/// Several servers whose connections deliver at once, in order: a super-cluster without delays.
struct SuperCluster {
    var subjects = SubjectTable()
    /// What servers added from now on get.
    var deviations: Deviation = []
    var version = ServerVersion.v2_9_10
    /// When operations arrive.
    var now = SimTime.start
    var servers: [Server] = []
    private var names: [String] = []
    /// The other end of each server-to-server connection: (server, connection).
    private var wires: [Int: [ConnectionID: (server: Int, connection: ConnectionID)]] = [:]
    private var clients: [Int: (server: Int, connection: ConnectionID)] = [:]
    private var clientOf: [ConnectionID: Int] = [:]
    private var nextConnection: Int32 = 0
    private(set) var arrivals: [Arrival] = []
    /// 503s by client.
    private(set) var unanswered: [Int] = []
    /// Messages that crossed from one cluster to another.
    private(set) var crossings = 0
    private var pending: [(server: Int, output: Output)] = []

    /// Two servers a (0, 1) and two b (2, 3), full meshes. a's gateways lead to 2, b's to 1.
    static func twoAndTwo(_ deviations: Deviation = []) -> SuperCluster {
        var world = SuperCluster()
        world.deviations = deviations
        for name in ["a-1", "a-2", "b-1", "b-2"] { _ = world.addServer(name, cluster: String(name.prefix(1))) }
        world.route(0, 1)
        world.route(2, 3)
        for server in [0, 1] { world.gateway(server, to: 2) }
        for server in [2, 3] { world.gateway(server, to: 1) }
        return world
    }

    mutating func addServer(_ name: String, cluster: String) -> Int {
        servers.append(Server(name: name, cluster: cluster, version: version))
        servers[servers.count - 1].deviations = deviations
        names.append(cluster)
        return servers.count - 1
    }

    private mutating func freshConnection() -> ConnectionID {
        nextConnection += 1
        return ConnectionID(rawValue: nextConnection)
    }

    mutating func route(_ first: Int, _ second: Int) {
        link(first, .route, second, .route)
    }

    /// The outbound gateway connection of `first`, accepted by `second`.
    mutating func gateway(_ first: Int, to second: Int) {
        link(first, .outboundGateway, second, .inboundGateway)
    }

    /// Closes all connections between two servers, at both ends.
    mutating func disconnect(_ first: Int, _ second: Int) {
        for (near, wire) in (wires[first] ?? [:]).sorted(by: { $0.key < $1.key }) where wire.server == second {
            wires[first]?[near] = nil
            wires[second]?[wire.connection] = nil
            var outputs: [Output] = []
            servers[first].close(near, in: subjects, into: &outputs)
            pending += outputs.map { (first, $0) }
            outputs = []
            servers[second].close(wire.connection, in: subjects, into: &outputs)
            pending += outputs.map { (second, $0) }
        }
        settle()
    }

    private mutating func link(_ first: Int, _ kind: ConnectionKind, _ second: Int, _ otherKind: ConnectionKind) {
        let near = freshConnection()
        let far = freshConnection()
        wires[first, default: [:]][near] = (second, far)
        wires[second, default: [:]][far] = (first, near)
        var outputs: [Output] = []
        servers[first].open(near, kind: kind, peer: servers[second].identity, into: &outputs)
        pending += outputs.map { (first, $0) }
        outputs = []
        servers[second].open(far, kind: otherKind, peer: servers[first].identity, into: &outputs)
        pending += outputs.map { (second, $0) }
        settle()
    }

    mutating func addClient(_ client: Int, at server: Int, options: ConnectOptions = ConnectOptions()) {
        let id = freshConnection()
        clients[client] = (server, id)
        clientOf[id] = client
        var outputs: [Output] = []
        servers[server].open(id, kind: .client, into: &outputs)
        send(.connect(options), from: client)
    }

    mutating func removeClient(_ client: Int) {
        guard let place = clients.removeValue(forKey: client) else { return }
        var outputs: [Output] = []
        servers[place.server].close(place.connection, in: subjects, into: &outputs)
        pending += outputs.map { (place.server, $0) }
        settle()
    }

    mutating func subscribe(_ client: Int, _ sid: Int32, _ pattern: String, queue: String? = nil) {
        let subject = subjects.intern(pattern)
        let group = queue.map { subjects.internQueue($0) }
        send(.subscribe(sid: sid, subject: subject, queue: group), from: client)
    }

    mutating func unsubscribe(_ client: Int, _ sid: Int32, maximum: Int32? = nil) {
        send(.unsubscribe(sid: sid, maximum: maximum), from: client)
    }

    /// Publishes and returns who got it, sorted.
    mutating func publish(_ client: Int, _ subject: String, reply: String? = nil, key: UInt64 = 1) -> [Arrival] {
        arrivals = []
        crossings = 0
        let id = subjects.intern(subject)
        let answer = reply.map { subjects.intern($0) }
        send(.publish(Publish(subject: id, reply: answer, size: 100, key: key)), from: client)
        return arrivals.sorted()
    }

    private mutating func send(_ operation: NATSModel.Operation, from client: Int) {
        guard let place = clients[client] else { return }
        var outputs: [Output] = []
        servers[place.server].receive(operation, on: place.connection, at: now, in: subjects, into: &outputs)
        pending += outputs.map { (place.server, $0) }
        settle()
    }

    private mutating func settle() {
        var index = 0
        while index < pending.count {
            guard index < 100_000 else {
                Issue.record("operations go round in circles")
                break
            }
            let (server, output) = pending[index]
            index += 1
            if let client = clientOf[output.connection] {
                switch output.operation {
                case .message(let message, let sid):
                    arrivals.append(Arrival(client: client, sid: sid, subject: message.subject))
                case .noResponders: unanswered.append(client)
                default: break
                }
                continue
            }
            guard let wire = wires[server]?[output.connection] else { continue }
            if case .routed = output.operation, names[wire.server] != names[server] { crossings += 1 }
            var outputs: [Output] = []
            servers[wire.server].receive(
                output.operation, on: wire.connection, at: now, in: subjects, into: &outputs)
            pending += outputs.map { (wire.server, $0) }
        }
        pending = []
    }
}

/// Pearson's statistic for counts that should be proportional to `weights`.
func chiSquare(_ counts: [Int], weights: [Double]) -> Double {
    let total = Double(counts.reduce(0, +))
    let sum = weights.reduce(0, +)
    var result = 0.0
    for (count, weight) in zip(counts, weights) {
        let expected = total * weight / sum
        result += (Double(count) - expected) * (Double(count) - expected) / expected
    }
    return result
}
