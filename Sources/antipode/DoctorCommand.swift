import ArgumentParser
import Emulation
import Report

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what this machine can emulate, and what killed runs left behind.",
        discussion: """
            Each thing is tried, not guessed. With --clean the folders of labs whose owner is dead are removed, and \
            their servers ended if any still run.

            The exit code is 0 if a nats-server can be run, 2 if not: then nothing can be emulated. With --clean it is \
            0 once all is clean.

            EXAMPLE
              antipode doctor
              antipode doctor --clean
            """)

    @Option(help: ArgumentHelp("The nats-server to look at; the one on the PATH if not given.", valueName: "path"))
    var server: String?

    @Flag(help: "Remove what killed runs left behind.")
    var clean = false

    func run() throws {
        try reportingFailure {
            do {
                let cleaned = clean ? try Leftovers.clean() : []
                let found = Capabilities.probe(server: server ?? NATSExecutable.path())
                Screen.output(DoctorReport.text(found, cleaned: cleaned))
                if !clean, !DoctorReport.canEmulate(found) { throw ExitCode(2) }
            } catch let error as FabricError {
                throw FileError(description: "\(error)")
            }
        }
    }
}

/// What the doctor says.
enum DoctorReport {
    static func text(_ found: Capabilities, cleaned: [Leftover]) -> String {
        var rows = [
            ("nats-server", server(found)),
            ("namespaces", state(found.namespaces)), ("TUN devices", state(found.devices)),
            ("CPU quotas", state(found.quotas)), ("memory limits", state(found.memoryLimits)),
            ("congestion control", found.congestionControl), ("cores", "\(found.cores)"),
        ]
        rows.append(("routing cases", cases(found)))
        rows += cleaned.map { ("cleaned", $0.directory) }
        rows += found.leftovers.map { ("left behind", describe($0)) }
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }
        let hint = found.leftovers.isEmpty ? "" : "antipode doctor --clean removes what was left behind\n"
        return lines.joined() + hint
    }

    /// Whether there is a server to run.
    static func canEmulate(_ found: Capabilities) -> Bool { version(found) != nil }

    private static func version(_ found: Capabilities) -> NATSExecutable? {
        guard let server = found.server, server.version != nil else { return nil }
        return try? NATSExecutable(path: server.path)
    }

    private static func server(_ found: Capabilities) -> String {
        guard let server = found.server else { return "none on the PATH; name one with --server" }
        if let version = version(found)?.version { return "\(version), \(server.path)" }
        guard let said = server.version else { return "\(server.path) does not run" }
        return "\(server.path) is none: --version says '\(said)'"
    }

    /// What it comes to for `antipode route`.
    private static func cases(_ found: Capabilities) -> String {
        if !canEmulate(found) { return "on the model only" }
        if found.namespaces.isAvailable, found.devices.isAvailable { return "all can run on real servers" }
        return "those with delays or cuts (`wan`, `cut`) run on the model only, the others on real servers too"
    }

    private static func state(_ availability: Availability) -> String {
        availability.isAvailable ? "yes" : "no: \(availability.reason)"
    }

    private static func describe(_ leftover: Leftover) -> String {
        let owner = leftover.program ?? "a program"
        let children = leftover.children.isEmpty ? "" : ", \(leftover.children.count) servers still run"
        return "\(leftover.directory) of \(owner) (process \(leftover.ownerPID)\(children))"
    }
}
