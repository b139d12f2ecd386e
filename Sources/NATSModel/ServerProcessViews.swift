/// What can be seen of a process from outside, as monitoring shows it of a real one.
extension ServerProcess {
    /// A registered outbound gateway connection.
    public struct OutboundGateway: Hashable, Sendable {
        /// The server at the other end.
        public var peer: String
        /// How many different (subject, queue) are known of its cluster.
        public var interest: Int

        public init(peer: String, interest: Int) {
            self.peer = peer
            self.interest = interest
        }
    }

    /// Whether a TCP connect to this listener succeeds.
    public func isListening(on port: ListenPort) -> Bool {
        guard isRunning else { return false }
        switch port {
        case .client: return !isLameDuck
        case .route: return true
        case .gateway: return configuration.gateway != nil
        }
    }

    /// Registered outbound gateway connections by the remote's name.
    public var outboundGateways: [String: OutboundGateway] {
        var found: [String: OutboundGateway] = [:]
        for (name, outbound) in outbounds where outbound.dialer.state == .registered {
            guard let connection = outbound.connection, let peer = server.peerName(connection) else { continue }
            found[name] = OutboundGateway(peer: peer, interest: server.interestCount(connection))
        }
        return found
    }

    /// Registered inbound gateway connections: their number by the other end's cluster.
    public var inboundGateways: [String: Int] { server.inboundGatewayCounts }

    /// Names of the servers that registered routes lead to, sorted.
    public var routePeers: [String] { routedNames.sorted() }

    /// Subscriptions of this server's clients, and entries of interest that routes told.
    public var subscriptionCount: Int { server.subscriptionCount }

    /// Clients that are connected.
    public var clientCount: Int { links.values.count { if case .client = $0 { true } else { false } } }

    /// Remote clusters that this server knows and dials, sorted.
    var knownRemotes: [String] { outbounds.keys.sorted() }

    /// What this server tells other clusters to dial, sorted.
    var advertisedGatewayURLs: [String] { gatewayURLs.keys.sorted() }

    // MARK: Coming to rest

    /// Whether something that this process does on its own can still bring a connection up soon. A remote cluster
    /// counts until each of its URLs led nowhere once, in an attempt begun since the last `markChange()`; a route
    /// until its URL did. What is on its way between processes is not counted: it may start a dial on arrival.
    public var isSettling: Bool {
        guard isRunning else { return false }
        return outbounds.values.contains(where: isSettling) || routeTasks.values.contains { !$0.hasFailed }
            || links.values.contains(where: isSettling)
    }

    /// Something happened outside: what failed before may succeed now.
    public mutating func markChange() {
        mark += 1
        for name in outbounds.keys { outbounds[name]?.failed = [] }
        for task in routeTasks.keys { routeTasks[task]?.hasFailed = false }
    }

    private func isSettling(_ outbound: Outbound) -> Bool {
        if outbound.isProven || outbound.dialer.urls.allSatisfy(outbound.failed.contains) { return false }
        return outbound.dialer.state != .idle && outbound.dialer.state != .forgotten
    }

    private func isSettling(_ link: Link) -> Bool {
        guard case .route(let link) = link else { return false }
        return link.mark != nil && link.machine.state == .awaitInfo
    }

    mutating func noteFailure(of remote: String) {
        guard let outbound = outbounds[remote], outbound.mark == mark else { return }
        outbounds[remote]?.failed.insert(outbound.url)
    }

    mutating func noteFailure(ofTask task: Int32) {
        if routeTasks[task]?.mark == mark { routeTasks[task]?.hasFailed = true }
    }

    mutating func prove(_ connection: ConnectionID) {
        guard case .route(var link) = links[connection] else { return }
        link.isProven = true
        links[connection] = .route(link)
    }
}

extension ServerProcess {
    /// Routing rules that are deliberately wrong, for tests of the routing cases.
    public var deviations: Deviation {
        get { server.deviations }
        set { server.deviations = newValue }
    }
}
