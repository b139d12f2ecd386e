import CallModel
import EventKernel
import Measures
import Scenario
import Testing

@testable import Simulation

/// The sum over all pairs of a kind of what they capture in a span.
private func pairs(
    _ world: World, _ kind: StreamKind, from: Double, to: Double, where isMeant: (PersonRegion, PersonRegion) -> Bool
) -> Int64 {
    var sum: Int64 = 0
    for room in world.rooms {
        for sender in room.people {
            for receiver in room.people
            where sender != receiver && isMeant(world.people[sender].region, world.people[receiver].region) {
                sum += world.streams.count(
                    sender * StreamKind.count + kind.rawValue, from: Int64(from * 1e9), to: Int64(to * 1e9))
            }
        }
    }
    return sum
}

private typealias PersonRegion = Int

@Suite struct LedgerTests {
    /// What people intend does not depend on what breaks.
    @Test(arguments: ["election", "pinned"])
    func expectedPairsOfEachSecondDoNotMoveWithTheFault(steering: String) throws {
        let settings = [
            "horizon=150s", "populations.vietnam.duration.mean=4min", "populations.vietnam.traffic.concurrent=2",
            "populations.americas.traffic.concurrent=1", "steering=\(steering)",
        ]
        let faulty = try run(committed("region-loss", settings + ["timeline.0.at=30s", "timeline.0.for=60s"]))
        let quiet = try run(committed("region-loss", settings + ["timeline=[]"]))
        #expect(faulty.response("people.gave-up") == 0)
        #expect(faulty.response("people.lost-session")! > 0)
        #expect(faulty.expectedSeries == quiet.expectedSeries)
        let broken = faulty.ledger.total()
        let whole = quiet.ledger.total()
        #expect(broken.expected + broken.void == whole.expected + whole.void)
        #expect(broken.delivered < whole.delivered)
    }

    /// Without failover a black hole loses the pairs that have an end in Singapore, and no others: 4 of the 12 pairs
    /// are within Singapore, 4 span both regions, 4 are American. Sessions outlive these 20 s.
    @Test func aBlackHoleLosesThePairsOfItsRegion() throws {
        let made = try scenario(
            calls(horizon: "60s", faults: ["at: 20s, for: 20s, fault: black-hole, site: sgp"]))
        let outcome = try run(made)
        let world = try World(made, replication: 0)
        #expect(outcome.response("people.lost-session") == 0)

        let american = pairs(world, .audio, from: 0, to: 60) { $0 == 0 && $1 == 0 }
        let asian = pairs(world, .audio, from: 20, to: 40) { $0 == 1 && $1 == 1 }
        #expect(american == 12_000)
        #expect(asian == 4_000)
        let local = outcome.ledger.total(of: .audio, path: .sameRegion)
        // A packet that was on its way when the hole opened is lost too: 20 ms apart, a few ms long, at most one each.
        #expect(local.lostTotal >= asian)
        #expect(local.lostTotal <= asian + 4)
        #expect(local.lost[Int(LossCause.siteUnreachable.rawValue)] == local.lostTotal)

        // Across, the gateway needs some seconds more; American messages that it held are lost when it closes.
        let across = pairs(world, .audio, from: 20, to: 40) { $0 != $1 }
        let recovery = pairs(world, .audio, from: 40, to: 45) { $0 != $1 }
        let cross = outcome.ledger.total(of: .audio, path: .crossRegion)
        #expect(across == 4_000)
        #expect(cross.lostTotal >= across)
        #expect(cross.lostTotal <= across + recovery)

        // What the closed connection's socket held, 160 messages at the most of 12,000 expected, may arrive late.
        let during = outcome.ledger.total(of: .audio, phase: .during)
        let beyond = Double(during.lostTotal) / Double(during.expected) - 8.0 / 12.0
        #expect(beyond > -0.0134 && beyond < 0.001)
    }

    /// The deployment as it really ran: nothing crosses, nobody within a region notices.
    @Test func withoutGatewaysNothingCrosses() throws {
        let outcome = try run(committed("seed-as-deployed", ["horizon=60s"]))
        let cross = outcome.ledger.total(path: .crossRegion)
        #expect(cross.expected > 10_000)
        #expect(cross.delivered == 0)
        // Who is not there or has not been heard loses by that; everyone else by the missing gateway.
        let others = LossCause.allCases.filter { cross.lost[Int($0.rawValue)] > 0 && $0 != .noGateway }
        #expect(others.allSatisfy { [.receiverNotJoined, .senderNotJoined].contains($0) }, "\(others)")
        #expect(cross.lost[Int(LossCause.noGateway.rawValue)] > 10_000)
        let local = outcome.ledger.total(path: .sameRegion)
        let present =
            local.expected - local.lost[Int(LossCause.receiverNotJoined.rawValue)]
            - local.lost[Int(LossCause.senderNotJoined.rawValue)] - local.inFlight
        #expect(Double(local.delivered) >= 0.995 * Double(present))
    }

    /// A packet that is still on its way at the horizon is neither delivered nor lost.
    @Test func copiesOnTheirWayAreInFlight() throws {
        let outcome = try run(scenario(calls(horizon: "10s", local: 0, across: 3)))
        let total = outcome.ledger.total()
        #expect(total.lostTotal == 0)
        // 6 pairs, about 120 ms of 50 audio packets and 30 frames a second.
        #expect(total.inFlight >= 6 * 5)
        #expect(total.inFlight <= 6 * 15)
    }
}
