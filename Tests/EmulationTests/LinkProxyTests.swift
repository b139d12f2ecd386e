import CLinux
import EventKernel
import Glibc
import Measures
import Testing

@testable import Emulation

extension LabTests {
    /// They measure times, one after the other.
    @Suite(.serialized) struct LinkProxyTests {
        private func withLab(_ body: (Fabric) throws -> Void) throws {
            let fabric = try Fabric.proxied(threePlaces)
            defer { fabric.shutDown() }
            try body(fabric)
        }

        private func setDelays(_ fabric: Fabric, _ delay: SimDuration) {
            fabric.setDelay(from: "a", to: "b", delay)
            fabric.setDelay(from: "b", to: "a", delay)
        }

        private func listener(_ fabric: Fabric, _ server: String) throws -> TestSocket {
            TestSocket(try Socket.listen(try #require(Address(fabric.address(of: server))), 7222, backlog: 100))
        }

        /// A connection from region a to the server of the other one, both ends.
        private func pair(_ fabric: Fabric) throws -> (TestSocket, TestSocket) {
            let listener = try listener(fabric, "b1")
            let (host, port) = fabric.gatewayAddress(of: "b1", seenFrom: "a")
            let client = try fabric.connection(at: "a1", to: host, port)
            return (client, try listener.accept())
        }

        @Test func onlyServersOfOtherRegionsAreBehindProxies() throws {
            try withLab { fabric in
                let subnet = try #require(Address(fabric.address(of: "a1"))).octets[1]
                #expect(fabric.gatewayAddress(of: "a2", seenFrom: "a") == ("127.\(subnet).1.2", 7222))
                #expect(fabric.gatewayAddress(of: "b1", seenFrom: "a") == ("127.\(subnet).101.3", 7222))
                #expect(fabric.gatewayAddress(of: "a1", seenFrom: "b") == ("127.\(subnet).102.1", 7222))
            }
        }

        @Test func whereThereAreNetworksGatewaysAreReachedDirectly() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            #expect(fabric.gatewayAddress(of: "b1", seenFrom: "a") == (fabric.address(of: "b1"), 7222))
        }

        @Test func theTwoDirectionsHaveTheirOwnDelays() throws {
            try withLab { fabric in
                let (client, server) = try pair(fabric)
                fabric.setDelay(from: "a", to: "b", .milliseconds(100))
                server.say("back")
                // Not held up by the other direction.
                #expect(client.hear(nanoseconds: 90_000_000) == "back")
                let start = clinux_now()
                client.say("forth")
                #expect(server.hear() == "forth")
                #expect(clinux_now() - start >= 100_000_000)
                #expect(fabric.traffic.lateness.count == 2)
            }
        }

        @Test func whatTheServerSaysFirstComesAfterTwoRoundTrips() throws {
            try withLab { fabric in
                setDelays(fabric, .milliseconds(20))
                let listener = try listener(fabric, "b1")
                let (host, port) = fabric.gatewayAddress(of: "b1", seenFrom: "a")
                let start = clinux_now()
                let client = try fabric.connection(at: "a1", to: host, port)
                let server = try listener.accept()
                #expect(clinux_now() - start >= 60_000_000)
                server.say("INFO")
                #expect(client.hear() == "INFO")
                #expect((80_000_000..<200_000_000).contains(clinux_now() - start))
            }
        }

        @Test func aServerThatDoesNotListenClosesAfterRoundTrips() throws {
            try withLab { fabric in
                setDelays(fabric, .milliseconds(20))
                let (host, port) = fabric.gatewayAddress(of: "b1", seenFrom: "a")
                let start = clinux_now()
                let client = try fabric.connection(at: "a1", to: host, port)
                #expect(client.hear() == "")
                #expect(clinux_now() - start >= 80_000_000)
            }
        }

        @Test func muchComesWholeAndInOrder() throws {
            try withLab { fabric in
                fabric.setLink(from: "a", to: "b", LinkState(delay: .milliseconds(5), jitter: .milliseconds(5)))
                let (client, server) = try pair(fabric)
                let text = (0..<20_000).map { "\($0)\n" }.joined()
                client.say(text)
                #expect(server.hear(exactly: text.utf8.count) == text)
            }
        }

        @Test func aCutKeepsBackWhatIsSaidUntilTheHeal() throws {
            try withLab { fabric in
                let (client, server) = try pair(fabric)
                fabric.setDelay(from: "a", to: "b", .milliseconds(50))
                fabric.setCut(from: "a", to: "b", true)
                client.say("kept")
                server.say("other way")
                #expect(client.hear() == "other way")
                #expect(!server.wait(nanoseconds: 100_000_000))
                let start = clinux_now()
                fabric.setCut(from: "a", to: "b", false)
                #expect(server.hear() == "kept")
                #expect(clinux_now() - start >= 50_000_000)
            }
        }

        @Test func aBandwidthTakesItsTime() throws {
            try withLab { fabric in
                let (client, server) = try pair(fabric)
                fabric.setLink(from: "a", to: "b", LinkState(bandwidth: 1_000_000))
                let start = clinux_now()
                client.say(String(repeating: "x", count: 25_000))
                #expect(server.hear(exactly: 25_000).utf8.count == 25_000)
                #expect((200_000_000..<400_000_000).contains(clinux_now() - start))
            }
        }

        @Test func theEndOfAConnectionTakesTheDelayToo() throws {
            try withLab { fabric in
                let (client, server) = try pair(fabric)
                setDelays(fabric, .milliseconds(50))
                let start = clinux_now()
                client.say("last words")
                shutdown(client.descriptor, Int32(SHUT_RDWR))
                #expect(server.hear() == "last words")
                #expect(server.hear() == "")
                #expect(clinux_now() - start >= 50_000_000)
            }
        }

        @Test func aNodePortIsBehindAProxyToo() throws {
            try withLab { fabric in
                setDelays(fabric, .milliseconds(20))
                _ = try fabric.launch("/bin/sleep", ["600"], at: "a2", log: "a2.log")
                let listener = try listener(fabric, "a2")
                let (host, port) = try fabric.gatewayNodePort(of: "a", seenFrom: "b")
                let start = clinux_now()
                let client = try fabric.connection(at: "b1", to: host, port)
                let server = try listener.accept()
                server.say("INFO")
                #expect(client.hear() == "INFO")
                #expect(clinux_now() - start >= 80_000_000)
            }
        }

        @Test func nothingIsLeftOfProxies() throws {
            let before = openDescriptors()
            for _ in 0..<50 {
                let fabric = try Fabric.proxied(threePlaces)
                let (host, port) = fabric.gatewayAddress(of: "b1", seenFrom: "a")
                _ = try fabric.connection(at: "a1", to: host, port)
                fabric.shutDown()
                #expect(!fileExists(fabric.directory))
            }
            // Other tests of this process come and go; a leak would be at least 50.
            #expect(eventually { openDescriptors() < before + 40 })
        }
    }
}
