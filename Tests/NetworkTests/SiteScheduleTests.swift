import EventKernel
import Network
import Testing

private func at(_ seconds: Int64) -> SimTime { .start + .seconds(seconds) }

@Suite struct SiteScheduleTests {
    @Test func aSiteWithoutLeasesIsAlwaysUp() {
        var schedule = SiteSchedule(sites: 2)
        schedule.add(site: 1, state: .blackHole, from: at(10), to: at(20))
        schedule.seal()
        #expect(schedule.state(of: 0, at: at(15)) == .up)
        #expect(schedule.nextChange(of: 0, after: at(0)) == .never)
        #expect(schedule.isReachableThroughout(0, from: at(0), to: .never))
    }

    @Test func aLeaseHoldsFromItsStartIncludedToItsEndExcluded() {
        var schedule = SiteSchedule(sites: 1)
        schedule.add(site: 0, state: .refused, from: at(10), to: at(20))
        schedule.seal()
        #expect(schedule.state(of: 0, at: at(10) - .nanoseconds(1)) == .up)
        #expect(schedule.state(of: 0, at: at(10)) == .refused)
        #expect(schedule.state(of: 0, at: at(20) - .nanoseconds(1)) == .refused)
        #expect(schedule.state(of: 0, at: at(20)) == .up)
    }

    @Test func theWorstLeaseDecidesWhileSeveralHold() {
        var schedule = SiteSchedule(sites: 1)
        schedule.add(site: 0, state: .blackHole, from: at(15), to: at(30))
        schedule.add(site: 0, state: .powerLoss, from: at(10), to: at(20))
        schedule.add(site: 0, state: .refused, from: at(5), to: at(40))
        schedule.seal()
        let changes = schedule.changes(of: 0)
        #expect(changes.map(\.0) == [at(5), at(10), at(20), at(30), at(40)])
        #expect(changes.map(\.1) == [.refused, .powerLoss, .blackHole, .refused, .up])
    }

    @Test func leasesThatMeetLeaveNoGap() {
        var schedule = SiteSchedule(sites: 1)
        schedule.add(site: 0, state: .blackHole, from: at(10), to: at(20))
        schedule.add(site: 0, state: .blackHole, from: at(20), to: .never)
        schedule.seal()
        #expect(schedule.changes(of: 0).map(\.0) == [at(10)])
        #expect(schedule.nextChange(of: 0, after: at(10)) == .never)
    }

    @Test func reachableThroughoutCountsBothEnds() {
        var schedule = SiteSchedule(sites: 1)
        schedule.add(site: 0, state: .blackHole, from: at(10), to: at(20))
        schedule.seal()
        #expect(schedule.isReachableThroughout(0, from: at(0), to: at(10) - .nanoseconds(1)))
        #expect(!schedule.isReachableThroughout(0, from: at(0), to: at(10)))
        #expect(!schedule.isReachableThroughout(0, from: at(20) - .nanoseconds(1), to: at(25)))
        #expect(schedule.isReachableThroughout(0, from: at(20), to: .never))
    }

    /// Against the plain definition, with many overlapping leases; no randomness beyond a fixed recurrence.
    @Test func everyQueryAgreesWithAScanOfTheLeases() {
        var random = Recurrence(7)
        var leases: [(site: Int, state: SiteState, from: Int64, to: Int64)] = []
        var schedule = SiteSchedule(sites: 3)
        for _ in 0..<60 {
            let from = random.next(below: 900)
            let lease = (
                Int(random.next(below: 3)), SiteState.allCases[Int(random.next(below: 4))], from,
                from + random.next(below: 40)
            )
            leases.append(lease)
            schedule.add(site: lease.0, state: lease.1, from: at(lease.2), to: at(lease.3))
        }
        schedule.seal()
        for site in 0..<3 {
            var cursor = SiteCursor()
            for second in Int64(0)..<1_000 {
                let holding = leases.filter { $0.site == site && $0.from <= second && second < $0.to }
                let worst = holding.map(\.state.rawValue).max() ?? 0
                #expect(schedule.state(of: site, at: at(second)).rawValue == worst)
                #expect(schedule.state(of: site, at: at(second), &cursor).rawValue == worst)
            }
        }
    }
}

/// A fixed sequence of numbers for tests that compare with a plain definition.
struct Recurrence {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func bits() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func next(below bound: Int64) -> Int64 { Int64(bits() % UInt64(bound)) }
}
