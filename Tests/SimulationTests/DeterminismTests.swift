import Measures
import Scenario
import Testing

@testable import Simulation

/// A small and busy rehearsal on the committed deployment: churn, and a fault in the middle.
private func rehearsal(_ name: String, _ overrides: [String] = []) throws -> Scenario {
    try committed(
        name,
        [
            "horizon=150s", "timeline.0.at=30s", "timeline.0.for=70s",
            "populations.vietnam.traffic.concurrent=2", "populations.americas.traffic.concurrent=1.5",
            "populations.vietnam.duration.mean=4min", "populations.americas.duration.mean=4min",
        ] + overrides)
}

@Suite struct DeterminismTests {
    @Test(arguments: ["region-loss", "region-loss-refused", "region-power-loss", "wan-partition"])
    func everyExecutorGivesTheSame(name: String) throws {
        try runEveryWay(rehearsal(name))
    }

    @Test(arguments: ["geo-dns", "proxied-dns", "pinned"])
    func everyExecutorGivesTheSameUnderSteering(_ steering: String) throws {
        try runEveryWay(rehearsal("region-loss", ["steering=\(steering)"]))
    }

    @Test func everyExecutorGivesTheSameFromAnEmptyStart() throws {
        try runEveryWay(rehearsal("region-loss", ["initial=empty"]))
    }
}
extension DeterminismTests {
    @Test func everyExecutorGivesTheSameInRandomScenarios() throws {
        var random = TestRandom(seed: 1)
        var done = 0
        var tries = 0
        var reasons: [String: Int] = [:]
        while done < 300 && tries < 1200 {
            tries += 1
            let text = RandomScenarios.text(&random)
            let made: Scenario
            do { made = try scenario(text) } catch { reasons["\(error)", default: 0] += 1; continue }
            done += 1
            let a = try simulate(made, replication: 0, options: SimulationOptions())
            let c = try simulate(made, replication: 0, options: SimulationOptions(executor: .reference))
            if !a.violations.isEmpty { print("VIOL", done, a.violations) }
            if a.fingerprint != c.fingerprint || a.ledger != c.ledger || a.events != c.events {
                print("DIFF", done, a.fingerprint == c.fingerprint, a.ledger == c.ledger, a.events, c.events)
            }
            if !a.violations.isEmpty || a.fingerprint != c.fingerprint {
                print(text.split(separator: "deployment")[0])
            }
        }
        print("INFO", tries, done)
        for r in reasons.sorted(by: { $0.value > $1.value }).prefix(5) { print("INFO", r) }
    }
}
