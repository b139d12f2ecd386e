import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

let quotas = ControlGroup.availability(of: .cpu)

private let busyLoop = "while :; do :; done"

extension LabTests {
    /// They measure CPU time, one after the other.
    @Suite(.serialized, .enabled(if: quotas.isAvailable, "no CPU quotas here: \(quotas.reason)"))
    struct CPUQuotaTests {
        @Test func aQuotaHoldsFromTheFirstInstruction() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let child = try fabric.launch(
                "/bin/cat", ["/proc/self/cgroup"], at: "a1", log: "log", limits: .init(cpu: .init(cores: 0.2)))
            #expect(child.wait(.seconds(5)) == .exited(code: 0))
            let name = try #require(child.groups.first?.path.split(separator: "/").last)
            #expect(smallFile(child.log)?.contains(name) == true)
        }

        @Test func aQuotaHoldsBack() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let child = try fabric.launch(
                "/bin/sh", ["-c", busyLoop], at: "a1", log: "log", limits: .init(cpu: .init(cores: 0.1)))
            #expect(eventually { (child.throttling?.throttledPeriods ?? 0) >= 5 })
            let throttling = try #require(child.throttling)
            #expect(throttling.periods >= throttling.throttledPeriods)
            #expect(throttling.throttledNanoseconds > 0)
            // 10 ms of each period, and what the scheduler's slices exceed it by.
            #expect(child.cpuTime.nanoseconds <= (throttling.periods + 3) * 20_000_000)
        }

        @Test func groupsEndWithTheirLab() throws {
            let fabric = try Fabric.loopback(threePlaces)
            let paths = try ["a1", "a2"].map { server in
                let child = try fabric.launch(
                    "/bin/sleep", ["600"], at: server, log: "log", limits: .init(cpu: .init(cores: 1)))
                return try #require(child.groups.first).path
            }
            #expect(Set(paths).count == 2)
            #expect(paths.allSatisfy(fileExists))
            #expect(try !Leftovers.find().contains { paths.contains($0.directory) })
            fabric.shutDown()
            #expect(!paths.contains(where: fileExists))
        }

        @Test func aGroupEndsWhenAServerIsStartedAgain() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let first = try fabric.launch(
                "/bin/sleep", ["600"], at: "a1", log: "log", limits: .init(cpu: .init(cores: 1)))
            first.kill()
            #expect(first.wait(.seconds(5)) != nil)
            let second = try fabric.launch(
                "/bin/sleep", ["600"], at: "a1", log: "log", limits: .init(cpu: .init(cores: 1)))
            #expect(!fileExists(try #require(first.groups.first).path))
            #expect(fileExists(try #require(second.groups.first).path))
        }

        @Test func aProgramThatDoesNotStartLeavesNoGroup() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let home = try #require(ControlGroupHierarchy.current(.cpu)?.homes(for: [.cpu]).first)
            #expect(throws: FabricError.self) {
                try fabric.launch("/nonexistent", [], at: "a1", log: "log", limits: .init(cpu: .init(cores: 0.7)))
            }
            let own = try FileManager.default.contentsOfDirectory(atPath: home).filter {
                ControlGroupName($0)?.pid == getpid() && smallFile("\(home)/\($0)/cpu.cfs_quota_us") == "70000\n"
            }
            #expect(own.isEmpty)
        }
    }
}

@Test func aQuotaIsAShareOfEachPeriod() {
    #expect(CPUQuota(cores: 0.5).time == 50_000)
    #expect(CPUQuota(cores: 2).time == 200_000)
}

@Test func bothVersionsCountThrottling() {
    let one = "nr_periods 10\nnr_throttled 4\nthrottled_time 5000000\nnr_bursts 0\nburst_time 0\n"
    let two = "usage_usec 9\nnr_periods 10\nnr_throttled 4\nthrottled_usec 5000\n"
    let expected = CPUThrottling(periods: 10, throttledPeriods: 4, throttledNanoseconds: 5_000_000)
    #expect(CPUThrottling(one) == expected)
    #expect(CPUThrottling(two) == expected)
    #expect(CPUThrottling("usage_usec 9\n") == nil)
}

