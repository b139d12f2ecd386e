import EventKernel
import Scenario

/// Reads the servers of a case and the delays between them.
///
/// Gateways and routes name servers of other clusters, so a first pass collects names and a second one resolves.
struct CaseTopologyReader {
    var file: String
    private var clusters: [Cluster] = []
    private var servers: [Server] = []

    private struct Cluster {
        var name: String
        /// `gateway:` as written; `nil`: not given.
        var gateway: YAMLNode?
        var pingInterval: SimDuration?
    }

    private struct Server {
        var name: String
        var cluster: String
        /// Its entry under `servers:`.
        var settings: Fields?
    }

    init(file: String) { self.file = file }

    func read(_ fields: Fields) throws(ScenarioError) -> Topology {
        var reader = self
        return try reader.readTopology(fields)
    }

    private mutating func readTopology(_ fields: Fields) throws(ScenarioError) -> Topology {
        guard let deployment = fields.node("deployment") else {
            guard let node = fields.node("clusters") else {
                throw ScenarioError(fields.position, "a routing case needs clusters or a deployment")
            }
            for entry in try node.entries("clusters") { try readCluster(entry) }
            if clusters.isEmpty { throw ScenarioError(node.position, "expected at least one cluster") }
            try checkServers(node.position)
            try readSettings(fields.node("servers"))
            var specs: [ServerSpec] = []
            for server in servers { specs.append(try spec(server)) }
            return Topology(servers: specs, delays: try readDelays(fields))
        }
        for key in ["clusters", "wan"] where fields.has(key) {
            throw ScenarioError(fields.keyPosition(key), "\(key): the deployment says it already; give one of them")
        }
        return try readDeployment(deployment, settings: fields.node("servers"))
    }

    private mutating func readDeployment(
        _ node: YAMLNode, settings: YAMLNode?
    ) throws(ScenarioError) -> Topology {
        let path = try ScenarioReader.deploymentPath(node, beside: file)
        var topology = Topology(try ScenarioReader.loadDeployment(path: path).deployment)
        clusters = topology.clusters.map { Cluster(name: $0) }
        servers = topology.servers.map { Server(name: $0.name, cluster: $0.cluster) }
        try checkServers(node.position)
        try readSettings(settings)
        for index in servers.indices { try override(&topology.servers[index], by: servers[index]) }
        return topology
    }

    private mutating func readCluster(_ entry: YAMLEntry) throws(ScenarioError) {
        try DeploymentReader.checkName(entry.key, "a cluster", entry.keyPosition)
        var cluster = Cluster(name: entry.key)
        if case .mapping = entry.value.content {
            let fields = try Fields(entry.value, CaseTables.cluster)
            cluster.gateway = fields.node("gateway")
            cluster.pingInterval = try fields.duration("ping-interval")
            try addServers(fields.node("servers"), of: entry.key)
        } else {
            try addServers(entry.value, of: entry.key)
        }
        clusters.append(cluster)
    }

    private mutating func addServers(_ node: YAMLNode?, of cluster: String) throws(ScenarioError) {
        guard let node else { return servers.append(Server(name: "\(cluster)-0", cluster: cluster)) }
        guard case .sequence(let items) = node.content else {
            for index in 0..<Int(try node.quantity(CaseTables.cluster.key("servers"))) {
                servers.append(Server(name: "\(cluster)-\(index)", cluster: cluster))
            }
            return
        }
        if items.isEmpty { throw ScenarioError(node.position, "expected at least one server") }
        for item in items {
            let name = try item.text("servers")
            try DeploymentReader.checkName(name, "a server", item.position)
            if servers.contains(where: { $0.name == name }) {
                throw ScenarioError(item.position, "server \(quoted(name)) is given twice")
            }
            servers.append(Server(name: name, cluster: cluster))
        }
    }

    /// Servers, clusters and `nobody` stand in the same places, so one word must mean one of them.
    private func checkServers(_ position: Position) throws(ScenarioError) {
        guard servers.count <= CaseTables.maximumServers else {
            throw ScenarioError(
                position, "expected at most \(CaseTables.maximumServers) servers in all, found \(servers.count)")
        }
        for (index, server) in servers.enumerated() {
            if servers[..<index].contains(where: { $0.name == server.name }) {
                throw ScenarioError(position, "two servers are called \(quoted(server.name)); name them with `servers`")
            }
            if server.name == "nobody" || clusters.contains(where: { $0.name == server.name }) {
                throw ScenarioError(position, "server name \(quoted(server.name)) means something else already")
            }
        }
    }

    private mutating func readSettings(_ node: YAMLNode?) throws(ScenarioError) {
        guard let node else { return }
        for entry in try node.entries("servers") {
            servers[try find(entry.key, "servers", entry.keyPosition)].settings =
                try Fields(entry.value, CaseTables.server)
        }
    }

