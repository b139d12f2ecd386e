import CallModel
import EventKernel
import Measures
import Network
import Scenario
import Testing

@testable import Simulation

/// What the message path computes in its own way, against the plain way.
@Suite struct MessagePathTests {
    /// Random items over any number of ports come in the order of (time, port, position), some while others still wait.
    @Test(arguments: [1, 2, 4, 5, 16, 17, 64, 65, 200])
    func aTournamentGivesTheTotalOrder(ports: Int) {
        var random = TestRandom(seed: UInt64(ports))
        var station = Station(ports: ports, processor: Processor(threads: 1, milliCPU: nil))
        var clocks = [Int64](repeating: 0, count: ports)
        var waiting: [(time: Int64, port: Int, name: UInt32)] = []
        var name: UInt32 = 0
        for _ in 0..<2_000 {
            if random.below(5) < 3 {
                let port = random.below(ports)
                clocks[port] += Int64(random.below(4))
                station.append(item(clocks[port], name), to: port)
                waiting.append((clocks[port], port, name))
                name += 1
            } else if let first = waiting.min(by: { ($0.time, $0.port, $0.name) < ($1.time, $1.port, $1.name) }) {
                let served = station.next(before: Int64.max)
                #expect(served?.port == first.port && served?.item.sequence == first.name)
                waiting.removeAll { $0.name == first.name }
            }
        }
        #expect(name > 1_000)
    }

    /// A held port's items come when the hold ends, not when they arrived.
    @Test func aHeldPortTakesItsTurnLater() {
        var station = Station(ports: 6, processor: Processor(threads: 1, milliCPU: nil))
        for (port, time) in [(0, 1), (0, 2), (5, 3), (4, 9)] {
            station.append(item(Int64(time), UInt32(time)), to: port)
        }
        station.hold(0, until: 8)
        var log: [String] = []
        while let served = station.next(before: 100) { log.append("\(served.port) \(served.item.sequence)") }
        #expect(log == ["5 3", "0 1", "0 2", "4 9"])
    }

    @Test func aCopyDiffersInTimeListAndAddedFlagsOnly() {
        var station = Station(ports: 2, processor: Processor(threads: 1, milliCPU: nil))
        let original = Item(
            time: 5, published: 4, sender: 3, sequence: 2, list: 1, size: 9, kind: .media, flags: ItemFlags.keyFrame)
        withUnsafePointer(to: original) {
            station.append(copyOf: $0, at: 50, list: 10, adding: ItemFlags.fromServer, to: 1)
        }
        let copy = station.take(from: 1)
        #expect(copy.time == 50 && copy.list == 10 && copy.flags == ItemFlags.keyFrame | ItemFlags.fromServer)
        #expect(copy.published == 4 && copy.sender == 3 && copy.sequence == 2 && copy.size == 9 && copy.kind == .media)
    }

    /// Several threads, with and without idle times: each item takes the thread that is free first.
    @Test(arguments: [2, 3, 8])
    func threadsAreTakenInTheOrderInWhichTheyAreFree(threads: Int) {
        var random = TestRandom(seed: UInt64(threads))
        var processor = Processor(threads: threads, milliCPU: nil)
        var free = [Int64](repeating: 0, count: threads)
        var arrival: Int64 = 0
        for _ in 0..<3_000 {
            arrival += Int64(random.below(40))
            let cost = Int64(random.below(60 * threads))
            let thread = free.indices.min { free[$0] < free[$1] }!
            free[thread] = max(arrival, free[thread]) + cost
            #expect(processor.serve(arrival: arrival, cost: cost) == free[thread])
            #expect(processor.free == free.min()!)
        }
    }

    /// The delay of a packet is what `QueueingTable` says, repeats among them.
    @Test func accessDelaysAreThoseOfTheTable() {
        let table = QueueingTable()
        let quantiles = table.ends.map { UInt32($0) }
        var random = TestRandom(seed: 3)
        for kind in AccessKind.allCases {
            for roundTrip in [Int64(18_000_000), 252_000_001] {
                let path = AccessPath(roundTrip: SimDuration(nanoseconds: roundTrip), kind: kind)
                let way = AccessWay(path: path, key: 1)
                #expect(way.roundTrip == roundTrip)
                for _ in 0..<500 {
                    // The lower half decides repeats: small ones often.
                    let bits = random.bits() & (random.below(2) == 0 ? UInt64.max : 0xffff_ffff_0000_ffff)
                    #expect(way.delay(bits: bits, quantiles: quantiles) == table.oneWay(path, bits: bits).nanoseconds)
                }
            }
        }
    }

