import ArgumentParser
import Report
import Scenario

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of scenario files.",
        discussion: """
            An editor with a YAML language server completes and checks scenarios with it.

            EXAMPLE
              antipode schema > scenario.schema.json
            """)

    func run() throws { Screen.output(ScenarioSchema.json()) }
}
