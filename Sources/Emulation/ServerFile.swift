import EventKernel
import Routing

/// The configuration file of an emulated server.
struct ServerFile {
    /// Address and port that a URL of the topology leads to.
    typealias Resolution = (Endpoint) throws -> (host: String, port: UInt16)

    /// The ports are the same everywhere, since every server has an address of its own.
    enum Port {
        static let client: UInt16 = 4222
        static let route: UInt16 = 6222
        static let gateway: UInt16 = 7222
        static let monitoring: UInt16 = 8222

        static func number(of port: Endpoint.Port) -> UInt16 {
            switch port {
            case .client: client
            case .route: route
            case .gateway: gateway
            }
        }
    }

    let server: ServerSpec
    let address: String
    let resolve: Resolution

    /// The text of the file.
    func text() throws -> String {
        var lines = [
            "server_name: \(quoted(server.serverName))",
            "listen: \(quoted("\(address):\(Port.client)"))",
            "http: \(quoted("\(address):\(Port.monitoring)"))",
            // Without a system account nothing but the case's messages crosses routes and gateways.
            "no_system_account: true",
            "lame_duck_grace_period: \(text(of: ServerSpec.lameDuckGracePeriod))",
            "lame_duck_duration: \(text(of: ServerSpec.lameDuckDuration))",
        ]
        if let interval = server.pingInterval { lines.append("ping_interval: \(text(of: interval))") }
        lines += try clusterBlock()
        if let gateway = server.gateway { lines += try gatewayBlock(gateway) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func clusterBlock() throws -> [String] {
        var lines = ["cluster {", "  name: \(quoted(server.clusterName))"]
        lines.append("  listen: \(quoted("\(address):\(Port.route)"))")
        // Without it peers are told the address that a connection came from, which on loopback is nobody's.
        lines.append("  advertise: \(quoted("\(address):\(Port.route)"))")
        let routes = try server.routes.map { try url("nats-route", .server($0, .route)) }
        lines.append("  routes: [\(routes.joined(separator: ", "))]")
        if server.routeConnectRetries > 0 { lines.append("  connect_retries: \(server.routeConnectRetries)") }
        return lines + ["}"]
    }

    private func gatewayBlock(_ gateway: GatewaySpec) throws -> [String] {
        var lines = ["gateway {", "  name: \(quoted(gateway.name))"]
        lines.append("  listen: \(quoted("\(address):\(Port.gateway)"))")
        if let advertise = gateway.advertise {
            let (host, port) = try resolve(advertise)
            lines.append("  advertise: \(quoted("\(host):\(port)"))")
        }
        if gateway.rejectsUnknown { lines.append("  reject_unknown_cluster: true") }
        if gateway.connectRetries > 0 { lines.append("  connect_retries: \(gateway.connectRetries)") }
        lines.append("  gateways: [")
        for remote in gateway.remotes {
            let urls = try remote.urls.map { try url("nats", $0) }
            lines.append("    {name: \(quoted(remote.name)), urls: [\(urls.joined(separator: ", "))]}")
        }
        return lines + ["  ]", "}"]
    }

    private func url(_ scheme: String, _ endpoint: Endpoint) throws -> String {
        let (host, port) = try resolve(endpoint)
        return quoted("\(scheme)://\(host):\(port)")
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }

    private func text(of duration: SimDuration) -> String { "\"\(duration.nanoseconds)ns\"" }
}
