import CallModel
import EventKernel
import NATSModel
import Network
import Routing
import Scenario
import Testing

@testable import Emulation

/// What a scenario becomes before any server runs.
struct EmulateDeploymentTests {
    private let far = SimDuration.milliseconds(200)

    @Test func serversAndTheirAddresses() throws {
        let deployment = try EmulatedDeployment(plainScenario(twoRegions(roundTrip: far, us: 2)))
        #expect(deployment.servers.map(\.name) == ["us/nats-0", "us/nats-1", "sgp/nats-0"])
        let spec = deployment.servers[1].spec
        #expect(spec.serverName == "us-nats-1")
        #expect(spec.routes == ["us/nats-0"])
        #expect(spec.gateway?.remotes == [.init(name: "sgp", urls: [.server("sgp/nats-0", .gateway)])])
        #expect(spec.gateway?.advertise == nil)
    }

    @Test func nodePortsAndWrongAddresses() throws {
        var deployment = twoRegions(roundTrip: far)
        deployment.regions[1].nodePool = NodePool(size: "s", count: 1, address: "10.9.0.2")
        deployment.regions[1].nats.gateway?.nodePort = 30_722
        deployment.regions[1].nats.gateway?.addresses = []
        deployment.regions[0].nats.gateway?.remotes = [
            GatewayRemote(name: "sgp", urls: ["nats://10.9.0.2:30722", "nats://10.9.0.3:30722"])
        ]
        let emulated = try EmulatedDeployment(plainScenario(deployment))
        let remotes = emulated.servers[0].spec.gateway?.remotes
        #expect(remotes == [.init(name: "sgp", urls: [.nodePort(cluster: "sgp"), .nobody])])
        // Pods that advertise nothing tell others an address that leads nowhere.
        #expect(emulated.servers[1].spec.gateway?.advertise == .nobody)
    }

    @Test func gatewaysInBothDirections() throws {
        let deployment = try EmulatedDeployment(plainScenario(twoRegions(roundTrip: far, us: 2)))
        #expect(deployment.gateways == [.init(from: 0, to: 1), .init(from: 1, to: 0)])
        #expect(deployment.gatewayCount == 3)
    }

    @Test func aGatewayIsLearntFromTheOtherSide() throws {
        var deployment = twoRegions(roundTrip: far)
        deployment.regions[1].nats.gateway?.remotes = []
        let both = try EmulatedDeployment(plainScenario(deployment))
        #expect(both.gateways == [.init(from: 0, to: 1), .init(from: 1, to: 0)])
        // Without an address that leads to the one that dialled, there is no way back.
        deployment.regions[0].nats.gateway?.addresses = []
        let oneWay = try EmulatedDeployment(plainScenario(deployment))
        #expect(oneWay.gateways == [.init(from: 0, to: 1)])
    }

    @Test func noGatewayUnderAWrongName() throws {
        var deployment = twoRegions(roundTrip: far)
        deployment.regions[0].nats.gateway?.remotes[0].name = "singapore"
        deployment.regions[1].nats.gateway?.remotes = []
        #expect(try EmulatedDeployment(plainScenario(deployment)).gateways == [])
    }

    @Test func noGatewayOverMoreThanTheDialTimeout() throws {
        let deployment = try EmulatedDeployment(plainScenario(twoRegions(roundTrip: .milliseconds(1_020))))
        #expect(deployment.gateways == [])
    }

