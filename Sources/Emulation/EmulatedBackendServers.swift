import EventKernel
import Routing

/// The processes, and looking at their monitoring.
extension EmulatedBackend {
    /// Most times that a server's monitoring connection is made anew for one look.
    private static let monitorAttempts = 5

    /// How long a process may take to do what it does at once: to start, to answer, to end.
    static let patience = SimDuration.seconds(10)

    func launch(_ server: EmulatedServer) throws {
        guard let fabric else { preconditionFailure("a server of a back end that is not up") }
        server.process = try fabric.launch(
            executable.path, ["-c", server.configurationPath], at: server.spec.name, log: server.logPath)
        isUnsure = true
    }

    /// Returns when the server takes clients.
    ///
    /// - Throws: with the server's own words when it ends instead.
    func awaitGreeting(of server: EmulatedServer) throws {
        guard let fabric, let process = server.process else { preconditionFailure("a server that was not started") }
        let name = server.spec.name
        let deadline = Deadline(after: Self.patience)
        while server.id == nil {
            if let status = process.status {
                let words = server.lastWords()
                server.forgetProcess()
                throw EmulationError("server '\(name)' does not start (\(status)): \(words)")
            }
            if deadline.isOver { throw EmulationError("server '\(name)' takes no clients: \(server.lastWords())") }
            guard
                let descriptor = try? fabric.connect(
                    at: name, host: fabric.address(of: name), port: ServerFile.Port.client)
            else {
                try loop.turn(.milliseconds(2))
                continue
            }
            let greeting = GreetingConnection(descriptor: descriptor)
            loop.add(greeting)
            while greeting.id == nil, greeting.problem == nil, !deadline.isOver { try loop.turn(.milliseconds(20)) }
            greeting.stream.close()
            server.id = greeting.id
            if server.id == nil { try loop.turn(.milliseconds(2)) }
        }
        if let id = server.id { names[id] = name }
    }

    /// What the monitoring of all running servers shows now, by name in the case.
    ///
    /// - Throws: when a server does not answer, or has ended by itself.
    func look() throws -> [String: ServerSight] {
        try noteEnds()
        let deadline = Deadline(after: Self.patience)
        var sights: [String: ServerSight] = [:]
        var waiting = servers.filter(\.isRunning)
        var attempts: [String: Int] = [:]
        for server in waiting { try ask(server) }
        while !waiting.isEmpty {
            guard !deadline.isOver else {
                let names = waiting.map(\.spec.name).joined(separator: ", ")
                throw UnsettledError("no answer from the monitoring of \(names)")
            }
            try loop.turn(min(deadline.left, .milliseconds(20)))
            for server in waiting where server.monitor?.hasAnswer == true {
                guard let monitor = server.monitor, let id = server.id else { continue }
                let sight = ServerSight(try monitor.answer())
                count(sight, of: id)
                sights[server.spec.name] = sight
            }
            waiting.removeAll { sights[$0.spec.name] != nil }
            for server in waiting where server.monitor?.isOfUse != true {
                let name = server.spec.name
                attempts[name, default: 0] += 1
                guard attempts[name, default: 0] <= Self.monitorAttempts else {
                    throw EmulationError("monitoring of '\(name)': \(server.monitor?.failure ?? "no connection")")
                }
                try noteEnds()
                if server.isRunning { try ask(server) }
            }
            waiting.removeAll { !$0.isRunning }
        }
        return sights
    }

    private func ask(_ server: EmulatedServer) throws {
        guard let fabric else { preconditionFailure("a server of a back end that is not up") }
        if server.monitor?.isOfUse != true {
            let name = server.spec.name
            // A server that is just ending refuses; that is found out later.
            guard
                let descriptor = try? fabric.connect(
                    at: name, host: fabric.address(of: name), port: ServerFile.Port.monitoring)
            else { return }
            let monitor = MonitorConnection(descriptor: descriptor)
            server.monitor = monitor
            loop.add(monitor)
        }
        server.monitor?.ask()
    }

    /// Adds what gateway connections have written since they were last seen.
    private func count(_ sight: ServerSight, of id: String) {
        for outbound in sight.outbound.values {
            let key = GatewayKey(server: id, connection: outbound.connection)
            crossings += outbound.written - written[key, default: 0]
            written[key] = outbound.written
        }
    }

    /// Finds servers that have ended.
    ///
    /// - Throws: unless they were told to.
    private func noteEnds() throws {
        for server in servers {
            guard let status = server.process?.status else { continue }
            let name = server.spec.name
            guard server.isLameDuck else {
                let words = server.lastWords()
                server.forgetProcess()
                throw EmulationError("server '\(name)' ended by itself (\(status)): \(words)")
            }
            server.forgetProcess()
            try releaseClients(of: name)
        }
    }
}
