import EventKernel
import Foundation
import Measures
import Network
import Scenario
import Simulation
import Testing

@testable import Emulation

private let program = NATSExecutable.path()

/// The committed scenario of calls on real servers, cut to a few seconds.
private func shortCalls(_ seconds: Int64, timeline: [Fault] = []) throws -> Scenario {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    var scenario = try ScenarioReader.load(
        path: root.appendingPathComponent("scenarios/emulated/wan-partition-short.yaml").path, overrides: []
    ).scenario
    scenario.horizon = .seconds(seconds)
    scenario.timeline = timeline
    return scenario
}

/// A driver whose servers know all subscriptions at once and need the time that the link takes.
private struct FakeDriver {
    /// By region of sender and receiver.
    var transit: [[SimDuration]]
    /// Servers that give nothing to their clients.
    var dead: Set<Int> = []

    func deliveries(_ operations: [DriverOperation], _ deployment: EmulatedDeployment) -> [DriverDelivery] {
        var servers: [Int: Int] = [:]
        var subscriptions: [(connection: Int, sid: UInt32, prefix: String)] = []
        var result: [DriverDelivery] = []
        for operation in operations {
            switch operation.kind {
            case .open(let server, _): servers[operation.connection] = server
            case .close:
                servers[operation.connection] = nil
                subscriptions.removeAll { $0.connection == operation.connection }
            case .subscribe(let sid, let subject, let queue):
                #expect(queue != nil && subject.hasSuffix(".*"))
                subscriptions.append((operation.connection, sid, String(subject.dropLast())))
            case .unsubscribe(let sid):
                subscriptions.removeAll { $0.connection == operation.connection && $0.sid == sid }
            case .publish(let subject, let stream, let sequence, let size):
                #expect(size >= MessageStamp.size)
                let from = deployment.servers[servers[operation.connection]!].region
                for one in subscriptions where subject.hasPrefix(one.prefix) && !dead.contains(servers[one.connection]!)
                {
                    let to = deployment.servers[servers[one.connection]!].region
                    result.append(
                        DriverDelivery(
                            connection: one.connection, sid: one.sid, stream: stream, sequence: sequence,
                            due: operation.due, time: operation.due + transit[from][to]))
                }
            }
        }
        return result.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element)
    }
}

@Suite struct EmulatedCallsTests {
    private func operations(_ calls: EmulatedCalls) -> [DriverOperation] {
        var operations = calls.opening
        var source: any DriverSource = calls.running
        while let operation = source.next() { operations.append(operation) }
        return operations
    }

    private func outcome(_ scenario: Scenario, dead: Set<Int> = []) throws -> (calls: EmulatedCalls, outcome: Outcome) {
        let deployment = try EmulatedDeployment(scenario)
        let calls = try EmulatedCalls(deployment, replication: 0, firstConnection: 5)
        let near = SimDuration.microseconds(300)
        let far = SimDuration.milliseconds(117)
        let driver = FakeDriver(transit: [[near, far], [far, near]], dead: dead)
        for delivery in driver.deliveries(operations(calls), deployment) {
            #expect(calls.owns(delivery.connection))
            calls.take(delivery)
        }
        var outcome = Outcome()
        calls.add(to: &outcome)
        return (calls, outcome)
    }

    @Test func relaysConnectAndSubscribeBeforeTimeZero() throws {
        let calls = try EmulatedCalls(EmulatedDeployment(shortCalls(1)), replication: 0, firstConnection: 5)
        // Two relays in each of two regions, and twelve people.
        #expect(calls.openingConnections == [5, 6, 7, 8])
        #expect(calls.opening.count == 4 + 12)
        #expect(calls.opening.allSatisfy { $0.due == .start })
        // Each of two people of six rooms hears both.
        #expect(calls.expectedMarks.count >= 12 && calls.expectedMarks.count <= 24)
        var source: any DriverSource = calls.running
        var last = SimTime.start
        var count = 0
        while let operation = source.next() {
            #expect(operation.due >= last)
            last = operation.due
            count += 1
        }
        // 12 people: 50 packets a second each, and frames of those with a camera.
        #expect(count > 600)
    }

    @Test func serversThatDeliverEverythingGiveTheTwinsLedger() throws {
        let (calls, outcome) = try outcome(shortCalls(4))
        #expect(outcome.violations == [])
        #expect(outcome.ledger.isBalanced)
        #expect(outcome.ledger.total().expected == calls.twin.ledger.total().expected)
        #expect(outcome.ledger.total().lostTotal == 0)
        #expect(abs(outcome.ledger.total().inFlight - calls.twin.ledger.total().inFlight) <= 2)
        #expect(outcome.value("delivery.audio.cross-region.all.400ms")! > 0.95)
        #expect(outcome.value("people.lost-session") == nil)
    }

    @Test func whatADeadServerKeepsIsLostByTheServers() throws {
        let (_, outcome) = try outcome(shortCalls(4), dead: [1])
        #expect(outcome.violations == [])
        #expect(outcome.ledger.isBalanced)
        let total = outcome.ledger.total()
        #expect(total.lostTotal == total.lost[Int(LossCause.lostByServers.rawValue)])
        #expect(total.lostTotal > 1_000)
        #expect(outcome.value("lost.lost-by-the-servers") == Double(total.lostTotal))
    }

    @Test func aRelayThatDiesIsAnotherConnectionAfterwards() throws {
        let kill = Fault(
            kind: .relayKill(region: 1, transport: .webTransport, replica: 0), start: at(1), end: at(2))
        let calls = try EmulatedCalls(
            EmulatedDeployment(shortCalls(3, timeline: [kill])), replication: 0, firstConnection: 0)
        let all = operations(calls)
        let opened = all.filter { if case .open = $0.kind { true } else { false } }
        #expect(opened.count == 5)
        #expect(Set(opened.map(\.connection)).count == 5)
        let closed = try #require(all.first { if case .close = $0.kind { true } else { false } })
        #expect(closed.due == at(1))
        #expect(opened.last!.due >= at(2))
        #expect(!all.contains { $0.connection == closed.connection && $0.due > at(1.01) })
    }
}

extension LabTests {
    @Suite struct EmulatedCallsServerTests {
        /// Pairs arrive, and those across the link later by what it takes.
        @Test(
            .enabled(if: namespaces.isAvailable, "no network namespaces here: \(namespaces.reason)"),
            .enabled(if: program != nil, "no nats-server here"))
        func callsRunOnRealServers() throws {
            let scenario = try shortCalls(3)
            let outcome = try emulate(
                scenario, replication: 0, options: EmulationOptions(executable: NATSExecutable(path: program!)))
            #expect(outcome.violations == [])
            #expect(outcome.ledger.isBalanced)
            let total = outcome.ledger.total()
            #expect(total.expected > 1_800)
            #expect(total.lostTotal == 0)
            let local = try #require(outcome.histograms.first { $0.name == "latency.audio.same-region" })
            let across = try #require(outcome.histograms.first { $0.name == "latency.audio.cross-region" })
            let difference = across.histogram.quantile(0.5)! - local.histogram.quantile(0.5)!
            // Half of a round trip of 234 ms, and the difference of places.
            #expect((90_000_000...150_000_000).contains(difference))
        }
    }
}
