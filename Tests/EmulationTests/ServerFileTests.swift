import EventKernel
import NATSModel
import Routing
import Testing

@testable import Emulation

@Suite struct ServerFileTests {
    private func text(_ spec: ServerSpec) throws -> String {
        let file = ServerFile(server: spec, address: "127.1.1.1") { endpoint in
            switch endpoint {
            case .server(let name, let port): ("at-\(name)", ServerFile.Port.number(of: port))
            case .nodePort(let cluster): ("node-\(cluster)", 30_722)
            case .nobody: ("nobody", 9)
            }
        }
        return try file.text()
    }

    private let head = """
        server_name: "us-0"
        listen: "127.1.1.1:4222"
        http: "127.1.1.1:8222"
        no_system_account: true
        lame_duck_grace_period: "500000000ns"
        lame_duck_duration: "30000000000ns"

        """

    @Test func withoutAGateway() throws {
        let expected =
            head + """
                cluster {
                  name: "us"
                  listen: "127.1.1.1:6222"
                  advertise: "127.1.1.1:6222"
                  routes: []
                }

                """
        #expect(try text(ServerSpec(name: "us-0", cluster: "us")) == expected)
    }

    @Test func withEverything() throws {
        let gateway = GatewaySpec(
            name: "g \"1\"",
            remotes: [
                .init(name: "sgp", urls: [.server("sgp-0", .gateway), .server("sgp-1", .client), .nobody]),
                .init(name: "fra", urls: [.nodePort(cluster: "fra")]),
            ],
            advertise: .nodePort(cluster: "us"), rejectsUnknown: true, connectRetries: 5)
        let spec = ServerSpec(
            name: "first", serverName: "us-0", cluster: "us", routes: ["us-1", "us-2"], routeConnectRetries: 3,
            gateway: gateway, pingInterval: .seconds(1))
        let expected =
            head + """
                ping_interval: "1000000000ns"
                cluster {
                  name: "g \\"1\\""
                  listen: "127.1.1.1:6222"
                  advertise: "127.1.1.1:6222"
                  routes: ["nats-route://at-us-1:6222", "nats-route://at-us-2:6222"]
                  connect_retries: 3
                }
                gateway {
                  name: "g \\"1\\""
                  listen: "127.1.1.1:7222"
                  advertise: "node-us:30722"
                  reject_unknown_cluster: true
                  connect_retries: 5
                  gateways: [
                    {name: "sgp", urls: ["nats://at-sgp-0:7222", "nats://at-sgp-1:4222", "nats://nobody:9"]}
                    {name: "fra", urls: ["nats://node-fra:30722"]}
                  ]
                }

                """
        #expect(try text(spec) == expected)
    }
}

extension LabTests {
    @Suite struct NATSExecutableTests {
        @Test(arguments: ["nats-server: v2.9.10\n", "warning: x\nnats-server: v2.9.10 (abc)\n"])
        func theVersionIsFound(text: String) throws {
            #expect(try NATSExecutable.version(in: text, path: "p") == ServerVersion(major: 2, minor: 9, patch: 10))
        }

        @Test func whatStatesNoVersionIsRefused() {
            #expect(throws: EmulationError.self) { try NATSExecutable(path: "/bin/true") }
            #expect(throws: EmulationError.self) { try NATSExecutable(path: "/nowhere/it's") }
        }
    }
}
