import CLinux
import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

private let program = NATSExecutable.path()

extension LabTests {
    /// Real servers that know each other by their proxies.
    @Suite(.enabled(if: program != nil, "no nats-server on the PATH"))
    struct LinkProxyServerTests {
        private func configuration(of place: Fabric.Place, _ fabric: Fabric) -> String {
            let address = fabric.address(of: place.name)
            let advertised = fabric.advertisedGateway(of: place.name)
            let gateways = fabric.plan.clusters.map { cluster in
                let urls = fabric.plan.servers(of: cluster).map { server in
                    let (host, port) = fabric.gatewayAddress(of: server, seenFrom: place.cluster)
                    return "\"nats://\(host):\(port)\""
                }
                return "{name: \(cluster), urls: [\(urls.joined(separator: ", "))]}"
            }
            let routes = fabric.plan.servers(of: place.cluster).map {
                "\"nats-route://\(fabric.address(of: $0)):6222\""
            }
            return """
                server_name: \(place.name)
                listen: "\(address):4222"
                http: "\(address):8222"
                cluster {
                  name: \(place.cluster), listen: "\(address):6222", advertise: "\(address):6222"
                  routes: [\(routes.joined(separator: ", "))]
                }
                gateway {
                  name: \(place.cluster), listen: "\(address):7222", advertise: "\(advertised.host):\(advertised.port)"
                  gateways: [\(gateways.joined(separator: ", "))]
                }
                """
        }

        private func start(_ place: Fabric.Place, _ fabric: Fabric) throws -> ChildProcess {
            let path = "\(fabric.directory)/\(place.name).conf"
            try configuration(of: place, fabric).write(toFile: path, atomically: true, encoding: .utf8)
            return try fabric.launch(program!, ["-c", path], at: place.name, log: "\(place.name).log")
        }

        /// Where a server's outbound gateway goes to; `nil` while it has none.
        private func outbound(of server: String, _ fabric: Fabric) -> String? {
            let address = fabric.address(of: server)
            guard let socket = try? fabric.connection(at: server, to: address, 8222) else { return nil }
            socket.say("GET /gatewayz HTTP/1.0\r\n\r\n")
            var text = ""
            while let more = socket.hear(), !more.isEmpty { text += more }
            let body = text.split(separator: "\r\n\r\n", maxSplits: 1).last ?? ""
            let page = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
            let gateways = page?["outbound_gateways"] as? [String: [String: Any]]
            return (gateways?.values.first?["connection"] as? [String: Any])?["ip"] as? String
        }

        private func waitForGateways(_ fabric: Fabric) throws -> [String] {
            let deadline = clinux_now() + 30_000_000_000
            while true {
                let seen = fabric.places.compactMap { outbound(of: $0.name, fabric) }
                if seen.count == fabric.places.count { return seen }
                try #require(clinux_now() < deadline, "gateways are not up: \(seen)")
            }
        }

        @Test func restartedServersAreReachedThroughTheirProxies() throws {
            let fabric = try Fabric.proxied(threePlaces)
            defer { fabric.shutDown() }
            for (from, to) in [("a", "b"), ("b", "a")] { fabric.setDelay(from: from, to: to, .milliseconds(20)) }
            let proxies = Set(["a1", "a2"].map { fabric.gatewayAddress(of: $0, seenFrom: "b").host })
            let proxy = fabric.gatewayAddress(of: "b1", seenFrom: "a").host
            func check(_ seen: [String]) {
                #expect(seen[..<2] == [proxy, proxy] && proxies.contains(seen[2]), "\(seen)")
            }

            var children = try fabric.places.map { try start($0, fabric) }
            check(try waitForGateways(fabric))
            for index in [2, 0] {
                children[index].kill()
                #expect(children[index].wait(.seconds(5)) != nil)
                if index == 2 { #expect(eventually { outbound(of: "a1", fabric) == nil }) }
                children[index] = try start(fabric.places[index], fabric)
                check(try waitForGateways(fabric))
            }
        }
    }
}
