import CLinux
import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

let namespaces = Fabric.namespacesAvailable

extension LabTests {
    /// Tests that need privileges, one after the other: they count descriptors and measure times.
    @Suite(.serialized, .enabled(if: namespaces.isAvailable, "no network namespaces here: \(namespaces.reason)"))
    struct NamespaceTests {
        /// a1, a2 and b1 in namespaces of their own.
        private func withLab(_ body: (Fabric) throws -> Void) throws {
            let fabric = try Fabric.namespaces(threePlaces)
            defer { fabric.shutDown() }
            try body(fabric)
        }

        private func setDelay(_ fabric: Fabric, _ delay: SimDuration) {
            for near in ["a1", "a2"] {
                fabric.setDelay(from: near, to: "b1", delay)
                fabric.setDelay(from: "b1", to: near, delay)
            }
        }

        private func cut(_ fabric: Fabric, _ isCut: Bool) {
            fabric.setCut(from: "a1", to: "b1", isCut)
            fabric.setCut(from: "b1", to: "a1", isCut)
        }

        private func listener(_ fabric: Fabric, _ server: String, _ port: UInt16 = 7222) throws -> TestSocket {
            let address = try #require(Address(fabric.address(of: server)))
            return TestSocket(try fabric.inside(server) { try Socket.listen(address, port, backlog: 100) })
        }

        /// A connection from a1 to b1, both ends.
        private func pair(_ fabric: Fabric) throws -> (TestSocket, TestSocket) {
            let listener = try listener(fabric, "b1")
            let client = try fabric.connection(at: "a1", to: fabric.address(of: "b1"), 7222)
            return (client, try listener.accept())
        }

