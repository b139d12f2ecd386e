/// One message of a program. Messages of a program are numbered from 0 in the order of publishing.
struct FuzzMessage: Hashable, Sendable {
    var number: Int
    var publisher: ClientSpec
    var publish: PublishAction
    /// The tokens of its subject.
    var words: [Substring]
    /// Those of the reply subject, unless it is the inbox of a request.
    var replyWords: [Substring]?
}

/// Something that a client can receive on a subscription of its own: a plain one, or the inbox of a request.
struct FuzzKey: Hashable, Comparable, Sendable {
    enum Kind: Hashable, Comparable, Sendable {
        case message
        /// An answer, with its responder; empty where chance decides which member of a group answers.
        case answer(String)
        case noResponders
    }

    var message: Int
    var receiver: FuzzReceiver
    var kind: Kind

    static func < (left: FuzzKey, right: FuzzKey) -> Bool {
        (left.message, left.receiver, left.kind) < (right.message, right.receiver, right.kind)
    }
}

/// A message for a queue group.
struct FuzzGroupKey: Hashable, Comparable, Sendable {
    var message: Int
    var queue: String

    static func < (left: FuzzGroupKey, right: FuzzGroupKey) -> Bool {
        (left.message, left.queue) < (right.message, right.queue)
    }
}

/// Who can get a message for a queue group.
struct FuzzGroup: Hashable, Sendable {
    struct Member: Hashable, Sendable {
        var receiver: FuzzReceiver
        var server: String
        var cluster: String
        var answers: Bool
    }

    /// All that can, those on the publisher's server first.
    var members: [Member]
    /// The clusters of which one serves it.
    var clusters: [String]
    var copies: ClosedRange<Int>
    /// Whether each member is equally likely.
    var isFair: Bool
    /// Members on the publisher's server; `nil` when another cluster serves.
    var besidePublisher: Int?
}

/// What must be received of the messages of one wave of a program, by set arithmetic on a super-cluster in which
/// every running server reaches every other.
///
/// A range of one number is exact. Wider ranges stand for what races a fault or a change of interest; the arithmetic
/// knows which pairs a race cannot touch and keeps those exact.
struct FuzzExpectation: Hashable, Sendable {
    var messages: [FuzzMessage] = []
    var plain: [FuzzKey: ClosedRange<Int>] = [:]
    var groups: [FuzzGroupKey: FuzzGroup] = [:]
    /// Copies of all messages together, where a limited subscription serves several publishers.
    var totals: [FuzzReceiver: Int] = [:]
    /// Messages whose answers come from members of queue groups.
    var anonymous: Set<Int> = []
    /// Messages for a group of which a member may be gone when they get there. Its server passes them on to another
    /// one, back to where they came from perhaps, and plain subscriptions there get them once more
    /// (nats-server v2.9.10 server/client.go processMsgResults), behind later ones.
    var passedOn: Set<Int> = []
}

extension FuzzState {
    /// Performs the actions of a wave and says what its messages lead to. `first` numbers the first message.
    mutating func run(_ actions: [Action], _ topology: Topology, first: Int) -> FuzzExpectation {
        let before = self
        var seen = subscriptions
        var known = clients
        var killed: Set<String> = []
        var messages: [FuzzMessage] = []
        for action in actions {
            switch action {
            case .kill(let server), .stop(let server): killed.insert(server)
            case .publish(let publish):
                guard let publisher = client(publish.client) else { preconditionFailure("publishers are connected") }
                let words = FuzzSubject.tokens(publish.subject)
                let replyWords = publish.reply.map(FuzzSubject.tokens)
                for _ in 0..<publish.times {
                    messages.append(
                        FuzzMessage(
                            number: first + messages.count, publisher: publisher, publish: publish, words: words,
                            replyWords: replyWords))
                }
            default: break
            }
            apply(action)
            if case .subscribe = action, let latest = subscriptions.last { seen.append(latest) }
            if case .connect(let spec) = action { known.append(spec) }
        }
        var evaluation = FuzzEvaluation(
            before: before, after: self, seen: seen, known: known, killed: killed, messages: messages,
            topology: topology)
        evaluation.evaluate()
        count(evaluation)
        return evaluation.result
    }

