import Scenario

/// Why something cannot happen at a point of a case.
struct CaseProblem: Error, Hashable, CustomStringConvertible {
    var message: String
    /// The nearest name that would have been right.
    var suggestion: String?

    init(_ message: String, suggestion: String? = nil) {
        self.message = message
        self.suggestion = suggestion
    }

    var description: String { message + (suggestion.map { " (did you mean \"\($0)\"?)" } ?? "") }
}

/// What exists at a point of a case: servers that run, clients that are connected, their subscriptions.
///
/// Actions are applied in the order of the case; one that cannot happen is refused with the reason. A server in
/// lame duck mode may keep its clients for a while, so they stay usable until they disconnect.
struct CaseProgress: Sendable {
    private enum ServerState: Hashable {
        case notStarted, running, lameDuck
        /// With the word for how it ended: `killed`, `stopped`.
        case ended(String)
    }

    private enum ClientState: Hashable {
        case connected(server: String)
        case lost(server: String, how: String)
        case left
    }

    private struct Client {
        var name: String
        var state: ClientState
        var takesHeaders: Bool
        /// Labels of subscriptions that have not been ended.
        var open: [String] = []
        /// All labels that it ever had.
        var all: [String] = []
    }

    private let topology: Topology
    private var servers: [ServerState]
    private var clients: [Client] = []
    private var actions = 0
    private var messages = 0

    init(_ topology: Topology) {
        self.topology = topology
        servers = topology.servers.map { $0.startsAtOnce ? .running : .notStarted }
    }

    /// Names of all clients so far, in the order of their first connection.
    var clientNames: [String] { clients.map(\.name) }

    /// Whether the server can be looked at now.
    func isRunning(server: String) -> Bool {
        topology.servers.firstIndex { $0.name == server }.map { servers[$0] == .running || servers[$0] == .lameDuck }
            ?? false
    }

    /// Notes what an action changes.
    ///
    /// - Throws: `CaseProblem` if it cannot happen now; then nothing has changed.
    mutating func apply(_ action: Action) throws(CaseProblem) {
        guard actions < CaseTables.maximumActions else {
            throw CaseProblem("a case has at most \(CaseTables.maximumActions) actions")
        }
        switch action {
        case .connect(let spec): try connect(spec)
        case .disconnect(let client):
            let index = try connected(client)
            clients[index].state = .left
            clients[index].open = []
        case .subscribe(let subscribe): try add(subscribe)
        case .unsubscribe(let client, let label, let maximum): try end(label, of: client, maximum)
        case .publish(let publish): try add(publish)
        case .kill(let server): try end(server, how: "killed")
        case .stop(let server): try end(server, how: "stopped")
        case .lameDuck(let server): servers[try running(server)] = .lameDuck
        case .start(let server): try start(server)
        case .cut(let from, let to, _), .heal(let from, let to, _): try checkPlaces(from, to)
        }
        actions += 1
    }

    /// Checks a receiver of an expectation: a client, or `client/label`.
    func checkReceiver(_ receiver: String) throws(CaseProblem) {
        let parts = receiver.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let client = clients[try index(of: parts[0])]
        guard parts.count == 2, !client.all.contains(parts[1]) else { return }
        throw CaseProblem(
            "client \(quoted(client.name)) has had no subscription \(quoted(parts[1])) so far",
            suggestion: Nearest.match(parts[1], among: client.all).map { client.name + "/" + $0 })
    }

    /// Checks that a server exists and runs.
    func checkRunning(_ server: String) throws(CaseProblem) { _ = try running(server) }
}

extension CaseProgress {
    private func index(of client: String) throws(CaseProblem) -> Int {
        if let index = clients.firstIndex(where: { $0.name == client }) { return index }
        throw CaseProblem(
            "no client \(quoted(client)) has connected so far",
            suggestion: Nearest.match(client, among: clients.map(\.name)))
    }

    private func connected(_ client: String) throws(CaseProblem) -> Int {
        let index = try index(of: client)
        switch clients[index].state {
        case .connected: return index
        case .lost(let server, let how):
            throw CaseProblem(
                "client \(quoted(client)) lost its connection when \(server) was \(how); connect it again first")
        case .left: throw CaseProblem("client \(quoted(client)) has disconnected; connect it again first")
        }
    }

