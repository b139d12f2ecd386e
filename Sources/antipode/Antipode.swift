import ArgumentParser
import Experiment

@main
struct Antipode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "antipode",
        abstract: "Rehearses a two-region call service before the outage does.",
        discussion: """
            Describe your deployment and a failure in a file; antipode simulates it message by message and says what \
            callers saw: how long they waited, what they lost and why, who came back.

            EXAMPLE
              antipode init
              antipode run my-scenario.yaml

            EXIT CODES
              0   everything that was expected held
              1   an expectation or an invariant did not hold, or a run broke off
              2   inconclusive: more replications needed, or interrupted
              64  the command line is wrong
              65  a scenario, a routing case, a database or the number of a run is wrong
            """,
        version: antipodeVersion,
        subcommands: [
            RunCommand.self, ListCommand.self, ShowCommand.self, ExplainCommand.self, SchemaCommand.self,
            InitCommand.self, ReferenceCommand.self, RouteCommand.self, CompareCommand.self, ValidateCommand.self,
            DoctorCommand.self,
        ])
}
