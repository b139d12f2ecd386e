import EventKernel
import Measures
import Network
import Scenario
import Testing

@testable import Simulation

/// One raw publisher in New York's region, its subscriber in Singapore's, and a link with faults.
private func stream(
    rate: String, size: String = "200B", horizon: String, _ change: (inout Scenario) -> Void = { _ in }
) throws -> Scenario {
    var made = try scenario(
        """
        horizon: \(horizon)
        initial: steady
        publishers: [{ server: us/nats-0, subject: probe, rate: \(rate), size: \(size), subscribers: [sgp/nats-0] }]

        """ + Place.two())
    change(&made)
    return made
}

private func at(_ milliseconds: Int64) -> SimTime { .start + .milliseconds(milliseconds) }

private func cut(from source: Int? = nil, at start: Int64, for length: Int64) -> Fault {
    Fault(kind: .wanCut(link: 0, from: source), start: at(start), end: at(start + length))
}

/// The counters of raw traffic, over both regions.
private func counts(_ made: Scenario) throws -> (published: Int64, delivered: Int64, lost: Int64, oldest: Double) {
    let run = try Run(made, replication: 0, options: SimulationOptions())
    try run.run()
    let first = run.domains[pointer: 0].pointee.raw
    let second = run.domains[pointer: 1].pointee.raw
    return (
        first.published, second.delivered, first.lost + second.lost, Double(second.latency.maximum ?? 0) / 1e9
    )
}

@Suite struct CutTests {
    /// Measured: nothing lost, messages up to 8.5 s old.
    @Test func aCutOfFiveSecondsDelays() throws {
        let made = try stream(rate: "50/s", horizon: "40s") { $0.timeline = [cut(at: 10_000, for: 5_000)] }
        let result = try counts(made)
        #expect(result.published == 1_999)
        #expect(result.lost == 0)
        #expect(result.published - result.delivered <= 7)
        // The window is shut some tenths of a second after the cut, a probe follows after 0.5 s, then timeouts of 0.45,
        // 0.9, 1.8 and 3.6 s: the retransmission about 7.5 s after the cut gets through, and slow start does the rest.
        #expect(result.oldest > 7.3 && result.oldest <= 8.5, "\(result.oldest)")
        let outcome = try run(made)
        #expect(outcome.times(of: "closed").isEmpty)
    }

    /// Only what leaves New York's region is dropped: its stream stalls. A cut of the way back alone lets the rest of
    /// the window through, and the stream stalls all the same.
    @Test(arguments: [0, 1])
    func aCutOfOneDirectionStallsTheStream(source: Int) throws {
        let made = try stream(rate: "50/s", horizon: "40s") {
            $0.timeline = [cut(from: source, at: 10_000, for: 5_000)]
        }
        let result = try counts(made)
        #expect(result.lost == 0)
        #expect(result.published - result.delivered <= 7)
        #expect(result.oldest > 6 && result.oldest < 8.5)
    }

    /// Shorter than a retransmission timeout: selective acknowledgements tell of the hole a round trip after the heal.
    @Test func aCutOfATenthOfASecondCostsARoundTrip() throws {
        let made = try stream(rate: "50/s", horizon: "20s") { $0.timeline = [cut(at: 10_000, for: 100)] }
        let result = try counts(made)
        #expect(result.lost == 0)
        #expect(result.oldest > 0.117 + 0.1 + 0.234 && result.oldest < 0.117 + 0.1 + 0.234 + 0.25)
    }

    /// Five messages a second fill no buffer before the pings find out, 30 to 45 s after the cut.
    @Test func aSlowStreamIsClosedByItsPings() throws {
        let made = try stream(rate: "5/s", horizon: "110s") { $0.timeline = [cut(at: 60_000, for: 50_000)] }
        let outcome = try run(made)
        let closed = try #require(outcome.times(of: "closed: Stale Connection", subject: "us/nats-0").first)
        #expect(closed >= at(89_500) && closed < at(105_200))
        #expect(outcome.times(of: "closed: Slow Consumer").isEmpty)
    }

