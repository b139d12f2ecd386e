import EventKernel
import NATSModel
import RandomVariates
import Routing
import Testing

/// A back end that delivers by set arithmetic, at once: a healthy super-cluster in which nothing takes time.
struct StandIn: RoutingBackend {
    /// Faults that a test plants.
    enum Quirk {
        case none
        /// A member that leaves its queue group takes the whole group with it.
        case groupEndsWithMember
        /// The first member of a group gets every message.
        case firstMember
        /// Another cluster serves groups if it can.
        case farCluster
    }

    private struct Subscription {
        var client: ClientSpec
        var made: Subscribe
        var count = 0
        var maximum: Int?
    }

    let name = "stand-in"
    let version = ServerVersion.v2_9_10
    private let quirk: Quirk
    private var random: RandomStream
    private var topology = Topology(servers: [])
    private var running: Set<String> = []
    private var clients: [String: ClientSpec] = [:]
    private var subscriptions: [Subscription] = []
    private var received: [Reception] = []
    private(set) var isShutDown = false

    init(seed: UInt64, quirk: Quirk = .none) {
        self.quirk = quirk
        random = RandomStream(seed: seed, purpose: Purpose(rawValue: 0xFFFF_0700), replication: 0, entity: 0)
    }

    mutating func boot(_ topology: Topology) {
        self.topology = topology
        running = Set(topology.servers.filter(\.startsAtOnce).map(\.name))
    }

    mutating func perform(_ action: Action, message: MessageNumber) {
        switch action {
        case .connect(let client):
            precondition(running.contains(client.server), "\(client.name) connects to a running server")
            clients[client.name] = client
        case .disconnect(let client): drop { $0.name == client }
        case .subscribe(let made):
            subscriptions.append(Subscription(client: clients[made.client]!, made: made, maximum: made.maximum))
        case .unsubscribe(let client, let label, let maximum): unsubscribe(client, label, maximum)
        case .publish(let publish):
            for number in 0..<publish.times { send(publish, MessageNumber(rawValue: message.rawValue + number)) }
        case .kill(let server), .stop(let server):
            precondition(running.remove(server) != nil, "\(server) ran")
            drop { $0.server == server }
        case .start(let server): precondition(running.insert(server).inserted, "\(server) did not run")
        case .lameDuck, .cut, .heal: preconditionFailure("not part of random programs")
        }
    }

    func settle() {}
    func wait(_ duration: SimDuration) {}
    func hold(_ check: StateCheck, within: SimDuration) -> [StateDifference] { [] }
    func takeCrossings() -> Int { 0 }
    mutating func shutDown() { isShutDown = true }

    mutating func takeReceptions() -> [Reception] {
        defer { received = [] }
        return received
    }

    private mutating func drop(_ isGone: (ClientSpec) -> Bool) {
        clients = clients.filter { !isGone($0.value) }
        subscriptions.removeAll { isGone($0.client) }
    }

    private mutating func unsubscribe(_ client: String, _ label: String, _ maximum: Int?) {
        // A planted fault may have ended it before.
        let known = subscriptions.firstIndex { $0.client.name == client && $0.made.label == label }
        guard let place = known else { return }
        if let maximum, maximum > subscriptions[place].count {
            subscriptions[place].maximum = maximum
            return
        }
        let gone = subscriptions.remove(at: place)
        guard quirk == .groupEndsWithMember, let queue = gone.made.queue else { return }
        subscriptions.removeAll { $0.made.queue == queue && $0.made.subject == gone.made.subject }
    }

    private static func matches(_ pattern: ArraySlice<Substring>, _ subject: ArraySlice<Substring>) -> Bool {
        guard let token = pattern.first else { return subject.isEmpty }
        guard let word = subject.first, word != "" else { return false }
        if token == ">" { return !subject.contains("") }
        return (token == "*" || token == word) && matches(pattern.dropFirst(), subject.dropFirst())
    }

