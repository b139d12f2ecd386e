import EventKernel
import Measures
import Scenario
import Testing

@testable import Simulation

/// Servers alone, with publishers as given.
private func text(
    _ publishers: [String], horizon: String = "10s", initial: String = "steady", faults: [String] = [],
    servers: (Int, Int) = (1, 1)
) -> String {
    "horizon: \(horizon)\ninitial: \(initial)\npublishers:\n"
        + publishers.map { "  - { \($0) }\n" }.joined()
        + (faults.isEmpty ? "" : "timeline:\n" + faults.map { "  - { \($0) }\n" }.joined())
        + Place.two(servers: servers)
}

@Suite struct StreamTests {
    /// 50 a second from 1 s to 6 s: the first one is due at 1.02 s, and the one at 6 s is none any more.
    @Test func aHealthyStreamArrivesInFull() throws {
        let outcome = try runEveryWay(
            scenario(
                text([
                    "name: far, server: us/nats-0, subject: a.b, rate: 50/s, size: 200B, at: 1s, for: 5s, "
                        + "subscribers: [sgp/nats-0, us/nats-0]"
                ])))
        #expect(outcome.response("stream.far.published") == 249)
        #expect(outcome.response("stream.far.delivered") == 1)
        #expect(outcome.response("stream.far.lost") == 0)
        #expect(outcome.response("stream.far.late") == 0)
        #expect(outcome.response("stream.far.out-of-order") == 0)
        #expect(outcome.response("stream.far.duplicates") == 0)
        #expect(outcome.response("stream.far.resumed") == nil)
        #expect(outcome.response("stream.far.burst-last") == nil)
        // The nearer subscriber has it at once, the other one a one-way delay later.
        let first = try #require(outcome.response("stream.far.first-delivery"))
        #expect(first >= 1.02 && first < 1.021)
        // A message far below a segment takes a whole one of the window. The initial ten are used up 180 ms after the
        // first message, and the first acknowledgement comes 234 ms after it: the eleventh message, due at 200 ms,
        // waits 34 ms longer than the one-way delay of 117 ms, the twelfth 14 ms. After that the window is open.
        let longest = try #require(outcome.response("stream.far.latency.max"))
        #expect(longest >= 151 && longest < 153)
    }

    /// What is due within 117 ms of the horizon does not arrive in time.
    @Test func whatIsUnderWayAtTheHorizonIsLost() throws {
        let outcome = try run(
            scenario(text(["server: us/nats-0, subject: a, rate: 100/s, size: 200B, subscribers: [sgp/nats-0]"])))
        #expect(outcome.response("stream.a.published") == 999)
        #expect(outcome.response("stream.a.lost") == 11)
    }

    @Test func aBurstIsDueAtOneInstant() throws {
        let outcome = try runEveryWay(
            scenario(
                text([
                    "server: us/nats-0, subject: a, rate: 1/s, burst: 30, size: 1000B, for: 4s, "
                        + "subscribers: [us/nats-0]"
                ])))
        #expect(outcome.response("stream.a.published") == 90)
        #expect(outcome.response("stream.a.delivered") == 1)
        let last = try #require(outcome.response("stream.a.burst-last"))
        #expect(last == outcome.response("stream.a.latency.max"))
        #expect(last > outcome.response("stream.a.latency.p50")!)
        #expect(outcome.response("stream.a.first-delivery")! > 1)
    }

    /// A short cut: nothing is lost, what was held is late.
    @Test func aShortCutMakesMessagesLate() throws {
        let outcome = try run(
            scenario(
                text(
                    ["server: us/nats-0, subject: a, rate: 50/s, size: 200B, for: 30s, subscribers: [sgp/nats-0]"],
                    horizon: "40s", faults: ["at: 10s, for: 5s, fault: wan-cut, link: us/sgp"])))
        #expect(outcome.response("stream.a.lost") == 0)
        #expect(outcome.response("stream.a.late")! >= 200)
        #expect(outcome.response("stream.a.resumed")! > 0)
        #expect(outcome.response("stream.a.normal")! >= outcome.response("stream.a.resumed")!)
        #expect(outcome.response("gateway.us/nats-0.sgp.closed") == nil)
        #expect(outcome.response("gateway.us/nats-0.sgp.up") == 0)
    }

