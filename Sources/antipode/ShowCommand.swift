import ArgumentParser
import Experiment
import Report
import ResultStore

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print the summary of a run again.",
        discussion: """
            The numbers come from the database; nothing is simulated. antipode list gives the numbers of the runs.

            EXAMPLE
              antipode show 3
              antipode show 3 --format json
            """)

    @Argument(help: ArgumentHelp("Number of the run.", valueName: "run"))
    var number: Int64

    @Option(help: "Print a summary for people, or one line of JSON.")
    var format = OutputFormat.text

    @OptionGroup var database: DatabaseOption

    func run() throws {
        try reportingFailure {
            let store = try ResultStore.openReadOnly(path: database.path)
            let result = try storedResult(of: number, in: store, database: database.path)
            switch format {
            case .text: Screen.output(try Summary(result, in: store).text)
            case .json: Screen.output(try jsonReport(result) + "\n")
            }
        }
    }
}