    /// Keeps the books on how many messages each subscription has had.
    private mutating func count(_ evaluation: FuzzEvaluation) {
        for place in subscriptions.indices {
            let receiver = subscriptions[place].receiver
            subscriptions[place].delivered += evaluation.delivered[receiver, default: 0]
            if evaluation.vague.contains(receiver) { subscriptions[place].isCountCertain = false }
        }
        removeSpent()
    }
}

/// The arithmetic of one wave.
struct FuzzEvaluation {
    let before: FuzzState
    let after: FuzzState
    /// All subscriptions and clients that existed at any time in the wave.
    let seen: [FuzzState.Subscription]
    let known: [ClientSpec]
    let killed: Set<String>
    let messages: [FuzzMessage]
    let topology: Topology
    private(set) var result = FuzzExpectation()
    /// Messages to each subscription; right for those that are not vague.
    private(set) var delivered: [FuzzReceiver: Int] = [:]
    /// Subscriptions whose number of messages is left to chance.
    private(set) var vague: Set<FuzzReceiver> = []
    /// Messages that surely reach somebody.
    private var served: Set<Int> = []

    init(
        before: FuzzState, after: FuzzState, seen: [FuzzState.Subscription], known: [ClientSpec],
        killed: Set<String>, messages: [FuzzMessage], topology: Topology
    ) {
        self.before = before
        self.after = after
        self.seen = seen
        self.known = known
        self.killed = killed
        self.messages = messages
        self.topology = topology
    }

    mutating func evaluate() {
        result.messages = messages
        for subscription in seen where subscription.queue == nil { addPlain(subscription) }
        for message in messages {
            let groups = addGroups(message)
            let uncertain = groups.count { $0.copies != 1...1 }
            if uncertain > 0 { passOn(message, uncertain) }
            addAnswers(message, groups)
            if uncertain > 0 { widen(message, by: uncertain) { $0 != .message && $0 != .noResponders } }
            addNoResponders(message)
        }
        for subscription in seen where subscription.queue != nil { vague.insert(subscription.receiver) }
    }

    /// Each group whose member is gone can give everybody one copy, and one answer, more.
    private mutating func passOn(_ message: FuzzMessage, _ groups: Int) {
        result.passedOn.insert(message.number)
        for subscription in seen where subscription.queue == nil && subscription.matches(message.words) {
            let key = FuzzKey(message: message.number, receiver: subscription.receiver, kind: .message)
            result.plain[key] = result.plain[key] ?? 0...0
        }
        widen(message, by: groups) { $0 == .message }
    }

    private mutating func widen(_ message: FuzzMessage, by count: Int, _ isMeant: (FuzzKey.Kind) -> Bool) {
        for (key, range) in result.plain where key.message == message.number && isMeant(key.kind) {
            vague.insert(key.receiver)
            result.plain[key] = range.lowerBound...(range.upperBound + count)
        }
    }

    private func spec(_ client: String) -> ClientSpec {
        guard let spec = known.first(where: { $0.name == client }) else { preconditionFailure("clients are known") }
        return spec
    }

    private func cluster(_ server: String) -> String { topology.server(server)?.cluster ?? "" }

    /// Whether a connection lives through the wave.
    private func isStable(_ client: String) -> Bool { before.client(client) != nil && after.client(client) != nil }

    private func isStable(_ subscription: FuzzState.Subscription) -> Bool {
        func find(_ state: FuzzState) -> FuzzState.Subscription? {
            state.subscriptions.first { $0.receiver == subscription.receiver }
        }
        guard let earlier = find(before), let later = find(after) else { return false }
        return earlier.maximum == later.maximum
    }

