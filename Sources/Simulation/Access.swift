import CallModel
import EventKernel
import Network
import RandomVariates
import Scenario

extension Purpose {
    /// Packet delays on the last mile, keyed by person.
    static let packetDelay = Purpose(rawValue: 1024)
    /// Which replica of a relay group a connection lands on.
    static let balancer = Purpose(rawValue: 1025)
    /// Back-off of reconnecting clients.
    static let backoff = Purpose(rawValue: 1026)
    /// Phase of a client's check of the election's deadline.
    static let electionPhase = Purpose(rawValue: 1027)
    /// Phases of timers at time zero.
    static let timerPhase = Purpose(rawValue: 1028)
    /// Choices of gateway dialers.
    static let gatewayDial = Purpose(rawValue: 1029)
}

/// The way of one person's packets to and from one site.
struct AccessWay: BitwiseCopyable {
    var path: AccessPath
    var key: UInt64
    /// Bits per second of the last mile, and 2^64 over it: a division costs as much as all else that a copy asks for.
    let downstream: Int64
    private let inverse: UInt64

    init(path: AccessPath, key: UInt64, downstream: Int64) {
        precondition(downstream > 0)
        self.path = path
        self.key = key
        self.downstream = downstream
        inverse = UInt64.max / UInt64(downstream)
    }

    /// Nanoseconds that a packet of so many bytes keeps the downlink busy, rounded down.
    @inline(__always)
    func downlinkTime(bytes: Int64) -> Int64 {
        let bits = UInt64(bytes) * 8_000_000_000
        // At most one too small, as `bits` is below 2^53.
        let quotient = bits.multipliedFullWidth(by: inverse).high
        let rest = bits &- quotient &* UInt64(downstream)
        return Int64(truncatingIfNeeded: rest >= UInt64(downstream) ? quotient &+ 1 : quotient)
    }
}

/// The delays of packets between people and sites, keyed by the identity of person and message: a lost message
/// shifts no other draw.
struct AccessTable {
    /// By person, then region.
    private let ways: [AccessWay]
    private let regions: Int
    private let queueing = QueueingTable()
    /// The least one-way delay of anyone to the own region's site, and to another one's.
    let leastNear: Int64
    let leastFar: Int64

    init(_ plan: CallPlan, _ scenario: Scenario, replication: UInt32) {
        regions = scenario.deployment.regions.count
        var ways: [AccessWay] = []
        ways.reserveCapacity(plan.people.count * regions)
        var near = Int64.max
        var far = Int64.max
        for person in plan.people {
            let key = entityKey(
                seed: scenario.seed, purpose: .packetDelay, replication: replication, entity: person.entity)
            for region in 0..<regions {
                let path = person.path(to: region)
                let least = path.minimumOneWay.nanoseconds
                if region == person.region { near = min(near, least) } else { far = min(far, least) }
                ways.append(AccessWay(path: path, key: key, downstream: person.access.downstream))
            }
        }
        self.ways = ways
        leastNear = near == Int64.max ? 10_000_000 : near
        leastFar = far == Int64.max ? 1_000_000_000 : far
    }

    func roundTrip(_ person: Int, _ region: Int) -> Int64 { way(person, region).path.roundTrip.nanoseconds }

    @inline(__always)
    func way(_ person: Int, _ region: Int) -> AccessWay { ways[person * regions + region] }

    /// Nanoseconds that a packet of so many bytes keeps a person's downlink busy.
    func downlinkTime(_ person: Int, bytes: Int64) -> Int64 { way(person, 0).downlinkTime(bytes: bytes) }

    /// The one-way delay of a packet. `leg` tells apart the directions and connections that a message takes.
    @inline(__always)
    func delay(_ way: AccessWay, sender: UInt32, sequence: UInt32, leg: UInt32) -> Int64 {
        delay(way, message: messageWord(sender: sender, sequence: sequence), leg: leg)
    }

    /// The same for one of several copies of a message: its word is the same for all.
    @inline(__always)
    func delay(_ way: AccessWay, message: UInt64, leg: UInt32) -> Int64 {
        queueing.oneWay(way.path, bits: messageBits(way.key, message: message, leg: leg)).nanoseconds
    }

    @inline(__always)
    func delay(_ person: Int, _ region: Int, sender: UInt32, sequence: UInt32, leg: UInt32) -> Int64 {
        delay(way(person, region), sender: sender, sequence: sequence, leg: leg)
    }
}
