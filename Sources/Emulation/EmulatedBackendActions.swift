import CLinux
import EventKernel
import Glibc
public import Routing

extension EmulatedBackend {
    /// Longer than servers wait before they dial someone anew whom they only learnt of.
    private static let retryTime = SimDuration.milliseconds(150)

    /// Does it on the servers, and tells the shadow what it has to know.
    public func perform(_ action: Action, message: MessageNumber) throws {
        switch action {
        case .connect(let spec): try connect(spec)
        case .disconnect(let name): try disconnect(name)
        case .subscribe(let subscribe): try self.subscribe(subscribe)
        case .unsubscribe(let name, let label, let maximum):
            guard let isGroupMember = try client(name).unsubscribe(label, maximum: maximum) else { return }
            // With a maximum the model is told when it is reached.
            if maximum == nil {
                changes.remove(1, hasGroups: isGroupMember)
                try shadow.perform(action, message: message)
            }
        case .publish(let publish): try self.publish(publish, first: message)
        case .kill(let name): try end(name, action) { $0.kill() }
        case .stop(let name): try end(name, action) { $0.terminate() }
        case .lameDuck(let name): try startLameDuck(name, action)
        case .start(let name):
            let server = try server(name)
            if server.isRunning { throw EmulationError("server '\(name)' is running") }
            try awaitRetries()
            try launch(server)
            try awaitGreeting(of: server)
            changes.touchesConnections = true
            try shadow.perform(action, message: message)
        case .cut(let from, let to, let bothWays):
            try setCut(from, to, bothWays, isCut: true)
            try shadow.perform(action, message: message)
        case .heal(let from, let to, let bothWays):
            try setCut(from, to, bothWays, isCut: false)
            try shadow.perform(action, message: message)
        }
    }

    /// Nothing but the model's own messages are numbered there.
    func tellShadow(_ action: Action) throws { try shadow.perform(action, message: MessageNumber(rawValue: nextSync)) }

    // MARK: Clients

    func client(_ name: String) throws(EmulationError) -> NATSConnection {
        guard let client = clients[name], client.isOpen else {
            let reason = clients[name]?.lastError.map { ": \($0)" } ?? ""
            throw EmulationError("client '\(name)' is not connected\(reason)")
        }
        return client
    }

    @discardableResult
    func connect(_ spec: ClientSpec) throws -> NATSConnection {
        if let client = clients[spec.name], client.isOpen {
            throw EmulationError("client '\(spec.name)' is connected already")
        }
        guard let fabric, try server(spec.server).isRunning else {
            throw EmulationError("client '\(spec.name)' cannot connect: server '\(spec.server)' does not run")
        }
        let descriptor = try fabric.connect(
            at: spec.server, host: fabric.address(of: spec.server), port: ServerFile.Port.client)
        let client = NATSConnection(spec, descriptor: descriptor, log: log)
        clients[spec.name] = client
        loop.add(client)
        changes.additions += 1
        try tellShadow(.connect(spec))
        try tellShadow(.subscribe(Subscribe(client: spec.name, subject: NATSConnection.syncSubject)))
        return client
    }

    func disconnect(_ name: String) throws {
        let client = try client(name)
        changes.remove(client.subscriptionCount, hasGroups: client.hasGroups)
        client.leave()
        clients[name] = nil
        log.publishers.remove(name)
        log.requesters.remove(name)
        try tellShadow(.disconnect(client: name))
    }

    private func subscribe(_ subscribe: Subscribe) throws {
        try client(subscribe.client).subscribe(subscribe)
        changes.additions += 1
        if subscribe.queue != nil { changes.hasGroups = true }
        var unlimited = subscribe
        unlimited.maximum = nil
        try tellShadow(.subscribe(unlimited))
    }

    private func publish(_ publish: PublishAction, first: MessageNumber) throws {
        let inboxes = try client(publish.client).publish(publish, first: first.rawValue)
        for inbox in inboxes {
            changes.additions += 1
            try tellShadow(.subscribe(Subscribe(client: publish.client, subject: inbox)))
        }
    }

    /// The subscriptions of a server's clients, which go with it.
    func subscriptionCount(at server: String) -> Int {
        clients.values.reduce(0) { $0 + ($1.spec.server == server ? $1.subscriptionCount : 0) }
    }

    // MARK: Servers

    private func end(_ name: String, _ action: Action, by means: (ChildProcess) -> Void) throws {
        let server = try server(name)
        // What its gateway connections have carried cannot be asked for later.
        _ = try look()
        guard let process = server.process else { throw EmulationError("server '\(name)' does not run") }
        changes.touchesConnections = true
        changes.removals += subscriptionCount(at: name)
        means(process)
        guard process.wait(Self.patience) != nil else { throw EmulationError("server '\(name)' does not end") }
        server.forgetProcess()
        lastEnd = clinux_now()
        try releaseClients(of: name)
        try tellShadow(action)
    }

    /// Waits until the others have tried again to reach a process that ended.
    ///
    /// Whom a server only learnt of it dials once more up to 100 ms after the connection went, and then forgets; the
    /// model has done so when it has come to rest.
    private func awaitRetries() throws {
        guard changes.isEmpty, let lastEnd else { return }
        let deadline = Deadline(after: Self.retryTime - .nanoseconds(clinux_now() - lastEnd))
        while !deadline.isOver { try loop.turn(deadline.left) }
    }

    /// Reads what a dead server had sent to its clients, and forgets them.
    func releaseClients(of server: String) throws {
        let gone = clients.values.filter { $0.spec.server == server }
        let deadline = Deadline(after: .seconds(1))
        while gone.contains(where: { $0.stream.end == nil }), !deadline.isOver { try loop.turn(deadline.left) }
        for client in gone {
            client.stream.close()
            clients[client.name] = nil
        }
    }

    private func startLameDuck(_ name: String, _ action: Action) throws {
        let server = try server(name)
        _ = try look()
        guard let process = server.process else { throw EmulationError("server '\(name)' does not run") }
        changes.touchesConnections = true
        changes.removals += subscriptionCount(at: name)
        server.isLameDuck = true
        process.send(SIGUSR2)
        try tellShadow(action)
    }

    private func setCut(_ from: String, _ to: String, _ bothWays: Bool, isCut: Bool) throws {
        guard let fabric, kind == .namespaces else {
            throw EmulationError("packets can be cut off between namespaces only")
        }
        isUnsure = true
        if !isCut { changes.touchesConnections = true }
        for left in try servers(at: from) {
            for right in try servers(at: to) where left != right {
                for pair in bothWays ? [[left, right], [right, left]] : [[left, right]] {
                    fabric.setCut(from: pair[0], to: pair[1], isCut)
                    if isCut { cuts.insert(pair) } else { cuts.remove(pair) }
                }
            }
        }
        if isCut {
            cutStart = cutStart ?? (clinux_now(), shadow.now)
        } else if let start = cutStart {
            outage = max(outage, .nanoseconds(clinux_now() - start.real))
            if cuts.isEmpty { cutStart = nil }
            // What was held up arrives now, whoever published it.
            log.publishers.formUnion(clients.values.filter(\.isOpen).map(\.name))
        }
    }
}
