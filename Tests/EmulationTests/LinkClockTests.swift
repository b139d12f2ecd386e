import EventKernel
import Network
import Testing

@testable import Emulation

private func clock(_ state: LinkState, seed: UInt64 = 1, direction: Int = 0) -> LinkClock {
    var clock = LinkClock(seed: seed, replication: 0, direction: direction)
    clock.state = state
    return clock
}

private func fates(_ clock: LinkClock, _ count: Int) -> [LinkClock.Fate] {
    var clock = clock
    return (0..<count).map { clock.fate(bytes: 100, now: Int64($0)) }
}

@Test func aPacketIsDueAfterTheDelay() {
    var clock = clock(LinkState(delay: .milliseconds(117)))
    #expect(clock.fate(bytes: 1500, now: 1_000) == .due(117_001_000))
    #expect(clock.fate(bytes: 40, now: 1_000) == .due(117_001_000))
}

@Test func aLimitedBandwidthSendsOnePacketAfterTheOther() {
    var clock = clock(LinkState(delay: .milliseconds(5), bandwidth: 1_000_000))
    #expect(clock.fate(bytes: 1000, now: 0) == .due(13_000_000))
    #expect(clock.fate(bytes: 500, now: 0) == .due(17_000_000))
    // The sender has been idle since 12 ms.
    #expect(clock.fate(bytes: 1000, now: 20_000_000) == .due(33_000_000))
}

@Test func theQueueOfALimitedBandwidthIsBounded() {
    var clock = clock(LinkState(bandwidth: 1_000_000, queueBytes: 2_500))
    #expect(clock.fate(bytes: 1000, now: 0) == .due(8_000_000))
    #expect(clock.fate(bytes: 1000, now: 0) == .due(16_000_000))
    #expect(clock.fate(bytes: 1000, now: 0) == .hasNoRoom)
    #expect(clock.fate(bytes: 500, now: 0) == .due(20_000_000))
    // 500 bytes have been sent.
    #expect(clock.fate(bytes: 500, now: 4_000_000) == .due(24_000_000))
    // A stream behind a proxy waits instead.
    #expect(clock.due(bytes: 10_000, now: 4_000_000) == 104_000_000)
}

@Test func jitterIsSpreadOverItsRange() {
    var clock = clock(LinkState(delay: .milliseconds(10), jitter: .milliseconds(4)))
    let dues = (0..<1000).map { _ in clock.due(bytes: 100, now: 0) }
    #expect(dues.allSatisfy { (10_000_000...14_000_000).contains($0) })
    // The mean of 1000 is within 4 of its standard deviations (0.037 ms) of the middle.
    #expect((11_850_000...12_150_000).contains(dues.reduce(0, +) / 1000))
}

@Test func independentLossesHaveTheirShare() {
    let lost = fates(clock(LinkState(loss: PacketLoss(share: 0.02))), 100_000).count { $0 == .lost }
    // 2000 expected, with a standard deviation of 44.
    #expect((1820...2180).contains(lost))
}

@Test func lossesInBurstsHaveTheirShareAndLength() {
    let fates = fates(clock(LinkState(loss: PacketLoss(share: 0.02, burst: 5))), 500_000)
    let lost = fates.count { $0 == .lost }
    let bursts = zip(fates, fates.dropFirst()).count { $0 != .lost && $1 == .lost }
    // 10,000 in 2000 bursts; the number of bursts has a standard deviation of some 45, each of 5 with one of 4.5.
    #expect((8_800...11_200).contains(lost))
    #expect((4.5...5.5).contains(Double(lost) / Double(bursts)))
}

@Test func theSameSeedDrawsTheSame() {
    let state = LinkState(jitter: .milliseconds(1), loss: PacketLoss(share: 0.1, burst: 2))
    let first = fates(clock(state), 1000)
    #expect(fates(clock(state), 1000) == first)
    #expect(fates(clock(state, seed: 2), 1000) != first)
    #expect(fates(clock(state, direction: 1), 1000) != first)
}

@Test func jitterMovesNoLosses() {
    let loss = PacketLoss(share: 0.1)
    func lost(_ jitter: SimDuration) -> [Bool] {
        fates(clock(LinkState(jitter: jitter, loss: loss)), 1000).map { $0 == .lost }
    }
    #expect(lost(.milliseconds(1)) == lost(.zero))
}

@Test func aCutLinkDrawsNothing() {
    let state = LinkState(loss: PacketLoss(share: 0.5))
    var clock = clock(state)
    let expected = fates(clock, 100)
    clock.state.isCut = true
    #expect(clock.fate(bytes: 100, now: 0) == .cut)
    clock.state.isCut = false
    #expect(fates(clock, 100) == expected)
}
