import Glibc
public import NATSModel

/// A nats-server on this machine.
public struct NATSExecutable: Hashable, Sendable {
    public var path: String
    public var version: ServerVersion

    /// - Throws: when it cannot be run, or states no version that can be modelled.
    public init(path: String) throws(EmulationError) {
        self.path = path
        version = try Self.version(in: try Self.output(of: path), path: path)
    }

    /// Where a program is in `PATH`; a name with a slash is taken as it is.
    public static func path(of name: String = "nats-server") -> String? {
        let folders = getenv("PATH").map { String(cString: $0) } ?? ""
        let candidates = name.contains("/") ? [name] : folders.split(separator: ":").map { "\($0)/\(name)" }
        return candidates.first { access($0, X_OK) == 0 }
    }

    /// Reads `nats-server: v2.9.10`, possibly among other lines.
    static func version(in text: String, path: String) throws(EmulationError) -> ServerVersion {
        let words = text.split { $0 == " " || $0 == "\n" }
        guard let word = words.first(where: { $0.hasPrefix("v") && $0.dropFirst().first?.isNumber == true }) else {
            let line = text.split(separator: "\n").first ?? ""
            throw EmulationError("\(path) --version states no version, but '\(line.prefix(80))'")
        }
        do {
            return try ServerVersion(parsing: String(word))
        } catch {
            throw EmulationError("\(path): \(error)")
        }
    }

    private static func output(of path: String) throws(EmulationError) -> String {
        let quoted = "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        guard let stream = popen(quoted + " --version 2>&1 </dev/null", "r") else {
            throw EmulationError("cannot run \(path): errno \(errno)")
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, stream)
        guard pclose(stream) == 0 else {
            throw EmulationError("cannot run \(path): \(String(decoding: bytes.prefix(count), as: UTF8.self))")
        }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
