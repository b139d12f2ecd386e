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
    private var monitoring = PollLoop()
    /// The most memory that the processes of a server that were killed had in use; `nil` without a limit.
    private var memoryPeaks: [Int64?]
    /// Why the CPU limits of the deployment do not hold; `nil`: they do, or it has none.
    let quotaObstacle: String?
    /// The same of memory limits.
    let memoryObstacle: String?

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
        memoryPeaks = Array(repeating: nil, count: servers.count)
        let wanted = deployment.regions.map(\.nats)
        quotaObstacle = Self.obstacle(to: .cpu, isWanted: wanted.contains { $0.cpu != nil })
        memoryObstacle = Self.obstacle(to: .memory, isWanted: wanted.contains { $0.memory != nil })
        for (place, server) in zip(deployment.servers, servers) {
            let text = try Self.file(of: place, deployment, fabric).text() + deployment.extraLines
            try text.write(toFile: server.configurationPath, atomically: true, encoding: .utf8)
        }
    }

    private static func obstacle(to controller: ControlGroupController, isWanted: Bool) -> String? {
        guard isWanted else { return nil }
        let availability = ControlGroup.availability(of: controller)
        return availability.isAvailable ? nil : availability.reason
    }

    private static func file(
        of place: EmulatedDeployment.ServerPlace, _ deployment: EmulatedDeployment, _ fabric: Fabric
    ) -> ServerFile {
        let own = deployment.regions[place.region].name
        var spec = place.spec
        // What servers tell others must lead through the proxies, too.
        let advertisesProxy = fabric.kind == .proxies && spec.gateway != nil && spec.gateway?.advertise == nil
        if advertisesProxy { spec.gateway?.advertise = .server(place.name, .gateway) }
        return ServerFile(server: spec, address: fabric.address(of: place.name)) { endpoint in
            switch endpoint {
            case .server(place.name, .gateway): fabric.advertisedGateway(of: place.name)
            case .server(let name, .gateway): fabric.gatewayAddress(of: name, seenFrom: own)
            case .server(let name, let port): (fabric.address(of: name), ServerFile.Port.number(of: port))
            case .nodePort(let cluster): try fabric.gatewayNodePort(of: cluster, seenFrom: own)
            case .nobody: fabric.deadAddress
            }
        }
    }

    func name(_ index: Int) -> String { deployment.servers[index].name }
    func logPath(_ index: Int) -> String { servers[index].logPath }

    func isRunning(_ index: Int) -> Bool { servers[index].isRunning }

    /// What the machine holds a server to: the deployment's limits, as far as it can.
    private func limits(of index: Int) -> ProcessLimits {
        let nats = deployment.regions[deployment.servers[index].region].nats
        let cores = nats.cpu.map { max(CPUQuota.leastCores, Double($0) / 1_000) }
        return ProcessLimits(
            cpu: quotaObstacle == nil ? cores.map { CPUQuota(cores: $0) } : nil, memory: memoryLimit(of: index))
    }

    /// Bytes that a server may use here; `nil`: it has no limit, or the machine allows none.
    func memoryLimit(of index: Int) -> Int64? {
        memoryObstacle == nil ? deployment.regions[deployment.servers[index].region].nats.memory : nil
    }

    func launch(_ index: Int) throws {
        let server = servers[index]
        server.process = try fabric.launch(
            executable.path, ["-c", server.configurationPath], at: server.spec.name, log: server.logPath,
            limits: limits(of: index))
    }

    /// Ends a process at once.
    func kill(_ index: Int) {
        guard let process = servers[index].process else { return }
        forgetProcess(index)
        process.kill()
    }

    private func forgetProcess(_ index: Int) {
        memoryPeaks[index] = memoryPeak(of: index)
        spent[index] = cpuTime(of: index)
        servers[index].forgetProcess()
    }

    /// Looks for servers that have ended by themselves.
    ///
    /// - Returns: those that the kernel has killed for want of memory since the last look, by index; they can be
    ///   launched again.
    /// - Throws: when one has ended in another way, with its own words.
    func check() throws(EmulationError) -> [Int] {
        var killed: [Int] = []
        for (index, server) in servers.enumerated() {
            guard let process = server.process, let status = process.status else { continue }
            guard status == .killed(signal: SIGKILL), let limit = memoryLimit(of: index),
                process.memory?.tellsOfKill(at: limit) == true
            else {
                throw EmulationError("server \(name(index)) ended by itself (\(status)): \(server.lastWords())")
            }
            forgetProcess(index)
            killed.append(index)
        }
        return killed
    }

    /// - Throws: when a server has ended, for want of memory or in another way.
    func checkAll() throws(EmulationError) {
        guard let killed = try check().first else { return }
        let limit = (memoryLimit(of: killed) ?? 0) >> 20
        throw EmulationError("server \(name(killed)) needs more than its \(limit) MiB of memory before time zero")
    }

    /// One for each server that runs: readable once that has ended.
    var endDescriptors: [Int32] { servers.compactMap(\.process?.descriptor) }

    /// The most bytes that a server has had in use at once since its first start; `nil` without a limit, or when the
    /// kernel does not tell.
    func memoryPeak(of index: Int) -> Int64? {
        guard let peak = servers[index].process?.memory?.peak else { return memoryPeaks[index] }
        return max(peak, memoryPeaks[index] ?? 0)
    }

    /// CPU time that a server has used since its first start.
    func cpuTime(of index: Int) -> SimDuration {
        guard let process = servers[index].process else { return spent[index] }
        return spent[index] + process.cpuTime
    }

    // MARK: Monitoring

    /// Asks the monitoring of all servers once.
    ///
    /// - Returns: by index; servers that do not answer yet are left out.
    /// - Throws: also when a server has ended.
    func look(_ isCancelled: @escaping @Sendable () -> Bool) throws -> [Int: ServerSight] {
        try checkAll()
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
