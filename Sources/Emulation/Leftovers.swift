import Foundation
import Glibc

/// What is left of a lab whose owner was killed.
public struct Leftover: Hashable, Sendable {
    /// Its folder, or the folder of a control group of it.
    public var directory: String
    public var ownerPID: Int32
    /// The program that owned it; `nil` when it was killed before it could say.
    public var program: String?
    /// Pids of its children that still run. The kernel ends them with their owner, so this is rarely one.
    public var children: [Int32]
}

/// Labs whose owner did not live to shut them down.
///
/// Namespaces, devices and the loopback subnet are gone with the owner; only the folder can remain, the control
/// groups that limited servers, and a child that got away.
public enum Leftovers {
    /// Those of this user: folders, then control groups, each sorted by path.
    ///
    /// - Throws: `FabricError` when the folder of all labs cannot be read, or is not only ours.
    public static func find() throws -> [Leftover] { try folders() + groups() }

    private static func groups() -> [Leftover] {
        ControlGroupHierarchy.leftovers().map { path, name in
            Leftover(
                directory: path, ownerPID: name.pid, program: nil,
                children: ControlGroupHierarchy.processes(of: path))
        }
    }

    private static func folders() throws -> [Leftover] {
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

    /// Ends children that still run, and removes the folders and the control groups.
    ///
    /// - Returns: what was found and is gone now.
    /// - Throws: `FabricError` when something cannot be removed; the others are removed all the same.
    public static func clean() throws -> [Leftover] {
        let folders = try folders()
        var failure: FabricError?
        for leftover in folders {
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
        let groups = groups()
        for group in groups {
            // Only what a lab started can be in there.
            for pid in ControlGroupHierarchy.processes(of: group.directory) where pid > 0 { kill(pid, SIGKILL) }
            if !ControlGroupHierarchy.remove(group.directory) {
                failure = failure ?? FabricError("cannot remove the control group \(group.directory)", code: EBUSY)
            }
        }
        if let failure { throw failure }
        return folders + groups
    }
}
