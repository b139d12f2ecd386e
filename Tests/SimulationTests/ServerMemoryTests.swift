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
            start: 2026-11-17T13:30:00Z
            populations:
              america: { place: new-york, region: us, access: fibre, traffic: { constant: 1 }, sizes: { "2-4": 100% },
                cross-region: { with: asia, share: 50% } }
              asia: { place: ho-chi-minh, region: sgp, access: fibre, traffic: { constant: 1 }, sizes: { "2-4": 100% },
                cross-region: { with: america, share: 50% } }
            publishers:
              - { server: us/nats-0, subject: bulk, rate: \(rate), size: 10KB, subscribers: [sgp/nats-0] }
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

    /// The limit less 10 MiB holds 214 MiB at 1.15 bytes each: 11 s of 20 MB/s, before a write deadline ends it.
    @Test func aServerBehindACutIsKilledAndComesBack() throws {
        let outcome = try run(Self.cut())
        #expect(
            Self.log(outcome) == [
                "1221 dies", "1221 runs out of memory: 213 MiB wait for its gateways, its limit is 256 MiB",
                "1321 is back, empty", "3273 outbound gateway to sgp registered",
            ])
        // A second of the local stream, and all that was published across after the cut until the gateway is back.
        #expect(outcome.response("stream.near.lost") == 50)
        #expect(outcome.response("stream.bulk.lost") == 68_683)
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
        #expect(Int(peak) == 449)
    }

    @Test func withoutALimitNothingIsToldOfMemory() throws {
        let outcome = try run(Self.cut(memory: "", horizon: "4s"))
        #expect(outcome.times(of: "runs out of memory").isEmpty)
        #expect(!outcome.responses.contains { $0.name.contains("memory") })
    }

    @Test func killsAreTheSameInEveryExecutor() throws {
        let outcome = try runEveryWay(Self.cut())
        #expect(outcome.response("server.us/nats-0.memory-kills") == 1)
    }

    @Test func narrowerWindowsKillAtTheSameInstant() throws {
        let made = try Self.cut()
        let wide = try run(made)
        var options = SimulationOptions()
        options.narrowing = 1
        let narrow = try simulate(made, replication: 0, options: options)
        #expect(narrow.fingerprint == wide.fingerprint)
        #expect(narrow.ledger == wide.ledger)
        #expect(Self.log(narrow) == Self.log(wide))
    }

    /// A fault that begins just before the server is killed at 11.583 s, while it is dead, and after its return.
    @Test(arguments: [11_580, 12_000, 13_000])
    func aFaultOfTheSameServerIsTheSameInEveryExecutor(at: Int) throws {
        let outcome = try runEveryWay(
            Self.cut(more: ["at: \(at)ms, for: 5s, fault: server-kill, server: us/nats-0"]))
        let back = outcome.times(of: "is back, empty", subject: "us/nats-0").last
        #expect(back == .start + .milliseconds(Int64(at) + 5_000))
    }

    @Test func aSiteWithoutPowerStaysDownUntilItHasPower() throws {
        let outcome = try runEveryWay(Self.cut(more: ["at: 12s, for: 5s, fault: power-loss, site: us"]))
        #expect(outcome.times(of: "is back, empty", subject: "us/nats-0") == [.start + .seconds(17)])
    }
}
