import CLinux
import EventKernel
import Glibc
import Synchronization

/// Where emulated servers stand, and how packets travel between them. One for each lab.
///
/// All that it makes ends with it, whatever happens to this process: children die with the thread that forked them,
/// namespaces and devices are held by descriptors only, the loopback subnet by a listening socket. Only the folder can
/// remain, and `Leftovers` finds it.
///
/// One thread controls a fabric; its own threads carry packets and connections, and start children.
public final class Fabric: Sendable {
    /// What carries the packets.
    public enum Kind: Hashable, Sendable {
        /// All servers on loopback addresses. Needs no privileges; packets take no time and cannot be held up.
        case loopback
        /// A network namespace for each server, joined by a switch that delays and drops packets.
        case namespaces
        /// A network namespace for each cluster, joined by the same switch. Inside a cluster packets take no time and
        /// do not pass the switch.
        case regions
        /// All servers on loopback addresses, and between clusters a proxy for each server, which holds up what is
        /// said. Needs no privileges; there are no packets, so see `proxied` for what cannot be seen there.
        case proxies
    }

    /// Where one server stands.
    struct Place: Hashable, Sendable {
        /// The server's name in the case.
        var name: String
        var cluster: String

        init(name: String, cluster: String) {
            self.name = name
            self.cluster = cluster
        }
    }

    let kind: Kind
    let places: [Place]
    /// A private folder of the lab for configurations and logs; removed at `shutDown`.
    var directory: String { folder.path }

    /// The port at which nothing listens, and the one of the listener of a node port.
    static let deadPort: UInt16 = 9
    static let nodePortNumber: UInt16 = 30_722

    let plan: AddressPlan
    let gatewayPort: UInt16
    let children: LabChildren
    private let folder: LabDirectory
    private let launcher: LauncherThread
    private let namespaces: NamespaceSet?
    private let packetSwitch: Switch?
    private let proxy: LinkProxy?
    private let holdings: Mutex<Holdings>

    /// What `shutDown` gives back, and what it must not give back twice.
    private struct Holdings {
        var isShutDown = false
        var lockSocket: Int32?
        var relays: [NodePortRelay] = []
        /// Clusters with a node port.
        var nodePorts: Set<String> = []
    }

    private init(
        kind: Kind, plan: AddressPlan, lockSocket: Int32?, gatewayPort: UInt16 = 7222, seed: UInt64 = 0,
        replication: UInt32 = 0
    ) throws {
        self.gatewayPort = gatewayPort
        self.kind = kind
        self.plan = plan
        places = plan.places
        let (folder, owner) = try LabDirectory.make()
        self.folder = folder
        let children = LabChildren(directory: folder, owner: owner)
        self.children = children
        let clock = { LinkClock(seed: seed, replication: replication, direction: $0) }
        var launcher: LauncherThread?
        var namespaces: NamespaceSet?
        do {
            let started = try LauncherThread()
            launcher = started
            self.launcher = started
            switch kind {
            case .loopback: (packetSwitch, proxy) = (nil, nil)
            case .proxies:
                packetSwitch = nil
                proxy = try LinkProxy(plan, port: gatewayPort, nodePort: Self.nodePortNumber, clock: clock) {
                    children.isLiving(plan.places[$0].name)
                }
            case .namespaces, .regions:
                let made = try started.run { try NamespaceSet(plan.switched) }
                namespaces = made
                (packetSwitch, proxy) = (try Self.makeSwitch(plan, made, children, clock), nil)
            }
        } catch {
            namespaces?.close()
            launcher?.end()
            try? folder.remove()
            throw error
        }
        self.namespaces = namespaces
        holdings = Mutex(Holdings(lockSocket: lockSocket))
    }

    private static func makeSwitch(
        _ plan: AddressPlan, _ namespaces: NamespaceSet, _ children: LabChildren, _ clock: (Int) -> LinkClock
    ) throws(FabricError) -> Switch {
        let ports = namespaces.namespaces.map {
            Switch.Port(device: $0.device, addresses: [$0.site.node] + $0.site.others)
        }
        let servers = plan.places.indices.map {
            Switch.Server(address: plan.address(of: plan.places[$0].name), port: plan.site(ofPlace: $0))
        }
        return try Switch(ports, servers: servers, clock: clock) { children.isLiving(plan.places[$0].name) }
    }

    deinit { shutDown() }

