import EventKernel
import Measures
import Scenario
import Testing

@testable import Simulation

@Suite struct CopiesTests {
    /// Every connection of an election is subscribed: the joiner hears each message several times, and one counts.
    @Test func copiesOnElectionConnectionsAreExtra() throws {
        let outcome = try run(
            scenario(calls(horizon: "30s", local: 1, across: 0, steering: "election", initial: "empty")))
        let total = outcome.ledger.total()
        // Four relays: up to three copies too many of about two seconds of audio, video and signalling.
        #expect(total.extra > 200)
        #expect(total.delivered <= total.expected)
        let quiet = try run(scenario(calls(horizon: "30s", local: 1, across: 0)))
        #expect(quiet.ledger.total().extra == 0)
    }

    /// Copies that a starved relay cannot take find the session's mailbox full; nothing else is lost.
    @Test func aFullMailboxIsItsOwnCause() throws {
        let relays = "[{ transport: ws, cpu: 10m }, { transport: wt, cpu: 10m }]"
        let made = try scenario(
            calls(
                horizon: "20s", local: 0, across: 3, sets: ["relay: { mailbox: 1, delivery-cost: 40us }"],
                deployment: Place.two(relays: relays)))
        let outcome = try runEveryWay(made)
        let total = outcome.ledger.total()
        #expect(outcome.lost(.mailboxFull) > 100)
        #expect(total.lostTotal == outcome.lost(.mailboxFull))
        let wide = try run(
            scenario(
                calls(
                    horizon: "20s", local: 0, across: 3, sets: ["relay: { mailbox: 100000, delivery-cost: 40us }"],
                    deployment: Place.two(relays: relays))))
        #expect(wide.ledger.total().lostTotal == 0)
        #expect(wide.ledger.total().inFlight > 1_000)
    }

    /// A stream that is wider than a downlink fills the queue of WebTransport sessions; WebSocket has none.
    @Test func aFullQueueIsItsOwnCause() throws {
        let media = "media: { video-size: 200KB, key-frame-ratio: 1, camera-on: 100% }"
        let narrow = try runEveryWay(
            scenario(
                calls(
                    horizon: "20s", local: 1, across: 0,
                    sets: [media, webTransportOnly, "relay: { webtransport-queue: 16 }"]
                )
                .replacing("access: fibre", with: "access: lte")))
        #expect(narrow.lost(.queueFull) > 100)
        #expect(narrow.ledger.total().lostTotal == narrow.lost(.queueFull))
        let socket = try run(
            scenario(
                calls(horizon: "20s", local: 1, across: 0, sets: [media, webSocketOnly])
                    .replacing("access: fibre", with: "access: lte")))
        #expect(socket.lost(.queueFull) == 0)
        #expect(socket.ledger.total().inFlight > 100)
    }

    /// A message above the limit ends at the relay.
    @Test func anOversizedMessageIsItsOwnCause() throws {
        let outcome = try run(
            scenario(
                calls(
                    horizon: "10s", local: 1, across: 0,
                    sets: ["relay: { maximum-payload: 2KiB }", "media: { camera-on: 100% }"])))
        // Key frames only: 4 people, two pairs of each call, one key frame in 5 s.
        #expect(outcome.lost(.payloadTooLarge) == 8)
        #expect(outcome.ledger.total(of: .video).lostTotal == 8)
    }

    /// Every relay delivery costs CPU, one's own messages' included: a call of two is two deliveries for each message.
    @Test func oneOwnEchoCostsTheRelayButIsNotDelivered() throws {
        let made = try scenario(
            calls(
                horizon: "10s", local: 1, across: 0,
                sets: ["media: { diagnostics: false, camera-on: 0% }", webTransportOnly]))
        let outcome = try run(made)
        let relay = outcome.stations.first { $0.name == "sgp/wt-0" }!
        let sent = Int64(2 * (50 * 10 + 2))
        // Taken once, handed to two sessions; a few are still on their way.
        #expect(relay.served <= 3 * sent)
        #expect(relay.served >= 3 * sent - 12)
        let cell = outcome.ledger.total(path: .sameRegion)
        #expect(cell.extra == 0)
        #expect(cell.delivered + cell.inFlight == 2 * sent)
    }

    @Test func diagnosticsAreSignalling() throws {
        let on = try run(scenario(calls(horizon: "20s")))
        let off = try run(scenario(calls(horizon: "20s", sets: ["media: { diagnostics: false }"])))
        for messageClass in [MessageClass.audio, .video] {
            #expect(on.ledger.total(of: messageClass).expected == off.ledger.total(of: messageClass).expected)
        }
        #expect(on.ledger.total(of: .signalling).expected > 5 * off.ledger.total(of: .signalling).expected)
    }
}