    @Test func downlinksDivideExactly() {
        var random = TestRandom(seed: 4)
        for rate in [1, 3, 7_777_777, 20_000_000, 30_000_000, 100_000_000, 123_456_789_123] as [Int64] {
            let downlink = Downlink(rate: rate)
            for _ in 0..<500 {
                let bytes = Int64(random.below(1 << 20))
                #expect(downlink.time(bytes: bytes) == bytes * 8_000_000_000 / rate)
            }
        }
    }

    /// Counters of deliveries against plain sums, with latencies whose sum exceeds 64 bits' lower half many times.
    @Test func countersOfDeliveriesAreExact() throws {
        let world = try World(scenario(calls(horizon: "30s", local: 1, across: 0)), replication: 0)
        var tally = Tally(world)
        var plain = IntegerHistogram()
        var within = [Int64](repeating: 0, count: 4)
        var random = TestRandom(seed: 5)
        for _ in 0..<2_000 {
            let published = Int64(random.below(30_000)) * 1_000_000
            let lag = Int64(random.bits() >> UInt64(2 + random.below(40)))
            tally.addDelivery(kind: 0, path: .crossRegion, published: published, arrival: published + lag)
            plain.record(lag)
            within[lag <= 150_000_000 ? 0 : lag <= 400_000_000 ? 1 : lag <= 1_000_000_000 ? 2 : 3] += 1
        }
        #expect(tally.latency(Int(PathKind.crossRegion.rawValue)) == plain)
        #expect(plain.sum > Int128(Int64.max))
        for bound in 0..<4 { #expect(tally.delivered(.audio, .crossRegion, .before, bound: bound) == within[bound]) }
        #expect(tally.delivered1s.reduce(0, +) == 2_000)
        #expect(tally.punctual1s.reduce(0) { $0 + Int64($1) } == within[0] + within[1])
    }

    /// A server has ports for 4,096 connections, 64 of them for plain publishers: a deployment that needs more is
    /// refused. The format's own limits are lower; this is for callers that make a scenario otherwise.
    @Test func moreServersThanAServerHasPortsForAreRefused() throws {
        var made = try scenario(calls(horizon: "20s", local: 1, across: 0))
        func world(servers: Int) throws -> World {
            made.deployment.regions[0].nats.servers = servers
            return try World(made, replication: 0)
        }
        // Two relays, s servers beside it, and two ports for each of the s + 1 in both regions.
        #expect(try world(servers: (4_096 - 64 - 2 - 2) / 3).servers.count == 1_343)
        #expect(throws: SimulationError.self) { try world(servers: (4_096 - 64 - 2 - 2) / 3 + 1) }
    }

    /// In a quiet run everybody's audio is settled by the relays, and nobody's connection is counted twice.
    @Test func copiesForQuietPeopleAreSettledByTheirRelays() throws {
        let made = try scenario(calls(horizon: "20s", local: 2, across: 1))
        let run = try Run(made, replication: 0, options: SimulationOptions())
        try run.run()
        var sessions = 0
        for region in 0..<run.domains.count {
            let domain = run.domains[pointer: region]
            for relay in 0..<domain.pointee.relays.count {
                let state = domain.pointee.relays[pointer: relay]
                for slot in 0..<state.pointee.sessions.count {
                    #expect(state.pointee.sessions[slot].lastDirect > 19_000_000_000)
                    sessions += 1
                }
            }
            for person in run.world.people.indices where run.world.people[person].region == region {
                #expect(domain.pointee.receivers[person].connections == 1)
            }
        }
        #expect(sessions == run.world.people.count)
    }

    /// After elections, with connections to both regions, one connection is left to everybody who stays.
    @Test func endedConnectionsAreCountedDown() throws {
        let made = try scenario(calls(horizon: "60s", local: 1, across: 1, steering: "election", initial: "empty"))
        let run = try Run(made, replication: 0, options: SimulationOptions())
        try run.run()
        var connected = 0
        for person in run.world.people.indices {
            let domain = run.domains[pointer: run.world.people[person].region]
            guard domain.pointee.people[person].phase == .connected else { continue }
            connected += 1
            #expect(domain.pointee.people[person].connections > 1)
            #expect(domain.pointee.receivers[person].connections == 1)
        }
        #expect(connected > 0)
    }

    private func item(_ time: Int64, _ name: UInt32) -> Item {
        Item(time: time, published: 0, sender: 0, sequence: name, list: 0, size: 0, kind: .media, flags: 0)
    }
}
