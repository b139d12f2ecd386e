import CallModel
import Testing

@Suite struct KeyFrameChainTests {
    /// How many frames each arrival makes decodable, with key frames at multiples of `every`.
    private func run(_ arrivals: [UInt32], every: UInt32 = 10) -> [Int] {
        var chain = KeyFrameChain()
        return arrivals.map { chain.arrive($0, isKeyFrame: $0 % every == 0) }
    }

    @Test func itFitsInSixteenBytes() { #expect(MemoryLayout<KeyFrameChain>.size <= 16) }

    @Test func framesInOrderAreDecodable() { #expect(run([0, 1, 2, 3]) == [1, 1, 1, 1]) }

    @Test func nothingIsDecodableBeforeTheFirstKeyFrame() { #expect(run([7, 8, 9, 10, 11]) == [0, 0, 0, 1, 1]) }

    @Test func aLostFrameFreezesUntilTheNextKeyFrame() { #expect(run([0, 1, 3, 4, 10, 11]) == [1, 1, 0, 0, 1, 1]) }

    @Test func aReorderedFrameReleasesThoseThatWaited() { #expect(run([0, 1, 3, 4, 2, 5]) == [1, 1, 0, 0, 3, 1]) }

    @Test func severalGapsAreFilledOneByOne() { #expect(run([0, 2, 4, 1, 3]) == [1, 0, 0, 2, 2]) }

    @Test func aKeyFrameGivesUpWhatIsMissingBeforeIt() { #expect(run([0, 8, 10, 9, 1, 11]) == [1, 0, 1, 0, 0, 1]) }

    @Test func framesThatWaitBehindAnEarlyKeyFrameAreReleasedByIt() {
        #expect(run([0, 11, 12, 10, 13]) == [1, 0, 0, 3, 1])
    }

    @Test func copiesCountOnce() { #expect(run([0, 0, 1, 1, 3, 3, 2, 2]) == [1, 0, 1, 0, 0, 0, 2, 0]) }

    @Test func aFrameSixtyFourAheadStillWaits() {
        let ahead = Array(UInt32(2)...65)
        #expect(run([0] + ahead + [1], every: 150) == [1] + Array(repeating: 0, count: 64) + [65])
    }

    @Test func aFrameFurtherAheadBreaksTheChain() {
        #expect(run([0, 66, 1, 2, 150, 151], every: 150) == [1, 0, 0, 0, 1, 1])
    }

    @Test func aGapShowsWhileFramesWait() {
        var chain = KeyFrameChain()
        _ = chain.arrive(0, isKeyFrame: true)
        #expect(!chain.hasGap)
        _ = chain.arrive(2, isKeyFrame: false)
        #expect(chain.hasGap && chain.next == 1)
        _ = chain.arrive(1, isKeyFrame: false)
        #expect(!chain.hasGap && chain.next == 3)
    }

    /// Against the definition with sets, over shuffled and thinned arrivals.
    @Test func itAgreesWithTheDefinition() {
        var state: UInt64 = 9
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for _ in 0..<300 {
            let jitter = 1 + random(12)
            let sent = (UInt64(0)..<200).filter { _ in random(20) > 0 }
            let arrivals = sent.map { ($0 * 2 + random(jitter), UInt32($0)) }.sorted { $0 < $1 }.map(\.1)
            var chain = KeyFrameChain()
            var arrived: Set<UInt32> = []
            var next: UInt32?
            for frame in arrivals {
                let isKey = frame % 25 == 0
                var released = 0
                if let needed = next, frame >= needed { arrived.insert(frame) }
                if isKey, next == nil || frame >= next! {
                    next = frame
                    arrived.insert(frame)
                }
                while let needed = next, arrived.contains(needed) {
                    released += 1
                    next = needed + 1
                }
                #expect(chain.arrive(frame, isKeyFrame: isKey) == released)
            }
        }
    }
}
