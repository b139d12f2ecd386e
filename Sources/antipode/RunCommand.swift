public import ArgumentParser
public import Emulation
public import Experiment
import Report
public import ResultStore
import Simulation

extension DetailPolicy: ExpressibleByArgument {}
extension RunBackend: ExpressibleByArgument {}
extension LinkKind: ExpressibleByArgument {}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run scenarios and judge what they expect.",
        discussion: """
            Prints one summary for each file, or one line of JSON, and records the runs in the database. The same \
            file and seed give the same fingerprint on any machine, whatever the number of threads. Ctrl-C keeps the \
            replications that are finished; --resume runs the others.

            With --backend emulate the same scenario runs on real nats-server processes behind an emulated link, in \
            real time: it takes as long as its horizon, once unless --replications is given. If the machine was too \
            busy for that to be faithful, the verdict is inconclusive.

            With several files the exit code is the worst one: fail (1), then inconclusive (2), then pass (0).

            EXAMPLE
              antipode run scenarios/region-loss.yaml --seed 7
              antipode run scenarios/baseline.yaml --set horizon=20min --format json
            """)

    @Argument(help: ArgumentHelp("Scenario files.", valueName: "file"))
    var files: [String] = []

    @Option(help: "Seed of all random numbers, instead of the scenario's.")
    var seed: UInt64?

    @Option(help: "How many times to run each scenario, instead of the scenario's number.")
    var replications: Int?

    @Option(help: "Threads to use; all cores if not given. Never changes a result.")
    var threads: Int?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Override a setting, as in horizon=10min; may be repeated.", valueName: "key=value"))
    var overrides: [String] = []

    @Option(help: "Print a summary for people, or JSON with one line for each run.")
    var format = OutputFormat.text

    @Option(help: "Which replications keep their series by second, setups and journal.")
    var keep = DetailPolicy.first

    @Option(help: ArgumentHelp("Run what is missing of an interrupted run.", valueName: "run"))
    var resume: Int64?

    @Option(help: "Run on the model (if not given), or on real servers.")
    var backend: RunBackend?

    @Option(help: ArgumentHelp("The nats-server to run; the one on the PATH if not given.", valueName: "path"))
    var server: String?

    @Option(help: "What joins the regions of real servers; automatic takes namespaces where they are allowed.")
    var link: LinkKind?

    @Option(
        name: .customLong("keep-logs"),
        help: ArgumentHelp("Keep configurations and logs of real servers in this folder.", valueName: "folder"))
    var keepLogs: String?

    @Option(help: .hidden)
    var executor = SimulationOptions.Executor.windows

    @OptionGroup var database: DatabaseOption

    func validate() throws {
        if resume == nil && files.isEmpty { throw ValidationError("Missing expected argument '<file> ...'") }
        let isAltered =
            !files.isEmpty || seed != nil || replications != nil || !overrides.isEmpty || backend != nil
        if resume != nil && isAltered {
            throw ValidationError("--resume takes file, seed, replications, settings and back end from the run")
        }
        let isForServers = server != nil || link != nil || keepLogs != nil
        if isForServers, resume == nil, backend != .emulate {
            throw ValidationError("--server, --link and --keep-logs need --backend emulate")
        }
        if let replications, !(1...10_000).contains(replications) {
            throw ValidationError("--replications must be 1 to 10000")
        }
        if let threads, !(1...1_024).contains(threads) { throw ValidationError("--threads must be 1 to 1024") }
        for override in overrides where override.firstIndex(of: "=").map({ $0 > override.startIndex }) != true {
            throw ValidationError("--set needs key=value, not '\(override)'")
        }
    }

    func run() throws {
        try reportingFailure {
            let session = RunSession(
                format: format, database: database.path,
                servers: ServerSettings(path: server, link: link ?? .automatic, keepLogs: keepLogs))
            let plans =
                try resume.map { [try session.plan(resuming: $0, with: settings)] }
                ?? session.plans(files, overrides: overrides, with: settings)
            throw ExitCode(try session.run(plans))
        }
    }

    private var settings: PlanSettings {
        PlanSettings(
            seed: seed, replications: replications, threads: threads, executor: executor, details: keep,
            backend: backend ?? .simulate)
    }
}