    private func find(_ name: String, _ key: String, _ position: Position) throws(ScenarioError) -> Int {
        if let index = servers.firstIndex(where: { $0.name == name }) { return index }
        throw ScenarioError(
            position, "\(key): no server \(quoted(name))",
            suggestion: Nearest.match(name, among: servers.map(\.name)))
    }
}

extension CaseTopologyReader {
    private func spec(_ server: Server) throws(ScenarioError) -> ServerSpec {
        let cluster = clusters.first { $0.name == server.cluster }
        var spec = ServerSpec(
            name: server.name, cluster: server.cluster,
            routes: servers.filter { $0.cluster == server.cluster && $0.name != server.name }.map(\.name),
            pingInterval: cluster?.pingInterval)
        // Before its own settings: a gateway there replaces this one, whose mistakes count all the same.
        spec.gateway = try readGateway(cluster?.gateway, of: server.cluster)
        try override(&spec, by: server)
        return spec
    }

    private func override(_ spec: inout ServerSpec, by server: Server) throws(ScenarioError) {
        guard let fields = server.settings else { return }
        if let node = fields.node("starts") {
            switch try node.text("starts") {
            case "at once": spec.startsAtOnce = true
            case "later": spec.startsAtOnce = false
            case let text:
                throw ScenarioError(
                    node.position, "expected starts to be one of at once, later, found \(quoted(text))",
                    suggestion: Nearest.match(text, among: ["at once", "later"]))
            }
        }
        spec.serverName = try fields.word("server-name") ?? spec.serverName
        if let node = fields.node("routes") { spec.routes = try readRoutes(node) }
        spec.routeConnectRetries = try fields.count("route-connect-retries") ?? spec.routeConnectRetries
        if let node = fields.node("gateway") {
            spec.gateway = try readGateway(node, of: server.cluster, cluster: spec.gateway)
        }
        spec.pingInterval = try fields.duration("ping-interval") ?? spec.pingInterval
    }

    private func readRoutes(_ node: YAMLNode) throws(ScenarioError) -> [String] {
        var routes: [String] = []
        for item in try node.items("servers") {
            let name = try item.text("routes")
            _ = try find(name, "routes", item.position)
            if routes.contains(name) {
                throw ScenarioError(item.position, "routes: \(quoted(name)) is given twice")
            }
            routes.append(name)
        }
        return routes
    }

    /// The gateway block of the servers of a cluster; without one in the file, a case with one cluster has none.
    ///
    /// - Parameter inherited: what gives name and remotes where a server's own block does not.
    private func readGateway(
        _ node: YAMLNode?, of cluster: String, cluster inherited: GatewaySpec? = nil
    ) throws(ScenarioError) -> GatewaySpec? {
        guard let node else {
            return clusters.count > 1 ? GatewaySpec(name: cluster, remotes: try remotes(of: cluster)) : nil
        }
        if try isNone(node) { return nil }
        let fields = try Fields(node, CaseTables.gateway)
        let remotes: [GatewaySpec.Remote]
        if let written = try readRemotes(fields.node("remotes")) {
            remotes = written
        } else if let inherited {
            remotes = inherited.remotes
        } else {
            remotes = try self.remotes(of: cluster)
        }
        return GatewaySpec(
            name: try readGatewayName(fields.node("name")) ?? inherited?.name ?? cluster, remotes: remotes,
            advertise: try readAdvertise(fields.node("advertise")),
            rejectsUnknown: try fields.flag("reject-unknown") ?? false,
            connectRetries: try fields.count("connect-retries") ?? 0)
    }

    private func isNone(_ node: YAMLNode) throws(ScenarioError) -> Bool {
        guard case .scalar = node.content else { return false }
        let text = try node.text("gateway")
        if text == "none" { return true }
        throw ScenarioError(node.position, "gateway: expected a mapping or the word none, found \(quoted(text))")
    }

    private func readGatewayName(_ node: YAMLNode?) throws(ScenarioError) -> String? {
        guard let node else { return nil }
        let name = try node.text("name")
        try checkGatewayName(name, node.position)
        return name
    }

