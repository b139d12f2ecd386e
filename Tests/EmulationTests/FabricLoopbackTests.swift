import CLinux
import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

extension LabTests {
    @Suite struct FabricLoopbackTests {
        @Test func serversAreNumberedByClusterAndPlace() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let subnet = try #require(Address(fabric.address(of: "a1"))).octets[1]
            #expect(fabric.address(of: "a1") == "127.\(subnet).1.1")
            #expect(fabric.address(of: "a2") == "127.\(subnet).1.2")
            #expect(fabric.address(of: "b1") == "127.\(subnet).2.1")
        }

        @Test func twoLabsNeverShareASubnet() throws {
            let labs = try (0..<20).map { _ in try Fabric.loopback(threePlaces) }
            defer { for lab in labs { lab.shutDown() } }
            #expect(Set(labs.map { $0.address(of: "a1") }).count == 20)
            #expect(Set(labs.map(\.directory)).count == 20)
        }

        @Test func aConnectionComesFromItsServersAddress() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let address = try #require(Address(fabric.address(of: "b1")))
            let listener = TestSocket(try Socket.listen(address, 4222, backlog: 1))
            let client = try fabric.connection(at: "a2", to: fabric.address(of: "b1"), 4222)
            let server = try listener.accept()
            var remote = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &remote) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getpeername(server.descriptor, $0, &length) }
            }
            #expect(
                Address(rawValue: UInt32(bigEndian: remote.sin_addr.s_addr)).description == fabric.address(of: "a2"))
            client.say("hello")
            #expect(server.hear() == "hello")
        }

        @Test func theDeadAddressRefuses() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let (host, port) = fabric.deadAddress
            #expect {
                try fabric.connect(at: "a1", host: host, port: port)
            } throws: {
                ($0 as? FabricError)?.code == ECONNREFUSED
            }
        }

        @Test func oneWaitTakesTheClientsAndServersOfTheLargestCase() {
            var items = Array(repeating: clinux_wait(fd: -1), count: 1_100)
            #expect(clinux_wait(&items, items.count, 0) == 0)
        }

        @Test func aConnectToAHostNameIsRefused() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            #expect(throws: FabricError("localhost is not an IPv4 address")) {
                try fabric.connect(at: "a1", host: "localhost", port: 4222)
            }
        }

        @Test(arguments: ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "a.b.c.d", "1..2.3", "-1.2.3.4"])
        func whatIsNoAddressIsNotRead(_ text: String) {
            #expect(Address(text) == nil)
        }

        @Test func anAddressIsReadAndWritten() {
            #expect(Address("127.9.0.255")?.rawValue == 0x7F09_00FF)
            #expect(Address(127, 9, 0, 255).description == "127.9.0.255")
        }

        @Test func nothingIsLeftAfterShutDown() throws {
            let fabric = try Fabric.loopback(threePlaces)
            let child = try fabric.launch("/bin/sleep", ["600"], at: "a1", log: "a1.log")
            _ = try fabric.nodePort(cluster: "a")
            let directory = fabric.directory
            #expect(fileExists(directory + "/a1.log"))
            fabric.shutDown()
            #expect(child.status == .killed(signal: SIGKILL))
            #expect(!fileExists(directory))
            fabric.shutDown()
        }

        @Test func aLabThatWasShutDownSaysSo() throws {
            let fabric = try Fabric.loopback(threePlaces)
            fabric.shutDown()
            #expect(throws: FabricError.isShutDown) {
                try fabric.launch("/bin/sleep", ["600"], at: "a1", log: "a1.log")
            }
            #expect(throws: FabricError.isShutDown) { try fabric.connect(at: "a1", host: "127.0.0.1", port: 1) }
            #expect(throws: FabricError.isShutDown) { try fabric.nodePort(cluster: "a") }
        }

        @Test func fiftyLabsLeaveNoDescriptors() throws {
            let before = openDescriptors()
            for _ in 0..<50 {
                let fabric = try Fabric.loopback(threePlaces)
                _ = try fabric.launch("/bin/sleep", ["600"], at: "a1", log: "a1.log")
                _ = try fabric.nodePort(cluster: "a")
                fabric.shutDown()
            }
            // Other tests of this process come and go; a leak would be at least 50.
            #expect(eventually { openDescriptors() < before + 40 })
        }

        @Test func aForgottenLabShutsDown() throws {
            var directory = ""
            var pid: Int32 = 0
            do {
                let fabric = try Fabric.loopback(threePlaces)
                directory = fabric.directory
                pid = try fabric.launch("/bin/sleep", ["600"], at: "a1", log: "a1.log").pid
            }
            #expect(!fileExists(directory))
            #expect(ProcessIdentity(of: pid) == nil)
        }
    }
}
