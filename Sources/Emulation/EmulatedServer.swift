import EventKernel
import Foundation
import Routing

/// One server of a lab and its current process, if it runs.
final class EmulatedServer {
    let spec: ServerSpec
    let configurationPath: String
    let logPath: String
    var process: ChildProcess?
    /// The server's own id; every process has a new one.
    var id: String?
    var monitor: MonitorConnection?
    /// It was told to go; that it ends is no surprise, and it takes no new clients.
    var isLameDuck = false

    init(_ spec: ServerSpec, directory: String, index: Int) {
        self.spec = spec
        configurationPath = "\(directory)/server-\(index).conf"
        logPath = "\(directory)/server-\(index).log"
    }

    var isRunning: Bool { process != nil }

    func forgetProcess() {
        process = nil
        id = nil
        isLameDuck = false
        monitor?.stream.close()
        monitor = nil
    }

    /// The line of its log that tells best why it ended: the last fatal one, or the last of all.
    func lastWords() -> String {
        guard let text = try? String(contentsOfFile: logPath, encoding: .utf8) else { return "it left no log" }
        let lines = text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
        let fatal = lines.last { $0.contains("[FTL]") || $0.hasPrefix("nats-server: ") }
        return String(fatal ?? lines.last ?? "it said nothing")
    }
}

/// A connection that reads a server's first line and does nothing else.
final class GreetingConnection: PollSource {
    let stream: SocketStream
    /// The server's id.
    private(set) var id: String?
    private(set) var problem: String?

    init(descriptor: Int32) { stream = SocketStream(descriptor) }

    func received() {
        do {
            guard case .info(let text) = try NATSConnectionParser.next(in: &stream.input) else {
                if let end = stream.end, id == nil { problem = end }
                return
            }
            id = try JSONDecoder().decode(InfoObject.self, from: Data(text.utf8)).server_id
        } catch {
            problem = "\(error)"
        }
    }
}
