import EventKernel
import Testing

@testable import NATSModel

/// A server at the place of its name with a gateway block; its cluster is the name up to the dash.
func gated(
    _ name: String, remotes: [(String, [String])] = [], routes: [String] = [], gateway: String? = nil,
    url: String? = nil, at place: String? = nil, rejectsUnknown: Bool = false, retries: Int = 0
) -> ServerConfiguration {
    let cluster = gateway ?? String(name.prefix { $0 != "-" })
    let place = place ?? name
    return ServerConfiguration(
        name: name, cluster: cluster, routeURL: "\(place)/route", routes: routes,
        gateway: GatewayConfiguration(
            name: cluster, url: url ?? "\(place)/gateway",
            remotes: remotes.map { GatewayConfiguration.Remote(name: $0.0, urls: $0.1) },
            rejectsUnknown: rejectsUnknown, connectRetries: retries))
}

extension ProcessNetwork {
    /// Two servers in each of two clusters; us knows a URL of sg, sg knows nothing.
    static func oneSided() -> ProcessNetwork {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(gated("us-1", remotes: [("sg", ["sg-0/gateway"])], routes: ["us-0/route"]))
        network.start(gated("sg-0"))
        network.start(gated("sg-1", routes: ["sg-0/route"]))
        return network
    }

    func time(of line: String, at server: String) -> [SimTime] {
        logs[server, default: []].filter { $0.line == line }.map { $0.time }
    }
}

@Suite struct ProcessGatewayTests {
    @Test func oneSidedConfigurationConnectsBothClusters() {
        var network = ProcessNetwork.oneSided()
        network.run(.milliseconds(999))
        #expect(network.outbound("us-0") == [:])
        #expect(network.isSettling)
        network.run(.milliseconds(31))
        #expect(network.outbound("us-0") == ["sg": "sg-0"])
        #expect(network.outbound("us-1") == ["sg": "sg-0"])
        #expect(Set(network.outbound("sg-0").keys) == ["us"])
        #expect(Set(network.outbound("sg-1").keys) == ["us"])
        #expect(network.inbound("sg-0") == ["us": 2])
        #expect(network.inbound("us-0")["us", default: 0] == 0)
        #expect(network.inbound("us-0")["sg", default: 0] + network.inbound("us-1")["sg", default: 0] == 2)
        #expect(!network.isSettling)
    }

    @Test func interestAndMessagesCrossOnce() {
        var network = ProcessNetwork.oneSided()
        network.run(.milliseconds(1_050))
        network.connect("listener", to: "sg-1")
        network.subscribe("listener", "a.*")
        network.connect("member", to: "sg-0")
        network.subscribe("member", "a.*", queue: "q")
        network.run(.milliseconds(10))
        #expect(network.processes["us-1"]?.outboundGateways["sg"]?.interest == 2)
        network.connect("speaker", to: "us-1")
        network.publish("speaker", "a.x")
        network.run(.milliseconds(10))
        #expect(network.messages("listener") == 1)
        #expect(network.messages("member") == 1)
        network.disconnect("listener")
        network.run(.milliseconds(10))
        #expect(network.processes["us-1"]?.outboundGateways["sg"]?.interest == 1)
    }

    /// A knows B, B knows C, C knows D.
    @Test func aChainOfClustersBecomesAMesh() {
        var network = ProcessNetwork()
        network.start(gated("a-0", remotes: [("b", ["b-0/gateway"])]))
        network.start(gated("b-0", remotes: [("c", ["c-0/gateway"])]))
        network.start(gated("c-0", remotes: [("d", ["d-0/gateway"])]))
        network.start(gated("d-0"))
        network.run(.milliseconds(1_100))
        #expect(network.outbound("a-0") == ["b": "b-0", "c": "c-0", "d": "d-0"])
        #expect(network.outbound("b-0") == ["a": "a-0", "c": "c-0", "d": "d-0"])
        #expect(network.outbound("c-0") == ["a": "a-0", "b": "b-0", "d": "d-0"])
        #expect(network.outbound("d-0") == ["a": "a-0", "b": "b-0", "c": "c-0"])
        #expect(network.inbound("d-0") == ["a": 1, "b": 1, "c": 1])
        #expect(!network.isSettling)
    }

    @Test func aServerThatJoinsLaterHearsOfRemotesOnItsRoute() {
        var network = ProcessNetwork.oneSided()
        network.run(.seconds(2))
        network.start(gated("sg-2", routes: ["sg-0/route"]))
        network.run(.milliseconds(50))
        #expect(network.routes("sg-2") == ["sg-0", "sg-1"])
        #expect(Set(network.outbound("sg-2").keys) == ["us"])
        // The remote cluster hears of its URL.
        network.kill("sg-0")
        network.kill("sg-1")
        network.run(.seconds(5))
        #expect(network.outbound("us-0") == ["sg": "sg-2"])
        #expect(network.outbound("us-1") == ["sg": "sg-2"])
    }

