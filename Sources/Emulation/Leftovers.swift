import Foundation
import Glibc

/// What is left of a lab whose owner was killed.
public struct Leftover: Hashable, Sendable {
    /// Its folder.
    public var directory: String
    public var ownerPID: Int32
    /// The program that owned it; `nil` when it was killed before it could say.
    public var program: String?
    /// Pids of its children that still run. The kernel ends them with their owner, so this is rarely one.
    public var children: [Int32]
}

/// Labs whose owner did not live to shut them down.
///
/// Namespaces, devices and the loopback subnet are gone with the owner; only the folder can remain, and a child that
/// got away.
public enum Leftovers {
    /// Those of this user, sorted by folder.
    ///
    /// - Throws: `FabricError` when the folder of all labs cannot be read, or is not only ours.
    public static func find() throws -> [Leftover] {
        guard try LabDirectory.hasBase() else { return [] }
        // The last lab may end, and remove the folder, while we look.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: LabDirectory.base)) ?? []
        return names.sorted().compactMap { name in
            guard let owner = LabDirectory.owner(of: name) else { return nil }
            guard ProcessIdentity.startTime(of: owner.pid) != owner.startTime else { return nil }
            let directory = LabDirectory.base + "/" + name
            let record = LabOwner.read(in: directory)
            return Leftover(
                directory: directory, ownerPID: owner.pid, program: record?.process.executable,
                children: record?.children.filter(\.isAlive).map(\.pid) ?? [])
        }
    }

    /// Ends children that still run and removes the folders.
    ///
    /// - Returns: what was found and is gone now.
    /// - Throws: `FabricError` when a folder cannot be removed; the others are removed all the same.
    public static func clean() throws -> [Leftover] {
        let found = try find()
        var failure: FabricError?
        for leftover in found {
            // Read again, and compared again right before the kill: a pid may belong to somebody else by now.
            for child in LabOwner.read(in: leftover.directory)?.children ?? [] where child.isAlive {
                kill(child.pid, SIGKILL)
            }
            do {
                try LabDirectory(path: leftover.directory).remove()
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return found
    }
}