    /// Whether no fault of the wave can touch what goes from one running server to another. Faults of other
    /// servers of the same cluster cannot; in another cluster, the gateway connection may end at a killed server.
    private func isSafe(_ from: ClientSpec, _ to: ClientSpec) -> Bool {
        let place = cluster(to.server)
        return cluster(from.server) == place || !killed.contains { cluster($0) == place }
    }

    private func isSuppressed(_ receiver: String, _ publisher: ClientSpec) -> Bool {
        receiver == publisher.name && !publisher.echo
    }

    private mutating func addPlain(_ subscription: FuzzState.Subscription) {
        let receiver = subscription.receiver
        let holder = spec(subscription.client)
        let mine = messages.filter {
            subscription.matches($0.words) && !isSuppressed(subscription.client, $0.publisher)
        }
        let getsAnswers = messages.contains { $0.replyWords.map(subscription.matches) ?? false }
        if getsAnswers { vague.insert(receiver) }
        let isStable = isStable(subscription)
        var certain = mine.map { isStable && self.isStable($0.publisher.name) && isSafe($0.publisher, holder) }
        var taken = mine.count
        if subscription.maximum != nil {
            if !subscription.isCountCertain || getsAnswers {
                certain = mine.map { _ in false }
            } else if mine.count > subscription.remaining {
                let publishers = Set(mine.map(\.publisher.name))
                if certain.contains(false) {
                    certain = mine.map { _ in false }
                } else if publishers.count == 1 {
                    taken = subscription.remaining
                } else {
                    certain = mine.map { _ in false }
                    taken = subscription.remaining
                    result.totals[receiver] = taken
                }
            }
        }
        let isTotal = result.totals[receiver] != nil
        for (place, message) in mine.enumerated() where isTotal || place < taken {
            let key = FuzzKey(message: message.number, receiver: receiver, kind: .message)
            result.plain[key] = certain[place] ? 1...1 : 0...1
            if certain[place] { served.insert(message.number) }
        }
        delivered[receiver] = taken
        if certain.contains(false) && !isTotal { vague.insert(receiver) }
    }

    /// Adds what the queue groups get, and returns it.
    private mutating func addGroups(_ message: FuzzMessage) -> [FuzzGroup] {
        var groups: [FuzzGroup] = []
        let matching = seen.filter { $0.queue != nil && $0.matches(message.words) }
        let open = matching.filter { !isSuppressed($0.client, message.publisher) }
        let home = cluster(message.publisher.server)
        for queue in Set(open.compactMap(\.queue)).sorted() {
            let entries = open.filter { $0.queue == queue }
            let local = entries.filter { cluster(spec($0.client).server) == home }
            let serving = local.isEmpty ? entries : local
            let isCertain =
                isStable(message.publisher.name)
                && serving.allSatisfy { isStable($0) && isSafe(message.publisher, spec($0.client)) }
            // What is passed on comes back as from a server, so echo off has no effect.
            let possible = isCertain ? serving : matching.filter { $0.queue == queue }
            var members = possible.map { entry in
                let server = spec(entry.client).server
                return FuzzGroup.Member(
                    receiver: entry.receiver, server: server, cluster: cluster(server), answers: entry.answers)
            }
            let beside = members.filter { $0.server == message.publisher.server }
            members = beside + members.filter { $0.server != message.publisher.server }
            let clusters = Set(members.map(\.cluster)).sorted()
            let hasSuppressed = matching.contains { $0.queue == queue && isSuppressed($0.client, message.publisher) }
            let group = FuzzGroup(
                members: members, clusters: clusters, copies: isCertain ? 1...1 : 0...1,
                isFair: isCertain && clusters.count == 1 && !hasSuppressed,
                besidePublisher: clusters == [home] ? beside.count : nil)
            result.groups[FuzzGroupKey(message: message.number, queue: queue)] = group
            groups.append(group)
            if isCertain { served.insert(message.number) }
        }
        return groups
    }

