import EventKernel
import NATSModel
import Network

/// Reads deployments: topology, gateway blocks and limits.
package struct DeploymentReader {
    /// Name to use where the file gives none.
    var defaultName: String

    func read(_ node: YAMLNode) throws(ScenarioError) -> Deployment {
        let fields = try Fields(node, DeploymentTables.deployment)
        let name = try fields.text("name") ?? defaultName
        var regions: [Region] = []
        let regionsNode = fields.node("regions") ?? node
        for entry in try regionsNode.entries("regions") {
            try Self.checkName(entry.key, "a region", entry.keyPosition)
            regions.append(try readRegion(entry))
        }
        guard !regions.isEmpty else {
            throw ScenarioError(regionsNode.position, "expected at least one region")
        }
        guard regions.count <= 16 else {
            throw ScenarioError(regionsNode.position, "expected at most 16 regions, found \(regions.count)")
        }
        var deployment = Deployment(name: name, regions: regions, links: [])
        if let links = fields.node("links") {
            for item in try links.items("links") {
                deployment.links.append(try readLink(item, deployment))
            }
        }
        return deployment
    }

    /// Names stand in dotted keys and in `region/server`, so they hold neither dots nor slashes.
    package static func checkName(_ name: String, _ what: String, _ position: Position) throws(ScenarioError) {
        let allowed = name.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "-" || $0 == "_"
        }
        guard allowed, !name.isEmpty, name.count <= 63 else {
            throw ScenarioError(
                position, "expected a name for \(what) of letters, digits, - and _ (at most 63), found \(quoted(name))")
        }
    }

    private func readRegion(_ entry: YAMLEntry) throws(ScenarioError) -> Region {
        let fields = try Fields(entry.value, DeploymentTables.region)
        var relays: [RelayGroup] = []
        if let list = fields.node("relays") {
            for item in try list.items("groups of relays") {
                let group = try readRelay(item)
                guard !relays.contains(where: { $0.transport == group.transport }) else {
                    throw ScenarioError(
                        item.position,
                        "transport \(group.transport.rawValue) is given twice in region \(quoted(entry.key))")
                }
                relays.append(group)
            }
        }
        guard let natsNode = fields.node("nats"), let site = try fields.text("site") else {
            throw ScenarioError(entry.value.position, "a region needs site and nats")
        }
        return Region(
            name: entry.key, site: site, vpc: try readNetwork(fields), nodePool: try readPool(fields.node("node-pool")),
            nats: try readNATS(natsNode, hasPool: fields.has("node-pool")), relays: relays)
    }

    private func readNetwork(_ fields: Fields) throws(ScenarioError) -> String? {
        guard let text = try fields.text("vpc"), let node = fields.node("vpc") else { return nil }
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, Self.isIPv4(String(halves[0])), let bits = Int(halves[1]), (0...32).contains(bits)
        else {
            throw ScenarioError(node.position, "vpc: expected a network such as 10.100.0.0/16, found \(quoted(text))")
        }
        return text
    }

    private func readPool(_ node: YAMLNode?) throws(ScenarioError) -> NodePool? {
        guard let node else { return nil }
        let fields = try Fields(node, DeploymentTables.nodePool)
        let address = try fields.text("address")
        if let address, !Self.isIPv4(address) {
            throw ScenarioError(
                fields.node("address")?.position ?? node.position,
                "address: expected an IPv4 address such as 10.100.0.2, found \(quoted(address))")
        }
        return NodePool(
            size: try fields.text("size") ?? "", count: Int(try fields.integer("count") ?? 1), address: address)
    }

    private func readNATS(_ node: YAMLNode, hasPool: Bool) throws(ScenarioError) -> NATSCluster {
        let fields = try Fields(node, DeploymentTables.nats)
        let gateway = try readGateway(fields.node("gateway"))
        let clusterName = try fields.text("cluster-name")
        if let clusterName, let gateway, clusterName != gateway.name {
            throw ScenarioError(
                fields.node("cluster-name")?.position ?? node.position,
                "nats-server refuses to start: cluster name \(quoted(clusterName)) conflicts with gateway name "
                    + quoted(gateway.name), suggestion: gateway.name)
        }
        if let gateway, gateway.nodePort != nil, !hasPool {
            throw ScenarioError(
                fields.node("gateway")?.position ?? node.position,
                "node-port needs a node-pool with an address in the region")
        }
        let servers = Int(try fields.integer("servers") ?? 1)
        if let gateway, !gateway.addresses.isEmpty, gateway.addresses.count != servers {
            throw ScenarioError(
                fields.node("gateway")?.position ?? node.position,
                "addresses: expected one for each of \(servers) servers, found \(gateway.addresses.count)")
        }
        return NATSCluster(
            servers: servers, version: try readVersion(fields),
            clusterName: clusterName, gateway: gateway, cpu: try fields.integer("cpu"),
            memory: try fields.integer("memory"))
    }

    private func readVersion(_ fields: Fields) throws(ScenarioError) -> String {
        let text = try fields.text("version") ?? ""
        do {
            _ = try ServerVersion(parsing: text)
        } catch {
            throw ScenarioError(fields.node("version")?.position ?? fields.position, "version: \(error)")
        }
        return text
    }

    private func readRelay(_ node: YAMLNode) throws(ScenarioError) -> RelayGroup {
        let fields = try Fields(node, DeploymentTables.relay)
        return RelayGroup(
            transport: try fields.choice("transport", Transport.self) ?? .webSocket,
            replicas: Int(try fields.integer("replicas") ?? 1), cpu: try fields.integer("cpu"),
            memory: try fields.integer("memory"), threads: Int(try fields.integer("threads") ?? 1))
    }

    private func readLink(_ node: YAMLNode, _ deployment: Deployment) throws(ScenarioError) -> WANLink {
        let fields = try Fields(node, DeploymentTables.link)
        guard let between = fields.node("between"), let roundTrip = try fields.duration("round-trip") else {
            throw ScenarioError(node.position, "a link needs between and round-trip")
        }
        let (first, second) = try Names.regionPair(between, deployment)
        guard deployment.link(between: first, and: second) == nil else {
            throw ScenarioError(between.position, "link \(quoted(try between.text("between"))) is given twice")
        }
        let oneWay = try fields.duration("one-way")
        if let oneWay, oneWay > roundTrip {
            throw ScenarioError(
                fields.node("one-way")?.position ?? node.position,
                "one-way: expected at most the round trip of \(UnitFormat.duration(roundTrip.nanoseconds)), found "
                    + quoted(UnitFormat.duration(oneWay.nanoseconds)))
        }
        let loss = try fields.real("loss") ?? 0
        if fields.has("loss-burst"), loss == 0 {
            throw ScenarioError(fields.keyPosition("loss-burst"), "loss-burst has no effect without loss")
        }
        return WANLink(
            first: first, second: second, roundTrip: roundTrip, oneWay: oneWay,
            jitter: try fields.duration("jitter") ?? .zero,
            loss: PacketLoss(share: loss, burst: try fields.real("loss-burst") ?? 1),
            bandwidth: try fields.integer("bandwidth"))
    }
}

