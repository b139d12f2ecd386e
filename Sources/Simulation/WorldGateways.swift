import EventKernel
import NATSModel
import RandomVariates
import Scenario

/// Addresses, names and machines of the NATS servers, from the deployment.
extension World {
    /// What a server's INFO says.
    func info(of server: Int) -> ServerInfo {
        let place = servers[server]
        let region = scenario.deployment.regions[place.region]
        let cluster = region.nats.gateway?.name ?? region.nats.clusterName ?? region.name
        var urls: [String] = []
        if let gateway = region.nats.gateway {
            // In the form of configured URLs, so that a dialer does not take one address for two.
            urls = (gateway.advertise.map { [$0] } ?? gateway.addresses).map { "nats://" + $0 }
        }
        return ServerInfo(
            server: ServerIdentity(name: place.name, cluster: cluster), gateway: region.nats.gateway?.name, urls: urls)
    }

    func makeMachine(_ server: Int) -> Server {
        let identity = info(of: server).server
        let text = scenario.deployment.regions[servers[server].region].nats.version
        let version = (try? ServerVersion(parsing: text)) ?? .v2_9_10
        return Server(name: identity.name, cluster: identity.cluster, version: version)
    }

    /// The dialers that a server's configuration asks for.
    func makeDialers(_ server: Int) -> [OutboundGateway] {
        let region = scenario.deployment.regions[servers[server].region]
        guard let gateway = region.nats.gateway else { return [] }
        let version = (try? ServerVersion(parsing: region.nats.version)) ?? .v2_9_10
        return gateway.remotes.enumerated().map { index, remote in
            OutboundGateway(
                dialer: GatewayDialer(
                    own: info(of: server), remote: remote.name, urls: remote.urls, parameters: nats, version: version),
                random: gatewayStream(server: server, peer: index, side: 0))
        }
    }

    func gatewayStream(server: Int, peer: Int, side: UInt64) -> RandomStream {
        RandomStream(
            seed: scenario.seed, purpose: .gatewayDial, replication: replication,
            entity: UInt64(server) << 20 | UInt64(peer) << 4 | side)
    }

    /// The server behind a gateway address. A NodePort or a shared `advertise` leads to a random server of its
    /// region; an address of no region (a pod's, a wrong one) leads nowhere.
    func gatewayServer(at url: String, from own: Int, draw: UInt64) -> Int? {
        let address = url.hasPrefix("nats://") ? String(url.dropFirst(7)) : url
        for (index, region) in scenario.deployment.regions.enumerated() {
            guard let gateway = region.nats.gateway, index != own else { continue }
            if let position = gateway.addresses.firstIndex(of: address) {
                return serversOfRegion[index].lowerBound + min(position, region.nats.servers - 1)
            }
            let nodePort = region.nodePool?.address.flatMap { node in gateway.nodePort.map { "\(node):\($0)" } }
            if address == nodePort || address == gateway.advertise {
                return serversOfRegion[index].lowerBound
                    + Int(UInt64(region.nats.servers).multipliedFullWidth(by: draw).high)
            }
        }
        return nil
    }

    /// How the servers of a region hold up producers.
    func stallRule(of region: Int) -> StallRule {
        let version = try? ServerVersion(parsing: scenario.deployment.regions[region].nats.version)
        return (version ?? .v2_9_10).behaviour.stall
    }
}
