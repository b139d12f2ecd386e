import EventKernel
import NATSModel
import Network
import Routing
import Scenario

/// The servers of a scenario's deployment as they are configured here, and what can come of it.
struct EmulatedDeployment: Sendable {
    /// Who can have a gateway to whom, by region.
    struct Reach: Hashable, Sendable {
        var from: Int
        var to: Int
    }

    struct ServerPlace: Hashable, Sendable {
        /// For example `us-east/nats-0`.
        var name: String
        var region: Int
        /// Index among the servers of its region.
        var local: Int
        var spec: ServerSpec
    }

    let scenario: Scenario
    let servers: [ServerPlace]
    /// Gateways that are there once all is well.
    let gateways: Set<Reach>

    /// - Throws: `EmulationError` when the scenario has something that real servers cannot be told or that is not
    ///   emulated.
    init(_ scenario: Scenario) throws(EmulationError) {
        try Self.check(scenario)
        self.scenario = scenario
        let deployment = scenario.deployment
        var servers: [ServerPlace] = []
        for (index, region) in deployment.regions.enumerated() {
            let names = (0..<region.nats.servers).map { "\(region.name)/nats-\($0)" }
            for (local, name) in names.enumerated() {
                let cluster = region.nats.gateway?.name ?? region.nats.clusterName ?? region.name
                let spec = ServerSpec(
                    name: name, serverName: Self.plain(name), cluster: cluster,
                    routes: names.filter { $0 != name },
                    gateway: region.nats.gateway.map { Self.gateway($0, deployment) },
                    pingInterval: scenario.nats.gatewayPingInterval == ServerParameters().gatewayPingInterval
                        ? nil : scenario.nats.gatewayPingInterval)
                servers.append(ServerPlace(name: name, region: index, local: local, spec: spec))
            }
        }
        guard servers.count <= AddressPlan.mostPlaces else {
            throw EmulationError("\(servers.count) servers, at most \(AddressPlan.mostPlaces) can be emulated")
        }
        self.servers = servers
        gateways = Self.reachable(deployment)
    }

    var regions: [Region] { scenario.deployment.regions }

    /// Outbound gateways of all servers once all is well.
    var gatewayCount: Int { gateways.reduce(0) { $0 + regions[$1.from].nats.servers } }

    func index(of reference: ServerReference) -> Int {
        servers.firstIndex { $0.region == reference.region && $0.local == reference.server }!
    }

    /// A name that is good for files and `server_name`.
    static func plain(_ name: String) -> String { String(name.map { $0 == "/" ? "-" : $0 }) }

