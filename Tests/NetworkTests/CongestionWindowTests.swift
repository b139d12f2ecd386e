import EventKernel
import Network
import Testing

private let roundTrip: Int64 = 234_000_000
private let timeout: Int64 = 450_000_000

/// Round trips after which the last of `count` messages, written together, departs.
private func extraRoundTrips(_ count: Int, bytes: Int64 = 1_050, at time: Int64 = 0) -> Double {
    var window = CongestionWindow()
    var last: Int64 = 0
    for _ in 0..<count {
        last = window.send(bytes, at: time, roundTrip: roundTrip, timeout: timeout) ?? Int64.max
    }
    return Double(last - time) / Double(roundTrip)
}

@Suite struct CongestionWindowTests {
    /// docs/measurements.md: bursts after idle over a gateway with 234 ms.
    @Test(arguments: [
        (1, 0), (10, 0), (14, 1), (30, 1), (45, 2), (60, 2), (100, 3), (200, 3), (400, 4), (1_000, 6),
    ])
    func aBurstAfterIdleTakesTheMeasuredRoundTrips(messages: Int, expected: Int) {
        #expect(extraRoundTrips(messages) == Double(expected))
    }

    /// One write of 30 KB: ten segments at once, the rest with their acknowledgements.
    @Test func aKeyFrameTakesARoundTripMore() {
        #expect(extraRoundTrips(1, bytes: 30_000) == 1)
    }

    /// A window opened by 400 KB stays open for one timeout, and halves with each further one.
    @Test func idlenessShrinksTheWindowByHalves() {
        func size(idle: Int64) -> Int64 {
            var window = CongestionWindow()
            let last = window.send(400_000, at: 0, roundTrip: roundTrip, timeout: timeout)!
            let time = last + roundTrip
            window.settle(until: time)
            _ = window.send(100, at: time, roundTrip: roundTrip, timeout: timeout)
            let open = window.size
            _ = window.send(100, at: time + idle, roundTrip: roundTrip, timeout: timeout)
            #expect(open > 400_000)
            return window.size * 1_000 / open
        }
        #expect(size(idle: timeout) == 1_000)
        #expect(size(idle: timeout + 1) == 500)
        #expect(size(idle: 2 * timeout + 1) == 250)
        #expect(size(idle: 100 * timeout) * 445 / 1_000 < 16)
    }

    /// 50 writes a second fill 12 segments of a round trip: the window follows to about twice that and no further.
    @Test func aSteadyStreamOpensTheWindowNoFurtherThanItNeeds() {
        var window = CongestionWindow()
        for index in 0..<500 {
            let time = Int64(index) * 20_000_000
            let departure = window.send(220, at: time, roundTrip: roundTrip, timeout: timeout)!
            #expect(departure - time <= 20_000_000 * 3)
        }
        #expect(window.size >= 12 * CongestionWindow.segment && window.size <= 26 * CongestionWindow.segment)
    }

    @Test func aTimeoutLeavesOneSegmentAndSlowStartUpToHalfTheWindow() {
        var window = CongestionWindow()
        _ = window.send(14_480, at: 0, roundTrip: roundTrip, timeout: timeout)
        window.loseLast()
        window.timeOut(at: timeout)
        #expect(window.size == CongestionWindow.segment)
        #expect(window.threshold == 5 * CongestionWindow.segment)
        var departures: [Int64] = []
        for _ in 0..<7 {
            departures.append(
                (window.send(1_448, at: timeout, roundTrip: roundTrip, timeout: timeout)! - timeout) / roundTrip)
        }
        #expect(departures == [0, 1, 1, 2, 2, 2, 2])
    }

    @Test func withoutAcknowledgementsTheWindowShuts() {
        var window = CongestionWindow()
        for _ in 0..<10 {
            #expect(window.send(220, at: 0, roundTrip: roundTrip, timeout: timeout) == 0)
            window.loseLast()
        }
        #expect(window.send(220, at: 1, roundTrip: roundTrip, timeout: timeout) == nil)
        #expect(window.memory == 10 * (220 + 820))
        window.answerAll(at: 500)
        #expect(window.send(220, at: 2, roundTrip: roundTrip, timeout: timeout) == 500)
    }

    @Test func aLossThatAcknowledgementsTellOfHalvesTheWindow() {
        var window = CongestionWindow()
        _ = window.send(14_480, at: 0, roundTrip: roundTrip, timeout: timeout)
        window.recover(at: 5)
        #expect(window.size == 5 * CongestionWindow.segment)
        #expect(window.underWay == 0)
    }
}

@Suite struct PacketLossTests {
    /// Mean gap and run of a chain that loses 2 % in bursts of 4 on average.
    @Test func gapsAndRunsHaveTheirMeans() {
        let loss = PacketLoss(share: 0.02, burst: 4)
        var random = Recurrence(3)
        var gaps: Int64 = 0
        var runs: Int64 = 0
        let count: Int64 = 100_000
        for _ in 0..<count {
            gaps += loss.gap(bits: random.bits())
            runs += loss.length(bits: random.bits())
        }
        let share = Double(runs) / Double(gaps + runs)
        #expect(abs(Double(runs) / Double(count) - 4) < 0.1)
        #expect(abs(share - 0.02) < 0.0005)
    }

    @Test func independentLossesMayFollowEachOther() {
        let loss = PacketLoss(share: 0.5)
        var random = Recurrence(4)
        let gaps = (0..<10_000).map { _ in loss.gap(bits: random.bits()) }
        #expect(gaps.contains(0))
        #expect(abs(Double(gaps.reduce(0, +)) / 10_000 - 1) < 0.05)
        #expect(loss.length(bits: random.bits()) == 1)
    }

    @Test func aLinkWithoutLossNeverLoses() {
        #expect(PacketLoss.none.gap(bits: 7) == Int64.max)
    }
}