    private func refusal(_ scenario: Scenario) -> String? {
        do {
            _ = try EmulatedDeployment(scenario)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func saysWhatCannotBe() {
        let deployment = twoRegions(roundTrip: far)
        var scenario = plainScenario(deployment, [stream(size: 15)])
        #expect(refusal(scenario)?.contains("at least 16") == true)
        scenario = plainScenario(deployment, timeline: [Fault(kind: .refused(region: 0), start: at(1), end: nil)])
        #expect(refusal(scenario)?.contains("a fault of relays") == true)
        scenario = plainScenario(deployment)
        scenario.nats.dialTimeout = .seconds(2)
        #expect(refusal(scenario)?.contains("nats.dial-timeout: 1000.0 ms is fixed") == true)
        scenario = plainScenario(deployment)
        scenario.nats.gatewayPingInterval = .seconds(16)
        #expect(refusal(scenario)?.contains("every 15 s") == true)
        scenario.nats.gatewayPingInterval = .seconds(5)
        #expect(refusal(scenario) == nil)
    }

    // MARK: Links

    private func states(_ link: WANLink, _ leases: [Fault.Kind]) -> [Emulation.LinkState] {
        var deployment = twoRegions(roundTrip: far)
        deployment.links = [link]
        return EmulatedLinks(deployment: deployment)
            .states(leases.map { Fault(kind: $0, start: .start, end: nil) }).map(\.state)
    }

    @Test func aLinkWithoutLeases() {
        let loss = PacketLoss(share: 0.01)
        let link = WANLink(
            first: 0, second: 1, roundTrip: far, oneWay: .milliseconds(150), jitter: .milliseconds(2), loss: loss,
            bandwidth: 1_000_000)
        let forward = Emulation.LinkState(
            delay: .milliseconds(150), jitter: .milliseconds(2), loss: loss, bandwidth: 1_000_000)
        var backward = forward
        backward.delay = .milliseconds(50)
        #expect(states(link, []) == [forward, backward])
    }

    @Test func leasesOfALinkCompose() {
        let link = WANLink(first: 0, second: 1, roundTrip: far, bandwidth: nil)
        let slower = states(link, [.roundTrip(link: 0, .milliseconds(300)), .roundTrip(link: 0, .milliseconds(400))])
        #expect(slower.map(\.delay) == [.milliseconds(250), .milliseconds(250)])
        // Two falls do not make it faster than the faster of them.
        let faster = states(link, [.roundTrip(link: 0, .milliseconds(40)), .roundTrip(link: 0, .milliseconds(60))])
        #expect(faster.map(\.delay) == [.milliseconds(20), .milliseconds(20)])
        let uneven = WANLink(first: 0, second: 1, roundTrip: far, oneWay: .milliseconds(150), bandwidth: nil)
        let longer = states(uneven, [.roundTrip(link: 0, .milliseconds(400))])
        #expect(longer.map(\.delay) == [.milliseconds(300), .milliseconds(100)])
        #expect(states(link, [.wanCut(link: 0, from: 1)]).map(\.isCut) == [false, true])
        #expect(states(link, [.blackHole(region: 1)]).map(\.isCut) == [true, true])
        let narrow = states(link, [.bandwidth(link: 0, 5_000), .bandwidth(link: 0, 3_000)])
        #expect(narrow.map(\.bandwidth) == [3_000, 3_000])
    }

    // MARK: Timeline

    @Test func overlappingFaultsOfAServer() throws {
        let faults = [
            Fault(kind: .serverKill(region: 1, server: 0), start: at(1), end: at(3)),
            Fault(kind: .powerLoss(region: 1), start: at(2), end: at(4)),
            Fault(kind: .wanCut(link: 0, from: nil), start: at(3), end: nil),
        ]
        let deployment = try EmulatedDeployment(
            plainScenario(twoRegions(roundTrip: far), timeline: faults, horizon: .seconds(10)))
        let timeline = EmulatedTimeline(deployment)
        #expect(timeline.steps.map(\.time) == [at(1), at(2), at(3), at(4)])
        #expect(timeline.steps.map(\.kills) == [[1], [], [], []])
        #expect(timeline.steps.map(\.starts) == [[], [], [], [1]])
        #expect(timeline.steps.map(\.changesLinks) == [false, true, true, true])
        #expect(timeline.steps[3].leases == [faults[2]])
        #expect(timeline.firstFault == at(1))
        #expect(timeline.heal == at(4))
    }
}
