import ArgumentParser
import Emulation
import Foundation
import NATSModel
import Report
import Scenario

/// Finds nats-servers, and the one that fits a deployment.
enum Servers {
    /// The one named, or the one on the `PATH`. A name without a slash is looked for there, as a shell does.
    ///
    /// - Throws: `FileError` if the one named cannot be run; `ExitCode(2)` if none is named and none on the `PATH`.
    static func executable(_ path: String?) throws -> NATSExecutable {
        guard let found = NATSExecutable.path(of: path ?? "nats-server") else {
            guard let path else {
                Screen.error("antipode: no nats-server on the PATH; name one with --server\n")
                throw ExitCode(2)
            }
            throw FileError(description: "\(path): \(whyNotRun(path))")
        }
        if isFolder(found) { throw FileError(description: "\(found): \(whyNotRun(found))") }
        do {
            return try NATSExecutable(path: found)
        } catch {
            throw FileError(description: "\(error)".trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func whyNotRun(_ path: String) -> String {
        let exists = FileManager.default.fileExists(atPath: path)
        if !path.contains("/") { return exists ? "not on the PATH; say ./\(path)" : "not on the PATH" }
        if !exists { return "no such file" }
        return isFolder(path) ? "is a folder, not a nats-server" : "may not be executed"
    }

    /// Why a server may not stand in for those of a deployment; `nil` if it may.
    ///
    /// It may if its release differs from theirs in nothing that the model knows of.
    static func mismatch(_ version: ServerVersion, _ deployment: Deployment) -> String? {
        for region in deployment.regions {
            guard let wanted = try? ServerVersion(parsing: region.nats.version) else { continue }
            if wanted.behaviour != version.behaviour {
                return "nats-server \(version) behaves otherwise than the \(wanted) of region \(region.name)"
            }
        }
        return nil
    }
}