    /// Who can publish an answer to a message, and whether it surely does.
    private struct Responder {
        var client: ClientSpec
        var isCertain: Bool
    }

    private mutating func addAnswers(_ message: FuzzMessage, _ all: [FuzzGroup]) {
        guard message.publish.isRequest || message.publish.reply != nil else { return }
        let groups = all.filter { $0.members.contains(where: \.answers) }
        if !groups.isEmpty { result.anonymous.insert(message.number) }
        for subscription in seen where subscription.answers && subscription.queue == nil {
            let key = FuzzKey(message: message.number, receiver: subscription.receiver, kind: .message)
            guard let copies = result.plain[key] else { continue }
            let responder = Responder(
                client: spec(subscription.client),
                isCertain: copies == 1...1 && isStable(subscription.client))
            addReach(of: [responder], to: message, name: groups.isEmpty ? subscription.client : "")
        }
        for group in groups {
            let responders = group.members.filter(\.answers).map { member in
                Responder(
                    client: spec(member.receiver.client),
                    isCertain: group.copies == 1...1 && group.members.allSatisfy(\.answers))
            }
            addReach(of: responders, to: message, name: "")
        }
    }

    /// One answer, published by one of the responders, at everybody who sees the reply subject.
    private mutating func addReach(of responders: [Responder], to message: FuzzMessage, name: String) {
        var receivers: [(receiver: FuzzReceiver, isStable: Bool)] = []
        if let reply = message.replyWords {
            receivers = seen.filter { $0.queue == nil && $0.matches(reply) }.map { subscription in
                (subscription.receiver, isStable(subscription) && subscription.maximum == nil)
            }
        } else {
            receivers = [(FuzzReceiver(client: message.publisher.name, label: "inbox"), true)]
        }
        for (receiver, isReceiverStable) in receivers {
            let holder = spec(receiver.client)
            let reaching = responders.filter { !isSuppressed(receiver.client, $0.client) }
            // A mapped answer (`_GR_`) comes back by the requester's cluster, where nobody knows whose it was: echo off
            // has no effect then. Whether it is mapped hangs on the age of subscriptions.
            let isReturning = responders.contains { responder in
                isSuppressed(receiver.client, responder.client)
                    && cluster(responder.client.server) != cluster(message.publisher.server)
            }
            guard !reaching.isEmpty || isReturning else { continue }
            let isCertain =
                isReceiverStable && isStable(receiver.client) && reaching.count == responders.count
                && reaching.allSatisfy { responder in
                    // An answer may go by the requester's server (`_GR_`).
                    responder.isCertain && isSafe(responder.client, message.publisher)
                        && isSafe(responder.client, holder) && isSafe(message.publisher, holder)
                }
            let key = FuzzKey(message: message.number, receiver: receiver, kind: .answer(name))
            let range = result.plain[key] ?? 0...0
            result.plain[key] = (range.lowerBound + (isCertain ? 1 : 0))...(range.upperBound + 1)
        }
    }

    private mutating func addNoResponders(_ message: FuzzMessage) {
        let publisher = message.publisher
        guard message.publish.isRequest || message.replyWords != nil else { return }
        guard publisher.noResponders, publisher.headers else { return }
        let possible = seen.contains {
            $0.matches(message.words) && !isSuppressed($0.client, publisher)
        }
        guard !served.contains(message.number) else { return }
        if message.publish.isRequest {
            let inbox = FuzzReceiver(client: publisher.name, label: "inbox")
            result.plain[FuzzKey(message: message.number, receiver: inbox, kind: .noResponders)] =
                !possible && isStable(publisher.name) ? 1...1 : 0...1
        } else if let reply = message.replyWords {
            // It goes to one of the publisher's own subscriptions to the reply subject.
            for subscription in seen where subscription.client == publisher.name && subscription.matches(reply) {
                let key = FuzzKey(message: message.number, receiver: subscription.receiver, kind: .noResponders)
                result.plain[key] = 0...1
            }
        }
    }
}
