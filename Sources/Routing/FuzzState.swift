/// Which clients and subscriptions of one program exist, by plain bookkeeping: what the generator, the check of a
/// batch and the expected deliveries stand on.
struct FuzzState: Hashable, Sendable {
    struct Subscription: Hashable, Sendable {
        var client: String
        var label: String
        var pattern: [Substring]
        var queue: String?
        var answers: Bool
        /// How many messages it gets before it ends by itself.
        var maximum: Int?
        var delivered = 0
        /// Whether `delivered` is the same in every correct run.
        var isCountCertain = true

        var receiver: FuzzReceiver { FuzzReceiver(client: client, label: label) }
        /// The copies that it still takes.
        var remaining: Int { maximum.map { max(0, $0 - delivered) } ?? Int.max }

        func matches(_ words: [Substring]) -> Bool { FuzzSubject.matches(pattern, words) }
    }

    /// Servers that run, sorted.
    var servers: [String]
    /// Connected clients in the order of connecting.
    var clients: [ClientSpec]
    /// In the order of subscribing.
    var subscriptions: [Subscription] = []
    /// Names and labels that are or were in use.
    private(set) var usedNames: Set<String>

    init(_ topology: Topology, clients: [ClientSpec]) {
        servers = topology.servers.filter(\.startsAtOnce).map(\.name).sorted()
        self.clients = clients
        usedNames = Set(clients.map(\.name))
    }

    func client(_ name: String) -> ClientSpec? { clients.first { $0.name == name } }

    func matching(_ words: [Substring]) -> [Subscription] { subscriptions.filter { $0.matches(words) } }

    /// Why an action cannot be performed now; `nil` if it can.
    func problem(_ action: Action, _ topology: Topology) -> String? {
        switch action {
        case .connect(let spec):
            if usedNames.contains(spec.name) { return "the name \(spec.name) was used" }
            return servers.contains(spec.server) ? nil : "\(spec.server) does not run"
        case .disconnect(let name): return client(name) == nil ? "\(name) is not connected" : nil
        case .subscribe(let subscribe):
            if client(subscribe.client) == nil { return "\(subscribe.client) is not connected" }
            let name = "\(subscribe.client)/\(subscribe.label)"
            return usedNames.contains(name) ? "the label \(name) was used" : nil
        case .unsubscribe(let name, let label, let maximum):
            guard let known = subscriptions.first(where: { $0.client == name && $0.label == label }) else {
                return "\(name) has no subscription \(label)"
            }
            if known.maximum != nil { return "\(name)/\(label) may have ended by itself" }
            let isVague = maximum != nil && !(known.isCountCertain && known.queue == nil)
            return isVague ? "how many messages \(name)/\(label) got is left to chance" : nil
        case .publish(let publish): return client(publish.client) == nil ? "\(publish.client) is not connected" : nil
        case .kill(let server), .stop(let server):
            return servers.contains(server) ? nil : "\(server) does not run"
        case .start(let server):
            if topology.server(server) == nil { return "there is no server \(server)" }
            return servers.contains(server) ? "\(server) runs" : nil
        case .lameDuck, .cut, .heal: return "not part of random programs"
        }
    }

    /// Performs an action that has no problem; publishing changes nothing here.
    mutating func apply(_ action: Action) {
        switch action {
        case .connect(let spec):
            clients.append(spec)
            usedNames.insert(spec.name)
        case .disconnect(let name): remove(clientsWhere: { $0.name == name })
        case .subscribe(let subscribe):
            usedNames.insert("\(subscribe.client)/\(subscribe.label)")
            subscriptions.append(
                Subscription(
                    client: subscribe.client, label: subscribe.label, pattern: FuzzSubject.tokens(subscribe.subject),
                    queue: subscribe.queue, answers: subscribe.answers, maximum: subscribe.maximum))
        case .unsubscribe(let name, let label, let maximum):
            guard let place = subscriptions.firstIndex(where: { $0.client == name && $0.label == label }) else {
                return
            }
            if let maximum {
                subscriptions[place].maximum = maximum
                removeSpent()
            } else {
                subscriptions.remove(at: place)
            }
        case .kill(let server), .stop(let server):
            servers.removeAll { $0 == server }
            remove(clientsWhere: { $0.server == server })
        case .start(let server): servers = (servers + [server]).sorted()
        case .publish, .lameDuck, .cut, .heal: break
        }
    }

    private mutating func remove(clientsWhere isGone: (ClientSpec) -> Bool) {
        let gone = clients.filter(isGone).map(\.name)
        clients.removeAll { gone.contains($0.name) }
        subscriptions.removeAll { gone.contains($0.client) }
    }

    /// Ends the subscriptions that had all their messages.
    mutating func removeSpent() { subscriptions.removeAll { $0.isCountCertain && $0.remaining == 0 } }
}

/// A subscription of a client, by name.
public struct FuzzReceiver: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Whose it is.
    public var client: String
    /// The label of the subscription.
    public var label: String

    public init(client: String, label: String) {
        self.client = client
        self.label = label
    }

    public var description: String { "\(client)/\(label)" }

    public static func < (left: FuzzReceiver, right: FuzzReceiver) -> Bool {
        (left.client, left.label) < (right.client, right.label)
    }
}

/// Subjects by the words of the protocol's documentation, independent of the model's tables.
enum FuzzSubject {
    static func tokens(_ subject: String) -> [Substring] {
        subject.split(separator: ".", omittingEmptySubsequences: false)
    }

    /// Whether a subscription gets messages of a subject, both as tokens. A subject with an empty token reaches
    /// nobody.
    static func matches(_ pattern: [Substring], _ words: [Substring]) -> Bool {
        if words.contains("") { return false }
        for (place, token) in pattern.enumerated() {
            if token == ">" { return place < words.count }
            if place >= words.count || (token != "*" && token != words[place]) { return false }
        }
        return pattern.count == words.count
    }
}
