import Emulation
import Foundation
import Testing

/// A run that is killed while real servers run leaves nothing that `doctor --clean` does not remove, and no process.
@Suite(.serialized, .enabled(if: NATSExecutable.path() != nil, "no nats-server on the PATH"))
struct EmulationKillTests {
    /// Two regions, and a wait that is longer than the test.
    private static let longCase = """
        case: Nothing happens for a long time
        clusters: {us: 2, sgp: 1}
        steps:
          - wait: 100s
          - check:
              routes: {us-0: [us-1]}
        """
    private static let longCaseWithPackets = longCase.replacing("steps:", with: "wan: 10ms\nsteps:")

    private static var cases: [String] {
        Fabric.namespacesAvailable.isAvailable ? [longCase, longCaseWithPackets] : [longCase]
    }

    /// Starts the case, and waits until all its servers run. Returns their process numbers.
    private func start(_ text: String, _ antipode: Antipode) throws -> (Running, [Int32]) {
        try antipode.write("long.yaml", text)
        let temporary = antipode.path("tmp")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let running = try antipode.start(
            ["route", "long.yaml", "--backend", "emulate"], environment: ["TMPDIR": temporary])
        let deadline = Date.now.addingTimeInterval(60)
        while true {
            let servers = children(of: running.process.processIdentifier)
            if servers.count == 3 { return (running, servers) }
            try #require(running.process.isRunning, "the run ended before it could be killed")
            try #require(Date.now < deadline, "the servers did not start within a minute")
        }
    }

    /// Processes named nats-server whose parent this is.
    private func children(of parent: Int32) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.filter { pid in
            guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
            let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
            return status.contains("(nats-server)") && fields.count > 1 && fields[1] == "\(parent)"
        }
    }

    private func isAlive(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        // A zombie is not alive, only not yet collected by whoever inherited it.
        return status.contains("(nats-server)") && !status.contains(") Z ")
    }

    private func waitUntilGone(_ servers: [Int32]) throws {
        let deadline = Date.now.addingTimeInterval(30)
        while servers.contains(where: isAlive) {
            try #require(Date.now < deadline, "servers outlive their owner")
        }
    }

    private func labs(_ antipode: Antipode) -> [String] {
        let folder = antipode.path("tmp")
        return (FileManager.default.subpaths(atPath: folder) ?? []).filter { $0.contains("lab-") }
    }

    @Test(arguments: cases) func killed(text: String) throws {
        let antipode = try Antipode()
        let (running, servers) = try start(text, antipode)
        kill(running.process.processIdentifier, SIGKILL)
        running.process.waitUntilExit()
        try waitUntilGone(servers)
        #expect(!labs(antipode).isEmpty, "the folder waits for the doctor")
        let temporary = ["TMPDIR": antipode.path("tmp")]
        let seen = try antipode.start(["doctor"], environment: temporary).finish()
        #expect(seen.output.contains("left behind"))
        let cleaned = try antipode.start(["doctor", "--clean"], environment: temporary).finish()
        #expect(cleaned.code == 0)
        #expect(labs(antipode).isEmpty)
        let after = try antipode.start(["doctor"], environment: temporary).finish()
        #expect(!after.output.contains("left behind"))
    }

    @Test(arguments: cases) func interrupted(text: String) throws {
        let antipode = try Antipode()
        let (running, servers) = try start(text, antipode)
        kill(running.process.processIdentifier, SIGINT)
        let finished = try running.finish()
        #expect(finished.code == 2)
        #expect(finished.error == "antipode: interrupted after 0 of 1 cases\n")
        try waitUntilGone(servers)
        #expect(labs(antipode).isEmpty)
    }
}