    private func serverIndex(_ server: String) throws(CaseProblem) -> Int {
        if let index = topology.servers.firstIndex(where: { $0.name == server }) { return index }
        throw CaseProblem(
            "no server \(quoted(server))", suggestion: Nearest.match(server, among: topology.servers.map(\.name)))
    }

    private func running(_ server: String) throws(CaseProblem) -> Int {
        let index = try serverIndex(server)
        switch servers[index] {
        case .running, .lameDuck: return index
        case .notStarted: throw CaseProblem("server \(quoted(server)) has not been started yet")
        case .ended(let how): throw CaseProblem("server \(quoted(server)) was \(how) and has not been started again")
        }
    }

    private mutating func connect(_ spec: ClientSpec) throws(CaseProblem) {
        _ = try running(spec.server)
        if let index = clients.firstIndex(where: { $0.name == spec.name }) {
            if case .connected(let server) = clients[index].state {
                throw CaseProblem("client \(quoted(spec.name)) is connected to \(server) already; disconnect it first")
            }
            clients[index].state = .connected(server: spec.server)
            clients[index].takesHeaders = spec.headers
            return
        }
        guard clients.count < CaseTables.maximumClients else {
            throw CaseProblem("a case has at most \(CaseTables.maximumClients) clients")
        }
        clients.append(
            Client(name: spec.name, state: .connected(server: spec.server), takesHeaders: spec.headers))
    }

    private mutating func add(_ subscribe: Subscribe) throws(CaseProblem) {
        let index = try connected(subscribe.client)
        guard subscribe.label != "inbox" else {
            throw CaseProblem("the label \"inbox\" is that of a request's own subscription; give another with `as`")
        }
        guard !clients[index].open.contains(subscribe.label) else {
            throw CaseProblem(
                "client \(quoted(subscribe.client)) has a subscription \(quoted(subscribe.label)) already; "
                    + "give another label with `as`")
        }
        clients[index].open.append(subscribe.label)
        if !clients[index].all.contains(subscribe.label) { clients[index].all.append(subscribe.label) }
    }

    private mutating func end(_ label: String, of client: String, _ maximum: Int?) throws(CaseProblem) {
        let index = try connected(client)
        guard let place = clients[index].open.firstIndex(of: label) else {
            throw CaseProblem(
                "client \(quoted(client)) has no subscription \(quoted(label))",
                suggestion: Nearest.match(label, among: clients[index].open))
        }
        // With a maximum nobody but the server knows when it ends, so its label is not free.
        if maximum == nil { clients[index].open.remove(at: place) }
    }

    private mutating func add(_ publish: PublishAction) throws(CaseProblem) {
        let index = try connected(publish.client)
        // A server ends the connection of a client that does.
        if publish.hasHeaders && !clients[index].takesHeaders {
            throw CaseProblem("client \(quoted(publish.client)) connects without headers and cannot send any")
        }
        guard messages + publish.times <= CaseTables.maximumMessages else {
            throw CaseProblem("a case publishes at most \(CaseTables.maximumMessages) messages")
        }
        messages += publish.times
    }

    private mutating func end(_ server: String, how: String) throws(CaseProblem) {
        servers[try running(server)] = .ended(how)
        loseClients(of: server, how: how)
    }

    private mutating func loseClients(of server: String, how: String) {
        for index in clients.indices where clients[index].state == .connected(server: server) {
            clients[index].state = .lost(server: server, how: how)
            clients[index].open = []
        }
    }

    private mutating func start(_ server: String) throws(CaseProblem) {
        let index = try serverIndex(server)
        if servers[index] == .running { throw CaseProblem("server \(quoted(server)) is running already") }
        // A lame duck is started again once it has left; whoever had stayed on it is cut off by then.
        if servers[index] == .lameDuck { loseClients(of: server, how: "started again") }
        servers[index] = .running
    }

    private func checkPlaces(_ first: String, _ second: String) throws(CaseProblem) {
        let clusters = topology.clusters
        let servers = topology.servers.map(\.name)
        for place in [first, second] where !clusters.contains(place) && !servers.contains(place) {
            throw CaseProblem(
                "no cluster or server \(quoted(place))", suggestion: Nearest.match(place, among: clusters + servers))
        }
        if first == second { throw CaseProblem("expected two different places, found \(quoted(first)) twice") }
        if clusters.contains(first) != clusters.contains(second) {
            throw CaseProblem("expected two clusters or two servers, found one of each")
        }
    }
}
