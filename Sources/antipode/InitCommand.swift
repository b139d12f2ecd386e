import ArgumentParser
import Foundation
import Report
import Scenario

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented deployment and scenario to start from.",
        discussion: """
            Writes my-deployment.yaml and my-scenario.yaml, which run as they are. Files that are there already are \
            left alone unless --force is given.

            EXAMPLE
              antipode init rehearsals --regions frankfurt,sydney
            """)

    @Argument(help: "Where to write; created if it is not there.")
    var directory = "."

    @Option(help: ArgumentHelp("Names of your two regions.", valueName: "first,second"))
    var regions = "east,west"

    @Flag(help: "Write over files that are there already.")
    var force = false

    func validate() throws {
        let names = regionNames
        let isName = { (name: String) in
            !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
        }
        guard names.count == 2, names[0] != names[1], names.allSatisfy(isName) else {
            throw ValidationError("--regions needs two different names of letters, digits, '-' and '_'")
        }
    }

    func run() throws {
        try reportingFailure {
            let files = try Starter(directory: directory, first: regionNames[0], second: regionNames[1])
                .write(overwrites: force)
            let command = "\(shellQuoted(calledProgram)) run \(shellQuoted(files[1]))"
            Screen.output(files.map { "wrote \($0)\n" }.joined() + "next: \(command)\n")
        }
    }

    private var regionNames: [String] {
        regions.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
}
