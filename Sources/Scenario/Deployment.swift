public import EventKernel
public import Network

/// A deployment as its operators describe it: regions with their NATS servers and relays, and the links between.
public struct Deployment: Hashable, Sendable {
    public var name: String
    /// In file order; the first one hosts the token service.
    public var regions: [Region]
    public var links: [WANLink]

    public init(name: String, regions: [Region], links: [WANLink]) {
        self.name = name
        self.regions = regions
        self.links = links
    }

    /// Index of the region of that name; `nil` if there is none.
    public func regionIndex(named name: String) -> Int? { regions.firstIndex { $0.name == name } }

    /// Name of a NATS server, for example `singapore/nats-0`.
    public func serverName(region: Int, server: Int) -> String {
        "\(regions[region].name)/nats-\(server)"
    }

    /// Every server with every other region to which it may have a gateway: both have a gateway block. In file order;
    /// these have the responses `gateway.SERVER.REGION.x`.
    public var gatewayPairs: [(server: String, region: String)] {
        var pairs: [(server: String, region: String)] = []
        for (index, region) in regions.enumerated() where region.nats.gateway != nil {
            for server in 0..<region.nats.servers {
                for (other, remote) in regions.enumerated() where other != index && remote.nats.gateway != nil {
                    pairs.append((serverName(region: index, server: server), remote.name))
                }
            }
        }
        return pairs
    }

    /// Index of the link between two regions, in either order; `nil` if there is none.
    public func link(between first: Int, and second: Int) -> Int? {
        links.firstIndex { ($0.first == first && $0.second == second) || ($0.first == second && $0.second == first) }
    }
}

/// A data centre with what runs there.
public struct Region: Hashable, Sendable {
    public var name: String
    /// The place of its data centre, for example `nyc1`: populations give their round trips to sites.
    public var site: String
    /// Private network in CIDR notation; information only.
    public var vpc: String?
    public var nodePool: NodePool?
    public var nats: NATSCluster
    public var relays: [RelayGroup]

    public init(
        name: String, site: String, vpc: String?, nodePool: NodePool?, nats: NATSCluster, relays: [RelayGroup]
    ) {
        self.name = name
        self.site = site
        self.vpc = vpc
        self.nodePool = nodePool
        self.nats = nats
        self.relays = relays
    }
}

/// The worker nodes of a region.
public struct NodePool: Hashable, Sendable {
    /// Instance type, for example `s-2vcpu-4gb`.
    public var size: String
    public var count: Int
    /// Private address of the node whose NodePort other regions dial.
    public var address: String?

    public init(size: String, count: Int, address: String?) {
        self.size = size
        self.count = count
        self.address = address
    }
}

/// The NATS servers of a region: a full mesh of routes if more than one.
public struct NATSCluster: Hashable, Sendable {
    public var servers: Int
    /// For example `2.9.10`; decides version-dependent behaviour.
    public var version: String
    /// `cluster.name`; must equal the gateway name where both are set.
    public var clusterName: String?
    public var gateway: GatewayBlock?
    /// Limit of one server in thousandths of a core (CFS quota); `nil`: none.
    public var cpu: Int64?
    /// Limit of one server in bytes; `nil`: none.
    public var memory: Int64?

    public init(
        servers: Int, version: String, clusterName: String?, gateway: GatewayBlock?, cpu: Int64?, memory: Int64?
    ) {
        self.servers = servers
        self.version = version
        self.clusterName = clusterName
        self.gateway = gateway
        self.cpu = cpu
        self.memory = memory
    }
}

/// The `gateway {}` block of the servers of one region.
public struct GatewayBlock: Hashable, Sendable {
    public var name: String
    public var port: Int
    /// Port on the node address that leads to a random server of the region.
    public var nodePort: Int?
    /// `host:port` that the servers give to others; `nil`: their pod addresses.
    public var advertise: String?
    public var remotes: [GatewayRemote]
    /// `host:port` of each server where others can dial it directly; empty behind a NodePort.
    public var addresses: [String]

    public init(
        name: String, port: Int, nodePort: Int?, advertise: String?, remotes: [GatewayRemote], addresses: [String]
    ) {
        self.name = name
        self.port = port
        self.nodePort = nodePort
        self.advertise = advertise
        self.remotes = remotes
        self.addresses = addresses
    }
}

/// A cluster that the servers dial.
public struct GatewayRemote: Hashable, Sendable {
    public var name: String
    /// `nats://host:port`.
    public var urls: [String]

    public init(name: String, urls: [String]) {
        self.name = name
        self.urls = urls
    }
}

/// The relay processes of one transport in a region.
public struct RelayGroup: Hashable, Sendable {
    public var transport: Transport
    public var replicas: Int
    /// Limit of one process in thousandths of a core; `nil`: none.
    public var cpu: Int64?
    public var memory: Int64?
    /// Worker threads: the number of packets served at once.
    public var threads: Int

    public init(transport: Transport, replicas: Int, cpu: Int64?, memory: Int64?, threads: Int) {
        self.transport = transport
        self.replicas = replicas
        self.cpu = cpu
        self.memory = memory
        self.threads = threads
    }
}

/// A private link between two regions.
public struct WANLink: Hashable, Sendable {
    /// Indices into `Deployment.regions`.
    public var first: Int
    public var second: Int
    public var roundTrip: SimDuration
    /// From `first` to `second`, at most `roundTrip`; `nil`: half of it.
    public var oneWay: SimDuration?
    /// Each packet takes up to this much longer, uniformly; packets keep their order.
    public var jitter: SimDuration
    public var loss: PacketLoss
    /// Bits per second in each direction; `nil`: not limited.
    public var bandwidth: Int64?

    public init(
        first: Int, second: Int, roundTrip: SimDuration, oneWay: SimDuration? = nil, jitter: SimDuration = .zero,
        loss: PacketLoss = .none, bandwidth: Int64?
    ) {
        self.first = first
        self.second = second
        self.roundTrip = roundTrip
        self.oneWay = oneWay
        self.jitter = jitter
        self.loss = loss
        self.bandwidth = bandwidth
    }
}
