import EventKernel
import Measures
public import ResultStore
import Scenario
import Statistics

/// The result of a run that is in a database, as the run itself printed it.
///
/// A finished run keeps the verdicts it got. The numbers are estimated again from its replications, by the same code.
/// - Parameter database: its path, for the report.
/// - Throws: `ResultStoreError`, also if there is no such run.
public func storedResult(of run: Int64, in store: ResultStore, database: String) throws -> ExperimentResult {
    guard let summary = try store.run(run) else { throw ResultStoreError("no run \(run) in \(database)") }
    let stored = summary.description
    let expectations = try store.expectations(of: run)
    let scenario = currentScenario(stored)
    let identity = RunIdentity(
        scenario: stored.name, file: stored.file, seed: stored.seed, horizon: scenario?.horizon.seconds,
        replicationsPlanned: stored.replications,
        expectations: expectations.isEmpty
            ? scenario?.expectations ?? []
            : expectations.map {
                Expectation(response: $0.response, atLeast: $0.atLeast, atMost: $0.atMost, text: $0.text)
            },
        overrides: stored.overrides, run: run, database: database, backend: stored.backend, hash: stored.hash,
        toolVersion: stored.toolVersion)
    var result = summarise(
        identity, replications: try recordedDigests(of: run, in: store), isInterrupted: summary.state != .finished,
        cpuSeconds: summary.cpuSeconds ?? 0, wallSeconds: summary.wallSeconds ?? 0)
    for (index, expectation) in expectations.enumerated() {
        result.expectations[index].verdict = Verdict(rawValue: expectation.verdict) ?? .inconclusive
    }
    if let verdict = summary.verdict.flatMap(Verdict.init(rawValue:)) { result.verdict = verdict }
    return result
}

/// The scenario as the run had it; `nil` if the deployment that it names has changed or gone since.
private func currentScenario(_ stored: RunDescription) -> Scenario? {
    let loaded = try? ScenarioReader.parse(
        text: stored.scenarioText, file: stored.file, overrides: stored.overrides)
    return loaded?.hash == stored.hash ? loaded?.scenario : nil
}
