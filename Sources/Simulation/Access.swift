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

/// The way of one person's packets to and from one site: what each packet asks for, in 24 bytes.
///
/// The delay is that of `QueueingTable.oneWay`, to the nanosecond: half the round trip, queueing, and a round trip more
/// for a packet that is repeated.
struct AccessWay: BitwiseCopyable {
    /// Of the packets' random bits.
    let key: UInt64
    /// Nanoseconds, half the round trip: no packet is faster.
    let least: Int64
    /// Nanoseconds.
    private let meanQueueing: UInt32
    /// A packet is repeated when 32 random bits are below the upper 31 of these; the lowest says whether the round trip
    /// is odd.
    private let repeats: UInt32

    init(path: AccessPath, key: UInt64) {
        precondition(path.lossThreshold < 1 << 31, "at most half of the packets are repeated")
        self.key = key
        least = path.minimumOneWay.nanoseconds
        meanQueueing = UInt32(path.meanQueueing)
        repeats = UInt32(path.lossThreshold) << 1 | UInt32(path.roundTrip.nanoseconds & 1)
    }

    var roundTrip: Int64 { 2 * least + Int64(repeats & 1) }

    /// Nanoseconds from one end to the other; `quantiles` are the ends of `QueueingTable`'s cells.
    @inline(__always)
    func delay(bits: UInt64, quantiles: UnsafePointer<UInt32>) -> Int64 {
        let cell = quantiles + Int(truncatingIfNeeded: bits &>> 54)
        let place = Int64(truncatingIfNeeded: bits &>> 34 & 0xf_ffff)
        let low = Int64(cell[0])
        let quantile = low &+ ((Int64(cell[1]) &- low) &* place) &>> 20
        let delay = least &+ (Int64(meanQueueing) &* quantile) &>> 16
        let isRepeated = UInt32(truncatingIfNeeded: bits) < repeats &>> 1
        return isRepeated ? delay &+ roundTrip : delay
    }

    /// The same for one copy of a message; `leg` tells apart the directions and connections that a message takes.
    @inline(__always)
    func delay(message: UInt64, leg: UInt32, quantiles: UnsafePointer<UInt32>) -> Int64 {
        delay(bits: messageBits(key, message: message, leg: leg), quantiles: quantiles)
    }
}

/// Bits per second towards a person, and 2^64 over it: a division costs as much as all else that a copy asks for.
struct Downlink: BitwiseCopyable {
    let rate: Int64
    private let inverse: UInt64

    init(rate: Int64) {
        precondition(rate > 0)
        self.rate = rate
        inverse = UInt64.max / UInt64(rate)
    }

    /// Nanoseconds that a packet of so many bytes keeps the downlink busy, rounded down.
    @inline(__always)
    func time(bytes: Int64) -> Int64 {
        let bits = UInt64(truncatingIfNeeded: bytes) &* 8_000_000_000
        // At most one too small, as `bits` is below 2^53.
        let quotient = bits.multipliedFullWidth(by: inverse).high
        let rest = bits &- quotient &* UInt64(truncatingIfNeeded: rate)
        return Int64(truncatingIfNeeded: quotient) &+ (rest >= UInt64(truncatingIfNeeded: rate) ? 1 : 0)
    }
}

/// The delays of packets between people and sites, keyed by the identity of person and message: a lost message
/// shifts no other draw.
struct AccessTable: ~Copyable {
    /// By person, then region.
    private let ways: Table<AccessWay>
    /// By person: index of the downlink's rate.
    private let rates: Table<UInt8>
    /// The rates that occur.
    let downlinks: Table<Downlink>
    /// The ends of `QueueingTable`'s cells: 4 KB, to stay in the first-level cache.
    private let quantileTable: Table<UInt32>
    private let regions: Int
    /// The least one-way delay of anyone to the own region's site, and to another one's.
    let leastNear: Int64
    let leastFar: Int64

    init(_ plan: CallPlan, _ scenario: Scenario, replication: UInt32) {
        let regions = scenario.deployment.regions.count
        self.regions = regions
        let people = plan.people
        let keys = people.map {
            entityKey(seed: scenario.seed, purpose: .packetDelay, replication: replication, entity: $0.entity)
        }
        ways = Table(count: people.count * regions) { index in
            AccessWay(path: people[index / regions].path(to: index % regions), key: keys[index / regions])
        }
        let known = Array(Set(people.map(\.access.downstream))).sorted()
        precondition(known.count < 256, "a rate is numbered by one byte")
        rates = Table(count: people.count) { UInt8(known.firstIndex(of: people[$0].access.downstream)!) }
        downlinks = Table(count: known.count) { Downlink(rate: known[$0]) }
        let ends = QueueingTable().ends
        quantileTable = Table(count: ends.count) { UInt32(ends[$0]) }
        var near = Int64.max
        var far = Int64.max
        for person in people.indices {
            for region in 0..<regions {
                let least = ways[pointer: person * regions + region].pointee.least
                if region == people[person].region { near = min(near, least) } else { far = min(far, least) }
            }
        }
        leastNear = near == Int64.max ? 10_000_000 : near
        leastFar = far == Int64.max ? 1_000_000_000 : far
    }

    /// The ends of `QueueingTable`'s cells; valid as long as the table lives.
    var quantiles: UnsafePointer<UInt32> { UnsafePointer(quantileTable[pointer: 0]) }

    func roundTrip(_ person: Int, _ region: Int) -> Int64 { way(person, region).roundTrip }

    @inline(__always)
    func way(_ person: Int, _ region: Int) -> AccessWay { ways[pointer: person * regions + region].pointee }

    func rate(_ person: Int) -> UInt8 { rates[person] }

    /// Nanoseconds that a packet of so many bytes keeps a person's downlink busy.
    func downlinkTime(_ person: Int, bytes: Int64) -> Int64 { downlinks[Int(rates[person])].time(bytes: bytes) }

    /// The one-way delay of a packet. `leg` tells apart the directions and connections that a message takes.
    @inline(__always)
    func delay(_ person: Int, _ region: Int, sender: UInt32, sequence: UInt32, leg: UInt32) -> Int64 {
        way(person, region).delay(
            message: messageWord(sender: sender, sequence: sequence), leg: leg, quantiles: quantiles)
    }
}
