import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

/// Names the kind of a lab that a second process of these tests makes and then waits to be killed in.
private let labToKill = ProcessInfo.processInfo.environment["ANTIPODE_LAB_TO_KILL"]

/// Those that this machine lets us limit.
private let controllers = ControlGroupController.allCases.filter { ControlGroup.availability(of: $0).isAvailable }

extension LabTests {
    /// They look at, and remove, labs of other processes of this user, but only those whose owner is dead.
    @Suite(.serialized)
    struct LeftoversTests {
        /// Not a test: what `aKilledOwnerLeavesOnlyItsFolder` runs in a process of its own.
        @Test(.enabled(if: labToKill != nil, "the other half of aKilledOwnerLeavesOnlyItsFolder"))
        func aLabThatWaitsToBeKilled() throws {
            let fabric =
                switch labToKill {
                case "loopback": try Fabric.loopback(threePlaces)
                case "proxies": try Fabric.proxied(threePlaces)
                case "regions": try Fabric.regions(threePlaces)
                default: try Fabric.namespaces(threePlaces)
                }
            defer { fabric.shutDown() }
            let limits = ProcessLimits(
                cpu: quotas.isAvailable ? CPUQuota(cores: 0.5) : nil, memory: memoryLimits.isAvailable ? 256 << 20 : nil
            )
            let children = try threePlaces.map {
                try fabric.launch("/bin/sleep", ["600"], at: $0.name, log: "log", limits: limits)
            }
            _ = try fabric.nodePort(cluster: "a")
            let pids = children.map { String($0.pid) }.joined(separator: " ")
            FileHandle.standardOutput.write(Data("ready \(fabric.directory) \(pids)\n".utf8))
            Issue.record("nobody killed this lab: \(String(describing: children[0].wait(.seconds(60))))")
        }

        /// The owner's report: its folder and its children.
        private func report(_ log: String) -> (directory: String, pids: [Int32])? {
            let line = smallFile(log)?.split(separator: "\n", omittingEmptySubsequences: false).dropLast().first {
                $0.hasPrefix("ready ")
            }
            guard let words = line?.split(separator: " "), words.count == 5 else { return nil }
            return (String(words[1]), words[2...].compactMap { Int32($0) })
        }

        private func killAnOwner(_ kind: String) throws {
            let lab = try Fabric.loopback(threePlaces)
            defer { lab.shutDown() }
            let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let owner = try lab.launch(
                "/usr/bin/env",
                [
                    "ANTIPODE_LAB_TO_KILL=\(kind)", program, "--testing-library", "swift-testing", "--filter",
                    "aLabThatWaitsToBeKilled",
                ], at: "a1", log: "owner.log")
            #expect(eventually { report(owner.log) != nil || !owner.isRunning })
            let (directory, pids) = try #require(report(owner.log), "\(smallFile(owner.log) ?? "")")
            #expect(pids.count == 3)
            #expect(pids.allSatisfy { ProcessIdentity(of: $0) != nil })
            #expect(try !Leftovers.find().contains { $0.directory == directory })

            kill(owner.pid, SIGKILL)
            #expect(owner.wait(.seconds(5)) == .killed(signal: SIGKILL))
            #expect(eventually { pids.allSatisfy { ProcessIdentity(of: $0) == nil } })
            #expect(fileExists(directory))
            let leftover = Leftover(directory: directory, ownerPID: owner.pid, program: program, children: [])
            #expect(try Leftovers.find().contains(leftover))
            let groups = try Leftovers.find().filter { $0.ownerPID == owner.pid && $0.directory != directory }
            // One for each of its children in each hierarchy.
            let hierarchies = Set(controllers.map { ControlGroupHierarchy.current($0)?.root })
            #expect(groups.count == 3 * hierarchies.count)
            #expect(groups.allSatisfy { fileExists($0.directory) && $0.children.isEmpty })
            #expect(try Leftovers.clean().contains(leftover))
            #expect(!fileExists(directory))
            #expect(groups.allSatisfy { !fileExists($0.directory) })
            #expect(try !Leftovers.find().contains { $0.ownerPID == owner.pid })
        }

        @Test(arguments: ["loopback", "proxies"])
        func aKilledOwnerLeavesOnlyItsFolder(kind: String) throws { try killAnOwner(kind) }

