import Emulation
import Foundation
import Testing

/// A run that is killed while real servers run leaves nothing that `doctor --clean` does not remove, and no process.
@Suite(.serialized, .enabled(if: NATSExecutable.path() != nil, "no nats-server on the PATH"))
struct EmulationKillTests {
    /// Two regions, and a wait that is longer than the test.
    private static let longCase = """
        case: Nothing happens for a long time
        clusters: {us: 2, sgp: 1}
        steps:
          - wait: 100s
          - check:
              routes: {us-0: [us-1]}
        """
    private static let longCaseWithPackets = longCase.replacing("steps:", with: "wan: 10ms\nsteps:")

    private static var cases: [String] {
        Fabric.namespacesAvailable.isAvailable ? [longCase, longCaseWithPackets] : [longCase]
    }

    /// Starts the case, and waits until all its servers run. Returns their process numbers.
    private func start(_ text: String, _ antipode: Antipode) throws -> (Running, [Int32]) {
        try antipode.write("long.yaml", text)
        let temporary = antipode.path("tmp")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let running = try antipode.start(
            ["route", "long.yaml", "--backend", "emulate"], environment: ["TMPDIR": temporary])
        let deadline = Date.now.addingTimeInterval(60)
        while true {
            let servers = children(of: running.process.processIdentifier)
            if servers.count == 3 { return (running, servers) }
            try #require(running.process.isRunning, "the run ended before it could be killed")
            try #require(Date.now < deadline, "the servers did not start within a minute")
        }
    }

