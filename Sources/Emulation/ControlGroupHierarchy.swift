import CLinux
import Foundation
import Glibc
import Synchronization

/// What of the kernel's a control group limits.
enum ControlGroupController: String, CaseIterable, Sendable {
    case cpu
    case memory
}

/// Where this process can make control groups: version 1 or 2 of the kernel's interface, whichever has the controller.
/// In version 1 each controller may have a hierarchy of its own.
struct ControlGroupHierarchy: Hashable, Sendable {
    enum Version: Hashable, Sendable {
        case one
        case two
    }

    var version: Version
    /// Where the hierarchy is mounted.
    var root: String
    /// The group of this process, below `root`; it starts with a slash, and is only that for the root.
    var own: String

    /// From the text of `/proc/self/mounts` and `/proc/self/cgroup`; `nil` when no hierarchy has the controller.
    ///
    /// - Parameter controllers: of a mount of version 2.
    init?(
        of controller: ControlGroupController, mounts: String, groups: String, controllers: (String) -> String?
    ) {
        let wanted = controller.rawValue[...]
        var found: (version: Version, root: String)?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4 else { continue }
            let root = String(fields[1])
            if fields[2] == "cgroup", fields[3].split(separator: ",").contains(wanted) {
                found = (.one, root)
                break
            }
            let has = fields[2] == "cgroup2" ? controllers(root)?.split(whereSeparator: \.isWhitespace) : nil
            if has?.contains(wanted) == true { found = (.two, root) }
        }
        guard let found else { return nil }
        (version, root) = found
        own = "/"
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isOurs = version == .one ? fields[1].split(separator: ",").contains(wanted) : fields[0] == "0"
            if isOurs { own = String(fields[2]) }
        }
    }

    /// That of this process.
    static func current(_ controller: ControlGroupController) -> ControlGroupHierarchy? {
        guard let mounts = smallFile("/proc/self/mounts"), let groups = smallFile("/proc/self/cgroup") else {
            return nil
        }
        return ControlGroupHierarchy(of: controller, mounts: mounts, groups: groups) {
            smallFile($0 + "/cgroup.controllers")
        }
    }

    /// The folder of the own group and those around it, up to the root. A container may not see its own.
    var ancestors: [String] {
        var paths: [String] = []
        var group = own.split(separator: "/")
        while true {
            let path = ([root] + group.map(String.init)).joined(separator: "/")
            if access(path, F_OK) == 0 { paths.append(path) }
            if group.isEmpty { return paths }
            group.removeLast()
        }
    }

    /// Where a new group can have limits, best first: the own group, or in version 2, where a group with processes
    /// passes no controllers on, the nearest one around it that does. What it passes on is not ours to change.
    func homes(for controllers: [ControlGroupController]) -> [String] {
        switch version {
        case .one: Array(ancestors.prefix(1))
        case .two:
            ancestors.filter { path in
                let text = smallFile(path + "/cgroup.subtree_control") ?? ""
                let passed = Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
                return passed.isSuperset(of: controllers.map(\.rawValue))
            }
        }
    }

    /// Groups of this user whose owner is dead, in all hierarchies that limits need, sorted by hierarchy.
    static func leftovers() -> [(path: String, name: ControlGroupName)] {
        var parents: [String] = []
        for hierarchy in ControlGroupController.allCases.compactMap(current) {
            parents += hierarchy.ancestors.filter { !parents.contains($0) }
        }
        return parents.flatMap(leftovers(below:))
    }

    private static func leftovers(below parent: String) -> [(path: String, name: ControlGroupName)] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        return entries.sorted().compactMap { entry in
            guard let name = ControlGroupName(entry) else { return nil }
            guard ProcessIdentity.startTime(of: name.pid) != name.startTime else { return nil }
            let path = parent + "/" + entry
            var status = stat()
            guard lstat(path, &status) == 0, status.st_uid == getuid() else { return nil }
            // Processes that we cannot see (0) have an owner that we cannot judge.
            return processes(of: path).contains(0) ? nil : (path, name)
        }
    }

    static func processes(of path: String) -> [Int32] {
        (smallFile(path + "/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }
    }

    /// Removes a group once its processes are gone.
    ///
    /// - Returns: false when it is still there after a second.
    static func remove(_ path: String) -> Bool {
        let deadline = clinux_now() + 1_000_000_000
        while rmdir(path) != 0 {
            if errno == ENOENT { return true }
            // Processes that were killed take a moment.
            guard errno == EBUSY, clinux_now() < deadline else { return false }
            sched_yield()
        }
        return true
    }
}

/// Numbers the groups of this process.
final class GroupCounter: Sendable {
    private let value = Atomic<Int>(0)

    func next() -> Int { value.add(1, ordering: .relaxed).oldValue }
}
