import CLinux
import EventKernel
import Foundation
import Glibc
import Measures
import Network
import Testing

@testable import Emulation

extension LabTests {
    /// Labs of regions, one after the other: they measure times.
    @Suite(.serialized, .enabled(if: namespaces.isAvailable, "no network namespaces here: \(namespaces.reason)"))
    struct RegionTests {
        /// a1 and a2 in region a, b1 in region b.
        private func withLab(seed: UInt64 = 1, _ body: (Fabric) throws -> Void) throws {
            let fabric = try Fabric.regions(threePlaces, seed: seed)
            defer { fabric.shutDown() }
            try body(fabric)
        }

        private func setLinks(_ fabric: Fabric, _ state: Emulation.LinkState) {
            fabric.setLink(from: "a", to: "b", state)
            fabric.setLink(from: "b", to: "a", state)
        }

        private func listener(_ fabric: Fabric, _ server: String) throws -> TestSocket {
            let address = try #require(Address(fabric.address(of: server)))
            return TestSocket(try fabric.inside(server) { try Socket.listen(address, 7222, backlog: 100) })
        }

        /// A connection between two servers, both ends.
        private func pair(_ fabric: Fabric, from: String = "a1", to: String = "b1") throws -> (TestSocket, TestSocket) {
            let listener = try listener(fabric, to)
            let client = try fabric.connection(at: from, to: fabric.address(of: to), 7222)
            return (client, try listener.accept())
        }

        /// UDP from one region to the other: nothing is sent twice and nothing is answered.
        private func datagrams(_ fabric: Fabric, from: String = "a1", to: String = "b1") throws -> (
            TestSocket, TestSocket
        ) {
            let target = try #require(Address(fabric.address(of: to)))
            let receiver = TestSocket(try fabric.inside(to) { try datagramSocket(at: target) })
            let sender = TestSocket(try fabric.inside(from) { try datagramSocket(to: target) })
            return (sender, receiver)
        }

        @Test func serversOfARegionShareANetworkThatTheSwitchDoesNotSee() throws {
            try withLab { fabric in
                #expect(["a1", "a2", "b1"].map(fabric.address) == ["10.1.1.1", "10.1.2.1", "10.2.1.1"])
                setLinks(fabric, LinkState(delay: .milliseconds(300)))
                let (client, server) = try pair(fabric, to: "a2")
                client.say("near")
                #expect(server.hear() == "near")
                #expect(fabric.traffic.passed == 0)
                #expect(fabric.traffic.lateness.isEmpty)
            }
        }

        @Test func aConnectTakesARoundTripOf234Milliseconds() throws {
            try withLab { fabric in
                setLinks(fabric, LinkState(delay: .milliseconds(117)))
                let listener = try listener(fabric, "b1")
                var fastest = Int64.max
                // The machine may be busy with something else at first.
                for _ in 0..<20 where fastest > 239_000_000 {
                    let start = clinux_now()
                    _ = try fabric.connection(at: "a2", to: "10.2.1.1", 7222)
                    fastest = min(fastest, clinux_now() - start)
                    _ = try listener.accept()
                }
                #expect((234_000_000...239_000_000).contains(fastest))
            }
        }

        @Test func anUnboundConnectionComesFromTheNode() throws {
            try withLab { fabric in
                let listener = try listener(fabric, "b1")
                let client = TestSocket(
                    try fabric.inside("a1") {
                        let socket = try checked(clinux_tcp_socket(), "socket")
                        try Socket.connect(socket, Address(10, 2, 1, 1), 7222, within: .seconds(5))
                        return socket
                    })
                let server = try listener.accept()
                client.say("hello")
                #expect(server.hear() == "hello")
                server.say("welcome")
                #expect(client.hear() == "welcome")
            }
        }

        @Test func jitterKeepsTheOrder() throws {
            try withLab { fabric in
                setLinks(fabric, LinkState(delay: .milliseconds(5), jitter: .milliseconds(20)))
                let (sender, receiver) = try datagrams(fabric)
                let start = clinux_now()
                var heard: [String] = []
                for number in 0..<200 {
                    sender.say("\(number)")
                    while receiver.wait(nanoseconds: 100_000), let text = receiver.hear() { heard.append(text) }
                }
                while heard.count < 200, let text = receiver.hear() { heard.append(text) }
                #expect(heard == (0..<200).map(String.init))
                #expect(clinux_now() - start >= 5_000_000)
                #expect(fabric.traffic.passed == 200)
            }
        }

        @Test func aShareOfThePacketsIsLost() throws {
            func lost(seed: UInt64) throws -> [String] {
                var heard: [String] = []
                try withLab(seed: seed) { fabric in
                    fabric.setLink(from: "a", to: "b", LinkState(loss: PacketLoss(share: 0.1)))
                    let (sender, receiver) = try datagrams(fabric)
                    for number in 0..<2000 {
                        sender.say("\(number)")
                        // One after the other, so that no buffer fills.
                        #expect(eventually { fabric.traffic.passed + fabric.traffic.lost == number + 1 })
                        while receiver.wait(nanoseconds: 0), let text = receiver.hear() { heard.append(text) }
                    }
                    while heard.count < fabric.traffic.passed, let text = receiver.hear() { heard.append(text) }
                    #expect(heard.count == 2000 - fabric.traffic.lost)
                    // 200 expected, with a standard deviation of 13.4.
                    #expect((140...260).contains(fabric.traffic.lost))
                    #expect(fabric.traffic.lostOnPurpose == fabric.traffic.lost)
                }
                return heard
            }
            let first = try lost(seed: 1)
            #expect(try lost(seed: 1) == first)
            #expect(try lost(seed: 2) != first)
        }

