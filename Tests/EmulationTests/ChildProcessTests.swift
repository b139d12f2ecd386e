import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

private func withLab(_ body: (Fabric) throws -> Void) throws {
    let fabric = try Fabric.loopback(threePlaces)
    defer { fabric.shutDown() }
    try body(fabric)
}

extension LabTests {
    @Suite struct ChildProcessTests {
        @Test func aChildWritesItsLogAndEndsWithItsCode() throws {
            try withLab { fabric in
                let child = try fabric.launch(
                    "/bin/sh", ["-c", "echo out; echo error >&2; exit 3"], at: "a1", log: "a1.log")
                #expect(child.wait(.seconds(5)) == .exited(code: 3))
                #expect(!child.isRunning)
                #expect(smallFile(fabric.directory + "/a1.log") == "out\nerror\n")
            }
        }

        @Test func aStatusThatSomebodyElseTookIsUnknown() throws {
            try withLab { fabric in
                let child = try fabric.launch("/bin/true", [], at: "a1", log: "a1.log")
                while waitpid(child.pid, nil, 0) < 0 && errno == EINTR {}
                #expect(child.wait(.seconds(5)) == .unknown)
                #expect(!child.isRunning)
            }
        }

        @Test func aLogIsAppendedTo() throws {
            try withLab { fabric in
                for word in ["one", "two"] {
                    let child = try fabric.launch("/bin/echo", [word], at: "a1", log: "a1.log")
                    #expect(child.wait(.seconds(5)) == .exited(code: 0))
                }
                #expect(smallFile(fabric.directory + "/a1.log") == "one\ntwo\n")
            }
        }

        @Test func whatCannotBeExecutedIsReported() throws {
            try withLab { fabric in
                #expect {
                    try fabric.launch("/nonexistent/program", [], at: "a1", log: "a1.log")
                } throws: {
                    ($0 as? FabricError)?.description
                        == "cannot start /nonexistent/program (execution): No such file or directory"
                }
            }
        }

        @Test func waitingGivesUpInTime() throws {
            try withLab { fabric in
                let child = try fabric.launch("/bin/sleep", ["600"], at: "a1", log: "a1.log")
                #expect(child.wait(.milliseconds(20)) == nil)
                #expect(child.isRunning)
                child.terminate()
                #expect(child.wait(.seconds(5)) == .killed(signal: SIGTERM))
            }
        }

        @Test func killingAChildKillsWhatItStarted() throws {
            try withLab { fabric in
                let script = "sleep 600 & echo $!; wait"
                let child = try fabric.launch("/bin/sh", ["-c", script], at: "a1", log: "a1.log")
                let log = fabric.directory + "/a1.log"
                #expect(eventually { smallFile(log)?.hasSuffix("\n") == true })
                let grandchild = try #require(smallFile(log).flatMap { Int32($0.dropLast()) })
                #expect(ProcessIdentity(of: grandchild) != nil)
                child.kill()
                #expect(child.wait(.seconds(5)) == .killed(signal: SIGKILL))
                #expect(eventually { ProcessIdentity(of: grandchild) == nil })
            }
        }

        @Test func aChildHasNoDescriptorsOfItsParent() throws {
            try withLab { fabric in
                let child = try fabric.launch("/bin/ls", ["/proc/self/fd"], at: "a1", log: "a1.log")
                #expect(child.wait(.seconds(5)) == .exited(code: 0))
                // The fourth one is the folder that ls reads.
                #expect(smallFile(fabric.directory + "/a1.log") == "0\n1\n2\n3\n")
            }
        }

        @Test func aChildStartsWithoutBlockedOrIgnoredSignals() throws {
            let before = signal(SIGUSR2, SIG_IGN)
            defer { signal(SIGUSR2, before) }
            try withLab { fabric in
                let child = try fabric.launch(
                    "/bin/grep", ["-hE", "SigBlk|SigIgn", "/proc/self/status"], at: "a1", log: "a1.log")
                #expect(child.wait(.seconds(5)) == .exited(code: 0))
                let text = try #require(smallFile(fabric.directory + "/a1.log"))
                let masks = text.split(separator: "\n").compactMap {
                    UInt64($0.dropFirst("SigBlk:\t".count), radix: 16)
                }
                // Above 31 are those that the C library keeps for itself.
                #expect(masks.map { $0 & 0x7FFF_FFFF } == [0, 0])
            }
        }

        @Test func theOwnersRecordListsWhoRuns() throws {
            try withLab { fabric in
                let first = try fabric.launch("/bin/true", [], at: "a1", log: "a1.log")
                _ = first.wait(.seconds(5))
                let second = try fabric.launch("/bin/sleep", ["600"], at: "a2", log: "a2.log")
                let owner = try #require(LabOwner.read(in: fabric.directory))
                #expect(owner.process.pid == getpid())
                #expect(owner.children.map(\.pid) == [second.pid])
                #expect(owner.children[0].executable.hasSuffix("/sleep"))
            }
        }
    }
}
