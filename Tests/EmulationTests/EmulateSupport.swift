import CallModel
import EventKernel
import Measures
import NATSModel
import Network
import Scenario

@testable import Emulation

/// A region whose servers can be dialled at `10.0.NUMBER.SERVER:7222` and which dials the other regions' servers.
private func region(_ name: String, number: Int, servers: Int, others: [(name: String, number: Int, servers: Int)])
    -> Region
{
    let remotes = others.map { other in
        GatewayRemote(name: other.name, urls: (0..<other.servers).map { "nats://10.0.\(other.number).\($0):7222" })
    }
    let gateway = GatewayBlock(
        name: name, port: 7222, nodePort: nil, advertise: nil, remotes: remotes,
        addresses: (0..<servers).map { "10.0.\(number).\($0):7222" })
    return Region(
        name: name, site: name, vpc: nil, nodePool: nil,
        nats: NATSCluster(
            servers: servers, version: "2.9.10", clusterName: nil, gateway: gateway, cpu: nil, memory: nil),
        relays: [])
}

/// `us` and `sgp`, whose servers know each other's addresses.
func twoRegions(roundTrip: SimDuration, us: Int = 1, sgp: Int = 1) -> Deployment {
    Deployment(
        name: "two",
        regions: [
            region("us", number: 1, servers: us, others: [("sgp", 2, sgp)]),
            region("sgp", number: 2, servers: sgp, others: [("us", 1, us)]),
        ],
        links: [WANLink(first: 0, second: 1, roundTrip: roundTrip, bandwidth: nil)])
}

/// From us/nats-0 to sgp/nats-0.
func stream(_ name: String = "s", perSecond: Double = 50, size: Int64 = 100, end: SimTime? = nil) -> RawPublisher {
    RawPublisher(
        name: name, region: 0, server: 0, subject: "a.\(name)", perSecond: perSecond, size: size,
        subscribers: [ServerReference(region: 1, server: 0)], end: end)
}

/// A scenario without people.
func plainScenario(
    _ deployment: Deployment, _ publishers: [RawPublisher] = [], timeline: [Fault] = [],
    horizon: SimDuration = .seconds(4), initial: Scenario.Initial = .steady
) -> Scenario {
    Scenario(
        name: "plain", kind: .terminating, startUTC: 0, initial: initial, horizon: horizon, seed: 1,
        deployment: deployment, populations: [], publishers: publishers, steering: .election, profile: .videocall2026,
        relay: RelayParameters(), client: ClientParameters(), media: MediaParameters(), nats: ServerParameters(),
        dns: SteeringParameters(), timeline: timeline, expectations: [], replications: 1)
}

func at(_ seconds: Double) -> SimTime { SimTime(nanoseconds: Int64(seconds * 1e9)) }

extension Outcome {
    func value(_ name: String) -> Double? { responses.first { $0.name == name }?.value }
}
