public import ArgumentParser
import Foundation
import Report
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

extension TextStyle {
    /// For standard output.
    static var output: TextStyle {
        detect(isTerminal: Screen.outputIsTerminal, environment: ProcessInfo.processInfo.environment)
    }
}