    /// Lines of a server's configuration beside those of `ServerFile`.
    var extraLines: String {
        let parameters = scenario.nats
        var lines = ["write_deadline: \"\(parameters.writeDeadline.nanoseconds)ns\"", "logtime: true"]
        let maximum = parameters.pingMaximum
        if maximum != ServerParameters().pingMaximum { lines.append("ping_max: \(maximum)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The region whose gateway has that name, seen from another region; `nil`: none.
    func region(named gateway: String, from own: Int) -> Int? {
        regions.indices.first { $0 != own && regions[$0].nats.gateway?.name == gateway }
    }

    // MARK: Gateways

    private static func gateway(_ block: GatewayBlock, _ deployment: Deployment) -> GatewaySpec {
        let remotes = block.remotes.map { remote in
            GatewaySpec.Remote(name: remote.name, urls: remote.urls.map { endpoint(at: $0, deployment) })
        }
        let advertise: Endpoint?
        if let told = block.advertise {
            advertise = endpoint(at: told, deployment)
        } else {
            // Pods tell others their own addresses, which no other region can dial.
            advertise = block.addresses.isEmpty && deployment.regions.count > 1 ? .nobody : nil
        }
        return GatewaySpec(name: block.name, remotes: remotes, advertise: advertise)
    }

    /// What answers at `host:port`, as the simulator's world has it.
    private static func endpoint(at url: String, _ deployment: Deployment) -> Endpoint {
        let address = url.hasPrefix("nats://") ? String(url.dropFirst(7)) : url
        for region in deployment.regions {
            guard let gateway = region.nats.gateway else { continue }
            if let position = gateway.addresses.firstIndex(of: address) {
                return .server("\(region.name)/nats-\(min(position, region.nats.servers - 1))", .gateway)
            }
            let nodePort = region.nodePool?.address.flatMap { node in gateway.nodePort.map { "\(node):\($0)" } }
            if address == nodePort || address == gateway.advertise { return .nodePort(cluster: region.name) }
        }
        return .nobody
    }

    private static func region(of endpoint: Endpoint, _ deployment: Deployment) -> Int? {
        switch endpoint {
        case .server(let name, _): deployment.regions.firstIndex { name.hasPrefix($0.name + "/nats-") }
        case .nodePort(let cluster): deployment.regionIndex(named: cluster)
        case .nobody: nil
        }
    }

    /// Who gets a gateway to whom: by own configuration, or learnt from a gateway in the other direction or by gossip,
    /// where what the other one advertises leads to it. A dial takes a round trip and is given up after a second.
    private static func reachable(_ deployment: Deployment) -> Set<Reach> {
        let regions = deployment.regions
        func canDial(_ from: Int, _ to: Int) -> Bool {
            guard let link = deployment.link(between: from, and: to) else { return false }
            return deployment.links[link].roundTrip < ServerParameters().dialTimeout
        }
        var reach: Set<Reach> = []
        var answers = [Bool](repeating: false, count: regions.count)
        for (from, region) in regions.enumerated() {
            guard let block = region.nats.gateway else { continue }
            let spec = gateway(block, deployment)
            answers[from] = spec.advertise.map { Self.region(of: $0, deployment) == from } ?? true
            for remote in spec.remotes where remote.name != block.name {
                for url in remote.urls {
                    guard let to = Self.region(of: url, deployment), to != from, canDial(from, to),
                        regions[to].nats.gateway?.name == remote.name
                    else { continue }
                    reach.insert(Reach(from: from, to: to))
                }
            }
        }
        func isJoined(_ first: Int, _ second: Int) -> Bool {
            reach.contains(Reach(from: first, to: second)) || reach.contains(Reach(from: second, to: first))
        }
        var before = -1
        while reach.count != before {
            before = reach.count
            for from in regions.indices {
                for to in regions.indices where from != to && answers[to] && canDial(from, to) {
                    guard let own = regions[from].nats.gateway, let other = regions[to].nats.gateway,
                        own.name != other.name
                    else { continue }
                    let isTold = regions.indices.contains {
                        $0 != from && $0 != to && isJoined(from, $0) && isJoined($0, to)
                    }
                    if isTold || reach.contains(Reach(from: to, to: from)) { reach.insert(Reach(from: from, to: to)) }
                }
            }
        }
        return reach
    }

    // MARK: What cannot be

    private static func check(_ scenario: Scenario) throws(EmulationError) {
        try checkParameters(scenario.nats)
        for fault in scenario.timeline where scenario.populations.isEmpty {
            switch fault.kind {
            case .refused, .relayKill:
                throw EmulationError("the timeline has a fault of relays, and without people there are none")
            default: break
            }
        }
        for publisher in scenario.publishers {
            guard publisher.size >= MessageStamp.size else {
                throw EmulationError(
                    "publisher \(publisher.name): messages of \(publisher.size) bytes, on real servers at least "
                        + "\(MessageStamp.size): they hold number and time")
            }
            guard publisher.size <= NATSConnectionParser.messageLimit else {
                throw EmulationError(
                    "publisher \(publisher.name): messages of \(publisher.size) bytes, servers take "
                        + "\(NATSConnectionParser.messageLimit)")
            }
            guard publisher.published(before: .start + scenario.horizon) <= Int64(UInt32.max) else {
                throw EmulationError("publisher \(publisher.name): more than \(UInt32.max) messages")
            }
        }
        let connections = scenario.publishers.reduce(0) { $0 + 1 + $1.subscribers.count }
        guard connections <= LoadDriver.mostConnections else {
            throw EmulationError("\(connections) connections, at most \(LoadDriver.mostConnections) can be emulated")
        }
    }

    /// - Throws: `EmulationError` for what cannot be where proxies take the place of the network.
    func checkProxies() throws(EmulationError) {
        func refuse(_ what: String) throws(EmulationError) {
            throw EmulationError("\(what) cannot be emulated with proxies: network namespaces are needed")
        }
        // Each region reaches a server at another address, and gossip would pass on the wrong ones.
        if regions.count > 2 { try refuse("more than two regions") }
        if scenario.deployment.links.contains(where: { $0.loss != .none }) { try refuse("packet loss") }
        for fault in scenario.timeline {
            if case .loss = fault.kind { try refuse("packet loss") }
        }
    }

    /// What is fixed in a server's program. Costs and buffers describe servers to the model: real ones have their own.
    private static func checkParameters(_ parameters: ServerParameters) throws(EmulationError) {
        let usual = ServerParameters()
        let fixed: [(String, SimDuration, SimDuration)] = [
            ("gateway-solicit-delay", parameters.gatewaySolicitDelay, usual.gatewaySolicitDelay),
            ("dial-timeout", parameters.dialTimeout, usual.dialTimeout),
            ("reconnect-delay", parameters.reconnectDelay, usual.reconnectDelay),
            ("reconnect-jitter", parameters.reconnectJitter, usual.reconnectJitter),
            ("first-ping", parameters.firstPing, usual.firstPing),
            ("first-ping-jitter", parameters.firstPingJitter, usual.firstPingJitter),
        ]
        for (name, value, standard) in fixed where value != standard {
            throw EmulationError("nats.\(name): \(standard.milliseconds) ms is fixed in real servers")
        }
        // `ping_interval` holds for gateways where it is shorter than what they have by themselves.
        guard parameters.gatewayPingInterval <= usual.gatewayPingInterval else {
            throw EmulationError("nats.gateway-ping-interval: real servers ping gateways every 15 s at least")
        }
    }
}
