import Emulation
import Foundation
import NATSModel
import Routing
import Synchronization

/// The committed routing cases, by file name.
enum Corpus {
    struct Entry: Sendable {
        var file: String
        var routingCase: RoutingCase
    }

    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("scenarios/routing").path

    static func load() throws -> [Entry] {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        return try files.sorted().map { file in
            Entry(file: file, routingCase: try CaseReader.load(path: "\(folder)/\(file)"))
        }
    }

    static func load(_ file: String) throws -> RoutingCase { try CaseReader.load(path: "\(folder)/\(file)") }
}

extension RoutingCase {
    func onModel(_ version: ServerVersion = .v2_9_10, deviations: Deviation = []) -> CaseResult {
        var backend = ModelBackend(version: version, deviations: deviations)
        return CaseRunner().run(self, on: &backend)
    }

    func onServer(_ server: NATSExecutable) -> CaseResult {
        var backend = EmulatedBackend(
            server, kind: needsNetwork ? .namespaces : .loopback, shadow: ModelBackend(version: server.version))
        return CaseRunner(answersSteering: false).run(self, on: &backend)
    }
}

extension CaseResult {
    var isFailed: Bool { verdict == .fail }

    /// What a person would read of it.
    func text(_ file: String) -> String {
        CaseTextReport.text(CaseRecord(file: file, title: title, results: [self]))
    }
}

/// The nats-server of this machine; without one the tests that need it are skipped.
enum RealServer {
    static let path = NATSExecutable.path()
    static var isThere: Bool { path != nil }

    static func executable() throws -> NATSExecutable { try NATSExecutable(path: path ?? "nats-server") }
}

/// Runs a job for each index on so many threads, and returns when all have ended.
///
/// Labs mostly wait for their servers, so they are given more threads than there are cores, and none of the
/// cooperative pool, which they would block.
func sideBySide(_ count: Int, threads: Int, _ job: @escaping @Sendable (Int) -> Void) {
    let indices = Counter()
    let ended = DispatchGroup()
    for _ in 0..<min(threads, count) {
        ended.enter()
        let thread = Thread {
            while let index = indices.take(below: count) { job(index) }
            ended.leave()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
    ended.wait()
}

private final class Counter: Sendable {
    private let next = Atomic(0)

    func take(below count: Int) -> Int? {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return index < count ? index : nil
    }
}
