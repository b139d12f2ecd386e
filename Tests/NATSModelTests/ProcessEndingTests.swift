import EventKernel
import NATSModel
import Testing

@Suite struct ProcessEndingTests {
    /// Ten clients: the first is closed after the grace period, the others 0.5 to 1 s apart.
    @Test func lameDuckClosesClientsOneAfterTheOther() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.start(routed("us-1", routes: ["us-0/route"]))
        network.run(.seconds(2))
        for index in 0..<10 { network.connect("client-\(index)", to: "us-0") }
        network.feed(.lameDuck, to: "us-0")
        #expect(network.lines("us-0").last == "Entering lame duck mode, stop accepting new clients")
        #expect(network.processes["us-0"]?.isListening(on: .client) == false)
        #expect(network.processes["us-0"]?.isListening(on: .route) == true)
        guard case .info(let info) = network.received["client-3"]?.last else {
            Issue.record("the client was not told")
            return
        }
        #expect(info.isLameDuck)
        network.run(.milliseconds(9_999))
        #expect(network.droppedClients == [])
        network.run(.milliseconds(1))
        #expect(network.droppedClients == ["client-0"])
        #expect(network.routes("us-1") == ["us-0"])
        network.run(.milliseconds(4_499))
        #expect(network.droppedClients.count < 10)
        network.run(.milliseconds(4_501))
        #expect(network.droppedClients == (0..<10).map { "client-\($0)" })
        #expect(network.exited == ["us-0"])
        #expect(network.lines("us-0").last == "Server Exiting..")
        network.run(.milliseconds(2))
        #expect(network.routes("us-1") == [])
    }

    @Test func lameDuckWithoutClientsEndsAtOnce() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.feed(.lameDuck, to: "us-0")
        #expect(network.exited == ["us-0"])
        #expect(
            network.lines("us-0") == [
                "Server is ready", "Entering lame duck mode, stop accepting new clients", "Initiating Shutdown...",
                "Server Exiting..",
            ])
    }

    /// Clients that have not pinged yet are not told; one that connects meanwhile is refused.
    @Test func lameDuckTellsRegisteredClientsOnly() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.connect("old", to: "us-0")
        let young = connection(900)
        network.feed(.accepted(young, .client), to: "us-0")
        var outputs: [ProcessOutput] = []
        var process = network.processes["us-0"]
        process?.handle(.lameDuck, at: network.now, in: network.subjects, draw: { 0 }, into: &outputs)
        let told = outputs.filter { if case .send = $0 { true } else { false } }
        #expect(told.count == 1)
        #expect(outputs.last == .arm(TimerID(rawValue: 1), .seconds(10)))
        outputs = []
        process?.handle(
            .accepted(connection(901), .client), at: network.now, in: network.subjects, draw: { 0 }, into: &outputs)
        #expect(outputs == [.close(connection(901), .serverShutdown)])
    }

    @Test func stopClosesEverythingAndExits() {
        var network = ProcessNetwork.oneSided()
        network.run(.seconds(2))
        network.connect("client", to: "sg-0")
        network.feed(.stop, to: "sg-0")
        #expect(network.exited == ["sg-0"])
        #expect(network.droppedClients == ["client"])
        #expect(network.lines("sg-0").contains("Gateway connection closed: Server Shutdown"))
        #expect(network.lines("sg-0").contains("Router connection closed: Server Shutdown"))
        network.run(.seconds(5))
        #expect(network.outbound("us-0") == ["sg": "sg-1"])
        #expect(network.routes("sg-1") == [])
        #expect(network.inbound("sg-1") == ["us": 2])
    }

    @Test func anExitedProcessRefusesConnections() {
        var process = ServerProcess(routed("us-0"))
        var outputs: [ProcessOutput] = []
        let subjects = SubjectTable()
        process.handle(.start, at: .start, in: subjects, draw: { 0 }, into: &outputs)
        process.handle(.stop, at: .start, in: subjects, draw: { 0 }, into: &outputs)
        #expect(outputs.last == .exited)
        outputs = []
        process.handle(.accepted(connection(1), .route), at: .start, in: subjects, draw: { 0 }, into: &outputs)
        process.handle(.received(connection(1), .ping), at: .start, in: subjects, draw: { 0 }, into: &outputs)
        #expect(outputs == [.close(connection(1), .serverShutdown)])
    }

    @Test func anErrorClosesAClientOnlyWhereARealServerDoes() {
        var network = ProcessNetwork()
        network.start(routed("us-0"))
        network.connect("client", to: "us-0")
        network.subscribe("client", "a..b")
        #expect(network.received["client"]?.last == .error(.invalidSubject))
        #expect(network.droppedClients == [])
        let large = Publish(subject: network.subjects.intern("a"), size: 1_048_577)
        network.send(.publish(large), from: "client")
        #expect(network.received["client"]?.last == .error(.maximumPayload))
        #expect(network.droppedClients == ["client"])
    }

    @Test func aConfigurationThatARealServerRefusesIsRefused() {
        #expect(gated("us-0", remotes: [("sg", ["sg-0/gateway"])]).validate() == nil)
        var configuration = gated("us-0", gateway: "us")
        configuration.cluster = "virginia"
        #expect(
            configuration.validate()
                == "nats-server: cluster name conflicts between cluster and gateway definitions")
        configuration.cluster = ""
        #expect(configuration.validate() == nil)
        #expect(configuration.clusterName == "us")
        #expect(gated("us-0", gateway: "").validate() == "nats-server: gateway has no name")
        #expect(
            gated("us-0", remotes: [("", ["a/gateway"])]).validate()
                == "nats-server: gateway in the list 0 has no name")
        #expect(gated("us-0", remotes: [("sg", [])]).validate() == "nats-server: gateway \"sg\" has no URL")
    }

    @Test func spacesInNamesAreRefusedFromTwoEleven() {
        let spaced = gated("us-0", gateway: "us east")
        #expect(spaced.validate() == nil)
        let newer = ServerVersion(major: 2, minor: 11, patch: 0)
        #expect(spaced.validate(version: newer) == "nats-server: cluster name cannot contain spaces")
        #expect(routed("us 0").validate(version: newer) == "nats-server: server name cannot contain spaces")
        #expect(routed("us-0").validate(version: newer) == nil)
    }
}
