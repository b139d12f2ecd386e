import ArgumentParser
import Emulation
import EventKernel
import Experiment
import Foundation
import Report
import ResultStore
import Scenario
import Simulation
import Statistics

/// What the command line says about how to run, the same for all files.
struct PlanSettings {
    var seed: UInt64?
    var replications: Int?
    var threads: Int?
    var executor: SimulationOptions.Executor
    var details: DetailPolicy
    var backend: RunBackend
}

/// What the command line says about real servers.
struct ServerSettings {
    /// `nil`: the one on the `PATH`.
    var path: String?
    var link: LinkKind
    var keepLogs: String?
}

/// Reads all files before it opens the database, runs them one after the other, and prints.
struct RunSession {
    var format: OutputFormat
    var database: String
    var servers: ServerSettings

    /// - Throws: `ExitCode.badData` after the first mistake of each file was printed.
    func plans(_ files: [String], overrides: [String], with settings: PlanSettings) throws -> [ExperimentPlan] {
        var plans: [ExperimentPlan] = []
        var mistakes = 0
        for file in files {
            do throws(ScenarioError) {
                let loaded = try ScenarioReader.load(path: file, overrides: overrides)
                plans.append(plan(loaded, file: file, settings, resumedRun: nil))
            } catch {
                Screen.error("\(error)\n")
                mistakes += 1
            }
        }
        if mistakes > 0 { throw ExitCode.badData }
        return plans
    }

    /// The plan of an earlier run, from what its database says.
    func plan(resuming run: Int64, with settings: PlanSettings) throws -> ExperimentPlan {
        let store = try ResultStore.openReadOnly(path: database)
        guard let stored = try store.run(run)?.description else {
            throw ResultStoreError("no run \(run) in \(database)")
        }
        let loaded = try ScenarioReader.load(path: stored.file, overrides: stored.overrides)
        var settings = settings
        settings.seed = stored.seed
        settings.replications = stored.replications
        settings.backend = stored.backend
        return plan(loaded, file: stored.file, settings, resumedRun: run)
    }

    private func plan(
        _ loaded: LoadedScenario, file: String, _ settings: PlanSettings, resumedRun: Int64?
    ) -> ExperimentPlan {
        for finding in loaded.findings { Screen.error("warning: \(finding)\n") }
        return ExperimentPlan(
            loaded: loaded, file: file, database: database, seed: settings.seed,
            replications: settings.replications, threads: settings.threads, executor: settings.executor,
            details: settings.details, resumedRun: resumedRun, backend: settings.backend)
    }

    /// - Returns: the worst verdict.
    /// - Throws: before the database is touched, `FileError` if the nats-server does not fit a deployment, and
    ///   `ExitCode(2)` if this machine cannot run real servers.
    func run(_ plans: [ExperimentPlan]) throws -> Verdict {
        try run(plans, on: try plans.map(runner))
    }

    /// - Parameter runners: for each plan, what runs its replications.
    func run(_ plans: [ExperimentPlan], on runners: [ReplicationRunner]) throws -> Verdict {
        let store = try ResultStore.open(path: database)
        Interrupt.install()
        var verdicts: [Verdict] = []
        for (index, plan) in plans.enumerated() where !Interrupt.isRequested {
            if index > 0 && format == .text { Screen.output("\n") }
            let result = try runOne(plan, runners[index], store)
            switch format {
            case .text: Screen.output(try Summary(result, in: store).text)
            case .json: Screen.output(try jsonReport(result) + "\n")
            }
            verdicts.append(result.verdict)
        }
        // Files that never had their turn leave the whole open.
        if verdicts.count < plans.count { verdicts.append(.inconclusive) }
        return Verdict.overall(verdicts)
    }

    private func runner(_ plan: ExperimentPlan) throws -> ReplicationRunner {
        if plan.backend == .simulate { return simulate }
        let executable = try Servers.executable(servers.path)
        if let mismatch = Servers.mismatch(executable.version, plan.loaded.scenario.deployment) {
            throw FileError(
                description: "\(plan.file): \(mismatch); name another with --server, or set the region's nats.version")
        }
        let namespaces = Fabric.namespacesAvailable
        if servers.link == .namespaces, !namespaces.isAvailable {
            Screen.error("antipode: --link namespaces: \(namespaces.reason)\n")
            throw ExitCode(2)
        }
        return EmulationSettings(executable: executable, link: servers.link, keepLogs: servers.keepLogs).runner
    }

    private func runOne(
        _ plan: ExperimentPlan, _ runner: @escaping ReplicationRunner, _ store: ResultStore
    ) throws -> ExperimentResult {
        guard Screen.errorIsTerminal else { return try runExperiment(plan, simulate: runner, store: store) }
        if plan.backend == .emulate { Screen.error(realTimeText(plan)) }
        let line = ProgressLine(name: plan.loaded.scenario.name) { Screen.error($0) }
        defer { line.clear() }
        return try runExperiment(plan, simulate: runner, store: store, progress: { line.show($0) })
    }

    /// Whoever is used to the model's speed is warned.
    private func realTimeText(_ plan: ExperimentPlan) -> String {
        let seconds = plan.loaded.scenario.horizon.seconds * Double(plan.replications)
        let length = seconds < 120 ? "\(Int(seconds.rounded(.up))) s" : "\(Int((seconds / 60).rounded(.up))) min"
        return "\(plan.loaded.scenario.name) runs on real servers in real time: about \(length)\n"
    }
}
