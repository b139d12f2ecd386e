import EventKernel
import Measures
import Scenario
import Testing

@testable import Simulation

/// What the relays of a twin say to NATS, written down.
@Suite struct RelayScriptTests {
    /// One spanning call of two, pinned, in progress: two relays have one session each.
    private func tiny(faults: [String] = []) throws -> Scenario {
        try scenario(calls(horizon: "2s", local: 0, across: 1, sets: [webSocketOnly], faults: faults))
    }

    @Test func aTinyCallIsWrittenDown() throws {
        let script = try simulateRecordingRelays(tiny(), replication: 0, options: SimulationOptions()).script
        #expect(script.relays.map(\.name) == ["us/ws-0", "us/wt-0", "sgp/ws-0", "sgp/wt-0"])
        #expect(script.relays.map(\.sessions.count) == [1, 0, 1, 0])
        #expect(script.relays.map { $0.operations.first?.kind } == [.open, .open, .open, .open])
        let relay = script.relays[2]
        #expect(relay.operations.prefix(3).map(\.kind) == [.open, .subscribe, .publish])
        #expect(relay.operations.prefix(2).allSatisfy { $0.time < .start })
        #expect(relay.operations.dropFirst(2).allSatisfy { $0.kind == .publish && $0.time > .start })
        #expect(relay.sessions[0].closed == .never)
        // 50 packets a second of a call that is in progress, for 2 s.
        let audio = relay.operations.filter { $0.kind == .publish && $0.object % 4 == 0 }
        #expect(audio.count == 100)
        #expect(audio.map { $0.sequence - audio[0].sequence } == Array(0..<100))
        let person = script.person(ofStream: audio[0].object)
        #expect(person == relay.sessions[0].person)
        #expect(audio[0].session == relay.sessions[0].id)
        #expect(script.captureTime(ofStream: audio[0].object, sequence: audio[0].sequence) < audio[0].time)
    }

    @Test func aKilledServerClosesAndOpens() throws {
        let made = try tiny(faults: ["at: 1s, for: 500ms, fault: server-kill, server: sgp/nats-0"])
        let script = try simulateRecordingRelays(made, replication: 0, options: SimulationOptions()).script
        let changes = script.relays[2].operations.filter { $0.kind != .publish }
        #expect(changes.prefix(3).map(\.kind) == [.open, .subscribe, .close])
        #expect(changes[2].time > .start + .seconds(1) && changes[2].time < .start + .milliseconds(1_002))
    }

    @Test func recordingChangesNothing() throws {
        let made = try scenario(
            calls(
                horizon: "20s", steering: "election", initial: "empty",
                faults: [
                    "at: 5s, for: 5s, fault: power-loss, site: sgp",
                    "at: 8s, for: 2s, fault: server-kill, server: us/nats-0",
                ]))
        let plain = try run(made, replication: 1)
        let recorded = try simulateRecordingRelays(made, replication: 1, options: SimulationOptions())
        #expect(plain.fingerprint == recorded.outcome.fingerprint)
        #expect(plain.ledger == recorded.outcome.ledger)
        let other = try simulateRecordingRelays(
            made, replication: 1, options: SimulationOptions(executor: .reference))
        #expect(recorded.script.relays.map(\.operations) == other.script.relays.map(\.operations))
        #expect(recorded.script.relays.map(\.sessions) == other.script.relays.map(\.sessions))
        for relay in recorded.script.relays {
            let times = relay.operations.map(\.time)
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 }, "\(relay.name)")
        }
    }

    @Test func aScriptHasALimit() throws {
        #expect(throws: SimulationError.self) {
            try simulateRecordingRelays(tiny(), replication: 0, options: SimulationOptions(), limit: 100)
        }
    }

    @Test func anOperationIsSmall() { #expect(MemoryLayout<RelayOperation>.stride == 24) }
}
