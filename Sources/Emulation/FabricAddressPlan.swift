import Glibc

/// The addresses of a lab. Clusters and the servers of one are counted from 1, in the order of the places.
struct AddressPlan: Sendable {
    enum Form: Sendable {
        /// 127.`subnet`.R.S for server S of cluster R.
        case loopback(subnet: UInt8)
        /// 10.R.S.1, each in a network of its own.
        case namespaces
        /// 10.R.S.1, all of a cluster in one network.
        case regions
        /// As on loopback, but between clusters there are proxies, at 127.`subnet`.100+R.N for what cluster R sees of
        /// the Nth place.
        case proxied(subnet: UInt8)
    }

    /// What a network is made for: a server, or all those of a region.
    struct Site: Sendable {
        /// Of its only device. Connections come from here unless they are bound.
        var node: Address
        /// Those of its servers that are not the node's.
        var others: [Address]
    }

    let places: [Fabric.Place]
    /// In the order of their first server.
    let clusters: [String]
    private let form: Form
    private let numbers: [String: (cluster: UInt8, server: UInt8)]

    /// The switch looks at each pair of places whenever it wakes up.
    static let mostPlaces = 100
    private static let node: UInt8 = 0
    private static let firstProxy: UInt8 = 101
    private static let nodePort: UInt8 = 250
    private static let dead: UInt8 = 254

    init(_ places: [Fabric.Place], _ form: Form) {
        precondition(places.count <= Self.mostPlaces, "\(places.count) places, at most \(Self.mostPlaces)")
        self.places = places
        self.form = form
        var clusters: [String] = []
        var sizes: [String: Int] = [:]
        var numbers: [String: (cluster: UInt8, server: UInt8)] = [:]
        for place in places {
            if sizes[place.cluster] == nil { clusters.append(place.cluster) }
            let size = sizes[place.cluster, default: 0] + 1
            sizes[place.cluster] = size
            precondition(numbers[place.name] == nil, "two places named \(place.name)")
            let cluster = clusters.firstIndex(of: place.cluster)! + 1
            numbers[place.name] = (UInt8(cluster), UInt8(size))
        }
        self.clusters = clusters
        self.numbers = numbers
    }

    func address(of server: String) -> Address {
        guard let number = numbers[server] else { preconditionFailure("no place \(server)") }
        return address(number.cluster, number.server)
    }

    func nodePortAddress(of cluster: String) -> Address {
        guard let index = clusters.firstIndex(of: cluster) else { preconditionFailure("no cluster \(cluster)") }
        return address(UInt8(index + 1), Self.nodePort)
    }

    /// Belongs to nobody (loopback), or to a place without processes.
    var deadAddress: Address { address(Self.dead, 1) }

    /// Whether a cluster is one site.
    private var hasRegions: Bool {
        switch form {
        case .loopback, .namespaces: false
        case .regions, .proxied: true
        }
    }

    /// The sites of the switch, as its ports are numbered: all servers or all regions, and one at the dead address.
    var switched: [Site] {
        let sites =
            hasRegions
            ? clusters.indices.map { index in
                Site(
                    node: address(UInt8(index + 1), Self.node),
                    others: servers(of: clusters[index]).map { address(of: $0) })
            } : places.map { Site(node: address(of: $0.name), others: []) }
        return sites + [Site(node: deadAddress, others: [])]
    }

    /// The site that a server belongs to.
    func site(ofPlace index: Int) -> Int {
        hasRegions ? clusters.firstIndex(of: places[index].cluster)! : index
    }

    /// The site of a name: a region where there are regions, or a server.
    func site(named name: String) -> Int {
        if hasRegions, let index = clusters.firstIndex(of: name) { return index }
        return site(ofPlace: index(of: name))
    }

    /// Where a proxy listens for connections from a cluster to a server of another one.
    func proxyAddress(of server: String, seenFrom cluster: String) -> Address {
        guard case .proxied(let subnet) = form, let from = clusters.firstIndex(of: cluster) else {
            preconditionFailure("no proxies, or no cluster \(cluster)")
        }
        return Address(127, subnet, Self.firstProxy + UInt8(from), UInt8(index(of: server) + 1))
    }

    /// The number of a server among the places.
    func index(of server: String) -> Int {
        guard let index = places.firstIndex(where: { $0.name == server }) else {
            preconditionFailure("no place \(server)")
        }
        return index
    }

    func servers(of cluster: String) -> [String] { places.filter { $0.cluster == cluster }.map(\.name) }

    private func address(_ cluster: UInt8, _ server: UInt8) -> Address {
        switch form {
        case .loopback(let subnet), .proxied(let subnet): Address(127, subnet, cluster, server)
        case .namespaces, .regions: Address(10, cluster, server, 1)
        }
    }
}

/// A loopback subnet that only one lab of the machine uses at a time.
struct LoopbackSubnet {
    let number: UInt8
    /// Listens at 127.`number`.255.254 and so keeps the subnet, until it is closed or its owner dies.
    let lockSocket: Int32

    private static let lockPort: UInt16 = 26_111
    /// People take small numbers by hand.
    private static let numbers: ClosedRange<UInt8> = 64...254

    /// Draws a subnet that is free.
    static func hold() throws(FabricError) -> LoopbackSubnet {
        let start = Int.random(in: 0..<numbers.count)
        for step in 0..<numbers.count {
            let number = numbers.lowerBound + UInt8((start + step) % numbers.count)
            do {
                let socket = try Socket.listen(Address(127, number, 255, 254), lockPort, backlog: 1)
                return LoopbackSubnet(number: number, lockSocket: socket)
            } catch  where error.code == EADDRINUSE {
                continue
            }
        }
        throw FabricError("all \(numbers.count) loopback subnets are in use, or something listens on port \(lockPort)")
    }
}