    private func cluster(_ client: ClientSpec) -> String { topology.server(client.server)!.cluster }

    /// Delivers to all plain subscriptions and one member of each group; returns who answers.
    private mutating func deliver(
        _ subject: String, from publisher: ClientSpec, _ make: (Subscription) -> Reception
    ) -> (copies: Int, responders: [ClientSpec]) {
        let words = subject.split(separator: ".", omittingEmptySubsequences: false)[...]
        let open = subscriptions.indices.filter { place in
            let pattern = subscriptions[place].made.subject.split(separator: ".")[...]
            let isOwn = subscriptions[place].client.name == publisher.name
            return Self.matches(pattern, words) && (publisher.echo || !isOwn)
        }
        var chosen = open.filter { subscriptions[$0].made.queue == nil }
        for queue in Set(open.compactMap { subscriptions[$0].made.queue }).sorted() {
            let members = open.filter { subscriptions[$0].made.queue == queue }
            let home = cluster(publisher)
            let wanted = members.filter { (cluster(subscriptions[$0].client) == home) != (quirk == .farCluster) }
            let near = wanted.isEmpty ? members : wanted
            let nearest = cluster(subscriptions[near[0]].client)
            let serving = near.filter { cluster(subscriptions[$0].client) == nearest }
            chosen.append(serving[quirk == .firstMember ? 0 : random.integer(below: serving.count)])
        }
        var responders: [ClientSpec] = []
        for place in chosen {
            received.append(make(subscriptions[place]))
            subscriptions[place].count += 1
            if subscriptions[place].made.answers { responders.append(subscriptions[place].client) }
        }
        subscriptions.removeAll { $0.maximum.map { [count = $0.count] in count >= $0 } ?? false }
        return (chosen.count, responders)
    }

    private mutating func send(_ publish: PublishAction, _ number: MessageNumber) {
        let publisher = clients[publish.client]!
        let reply = publish.isRequest ? "_INBOX.\(number.rawValue)" : publish.reply
        let (copies, responders) = deliver(publish.subject, from: publisher) { subscription in
            Reception(
                client: subscription.client.name, label: subscription.made.label, subject: publish.subject,
                reply: reply, hasHeaders: publish.hasHeaders && subscription.client.headers,
                content: .message(number))
        }
        guard let reply else { return }
        if publish.isRequest && copies == 0 && publisher.headers && publisher.noResponders {
            received.append(
                Reception(
                    client: publisher.name, label: "inbox", subject: reply, hasHeaders: true,
                    content: .noResponders(number)))
        }
        for responder in responders {
            let answer = Reception.Content.answer(to: number, responder: responder.name)
            if publish.isRequest {
                received.append(
                    Reception(client: publisher.name, label: "inbox", subject: reply, content: answer))
            } else {
                _ = deliver(reply, from: responder) { subscription in
                    Reception(
                        client: subscription.client.name, label: subscription.made.label, subject: reply,
                        content: answer)
                }
            }
        }
    }
}

@Test func theStandInDeliversToPlainSubscriptionsAndOneMemberOfAGroup() throws {
    var backend = StandIn(seed: 1)
    backend.boot(Topology(servers: [ServerSpec(name: "a", cluster: "c")]))
    backend.perform(.connect(ClientSpec(name: "x", server: "a")), message: MessageNumber(rawValue: 0))
    for (label, queue) in [("plain", nil), ("one", "q"), ("two", "q")] {
        let subscribe = Subscribe(client: "x", subject: "s.*", queue: queue, label: label)
        backend.perform(.subscribe(subscribe), message: MessageNumber(rawValue: 0))
    }
    let publish = PublishAction(client: "x", subject: "s.t")
    backend.perform(.publish(publish), message: MessageNumber(rawValue: 0))
    let labels = backend.takeReceptions().map(\.label)
    #expect(labels.count == 2)
    #expect(labels.first == "plain")
    #expect(labels.last == "one" || labels.last == "two")
}
