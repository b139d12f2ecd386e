import Foundation
import Scenario

/// A file or folder that cannot be written.
struct FileError: Error, CustomStringConvertible {
    var description: String
}

/// The two files that `init` writes.
struct Starter {
    var directory: String
    var first: String
    var second: String

    /// - Returns: the paths of deployment and scenario.
    /// - Throws: `FileError`; then no file was changed if one was in the way.
    func write(overwrites: Bool) throws -> [String] {
        let deploymentName = "my-deployment.yaml"
        let files = [
            (path(deploymentName), InitTemplates.deployment(first: first, second: second)),
            (
                path("my-scenario.yaml"),
                InitTemplates.scenario(deployment: deploymentName, first: first, second: second)
            ),
        ]
        for (path, _) in files where !overwrites && FileManager.default.fileExists(atPath: path) {
            throw FileError(description: "\(path) is there already; --force writes over it")
        }
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            for (path, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) }
        } catch {
            throw FileError(description: "\(directory): cannot be written")
        }
        return files.map(\.0)
    }

    private func path(_ name: String) -> String {
        directory == "." ? name : directory + (directory.hasSuffix("/") ? "" : "/") + name
    }
}
