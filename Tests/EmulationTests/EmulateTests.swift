import EventKernel
import Foundation
import Measures
import Scenario
import Synchronization
import Testing

@testable import Emulation

private let program = NATSExecutable.path()

extension LabTests {
    /// Whole scenarios on real servers; they take as long as their horizons and some seconds.
    @Suite(
        .serialized, .enabled(if: namespaces.isAvailable, "no network namespaces here: \(namespaces.reason)"),
        .enabled(if: program != nil, "no nats-server here"))
    struct EmulateTests {
        private func run(_ scenario: Scenario) throws -> Outcome {
            try emulate(scenario, replication: 0, options: EmulationOptions(executable: NATSExecutable(path: program!)))
        }

        @Test func aStreamTakesTheOneWayDelay() throws {
            let outcome = try run(plainScenario(twoRegions(roundTrip: .milliseconds(200)), [stream(end: at(3))]))
            #expect(outcome.value("stream.s.published") == 149)
            #expect(outcome.value("stream.s.lost") == 0)
            let median = try #require(outcome.value("stream.s.latency.p50"))
            #expect((100...103).contains(median))
            #expect(outcome.value("gateway.us/nats-0.sgp.up") == 0)
            #expect(outcome.events == 298)
            #expect(outcome.emulation?.link == "namespaces")
            #expect(outcome.emulation?.packetsDropped == 0)
        }

        @Test func aShortCutLosesNothing() throws {
            let cut = Fault(kind: .wanCut(link: 0, from: nil), start: at(1), end: at(3))
            let outcome = try run(
                plainScenario(
                    twoRegions(roundTrip: .milliseconds(200)), [stream(end: at(3.5))], timeline: [cut],
                    horizon: .seconds(9)))
            #expect(outcome.value("stream.s.lost") == 0)
            let late = try #require(outcome.value("stream.s.late"))
            #expect(late >= 45)
            let resumed = try #require(outcome.value("stream.s.resumed"))
            #expect((0.05...4).contains(resumed))
            let fault = try #require(outcome.faults.first)
            #expect(fault.kind == "wan-cut" && fault.target == "us/sgp")
            #expect((at(1)...at(1.05)).contains(fault.start))
        }

        @Test func aKilledServerComesBack() throws {
            let kill = Fault(kind: .serverKill(region: 1, server: 0), start: at(1), end: at(2))
            let outcome = try run(
                plainScenario(
                    twoRegions(roundTrip: .milliseconds(20)), [stream(end: at(4.5))], timeline: [kill],
                    horizon: .seconds(5)))
            let closed = try #require(outcome.value("gateway.us/nats-0.sgp.closed"))
            #expect((0.005...0.5).contains(closed))
            #expect(outcome.value("gateway.sgp/nats-0.us.closed") ?? 1 < 0.1)
            // One second to start dialling, and at most that long between two dials.
            let restored = try #require(outcome.value("gateway.us/nats-0.sgp.restored"))
            #expect((0.0...1.5).contains(restored))
            let lost = try #require(outcome.value("stream.s.lost-time"))
            #expect((1.0...2.8).contains(lost))
            #expect(outcome.journal.contains { $0.subject == "sgp/nats-0" && $0.text == "is back, empty" })
        }

        @Test func gatewaysComeUpAfterTheSolicitDelay() throws {
            let outcome = try run(
                plainScenario(
                    twoRegions(roundTrip: .milliseconds(100), us: 2), [stream()], horizon: .seconds(2), initial: .empty)
            )
            // One second until servers dial, and a round trip each for the dial and for the handshake.
            for gateway in ["us/nats-0.sgp", "us/nats-1.sgp", "sgp/nats-0.us"] {
                let up = try #require(outcome.value("gateway.\(gateway).up"))
                #expect((1.2...1.55).contains(up))
            }
            let usable = try #require(outcome.value("gateway.usable"))
            #expect((1.25...1.6).contains(usable))
            let first = try #require(outcome.value("stream.s.first-delivery"))
            #expect((1.25...1.8).contains(first))
        }

        @Test func nothingIsLeft() throws {
            let deployment = try EmulatedDeployment(
                plainScenario(twoRegions(roundTrip: .milliseconds(20)), [stream()], horizon: .seconds(1)))
            let logs = NSTemporaryDirectory() + "antipode-emulate-\(getpid())"
            defer { try? FileManager.default.removeItem(atPath: logs) }
            let run = try EmulationRun(
                deployment, replication: 0, turn: BootTicket(),
                options: EmulationOptions(executable: NATSExecutable(path: program!), keepLogs: logs))
            defer { run.end() }
            _ = try run.outcome()
            #expect(!fileExists(run.fabric.directory))
            for server in ["us-nats-0", "sgp-nats-0"] {
                let log = try String(contentsOfFile: "\(logs)/\(server).log", encoding: .utf8)
                let pid = try #require(Int32(log.dropFirst().prefix { $0 != "]" }))
                #expect(ProcessIdentity(of: pid) == nil)
                #expect(fileExists("\(logs)/\(server).conf"))
            }
        }

        @Test func canBeCancelled() throws {
            let reached = Mutex(SimTime.start)
            let options = EmulationOptions(
                executable: try NATSExecutable(path: program!), progress: { time in reached.withLock { $0 = time } },
                isCancelled: { reached.withLock { $0 > .start } })
            let run = try EmulationRun(
                EmulatedDeployment(
                    plainScenario(twoRegions(roundTrip: .milliseconds(20)), [stream()], horizon: .seconds(60))),
                replication: 0, turn: BootTicket(), options: options)
            #expect(throws: CancellationError.self) { try run.outcome() }
            #expect(reached.withLock { $0 } < at(1))
            #expect(!fileExists(run.fabric.directory))
        }
    }
}
