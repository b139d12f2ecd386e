import Foundation
import Testing

/// What a finished command left behind.
struct Finished {
    var code: Int32
    var output: String
    var error: String

    var errorLines: [Substring] { error.split(separator: "\n") }
}

/// The command as it was built, in a folder of its own that goes with it.
final class Antipode: Sendable {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("antipode-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The build puts it beside the test bundle.
    static let binary: URL = {
        let places = [CommandLine.arguments[0], Bundle.main.executablePath ?? "", Bundle.main.bundlePath + "/x"]
        let candidates = places.map {
            URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("antipode")
        }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? candidates[0]
    }()

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

    func write(_ name: String, _ data: Data) throws { try data.write(to: folder.appendingPathComponent(name)) }

    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
    }

    /// Starts the command; its output goes to files, so that it never waits for a reader.
    func start(
        _ arguments: [String], environment extra: [String: String] = [:], tag: String = UUID().uuidString
    ) throws -> Running {
        let process = Process()
        process.executableURL = Self.binary
        process.arguments = arguments
        process.currentDirectoryURL = folder
        var environment = ProcessInfo.processInfo.environment
        environment["COLUMNS"] = "80"
        environment.merge(extra) { $1 }
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        for name in ["out-\(tag)", "err-\(tag)"] { try write(name, "") }
        process.standardOutput = try FileHandle(forWritingTo: folder.appendingPathComponent("out-\(tag)"))
        process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent("err-\(tag)"))
        try process.run()
        return Running(process: process, tag: tag, owner: self)
    }

    @discardableResult
    func run(_ arguments: String...) throws -> Finished { try start(arguments).finish() }
}

struct Running {
    var process: Process
    var tag: String
    var owner: Antipode

    /// Ends it if it has not ended, so that a failed test leaves nothing behind.
    func stop() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    func finish() throws -> Finished {
        process.waitUntilExit()
        return Finished(
            code: process.terminationStatus, output: try owner.read("out-\(tag)"),
            error: try owner.read("err-\(tag)"))
    }
}

/// A scenario that takes a moment: two calls for twenty seconds, on the deployment that `init` writes.
let tinyScenario = """
    name: tiny
    kind: terminating
    start: 2026-11-17T13:30:00Z
    initial: steady
    horizon: 20s
    seed: 1
    replications: 2
    deployment: my-deployment.yaml
    profile: videocall-2026
    steering: election
    populations:
      near-east:
        region: east
        place: new-york
        access: cable
        traffic: { constant: 1 }
        sizes: { "2": 100% }
      near-west:
        region: west
        place: ho-chi-minh
        access: wifi
        traffic: { constant: 1 }
        sizes: { "3": 100% }
    timeline: []
    expect:
      - { response: delivery.audio.all.all.ever, at-least: 0% }

    """

extension Antipode {
    /// A folder with the starter files and the tiny scenario.
    static func prepared() throws -> Antipode {
        let antipode = try Antipode()
        let finished = try antipode.run("init")
        #expect(finished.code == 0, "\(finished.error)")
        try antipode.write("tiny.yaml", tinyScenario)
        return antipode
    }
}
