import EventKernel
import Foundation
import Glibc
import Routing
import Scenario

/// The server processes of a run: starts, kills and watches them, and adds up their CPU time.
final class EmulatedServers {
    let deployment: EmulatedDeployment
    let fabric: Fabric
    private let executable: NATSExecutable
    private let servers: [EmulatedServer]
    /// CPU time of the processes of a server that were killed.
    private var spent: [SimDuration]
    private(set) var monitoring = PollLoop()

    /// How long servers may take for what they do at once.
    static let patience = SimDuration.seconds(10)
    /// Between two looks at something that is waited for.
    static let lookInterval = SimDuration.milliseconds(50)

    /// Writes the configurations.
    init(_ deployment: EmulatedDeployment, fabric: Fabric, executable: NATSExecutable) throws {
        self.deployment = deployment
        self.fabric = fabric
        self.executable = executable
        servers = deployment.servers.enumerated().map { index, place in
            EmulatedServer(place.spec, directory: fabric.directory, index: index)
        }
        spent = Array(repeating: .zero, count: servers.count)
        for server in servers {
            let file = ServerFile(server: server.spec, address: fabric.address(of: server.spec.name)) { endpoint in
                switch endpoint {
                case .server(let name, let port): (fabric.address(of: name), ServerFile.Port.number(of: port))
                case .nodePort(let cluster): try fabric.nodePort(cluster: cluster, port: ServerFile.Port.gateway)
                case .nobody: fabric.deadAddress
                }
            }
            let text = try file.text() + deployment.extraLines
            try text.write(toFile: server.configurationPath, atomically: true, encoding: .utf8)
        }
    }

    func name(_ index: Int) -> String { deployment.servers[index].name }
    func logPath(_ index: Int) -> String { servers[index].logPath }

    func launch(_ index: Int) throws {
        let server = servers[index]
        server.process = try fabric.launch(
            executable.path, ["-c", server.configurationPath], at: server.spec.name, log: server.logPath)
    }

    /// Ends a process at once.
    func kill(_ index: Int) {
        guard let process = servers[index].process else { return }
        spent[index] = cpuTime(of: index)
        process.kill()
        servers[index].forgetProcess()
    }

    /// - Throws: when a server has ended by itself, with its own words.
    func check() throws(EmulationError) {
        for (index, server) in servers.enumerated() {
            guard let status = server.process?.status else { continue }
            throw EmulationError("server \(name(index)) ended by itself (\(status)): \(server.lastWords())")
        }
    }

    /// CPU time that a server has used since its first start.
    func cpuTime(of index: Int) -> SimDuration {
        var clock = clockid_t()
        var time = timespec()
        guard let process = servers[index].process, clock_getcpuclockid(process.pid, &clock) == 0,
            clock_gettime(clock, &time) == 0
        else { return spent[index] }
        return spent[index] + .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    // MARK: Monitoring

    /// Asks the monitoring of all servers once.
    ///
    /// - Returns: by index; servers that do not answer yet are left out.
    func look(_ isCancelled: @escaping @Sendable () -> Bool) throws -> [Int: ServerSight] {
        try check()
        monitoring.isCancelled = isCancelled
        for server in servers where server.process != nil {
            if server.monitor?.isOfUse != true {
                let name = server.spec.name
                let socket = try? fabric.connect(
                    at: name, host: fabric.address(of: name), port: ServerFile.Port.monitoring)
                guard let socket else { continue }
                let monitor = MonitorConnection(descriptor: socket)
                server.monitor = monitor
                monitoring.add(monitor)
            }
            server.monitor?.ask()
        }
        let deadline = Deadline(after: .seconds(2))
        func isComplete() -> Bool { servers.allSatisfy { $0.monitor?.hasAnswer ?? true } }
        while !isComplete(), !deadline.isOver { try monitoring.turn(min(deadline.left, .milliseconds(20))) }
        var sights: [Int: ServerSight] = [:]
        for (index, server) in servers.enumerated() where server.monitor?.hasAnswer == true {
            if let monitor = server.monitor { sights[index] = ServerSight(try monitor.answer()) }
        }
        return sights
    }

    /// Lets go of the monitoring connections, so that nothing but the scenario's traffic is there.
    func closeMonitoring() {
        for server in servers {
            server.monitor?.stream.close()
            server.monitor = nil
        }
    }

    /// Gateways that should be there and are not, in words.
    func missingGateways(_ sights: [Int: ServerSight]) -> [String] {
        var missing: [String] = []
        for (index, place) in deployment.servers.enumerated() {
            guard let sight = sights[index] else {
                missing.append("\(place.name) does not answer")
                continue
            }
            for (region, other) in deployment.regions.enumerated() {
                guard deployment.gateways.contains(.init(from: place.region, to: region)),
                    let gateway = other.nats.gateway?.name
                else { continue }
                if sight.outbound[gateway] == nil { missing.append("\(place.name) has no gateway to \(other.name)") }
            }
        }
        for reach in deployment.gateways.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) {
            let (from, to) = (deployment.regions[reach.from], deployment.regions[reach.to])
            guard let gateway = from.nats.gateway?.name else { continue }
            let inbound = deployment.servers.indices.filter { deployment.servers[$0].region == reach.to }
                .reduce(0) { $0 + (sights[$1]?.inbound[gateway]?.count ?? 0) }
            if inbound < from.nats.servers {
                missing.append("\(to.name) has \(inbound) of \(from.nats.servers) gateways from \(from.name)")
            }
        }
        return missing
    }

    /// Copies configurations and logs, named after their servers.
    func keepLogs(in folder: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (index, server) in servers.enumerated() {
            let base = folder + "/" + EmulatedDeployment.plain(name(index))
            for (source, target) in [(server.configurationPath, base + ".conf"), (server.logPath, base + ".log")] {
                try? files.removeItem(atPath: target)
                if files.fileExists(atPath: source) { try files.copyItem(atPath: source, toPath: target) }
            }
        }
    }
}
