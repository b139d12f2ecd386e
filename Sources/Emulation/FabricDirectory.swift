import EventKernel
import Foundation
import Glibc
import Synchronization

/// What a lab writes down about itself, so that its remains can be told from a lab that is in use.
struct LabOwner: Hashable, Sendable, Codable {
    var process: ProcessIdentity
    /// All that it has started and not yet seen end, oldest first.
    var children: [ProcessIdentity] = []

    static let fileName = "owner.json"

    static func read(in directory: String) -> LabOwner? {
        guard let data = FileManager.default.contents(atPath: directory + "/" + fileName) else { return nil }
        return try? JSONDecoder().decode(LabOwner.self, from: data)
    }

    func write(in directory: String) throws(FabricError) {
        let path = directory + "/" + Self.fileName
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            // Atomic: whoever looks never sees half of it.
            try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw FabricError("cannot write \(path): \(error.localizedDescription)")
        }
    }
}

/// How many labs this process has begun.
private let labCounter = Atomic<Int>(0)

/// The private folder of one lab. Its name holds the owner's pid and start time, so that it can be judged even when
/// the owner was killed before it wrote anything into it.
struct LabDirectory: Sendable {
    let path: String

    /// The folder of all labs of this user.
    static var base: String {
        let temporary = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        return (temporary.hasSuffix("/") ? String(temporary.dropLast()) : temporary) + "/antipode-\(getuid())"
    }

    private static let prefix = "lab"
    private static let mostTries = 100

    /// Makes the folder and enters this process as its owner.
    static func make() throws(FabricError) -> (LabDirectory, LabOwner) {
        guard let process = ProcessIdentity(of: getpid()) else {
            throw FabricError("cannot read /proc: is it mounted?")
        }
        // Never the number of an earlier lab, so that a path that was remembered stays gone.
        for _ in 0..<mostTries {
            let number = labCounter.add(1, ordering: .relaxed).oldValue
            try makeBase()
            let path = "\(base)/\(prefix)-\(process.pid)-\(process.startTime)-\(number)"
            if mkdir(path, 0o700) == 0 {
                let directory = LabDirectory(path: path)
                let owner = LabOwner(process: process)
                do {
                    try owner.write(in: path)
                } catch {
                    try? directory.remove()
                    throw error
                }
                return (directory, owner)
            }
            let code = errno
            // Without the base, another lab was the last one and removed it after we looked.
            guard code == EEXIST || code == ENOENT else { throw FabricError("cannot make \(path)", code: code) }
        }
        throw FabricError("no name left for a lab in \(base)")
    }

    /// The owner that a folder's name tells; `nil` for names that are not of a lab.
    static func owner(of name: String) -> (pid: Int32, startTime: UInt64)? {
        let parts = name.split(separator: "-")
        guard parts.count == 4, parts[0] == prefix, Int(parts[3]) != nil else { return nil }
        guard let pid = Int32(parts[1]), let startTime = UInt64(parts[2]) else { return nil }
        return (pid, startTime)
    }

    /// Removes the folder and all in it.
    func remove() throws(FabricError) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            if access(path, F_OK) != 0 { return }
            throw FabricError("cannot remove \(path): \(error.localizedDescription)")
        }
        // Only the last lab's removal succeeds.
        rmdir(Self.base)
    }

    private static func makeBase() throws(FabricError) {
        if mkdir(base, 0o700) != 0, errno != EEXIST { throw FabricError("cannot make \(base)", code: errno) }
        _ = try hasBase()
    }

    /// Whether the folder of all labs is there.
    ///
    /// - Throws: when it is not only ours. Its name can be guessed and its parent belongs to everybody, so somebody
    ///   else may have made it before us.
    static func hasBase() throws(FabricError) -> Bool {
        var status = stat()
        guard lstat(base, &status) == 0 else {
            if errno == ENOENT { return false }
            throw FabricError("cannot look at \(base)", code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(), status.st_mode & 0o022 == 0 else {
            throw FabricError("\(base) is not a folder that only its owner can write")
        }
        return true
    }
}

/// The children of a lab: who runs where, and the record of it in the lab's folder.
final class LabChildren: Sendable {
    private struct State {
        var owner: LabOwner
        /// In the order of their start.
        var children: [ChildProcess] = []
        var isClosed = false
    }

    private let directory: LabDirectory
    private let state: Mutex<State>

    init(directory: LabDirectory, owner: LabOwner) {
        self.directory = directory
        state = Mutex(State(owner: owner))
    }

    /// Enters a child that has just started, and forgets those that have ended. Only the launcher calls it.
    ///
    /// - Throws: `FabricError` after `endAll`, or when the record cannot be written.
    func add(_ child: ChildProcess) throws(FabricError) {
        let (owner, ended) = try state.withLock { state throws(FabricError) in
            if state.isClosed { throw .isShutDown }
            let ended = state.children.filter { !$0.isRunning }
            state.children.removeAll { child in ended.contains { $0 === child } }
            state.children.append(child)
            state.owner.children = state.children.compactMap(\.identity)
            return (state.owner, ended)
        }
        // Without the lock: the switch asks who lives and cannot wait for a disk or a kernel.
        for group in ended.flatMap(\.groups) { group.remove() }
        try owner.write(in: directory.path)
    }

    func isLiving(_ server: String) -> Bool {
        state.withLock { state in state.children.contains { $0.server == server && $0.isRunning } }
    }

    /// Ends all at once and waits until they are gone; no more are taken.
    func endAll(within seconds: Int64) {
        let children = state.withLock { state in
            state.isClosed = true
            defer { state.children = [] }
            return state.children
        }
        for child in children { child.kill() }
        for child in children { _ = child.wait(.seconds(seconds)) }
        // What cannot be removed now, `Leftovers.clean` can remove later.
        for group in children.flatMap(\.groups) { group.remove() }
    }
}
