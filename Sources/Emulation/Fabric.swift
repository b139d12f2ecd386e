import CLinux
public import EventKernel
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
    public enum Kind: Hashable, Sendable {
        /// All servers on loopback addresses. Needs no privileges; packets take no time and cannot be held up.
        case loopback
        /// A network namespace for each server, joined by a switch that delays and drops packets.
        case namespaces
    }

    /// Where one server stands.
    public struct Place: Hashable, Sendable {
        /// The server's name in the case.
        public var name: String
        public var cluster: String

        public init(name: String, cluster: String) {
            self.name = name
            self.cluster = cluster
        }
    }

    public let kind: Kind
    public let places: [Place]
    /// A private folder of the lab for configurations and logs; removed at `shutDown`.
    public var directory: String { folder.path }

    /// The port at which nothing listens, and the one of the listener of a node port.
    static let deadPort: UInt16 = 9
    static let nodePortNumber: UInt16 = 30_722

    let plan: AddressPlan
    let children: LabChildren
    private let folder: LabDirectory
    private let launcher: LauncherThread
    private let holdings: Mutex<Holdings>

    /// What `shutDown` gives back.
    private struct Holdings: ~Copyable {
        var isShutDown = false
        var lockSocket: Int32?
        var nodePorts: [String: NodePortRelay] = [:]
    }

    private init(kind: Kind, plan: AddressPlan, lockSocket: Int32?) throws(FabricError) {
        self.kind = kind
        self.plan = plan
        places = plan.places
        let (folder, owner) = try LabDirectory.make()
        self.folder = folder
        children = LabChildren(directory: folder, owner: owner)
        do {
            launcher = try LauncherThread()
        } catch {
            try? folder.remove()
            throw error
        }
        holdings = Mutex(Holdings(lockSocket: lockSocket))
    }

    deinit { shutDown() }

    /// A lab on a loopback subnet that no other lab has: server S of cluster R (both counted from 1) at 127.A.R.S.
    ///
    /// - Throws: when no subnet is free, or the folder cannot be made.
    public static func loopback(_ places: [Place]) throws(FabricError) -> Fabric {
        let subnet = try LoopbackSubnet.hold()
        do {
            let plan = AddressPlan(places, .loopback(subnet: subnet.number))
            return try Fabric(kind: .loopback, plan: plan, lockSocket: subnet.lockSocket)
        } catch {
            close(subnet.lockSocket)
            throw error
        }
    }

    // MARK: Places

    /// The IPv4 address of a server.
    public func address(of server: String) -> String { plan.address(of: server).description }

    /// An address in the lab at which nobody listens: a connect is refused.
    public var deadAddress: (host: String, port: UInt16) { (plan.deadAddress.description, Self.deadPort) }

    /// A listener that passes each connection on to a random living server of the cluster, as a Kubernetes NodePort
    /// does. Asked again, it answers the same.
    ///
    /// - Parameter port: where the servers listen.
    public func nodePort(cluster: String, port: UInt16 = 7222) throws(FabricError) -> (host: String, port: UInt16) {
        let host = plan.nodePortAddress(of: cluster)
        let servers = plan.servers(of: cluster)
        try holdings.withLock { holdings throws(FabricError) in
            precondition(!holdings.isShutDown, "a node port of a lab that was shut down")
            guard holdings.nodePorts[cluster] == nil else { return }
            holdings.nodePorts[cluster] = try NodePortRelay(
                host, Self.nodePortNumber,
                targets: { [children, plan] in
                    servers.filter(children.isLiving).map { (plan.address(of: $0), port) }
                })
        }
        return (host.description, Self.nodePortNumber)
    }

    // MARK: Processes and connections

    /// Starts a program at a server's place.
    ///
    /// - Parameters:
    ///   - executable: a path; `PATH` is not searched.
    ///   - arguments: without the program's name.
    ///   - log: the file that takes what it prints; appended to when it exists. A relative path starts at
    ///     `directory`.
    public func launch(
        _ executable: String, _ arguments: [String], at server: String, log: String
    ) throws -> ChildProcess {
        precondition(plan.contains(server), "no place \(server)")
        let log = log.hasPrefix("/") ? log : directory + "/" + log
        return try launcher.run { [children] in
            let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard output >= 0 else { throw FabricError("cannot write \(log)", code: errno) }
            defer { close(output) }
            let pid = try spawn(executable, arguments, namespace: -1, output: output)
            let child = try ChildProcess(pid: pid, server: server, log: log)
            do {
                try children.add(child)
            } catch {
                child.kill()
                throw error
            }
            return child
        }
    }

    /// Makes a TCP connection from the server's own place.
    ///
    /// - Parameters:
    ///   - host: an IPv4 address.
    ///   - within: how long to wait for it at most.
    /// - Returns: a descriptor that does not block and that the caller closes.
    public func connect(
        at server: String, host: String, port: UInt16, within: SimDuration = .seconds(5)
    ) throws -> Int32 {
        guard let remote = Address(host) else { throw FabricError("\(host) is not an IPv4 address") }
        let local = plan.address(of: server)
        let socket = try Socket.make(from: local)
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
    public func shutDown() {
        holdings.withLock { holdings in
            guard !holdings.isShutDown else { return }
            holdings.isShutDown = true
            children.endAll(within: 1)
            for relay in holdings.nodePorts.values { relay.end() }
            holdings.nodePorts = [:]
            launcher.end()
            if let socket = holdings.lockSocket { close(socket) }
            // What cannot be removed now, `Leftovers.clean` can remove later.
            try? folder.remove()
        }
    }
}
