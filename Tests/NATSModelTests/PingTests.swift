import EventKernel
import Testing

@testable import NATSModel

/// How long after a cut the connection is closed: ticks run from `phase` on, each answered `roundTrip` later until
/// the cut at `cut`, when packets stop in both directions.
private func detection(phase: SimDuration, cut: SimTime, roundTrip: SimDuration) -> SimDuration {
    var monitor = PingMonitor(ServerParameters())
    _ = monitor.begin { 0 }
    var tick = SimTime.start + phase
    var answer = SimTime.never
    while true {
        if answer <= tick && answer <= cut { monitor.pongReceived() }
        switch monitor.tick() {
        case .stale: return tick - cut
        case .ping: answer = tick + roundTrip
        }
        tick = tick + monitor.interval
    }
}

@Suite struct PingTests {
    @Test func theThirdUnansweredTickCloses() {
        var monitor = PingMonitor(ServerParameters())
        #expect(monitor.tick() == .ping)
        #expect(monitor.tick() == .ping)
        #expect(monitor.tick() == .stale)
        monitor.pongReceived()
        #expect(monitor.tick() == .ping)
    }

    @Test func theFirstPingComesAfterOneSecondToOnePointTwo() {
        var monitor = PingMonitor(ServerParameters())
        #expect(monitor.begin { 0 } == .seconds(1))
        #expect(monitor.begin { UInt64.max } == .nanoseconds(1_199_999_999))
        #expect(monitor.interval == .seconds(15))
    }

    /// An idle connection behind a black hole, 1,000 ping phases uniform over the interval. The mean of 1,000 has a
    /// standard deviation of 0.14 s, so 0.45 s is missed by chance once in 700; the statistic over 5 bins has 4
    /// degrees of freedom and exceeds 18.5 by chance once in 1,000. The seed is fixed.
    @Test func anIdleConnectionBehindABlackHoleIsClosedAfterThirtyToFortyFiveSeconds() {
        var random = Splitmix(state: 11)
        var bins = [0, 0, 0, 0, 0]
        var total = SimDuration.zero
        var least = SimDuration.seconds(1_000)
        var most = SimDuration.zero
        for _ in 0..<1_000 {
            let phase = SimDuration.nanoseconds(Int64(random.below(15_000_000_000)))
            let found = detection(phase: phase, cut: .start + .seconds(100), roundTrip: .zero)
            least = min(least, found)
            most = max(most, found)
            total = total + found
            bins[Int((found.nanoseconds - 30_000_000_000) / 3_000_000_000)] += 1
        }
        #expect(least >= .seconds(30))
        #expect(most <= .seconds(45))
        #expect(abs((total / 1_000).seconds - 37.5) < 0.45)
        #expect(chiSquare(bins, weights: [1, 1, 1, 1, 1]) < 18.5)
    }

    /// A cut that swallows the answer to a ping on its way counts from that ping.
    @Test func theAnswerOnItsWayAtTheCutIsLostToo() {
        let found = detection(
            phase: .seconds(10) - .milliseconds(100), cut: .start + .seconds(100), roundTrip: .milliseconds(234))
        #expect(found == .milliseconds(29_900))
    }
}
