import EventKernel
import Foundation
import Glibc
import Measures
import NATSModel
import Scenario
import Testing

@testable import Emulation

let memoryLimits = ControlGroup.availability(of: .memory)

private let program = NATSExecutable.path()

/// Control groups of this process that limit memory.
private func ownGroups() throws -> [String] {
    let home = try #require(ControlGroupHierarchy.current(.memory)?.homes(for: [.memory]).first)
    return try FileManager.default.contentsOfDirectory(atPath: home).filter {
        ControlGroupName($0)?.pid == getpid()
    }
}

extension LabTests {
    @Suite(.enabled(if: memoryLimits.isAvailable, "no memory limits here: \(memoryLimits.reason)"))
    struct MemoryLimitTests {
        /// `tail` keeps what it reads until a line ends, which this one does not.
        private func greedy(_ fabric: Fabric) throws -> ChildProcess {
            try fabric.launch("/usr/bin/tail", ["/dev/zero"], at: "a1", log: "log", limits: .init(memory: 32 << 20))
        }

        @Test func whoPassesItsLimitIsKilled() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let child = try greedy(fabric)
            #expect(child.wait(.seconds(20)) == .killed(signal: SIGKILL))
            let account = try #require(child.memory)
            #expect(account.kills == 1)
            #expect(account.tellsOfKill(at: 32 << 20))
            #expect(account.peak.map { (31 << 20...32 << 20).contains($0) } ?? true)
        }