@Test func theFirstVersionIsFoundByItsController() throws {
    let mounts = """
        tmpfs /sys/fs/cgroup tmpfs rw 0 0
        cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0
        cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
        cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
        """
    let groups = "5:cpuset:/other\n4:cpu,cpuacct:/mine/inner\n0::/third\n"
    let found = try #require(ControlGroupHierarchy(of: .cpu, mounts: mounts, groups: groups, controllers: { _ in "" }))
    #expect(found.version == .one)
    #expect(found.root == "/sys/fs/cgroup/cpu,cpuacct")
    #expect(found.own == "/mine/inner")
}

@Test func theSecondVersionNeedsTheController() throws {
    let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"
    let groups = "0::/user.slice/app.scope\n"
    let found = try #require(
        ControlGroupHierarchy(of: .cpu, mounts: mounts, groups: groups, controllers: { _ in "cpuset cpu io memory\n" }))
    #expect(found.version == .two)
    #expect(found.own == "/user.slice/app.scope")
    #expect(
        ControlGroupHierarchy(of: .cpu, mounts: mounts, groups: groups, controllers: { _ in "memory pids\n" }) == nil)
}

@Test(arguments: ["antipode-1-2", "antipode-1-2-3-4", "other-1-2-3", "antipode-x-2-3", "antipode--1-2-3", ""])
func otherGroupsAreLeftAlone(_ name: String) {
    #expect(ControlGroupName(name) == nil)
}

@Test func theNameOfAGroupTellsItsOwner() throws {
    let name = try #require(ControlGroupName("antipode-12-345-6"))
    #expect(name.pid == 12)
    #expect(name.startTime == 345)
    #expect(name.text == "antipode-12-345-6")
}

@Test func theLoadOfTheMachineIsReadFromItsTicks() throws {
    let earlier = try #require(MachineLoad(text: "cpu  100 0 50 800 10 0 5 20 7 0\ncpu0 1 2 3\n"))
    #expect(earlier.total == 985)
    #expect(earlier.idle == 810)
    #expect(earlier.steal == 20)
    let later = try #require(MachineLoad(text: "cpu  140 0 50 850 10 0 5 30 7 0\n"))
    #expect(later.shares(since: earlier) == .init(idle: 0.5, steal: 0.1))
    #expect(earlier.shares(since: earlier) == .init(idle: 0, steal: 0))
    #expect(MachineLoad(text: "cpu 1 2\n") == nil)
    #expect(try #require(MachineLoad.now()).total > 0)
}

extension LabTests {
    @Suite struct ControlGroupTests {
        @Test func theCPUTimeOfAProcessSurvivesIt() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let child = try fabric.launch("/bin/sh", ["-c", busyLoop], at: "a1", log: "log")
            #expect(eventually { child.cpuTime > .milliseconds(20) })
            let before = child.cpuTime
            child.kill()
            #expect(child.wait(.seconds(5)) == .killed(signal: SIGKILL))
            let after = child.cpuTime
            #expect(after >= before)
            #expect(child.cpuTime == after)
        }

        /// A folder with the files of version 2 that decide where a group can be made.
        @Test func groupsOfTheSecondVersionAreMadeWhereTheControllerIsPassedOn() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let root = fabric.directory
            try FileManager.default.createDirectory(atPath: root + "/slice/scope", withIntermediateDirectories: true)
            try "cpu memory\n".write(toFile: root + "/cgroup.subtree_control", atomically: true, encoding: .utf8)
            try "memory\n".write(toFile: root + "/slice/cgroup.subtree_control", atomically: true, encoding: .utf8)
            let found = try #require(
                ControlGroupHierarchy(
                    of: .cpu, mounts: "cgroup2 \(root) cgroup2 rw 0 0\n", groups: "0::/slice/scope\n",
                    controllers: { _ in "cpu" }))
            #expect(found.ancestors == [root + "/slice/scope", root + "/slice", root])
            #expect(found.homes(for: [.cpu]) == [root])
        }
    }
}
