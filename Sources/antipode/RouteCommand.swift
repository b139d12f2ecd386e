public import ArgumentParser
public import NATSModel
import Report

/// Where routing cases run.
enum RouteBackendChoice: String, ExpressibleByArgument, CaseIterable {
    case simulate, emulate, both
}

/// How the results of routing cases are written.
enum RouteFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json, junit
}

extension ServerVersion: ExpressibleByArgument {
    public init?(argument: String) {
        guard let version = try? ServerVersion(parsing: argument) else { return nil }
        self = version
    }
}

struct RouteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route",
        abstract: "Check which messages reach whom, on the model and on real servers.",
        discussion: """
            Runs routing cases: files that state a topology, what clients and operators do, and who must get which \
            message. All files are read before anything runs. The text shows cases that did not hold or were not run, \
            and how many passed; --verbose names them all.

            With --random it makes up programs instead, runs them on the model and on real servers, and compares who \
            got what. A disagreement is shrunk to a small case file that joins the others.

            The exit code is 1 if an expectation did not hold, 2 if a case could not be run on this machine or none \
            was run, else 0; 65 if a file is wrong, 64 for a wrong command line. Cases of other nats-server releases \
            are skipped unless --all-versions is given.

            EXAMPLE
              antipode route
              antipode route scenarios/routing --backend both --filter queue
              antipode route my-case.yaml --backend emulate --server ./nats-server
              antipode route --format junit --output route.xml
              antipode route --random 500 --seed 7
            """)

    /// Where the cases of this project are.
    static let defaultFolder = "scenarios/routing"

    @Argument(help: ArgumentHelp("Case files, or folders of them.", valueName: "case"))
    var cases: [String] = [RouteCommand.defaultFolder]

    @Option(
        help: "Run on the model (if not given), on real servers, or on both and compare (always with --random).")
    var backend: RouteBackendChoice?

    @Option(help: ArgumentHelp("Make up so many programs and run them on both.", valueName: "programs"))
    var random: Int?

    @Option(help: "Decides which programs are made up; 1 if not given.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("Where the cases that --random finds are written.", valueName: "folder"))
    var found = "scenarios/routing"

    @Option(help: ArgumentHelp("The nats-server to run; the one on the PATH if not given.", valueName: "path"))
    var server: String?

    @Option(
        name: .customLong("server-version"),
        help: ArgumentHelp(
            "The release that the model stands for; that of the real server, or 2.9.10, if not given.",
            valueName: "version"))
    var serverVersion: ServerVersion?

    @Flag(name: .customLong("all-versions"), help: "Run cases that are meant for other releases too.")
    var allVersions = false

    @Option(help: ArgumentHelp("Run only cases with this text in their title or file name.", valueName: "text"))
    var filter: String?

    @Option(help: "Cases to run side by side; one on each core, three with real servers, if not given.")
    var jobs: Int?

    @Option(help: "Print text for people, one line of JSON, or JUnit XML.")
    var format = RouteFormat.text

    @Option(help: ArgumentHelp("Write the whole report to a file too; the screen stays as it is.", valueName: "path"))
    var output: String?

    @Flag(name: .shortAndLong, help: "Name every case in the text, not only those that did not pass.")
    var verbose = false

    func validate() throws {
        if let jobs, !(1...256).contains(jobs) { throw ValidationError("--jobs must be 1 to 256") }
        if let random {
            guard (1...1_000_000).contains(random) else { throw ValidationError("--random must be 1 to 1000000") }
            if backend == .simulate || backend == .emulate {
                throw ValidationError("--random compares the model with real servers: leave out --backend")
            }
            if format != .text || filter != nil || allVersions || verbose {
                throw ValidationError(
                    "--format, --filter, --all-versions and --verbose are about case files, not --random")
            }
        } else if seed != nil {
            throw ValidationError("--seed needs --random")
        }
        if choice == .simulate, server != nil { throw ValidationError("--server needs --backend emulate or both") }
        if backend == .emulate, serverVersion != nil {
            throw ValidationError("--server-version is the model's; give --backend simulate or both")
        }
    }

    private var choice: RouteBackendChoice { backend ?? (random == nil ? .simulate : .both) }

    func run() throws {
        try reportingFailure {
            let backends = try RouteBackends(choice: choice, server: server, version: serverVersion)
            if let random {
                let session = FuzzSession(
                    backends: backends, programs: random, seed: seed ?? 1, jobs: jobs, folder: found, output: output)
                throw ExitCode(try session.run())
            }
            let session = RouteSession(
                backends: backends, runsAllVersions: allVersions, jobs: jobs, format: format, listsAll: verbose,
                output: output)
            throw ExitCode(try session.run(try RouteFiles.load(cases, filter: filter)))
        }
    }
}