        @Test func theAccountOutlivesTheGroup() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let child = try greedy(fabric)
            #expect(child.wait(.seconds(20)) != nil)
            // The lab removes groups of those that have ended when it starts another one.
            _ = try fabric.launch("/bin/sleep", ["600"], at: "a2", log: "log")
            #expect(child.groups.allSatisfy { !fileExists($0.path) })
            #expect(child.memory?.kills == 1)
        }

        @Test func whoIsKilledByAnotherHasNotPassedItsLimit() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let child = try fabric.launch(
                "/bin/sleep", ["600"], at: "a1", log: "log", limits: .init(memory: 32 << 20))
            child.kill()
            #expect(child.wait(.seconds(5)) == .killed(signal: SIGKILL))
            #expect(child.memory?.kills == 0)
            #expect(child.memory?.tellsOfKill(at: 32 << 20) == false)
        }

        @Test(.enabled(if: quotas.isAvailable, "no CPU quotas here: \(quotas.reason)"))
        func bothLimitsHoldAndEndWithTheirLab() throws {
            let fabric = try Fabric.loopback(threePlaces)
            let child = try fabric.launch(
                "/bin/sleep", ["600"], at: "a1", log: "log",
                limits: .init(cpu: .init(cores: 0.5), memory: 32 << 20))
            #expect(child.throttling != nil)
            #expect(child.memory?.kills == 0)
            let paths = child.groups.map(\.path)
            #expect(paths.allSatisfy { ControlGroupHierarchy.processes(of: $0) == [child.pid] })
            fabric.shutDown()
            #expect(!paths.contains(where: fileExists))
        }

        @Test func aProgramThatDoesNotStartLeavesNoGroup() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            #expect(throws: FabricError.self) {
                try fabric.launch("/nonexistent", [], at: "a1", log: "log", limits: .init(memory: 32 << 20))
            }
            #expect(try ownGroups() == [])
        }
    }

    /// Real servers with limits.
    @Suite(
        .enabled(if: memoryLimits.isAvailable, "no memory limits here: \(memoryLimits.reason)"),
        .enabled(if: namespaces.isAvailable, "no network namespaces here: \(namespaces.reason)"),
        .enabled(if: program != nil, "no nats-server here"))
    struct ServerMemoryTests {
        /// A server in `us` with a limit, and one in `sgp` without.
        private func deployment(_ limit: Int64) -> Deployment {
            var deployment = twoRegions(roundTrip: .milliseconds(20))
            deployment.regions[0].nats.memory = limit
            return deployment
        }

        private func run(_ scenario: Scenario) throws -> Outcome {
            try emulate(scenario, replication: 0, options: EmulationOptions(executable: NATSExecutable(path: program!)))
        }

        /// 10 MB/s that wait for the gateway once the link is cut.
        @Test func aServerWhoseGatewayHoldsTooMuchIsKilledAndComesBack() throws {
            let cut = Fault(kind: .wanCut(link: 0, from: nil), start: at(1), end: nil)
            let outcome = try run(
                plainScenario(
                    deployment(32 << 20), [stream(perSecond: 1_000, size: 10_000)], timeline: [cut],
                    horizon: .seconds(8)))
            #expect(outcome.value("server.us/nats-0.memory-kills") == 1)
            let peak = try #require(outcome.value("server.us/nats-0.memory-peak"))
            #expect((31...32).contains(peak))
            #expect(outcome.value("server.sgp/nats-0.memory-kills") == nil)
            let own = outcome.journal.filter { $0.subject == "us/nats-0" }
            let killed = try #require(own.first { $0.text == "runs out of memory and dies: its limit is 32 MiB" })
            #expect((at(1.5)...at(5)).contains(killed.time))
            #expect(
                own.contains { $0.time == killed.time && $0.text == "outbound gateway to sgp dies with the server" })
            // `restart-delay`, and what the machine adds.
            let back = try #require(own.first { $0.text == "is back, empty" })
            #expect((1.0...1.05).contains((back.time - killed.time).seconds))
            #expect(outcome.violations == [])
            #expect(try ownGroups() == [])
        }

        @Test func aServerWithRoomEnoughIsNotKilled() throws {
            let outcome = try run(plainScenario(deployment(256 << 20), [stream()], horizon: .seconds(1)))
            #expect(outcome.value("server.us/nats-0.memory-kills") == 0)
            let peak = try #require(outcome.value("server.us/nats-0.memory-peak"))
            #expect((2...64).contains(peak))
        }

        @Test func aServerThatNeedsMoreThanItsLimitCannotSettle() throws {
            let scenario = plainScenario(deployment(1 << 20), [stream()], horizon: .seconds(1))
            #expect(
                throws: EmulationError("server us/nats-0 needs more than its 1 MiB of memory before time zero")
            ) { try run(scenario) }
            #expect(try ownGroups() == [])
        }

        /// The end of a server that nobody meant is an error, with a limit as without.
        @Test func aServerThatSomebodyElseKillsIsAnError() throws {
            let deployment = try EmulatedDeployment(plainScenario(self.deployment(256 << 20)))
            let places = deployment.servers.map {
                Fabric.Place(name: $0.name, cluster: deployment.regions[$0.region].name)
            }
            let fabric = try Fabric.loopback(places)
            defer { fabric.shutDown() }
            let servers = try EmulatedServers(
                deployment, fabric: fabric, executable: NATSExecutable(path: program!))
            try servers.launch(0)
            #expect(try servers.check() == [])
            let words = { (smallFile(servers.logPath(0)) ?? "").dropFirst().prefix { $0 != "]" } }
            #expect(eventually { Int32(words()) != nil })
            #expect(kill(try #require(Int32(words())), SIGKILL) == 0)
            #expect(eventually { (try? servers.check()) == nil })
            let error = #expect(throws: EmulationError.self) { try servers.check() }
            #expect(error?.description.hasPrefix("server us/nats-0 ended by itself (killed by signal 9): ") == true)
        }
    }
}

