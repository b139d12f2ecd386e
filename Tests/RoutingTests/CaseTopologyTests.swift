import EventKernel
import Foundation
import NATSModel
import Testing

@testable import Routing

/// Servers, gateways and delays, with what a file leaves to the format.
@Suite struct CaseTopologyTests {
    private func topology(_ lines: String, file: String = "x.yaml") throws -> Topology {
        try CaseReader.parse(text: "case: c\n\(lines)\nsteps: [{wait: 1s}]\n", file: file).topology
    }

    private func gateway(of server: String, _ lines: String) throws -> GatewaySpec? {
        try topology(lines).server(server)?.gateway
    }

    @Test func aSingleClusterHasNoGatewayUnlessStated() throws {
        #expect(try gateway(of: "us-0", "clusters: {us: 1}") == nil)
        #expect(try gateway(of: "us-0", "clusters: {us: {gateway: {}}}") == GatewaySpec(name: "us"))
    }

    @Test func everyServerRoutesToAllOthersOfItsCluster() throws {
        let servers = try topology("clusters: {us: 3, sgp: [a]}").servers
        #expect(servers.map(\.name) == ["us-0", "us-1", "us-2", "a"])
        #expect(servers.map(\.routes) == [["us-1", "us-2"], ["us-0", "us-2"], ["us-0", "us-1"], []])
    }

    @Test func remotesAreTheOtherClustersThatHaveAGateway() throws {
        let lines = "clusters: {us: 1, sgp: {servers: 2, gateway: {name: asia}}, fra: {gateway: none}}"
        #expect(
            try gateway(of: "us-0", lines)
                == GatewaySpec(
                    name: "us",
                    remotes: [.init(name: "asia", urls: [.server("sgp-0", .gateway), .server("sgp-1", .gateway)])]))
        #expect(
            try gateway(of: "sgp-1", lines)
                == GatewaySpec(name: "asia", remotes: [.init(name: "us", urls: [.server("us-0", .gateway)])]))
        #expect(try gateway(of: "fra-0", lines) == nil)
    }

    @Test func aServerWithoutGatewayIsNobodysRemote() throws {
        let lines = "clusters: {us: 1, sgp: 2}\nservers: {sgp-0: {gateway: none}}"
        #expect(try gateway(of: "us-0", lines)?.remotes == [.init(name: "sgp", urls: [.server("sgp-1", .gateway)])])
    }

    @Test func endpointsAreServersPortsNodePortsOrNobody() throws {
        let lines = """
            clusters:
              us:
                gateway:
                  remotes: {sgp: [sgp-0, sgp-0/client, sgp-0/route, sgp-0/gateway, node-port sgp, nobody], fra: nobody}
                  advertise: node-port us
                  reject-unknown: true
                  connect-retries: 5
              sgp: 1
            """
        #expect(
            try gateway(of: "us-0", lines)
                == GatewaySpec(
                    name: "us",
                    remotes: [
                        .init(
                            name: "sgp",
                            urls: [
                                .server("sgp-0", .gateway), .server("sgp-0", .client), .server("sgp-0", .route),
                                .server("sgp-0", .gateway), .nodePort(cluster: "sgp"), .nobody,
                            ]),
                        .init(name: "fra", urls: [.nobody]),
                    ], advertise: .nodePort(cluster: "us"), rejectsUnknown: true, connectRetries: 5))
    }

    @Test func aListOfNoRemotesIsEmpty() throws {
        #expect(try gateway(of: "us-0", "clusters: {us: {gateway: {remotes: {}}}, sgp: 1}")?.remotes == [])
    }

    @Test func aServersOwnGatewayKeepsNameAndRemotesOfItsCluster() throws {
        let lines = """
            clusters: {us: {servers: 2, gateway: {name: west, remotes: {sgp: sgp-0}, reject-unknown: true}}, sgp: 1}
            servers: {us-1: {gateway: {advertise: nobody}}}
            """
        #expect(
            try gateway(of: "us-1", lines)
                == GatewaySpec(
                    name: "west", remotes: [.init(name: "sgp", urls: [.server("sgp-0", .gateway)])], advertise: .nobody)
        )
    }

    @Test func settingsOfAServerReplaceThoseOfItsCluster() throws {
        let lines = """
            clusters: {us: {servers: 3, ping-interval: 1s}}
            servers:
              us-2:
                starts: later
                server-name: us-0
                routes: [us-0]
                route-connect-retries: 3
                ping-interval: 2s
            """
        let servers = try topology(lines).servers
        #expect(
            servers[2]
                == ServerSpec(
                    name: "us-2", serverName: "us-0", cluster: "us", routes: ["us-0"], routeConnectRetries: 3,
                    startsAtOnce: false, pingInterval: .seconds(2)))
        #expect(servers[1].pingInterval == .seconds(1))
    }

    @Test func oneDelayIsMeantForEveryPair() throws {
        #expect(
            try topology("clusters: {us: 1, sgp: 1, fra: 1}\nwan: 40ms").delays == [
                .init(between: "us", and: "sgp", oneWay: .milliseconds(40)),
                .init(between: "us", and: "fra", oneWay: .milliseconds(40)),
                .init(between: "sgp", and: "fra", oneWay: .milliseconds(40)),
            ])
        #expect(
            try topology("clusters: {us: 1, sgp: 1, fra: 1}\nwan: {sgp/us: 117ms}").delays == [
                .init(between: "sgp", and: "us", oneWay: .milliseconds(117))
            ])
        #expect(try topology("clusters: {us: 1, sgp: 1}\nwan: 0s").delays == [])
    }
}

/// Deployments as topologies.
@Suite struct CaseDeploymentTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "scenarios/deployments").path

    private func topology(of deployment: String, _ lines: String = "") throws -> Topology {
        let text = "case: c\ndeployment: \(deployment).yaml\n\(lines)\nsteps: [{wait: 1s}]\n"
        return try CaseReader.parse(text: text, file: Self.folder + "/x.yaml").topology
    }

    @Test func regionsBecomeClustersBehindNodePorts() throws {
        let found = try topology(of: "seed-intended")
        #expect(found.servers.map(\.name) == ["us-east-0", "us-east-1", "us-east-2", "singapore-0", "singapore-1"])
        #expect(
            found.server("us-east-1")
                == ServerSpec(
                    name: "us-east-1", cluster: "us-east", routes: ["us-east-0", "us-east-2"],
                    gateway: GatewaySpec(
                        name: "us-east-1",
                        remotes: [.init(name: "singapore", urls: [.nodePort(cluster: "singapore")])],
                        advertise: .nodePort(cluster: "us-east"))))
        #expect(found.delays == [.init(between: "us-east", and: "singapore", oneWay: .milliseconds(117))])
    }

    @Test func whoeverAdvertisesNothingCannotBeDialled() throws {
        let found = try topology(of: "seed-as-deployed")
        #expect(
            found.servers == [
                ServerSpec(
                    name: "us-east-0", cluster: "us-east",
                    gateway: GatewaySpec(name: "default", advertise: .nobody)),
                ServerSpec(
                    name: "singapore-0", cluster: "singapore",
                    gateway: GatewaySpec(name: "default", advertise: .nobody)),
            ])
    }

    @Test func serversOfADeploymentCanBeSetApart() throws {
        let found = try topology(of: "seed-intended", "servers: {us-east-2: {starts: later}}")
        #expect(found.servers.map(\.startsAtOnce) == [true, true, false, true, true])
    }
}