        @Test func aCutOfOneDirectionLeavesTheOther() throws {
            try withLab { fabric in
                let (forth, atB) = try datagrams(fabric)
                let (back, atA) = try datagrams(fabric, from: "b1", to: "a1")
                fabric.setCut(from: "a", to: "b", true)
                forth.say("lost")
                back.say("through")
                #expect(atA.hear() == "through")
                #expect(eventually { fabric.traffic.cut == 1 })
                #expect(!atB.wait(nanoseconds: 0))
                fabric.setCut(from: "a", to: "b", false)
                forth.say("again")
                #expect(atB.hear() == "again")
            }
        }

        @Test func aBandwidthOfOneMegabitTakesItsTime() throws {
            try withLab { fabric in
                fabric.setLink(from: "a", to: "b", LinkState(bandwidth: 1_000_000))
                let (sender, receiver) = try datagrams(fabric)
                let start = clinux_now()
                // 972 bytes and 28 of headers: 8 ms each.
                for _ in 0..<25 { sender.say(String(repeating: "x", count: 972)) }
                for _ in 0..<25 { #expect(receiver.hear() != nil) }
                let taken = clinux_now() - start
                #expect(taken >= 200_000_000)
                #expect(taken < 260_000_000)
            }
        }

        @Test func packetsThatFindNoRoomAtTheSenderAreCounted() throws {
            try withLab { fabric in
                fabric.setLink(from: "a", to: "b", LinkState(bandwidth: 80_000, queueBytes: 5_000))
                let (sender, receiver) = try datagrams(fabric)
                for _ in 0..<20 { sender.say(String(repeating: "x", count: 972)) }
                // 100 ms each: five wait while the others come, one of them being sent.
                #expect(eventually { fabric.traffic.overflowed == 15 })
                for _ in 0..<5 { #expect(receiver.hear() != nil) }
                #expect(fabric.traffic.passed == 5)
                #expect(fabric.traffic.lostOnPurpose == 0)
            }
        }

        @Test func aDelayStepLeavesPacketsUnderWayAlone() throws {
            try withLab { fabric in
                let (sender, receiver) = try datagrams(fabric)
                fabric.setDelay(from: "a", to: "b", .milliseconds(200))
                let start = clinux_now()
                sender.say("early")
                // A packet of the other direction proves that the switch has taken this one, too.
                let (other, atA) = try datagrams(fabric, from: "b1", to: "a2")
                other.say("seen")
                #expect(atA.hear() == "seen")
                fabric.setDelay(from: "a", to: "b", .milliseconds(10))
                sender.say("late")
                #expect(receiver.hear() == "early")
                #expect(clinux_now() - start >= 200_000_000)
                #expect(receiver.hear() == "late")
                let next = clinux_now()
                sender.say("next")
                #expect(receiver.hear() == "next")
                #expect((10_000_000..<150_000_000).contains(clinux_now() - next))
            }
        }

        @Test func aNodePortOfTheOwnAndOfAnotherRegion() throws {
            try withLab { fabric in
                setLinks(fabric, LinkState(delay: .milliseconds(40)))
                _ = try fabric.launch("/bin/sleep", ["600"], at: "a2", log: "a2.log")
                let listener = try listener(fabric, "a2")
                let (host, port) = try fabric.nodePort(cluster: "a")
                let start = clinux_now()
                for from in ["b1", "a1"] {
                    let client = try fabric.connection(at: from, to: host, port)
                    if from == "b1" { #expect(clinux_now() - start >= 80_000_000) }
                    let server = try listener.accept()
                    client.say("question")
                    #expect(server.hear() == "question")
                    server.say("answer")
                    #expect(client.hear() == "answer")
                }
            }
        }

        /// In a process of its own: suites of other targets make labs in this one, whatever the suites here do.
        @Test func nothingIsLeftOfRegions() async {
            await #expect(processExitsWith: .success) {
                let before = LabHoldings()
                let fabric = try Fabric.regions(threePlaces)
                let children = try threePlaces.map { try fabric.launch("/bin/sleep", ["600"], at: $0.name, log: "log") }
                // Two regions and the dead address.
                #expect(LabHoldings().devices >= before.devices + 3)
                #expect(fabric.congestionControl == "cubic" || fabric.congestionControl == "reno")
                fabric.shutDown()
                #expect(children.map(\.status) == Array(repeating: .killed(signal: SIGKILL), count: 3))
                #expect(eventually { LabHoldings().isWithin(before) })
                #expect(!fileExists(fabric.directory))
            }
        }

        /// In a process of its own, as the one before.
        @Test func aLabThatCannotBeMadeLeavesNothing() async {
            await #expect(processExitsWith: .success) {
                let before = LabHoldings()
                // A multicast address is nobody's.
                #expect(throws: (any Error).self) {
                    let launcher = try LauncherThread()
                    defer { launcher.end() }
                    let site = AddressPlan.Site(node: Address(10, 1, 0, 1), others: [Address(224, 0, 0, 1)])
                    try launcher.run { try NamespaceSet([site]).close() }
                }
                #expect(eventually { LabHoldings().isWithin(before) })
            }
        }
    }
}

/// A bound UDP socket of the calling thread's network.
private func datagramSocket(at address: Address) throws -> Int32 {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    try checked(clinux_bind(descriptor, address.rawValue, 9000), "bind")
    return descriptor
}

/// A UDP socket of the calling thread's network with a fixed destination.
private func datagramSocket(to address: Address) throws -> Int32 {
    let descriptor = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    try checked(clinux_connect(descriptor, address.rawValue, 9000), "connect")
    return descriptor
}