extension DeploymentReader {
    private func readGateway(_ node: YAMLNode?) throws(ScenarioError) -> GatewayBlock? {
        guard let node else { return nil }
        let fields = try Fields(node, DeploymentTables.gateway)
        var remotes: [GatewayRemote] = []
        if let list = fields.node("remotes") {
            for item in try list.items("remote gateways") {
                let remote = try readRemote(item)
                guard !remotes.contains(where: { $0.name == remote.name }) else {
                    throw ScenarioError(item.position, "remote gateway \(quoted(remote.name)) is given twice")
                }
                remotes.append(remote)
            }
        }
        var addresses: [String] = []
        if let list = fields.node("addresses") {
            for item in try list.items("addresses") { addresses.append(try readEndpoint(item, "addresses")) }
        }
        var advertise: String?
        if let item = fields.node("advertise") { advertise = try readEndpoint(item, "advertise") }
        let nodePort = try fields.integer("node-port").map { Int($0) }
        return GatewayBlock(
            name: try readGatewayName(fields), port: Int(try fields.integer("port") ?? 7_222), nodePort: nodePort,
            advertise: advertise, remotes: remotes, addresses: addresses)
    }

    private func readRemote(_ node: YAMLNode) throws(ScenarioError) -> GatewayRemote {
        let fields = try Fields(node, DeploymentTables.remote)
        var urls: [String] = []
        let list = fields.node("urls") ?? node
        for item in try list.items("urls") {
            let text = try item.text("urls")
            guard text.hasPrefix("nats://"), Self.isEndpoint(String(text.dropFirst(7))) else {
                throw ScenarioError(
                    item.position, "urls: expected nats://host:port, found \(quoted(text))",
                    suggestion: Self.isEndpoint(text) ? "nats://" + text : nil)
            }
            urls.append(text)
        }
        let name = try readGatewayName(fields)
        guard !urls.isEmpty else {
            throw ScenarioError(list.position, "nats-server refuses to start: gateway \(quoted(name)) has no URL")
        }
        return GatewayRemote(name: name, urls: urls)
    }

    private func readGatewayName(_ fields: Fields) throws(ScenarioError) -> String {
        let name = try fields.text("name") ?? ""
        guard !name.contains(where: \.isWhitespace) else {
            throw ScenarioError(
                fields.node("name")?.position ?? fields.position,
                "name: expected a gateway name without spaces, found \(quoted(name))")
        }
        return name
    }

    private func readEndpoint(_ node: YAMLNode, _ what: String) throws(ScenarioError) -> String {
        let text = try node.text(what)
        guard Self.isEndpoint(text) else {
            throw ScenarioError(node.position, "\(what): expected host:port, found \(quoted(text))")
        }
        return text
    }

    static func isEndpoint(_ text: String) -> Bool {
        let halves = text.split(separator: ":", omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[0].isEmpty, let port = Int(halves[1]) else { return false }
        let isHost = halves[0].unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "-" || $0 == "."
        }
        return isHost && (1...65_535).contains(port)
    }

    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { part in part.count <= 3 && UInt8(part) != nil }
    }
}