@Suite struct MemoryAccountTests {
    @Test func theFirstVersionCountsKillsInItsControl() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"
        #expect(MemoryAccount(peak: "33554432\n", events: text) == MemoryAccount(bytes: 33_554_432, kills: 1))
    }

    @Test func theSecondVersionCountsKillsAmongItsEvents() {
        let text = "low 0\nhigh 0\nmax 61\noom 3\noom_kill 2\noom_group_kill 0\n"
        #expect(MemoryAccount(peak: "4096\n", events: text) == MemoryAccount(bytes: 4_096, kills: 2))
        // Before Linux 5.19.
        #expect(MemoryAccount(peak: nil, events: text) == MemoryAccount(bytes: nil, kills: 2))
    }

    @Test func aKernelThatCountsNoKillsTellsNothing() {
        #expect(MemoryAccount(peak: "4096\n", events: "oom_kill_disable 0\nunder_oom 0\n") == nil)
    }

    @Test func aKillFarBelowTheLimitIsAnothers() {
        #expect(MemoryAccount(bytes: 99, kills: 1).tellsOfKill(at: 100))
        #expect(MemoryAccount(bytes: nil, kills: 1).tellsOfKill(at: 100))
        #expect(!MemoryAccount(bytes: 50, kills: 1).tellsOfKill(at: 100))
        #expect(!MemoryAccount(bytes: 100, kills: 0).tellsOfKill(at: 100))
    }

    @Test func theControllerHasAHierarchyOfItsOwnInTheFirstVersion() throws {
        let mounts = """
            cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
            cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
            """
        let found = try #require(
            ControlGroupHierarchy(
                of: .memory, mounts: mounts, groups: "4:memory:/mine\n1:cpu:/\n0::/third\n", controllers: { _ in "" }))
        #expect(found.version == .one)
        #expect(found.root == "/sys/fs/cgroup/memory")
        #expect(found.own == "/mine")
    }

    @Test func theTwinHasNoLimit() {
        var deployment = twoRegions(roundTrip: .milliseconds(20))
        deployment.regions[1].nats.memory = 64 << 20
        let scenario = plainScenario(deployment)
        var unlimited = scenario
        unlimited.deployment.regions[1].nats.memory = nil
        #expect(EmulatedCalls.twin(of: scenario) == unlimited)
    }
}

extension MemoryAccount {
    fileprivate init(bytes: Int64?, kills: Int64) {
        self.init(peak: bytes.map(String.init), events: "oom_kill \(kills)\n")!
    }
}

/// The pauses are the model's; tests of the model look at more of them.
@Suite struct EmulatedRestartsTests {
    @Test func theFirstRestartIsSoonAndTheNextOnesBackOff() {
        var restarts = EmulatedRestarts(servers: 2, ServerParameters())
        #expect(restarts.next == nil)
        restarts.plan(1, killedAt: at(5))
        #expect(restarts.next == at(6))
        #expect(restarts.take(until: at(5.9)) == [])
        #expect(restarts.take(until: at(6)) == [1])
        #expect(restarts.next == nil)
        restarts.plan(1, killedAt: at(8))
        #expect(restarts.next == at(19))
        restarts.plan(0, killedAt: at(18.5))
        #expect(restarts.take(until: at(20)) == [0, 1])
    }

    @Test func aFaultTakesAServerOver() {
        var restarts = EmulatedRestarts(servers: 1, ServerParameters())
        restarts.plan(0, killedAt: at(5))
        restarts.cancel(0)
        #expect(restarts.take(until: at(100)) == [])
    }
}

/// Folders with the files of version 2, which this is written for but seldom run on.
extension LabTests {
    @Suite struct SecondVersionTests {
        @Test func limitsAreWrittenToTheirFiles() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let path = fabric.directory
            for name in ["cpu.max", "memory.max", "memory.swap.max"] {
                try "".write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
            }
            try ProcessLimits(cpu: CPUQuota(cores: 0.5), memory: 64 << 20).write(to: path, .two)
            #expect(smallFile(path + "/cpu.max") == "50000 100000")
            #expect(smallFile(path + "/memory.max") == "67108864")
            #expect(smallFile(path + "/memory.swap.max") == "0")
        }

        @Test func aGroupWithBothNeedsBothControllers() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let root = fabric.directory
            try FileManager.default.createDirectory(atPath: root + "/slice/scope", withIntermediateDirectories: true)
            try "cpu memory\n".write(toFile: root + "/cgroup.subtree_control", atomically: true, encoding: .utf8)
            try "memory\n".write(toFile: root + "/slice/cgroup.subtree_control", atomically: true, encoding: .utf8)
            let found = try #require(
                ControlGroupHierarchy(
                    of: .memory, mounts: "cgroup2 \(root) cgroup2 rw 0 0\n", groups: "0::/slice/scope\n",
                    controllers: { _ in "cpu memory" }))
            #expect(found.homes(for: [.memory]) == [root + "/slice", root])
            #expect(found.homes(for: [.cpu, .memory]) == [root])
        }
    }
}