    /// Names with spaces are allowed, because releases differ in whether they are.
    private func checkGatewayName(_ name: String, _ position: Position) throws(ScenarioError) {
        let isClean = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.properties.generalCategory != .control }
        guard isClean, !name.isEmpty, name.count <= 63 else {
            throw ScenarioError(position, "expected a gateway name of 1 to 63 characters, found \(quoted(name))")
        }
    }

    /// Every other cluster with a gateway, at the gateway ports of all its servers that have one.
    private func remotes(of cluster: String) throws(ScenarioError) -> [GatewaySpec.Remote] {
        var remotes: [GatewaySpec.Remote] = []
        for other in clusters where other.name != cluster {
            if let node = other.gateway, try isNone(node) { continue }
            var name = other.name
            if let node = other.gateway {
                name = try readGatewayName(Fields(node, CaseTables.gateway).node("name")) ?? name
            }
            var urls: [Endpoint] = []
            for server in servers where server.cluster == other.name {
                if let node = server.settings?.node("gateway"), try isNone(node) { continue }
                urls.append(.server(server.name, .gateway))
            }
            if !urls.isEmpty { remotes.append(GatewaySpec.Remote(name: name, urls: urls)) }
        }
        return remotes
    }

    private func readAdvertise(_ node: YAMLNode?) throws(ScenarioError) -> Endpoint? {
        guard let node else { return nil }
        return try readEndpoint(node)
    }

    private func readRemotes(_ node: YAMLNode?) throws(ScenarioError) -> [GatewaySpec.Remote]? {
        guard let node else { return nil }
        var remotes: [GatewaySpec.Remote] = []
        for entry in try node.entries("remotes") {
            try checkGatewayName(entry.key, entry.keyPosition)
            var urls: [Endpoint] = []
            if case .sequence(let items) = entry.value.content {
                for item in items { urls.append(try readEndpoint(item)) }
                if urls.isEmpty {
                    throw ScenarioError(
                        entry.value.position,
                        "nats-server refuses to start: gateway \(quoted(entry.key)) has no URL")
                }
            } else {
                urls.append(try readEndpoint(entry.value))
            }
            remotes.append(GatewaySpec.Remote(name: entry.key, urls: urls))
        }
        return remotes
    }

    /// `us-0`, `us-1/client`, `node-port us` or `nobody`.
    private func readEndpoint(_ node: YAMLNode) throws(ScenarioError) -> Endpoint {
        let text = try node.text("an endpoint")
        if text == "nobody" { return .nobody }
        let words = text.split(separator: " ").map { String($0) }
        if words.count == 2, words[0] == "node-port" {
            if clusters.contains(where: { $0.name == words[1] }) { return .nodePort(cluster: words[1]) }
            throw ScenarioError(
                node.position, "node-port: no cluster \(quoted(words[1]))",
                suggestion: Nearest.match(words[1], among: clusters.map(\.name)).map { "node-port " + $0 })
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        guard servers.contains(where: { $0.name == parts[0] }) else {
            throw ScenarioError(
                node.position,
                "expected an endpoint (a server, server/client, server/route, node-port cluster or nobody), found "
                    + quoted(text), suggestion: Nearest.match(parts[0], among: servers.map(\.name)))
        }
        guard parts.count == 2 else { return .server(parts[0], .gateway) }
        if let port = Endpoint.Port(rawValue: parts[1]) { return .server(parts[0], port) }
        let ports = Endpoint.Port.allCases.map(\.rawValue)
        throw ScenarioError(
            node.position,
            "expected a port of \(parts[0]), one of \(ports.joined(separator: ", ")), found \(quoted(parts[1]))",
            suggestion: Nearest.match(parts[1], among: ports).map { parts[0] + "/" + $0 })
    }
}

extension CaseTopologyReader {
    private func readDelays(_ fields: Fields) throws(ScenarioError) -> [Topology.Delay] {
        guard let node = fields.node("wan") else { return [] }
        var delays: [Topology.Delay] = []
        guard case .mapping(let entries) = node.content else {
            guard let oneWay = try fields.duration("wan"), oneWay > .zero else { return [] }
            for (index, first) in clusters.enumerated() {
                for second in clusters[(index + 1)...] {
                    delays.append(Topology.Delay(between: first.name, and: second.name, oneWay: oneWay))
                }
            }
            return delays
        }
        for entry in entries {
            let (first, second) = try readPair(entry)
            let isKnown = delays.contains {
                ($0.between == first && $0.and == second) || ($0.between == second && $0.and == first)
            }
            if isKnown { throw ScenarioError(entry.keyPosition, "wan: \(quoted(entry.key)) is given twice") }
            let nanoseconds = try entry.value.quantity(CaseTables.routingCase.key("wan"))
            delays.append(
                Topology.Delay(between: first, and: second, oneWay: SimDuration(nanoseconds: Int64(nanoseconds))))
        }
        return delays
    }

    private func readPair(_ entry: YAMLEntry) throws(ScenarioError) -> (String, String) {
        let parts = entry.key.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 2, parts[0] != parts[1] else {
            throw ScenarioError(
                entry.keyPosition, "wan: expected two clusters such as us/sgp, found \(quoted(entry.key))")
        }
        for part in parts where !clusters.contains(where: { $0.name == part }) {
            throw ScenarioError(
                entry.keyPosition, "wan: no cluster \(quoted(part))",
                suggestion: Nearest.match(part, among: clusters.map(\.name)))
        }
        return (parts[0], parts[1])
    }
}
