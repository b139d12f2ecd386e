import Foundation
import Glibc

/// What tells a process from another one that gets its number later.
struct ProcessIdentity: Hashable, Sendable, Codable {
    var pid: Int32
    /// Clock ticks between the boot of the machine and its start (field 22 of `/proc/<pid>/stat`).
    var startTime: UInt64
    /// The file that it executes, without symbolic links.
    var executable: String

    /// `nil` when there is no such process, or only a zombie is left of it.
    init?(of pid: Int32) {
        guard let startTime = Self.startTime(of: pid) else { return nil }
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
        guard let link else { return nil }
        self.pid = pid
        self.startTime = startTime
        executable = link
    }

    /// Whether the process that this one was is still there.
    var isAlive: Bool { ProcessIdentity(of: pid) == self }

    /// `nil` when there is no such process, or only a zombie is left of it.
    static func startTime(of pid: Int32) -> UInt64? {
        guard let text = smallFile("/proc/\(pid)/stat") else { return nil }
        // The second field is the name in parentheses, which may hold blanks and parentheses itself.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 20, fields[1] != "Z", fields[1] != "X" else { return nil }
        return UInt64(fields[20])
    }
}

/// The text of a file of `/proc`, whose size is not known before it is read.
func smallFile(_ path: String) -> String? {
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    guard let data = try? handle.readToEnd() else { return nil }
    return String(decoding: data, as: UTF8.self)
}
