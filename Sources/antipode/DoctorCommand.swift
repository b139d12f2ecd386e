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
                Screen.output(DoctorReport.text(Capabilities.probe(server: server), cleaned: cleaned))
            } catch let error as FabricError {
                throw FileError(description: "\(error)")
            }
        }
    }
}

/// What the doctor says.
enum DoctorReport {
    static func text(_ found: Capabilities, cleaned: [Leftover]) -> String {
        let server = found.server.map { server in
            server.version.map { "\(server.path) (\($0))" } ?? "\(server.path) does not run"
        }
        var rows = [
            ("nats-server", server ?? "none on the PATH; name one with --server"),
            ("namespaces", state(found.namespaces)), ("TUN devices", state(found.devices)),
            ("congestion control", found.congestionControl), ("cores", "\(found.cores)"),
        ]
        rows += cleaned.map { ("cleaned", $0.directory) }
        rows += found.leftovers.map { ("left behind", describe($0)) }
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }
        let hint = found.leftovers.isEmpty ? "" : "antipode doctor --clean removes what was left behind\n"
        return lines.joined() + hint
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