        /// The address at the other end.
        private func peer(_ socket: TestSocket) -> String {
            var remote = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &remote) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getpeername(socket.descriptor, $0, &length) }
            }
            return Address(rawValue: UInt32(bigEndian: remote.sin_addr.s_addr)).description
        }

        @Test func placesHaveTheirAddresses() throws {
            try withLab { fabric in
                #expect(["a1", "a2", "b1"].map(fabric.address) == ["10.1.1.1", "10.1.2.1", "10.2.1.1"])
                let (client, server) = try pair(fabric)
                #expect(peer(server) == "10.1.1.1")
                #expect(peer(client) == "10.2.1.1")
            }
        }

        @Test func aConnectTakesARoundTrip() throws {
            try withLab { fabric in
                setDelay(fabric, .milliseconds(40))
                let listener = try listener(fabric, "b1")
                var fastest = Int64.max
                // The machine may be busy with something else at first.
                for _ in 0..<20 where fastest > 95_000_000 {
                    let start = clinux_now()
                    _ = try fabric.connection(at: "a1", to: "10.2.1.1", 7222)
                    fastest = min(fastest, clinux_now() - start)
                    _ = try listener.accept()
                }
                #expect((80_000_000...95_000_000).contains(fastest))
            }
        }

        @Test func theTwoDirectionsHaveTheirOwnDelays() throws {
            try withLab { fabric in
                let (client, server) = try pair(fabric)
                fabric.setDelay(from: "a1", to: "b1", .milliseconds(100))
                server.say("back")
                // Not held up; the acknowledgement that takes the long way does not matter.
                #expect(client.hear(nanoseconds: 90_000_000) == "back")
                let start = clinux_now()
                client.say("forth")
                #expect(server.hear() == "forth")
                #expect(clinux_now() - start >= 100_000_000)
            }
        }

        @Test func nothingPassesACutAndAllOfItFollowsTheHeal() throws {
            try withLab { fabric in
                setDelay(fabric, .milliseconds(20))
                let (client, server) = try pair(fabric)
                cut(fabric, true)
                let numbers = (0..<2000).map { "\($0)\n" }.joined()
                client.say(numbers)
                #expect(server.hear(nanoseconds: 400_000_000) == nil)
                #expect(fabric.traffic.cut > 0)
                cut(fabric, false)
                #expect(server.hear(exactly: numbers.utf8.count) == numbers)
            }
        }

        @Test func aCutLosesWhatIsUnderWay() throws {
            try withLab { fabric in
                let (client, server) = try pair(fabric)
                setDelay(fabric, .milliseconds(300))
                client.say("x")
                #expect(!server.wait(nanoseconds: 50_000_000))
                cut(fabric, true)
                #expect(!server.wait(nanoseconds: 400_000_000))
                #expect(fabric.traffic.cut >= 1)
            }
        }

        @Test func aCutBlocksConnectsOfItsPairOnly() throws {
            try withLab { fabric in
                let listener = try listener(fabric, "b1")
                cut(fabric, true)
                #expect {
                    try fabric.connect(at: "a1", host: "10.2.1.1", port: 7222, within: .milliseconds(100))
                } throws: {
                    ($0 as? FabricError)?.code == ETIMEDOUT
                }
                _ = try fabric.connection(at: "a2", to: "10.2.1.1", 7222)
                #expect(peer(try listener.accept()) == "10.1.2.1")
            }
        }

        @Test func theDeadAddressRefuses() throws {
            try withLab { fabric in
                let (host, port) = fabric.deadAddress
                #expect {
                    try fabric.connect(at: "a1", host: host, port: port)
                } throws: {
                    ($0 as? FabricError)?.code == ECONNREFUSED
                }
            }
        }

        @Test func twoLabsWithTheSameAddressesDoNotMeet() throws {
            try withLab { first in
                try withLab { second in
                    let listener = try listener(first, "b1")
                    #expect {
                        try second.connect(at: "a1", host: "10.2.1.1", port: 7222)
                    } throws: {
                        ($0 as? FabricError)?.code == ECONNREFUSED
                    }
                    #expect(!listener.wait(nanoseconds: 1_000_000))
                }
            }
        }

        @Test func aChildRunsInItsPlace() throws {
            try withLab { fabric in
                let child = try fabric.launch("/bin/cat", ["/proc/net/fib_trie"], at: "a2", log: "a2.log")
                #expect(child.wait(.seconds(5)) == .exited(code: 0))
                let text = try #require(smallFile(child.log))
                #expect(text.contains("-- 10.1.2.1\n"))
                #expect(!text.contains("-- 10.1.1.1\n"))
            }
        }

        @Test func aNodePortReachesLivingServersWithTheirDelay() throws {
            try withLab { fabric in
                setDelay(fabric, .milliseconds(40))
                let children = try ["a1", "a2"].map {
                    try fabric.launch("/bin/sleep", ["600"], at: $0, log: "\($0).log")
                }
                let listeners = try ["a1", "a2"].map { try listener(fabric, $0) }
                let (host, port) = try fabric.nodePort(cluster: "a")
                #expect(host == "10.1.250.1")
                let start = clinux_now()
                let first = try fabric.connection(at: "b1", to: host, port)
                #expect(clinux_now() - start >= 80_000_000)
                let index = try #require(listeners.firstReady())
                #expect(peer(try listeners[index].accept()) == "10.2.1.1")
                #expect(peer(first) == host)
                children[0].kill()
                _ = children[0].wait(.seconds(5))
                for _ in 0..<10 {
                    let client = try fabric.connection(at: "b1", to: host, port)
                    let server = try listeners[1].accept()
                    client.say(String(repeating: "question", count: 1000))
                    #expect(server.hear(exactly: 8000).count == 8000)
                    server.say("answer")
                    #expect(client.hear() == "answer")
                }
                #expect(!listeners[0].wait(nanoseconds: 0))
            }
        }

        @Test func aServerReachesItselfThroughItsNodePort() throws {
            try withLab { fabric in
                _ = try fabric.launch("/bin/sleep", ["600"], at: "b1", log: "b1.log")
                let listener = try listener(fabric, "b1")
                let (host, port) = try fabric.nodePort(cluster: "b")
                let client = try fabric.connection(at: "b1", to: host, port)
                let server = try listener.accept()
                client.say("question")
                #expect(server.hear() == "question")
                server.say("answer")
                #expect(client.hear() == "answer")
                #expect(peer(server) == host)
            }
        }

        @Test func aNodePortWithoutServersRefuses() throws {
            try withLab { fabric in
                let (host, port) = try fabric.nodePort(cluster: "b")
                #expect {
                    try fabric.connect(at: "a1", host: host, port: port)
                } throws: {
                    ($0 as? FabricError)?.code == ECONNREFUSED
                }
            }
        }

        /// In a process of its own: suites of other targets make labs in this one, whatever the suites here do.
        @Test func nothingIsLeftAfterShutDown() async {
            await #expect(processExitsWith: .success) {
                let before = LabHoldings()
                let fabric = try Fabric.namespaces(threePlaces)
                let children = try ["a1", "a2", "b1"].map {
                    try fabric.launch("/bin/sleep", ["600"], at: $0, log: "\($0).log")
                }
                // Three places and the dead address; the launcher's own.
                #expect(LabHoldings().devices >= before.devices + 4)
                #expect(LabHoldings().namespaceDescriptors >= before.namespaceDescriptors + 5)
                let start = clinux_now()
                fabric.shutDown()
                #expect(clinux_now() - start < 2_000_000_000)
                #expect(children.map(\.status) == Array(repeating: .killed(signal: SIGKILL), count: 3))
                #expect(eventually { LabHoldings().isWithin(before) })
                #expect(!fileExists(fabric.directory))
            }
        }

        @Test func delayedPacketsComeInTime() throws {
            try withLab { fabric in
                setDelay(fabric, .milliseconds(117))
                // UDP: nothing waits for acknowledgements.
                let socket = TestSocket(
                    try fabric.inside("a1") { Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) })
                var remote = sockaddr_in()
                remote.sin_family = sa_family_t(AF_INET)
                remote.sin_port = UInt16(9).bigEndian
                remote.sin_addr.s_addr = try #require(Address(fabric.address(of: "b1"))).rawValue.bigEndian
                withUnsafePointer(to: &remote) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        _ = connect(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                fabric.resetTraffic()
                let start = clinux_now()
                for number in 0..<1000 {
                    let due = start + Int64(number) * 1_000_000
                    var nothing = clinux_wait(fd: -1)
                    while clinux_now() < due { _ = clinux_wait(&nothing, 1, max(0, due - clinux_now())) }
                    // Nobody listens there: the error of the one before is told here.
                    if send(socket.descriptor, "x", 1, 0) < 0 { _ = send(socket.descriptor, "x", 1, 0) }
                }
                #expect(eventually { fabric.traffic.passed >= 1000 })
                #expect(fabric.traffic.overflowed == 0)
                // Under 0.3 ms where the switch may be a real-time thread.
                #expect(fabric.traffic.worstLateness < .milliseconds(50))
            }
        }

        @Test func shutDownEndsWhatIgnoresSignals() throws {
            let fabric = try Fabric.namespaces(threePlaces)
            let children = try threePlaces.map {
                try fabric.launch("/bin/sh", ["-c", "trap '' TERM INT HUP; sleep 600"], at: $0.name, log: "log")
            }
            for child in children { child.terminate() }
            let start = clinux_now()
            fabric.shutDown()
            #expect(clinux_now() - start < 2_000_000_000)
            #expect(children.allSatisfy { !$0.isRunning })
        }
    }
}
