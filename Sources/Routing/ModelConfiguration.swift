public import EventKernel
import NATSModel

/// How a case's servers are configured in the model: a URL is the text of its endpoint.
extension ServerSpec {
    /// How long a server in lame duck mode waits before it closes its clients; nats-server's default is 10 s.
    public static var lameDuckGracePeriod: SimDuration { .milliseconds(500) }
    /// Over which time it closes them: the smallest that nats-server v2.9.10 takes.
    public static var lameDuckDuration: SimDuration { .seconds(30) }

    var configuration: ServerConfiguration {
        var configuration = ServerConfiguration(
            name: serverName, cluster: clusterName, routeURL: Endpoint.server(name, .route).url,
            routes: routes.map { Endpoint.server($0, .route).url }, routeConnectRetries: routeConnectRetries,
            gateway: gateway.map { block in
                GatewayConfiguration(
                    name: block.name, url: (block.advertise ?? .server(name, .gateway)).url,
                    remotes: block.remotes.map { remote in
                        GatewayConfiguration.Remote(name: remote.name, urls: remote.urls.map(\.url))
                    },
                    rejectsUnknown: block.rejectsUnknown, connectRetries: block.connectRetries)
            })
        configuration.lameDuckGrace = Self.lameDuckGracePeriod
        configuration.lameDuckDuration = Self.lameDuckDuration
        return configuration
    }
}

extension Endpoint {
    var url: String {
        switch self {
        case .server(let name, let port): "\(name)/\(port.rawValue)"
        case .nodePort(let cluster): "node-port/\(cluster)"
        case .nobody: "nobody"
        }
    }

    /// The endpoint that `url` was made from.
    init(url: String) {
        let parts = url.split(separator: "/", maxSplits: 1).map(String.init)
        if parts.count == 2, parts[0] == "node-port" {
            self = .nodePort(cluster: parts[1])
        } else if parts.count == 2, let port = Port(rawValue: parts[1]) {
            self = .server(parts[0], port)
        } else {
            self = .nobody
        }
    }
}
