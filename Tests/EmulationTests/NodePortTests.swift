import EventKernel
import Glibc
import Testing

@testable import Emulation

/// A lab with a running, but deaf, program at a1 and a2; the test itself listens at their addresses.
private func withCluster(_ body: (Fabric, _ listeners: [TestSocket], _ children: [ChildProcess]) throws -> Void) throws
{
    let fabric = try Fabric.loopback(threePlaces)
    defer { fabric.shutDown() }
    let children = try ["a1", "a2"].map { try fabric.launch("/bin/sleep", ["600"], at: $0, log: "\($0).log") }
    let listeners = try ["a1", "a2"].map { name in
        TestSocket(try Socket.listen(#require(Address(fabric.address(of: name))), 7222, backlog: 100))
    }
    try body(fabric, listeners, children)
}

extension LabTests {
    @Suite struct NodePortTests {
        @Test func aNodePortReachesAllServersOfItsCluster() throws {
            try withCluster { fabric, listeners, _ in
                let (host, port) = try fabric.nodePort(cluster: "a")
                var accepted: [Int: Int] = [:]
                for _ in 0..<60 {
                    let client = try fabric.connection(at: "b1", to: host, port)
                    let index = try #require(listeners.firstReady())
                    let server = try listeners[index].accept()
                    accepted[index, default: 0] += 1
                    client.say("ping")
                    #expect(server.hear() == "ping")
                    server.say("pong")
                    #expect(client.hear() == "pong")
                }
                // Wrong once in 10^12 runs.
                #expect((accepted[0] ?? 0) > 3 && (accepted[1] ?? 0) > 3)
            }
        }

        @Test func aNodePortPassesOverServersThatEnded() throws {
            try withCluster { fabric, listeners, children in
                children[0].kill()
                _ = children[0].wait(.seconds(5))
                let (host, port) = try fabric.nodePort(cluster: "a")
                for _ in 0..<20 {
                    let client = try fabric.connection(at: "b1", to: host, port)
                    let server = try listeners[1].accept()
                    server.say("two")
                    #expect(client.hear() == "two")
                }
            }
        }

        @Test func aNodePortWithoutServersClosesConnections() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let (host, port) = try fabric.nodePort(cluster: "b")
            let client = try fabric.connection(at: "a1", to: host, port)
            #expect(client.hear() == "")
        }

        @Test func aNodePortPassesOnTheEndOfOneDirection() throws {
            try withCluster { fabric, listeners, children in
                children[1].kill()
                _ = children[1].wait(.seconds(5))
                let (host, port) = try fabric.nodePort(cluster: "a")
                let client = try fabric.connection(at: "b1", to: host, port)
                let server = try listeners[0].accept()
                client.say("question")
                shutdown(client.descriptor, Int32(SHUT_WR))
                #expect(server.hear(exactly: 8) == "question")
                #expect(server.hear() == "")
                server.say("answer")
                #expect(client.hear() == "answer")
            }
        }

        @Test func aNodePortIsMadeOnce() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let first = try fabric.nodePort(cluster: "a")
            let second = try fabric.nodePort(cluster: "a")
            #expect(first == second)
            #expect(try fabric.nodePort(cluster: "b").host != first.host)
        }
    }
}