    /// A lab on a loopback subnet that no other lab has: server S of cluster R (both counted from 1) at 127.A.R.S.
    ///
    /// - Throws: `FabricError` when no subnet is free, or the folder cannot be made.
    static func loopback(_ places: [Place]) throws -> Fabric {
        let subnet = try LoopbackSubnet.hold()
        do {
            let plan = AddressPlan(places, .loopback(subnet: subnet.number))
            return try Fabric(kind: .loopback, plan: plan, lockSocket: subnet.lockSocket)
        } catch {
            close(subnet.lockSocket)
            throw error
        }
    }

    /// A lab of network namespaces: server S of cluster R (both counted from 1) at 10.R.S.1, in a network of its own.
    ///
    /// - Throws: `FabricError` when the machine does not allow it; `namespacesAvailable` tells beforehand.
    static func namespaces(_ places: [Place]) throws -> Fabric {
        try Fabric(kind: .namespaces, plan: AddressPlan(places, .namespaces), lockSocket: nil)
    }

    /// A lab of one network namespace for each cluster: server S of cluster R (both counted from 1) at 10.R.S.1, on the
    /// loopback device that it shares with the others of its cluster.
    ///
    /// - Parameters:
    ///   - seed: of losses and jitter; the same seed and replication give the same draws, packet for packet.
    ///   - replication: a number of the run below the seed.
    /// - Throws: `FabricError` when the machine does not allow it; `namespacesAvailable` tells beforehand.
    static func regions(_ places: [Place], seed: UInt64 = 0, replication: UInt32 = 0) throws -> Fabric {
        let plan = AddressPlan(places, .regions)
        return try Fabric(kind: .regions, plan: plan, lockSocket: nil, seed: seed, replication: replication)
    }

    /// A lab on a loopback subnet where each server of another cluster is reached through a proxy in user space, which
    /// passes on what is said as late as the link wants. For machines that do not allow `regions`.
    ///
    /// Servers must advertise `gatewayAddress(of:seenFrom:)` and list those of others, and never `address(of:)`:
    /// a server that is gossiped about, or that restarts, is otherwise reached past the proxy. With three or more
    /// clusters, gossip still leads to the proxy of another pair of clusters, since a server advertises one address.
    ///
    /// There are no packets here, so much cannot be seen. A dial succeeds at once, and only the first thing that the
    /// server says shows the round trips; it never times out. Nothing is lost (`LinkState.loss` is refused): a cut
    /// only keeps back what is said, and after it all follows within one delay, where TCP would wait for its next
    /// retransmission. Slow start does not exist, nor does the congestion window. The proxy takes 4 MiB before the
    /// sender notices anything, so write deadlines pass later than they would, or never.
    ///
    /// - Parameters:
    ///   - gatewayPort: where the servers listen for gateways.
    ///   - seed: of jitter.
    ///   - replication: a number of the run below the seed.
    /// - Throws: `FabricError` when no subnet is free, or the folder cannot be made.
    static func proxied(
        _ places: [Place], gatewayPort: UInt16 = 7222, seed: UInt64 = 0, replication: UInt32 = 0
    ) throws -> Fabric {
        let subnet = try LoopbackSubnet.hold()
        do {
            let plan = AddressPlan(places, .proxied(subnet: subnet.number))
            return try Fabric(
                kind: .proxies, plan: plan, lockSocket: subnet.lockSocket, gatewayPort: gatewayPort, seed: seed,
                replication: replication)
        } catch {
            close(subnet.lockSocket)
            throw error
        }
    }

    // MARK: Places

    /// The IPv4 address of a server.
    func address(of server: String) -> String { plan.address(of: server).description }

    /// An address in the lab at which nobody listens: a connect is refused.
    var deadAddress: (host: String, port: UInt16) { (plan.deadAddress.description, Self.deadPort) }

    /// An address that passes each connection on to a random living server of the cluster, as a Kubernetes NodePort
    /// does. Asked again, it answers the same.
    ///
    /// Between namespaces the packets are translated: a connection has the delay and the cuts of the way to the server
    /// that it got. On loopback a thread copies what is said.
    ///
    /// - Parameter port: where the servers listen.
    func nodePort(cluster: String, port: UInt16 = 7222) throws -> (host: String, port: UInt16) {
        let address = plan.nodePortAddress(of: cluster)
        let servers = plan.servers(of: cluster)
        try holdings.withLock { holdings in
            if holdings.isShutDown { throw FabricError.isShutDown }
            guard holdings.nodePorts.insert(cluster).inserted else { return }
            if let packetSwitch {
                let service = NodePortTranslation.Service(servers: servers.map(plan.index), serverPort: port)
                packetSwitch.addNodePort(service, address: address, port: Self.nodePortNumber)
                return
            }
            let relay = try NodePortRelay(
                address, Self.nodePortNumber,
                targets: { [children, plan] in
                    servers.filter(children.isLiving).map { (plan.address(of: $0), port) }
                })
            holdings.relays.append(relay)
        }
        return (address.description, Self.nodePortNumber)
    }

