import Measures
import ResultStore
import Testing

@testable import Experiment

private func result(
    _ run: Int64, _ values: [(String, String, Double?)], backend: RunBackend = .simulate, seed: UInt64 = 1
) -> ExperimentResult {
    var digest = digest(0, "none", "count", nil)
    digest.responses = values.map { ResponseValue(name: $0.0, unit: $0.1, value: $0.2) }
    if backend == .emulate {
        digest.emulation = EmulationRecord(
            serverVersion: "2.9.10", link: "namespaces", congestionControl: "reno", kernel: "Linux 6.1")
    }
    let identity = RunIdentity(
        scenario: "s", file: "s.yaml", seed: seed, horizon: 60, replicationsPlanned: 1, expectations: [],
        overrides: [], run: run, database: "r.db", backend: backend, hash: "h")
    return summarise(identity, replications: [digest], isInterrupted: false, cpuSeconds: 0, wallSeconds: 0)
}

@Test func rowsAreResponsesThatBothHave() {
    let comparison = Comparison(
        result(1, [("a.x", "s", 2), ("a.y", "s", 3), ("a.z", "s", nil)]),
        result(2, [("a.x", "s", 3), ("a.z", "s", 1), ("a.w", "ms", 1)]))
    #expect(comparison.rows.map(\.name) == ["a.x"])
    #expect(comparison.rows[0].difference == 1)
    #expect(comparison.rows[0].relative == 0.5)
    #expect(comparison.onlyFirst == ["a.y"])
    #expect(comparison.onlySecond == ["a.w", "a.z"])
}

@Test func neverAgainstNeverIsEqualAndAgainstAValueHasNoDifference() {
    let comparison = Comparison(
        result(1, [("a.x", "s", .infinity), ("a.y", "s", .infinity)]),
        result(2, [("a.x", "s", .infinity), ("a.y", "s", 1)]))
    #expect(comparison.rows.map(\.isEqual) == [true, false])
    #expect(comparison.rows[1].difference == nil)
    #expect(comparison.rows[1].relative == nil)
}

@Test func nothingIsRelativeToZero() {
    let comparison = Comparison(result(1, [("a.x", "count", 0)]), result(2, [("a.x", "count", 5)]))
    #expect(comparison.rows[0].difference == 5)
    #expect(comparison.rows[0].relative == nil)
}

@Test func anotherUnitIsAnotherResponse() {
    let comparison = Comparison(result(1, [("a.x", "s", 2)]), result(2, [("a.x", "ms", 2)]))
    #expect(comparison.rows.isEmpty)
    #expect(comparison.onlyFirst == ["a.x"])
    #expect(comparison.onlySecond == ["a.x"])
}

@Test func theFactsNameWhatDiffers() {
    let comparison = Comparison(result(1, []), result(2, [], backend: .emulate, seed: 2))
    #expect(comparison.facts.filter(\.differs).map(\.name) == ["back end", "seed"])
    #expect(comparison.facts[2].second == "emulate (nats-server 2.9.10, namespaces)")
}
