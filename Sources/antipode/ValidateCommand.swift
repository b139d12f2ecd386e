import ArgumentParser
import Experiment
import Report
import Scenario

/// Which calibration scenarios are taken.
enum SuiteChoice: String, ExpressibleByArgument, CaseIterable {
    case healthy, burst, partition, kill, throttle, all

    func contains(_ suite: Calibration.Suite) -> Bool { self == .all || rawValue == suite.rawValue }
}

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Hold the model against real servers.",
        discussion: """
            Runs calibration scenarios on the model and on real servers, in real time, and compares the responses \
            that they name: the simulated median must lie in the measured range, widened by a margin. Where no server \
            of the deployment's behaviour is given or found, or the machine allows no namespaces, the ranges that the \
            scenario keeps of earlier measurements take the place of real servers; with --stored always.

            The exit code is 0 if all pass, 1 if any fails, else 2 if any is inconclusive; 65 if a file is wrong.

            EXAMPLE
              antipode validate
              antipode validate --suite burst --server ./nats-server --live-runs 5
              antipode validate --stored
              antipode validate --report docs/validation.md
            """)

    /// Where the calibration scenarios of this project are.
    static let defaultFolder = "scenarios/calibration"

    @Argument(help: ArgumentHelp("Scenario files; those of scenarios/calibration if not given.", valueName: "file"))
    var files: [String] = []

    @Option(help: "Which of them to take.")
    var suite = SuiteChoice.all

    @Flag(help: "Compare with stored measurements; start no servers.")
    var stored = false

    @Option(
        name: .customLong("server"), parsing: .singleValue,
        help: ArgumentHelp(
            "A nats-server to run; may be repeated, each scenario takes the first that fits. The one on the PATH if "
                + "not given.", valueName: "path"))
    var servers: [String] = []

    @Option(help: "Labs with real servers side by side.")
    var jobs = 4

    @Option(
        name: .customLong("live-runs"),
        help: ArgumentHelp("Runs of each scenario on real servers, instead of the scenario's number.", valueName: "n"))
    var liveRuns: Int?

    @Option(help: "Print a table for people, or one line of JSON.")
    var format = OutputFormat.text

    @Option(help: ArgumentHelp("Write the report to a file too; the screen gets the table.", valueName: "path"))
    var output: String?

    @Option(help: ArgumentHelp("Write a page in Markdown, with a picture in images beside it.", valueName: "path"))
    var report: String?

    func validate() throws {
        if !(1...64).contains(jobs) { throw ValidationError("--jobs must be 1 to 64") }
        if let liveRuns, !(1...1_000).contains(liveRuns) { throw ValidationError("--live-runs must be 1 to 1000") }
        if stored, !servers.isEmpty || liveRuns != nil {
            throw ValidationError("--stored starts no servers: leave out --server and --live-runs")
        }
    }

    func run() throws {
        try reportingFailure {
            let session = ValidateSession(
                suite: suite, isStored: stored, servers: servers, jobs: jobs, liveRuns: liveRuns, format: format,
                output: output, report: report)
            throw ExitCode(try session.run(files))
        }
    }
}
