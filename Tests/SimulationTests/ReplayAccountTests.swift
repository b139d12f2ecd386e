import EventKernel
import Measures
import Scenario
import Testing

@testable import Simulation

/// Servers that bring every message to every session that is subscribed, after a fixed time.
private struct PerfectServers {
    /// By region of the sender, then of the receiver, in nanoseconds.
    var delay: [[Int64]]

    /// - Parameter keeps: whether a copy to a relay arrives.
    func arrivals(_ script: RelayScript, keeps: (RelayArrival) -> Bool = { _ in true }) -> [RelayArrival] {
        var seats: [Int: [(relay: Int, slot: Int)]] = [:]
        let operations = script.relays.enumerated().flatMap { index, relay in
            relay.operations.map { (relay: index, operation: $0) }
        }.enumerated().sorted { ($0.element.operation.time, $0.offset) < ($1.element.operation.time, $1.offset) }
        var result: [RelayArrival] = []
        for (relay, operation) in operations.map(\.element) {
            let slot = Int(operation.object)
            switch operation.kind {
            case .open: break
            case .close:
                for room in seats.keys { seats[room]!.removeAll { $0.relay == relay } }
            case .subscribe:
                let room = script.room(ofPerson: script.relays[relay].sessions[slot].person)
                seats[room, default: []].append((relay, slot))
            case .unsubscribe:
                let room = script.room(ofPerson: script.relays[relay].sessions[slot].person)
                seats[room]!.removeAll { $0 == (relay, slot) }
            case .publish:
                let room = script.room(ofPerson: script.person(ofStream: operation.object))
                for seat in seats[room] ?? [] {
                    let transit = delay[script.relays[relay].region][script.relays[seat.relay].region]
                    let arrival = RelayArrival(
                        time: operation.time + SimDuration(nanoseconds: transit), stream: operation.object,
                        sequence: operation.sequence, relay: UInt32(seat.relay), slot: UInt32(seat.slot))
                    if keeps(arrival) { result.append(arrival) }
                }
            }
        }
        return result.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element)
    }
}

@Suite struct ReplayAccountTests {
    private let servers = PerfectServers(delay: [[300_000, 117_000_000], [117_000_000, 300_000]])

    private func record(_ scenario: Scenario) throws -> RelayRecording {
        try simulateRecordingRelays(scenario, replication: 0, options: SimulationOptions())
    }

    /// Servers that lose nothing give the ledger of the twin, which loses nothing either.
    @Test(arguments: [webSocketOnly, webTransportOnly])
    func perfectServersGiveTheLedgerOfAHealthyTwin(transport: String) throws {
        let recording = try record(scenario(calls(horizon: "8s", sets: [transport])))
        let account = recording.script.account(of: servers.arrivals(recording.script))
        #expect(account.violations == [])
        #expect(account.ledger.isBalanced)
        let own = account.ledger.total()
        let twin = recording.outcome.ledger.total()
        #expect(own.expected == twin.expected)
        #expect(own.lostTotal == 0 && twin.lostTotal == 0)
        // Copies of the last 120 ms are under way in both.
        #expect(own.inFlight > 0)
        #expect(abs(own.inFlight - twin.inFlight) <= 2)
        #expect(abs(own.decodable - twin.decodable) <= 2)
        let median = { (outcome: Outcome) in
            outcome.histograms.first { $0.name == "latency.audio.cross-region" }!.histogram.quantile(0.5)!
        }
        #expect(abs(median(account) - median(recording.outcome)) < 1_000_000)
        #expect(account.series.map(\.expected) == recording.outcome.expectedSeries)
        #expect(account.response("delivery.audio.all.all.ever")! > 0.98)
        #expect(account.response("setup.succeeded") == nil)
    }

