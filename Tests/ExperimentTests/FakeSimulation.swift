import EventKernel
import Measures
import Scenario
import Simulation

/// A back end for tests of the machinery around it: numbers that depend on seed and replication alone, at once.
func fakeOutcome(_ scenario: Scenario, _ replication: UInt32) -> Outcome {
    // SplitMix64, so that replications differ without any pattern that a test could lean on.
    var state = scenario.seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(replication) &* 0xD1B5_4A32_D192_ED03
    func draw(_ bound: Int64) -> Int64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int64((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
    var outcome = Outcome()
    outcome.fingerprint = UInt64(draw(Int64.max)) &+ 1
    outcome.events = 1_000 + draw(1_000)
    var cell = LedgerCell()
    cell.delivered = 9_000 + draw(500)
    cell.deliveredWithin = [4_000, 8_000, 8_500, cell.delivered]
    cell.lost[Int(LossCause.noInterest.rawValue)] = 100 + draw(50)
    cell.inFlight = draw(5)
    cell.expected = cell.delivered + cell.lostTotal + cell.inFlight
    outcome.ledger[.audio, .sameRegion, .before] = cell
    outcome.responses = [
        ResponseValue(
            name: "delivery.audio.all.all.ever", unit: "share", value: Double(cell.delivered) / Double(cell.expected)),
        ResponseValue(name: "setup.audio.all.p50", unit: "ms", value: Double(800 + draw(100))),
        ResponseValue(name: "people.gave-up", unit: "count", value: 0),
    ]
    outcome.assumptions = ["client.webtransport-blocked"]
    return outcome
}