    /// Processes named nats-server whose parent this is, without those that have ended and were not collected yet.
    private func children(of parent: Int32) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.filter { pid in
            guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
            let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
            return status.contains("(nats-server)") && fields.count > 1 && fields[0] != "Z"
                && fields[1] == "\(parent)"
        }
    }

    private func isAlive(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        // A zombie is not alive, only not yet collected by whoever inherited it.
        return status.contains("(nats-server)") && !status.contains(") Z ")
    }

    private func waitUntilGone(_ servers: [Int32]) throws {
        let deadline = Date.now.addingTimeInterval(30)
        while servers.contains(where: isAlive) {
            try #require(Date.now < deadline, "servers outlive their owner")
        }
    }

    /// The network namespace of a process, for example `net:[4026532008]`.
    private func network(of pid: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/net")
    }

    /// Whether a process on this machine, or a mount, holds the namespace. Its devices, TUN as well, go with it.
    private func isHeld(_ network: String) -> Bool {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        return mounts.contains(network) || entries.compactMap { Int32($0) }.contains { self.network(of: $0) == network }
    }

    /// Whether a TCP connection in the namespace of a process waits for an answer that has not come in time: field 6 of
    /// `/proc/net/tcp` counts the retransmissions of what is not acknowledged.
    private func retransmits(_ pid: Int32) -> Bool {
        let table = (try? String(contentsOfFile: "/proc/\(pid)/net/tcp", encoding: .utf8)) ?? ""
        return table.split(separator: "\n").dropFirst().contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 6 && fields[6].contains { $0 != "0" }
        }
    }

    private func labs(_ antipode: Antipode) -> [String] {
        let folder = antipode.path("tmp")
        return (FileManager.default.subpaths(atPath: folder) ?? []).filter { $0.contains("lab-") }
    }

    @Test(arguments: cases) func killed(text: String) throws {
        let antipode = try Antipode()
        let (running, servers) = try start(text, antipode)
        kill(running.process.processIdentifier, SIGKILL)
        running.process.waitUntilExit()
        try waitUntilGone(servers)
        #expect(!labs(antipode).isEmpty, "the folder waits for the doctor")
        let temporary = ["TMPDIR": antipode.path("tmp")]
        let seen = try antipode.start(["doctor"], environment: temporary).finish()
        #expect(seen.output.contains("left behind"))
        let cleaned = try antipode.start(["doctor", "--clean"], environment: temporary).finish()
        #expect(cleaned.code == 0)
        #expect(labs(antipode).isEmpty)
        let after = try antipode.start(["doctor"], environment: temporary).finish()
        #expect(!after.output.contains("left behind"))
    }

    @Test(arguments: cases) func interrupted(text: String) throws {
        let antipode = try Antipode()
        let (running, servers) = try start(text, antipode)
        kill(running.process.processIdentifier, SIGINT)
        let finished = try running.finish()
        #expect(finished.code == 2)
        #expect(finished.error == "antipode: interrupted after 0 of 1 cases\n")
        try waitUntilGone(servers)
        #expect(labs(antipode).isEmpty)
    }

    // MARK: Scenarios

    struct FaultyRun: CustomTestStringConvertible, Sendable {
        /// In the notation of scenarios.
        var fault: String
        /// Servers that run while it holds.
        var servers: Int
        var testDescription: String { fault }
    }

    static let faults = [
        FaultyRun(fault: "fault: wan-cut, link: us-east/singapore", servers: 2),
        FaultyRun(fault: "fault: power-loss, site: singapore", servers: 1),
    ]

    /// Two servers, of which the first one has limits of CPU and memory, and a fault that outlasts the test. An empty start has no
    /// pause before time zero.
    private func write(_ fault: String, _ antipode: Antipode) throws {
        func region(_ name: String, _ site: String, own: Int, other: String, _ number: Int, _ limit: String) -> String {
            """
              \(name):
                site: \(site)
                nats:
                  servers: 1
                  version: \(Self.version)
            \(limit)      gateway:
                    name: \(name)
                    port: 7222
                    addresses: ["10.\(own).0.11:7222"]
                    remotes: [{ name: \(other), urls: ["nats://10.\(number).0.11:7222"] }]

            """
        }
        try antipode.write(
            "two.yaml",
            "name: two\nregions:\n"
                + region(
                    "us-east", "nyc1", own: 100, other: "singapore", 110, "      cpu: 500m\n      memory: 256MiB\n")
                + region("singapore", "sgp1", own: 110, other: "us-east", 100, "")
                + "links: [{ between: us-east/singapore, round-trip: 20ms }]\n")
        try antipode.write(
            "long.yaml",
            """
            initial: empty
            horizon: 200s
            deployment: two.yaml
            publishers:
              - name: across
                server: us-east/nats-0
                subject: across
                rate: 50/s
                size: 200B
                subscribers: [singapore/nats-0]
            timeline:
              - { at: 3s, for: 190s, \(fault) }

            """)
    }

    private static var version: String {
        guard let path = NATSExecutable.path(), let server = try? NATSExecutable(path: path) else { return "2.9.10" }
        return "\(server.version)"
    }

    /// Starts the scenario, and waits until the fault is felt. Returns the servers that ran at any time.
    private func startFaulty(_ faulty: FaultyRun, _ antipode: Antipode) throws -> (Running, [Int32]) {
        try write(faulty.fault, antipode)
        let temporary = antipode.path("tmp")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let running = try antipode.start(
            ["run", "long.yaml", "--backend", "emulate"], environment: ["TMPDIR": temporary])
        var all: [Int32] = []
        let deadline = Date.now.addingTimeInterval(60)
        while true {
            let servers = children(of: running.process.processIdentifier)
            if servers.count == 2 { all = servers }
            // A cut shows in packets that nobody acknowledges, a power loss in the process that is gone.
            let isFelt = faulty.servers == 2 ? servers.contains(where: retransmits) : true
            if !all.isEmpty, servers.count == faulty.servers, isFelt { return (running, all) }
            let problem = try antipode.read("err-\(running.tag)")
            try #require(running.process.isRunning, "the run ended before it could be killed: \(problem)")
            try #require(Date.now < deadline, "the fault was not felt within a minute")
        }
    }

    /// Control groups of a run, wherever they are mounted.
    private func groups(of pid: Int32) -> [String] {
        guard let found = FileManager.default.enumerator(atPath: "/sys/fs/cgroup") else { return [] }
        return found.compactMap { $0 as? String }.filter {
            $0.split(separator: "/").last?.hasPrefix("antipode-\(pid)-") == true
        }
    }

    @Test(.enabled(if: Fabric.namespacesAvailable.isAvailable, "no network namespaces here"), arguments: faults)
    func killedInTheMiddleOf(_ faulty: FaultyRun) throws {
        let antipode = try Antipode()
        let (running, servers) = try startFaulty(faulty, antipode)
        defer { running.stop() }
        let owner = running.process.processIdentifier
        let networks = Set(servers.compactMap(network).filter { $0 != network(of: getpid()) })
        #expect(networks.count == faulty.servers, "each region that has power has a network of its own")
        let hasGroups = !groups(of: owner).isEmpty
        kill(owner, SIGKILL)
        running.process.waitUntilExit()
        try waitUntilGone(servers)
        #expect(groups(of: owner).isEmpty != hasGroups, "groups wait for the doctor, where there are any")
        let deadline = Date.now.addingTimeInterval(30)
        while networks.contains(where: isHeld) {
            try #require(Date.now < deadline, "something holds the networks of the run")
        }
        #expect(!labs(antipode).isEmpty, "the folder waits for the doctor")
        let temporary = ["TMPDIR": antipode.path("tmp")]
        #expect(try antipode.start(["doctor"], environment: temporary).finish().output.contains("left behind"))
        #expect(try antipode.start(["doctor", "--clean"], environment: temporary).finish().code == 0)
        #expect(labs(antipode).isEmpty)
        #expect(groups(of: owner).isEmpty)
    }
}
