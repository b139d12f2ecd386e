import EventKernel
import Glibc
public import NATSModel

/// A nats-server on this machine.
public struct NATSExecutable: Hashable, Sendable {
    public var path: String
    public var version: ServerVersion

    /// - Throws: when it cannot be run, or states no version that can be modelled.
    public init(path: String) throws(EmulationError) {
        self.path = path
        version = try Self.version(in: try Self.statement(of: path), path: path)
    }

    /// Where a program is: in `PATH`, or where Debian puts servers, which ordinary users' `PATH` leaves out. A name
    /// with a slash is taken as it is.
    public static func path(of name: String = "nats-server") -> String? {
        let folders = (getenv("PATH").map { String(cString: $0) } ?? "") + ":/usr/local/sbin:/usr/sbin"
        let candidates = name.contains("/") ? [name] : folders.split(separator: ":").map { "\($0)/\(name)" }
        return candidates.first { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
        }
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

    /// What a program prints for `--version`.
    ///
    /// - Throws: when it cannot be run, fails, or takes longer than five seconds.
    static func statement(of path: String) throws(EmulationError) -> String {
        do {
            let fabric = try Fabric.loopback([Fabric.Place(name: "probe", cluster: "probe")])
            defer { fabric.shutDown() }
            let child = try fabric.launch(path, ["--version"], at: "probe", log: "version")
            let status = child.wait(.seconds(5))
            let text = smallFile(child.log) ?? ""
            if status == .exited(code: 0) { return text }
            let end = status.map(\.description) ?? "it does not end"
            throw EmulationError("cannot run \(path) --version: \(end) \(text.prefix(80))")
        } catch let error as EmulationError {
            throw error
        } catch {
            throw EmulationError("\(error)")
        }
    }
}
