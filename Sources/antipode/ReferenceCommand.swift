import ArgumentParser
import Report
import Scenario

struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference",
        abstract: "Print the reference page of the scenario format.",
        discussion: """
            Every key with its meaning, unit, default, source and certainty, in Markdown.

            EXAMPLE
              antipode reference | less
            """)

    func run() throws { Screen.output(ReferencePage.markdown()) }
}
