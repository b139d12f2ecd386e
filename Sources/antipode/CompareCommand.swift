import ArgumentParser
import Experiment
import Foundation
import Report
import ResultStore

/// The number of a run, or the newest one.
struct RunArgument: ExpressibleByArgument {
    /// `nil`: the newest.
    var number: Int64?

    init?(argument: String) {
        if argument == "latest" { return }
        guard let number = Int64(argument) else { return nil }
        self.number = number
    }

    /// - Throws: `ResultStoreError` if there is no run at all.
    func resolve(in store: ResultStore, database: String) throws -> Int64 {
        if let number { return number }
        guard let newest = try store.runs().first else { throw ResultStoreError("no runs in \(database)") }
        return newest.id
    }
}

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Lay two runs side by side, whatever they ran on.",
        discussion: """
            Shows what differs between the runs (back end, version, seed, scenario), then the responses that both \
            have: the mean over replications with its 95 % interval, the difference of the second to the first, and \
            that in percent of the first. "latest" stands for the newest run. The numbers come from the database.

            EXAMPLE
              antipode compare 3 4
              antipode compare 3 latest --filter stream. --all
            """)

    @Argument(help: ArgumentHelp("Number of a run, or latest.", valueName: "run"))
    var first: RunArgument

    @Argument(help: ArgumentHelp("The run to compare it with.", valueName: "other"))
    var second: RunArgument

    @Flag(name: .customLong("all"), help: "Show the responses that are equal too.")
    var showsAll = false

    @Option(help: ArgumentHelp("Only responses with this text in their names.", valueName: "text"))
    var filter: String?

    @Option(help: "Print a table for people, or one line of JSON with all responses.")
    var format = OutputFormat.text

    @OptionGroup var database: DatabaseOption

    func run() throws {
        try reportingFailure {
            let store = try ResultStore.openReadOnly(path: database.path)
            let results = try [first, second].map { run in
                let number = try run.resolve(in: store, database: database.path)
                return try storedResult(of: number, in: store, database: database.path)
            }
            let comparison = Comparison(results[0], results[1])
            switch format {
            case .text:
                let text = ComparisonText(comparison, showsAll: showsAll, filter: filter, style: .output)
                Screen.output(text.text)
            case .json: Screen.output(try comparisonJSON(comparison, filter: filter) + "\n")
            }
        }
    }
}