    @Test func whatOneRelayDoesNotGetIsLostByTheServers() throws {
        let recording = try record(scenario(calls(horizon: "4s", sets: [webSocketOnly])))
        // Nothing reaches sgp/ws-0 from half past one to half past two.
        let lost = SimTime(nanoseconds: 1_500_000_000)..<SimTime(nanoseconds: 2_500_000_000)
        let account = recording.script.account(
            of: servers.arrivals(recording.script) { $0.relay != 2 || !lost.contains($0.time) })
        #expect(account.violations == [])
        #expect(account.ledger.isBalanced)
        let total = account.ledger.total(of: .audio)
        // Two people of each local call and one of each spanning call live there: six get one stream each,
        // 50 packets a second.
        let lostByServers = total.lost[Int(LossCause.lostByServers.rawValue)]
        #expect((297...303).contains(lostByServers))
        #expect(total.lostTotal == lostByServers)
        #expect(account.response("lost.lost-by-the-servers")! > 300)
        #expect(account.journal.contains { $0.cause == .lostByServers })
    }

    /// What the twin loses to its gateways counts as delivered where real servers deliver it.
    @Test func theTwinsServersDoNotDecide() throws {
        let made = try scenario(
            calls(
                horizon: "40s", sets: [webSocketOnly],
                faults: ["at: 3s, for: 20s, fault: wan-cut, link: us/sgp"]))
        let recording = try record(made)
        #expect(recording.outcome.ledger.total().lostTotal > 1_000)
        let account = recording.script.account(of: servers.arrivals(recording.script))
        #expect(account.violations == [])
        // The twin's relays drop some of what comes in one go after the cut; that is theirs, not the servers'.
        #expect(account.ledger.total().lostTotal == account.lost(.mailboxFull))
        #expect(account.ledger.total().expected == recording.outcome.ledger.total().expected)
        let none = recording.script.account(of: [])
        #expect(none.violations == [])
        #expect(none.ledger.isBalanced)
        #expect(none.ledger.total().lostTotal == none.lost(.lostByServers) + none.lost(.mailboxFull))
    }

    /// Whoever is not there gets nothing, and the cause is the twin's.
    @Test(arguments: ["election", "pinned"])
    func whatHappensBeforeServersIsTheTwins(steering: String) throws {
        let made = try scenario(
            calls(
                horizon: "60s", steering: steering, initial: "empty",
                faults: [
                    "at: 15s, for: 10s, fault: power-loss, site: sgp",
                    "at: 40s, for: 5s, fault: relay-kill, relay: us/ws-0",
                ]))
        let recording = try record(made)
        let account = recording.script.account(of: servers.arrivals(recording.script))
        #expect(account.violations == [])
        #expect(account.ledger.isBalanced)
        let own = account.ledger.total()
        let twin = recording.outcome.ledger.total()
        #expect(own.expected + own.void == twin.expected + twin.void)
        for cause in [LossCause.senderNotJoined, .senderNotConnected, .siteUnreachable, .relayWithoutServer] {
            #expect(abs(account.lost(cause) - recording.outcome.lost(cause)) <= twin.expected / 1_000, "\(cause)")
        }
        #expect(account.lost(.gatewayDown) == 0)
        #expect(account.lost(.senderNotJoined) > 100)
        // A relay that died was subscribed for nobody: no servers are to blame.
        #expect(account.lost(.lostByServers) < 20)
        #expect(own.delivered >= twin.delivered)
    }

    @Test func whatCannotBeIsAViolation() throws {
        let recording = try record(scenario(calls(horizon: "2s", sets: [webSocketOnly])))
        let arrivals = servers.arrivals(recording.script)
        let twice = arrivals.first { arrival in
            recording.script.person(ofStream: arrival.stream)
                != recording.script.relays[Int(arrival.relay)].sessions[Int(arrival.slot)].person
        }!
        #expect(
            recording.script.account(of: arrivals + [twice]).violations == [
                "1 messages came twice on one subscription"
            ])
        var foreign = twice
        foreign.slot = 9
        #expect(
            recording.script.account(of: arrivals + [foreign]).violations == [
                "1 messages came to sessions that they were not for"
            ])
        let early = arrivals.map { arrival in
            var arrival = arrival
            if arrival == twice { arrival.time = .start - .seconds(1) }
            return arrival
        }
        #expect(
            recording.script.account(of: early).violations == ["1 messages came before they were captured"])
    }
}
