public import EventKernel
import Foundation
public import NATSModel
public import Routing

/// Runs routing cases on real nats-server processes, with clients of its own on plain sockets.
///
/// It never guesses when the servers have come to rest: a model that does the same beside them says what their
/// monitoring will show, and messages of its own that travel behind those of the case show that these have arrived.
/// One thread uses a back end; several back ends can run side by side.
public final class EmulatedBackend: RoutingBackend {
    public let executable: NATSExecutable
    public var name: String { "nats-server \(executable.version)" }
    /// What the program said of itself.
    public var version: ServerVersion { executable.version }

    let kind: Fabric.Kind
    let bound: SimDuration
    private let keepLogs: String?
    var shadow: any ShadowModel

    /// `nil` before `boot` and after `shutDown`.
    private(set) var fabric: Fabric?
    /// In the order of the topology.
    private(set) var servers: [EmulatedServer] = []
    private(set) var topology = Topology(servers: [])
    var clients: [String: NATSConnection] = [:]
    let log = ClientLog()
    var loop = PollLoop()
    /// What happened to interest and connections since the servers were last seen at rest.
    var changes = InterestChanges()
    /// The monitoring must be looked at before the servers count as at rest.
    var isUnsure = false
    /// Ordered pairs of servers whose packets vanish.
    var cuts: Set<[String]> = []
    /// Since when there are any, in real time and in the model's.
    var cutStart: (real: Int64, model: SimTime)?
    /// When a process last ended.
    var lastEnd: Int64?
    /// How long packets vanished before the last heal. TCP tries again at growing intervals, so what is still under
    /// way can take as long once more.
    var outage = SimDuration.zero
    var nextSync = 0
    /// What gateway connections were seen to have written, those of processes that are gone too.
    var written: [GatewayKey: Int] = [:]
    var crossings = 0
    /// Names in the case of all processes that there were, by the id that the process had.
    var names: [String: String] = [:]

    /// One gateway connection of one process.
    struct GatewayKey: Hashable {
        var server: String
        var connection: Int
    }

    /// - Parameters:
    ///   - kind: `.namespaces` when packets must take time or vanish.
    ///   - bound: how long the servers may take to come to rest, on top of what the model takes.
    ///   - keepLogs: a folder, made if needed, that takes the servers' logs and configurations at `shutDown`.
    ///   - isCancelled: asked several times a second while messages or connections are waited for; `true` ends it with
    ///     an error. The start and the end of a process may take as long as `patience`.
    public init(
        _ executable: NATSExecutable, kind: Fabric.Kind = .loopback, shadow: any ShadowModel,
        bound: SimDuration = .seconds(10), keepLogs: String? = nil,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.executable = executable
        self.kind = kind
        self.shadow = shadow
        self.bound = bound
        self.keepLogs = keepLogs
        loop.isCancelled = isCancelled
    }

    deinit { shutDown() }

    // MARK: Life

    /// - Throws: `EmulationError` with the server's own words when one does not start.
    public func boot(_ topology: Topology) throws {
        precondition(fabric == nil && servers.isEmpty, "a back end boots once")
        self.topology = topology
        let places = topology.servers.map { Fabric.Place(name: $0.name, cluster: $0.cluster) }
        let fabric = try kind == .loopback ? Fabric.loopback(places) : Fabric.namespaces(places)
        self.fabric = fabric
        for delay in topology.delays { try set(delay, in: fabric) }
        servers = topology.servers.enumerated().map {
            EmulatedServer($1, directory: fabric.directory, index: $0)
        }
        for server in servers {
            let file = ServerFile(
                server: server.spec, address: fabric.address(of: server.spec.name),
                resolve: { try Self.resolve($0, in: fabric) })
            try file.text().write(toFile: server.configurationPath, atomically: false, encoding: .utf8)
        }
        let first = servers.filter(\.spec.startsAtOnce)
        for server in first { try launch(server) }
        // The model boots while the servers do.
        let before = shadow.now
        try shadow.boot(topology)
        for server in first { try awaitGreeting(of: server) }
        isUnsure = true
        try settle(allowing: shadow.now - before)
    }

