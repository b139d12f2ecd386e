import Foundation

/// What a server's monitoring says, in its own words (docs.nats.io, "Monitoring"); what is not used is left out.
struct MonitorPages {
    var routes: RoutesPage
    var gateways: GatewaysPage
    var subscriptions: SubscriptionsPage
}

/// `/routez`
struct RoutesPage: Decodable {
    struct Route: Decodable {
        var remote_id: String
    }

    /// One entry for each connection: up to three for a peer from 2.10.
    var routes: [Route]?
}

/// `/gatewayz?accs=1`
struct GatewaysPage: Decodable {
    struct Gateway: Decodable {
        var connection: Connection?
        var accounts: [Account]?
    }

    struct Connection: Decodable {
        var cid: Int
        /// The id of the server at the other end.
        var name: String?
        var out_msgs: Int
    }

    struct Account: Decodable {
        var name: String
        /// Left out when it is 0.
        var num_subs: Int?
    }

    var outbound_gateways: [String: Gateway]?
    var inbound_gateways: [String: [Gateway]]?
}

/// `/subsz`
struct SubscriptionsPage: Decodable {
    var num_subscriptions: Int
}

/// The JSON object of INFO.
struct InfoObject: Decodable {
    var server_id: String
}

/// The state of one server as its monitoring showed it.
struct ServerSight: Hashable {
    struct Outbound: Hashable {
        /// The id of the server that the connection leads to.
        var remote: String
        var entries: Int
        var connection: Int
        /// Messages written to the connection since it exists.
        var written: Int
    }

    /// By cluster.
    var outbound: [String: Outbound] = [:]
    /// By cluster: the ids of the servers that the connections come from.
    var inbound: [String: [String]] = [:]
    /// Ids of servers, each once.
    var routes: Set<String> = []
    var subscriptions = 0

    init(_ pages: MonitorPages) {
        for route in pages.routes.routes ?? [] { routes.insert(route.remote_id) }
        for (cluster, gateway) in pages.gateways.outbound_gateways ?? [:] {
            guard let connection = gateway.connection else { continue }
            // Without a system account there is only the global one.
            let entries = gateway.accounts?.reduce(0) { $0 + ($1.num_subs ?? 0) }
            outbound[cluster] = Outbound(
                remote: connection.name ?? "", entries: entries ?? 0, connection: connection.cid,
                written: connection.out_msgs)
        }
        for (cluster, gateways) in pages.gateways.inbound_gateways ?? [:] {
            inbound[cluster] = gateways.compactMap { $0.connection.map { $0.name ?? "" } }
        }
        subscriptions = pages.subscriptions.num_subscriptions
    }
}
