/// The clients and where they are: the reference's topology, digit for digit.
struct CallTopology {
    /// Brokers of both regions; those of the second come after those of the first.
    static let brokers = [3, 2]
    static let relaysPerRegion = 4
    static let wan: Int64 = 117_000_000
    static let route: Int64 = 200_000
    static let period: Int64 = 20_000_000
    static let brokerInbound: Int64 = 5_000
    static let brokerOutbound: Int64 = 2_000
    static let relayOutbound: Int64 = 3_000
    private static let accessMinimum: Int64 = 5_000_000
    private static let accessSpan: UInt64 = 10_000_001
    private static let seed: UInt64 = 0x5eed_5eed

    let clients: Int
    /// For each client: the relay and the broker within its region.
    let relay: [UInt8]
    let broker: [UInt8]
    /// For each client: when it publishes first.
    let phase: [Int64]

    init(clients: Int) {
        var relay = [UInt8](repeating: 0, count: clients)
        let half = clients / 2
        for region in 0..<2 {
            var order = Array(0..<half)
            var stream = SplitMix(seed: UInt64(77 + region))
            for last in stride(from: half - 1, to: 0, by: -1) {
                order.swapAt(last, Int(stream.next() % UInt64(last + 1)))
            }
            for place in 0..<half {
                relay[place / 2 * 4 + region * 2 + place % 2] = UInt8(order[place] % Self.relaysPerRegion)
            }
        }
        self.clients = clients
        self.relay = relay
        broker = (0..<clients).map { relay[$0] % UInt8(Self.brokers[Self.region(of: $0)]) }
        phase = (0..<clients).map {
            Int64(SplitMix.mix(UInt64($0) &* SplitMix.increment &+ 0x9a5e) % UInt64(Self.period))
        }
    }

    /// Participants 0 and 1 of a call are in the first region, 2 and 3 in the second.
    static func region(of client: Int) -> Int { (client & 3) >> 1 }

    /// The broker in the other region behind a broker's gateway.
    static func pair(of broker: Int, in region: Int) -> Int { region == 0 ? broker % 2 : broker }

    /// The access delay of a leg: `leg` is the message times four plus the participant.
    @inline(__always)
    static func access(leg: UInt64) -> Int64 {
        accessMinimum &+ Int64(truncatingIfNeeded: SplitMix.mix(leg &* SplitMix.increment &+ seed) % accessSpan)
    }
}
