import EventKernel
import Network
import Testing

private func at(_ seconds: Int64) -> SimTime { .start + .seconds(seconds) }

@Suite struct LinkScheduleTests {
    @Test func aLinkWithoutLeasesTakesHalfItsRoundTrip() {
        var link = LinkSchedule(roundTrip: .milliseconds(234), bandwidth: 1_000_000)
        link.seal()
        #expect(link.oneWay(at: at(5)) == .milliseconds(117))
        #expect(link.leastOneWay == .milliseconds(117))
        #expect(link.isUpThroughout(from: at(0), to: .never))
        #expect(link.nextUp(notBefore: at(5)) == at(5))
        #expect(link.bandwidth == 1_000_000)
    }

    @Test func aCutHoldsFromItsStartIncludedToItsEndExcluded() {
        var link = LinkSchedule(roundTrip: .milliseconds(234))
        link.addCut(from: at(10), to: at(40))
        link.seal()
        #expect(link.isUp(at: at(10) - .nanoseconds(1)))
        #expect(!link.isUp(at: at(10)))
        #expect(link.isUp(at: at(40)))
        #expect(link.nextUp(notBefore: at(25)) == at(40))
        #expect(link.nextCut(notBefore: at(5)) == at(10))
        #expect(!link.isUpThroughout(from: at(9), to: at(10)))
        #expect(link.isUpThroughout(from: at(40), to: .never))
    }

    @Test func overlappingCutsHoldUntilTheLastEnds() {
        var link = LinkSchedule(roundTrip: .milliseconds(234))
        link.addCut(from: at(10), to: at(20))
        link.addCut(from: at(15), to: at(30))
        link.addCut(from: at(50), to: .never)
        link.seal()
        #expect(link.nextUp(notBefore: at(12)) == at(30))
        #expect(link.nextUp(notBefore: at(50)) == .never)
    }

    @Test func changesOfTheRoundTripAddTheirDifferences() {
        var link = LinkSchedule(roundTrip: .milliseconds(200))
        link.addDelay(roundTrip: .milliseconds(300), from: at(10), to: at(30))
        link.addDelay(roundTrip: .milliseconds(260), from: at(20), to: at(40))
        link.seal()
        #expect(link.oneWay(at: at(10)) == .milliseconds(150))
        #expect(link.oneWay(at: at(20)) == .milliseconds(180))
        #expect(link.oneWay(at: at(30)) == .milliseconds(130))
        #expect(link.oneWay(at: at(40)) == .milliseconds(100))
        #expect(link.leastOneWay == .milliseconds(100))
        #expect(link.nextChange(after: at(10)) == at(20))
    }

    @Test func shorterDelaysNeverAddUpBelowTheLeastOneStated() {
        var link = LinkSchedule(roundTrip: .milliseconds(200))
        link.addDelay(roundTrip: .milliseconds(60), from: at(10), to: at(30))
        link.addDelay(roundTrip: .milliseconds(80), from: at(10), to: at(30))
        link.seal()
        #expect(link.oneWay(at: at(10)) == .milliseconds(30))
        #expect(link.leastOneWay == .milliseconds(30))
    }

    @Test func aDelayChangeDuringACutDoesNotHealIt() {
        var link = LinkSchedule(roundTrip: .milliseconds(200))
        link.addCut(from: at(10), to: at(40))
        link.addDelay(roundTrip: .milliseconds(300), from: at(20), to: at(30))
        link.seal()
        #expect(link.nextUp(notBefore: at(10)) == at(40))
        #expect(link.oneWay(at: at(25)) == .milliseconds(150))
        #expect(!link.isUp(at: at(25)))
    }

    /// Against the plain definition, with 10,000 leases.
    @Test func tenThousandLeasesAgreeWithAScan() {
        var random = Recurrence(11)
        var link = LinkSchedule(roundTrip: .milliseconds(200))
        var cuts: [(Int64, Int64)] = []
        var delays: [(Int64, Int64, Int64)] = []
        for index in 0..<10_000 {
            let from = random.next(below: 1_000_000)
            let to = from + 1 + random.next(below: 60)
            if index % 2 == 0 {
                cuts.append((from, to))
                link.addCut(from: at(from), to: at(to))
            } else {
                let roundTrip = 200 + random.next(below: 100)
                delays.append((from, to, roundTrip))
                link.addDelay(roundTrip: .milliseconds(roundTrip), from: at(from), to: at(to))
            }
        }
        link.seal()
        for _ in 0..<300 {
            let second = random.next(below: 1_000_000)
            let later = second + random.next(below: 20)
            let gains = delays.filter { $0.0 <= second && second < $0.1 }.map { ($0.2 - 200) * 500_000 }
            #expect(link.oneWay(at: at(second)).nanoseconds == 100_000_000 + gains.reduce(0, +))
            #expect(link.isUp(at: at(second)) == !cuts.contains { $0.0 <= second && second < $0.1 })
            let touches = cuts.contains { $0.0 <= later && second < $0.1 }
            #expect(link.isUpThroughout(from: at(second), to: at(later)) == !touches)
            var up = second
            while let cut = cuts.first(where: { $0.0 <= up && up < $0.1 }) { up = cut.1 }
            #expect(link.nextUp(notBefore: at(second)) == at(up))
        }
    }
}

@Suite struct RetransmissionScheduleTests {
    private let wan = SimDuration.milliseconds(234)

    private func first(_ heal: SimTime) -> SimTime {
        RetransmissionSchedule.firstRetransmission(notBefore: heal, cutAt: at(100), roundTrip: wan)
    }

    /// 434 ms times 1, 3, 7, 15, ... 511, then every 120 s.
    @Test func repeatsFollowTheDoublingTimeout() {
        let expected: [Int64] = [434, 1_302, 3_038, 6_510, 13_454, 27_342, 55_118, 110_670, 221_774, 341_774, 461_774]
        var instants: [Int64] = []
        var heal = at(100)
        for _ in expected {
            let instant = first(heal)
            instants.append((instant - at(100)).nanoseconds / 1_000_000)
            heal = instant + .nanoseconds(1)
        }
        #expect(instants == expected)
    }

    @Test func aHealAtARepeatIsInTimeForIt() {
        #expect(first(at(100) + .milliseconds(1_302)) == at(100) + .milliseconds(1_302))
    }

    @Test func aCutOfThirtySecondsIsOverAtTheSeventhRepeat() {
        #expect(first(at(130)) == at(100) + .milliseconds(55_118))
    }

    @Test func aConnectionThatIsGivenUpNeverRepeats() {
        #expect(first(at(100) + .milliseconds(821_774)) == at(100) + .milliseconds(821_774))
        #expect(first(at(100) + .milliseconds(821_775)) == .never)
        #expect(first(.never) == .never)
        #expect(RetransmissionSchedule.givesUp(cutAt: at(100), roundTrip: wan) == at(100) + .milliseconds(941_774))
    }

    @Test func theTimeoutNeverExceedsTwoMinutes() {
        #expect(RetransmissionSchedule.timeout(roundTrip: .seconds(300)) == .seconds(120))
    }
}