    /// Ends all servers and removes the lab; may be called again.
    public func shutDown() {
        for client in clients.values { client.stream.close() }
        clients = [:]
        for server in servers { server.forgetProcess() }
        loop = PollLoop()
        if let keepLogs, fabric != nil { try? copyLogs(to: keepLogs) }
        fabric?.shutDown()
        fabric = nil
        shadow.shutDown()
    }

    /// Copies the servers' logs and configurations to a folder, which is made if needed.
    private func copyLogs(to folder: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for server in servers {
            for (path, suffix) in [(server.configurationPath, "conf"), (server.logPath, "log")] {
                let target = "\(folder)/\(server.spec.name).\(suffix)"
                guard files.fileExists(atPath: path) else { continue }
                if files.fileExists(atPath: target) { try files.removeItem(atPath: target) }
                try files.copyItem(atPath: path, toPath: target)
            }
        }
    }

    // MARK: Time

    /// Real time passes; what arrives is read meanwhile.
    public func wait(_ duration: SimDuration) throws {
        let deadline = Deadline(after: duration)
        while !deadline.isOver { try loop.turn(deadline.left) }
        try shadow.wait(duration)
        isUnsure = true
    }

    /// Looks at the servers' monitoring until the check holds.
    public func hold(_ check: StateCheck, within: SimDuration) throws -> [StateDifference] {
        let deadline = Deadline(after: within)
        var pause = Pause()
        isUnsure = true
        // The model's time must pass as well.
        _ = try shadow.hold(check, within: within)
        while true {
            let differences = differences(of: try look(), from: check)
            if differences.isEmpty || deadline.isOver { return differences }
            try loop.turn(min(pause.next(), deadline.left))
        }
    }

    // MARK: What was seen

    /// In the order in which the clients' sockets were read.
    public func takeReceptions() throws -> [Reception] {
        defer { log.receptions = [] }
        return log.receptions
    }

    /// From the counters of the servers' gateway connections, less what the back end itself sent.
    public func takeCrossings() throws -> Int {
        _ = try look()
        defer { crossings = 0 }
        return crossings - (try shadow.takeCrossings())
    }

    // MARK: Places

    func server(_ name: String) throws(EmulationError) -> EmulatedServer {
        guard let server = servers.first(where: { $0.spec.name == name }) else {
            throw EmulationError("there is no server '\(name)'")
        }
        return server
    }

    /// The servers of a cluster, or the one of that name.
    func servers(at place: String) throws(EmulationError) -> [String] {
        let members = topology.servers(of: place)
        return members.isEmpty ? [try server(place).spec.name] : members.map(\.name)
    }

    private func set(_ delay: Topology.Delay, in fabric: Fabric) throws {
        for left in topology.servers(of: delay.between) {
            for right in topology.servers(of: delay.and) {
                fabric.setDelay(from: left.name, to: right.name, delay.oneWay)
                fabric.setDelay(from: right.name, to: left.name, delay.oneWay)
            }
        }
    }

    private static func resolve(_ endpoint: Endpoint, in fabric: Fabric) throws -> (host: String, port: UInt16) {
        switch endpoint {
        case .server(let name, let port): (fabric.address(of: name), ServerFile.Port.number(of: port))
        case .nodePort(let cluster): try fabric.nodePort(cluster: cluster)
        case .nobody: fabric.deadAddress
        }
    }
}

/// Times between two looks at the same thing: short at first, then longer.
struct Pause {
    private var time = SimDuration.microseconds(250)
    private static let longest = SimDuration.milliseconds(16)

    mutating func next() -> SimDuration {
        defer { time = min(time * 2, Self.longest) }
        return time
    }
}
