/// What is legal in a deployment and will still surprise its operators.
///
/// Sources: nats-server v2.9.10 server/gateway.go (a remote of one's own name is taken for oneself; a dialled
/// gateway of another name is refused; implicit gateways), and trials with real servers (docs/measurements.md).
enum DeploymentFindings {
    static func all(_ deployment: Deployment, file: String) -> [String] {
        var result: [String] = []
        for (index, region) in deployment.regions.enumerated() {
            result += names(region, index, deployment)
            guard let gateway = region.nats.gateway else { continue }
            for remote in gateway.remotes { result += findings(on: remote, of: region, gateway, deployment) }
            if gateway.nodePort != nil, gateway.advertise == nil {
                result.append(
                    "region \"\(region.name)\" is dialled through a NodePort and advertises nothing: its servers "
                        + "give others their pod addresses, which cannot be dialled")
            }
        }
        if deployment.regions.count > 1, deployment.regions.allSatisfy({ ($0.nats.gateway?.remotes ?? []).isEmpty }) {
            result.append("no region lists a remote gateway: none is ever dialled, and no message crosses regions")
        }
        for (first, region) in deployment.regions.enumerated() {
            for second in deployment.regions.indices where second > first {
                if deployment.link(between: first, and: second) == nil {
                    result.append("no link joins \"\(region.name)\" and \"\(deployment.regions[second].name)\"")
                }
            }
        }
        return result.map { "\(file):1:1: \($0)" }
    }

    private static func names(_ region: Region, _ index: Int, _ deployment: Deployment) -> [String] {
        guard let gateway = region.nats.gateway else {
            return deployment.regions.count > 1 ? ["region \"\(region.name)\" has no gateway block"] : []
        }
        let twins = deployment.regions[..<index].filter { $0.nats.gateway?.name == gateway.name }
        return twins.map {
            "regions \"\($0.name)\" and \"\(region.name)\" both call their gateway \"\(gateway.name)\": each takes "
                + "the other for itself, and no gateway forms"
        }
    }

    private static func findings(
        on remote: GatewayRemote, of region: Region, _ gateway: GatewayBlock, _ deployment: Deployment
    ) -> [String] {
        if remote.name == gateway.name {
            return ["region \"\(region.name)\" lists its own gateway name \"\(remote.name)\" as remote: ignored"]
        }
        var result: [String] = []
        for url in remote.urls {
            let endpoint = String(url.dropFirst("nats://".count))
            guard let owner = deployment.regions.first(where: { $0.answers(at: endpoint) }) else {
                result.append("region \"\(region.name)\" dials \(url), where no region answers")
                continue
            }
            let name = owner.nats.gateway?.name ?? ""
            if name != remote.name {
                result.append(
                    "region \"\(region.name)\" dials \(url) as \"\(remote.name)\", but the gateway there is "
                        + "\"\(name)\": refused again and again")
            }
        }
        return result
    }
}

extension Region {
    /// Whether a gateway connection to `host:port` reaches this region's servers.
    func answers(at endpoint: String) -> Bool {
        guard let gateway = nats.gateway else { return false }
        if let address = nodePool?.address, let port = gateway.nodePort, endpoint == "\(address):\(port)" {
            return true
        }
        return gateway.addresses.contains(endpoint) || gateway.advertise == endpoint
    }
}