    /// A long one closes the busy gateway 12 s after it began; the receiving end notices by its pings.
    @Test func aLongCutClosesAndRestoresGateways() throws {
        let outcome = try run(
            scenario(
                text(
                    ["server: us/nats-0, subject: a, rate: 50/s, size: 200B, for: 80s, subscribers: [sgp/nats-0]"],
                    horizon: "90s", faults: ["at: 10s, for: 50s, fault: wan-cut, link: us/sgp"])))
        #expect(abs(outcome.response("gateway.us/nats-0.sgp.closed")! - 12) < 0.5)
        let stale = try #require(outcome.response("gateway.sgp/nats-0.us.inbound-closed"))
        #expect(stale >= 30 && stale < 45.2)
        let restored = try #require(outcome.response("gateway.us/nats-0.sgp.restored"))
        #expect(restored > 0.4 && restored < 4)
        let lost = try #require(outcome.response("stream.a.lost-time"))
        // Less what the closed connection's socket may still deliver, 3 s of the stream at the most.
        #expect(lost > 47 && lost < 55)
        #expect(outcome.response("stream.a.resumed")! > 0)
    }

    /// Servers that just start know of no subscriber across the link before gateways and interest are there.
    @Test func interestTravelsInAnEmptyStart() throws {
        let outcome = try run(
            scenario(
                text(
                    ["server: us/nats-0, subject: a, rate: 100/s, size: 200B, subscribers: [sgp/nats-0]"],
                    initial: "empty")))
        let up = try #require(outcome.response("gateway.us/nats-0.sgp.up"))
        #expect(abs(up - 1.52) < 0.05)
        let first = try #require(outcome.response("stream.a.first-delivery"))
        #expect(first > up + 0.117 && first < up + 0.5)
        #expect(outcome.response("stream.a.lost")! > 150)
    }

    @Test func streamsOfOneSubjectAreToldApart() throws {
        let outcome = try runEveryWay(
            scenario(
                text([
                    "name: x, server: us/nats-0, subject: a, rate: 10/s, size: 1B, subscribers: [us/nats-0]",
                    "name: y, server: us/nats-0, subject: a, rate: 20/s, size: 1B, subscribers: [us/nats-0]",
                ])))
        #expect(outcome.response("stream.x.delivered") == 1)
        #expect(outcome.response("stream.y.delivered") == 1)
        #expect(outcome.response("stream.x.published") == 99)
        #expect(outcome.response("stream.y.duplicates") == 0)
    }

    /// The clients of a killed server are lost with it and subscribe again when it is back.
    @Test func subscribersReturnWithTheirServer() throws {
        let outcome = try run(
            scenario(
                text(
                    ["server: us/nats-1, subject: a, rate: 50/s, size: 1B, for: 25s, subscribers: [us/nats-0]"],
                    horizon: "30s", faults: ["at: 10s, for: 5s, fault: server-kill, server: us/nats-0"],
                    servers: (2, 1))))
        let lost = try #require(outcome.response("stream.a.lost-time"))
        #expect(lost >= 5 && lost < 5.5)
        #expect(outcome.response("stream.a.resumed")! < 0.5)
    }

    @Test func serversReportTheirCPU() throws {
        let outcome = try run(
            scenario(
                text([
                    "server: us/nats-0, subject: a, rate: 1000/s, size: 1KB, at: 1s, for: 5s, subscribers: [us/nats-0]"
                ])))
        let each = try #require(outcome.response("server.us/nats-0.cpu-per-message"))
        #expect(each > 0)
        let cores = try #require(outcome.response("server.us/nats-0.cpu"))
        // 4999 messages in 5 s.
        #expect(abs(cores - each * 4_999 / 5_000) < 1e-9)
    }

    @Test func onlyScenariosWithPublishersHaveThem() throws {
        let people = try run(committed("baseline", ["horizon=5s"]))
        #expect(!people.responses.contains { $0.name.hasPrefix("stream.") || $0.name.hasSuffix(".cpu-per-message") })
        #expect(!people.responses.contains { $0.name.hasPrefix("gateway.us-east/") })
    }
}
