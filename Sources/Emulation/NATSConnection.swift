import EventKernel
import NATSModel
import Routing

/// What the clients of a lab saw, in the order of arrival.
final class ClientLog {
    /// A subscription that got its maximum, so that the server has ended it.
    struct Expiry: Hashable {
        var client: String
        var label: String
        var isGroupMember = false
    }

    /// Most receptions that may wait to be taken.
    static let limit = 1 << 22

    var receptions: [Reception] = []
    var expiries: [Expiry] = []
    /// Clients that published since they last published a sync message.
    var publishers: Set<String> = []
    /// Clients whose messages since the last settling carried reply subjects.
    var requesters: Set<String> = []
    /// Sync messages that are still to arrive.
    var awaitedSyncs: Set<Sync> = []
    /// Sync messages that arrived before it was known that they would: those that a cut had held up do, while
    /// interest spreads after the heal.
    private var earlySyncs: Set<Sync> = []
    /// What nobody expected.
    var problems: [String] = []

    /// One sync message at one client.
    struct Sync: Hashable, Comparable {
        var number: Int
        var client: String

        static func < (left: Sync, right: Sync) -> Bool { (left.number, left.client) < (right.number, right.client) }
    }

    func await(_ sync: Sync) {
        if earlySyncs.remove(sync) == nil { awaitedSyncs.insert(sync) }
    }

    func note(_ sync: Sync) {
        if awaitedSyncs.remove(sync) == nil, earlySyncs.count < Self.limit { earlySyncs.insert(sync) }
    }

    func add(_ reception: Reception) {
        if receptions.count == Self.limit {
            problems.append("more than \(Self.limit) messages were received in one step")
        } else if receptions.count < Self.limit {
            receptions.append(reception)
        }
    }
}

/// One client connection of a case.
final class NATSConnection: PollSource {
    /// Subjects of the back end's own messages start with this; what arrives on them is not reported.
    static let ownPrefix = "_ANTIPODE."
    /// What every client subscribes to: a message on it proves that earlier ones on the same path have arrived.
    static let syncSubject = ownPrefix + "settling.sync"
    private static let syncSID = 1

    let spec: ClientSpec
    let stream: SocketStream
    /// The client was told to close its connection; nothing that still comes is looked at.
    private(set) var isLeaving = false
    /// The last `-ERR`.
    private(set) var lastError: String?
    private(set) var awaitedPongs = 0
    private let log: ClientLog
    private var subscriptions: [Int: Subscription] = [:]
    private var sids: [String: Int] = [:]
    private var nextSID = syncSID + 1
    /// Numbers of messages whose 503 may come, by reply subject, oldest first.
    private var awaitedVerdicts: [String: [Int]] = [:]

    private struct Subscription {
        var subscribe: Subscribe
        /// Still listed under its label.
        var isActive = true
        var delivered = 0
    }

    init(_ spec: ClientSpec, descriptor: Int32, log: ClientLog) {
        self.spec = spec
        self.log = log
        stream = SocketStream(descriptor)
        let headers = spec.headers
        // A server refuses no_responders without headers.
        let verdicts = spec.noResponders && headers
        stream.send(
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"name\":\"antipode\",\"lang\":\"swift\","
                + "\"version\":\"1\",\"echo\":\(spec.echo),\"headers\":\(headers),\"no_responders\":\(verdicts)}\r\n"
                + "SUB \(Self.syncSubject) \(Self.syncSID)\r\n")
    }

    var name: String { spec.name }
    var isOpen: Bool { stream.end == nil && !isLeaving }
    /// Subscriptions that the server holds for it, with that to sync messages.
    var subscriptionCount: Int { 1 + sids.count }
    /// Whether any of them is a member of a queue group.
    var hasGroups: Bool { sids.values.contains { subscriptions[$0]?.subscribe.queue != nil } }

    // MARK: What it does

    /// Closes the connection after what was written before.
    func leave() {
        isLeaving = true
        stream.finish()
    }

