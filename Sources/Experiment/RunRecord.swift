import EventKernel
import Foundation
import Measures
import ResultStore
import Scenario
import Statistics

/// A replication that has ended and is not recorded yet.
struct FinishedReplication: Sendable {
    var number: Int
    var outcome: Outcome
    var cost: Cost
}

/// The run of an experiment in its database: opened or taken up again, filled and closed.
struct RunRecord {
    private let plan: ExperimentPlan
    private let store: ResultStore
    private let run: Int64
    private var digests: [ReplicationDigest]
    /// Cost of the run before it was resumed.
    private var earlier = Cost(wallSeconds: 0, cpuSeconds: 0)

    /// - Throws: `ResultStoreError`; `ResumeError` if the run to resume is finished or is not of this plan.
    init(plan: ExperimentPlan, store: ResultStore) throws {
        self.plan = plan
        self.store = store
        guard let resumed = plan.resumedRun else {
            run = try store.beginRun(Self.describe(plan))
            digests = []
            return
        }
        let summary = try Self.unfinished(resumed, store, plan: plan)
        try store.resume(run: resumed)
        run = resumed
        digests = try recordedDigests(of: resumed, in: store)
        earlier = Cost(wallSeconds: summary.wallSeconds ?? 0, cpuSeconds: summary.cpuSeconds ?? 0)
    }

    /// Numbers of the replications to run, ascending.
    var missing: [Int] {
        let present = Set(digests.map(\.index))
        return (0..<plan.replications).filter { !present.contains($0) }
    }

    mutating func add(_ finished: FinishedReplication) throws {
        try store.record(
            run: run, replication: finished.number, outcome: finished.outcome, wall: finished.cost.wallSeconds,
            cpu: finished.cost.cpuSeconds, keepDetail: plan.details == .all || finished.number == 0)
        digests.append(ReplicationDigest(index: finished.number, outcome: finished.outcome))
    }

    /// Writes estimates and verdicts.
    ///
    /// - Throws: `failure`, after the run was marked as interrupted.
    mutating func close(failure: ExperimentError?, wasCancelled: Bool, cost: Cost) throws -> ExperimentResult {
        digests.sort { $0.index < $1.index }
        let identity = RunIdentity(
            loaded: plan.loaded, file: plan.file, replications: plan.replications, run: run,
            database: plan.database, backend: plan.backend)
        let result = summarise(
            identity, replications: digests, isInterrupted: wasCancelled || failure != nil,
            cpuSeconds: earlier.cpuSeconds + cost.cpuSeconds, wallSeconds: earlier.wallSeconds + cost.wallSeconds)
        try store.finish(run: run, RunConclusion(result, finishedUTC: utcNow()))
        if let failure { throw failure }
        return result
    }

    private static func unfinished(_ run: Int64, _ store: ResultStore, plan: ExperimentPlan) throws -> RunSummary {
        guard let summary = try store.run(run) else { throw ResumeError("no run \(run) in \(plan.database)") }
        guard summary.state != .finished else { throw ResumeError("run \(run) is finished already") }
        let stored = summary.description
        let isSame = stored.hash == plan.loaded.hash && stored.seed == plan.loaded.scenario.seed
        guard isSame, stored.replications == plan.replications else {
            throw ResumeError("run \(run) had other inputs: \(stored.file) has changed since")
        }
        guard stored.backend == plan.backend else {
            throw ResumeError("run \(run) had the back end \(stored.backend.rawValue)")
        }
        guard stored.toolVersion == antipodeVersion else {
            throw ResumeError("run \(run) was made by version \(stored.toolVersion), this is \(antipodeVersion)")
        }
        return summary
    }

    private static func describe(_ plan: ExperimentPlan) -> RunDescription {
        RunDescription(
            name: plan.loaded.scenario.name, file: plan.file, scenarioText: plan.loaded.text,
            deploymentText: plan.loaded.deploymentText, hash: plan.loaded.hash, overrides: plan.loaded.overrides,
            seed: plan.loaded.scenario.seed, replications: plan.replications, threads: plan.threads,
            toolVersion: antipodeVersion, host: ProcessInfo.processInfo.hostName,
            cores: ProcessInfo.processInfo.processorCount, startedUTC: utcNow(), backend: plan.backend)
    }
}

extension RunIdentity {
    init(
        loaded: LoadedScenario, file: String, replications: Int, run: Int64, database: String, backend: RunBackend
    ) {
        self.init(
            scenario: loaded.scenario.name, file: file, seed: loaded.scenario.seed,
            horizon: loaded.scenario.horizon.seconds, replicationsPlanned: replications,
            expectations: loaded.scenario.expectations, overrides: loaded.overrides, run: run, database: database,
            backend: backend, hash: loaded.hash)
    }
}

extension RunConclusion {
    /// What the database keeps of a result beside its replications.
    init(_ result: ExperimentResult, finishedUTC: String) {
        let estimates = result.responses.map { response in
            StoredEstimate(
                response: response.name, unit: response.unit, mean: response.mean, halfWidth: response.halfWidth,
                n: response.mean == nil ? 0 : response.observed + response.never, level: confidenceLevel)
        }
        let expectations = result.expectations.map { judged in
            let name = judged.expectation.response
            return StoredExpectation(
                text: judged.expectation.text, response: name,
                unit: judged.estimate?.unit ?? ResponseCatalogue.definition(named: name)?.unit ?? "number",
                atLeast: judged.expectation.atLeast, atMost: judged.expectation.atMost,
                verdict: judged.verdict.rawValue)
        }
        self.init(
            state: result.isInterrupted ? .interrupted : .finished,
            verdict: result.isInterrupted ? nil : result.verdict.rawValue,
            fingerprint: result.hasFingerprint ? result.fingerprint : nil, estimates: estimates,
            expectations: expectations, finishedUTC: finishedUTC, wallSeconds: result.wallSeconds,
            cpuSeconds: result.cpuSeconds)
    }
}

/// The replications that a run has in its database, by number.
func recordedDigests(of run: Int64, in store: ResultStore) throws -> [ReplicationDigest] {
    try store.completedReplications(of: run).compactMap { number in
        try store.outcome(of: run, replication: number).map { ReplicationDigest(index: number, outcome: $0) }
    }
}

/// The present time as the database writes it.
private func utcNow() -> String { Date.now.formatted(.iso8601) }
