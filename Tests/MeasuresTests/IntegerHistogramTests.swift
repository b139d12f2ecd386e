import Testing

@testable import Measures

private func histogram(_ values: some Sequence<Int64>) -> IntegerHistogram {
    var result = IntegerHistogram()
    for value in values { result.record(value) }
    return result
}

/// SplitMix64 (Steele, Lea, Flood 2014): spreads values over all magnitudes.
private struct Mixer {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func value() -> Int64 { Int64(next() >> (1 + next() % 63)) }
}

@Test func emptyHistogramHasNoAnswers() {
    let empty = IntegerHistogram()
    #expect(empty.count == 0 && empty.sum == 0 && empty.isEmpty)
    #expect(empty.minimum == nil && empty.maximum == nil && empty.mean == nil)
    #expect(empty.quantile(0.5) == nil && empty.share(atMost: 1) == nil)
    #expect(empty.buckets.isEmpty)
}

@Test func countSumAndExtremesAreExact() {
    let three = histogram([1_000_000_007, 3, 123_456_789_012])
    #expect(three.count == 3)
    #expect(three.sum == 124_456_789_022)
    #expect(three.minimum == 3)
    #expect(three.maximum == 123_456_789_012)
    #expect(three.mean == 124_456_789_022.0 / 3)
}

@Test func sumDoesNotOverflowSixtyFourBits() {
    var large = IntegerHistogram()
    large.record(Int64.max, count: 4)
    #expect(large.sum == Int128(Int64.max) * 4)
    #expect(large.quantile(0.5) == Int64.max)
}

@Test func valuesBelow256HaveABucketEach() {
    let buckets = histogram(0..<256).buckets
    #expect(buckets.count == 256)
    #expect(buckets.allSatisfy { $0.lower == $0.upper && $0.count == 1 })
    #expect(buckets.map(\.lower) == Array(0..<256))
}

@Test func bucketsTouchAndNeverOverlap() {
    let last = IntegerHistogram.bucketIndex(of: Int64.max)
    #expect(last == 7_295)
    #expect(IntegerHistogram.upperBound(of: last) == Int64.max)
    var next: Int64 = 0
    for index in 0...last {
        let lower = IntegerHistogram.lowerBound(of: index)
        let upper = IntegerHistogram.upperBound(of: index)
        if lower != next || Double(upper - lower) > Double(lower) / 128 { Issue.record("bucket \(index) is off") }
        let indices = [lower, upper].map(IntegerHistogram.bucketIndex)
        if indices != [index, index] { Issue.record("bucket \(index) does not hold its bounds") }
        if index < last { next = upper + 1 }
    }
}

@Test func quantileOfEvenlySpreadValuesIsCloseToTheOrderStatistic() {
    // 1 to 1,000,000: the nearest rank of p is p * 1,000,000 itself.
    let even = histogram(1...1_000_000)
    #expect(even.quantile(0) == 1)
    #expect(even.quantile(0.5) == 500_000)
    #expect(even.quantile(0.95) == 950_000)
    #expect(even.quantile(0.99) == 990_000)
    #expect(even.quantile(1) == 1_000_000)
}

@Test func quantileStaysWithinTheStatedErrorForAnyValues() {
    var mixer = Mixer(state: 41)
    for _ in 0..<50 {
        let values = (0..<200).map { _ in mixer.value() }
        let sorted = values.sorted()
        let recorded = histogram(values)
        for (p, rank) in [(0.01, 2), (0.25, 50), (0.5, 100), (0.9, 180), (0.995, 199)] {
            let exact = Double(sorted[rank - 1])
            let found = Double(recorded.quantile(p) ?? -1)
            #expect(abs(found - exact) <= exact / 128)
        }
    }
}

@Test func equalValuesHaveThatQuantileExactly() {
    var same = IntegerHistogram()
    same.record(234_000_001, count: 1_000)
    #expect(same.quantile(0.01) == 234_000_001)
    #expect(same.quantile(0.99) == 234_000_001)
}

@Test func mergingIsAssociativeAndCommutative() {
    var mixer = Mixer(state: 5)
    let parts = [3, 1_000, 0, 77].map { size in histogram((0..<size).map { _ in mixer.value() }) }
    func merged(_ order: [Int]) -> IntegerHistogram {
        var result = IntegerHistogram()
        for index in order { result.merge(parts[index]) }
        return result
    }
    var pairs = parts[0]
    pairs.merge(parts[1])
    var others = parts[2]
    others.merge(parts[3])
    pairs.merge(others)
    #expect(merged([0, 1, 2, 3]) == merged([3, 2, 1, 0]))
    #expect(merged([0, 1, 2, 3]) == pairs)
    #expect(pairs.count == 1_080)
}

@Test func mergingEqualsRecordingEverythingInOne() {
    var first = histogram([1, 5_000, 70])
    first.merge(histogram([2_000_000, 0]))
    #expect(first == histogram([2_000_000, 70, 0, 5_000, 1]))
}

@Test func recordingNothingChangesNothing() {
    var none = IntegerHistogram()
    none.record(1_000_000, count: 0)
    #expect(none == IntegerHistogram())
}

@Test func shareAtMostCountsTheBucketOfTheBound() {
    let values = histogram([10, 20, 30, 255])
    #expect(values.share(atMost: 9) == 0)
    #expect(values.share(atMost: 20) == 0.5)
    #expect(values.share(atMost: 1_000_000) == 1)
}

@Test func storedPartsRestoreTheSameHistogram() {
    let original = histogram([3, 1_000_000_007, 1_000_000_008, 9_999_999_999])
    let restored = IntegerHistogram(
        restoring: original.buckets, sum: original.sum, minimum: 3, maximum: 9_999_999_999)
    #expect(restored == original)
}

@Test func contradictingPartsRestoreNothing() {
    let buckets = histogram([3, 500]).buckets
    #expect(IntegerHistogram(restoring: buckets, sum: 503, minimum: 4, maximum: 500) == nil)
    #expect(IntegerHistogram(restoring: buckets, sum: 503, minimum: 3, maximum: 5_000) == nil)
    #expect(IntegerHistogram(restoring: [], sum: 1, minimum: 0, maximum: 0) == nil)
}
