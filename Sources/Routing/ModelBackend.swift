public import EventKernel
public import NATSModel

/// A client connection of a case.
struct ClientState {
    struct Subscription {
        var label: String
        var subject: String
        var answers: Bool
        var answersWithReply: String?
    }

    var spec: ClientSpec
    /// Its end of the connection.
    var connection: ConnectionID
    var isOpen = true
    var subscriptions: [Int32: Subscription] = [:]
    var nextSid: Int32 = 1
    /// Messages published with a reply subject that no 503 has come back for, by reply subject, in order.
    var unanswered: [String: [MessageNumber]] = [:]
}

/// The model: every server of a case as the state machine of `NATSModel`, without real time.
public struct ModelBackend: ShadowModel {
    public let version: ServerVersion
    private let seed: UInt64
    private let deviations: Deviation
    private var world: ModelWorld?

    /// - Parameters:
    ///   - seed: decides jitter, the order of URLs and node ports; nothing that a case can rightly expect.
    ///   - deviations: rules that are deliberately wrong, for tests of the cases.
    public init(version: ServerVersion = .v2_9_10, seed: UInt64 = 1, deviations: Deviation = []) {
        self.version = version
        self.seed = seed
        self.deviations = deviations
    }

    public var name: String { "model of nats-server \(version)" }

    private func booted() -> ModelWorld {
        guard let world else { preconditionFailure("a back end is booted first") }
        return world
    }

    /// Throws `UnsettledError` for a configuration that a real server refuses as well.
    public mutating func boot(_ topology: Topology) throws {
        for server in topology.servers {
            if let problem = server.configuration.validate(version: version) {
                throw UnsettledError("\(server.name) does not start: \(problem)")
            }
        }
        let world = ModelWorld(topology, version: version, seed: seed, deviations: deviations)
        self.world = world
        for index in world.servers.indices where world.servers[index].spec.startsAtOnce {
            world.start(index)
            try wait(ModelWorld.launchTime)
        }
        try settle()
    }

    /// Throws `UnsettledError` where a client is not connected, its server does not run, or a server to start does.
    public mutating func perform(_ action: Action, message: MessageNumber) throws {
        let world = booted()
        switch action {
        case .connect(let spec): try world.connectClient(spec)
        case .disconnect(let client): try world.disconnectClient(client)
        case .subscribe(let subscription): try world.subscribe(subscription)
        case .unsubscribe(let client, let label, let maximum): try world.unsubscribe(client, label, maximum)
        case .publish(let publish): try world.publish(publish, first: message)
        case .kill(let server): world.kill(world.index(of: server))
        case .stop(let server): world.feed(.stop, to: world.index(of: server))
        case .lameDuck(let server): world.feed(.lameDuck, to: world.index(of: server))
        case .start(let server):
            let index = world.index(of: server)
            // One that was told to leave may still be there.
            if world.servers[index].process != nil { throw UnsettledError("server \(server) is running") }
            world.start(index)
        case .cut(let from, let to, let bothWays): world.cut(world.directions(from, to, bothWays))
        case .heal(let from, let to, let bothWays): world.heal(world.directions(from, to, bothWays))
        }
        if action.changesServers { world.expectChange() }
    }

    /// Lets model time pass until nothing is under way any more.
    public mutating func settle() throws {
        let world = booted()
        if try !world.run(atMost: ModelWorld.settleLimit, until: { world.isSettled }) {
            throw UnsettledError("the model did not come to rest within \(ModelWorld.settleLimit.seconds) s")
        }
    }

    /// Lets model time pass.
    public mutating func wait(_ duration: SimDuration) throws {
        _ = try booted().run(atMost: duration, until: { false })
    }

    /// Lets model time pass until the check holds.
    public mutating func hold(_ check: StateCheck, within: SimDuration) throws -> [StateDifference] {
        let world = booted()
        if try world.run(atMost: within, until: { check.differences(from: world.views).isEmpty }) { return [] }
        return check.differences(from: world.views)
    }

    /// In the order of arrival, over all clients.
    public mutating func takeReceptions() throws -> [Reception] {
        let world = booted()
        defer { world.receptions = [] }
        return world.receptions
    }

    /// Counted as servers write them.
    public mutating func takeCrossings() throws -> Int {
        let world = booted()
        defer { world.crossings = 0 }
        return world.crossings
    }

    /// Forgets everything.
    public mutating func shutDown() { world = nil }

    /// What monitoring would show, by name in the case.
    public func views() -> [String: ServerView] { booted().views }

    /// The model's clock; it starts with the boot.
    public var now: SimTime { world?.now ?? .start }
}

extension Action {
    /// Whether servers may connect anew after it.
    var changesServers: Bool {
        switch self {
        case .kill, .stop, .start, .heal, .cut, .lameDuck: true
        case .connect, .disconnect, .subscribe, .unsubscribe, .publish: false
        }
    }
}

extension StateCheck {
    /// What the servers lack, in the order of their names.
    public func differences(from views: [String: ServerView]) -> [StateDifference] {
        var found: [StateDifference] = []
        func compare(_ server: String, _ what: String, _ expected: String, _ seen: String?) {
            let seen = seen ?? "not running"
            if seen != expected {
                found.append(StateDifference(server: server, what: what, expected: expected, seen: seen))
            }
        }
        for (server, clusters) in gateways.sorted(by: { $0.key < $1.key }) {
            compare(server, "gateways", list(clusters), views[server].map { list($0.outbound.keys.sorted()) })
        }
        for (server, peers) in routes.sorted(by: { $0.key < $1.key }) {
            compare(server, "routes", list(peers), views[server].map { list($0.routes) })
        }
        for (server, count) in inbound.sorted(by: { $0.key < $1.key }) {
            compare(server, "inbound", "\(count)", views[server].map { "\($0.inbound.values.reduce(0, +))" })
        }
        return found
    }

    private func list(_ names: [String]) -> String { "[\(names.joined(separator: ", "))]" }
}
