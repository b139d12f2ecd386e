public import ArgumentParser
import Experiment
import Foundation
import Report
import ResultStore
public import Simulation

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

extension SimulationOptions.Executor: ExpressibleByArgument {}

struct DatabaseOption: ParsableArguments {
    @Option(
        name: .customLong("database"),
        help: ArgumentHelp("The result database, a SQLite file.", valueName: "path"))
    var path = defaultDatabase
}

/// The program as the user called it, so that a proposed command can be pasted whether or not it is on the PATH.
var calledProgram: String { CommandLine.arguments.first ?? programName }

extension Summary {
    /// The summary of a run that is in the database, for standard output.
    init(_ result: ExperimentResult, in store: ResultStore) throws {
        let calls = try store.costliestCalls(of: result.identity.run, limit: 3)
        self.init(result, style: .output, program: calledProgram, calls: calls)
    }
}

extension TextStyle {
    /// For standard output.
    static var output: TextStyle {
        detect(isTerminal: Screen.outputIsTerminal, environment: ProcessInfo.processInfo.environment)
    }
}
