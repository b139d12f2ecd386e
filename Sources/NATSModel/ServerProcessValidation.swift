extension ServerConfiguration {
    /// `cluster.name`, or the gateway's name where that is not set.
    public var clusterName: String { cluster.isEmpty ? gateway?.name ?? "" : cluster }

    /// The line with which a real server refuses to start with this configuration; `nil`: it starts.
    ///
    /// nats-server v2.9.10 server/gateway.go validateGatewayOptions, server/server.go validateCluster, and from
    /// v2.11.0 server/opts.go for spaces, where the configuration file's position stands before the text.
    public func validate(version: ServerVersion = .v2_9_10) -> String? {
        if version.behaviour.refusesSpacesInNames, let field = fieldWithSpaces {
            return "nats-server: \(field) name cannot contain spaces"
        }
        guard let gateway else { return nil }
        if gateway.name.isEmpty { return "nats-server: gateway has no name" }
        for (index, remote) in gateway.remotes.enumerated() {
            if remote.name.isEmpty { return "nats-server: gateway in the list \(index) has no name" }
            if remote.urls.isEmpty { return "nats-server: gateway \"\(remote.name)\" has no URL" }
        }
        if !cluster.isEmpty && cluster != gateway.name {
            return "nats-server: cluster name conflicts between cluster and gateway definitions"
        }
        return nil
    }

    private var fieldWithSpaces: String? {
        if name.contains(" ") { return "server" }
        if cluster.contains(" ") { return "cluster" }
        if let gateway, gateway.name.contains(" ") { return "gateway" }
        return nil
    }
}