    @Test func anOutboundMovesToAnotherServerOfTheRemote() {
        var network = ProcessNetwork.oneSided()
        network.run(.seconds(2))
        network.kill("sg-0")
        network.markChange()
        network.run(.milliseconds(20))
        #expect(network.outbound("us-0") == [:])
        #expect(network.isSettling)
        network.run(.milliseconds(2_200))
        #expect(network.outbound("us-0") == ["sg": "sg-1"])
        #expect(network.outbound("us-1") == ["sg": "sg-1"])
        network.restart("sg-0")
        network.markChange()
        network.run(.seconds(2))
        #expect(Set(network.outbound("sg-0").keys) == ["us"])
        #expect(network.routes("sg-0") == ["sg-1"])
        #expect(network.outbound("us-0") == ["sg": "sg-1"])
        #expect(!network.isSettling)
    }

    @Test func aWrongNameIsLoggedOnBothSidesAndTriedForEver() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("singapore", ["sg-0/gateway"])]))
        network.start(gated("sg-0", gateway: "default"))
        network.run(.seconds(60))
        let line = "Failing connection to gateway \"singapore\", remote gateway name is \"default\""
        let times = network.time(of: line, at: "us-0")
        #expect(times.count >= 54)
        for (earlier, later) in zip(times, times.dropFirst()) {
            // Pause and two round trips of 2 ms.
            #expect(later - earlier >= .milliseconds(1_004))
            #expect(later - earlier < .milliseconds(1_105))
        }
        #expect(
            network.lines("sg-0").suffix(3) == [
                "Processing inbound gateway connection", "authentication error",
                "Gateway connection closed: Authentication Failure",
            ])
        #expect(network.lines("us-0").contains("Gateway connection closed: Wrong Gateway"))
        #expect(network.outbound("sg-0") == [:])
        #expect(!network.isSettling)
    }

    @Test func anUnknownClusterIsRejectedWhereThatIsAskedFor() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(gated("sg-0", rejectsUnknown: true))
        network.run(.seconds(5))
        #expect(network.lines("sg-0").contains("Rejecting connection from gateway \"us\""))
        #expect(network.lines("us-0").contains("Gateway Error 'Connection to gateway \"sg\" rejected'"))
        #expect(network.lines("us-0").contains("Gateway connection closed: Parse Error"))
        #expect(network.inbound("sg-0") == [:])
        #expect(!network.isSettling)
    }

    /// sg hears of eu from us, but does not want to know it.
    @Test func rejectUnknownIgnoresGossip() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("eu", ["eu-0/gateway"])]))
        network.start(gated("eu-0"))
        network.start(gated("sg-0", remotes: [("us", ["us-0/gateway"])], rejectsUnknown: true))
        network.run(.seconds(3))
        #expect(network.outbound("sg-0") == ["us": "us-0"])
        #expect(network.outbound("us-0") == ["eu": "eu-0", "sg": "sg-0"])
        #expect(network.processes["sg-0"]?.knownRemotes == ["us"])
        // eu knows sg and is rejected until it gives up.
        #expect(network.lines("sg-0").contains("Rejecting connection from gateway \"eu\""))
    }

    @Test func oneServerNameInTwoClustersIsRefused() {
        var network = ProcessNetwork()
        network.start(gated("nats-0", remotes: [("sg", ["far/gateway"])], gateway: "us"))
        network.start(gated("nats-0", gateway: "sg", at: "far"))
        network.run(.seconds(3))
        #expect(network.lines("nats-0").contains("Remote server has a duplicate name: \"nats-0\""))
        #expect(network.lines("nats-0").contains("Gateway connection closed: Duplicate Server Name"))
        #expect(network.outbound("nats-0") == [:])
        #expect(!network.isSettling)
    }

    @Test(arguments: ["client", "route"])
    func aGatewayURLThatLeadsToAnotherPortIsRefused(port: String) {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("sg", ["sg-0/\(port)"])]))
        network.start(gated("sg-0"))
        network.run(.milliseconds(2_900))
        #expect(
            network.time(of: "Attempt to connect to gateway \"sg\" using wrong port", at: "us-0").count == 2)
        #expect(network.lines("us-0").contains("Gateway connection closed: Incorrect Port"))
        #expect(network.outbound("us-0") == [:])
        #expect(!network.isSettling)
        let kind = port == "client" ? "Client" : "Route"
        #expect(
            network.lines("sg-0").contains(
                "\(kind) Error 'Attempt to connect to gateway \"sg\" using wrong port'"))
    }

    @Test func aRemoteWithTheOwnNameIsNeverDialled() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("default", ["sg-0/gateway"])], gateway: "default"))
        network.start(gated("sg-0", remotes: [("default", ["us-0/gateway"])], gateway: "default"))
        network.run(.seconds(5))
        #expect(network.dialled == [])
        #expect(!network.isSettling)
    }

    @Test func anImplicitRemoteIsForgottenAfterOneFailedPass() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(gated("sg-0"))
        network.run(.seconds(2))
        #expect(network.outbound("sg-0") == ["us": "us-0"])
        network.kill("us-0")
        network.run(.milliseconds(200))
        #expect(network.processes["sg-0"]?.knownRemotes == [])
        network.restart("us-0")
        network.run(.milliseconds(900))
        #expect(network.outbound("sg-0") == [:])
        network.run(.milliseconds(200))
        #expect(network.outbound("sg-0") == ["us": "us-0"])
    }

    @Test func connectRetriesKeepAnImplicitRemoteForThatManyPasses() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(gated("sg-0", retries: 3))
        network.run(.seconds(2))
        network.kill("us-0")
        network.run(.milliseconds(2_900))
        #expect(network.processes["sg-0"]?.knownRemotes == ["us"])
        network.run(.milliseconds(300))
        #expect(network.processes["sg-0"]?.knownRemotes == [])
    }

    /// What servers advertise is dialled beside what is configured, and counted by servers.
    @Test func anAdvertisedURLStandsForAllServersThatHaveIt() {
        var network = ProcessNetwork()
        network.aliases["lb"] = ProcessNetwork.Place(server: "sg-1", port: .gateway)
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(gated("sg-0", url: "lb"))
        network.start(gated("sg-1", routes: ["sg-0/route"], url: "lb"))
        network.run(.seconds(2))
        #expect(network.processes["sg-0"]?.advertisedGatewayURLs == ["lb"])
        network.kill("sg-0")
        network.run(.seconds(4))
        #expect(network.outbound("us-0") == ["sg": "sg-1"])
        #expect(network.dialled.last { $0.hasPrefix("us-0") } == "us-0 lb")
        // Two servers had it: it stays while one is left.
        #expect(network.processes["sg-1"]?.advertisedGatewayURLs == ["lb"])
    }

    @Test func aServerWithoutGatewayBlockReachesNoOtherCluster() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.start(gated("sg-0"))
        network.run(.seconds(2))
        #expect(network.routes("us-1") == ["us-0"])
        #expect(
            network.lines("us-1").contains(
                "Received information about gateway \"sg\" from us-0, but gateway is not configured"))
        network.connect("far", to: "sg-0")
        network.subscribe("far", "a")
        network.connect("near", to: "us-1")
        network.subscribe("near", "a")
        network.run(.milliseconds(10))
        network.publish("near", "a")
        network.run(.milliseconds(10))
        #expect(network.messages("far") == 0)
        #expect(network.messages("near") == 1)
        // The other way its interest counts as its cluster's.
        network.publish("far", "a")
        network.run(.milliseconds(10))
        #expect(network.messages("near") == 2)
    }

    @Test func aClientOnTheGatewayPortIsRefused() {
        var network = ProcessNetwork()
        network.start(gated("us-0"))
        network.connect("lost", to: "us-0", port: .gateway)
        #expect(network.droppedClients == ["lost"])
        #expect(
            network.lines("us-0").suffix(3) == [
                "attempted to connect to gateway port", "Gateway connection closed: Incorrect Port",
                "attempted to connect to gateway port",
            ])
    }

    /// Its dials get no answer, one after the other for a second each, then a second of pause.
    @Test func aBlackHoleCountsAsSettledAfterOnePass() {
        var network = ProcessNetwork()
        network.blackHoles = [["sg-0", "us-0"]]
        network.start(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]))
        network.start(gated("sg-0"))
        network.run(.milliseconds(1_900))
        #expect(network.isSettling)
        network.run(.milliseconds(101))
        #expect(!network.isSettling)
        #expect(
            network.lines("us-0").last
                == "Error connecting to explicit gateway \"sg\" (sg-0/gateway) (attempt 1): i/o timeout")
    }

    /// Gateways are asked in the order of round trips.
    @Test func pongsSetTheOrderOfGateways() {
        var network = ProcessNetwork()
        network.start(gated("us-0", remotes: [("eu", ["eu-0/gateway"]), ("sg", ["sg-0/gateway"])]))
        network.start(gated("eu-0"))
        network.start(gated("sg-0"))
        network.delays[["eu-0", "us-0"]] = .milliseconds(100)
        network.run(.seconds(5))
        network.connect("eu", to: "eu-0")
        network.subscribe("eu", "a", queue: "q")
        network.connect("sg", to: "sg-0")
        network.subscribe("sg", "a", queue: "q")
        network.run(.seconds(1))
        network.connect("speaker", to: "us-0")
        for _ in 0..<5 { network.publish("speaker", "a") }
        network.run(.seconds(1))
        #expect(network.messages("eu") == 0)
        #expect(network.messages("sg") == 5)
    }
}