    /// - Throws: when the label is taken, or the maximum would count sync messages.
    func subscribe(_ subscribe: Subscribe) throws(EmulationError) {
        let maximum = subscribe.maximum
        if maximum != nil { try refuseCounting(subscribe.subject) }
        let sid = try add(subscribe)
        var line = "SUB \(subscribe.subject) \(subscribe.queue.map { $0 + " " } ?? "")\(sid)\r\n"
        if let maximum { line += "UNSUB \(sid) \(maximum)\r\n" }
        stream.send(line)
    }

    /// - Returns: whether it is a member of a queue group; `nil` when it got its maximum before.
    /// - Throws: when there is no such subscription, or the maximum would count sync messages.
    func unsubscribe(_ label: String, maximum: Int?) throws(EmulationError) -> Bool? {
        guard let sid = sids[label], let subscription = subscriptions[sid] else {
            // Nobody can know when that happens, so a case may end what has ended.
            if subscriptions.values.contains(where: { $0.subscribe.label == label }) { return nil }
            throw EmulationError("client \(name) has no subscription '\(label)'")
        }
        if let maximum {
            try refuseCounting(subscription.subscribe.subject)
            subscriptions[sid]?.subscribe.maximum = maximum
            stream.send("UNSUB \(sid) \(maximum)\r\n")
            if subscription.delivered >= maximum { expire(sid) }
        } else {
            sids[label] = nil
            subscriptions[sid]?.isActive = false
            stream.send("UNSUB \(sid)\r\n")
        }
        return subscription.subscribe.queue != nil
    }

    /// Sends all of the action's messages in one write.
    ///
    /// - Returns: the inboxes that it subscribed to.
    func publish(_ action: PublishAction, first number: Int) throws(EmulationError) -> [String] {
        var text = ""
        var inboxes: [String] = []
        for message in number..<number + action.times {
            var reply = action.reply
            if action.isRequest {
                let inbox = "_INBOX.\(name).\(message)"
                let sid = try add(Subscribe(client: name, subject: inbox), isInbox: true)
                text += "SUB \(inbox) \(sid)\r\n"
                inboxes.append(inbox)
                reply = inbox
            }
            if let reply { awaitedVerdicts[reply, default: []].append(message) }
            text += publication(of: "m\(message)", on: action.subject, reply: reply, hasHeaders: action.hasHeaders)
        }
        log.publishers.insert(name)
        if action.isRequest || action.reply != nil { log.requesters.insert(name) }
        stream.send(text)
        return inboxes
    }

    /// Publishes a sync message, and asks the server whether it has read everything.
    func sync(_ number: Int) {
        awaitedPongs += 1
        stream.send(publication(of: "s\(number)", on: Self.syncSubject, reply: nil, hasHeaders: false) + "PING\r\n")
    }

    /// All messages were either answered or not: no verdict is awaited any more.
    func forgetVerdicts() { awaitedVerdicts = [:] }

    private func publication(of payload: String, on subject: String, reply: String?, hasHeaders: Bool) -> String {
        let reply = reply.map { " " + $0 } ?? ""
        let size = payload.utf8.count
        if !hasHeaders { return "PUB \(subject)\(reply) \(size)\r\n\(payload)\r\n" }
        let headers = "NATS/1.0\r\nAntipode: 1\r\n\r\n"
        let length = headers.utf8.count
        return "HPUB \(subject)\(reply) \(length) \(length + size)\r\n\(headers)\(payload)\r\n"
    }

    private func add(_ subscribe: Subscribe, isInbox: Bool = false) throws(EmulationError) -> Int {
        guard sids[subscribe.label] == nil else {
            throw EmulationError("client \(name) has a subscription '\(subscribe.label)' already")
        }
        let sid = nextSID
        nextSID += 1
        sids[subscribe.label] = sid
        var subscription = Subscription(subscribe: subscribe)
        if isInbox { subscription.subscribe.label = "inbox" }
        subscriptions[sid] = subscription
        return sid
    }

