import ArgumentParser
import Report
import ResultStore

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the runs of a database, newest first.",
        discussion: """
            A run that was killed cannot say so and stays "running?"; antipode run --resume finishes it.

            EXAMPLE
              antipode list
            """)

    @OptionGroup var database: DatabaseOption

    func run() throws {
        try reportingFailure {
            let store = try ResultStore.openReadOnly(path: database.path)
            Screen.output(runList(try store.runs(), database: database.path, style: .output))
        }
    }
}