    // MARK: Links

    /// Whether there is anything between sites that can be set.
    var hasLinks: Bool { kind != .loopback }

    /// What carries packets between sites.
    var links: any LinkCarrier {
        if let packetSwitch { return packetSwitch }
        guard let proxy else { preconditionFailure("loopback has no delays and no cuts") }
        return proxy
    }

    /// The congestion control of the places' TCP connections.
    var congestionControl: String {
        namespaces?.namespaces.first?.congestionControl
            ?? Sysctl.get("ipv4/tcp_congestion_control") ?? "unknown"
    }

    // MARK: Processes and connections

    /// Starts a program at a server's place.
    ///
    /// - Parameters:
    ///   - executable: a path; `PATH` is not searched.
    ///   - arguments: without the program's name.
    ///   - log: the file that takes what it prints; appended to when it exists. A relative path starts at
    ///     `directory`.
    ///   - limits: `Capabilities` tells whether there can be any.
    func launch(
        _ executable: String, _ arguments: [String], at server: String, log: String,
        limits: ProcessLimits = ProcessLimits()
    ) throws -> ChildProcess {
        let site = plan.site(ofPlace: plan.index(of: server))
        let log = log.hasPrefix("/") ? log : directory + "/" + log
        return try launcher.run { [children, namespaces] in
            let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard output >= 0 else { throw FabricError("cannot write \(log)", code: errno) }
            defer { close(output) }
            let groups = try ControlGroup.make(limits)
            do {
                var entrances: [Int32] = []
                defer { for entrance in entrances { close(entrance) } }
                for group in groups { entrances.append(try group.entrance()) }
                let namespace = namespaces?.namespaces[site].descriptor ?? -1
                let pid = try spawn(executable, arguments, namespace: namespace, groups: entrances, output: output)
                return try Self.enter(ChildProcess(pid: pid, server: server, log: log, groups: groups), children)
            } catch {
                for group in groups { group.remove() }
                throw error
            }
        }
    }

    private static func enter(_ child: ChildProcess, _ children: LabChildren) throws(FabricError) -> ChildProcess {
        do {
            try children.add(child)
        } catch {
            child.kill()
            _ = child.wait(.seconds(1))
            throw error
        }
        return child
    }

    /// Does something on a thread that is in the server's network; sockets that it opens stay there.
    func inside<Value: Sendable>(_ server: String, _ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let site = plan.site(ofPlace: plan.index(of: server))
        return try launcher.run { [namespaces] in try namespaces?.inside(site, body) ?? body() }
    }

    /// Makes a TCP connection from the server's own place.
    ///
    /// - Parameters:
    ///   - host: an IPv4 address.
    ///   - within: how long to wait for it at most.
    /// - Returns: a descriptor that does not block and that the caller closes; the server's network remains until then.
    func connect(
        at server: String, host: String, port: UInt16, within: SimDuration = .seconds(5)
    ) throws -> Int32 {
        guard let remote = Address(host) else { throw FabricError("\(host) is not an IPv4 address") }
        let local = plan.address(of: server)
        let socket = try inside(server) { try Socket.make(from: local) }
        do {
            try Socket.connect(socket, remote, port, within: within)
        } catch {
            close(socket)
            throw error
        }
        return socket
    }

    // MARK: The end

    /// Kills all children, closes everything and removes the folder, in less than two seconds. Can be called again.
    func shutDown() {
        holdings.withLock { holdings in
            guard !holdings.isShutDown else { return }
            holdings.isShutDown = true
            children.endAll(within: 1)
            for relay in holdings.relays { relay.end() }
            packetSwitch?.end()
            proxy?.end()
            namespaces?.close()
            launcher.end()
            if let socket = holdings.lockSocket { close(socket) }
            // What cannot be removed now, `Leftovers.clean` can remove later.
            try? folder.remove()
        }
    }
}