    private func refuseCounting(_ subject: String) throws(EmulationError) {
        if Self.pattern(subject, matches: Self.syncSubject) {
            throw EmulationError("the maximum of a subscription to '\(subject)' would count the back end's messages")
        }
    }

    static func pattern(_ pattern: String, matches subject: String) -> Bool {
        var subjects = SubjectTable()
        let wanted = subjects.intern(pattern)
        let given = subjects.intern(subject)
        return subjects.matches(pattern: wanted, subject: given)
    }

    // MARK: What reaches it

    func received() {
        do {
            while let operation = try NATSConnectionParser.next(in: &stream.input) {
                if !isLeaving { handle(operation) }
            }
        } catch {
            log.problems.append("client \(name): \(error.description)")
            stream.close()
        }
    }

    private func handle(_ operation: ServerOperation) {
        switch operation {
        case .message(let message): receive(message)
        case .ping: stream.send("PONG\r\n")
        case .pong: awaitedPongs -= 1
        case .error(let text): lastError = text
        case .info, .okay: break
        }
    }

    private func receive(_ message: NATSMessage) {
        if message.sid == Self.syncSID {
            if let number = Int(message.payload.dropFirst()) {
                log.note(ClientLog.Sync(number: number, client: name))
            }
            return
        }
        guard let subscription = subscriptions[message.sid] else {
            log.problems.append("client \(name): a message for subscription \(message.sid), which it never made")
            return
        }
        // A 503 is written by the client's own server past its subscription.
        if message.status != 503 {
            subscriptions[message.sid]?.delivered += 1
            if subscription.subscribe.maximum == subscription.delivered + 1 { expire(message.sid) }
        }
        if message.subject.hasPrefix(Self.ownPrefix) { return }
        guard let content = content(of: message) else {
            log.problems.append("client \(name): '\(message.payload.prefix(80))' on \(message.subject)")
            return
        }
        log.add(
            Reception(
                client: name, label: subscription.subscribe.label, subject: message.subject, reply: message.reply,
                hasHeaders: message.hasHeaders, content: content))
        answer(message, as: subscription.subscribe)
    }

    private func content(of message: NATSMessage) -> Reception.Content? {
        if message.status == 503, message.payload.isEmpty {
            guard let number = awaitedVerdicts[message.subject]?.first else { return nil }
            awaitedVerdicts[message.subject]?.removeFirst()
            return .noResponders(MessageNumber(rawValue: number))
        }
        let parts = message.payload.split(separator: " ", maxSplits: 1)
        guard let first = parts.first, let number = Int(first.dropFirst()) else { return nil }
        switch (first.first, parts.count) {
        case ("m", 1): return .message(MessageNumber(rawValue: number))
        case ("a", 2), ("b", 2):
            return .answer(to: MessageNumber(rawValue: number), responder: String(parts[1]))
        default: return nil
        }
    }

    /// Answers a message with `a`, such an answer with `b`, and that not at all, so that it ends.
    private func answer(_ message: NATSMessage, as subscribe: Subscribe) {
        guard subscribe.answers, let reply = message.reply, message.status == nil else { return }
        let number = message.payload.dropFirst().prefix { $0 != " " }
        let text: String
        switch message.payload.first {
        case "m":
            text = publication(
                of: "a\(number) \(name)", on: reply, reply: subscribe.answersWithReply, hasHeaders: false)
            if let own = subscribe.answersWithReply {
                log.requesters.insert(name)
                awaitedVerdicts[own, default: []].append(Int(number) ?? 0)
            }
        case "a": text = publication(of: "b\(number) \(name)", on: reply, reply: nil, hasHeaders: false)
        default: return
        }
        log.publishers.insert(name)
        stream.send(text)
    }

    private func expire(_ sid: Int) {
        guard let subscription = subscriptions[sid], subscription.isActive else { return }
        subscriptions[sid]?.isActive = false
        sids[subscription.subscribe.label] = nil
        let subscribe = subscription.subscribe
        log.expiries.append(
            ClientLog.Expiry(client: name, label: subscribe.label, isGroupMember: subscribe.queue != nil))
    }
}