    /// 2 MB a second fill 4 MiB of buffer in less than 2 s; the first flush has written a part, so a second deadline
    /// follows. Measured: 21.15 to 21.94 s after the cut.
    @Test func aFastStreamIsClosedAfterTwoDeadlines() throws {
        let made = try stream(rate: "250/s", size: "8KB", horizon: "90s") {
            $0.timeline = [cut(at: 60_000, for: 30_000)]
        }
        let outcome = try run(made)
        let closed = try #require(outcome.times(of: "closed: Slow Consumer", subject: "us/nats-0").first)
        #expect(closed > at(81_000) && closed < at(82_200), "\(closed)")
    }

    /// 117, 200, 117 and 600 ms one way: nothing lost, nothing closed.
    @Test func stepsOfTheDelayLoseNothing() throws {
        let made = try stream(rate: "50/s", horizon: "40s") {
            $0.timeline = [
                Fault(kind: .roundTrip(link: 0, .milliseconds(400)), start: at(10_000), end: at(20_000)),
                Fault(kind: .roundTrip(link: 0, .milliseconds(1_200)), start: at(30_000), end: nil),
            ]
        }
        let result = try counts(made)
        #expect(result.lost == 0)
        #expect(result.published - result.delivered <= 31)
        #expect(result.oldest < 1.2)
        #expect(try run(made).times(of: "closed").isEmpty)
    }

    /// Two percent lost: all arrive, each loss costs about a round trip, and what is behind waits.
    @Test func lossesDelayWhatIsBehindThem() throws {
        let made = try stream(rate: "20/s", horizon: "100s") {
            $0.deployment.links[0].loss = PacketLoss(share: 0.02)
        }
        let result = try counts(made)
        #expect(result.lost == 0)
        #expect(result.published - result.delivered <= 20)
        #expect(result.oldest > 0.35 && result.oldest < 3)
    }

    /// Each packet takes up to 20 ms longer: 10 ms on average, but none overtakes another.
    @Test func jitterAddsHalfOfItsBound() throws {
        let made = try stream(rate: "10/s", horizon: "200s") { $0.deployment.links[0].jitter = .milliseconds(20) }
        let run = try Run(made, replication: 0, options: SimulationOptions())
        try run.run()
        let mean = run.domains[pointer: 1].pointee.raw.latency.mean! / 1e6
        #expect(abs(mean - 127.2) < 0.6, "\(mean)")
    }

    /// The ways of a link may differ: 30 ms there, 204 ms back.
    @Test func theWaysOfALinkMayDiffer() throws {
        let made = try stream(rate: "10/s", horizon: "20s") { $0.deployment.links[0].oneWay = .milliseconds(30) }
        let run = try Run(made, replication: 0, options: SimulationOptions())
        try run.run()
        let mean = run.domains[pointer: 1].pointee.raw.latency.mean! / 1e6
        #expect(abs(mean - 30.2) < 0.1, "\(mean)")
    }

    /// All that a link can do to packets at once.
    @Test func everyExecutorGivesTheSameOnABadLink() throws {
        var made = try scenario(
            calls(
                horizon: "70s", steering: "election",
                faults: ["at: 40s, for: 9s, fault: server-kill, server: us/nats-0"],
                deployment: Place.two(servers: (2, 2))))
        made.deployment.links[0].oneWay = .milliseconds(80)
        made.deployment.links[0].jitter = .milliseconds(9)
        made.deployment.links[0].loss = PacketLoss(share: 0.01, burst: 2)
        made.timeline += [
            cut(from: 0, at: 8_000, for: 3_000), cut(from: 1, at: 14_000, for: 400), cut(at: 20_000, for: 16_000),
            Fault(kind: .loss(link: 0, PacketLoss(share: 0.1, burst: 5)), start: at(5_000), end: at(12_000)),
            Fault(kind: .jitter(link: 0, .milliseconds(60)), start: at(6_000), end: at(50_000)),
            Fault(kind: .bandwidth(link: 0, 3_000_000), start: at(3_000), end: at(60_000)),
            Fault(kind: .roundTrip(link: 0, .milliseconds(150)), start: at(11_000), end: at(30_000)),
        ]
        let outcome = try runEveryWay(made)
        #expect(outcome.ledger.total(of: .audio, path: .crossRegion).delivered > 1_000)
    }
}
