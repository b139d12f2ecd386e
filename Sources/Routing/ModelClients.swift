import EventKernel
import NATSModel

/// The client side of the model: connections, subscriptions, publishing, answering.
extension ModelWorld {
    func clientIndex(_ name: String) throws -> Int {
        guard let index = clients.lastIndex(where: { $0.spec.name == name }), clients[index].isOpen else {
            throw UnsettledError("client \(name) is not connected")
        }
        return index
    }

    func connectClient(_ spec: ClientSpec) throws {
        let server = index(of: spec.server)
        guard servers[server].process != nil else {
            throw UnsettledError("client \(spec.name) cannot connect: \(spec.server) does not run")
        }
        let connection = ConnectionID(rawValue: Int32(connections.count * 2))
        clients.append(ClientState(spec: spec, connection: connection))
        _ = connect(
            .client(clients.count - 1), .server(server, incarnation: servers[server].incarnation), .client)
        let options = ConnectOptions(echo: spec.echo, headers: spec.headers, noResponders: spec.noResponders)
        send(.operation(.connect(options)), from: connection)
    }

    func disconnectClient(_ name: String) throws {
        let client = try clientIndex(name)
        clients[client].isOpen = false
        close(Int(clients[client].connection.rawValue) / 2, side: 0, .clientClosed)
    }

    func subscribe(_ subscription: Subscribe) throws {
        let client = try clientIndex(subscription.client)
        let sid = clients[client].nextSid
        clients[client].nextSid += 1
        clients[client].subscriptions[sid] = ClientState.Subscription(
            label: subscription.label, subject: subscription.subject, answers: subscription.answers,
            answersWithReply: subscription.answersWithReply)
        let queue = subscription.queue.map { subjects.internQueue($0) }
        write(.subscribe(sid: sid, subject: subjects.intern(subscription.subject), queue: queue), client)
        if let maximum = subscription.maximum { write(.unsubscribe(sid: sid, maximum: Int32(maximum)), client) }
    }

    func unsubscribe(_ name: String, _ label: String, _ maximum: Int?) throws {
        let client = try clientIndex(name)
        let sids = clients[client].subscriptions.filter { $0.value.label == label }.keys
        guard let sid = sids.max() else {
            throw UnsettledError("client \(name) has no subscription \(label)")
        }
        if maximum == nil { clients[client].subscriptions[sid] = nil }
        write(.unsubscribe(sid: sid, maximum: maximum.map { Int32($0) }), client)
    }

    func publish(_ publish: PublishAction, first: MessageNumber) throws {
        let client = try clientIndex(publish.client)
        for offset in 0..<publish.times {
            let number = MessageNumber(rawValue: first.rawValue + offset)
            var reply = publish.reply
            if publish.isRequest {
                let inbox = "_INBOX.\(publish.client).\(number.rawValue)"
                try subscribe(Subscribe(client: publish.client, subject: inbox, label: "inbox"))
                reply = inbox
            }
            if let reply { clients[client].unanswered[reply, default: []].append(number) }
            send(
                Payload(kind: .message, number: number, responder: nil), to: publish.subject, reply: reply,
                hasHeaders: publish.hasHeaders, client)
        }
    }

    /// What a payload says; it travels as the message's key.
    struct Payload {
        enum Kind: UInt64 { case message, answer, answerToAnswer }

        var kind: Kind
        var number: MessageNumber
        var responder: Int?

        init(kind: Kind, number: MessageNumber, responder: Int?) {
            self.kind = kind
            self.number = number
            self.responder = responder
        }

        init(key: UInt64) {
            kind = Kind(rawValue: key >> 60) ?? .message
            number = MessageNumber(rawValue: Int(key & 0xffff_ffff))
            let client = Int(key >> 32 & 0xff_ffff)
            responder = client == 0 ? nil : client - 1
        }

        var key: UInt64 {
            kind.rawValue << 60 | UInt64((responder ?? -1) + 1) << 32 | UInt64(number.rawValue)
        }
    }

    private func send(
        _ payload: Payload, to subject: String, reply: String?, hasHeaders: Bool, _ client: Int
    ) {
        let message = Publish(
            subject: subjects.intern(subject), reply: reply.map { subjects.intern($0) }, size: 8, key: payload.key,
            headerSize: hasHeaders ? 4 : 0)
        write(.publish(message), client)
    }

    private func write(_ operation: Operation, _ client: Int) {
        send(.operation(operation), from: clients[client].connection)
    }

    // MARK: Receiving

    func receive(_ parcel: Parcel, client: Int) {
        switch parcel {
        case .accepted: preconditionFailure("clients accept no connections")
        case .closed: clients[client].isOpen = false
        case .operation(.message(let message, let sid)): receive(message, sid, client)
        case .operation(.noResponders(let subject, let sid)):
            guard let subscription = clients[client].subscriptions[sid] else { return }
            let reply = subjects.name(of: subject)
            guard let number = clients[client].unanswered[reply]?.first else { return }
            clients[client].unanswered[reply]?.removeFirst()
            report(client, subscription, subject: reply, .noResponders(number))
        case .operation(.ping): write(.pong, client)
        case .operation: break
        }
    }

    private func receive(_ message: Publish, _ sid: Int32, _ client: Int) {
        guard let subscription = clients[client].subscriptions[sid] else { return }
        let payload = Payload(key: message.key)
        let reply = message.reply.map { subjects.name(of: $0) }
        let subject = subjects.name(of: message.subject)
        let content: Reception.Content =
            if payload.kind == .message {
                .message(payload.number)
            } else {
                .answer(to: payload.number, responder: payload.responder.map { clients[$0].spec.name } ?? "")
            }
        report(
            client, subscription, subject: subject, reply: reply, hasHeaders: message.hasHeaders, content)
        guard subscription.answers, let reply, payload.kind != .answerToAnswer, clients[client].isOpen else { return }
        let answer = Payload(
            kind: payload.kind == .message ? .answer : .answerToAnswer, number: payload.number, responder: client)
        send(answer, to: reply, reply: subscription.answersWithReply, hasHeaders: false, client)
    }

    private func report(
        _ client: Int, _ subscription: ClientState.Subscription, subject: String, reply: String? = nil,
        hasHeaders: Bool = false, _ content: Reception.Content
    ) {
        receptions.append(
            Reception(
                client: clients[client].spec.name, label: subscription.label, subject: subject, reply: reply,
                hasHeaders: hasHeaders, content: content))
    }

    // MARK: Views

    /// What monitoring would show of every running server, by its name in the case.
    var views: [String: ServerView] {
        var views: [String: ServerView] = [:]
        for slot in servers {
            guard let process = slot.process else { continue }
            let names = process.routePeers.map { peer in
                topology.servers.first { $0.serverName == peer && $0.cluster == slot.spec.cluster }?.name ?? peer
            }
            views[slot.spec.name] = ServerView(
                outbound: process.outboundGateways.mapValues(\.interest), inbound: process.inboundGateways,
                routes: names.sorted(),
                subscriptions: process.subscriptionCount)
        }
        return views
    }

    /// The directions between the servers of two places, each a cluster or a server.
    func directions(_ from: String, _ to: String, _ bothWays: Bool) -> [Direction] {
        func members(_ place: String) -> [Int] {
            servers.indices.filter { servers[$0].spec.name == place || servers[$0].spec.cluster == place }
        }
        var directions: [Direction] = []
        for first in members(from) {
            for second in members(to) where first != second {
                directions.append(Direction(from: first, to: second))
                if bothWays { directions.append(Direction(from: second, to: first)) }
            }
        }
        return directions
    }
}
