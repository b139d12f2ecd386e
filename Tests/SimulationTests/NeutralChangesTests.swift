import Foundation
import Measures
import Scenario
import Testing

@testable import Simulation

/// Thousands of changes that change next to nothing: whatever bookkeeping a change brings, results do not show it.
@Suite struct NeutralChangesTests {
    /// 10,000 entries that set the round trip to a nanosecond more or less than 234 ms, in turn, for 1 ms each.
    private static func nudges(_ link: String, from start: Int) -> [String] {
        (0..<10_000).map { index in
            let to = index % 2 == 0 ? "233999999ns" : "234000001ns"
            return "at: \(start * 1_000 + index * 3)ms, for: 1ms, fault: round-trip, link: \(link), to: \(to)"
        }
    }

    /// One such entry over the same time: the phases are those of the many.
    private static func one(_ link: String, from start: Int) -> [String] {
        ["at: \(start)s, for: 29998ms, fault: round-trip, link: \(link), to: 234000001ns"]
    }

    private func expectEqual(_ nudged: Outcome, _ plain: Outcome) {
        #expect(nudged.ledger.total().expected > 10_000)
        #expect(nudged.ledger == plain.ledger)
        #expect(nudged.responses.map(\.name) == plain.responses.map(\.name))
        for (one, other) in zip(nudged.responses, plain.responses) {
            guard let left = one.value, let right = other.value else {
                #expect(one.value == nil && other.value == nil, "\(one.name)")
                continue
            }
            #expect(abs(left - right) <= 1e-6 * max(abs(left), abs(right)), "\(one.name): \(left), \(right)")
        }
    }

    @Test func nanosecondsOfRoundTripDoNotShowInTheBaseline() throws {
        let file = repository.appendingPathComponent("scenarios/baseline.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        func baseline(_ faults: [String]) throws -> Outcome {
            let timeline = "timeline:\n" + faults.map { "  - { \($0) }\n" }.joined()
            let changed = text.replacing("timeline: []\n", with: timeline)
            try #require(changed != text)
            return try run(
                ScenarioReader.parse(text: changed, file: file.path, overrides: ["horizon=60s"]).scenario)
        }
        let nudged = try baseline(Self.nudges("us-east/singapore", from: 10))
        let plain = try baseline(Self.one("us-east/singapore", from: 10))
        expectEqual(nudged, plain)
    }

    /// Relays that cannot keep up, with full mailboxes: what is lost stays the same, message for message.
    @Test func nanosecondsOfRoundTripDoNotShowInAnOverload() throws {
        func overload(_ faults: [String]) throws -> Outcome {
            let relays = "[{ transport: ws, cpu: 10m }, { transport: wt, cpu: 10m }]"
            return try run(
                scenario(
                    calls(
                        horizon: "40s", local: 0, across: 3,
                        sets: ["relay: { mailbox: 1, delivery-cost: 40us }"], faults: faults,
                        deployment: Place.two(relays: relays))))
        }
        let nudged = try overload(Self.nudges("us/sgp", from: 5))
        #expect(nudged.lost(.mailboxFull) > 100)
        expectEqual(nudged, try overload(Self.one("us/sgp", from: 5)))
    }
}
