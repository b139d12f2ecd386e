import EventKernel
import NATSModel
import Testing

/// A server without gateway block, at the place of its name.
func routed(
    _ name: String, routes: [String] = [], cluster: String = "us", at place: String? = nil, retries: Int = 0
) -> ServerConfiguration {
    ServerConfiguration(
        name: name, cluster: cluster, routeURL: "\(place ?? name)/route", routes: routes, routeConnectRetries: retries)
}

@Suite struct ProcessRouteTests {
    @Test func threeServersThatKnowASeedBecomeAMesh() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.run(.milliseconds(10))
        network.start(routed("us-2", routes: ["us-0/route"]))
        network.run(.milliseconds(50))
        #expect(network.routes("us-0") == ["us-1", "us-2"])
        #expect(network.routes("us-1") == ["us-0", "us-2"])
        #expect(network.routes("us-2") == ["us-0", "us-1"])
        #expect(network.dialled == ["us-1 us-0/route", "us-2 us-0/route", "us-1 us-2/route"])
        #expect(!network.isSettling)
    }

    @Test func aChainBecomesAMesh() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.start(routed("us-2", routes: ["us-1/route"]))
        network.start(routed("us-3", routes: ["us-2/route"]))
        network.run(.seconds(2))
        for index in 0..<4 {
            #expect(
                network.routes("us-\(index)") == (0..<4).filter { $0 != index }.map { "us-\($0)" })
        }
    }

    @Test func dialsInBothDirectionsEndWithOneRoute() {
        var network = ProcessNetwork()
        network.start(routed("us-0", routes: ["us-0/route", "us-1/route"]))
        network.run(.milliseconds(1))
        network.start(routed("us-1", routes: ["us-0/route", "us-1/route"]))
        network.run(.seconds(3))
        #expect(network.routes("us-0") == ["us-1"])
        #expect(network.routes("us-1") == ["us-0"])
        #expect(network.lines("us-1").contains("Router connection closed: Duplicate Route"))
        #expect(!network.isSettling)
    }

    /// Each keeps the connection that the other drops; the jitter of the next attempts tells them apart.
    @Test func dialsAtTheSameMomentDropBothAndTryAgain() {
        var network = ProcessNetwork()
        network.start(routed("us-0", routes: ["us-1/route"]))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.run(.milliseconds(20))
        #expect(network.routes("us-0") == [])
        #expect(network.isSettling)
        network.run(.milliseconds(1_200))
        #expect(network.routes("us-0") == ["us-1"])
        #expect(network.routes("us-1") == ["us-0"])
        #expect(!network.isSettling)
    }

    @Test func aKilledServerIsDialledAgainWhenItIsBack() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.run(.seconds(2))
        network.kill("us-0")
        network.run(.milliseconds(1_500))
        #expect(network.routes("us-1") == [])
        #expect(
            network.lines("us-1").last
                == "Error trying to connect to route (attempt 1): dial tcp us-0/route: connect: connection refused")
        #expect(!network.isSettling)
        network.restart("us-0")
        network.markChange()
        #expect(network.isSettling)
        network.run(.milliseconds(1_100))
        #expect(network.routes("us-1") == ["us-0"])
        #expect(network.routes("us-0") == ["us-1"])
    }

    @Test func aServerOfAnotherClusterIsRefused() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("sg-0", routes: ["us-0/route"], cluster: "sg"))
        network.run(.seconds(5))
        #expect(network.routes("us-0") == [])
        #expect(network.routes("sg-0") == [])
        #expect(
            network.lines("us-0").contains("Rejecting connection, cluster name \"sg\" does not match \"us\""))
        #expect(network.lines("us-0").contains("Router connection closed: Cluster Name Conflict"))
        // Every 1.0 to 1.1 s, for ever.
        #expect(network.dialled.count == 5)
        #expect(!network.isSettling)
    }

    @Test func twoServersOfOneNameAreRefused() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-0", routes: ["us-0/route"], at: "other"))
        network.run(.seconds(3))
        #expect(network.routes("us-0") == [])
        #expect(network.routes("other") == [])
        #expect(network.lines("us-0").contains("Remote server has a duplicate name: \"us-0\""))
        #expect(network.lines("us-0").contains("Router connection closed: Duplicate Server Name"))
        #expect(!network.isSettling)
    }

    @Test func interestIsToldOnARouteAndEndsWithIt() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.run(.milliseconds(10))
        network.connect("listener", to: "us-0")
        network.subscribe("listener", "a.*")
        network.subscribe("listener", "b", queue: "q", sid: 2)
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.run(.milliseconds(50))
        #expect(network.processes["us-0"]?.subscriptionCount == 2)
        #expect(network.processes["us-1"]?.subscriptionCount == 2)
        network.connect("speaker", to: "us-1")
        network.publish("speaker", "a.x")
        network.run(.milliseconds(10))
        #expect(network.messages("listener") == 1)
        network.kill("us-0")
        network.run(.milliseconds(10))
        #expect(network.processes["us-1"]?.subscriptionCount == 0)
    }

    /// The first ping goes out at 1.0 to 1.2 s.
    @Test func aProcessMeasuresTheRoundTripOfARoute() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.run(.seconds(300))
        #expect(network.routes("us-0") == ["us-1"])
        #expect(!network.lines("us-0").contains("Router connection closed: Stale Connection"))
    }

    /// Seen on a real server: each attempt ends with `Route Error` at the dialler.
    @Test func aRouteToAGatewayPortIsRefused() {
        var network = ProcessNetwork()
        network.start(gated("us-0"))
        network.start(routed("us-1", routes: ["us-0/gateway"]))
        network.run(.milliseconds(1_050))
        #expect(
            network.lines("us-1").prefix(4) == [
                "Server is ready", "Route connection created", "Route Error 'attempted to connect to gateway port'",
                "Router connection closed: Parse Error",
            ])
        #expect(network.routes("us-1") == [])
        #expect(!network.isSettling)
    }

    /// A real client port answers like a route as long as nothing is said that clients may not say.
    @Test func aRouteToAClientPortStandsUntilInterestIsTold() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-1", routes: ["us-0/client"]))
        network.run(.seconds(5))
        #expect(network.routes("us-1") == ["us-0"])
        #expect(network.routes("us-0") == [])
        network.connect("listener", to: "us-1")
        network.subscribe("listener", "a")
        network.run(.milliseconds(10))
        #expect(network.routes("us-1") == [])
        #expect(network.lines("us-1").contains("Route Error 'Unknown Protocol Operation'"))
    }

    @Test func aClientOnTheRoutePortIsRefused() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.connect("lost", to: "us-0", port: .route)
        #expect(network.received["lost"]?.last == .error(.wrongPort))
        #expect(network.droppedClients == ["lost"])
        #expect(
            network.lines("us-0").suffix(3) == [
                "attempted to connect to route port", "Router connection closed: Incorrect Port",
                "attempted to connect to route port",
            ])
    }
}
