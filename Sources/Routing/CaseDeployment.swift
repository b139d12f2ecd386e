import EventKernel
import Scenario

extension Topology {
    /// The NATS servers of a deployment: a cluster for each region, named after it.
    ///
    /// What a gateway URL leads to is told by the addresses that the deployment states: the node port of a region,
    /// a server of one, or nobody. Servers that advertise nothing and are given no addresses tell others their pod
    /// addresses, which cannot be dialled from another region. Versions, CPU and bandwidth are not taken over.
    init(_ deployment: Deployment) {
        var servers: [ServerSpec] = []
        for region in deployment.regions {
            let names = (0..<region.nats.servers).map { "\(region.name)-\($0)" }
            for name in names {
                servers.append(
                    ServerSpec(
                        name: name, cluster: region.name, routes: names.filter { $0 != name },
                        gateway: region.nats.gateway.map { GatewaySpec($0, in: deployment) }))
            }
        }
        let delays = deployment.links.map { link in
            Delay(
                between: deployment.regions[link.first].name, and: deployment.regions[link.second].name,
                oneWay: SimDuration(nanoseconds: link.roundTrip.nanoseconds / 2))
        }
        self.init(servers: servers, delays: delays)
    }
}

extension GatewaySpec {
    fileprivate init(_ block: GatewayBlock, in deployment: Deployment) {
        let remotes = block.remotes.map { remote in
            Remote(
                name: remote.name,
                urls: remote.urls.map { url in
                    Endpoint(url.hasPrefix("nats://") ? String(url.dropFirst("nats://".count)) : url, in: deployment)
                })
        }
        let advertise: Endpoint? =
            if let told = block.advertise { Endpoint(told, in: deployment) } else if block.addresses.isEmpty {
                deployment.regions.count > 1 ? .nobody : nil
            } else { nil }
        self.init(name: block.name, remotes: remotes, advertise: advertise)
    }
}

extension Endpoint {
    /// What answers at `host:port`.
    fileprivate init(_ address: String, in deployment: Deployment) {
        for region in deployment.regions {
            guard let gateway = region.nats.gateway else { continue }
            if let host = region.nodePool?.address, let port = gateway.nodePort, address == "\(host):\(port)" {
                self = .nodePort(cluster: region.name)
                return
            }
            if let server = gateway.addresses.firstIndex(of: address) {
                self = .server("\(region.name)-\(server)", .gateway)
                return
            }
        }
        self = .nobody
    }
}
