import EventKernel
import Measures
import NATSModel
import Scenario
import Testing

@testable import Simulation

/// Servers whose gateways back up behind a cut link, up to their memory limit.
@Suite struct ServerMemoryTests {
    /// A server of New York's region with a limit, 20 MB/s across from the start, and a cut at 2 s.
    private static func cut(
        memory: String = "memory: 256MiB", for length: String = "30s", horizon: String = "40s", rate: String = "2000/s",
        servers: (Int, Int) = (2, 1), version: String = "2.15.1", more: [String] = []
    ) throws -> Scenario {
        let faults = ["at: 2s, for: \(length), fault: wan-cut, link: us/sgp"] + more
        let text =
            """
            horizon: \(horizon)
            publishers:
              - { server: us/nats-0, subject: bulk, rate: \(rate), size: 10kB, subscribers: [sgp/nats-0] }
              - { server: us/nats-0, subject: near, rate: 50/s, size: 200B, subscribers: [us/nats-0] }
            timeline:
            \(faults.map { "  - { \($0) }" }.joined(separator: "\n"))

            """ + Place.two(servers: servers, cpu: memory)
        var made = try scenario(text)
        for region in made.deployment.regions.indices { made.deployment.regions[region].nats.version = version }
        return made
    }

    private static func log(_ outcome: Outcome) -> [String] {
        outcome.journal.filter { $0.subject == "us/nats-0" }.map { entry in
            "\(entry.time.nanoseconds / 10_000_000) \(entry.text)"
        }
    }

    @Test func aServerBehindACutIsKilledAndComesBack() throws {
        let outcome = try run(Self.cut())
        #expect(Self.log(outcome) == [])
        #expect(outcome.response("server.us/nats-0.memory-kills") == 1)
        #expect(outcome.response("server.us/nats-0.memory-peak") == 256)
        #expect(outcome.response("server.us/nats-1.memory-kills") == 0)
        #expect(outcome.response("server.sgp/nats-0.memory-kills") == 0)
    }

    /// The same cut with room for all that waits until the write deadline closes the gateway.
    @Test func aServerWithEnoughMemoryLives() throws {
        let outcome = try run(Self.cut(memory: "memory: 1GiB"))
        #expect(outcome.times(of: "runs out of memory").isEmpty)
        #expect(outcome.response("server.us/nats-0.memory-kills") == 0)
        let peak = try #require(outcome.response("server.us/nats-0.memory-peak"))
        #expect(peak == 0)
    }

    @Test func withoutALimitNothingIsToldOfMemory() throws {
        let outcome = try run(Self.cut(memory: "", horizon: "4s"))
        #expect(outcome.times(of: "runs out of memory").isEmpty)
        #expect(!outcome.responses.contains { $0.name.contains("memory") })
    }
}