        @Test(
            .enabled(if: namespaces.isAvailable, "no network namespaces here: \(namespaces.reason)"),
            arguments: ["namespaces", "regions"])
        func aKilledOwnerOfNamespacesLeavesOnlyItsFolder(kind: String) throws { try killAnOwner(kind) }

        /// A folder as a dead owner leaves it; nothing is written down unless `children` is given.
        private func deadLab(children: [ProcessIdentity]?) throws -> String {
            let lab = try Fabric.loopback(threePlaces)
            defer { lab.shutDown() }
            let owner = try lab.launch("/bin/sleep", ["600"], at: "a1", log: "log")
            let identity = try #require(owner.identity)
            let directory = "\(LabDirectory.base)/lab-\(identity.pid)-\(identity.startTime)-0"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            if let children { try LabOwner(process: identity, children: children).write(in: directory) }
            return directory
        }

        @Test func aChildThatGotAwayIsEnded() throws {
            let lab = try Fabric.loopback(threePlaces)
            defer { lab.shutDown() }
            let child = try lab.launch("/bin/sleep", ["600"], at: "a1", log: "log")
            let directory = try deadLab(children: [#require(child.identity)])
            #expect(try Leftovers.find().first { $0.directory == directory }?.children == [child.pid])
            _ = try Leftovers.clean()
            #expect(child.wait(.seconds(5)) == .killed(signal: SIGKILL))
            #expect(!fileExists(directory))
        }

        @Test func aProcessWithAnOldPIDIsLeftAlone() throws {
            let lab = try Fabric.loopback(threePlaces)
            defer { lab.shutDown() }
            let child = try lab.launch("/bin/sleep", ["600"], at: "a1", log: "log")
            var earlier = try #require(child.identity)
            earlier.startTime -= 1
            var other = try #require(child.identity)
            other.executable = "/usr/bin/something"
            let directory = try deadLab(children: [earlier, other])
            #expect(try Leftovers.find().first { $0.directory == directory }?.children == [])
            _ = try Leftovers.clean()
            #expect(child.isRunning)
            #expect(!fileExists(directory))
        }

        @Test(.enabled(if: !controllers.isEmpty, "no control groups here"), arguments: controllers)
        func aGroupOfADeadOwnerIsRemovedAndWhatIsInItIsEnded(_ controller: ControlGroupController) throws {
            let lab = try Fabric.loopback(threePlaces)
            defer { lab.shutDown() }
            let owner = try lab.launch("/bin/sleep", ["600"], at: "a1", log: "log")
            let identity = try #require(owner.identity)
            owner.kill()
            #expect(owner.wait(.seconds(5)) != nil)
            let home = try #require(ControlGroupHierarchy.current(controller)?.homes(for: [controller]).first)
            let path = home + "/" + ControlGroupName(owner: identity, number: 7).text
            #expect(mkdir(path, 0o755) == 0)
            let child = try lab.launch(
                "/bin/sh", ["-c", "echo 0 > \(path)/cgroup.procs; echo in; exec sleep 600"], at: "a1", log: "in.log")
            #expect(eventually { smallFile(child.log) == "in\n" })
            let leftover = Leftover(directory: path, ownerPID: identity.pid, program: nil, children: [child.pid])
            #expect(try Leftovers.find().contains(leftover))
            #expect(try Leftovers.clean().contains(leftover))
            #expect(child.wait(.seconds(5)) == .killed(signal: SIGKILL))
            #expect(!fileExists(path))
        }

        @Test func anOwnerThatWroteNothingIsFoundByTheNameOfItsFolder() throws {
            let directory = try deadLab(children: nil)
            let found = try Leftovers.find().first { $0.directory == directory }
            #expect(found?.program == nil)
            _ = try Leftovers.clean()
            #expect(!fileExists(directory))
        }

        @Test func aLabInUseIsNoLeftover() throws {
            let lab = try Fabric.loopback(threePlaces)
            defer { lab.shutDown() }
            #expect(try !Leftovers.clean().contains { $0.directory == lab.directory })
            #expect(fileExists(lab.directory))
        }

        @Test(arguments: ["lab-1-2", "lab-1-2-3-4", "other-1-2-3", "lab-x-2-3", "lab-1-x-3", "lab-1-2-x", ""])
        func otherFoldersAreLeftAlone(_ name: String) {
            #expect(LabDirectory.owner(of: name) == nil)
        }
    }
}
