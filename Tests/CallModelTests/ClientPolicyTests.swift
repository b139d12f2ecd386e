import CallModel
import EventKernel
import Network
import Testing

@Suite struct ReconnectPolicyTests {
    private func pauses(_ jitter: Double, _ count: Int) -> [Int64] {
        var policy = ReconnectPolicy(ClientParameters())
        return (0..<count).map { _ in policy.nextPause(jitter: jitter).nanoseconds / 1_000_000 }
    }

    @Test func theFirstPauseIsFixedAndTheOthersDoubleUpToTheirCaps() {
        #expect(
            pauses(0, 18) == [
                500, 1_000, 2_000, 2_000, 2_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000,
                10_000, 10_000, 20_000, 30_000,
            ])
    }

    /// With attempts of 2.5 s the mean start offsets are 0.5, 4.2, 8.7, 13.2, 17.7, 22.2, 29.8, 42.2, 54.7, 67.2 s.
    @Test func theMeanJitterGivesTheKnownStartOffsets() {
        var offset: Int64 = 0
        var offsets: [Int64] = []
        for pause in pauses(0.5, 10) {
            offset += pause
            offsets.append(offset)
            offset += 2_500
        }
        #expect(offsets == [500, 4_250, 8_750, 13_250, 17_750, 22_250, 29_750, 42_250, 54_750, 67_250])
    }

    @Test func jitterAddsUpToTheLastPause() {
        #expect(pauses(0.999_999, 2) == [500, 1_499])
    }

    @Test func tenUnansweredAttemptsInARowEndIt() {
        var policy = ReconnectPolicy(ClientParameters())
        let ends = (0..<10).map { _ in policy.attemptFailed(answered: false) }
        #expect(ends == Array(repeating: false, count: 9) + [true])
    }

    @Test func anAnswerStartsTheCountAfresh() {
        var policy = ReconnectPolicy(ClientParameters())
        for _ in 0..<9 { _ = policy.attemptFailed(answered: false) }
        let ends = [policy.attemptFailed(answered: true), policy.attemptFailed(answered: false)]
        #expect(ends == [false, false])
        #expect(policy.unanswered == 1)
    }

    @Test func successStartsThePausesAfresh() {
        var policy = ReconnectPolicy(ClientParameters())
        for _ in 0..<8 { _ = policy.nextPause(jitter: 0.3) }
        policy.succeeded()
        #expect(policy.nextPause(jitter: 0.3) == .milliseconds(500))
    }
}

@Suite struct ElectionTests {
    private func at(_ milliseconds: Int64) -> SimTime { .start + .seconds(100) + .milliseconds(milliseconds) }

    private func election(
        _ candidates: [(Transport, Int)], phase: SimDuration = .milliseconds(60)
    ) -> Election {
        Election(
            start: at(0), checkPhase: phase, candidates: candidates.map { (transport: $0.0, site: $0.1) },
            parameters: ClientParameters())
    }

    private let four: [(Transport, Int)] = [(.webSocket, 0), (.webTransport, 0), (.webSocket, 1), (.webTransport, 1)]

    /// Echoes every 200 ms from `from` on.
    private func probe(_ election: inout Election, _ candidate: Int, _ roundTrip: Int64, from: Int64, count: Int64 = 20)
    {
        for index in 0..<count {
            election.record(candidate, roundTrip: .milliseconds(roundTrip), at: at(from + 200 * index))
        }
    }

    @Test func theDeadlineIsTheFirstCheckAfterThePeriod() {
        #expect(election(four).deadline == at(2_060))
        #expect(election(four, phase: .zero).deadline == at(2_000))
        #expect(election(four, phase: .milliseconds(100)).deadline == at(2_000))
    }

    @Test func theNearestWebTransportServerWins() {
        var election = election(four)
        for (index, roundTrip) in [250, 252, 39, 41].enumerated() {
            probe(&election, index, Int64(roundTrip), from: 700)
        }
        #expect(election.decide() == .elected(3))
    }

    @Test func aFarWebTransportBeatsANearWebSocket() {
        var election = election([(.webSocket, 1), (.webTransport, 0)])
        probe(&election, 0, 40, from: 300)
        probe(&election, 1, 254, from: 800)
        #expect(election.decide() == .elected(1))
    }

    @Test func withoutWebTransportTheBestWebSocketWins() {
        var election = election(four)
        probe(&election, 0, 250, from: 700)
        probe(&election, 2, 40, from: 300)
        #expect(election.decide() == .elected(2))
    }

    @Test func aWebTransportWithOneSampleLosesToAWebSocketWithTwo() {
        var election = election([(.webSocket, 1), (.webTransport, 1)])
        probe(&election, 0, 40, from: 300)
        probe(&election, 1, 30, from: 500, count: 1)
        #expect(election.decide() == .elected(0))
    }

    @Test func equalMeansGoToTheFirst() {
        var election = election(four)
        probe(&election, 3, 40, from: 300)
        probe(&election, 1, 40, from: 300)
        #expect(election.decide() == .elected(1))
    }

    @Test func samplesAfterTheLastFoldDoNotCount() {
        var election = election([(.webTransport, 1)])
        election.record(0, roundTrip: .milliseconds(40), at: at(1_900))
        election.record(0, roundTrip: .milliseconds(40), at: at(2_030))
        #expect(election.decide() == .extended(until: at(3_060)))
        #expect(election.samples(of: 0) == 1)
        #expect(election.decide() == .elected(0))
    }

    @Test func afterTwoExtensionsOneSampleIsEnough() {
        var election = election([(.webSocket, 0), (.webTransport, 0)])
        election.record(0, roundTrip: .milliseconds(250), at: at(1_500))
        #expect(election.decide() == .extended(until: at(3_060)))
        #expect(election.decide() == .extended(until: at(4_060)))
        #expect(election.decide() == .elected(0))
    }

    @Test func withoutAnySampleTheElectionFails() {
        var election = election(four)
        #expect(election.decide() == .extended(until: at(3_060)))
        #expect(election.decide() == .extended(until: at(4_060)))
        #expect(election.decide() == .failed)
    }

    @Test func theMeanCoversTheLastTenSamples() {
        var election = election([(.webSocket, 0), (.webSocket, 1)])
        for _ in 0..<10 { election.record(0, roundTrip: .seconds(5), at: at(500)) }
        for _ in 0..<10 { election.record(0, roundTrip: .milliseconds(30), at: at(600)) }
        probe(&election, 1, 40, from: 300)
        #expect(election.decide() == .elected(0))
        #expect(election.samples(of: 0) == 10)
    }

    @Test func aSampleOverTenSecondsIsThrownAway() {
        var election = election([(.webSocket, 0)])
        election.record(0, roundTrip: .milliseconds(10_001), at: at(500))
        election.record(0, roundTrip: .milliseconds(10_001), at: at(600))
        _ = election.decide()
        #expect(election.samples(of: 0) == 0)
    }

    @Test func aBrokenConnectionCannotWin() {
        var election = election(four)
        probe(&election, 3, 40, from: 300)
        probe(&election, 2, 40, from: 300)
        election.disconnected(3)
        #expect(election.decide() == .elected(2))
    }
}
