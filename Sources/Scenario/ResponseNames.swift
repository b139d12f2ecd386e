import Measures

/// The responses that a scenario has: those of the catalogue, and those of its streams, gateways and servers.
struct ResponseNames {
    private var own: [String] = []
    private var known: Set<String>
    private var hasPublishers: Bool

    init(publishers: [RawPublisher], deployment: Deployment) {
        hasPublishers = !publishers.isEmpty
        if hasPublishers {
            for publisher in publishers {
                own += StreamMeasure.allCases.map { $0.responseName(stream: publisher.name) }
            }
            for (server, region) in deployment.gatewayPairs {
                own += GatewayMeasure.allCases.map { $0.responseName(server: server, region: region) }
            }
        }
        for (index, region) in deployment.regions.enumerated() {
            for server in 0..<region.nats.servers {
                let name = deployment.serverName(region: index, server: server)
                own += ServerMeasure.cases(hasPublishers: hasPublishers).map { $0.responseName(server: name) }
            }
        }
        for (index, region) in deployment.regions.enumerated() where region.nats.memory != nil {
            for server in 0..<region.nats.servers {
                let name = deployment.serverName(region: index, server: server)
                own += ServerMeasure.ofMemory.map { $0.responseName(server: name) }
            }
        }
        known = Set(own)
    }

    /// - Throws: `ScenarioError` if the scenario has no response of that name.
    func definition(_ node: YAMLNode) throws(ScenarioError) -> ResponseDefinition {
        let name = try node.text("response")
        let isOwn = ["stream", "gateway", "server"].contains(String(name.prefix { $0 != "." }))
        if let definition = ResponseCatalogue.definition(named: name),
            known.contains(name) || Self.catalogue.contains(name)
        {
            return definition
        }
        let isOfMemory = ServerMeasure.ofMemory.contains { name.hasPrefix("server.") && name.hasSuffix($0.rawValue) }
        if isOwn, !isOfMemory, !hasPublishers, ResponseCatalogue.definition(named: name) != nil {
            throw ScenarioError(
                node.position, "response: \(quoted(name)) is observed in scenarios with publishers only")
        }
        let place = isOwn ? "among the streams, gateways and servers of this scenario" : "in the catalogue"
        throw ScenarioError(
            node.position, "response: no response \(quoted(name)) \(place)",
            suggestion: Nearest.match(name, among: own + ResponseCatalogue.all.map(\.name)))
    }

    private static let catalogue = Set(ResponseCatalogue.all.map(\.name))

    /// Whether a response is observed only where something fails.
    static func needsFault(_ name: String) -> Bool {
        let measure = String(name.split(separator: ".").last ?? "")
        switch name.prefix(while: { $0 != "." }) {
        case "stream": return [StreamMeasure.resumed, .fresh, .normal].contains { $0.rawValue == measure }
        case "gateway": return [GatewayMeasure.closed, .restored, .inboundClosed].contains { $0.rawValue == measure }
        default: return name.hasPrefix("recovery.") || name.contains(".during.") || name.contains(".after.")
        }
    }
}
