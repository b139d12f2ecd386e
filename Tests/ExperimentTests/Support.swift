import EventKernel
import Experiment
import Foundation
import Measures
import ResultStore
import Scenario
import Simulation
import Synchronization

/// A folder for the files of one test; gone with it.
final class Scratch: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("antipode-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func store() throws -> ResultStore { try ResultStore.open(path: file("results.db")) }

    /// The starter scenario with its deployment beside it.
    func scenario(overrides: [String] = []) throws -> LoadedScenario {
        try Data(InitTemplates.deployment().utf8).write(to: URL(fileURLWithPath: file("my-deployment.yaml")))
        try Data(InitTemplates.scenario().utf8).write(to: URL(fileURLWithPath: file("s.yaml")))
        return try ScenarioReader.load(path: file("s.yaml"), overrides: overrides)
    }

    func plan(
        replications: Int = 6, threads: Int = 1, seed: UInt64 = 7, details: DetailPolicy = .first,
        resumedRun: Int64? = nil
    ) throws -> ExperimentPlan {
        ExperimentPlan(
            loaded: try scenario(), file: file("s.yaml"), database: "results.db", seed: seed,
            replications: replications, threads: threads, executor: .windows, details: details,
            resumedRun: resumedRun)
    }
}

/// Remembers which replications were run, from any thread.
final class Calls: Sendable {
    private let numbers = Mutex<[UInt32]>([])

    var sorted: [UInt32] { numbers.withLock { $0.sorted() } }
    var count: Int { numbers.withLock { $0.count } }

    func add(_ number: UInt32) { numbers.withLock { $0.append(number) } }
}

/// A runner that remembers its calls.
func recordingRunner(_ calls: Calls) -> ReplicationRunner {
    { scenario, replication, _ in
        calls.add(replication)
        return fakeOutcome(scenario, replication)
    }
}

extension ExperimentResult {
    /// Without what may differ between two runs of the same experiment.
    var reproducible: ExperimentResult {
        var result = self
        result.cpuSeconds = 0
        result.wallSeconds = 0
        result.identity.run = 0
        return result
    }
}

/// A replication with one response and nothing else.
func digest(_ index: Int, _ name: String, _ unit: String, _ value: Double?) -> ReplicationDigest {
    ReplicationDigest(
        index: index, fingerprint: UInt64(index + 1), ledger: Ledger(),
        responses: [ResponseValue(name: name, unit: unit, value: value)], stations: [], faults: [], events: 0,
        violations: [], assumptions: [])
}
