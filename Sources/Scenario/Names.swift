import Network

/// Looks up names that must exist elsewhere.
enum Names {
    static func region(_ node: YAMLNode, _ key: String, _ deployment: Deployment) throws(ScenarioError) -> Int {
        let text = try node.text(key)
        return try region(text, key, deployment, node.position)
    }

    static func region(
        _ text: String, _ key: String, _ deployment: Deployment, _ position: Position
    ) throws(ScenarioError) -> Int {
        if let index = deployment.regionIndex(named: text) { return index }
        let bySite = deployment.regions.first { $0.site == text }?.name
        throw ScenarioError(
            position, "\(key): no region \(quoted(text)) in deployment \(quoted(deployment.name))",
            suggestion: bySite ?? Nearest.match(text, among: deployment.regions.map(\.name)))
    }

    /// Two different regions written `us-east/singapore`.
    static func regionPair(_ node: YAMLNode, _ deployment: Deployment) throws(ScenarioError) -> (Int, Int) {
        let text = try node.text("between")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 2 else {
            throw ScenarioError(node.position, "expected two regions such as us-east/singapore, found \(quoted(text))")
        }
        let first = try region(parts[0], "between", deployment, node.position)
        let second = try region(parts[1], "between", deployment, node.position)
        guard first != second else {
            throw ScenarioError(node.position, "expected two different regions, found \(quoted(text))")
        }
        return (first, second)
    }

    static func link(_ node: YAMLNode, _ deployment: Deployment) throws(ScenarioError) -> Int {
        let text = try node.text("link")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        if parts.count == 2, let first = deployment.regionIndex(named: parts[0]),
            let second = deployment.regionIndex(named: parts[1]),
            let index = deployment.link(between: first, and: second)
        {
            return index
        }
        let known = deployment.links.map {
            deployment.regions[$0.first].name + "/" + deployment.regions[$0.second].name
        }
        throw ScenarioError(
            node.position, "link: no link \(quoted(text)) in deployment \(quoted(deployment.name))",
            suggestion: Nearest.match(text, among: known))
    }

    /// A NATS server written `singapore/nats-0`.
    static func server(
        _ node: YAMLNode, _ key: String, _ deployment: Deployment
    ) throws(ScenarioError) -> ServerReference {
        let text = try node.text(key)
        var known: [String] = []
        for (index, region) in deployment.regions.enumerated() {
            for server in 0..<region.nats.servers {
                let name = "\(region.name)/nats-\(server)"
                if name == text { return ServerReference(region: index, server: server) }
                known.append(name)
            }
        }
        throw ScenarioError(
            node.position, "\(key): no NATS server \(quoted(text)) in deployment \(quoted(deployment.name))",
            suggestion: Nearest.match(text, among: known))
    }

    /// A relay process written `singapore/wt-0`.
    static func relay(
        _ node: YAMLNode, _ deployment: Deployment
    ) throws(ScenarioError) -> (region: Int, transport: Transport, replica: Int) {
        let text = try node.text("relay")
        var known: [String] = []
        for (index, region) in deployment.regions.enumerated() {
            for group in region.relays {
                for replica in 0..<group.replicas {
                    let name = "\(region.name)/\(group.transport.rawValue)-\(replica)"
                    if name == text { return (index, group.transport, replica) }
                    known.append(name)
                }
            }
        }
        throw ScenarioError(
            node.position, "relay: no relay \(quoted(text)) in deployment \(quoted(deployment.name))",
            suggestion: Nearest.match(text, among: known))
    }
}
