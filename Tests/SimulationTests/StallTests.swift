import EventKernel
import Measures
import NATSModel
import Scenario
import Testing

@testable import Simulation

/// Producers before a gateway whose link is cut.
@Suite struct StallTests {
    /// 5 MB/s to both regions and, on a connection of its own, 50/s to the own one alone; the link is cut at 2 s.
    private static func cut(version: String) throws -> Scenario {
        let text =
            """
            horizon: 14s
            publishers:
              - { server: us/nats-0, subject: both, rate: 5000/s, size: 1000B, subscribers: [us/nats-0, sgp/nats-0] }
              - { server: us/nats-0, subject: near, rate: 50/s, size: 200B, subscribers: [us/nats-0] }
            timeline: [{ at: 2s, for: 60s, fault: wan-cut, link: us/sgp }]

            """ + Place.two()
        var scenario = try scenario(text)
        scenario.deployment.regions[0].nats.version = version
        return scenario
    }

    private static func delivered(_ version: String) throws -> (delivered: Int64, worst: Double, journal: Int) {
        let run = try Run(try cut(version: version), replication: 0, options: SimulationOptions())
        try run.run()
        let us = run.domains[pointer: 0]
        let held = us.pointee.journal.entries.filter { $0.text.hasPrefix("holds up a plain publisher") }
        return (
            us.pointee.raw.delivered, us.pointee.raw.latency.quantile(1).map { Double($0) / 1e9 } ?? 0, held.count
        )
    }

    /// 2.9.10 reads ten messages a second from the moment at which half of 64 MiB wait until the write deadline
    /// closes the gateway: local subscribers of that publisher wait with it. From 2.10.26 they do not notice.
    @Test func aCutOffRegionHoldsUpLocalTrafficOfOldServers() throws {
        let old = try Self.delivered("2.9.10")
        let new = try Self.delivered("2.15.1")
        #expect(old.journal == 1)
        #expect(new.journal == 0)
        // 10 ms for each read at the most, and a message may meet the rest of two.
        #expect(new.worst < 0.05)
        #expect(old.worst > 1)
    }

    @Test func stallsAreTheSameInEveryExecutor() throws { try runEveryWay(try Self.cut(version: "2.9.10")) }

    @Test func anItemWaitsForItsPortsGate() {
        var station = Station(ports: 2, processor: Processor(threads: 1, milliCPU: nil))
        func item(_ time: Int64, _ sequence: UInt32) -> Item {
            Item(time: time, published: 0, sender: 0, sequence: sequence, list: 0, size: 0, kind: .raw, flags: 0)
        }
        station.append(item(10, 1), to: 0)
        station.hold(0, until: 50)
        station.append(item(12, 2), to: 0)
        station.append(item(30, 3), to: 1)
        var log: [String] = []
        while let served = station.next(before: 100) { log.append("\(served.port) \(served.item.sequence)") }
        #expect(log == ["1 3", "0 1", "0 2"])
        station.append(item(20, 4), to: 0)
        #expect(station.headTime(0) == 50)
        station.append(item(60, 5), to: 1)
        #expect(station.nextStart() == 50)
    }

    /// 2.10.26: 2 ms for each message, 10 ms for each read at the most.
    @Test func aReadIsHeldUpTenMillisecondsAtTheMost() {
        let waits = [0, 2, 9, 10].map { StallRule.brief.wait(5_000_000, afterStalled: $0 * 1_000_000) / 1_000_000 }
        #expect(waits == [5, 5, 1, 0])
        #expect(StallRule.long.wait(1_000_000_000, afterStalled: 5_000_000_000) == 1_000_000_000)
    }
}
