import ArgumentParser
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
}

/// Reads all files before it opens the database, runs them one after the other, and prints.
struct RunSession {
    var format: OutputFormat
    var database: String

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
        return plan(loaded, file: stored.file, settings, resumedRun: run)
    }

    private func plan(
        _ loaded: LoadedScenario, file: String, _ settings: PlanSettings, resumedRun: Int64?
    ) -> ExperimentPlan {
        for finding in loaded.findings { Screen.error("warning: \(finding)\n") }
        return ExperimentPlan(
            loaded: loaded, file: file, database: database, seed: settings.seed,
            replications: settings.replications, threads: settings.threads, executor: settings.executor,
            details: settings.details, resumedRun: resumedRun)
    }

    /// - Returns: the worst verdict.
    func run(_ plans: [ExperimentPlan]) throws -> Verdict {
        let store = try ResultStore.open(path: database)
        Interrupt.install()
        var verdicts: [Verdict] = []
        for (index, plan) in plans.enumerated() where !Interrupt.isRequested {
            if index > 0 && format == .text { Screen.output("\n") }
            let result = try runOne(plan, store)
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

    private func runOne(_ plan: ExperimentPlan, _ store: ResultStore) throws -> ExperimentResult {
        guard Screen.errorIsTerminal else { return try runExperiment(plan, simulate: simulate, store: store) }
        let line = ProgressLine(name: plan.loaded.scenario.name) { Screen.error($0) }
        defer { line.clear() }
        return try runExperiment(plan, simulate: simulate, store: store, progress: { line.show($0) })
    }
}
