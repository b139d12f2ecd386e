/// What can be seen of the routing state from outside.
extension Server {
    /// The server at the other end of a registered connection.
    func peerName(_ connection: ConnectionID) -> String? { peers[connection]?.identity?.name }

    /// How many different (subject, queue) the other end of a route or outbound gateway asked for.
    func interestCount(_ connection: ConnectionID) -> Int { peers[connection]?.interest.count ?? 0 }

    /// Inbound gateway connections by the other end's cluster.
    var inboundGatewayCounts: [String: Int] {
        var found: [String: Int] = [:]
        for connection in inboundGateways {
            if let cluster = peers[connection]?.identity?.cluster { found[cluster, default: 0] += 1 }
        }
        return found
    }

    /// Subscriptions of clients, and entries of interest that routes told: `num_subscriptions` of `subsz`.
    var subscriptionCount: Int {
        peers.values.reduce(0) { sum, peer in
            switch peer.kind {
            case .client: sum + peer.subscriptions.count
            case .route: sum + peer.interest.count
            case .inboundGateway, .outboundGateway: sum
            }
        }
    }
}
