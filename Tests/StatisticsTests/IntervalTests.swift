import Statistics
import Testing

private func isClose(_ value: Double?, _ expected: Double, _ tolerance: Double = 1e-9) -> Bool {
    guard let value else { return false }
    return abs(value - expected) <= tolerance
}

/// SplitMix64 (Steele, Lea, Flood 2014), so that the tests below see the same numbers everywhere.
private struct Mixer {
    var state: UInt64

    mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }

    /// Nearly normal with mean 0 and variance 1: twelve uniforms less six.
    mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }
}

@Test func meanIntervalOfOneToFive() {
    // Mean 3, variance 2.5, standard error sqrt(0.5); 2.776445 * 0.707107 = 1.963243.
    let estimate = meanInterval([1, 2, 3, 4, 5])
    #expect(estimate?.mean == 3)
    #expect(estimate?.n == 5)
    #expect(isClose(estimate?.halfWidth, 1.963243, 1e-6))
    #expect(isClose(estimate?.lower, 1.036757, 1e-6))
    #expect(isClose(estimate?.upper, 4.963243, 1e-6))
}

@Test func oneValueHasNoInterval() {
    #expect(meanInterval([7]) == Estimate(mean: 7, halfWidth: nil, n: 1, level: 0.95))
    #expect(meanInterval([]) == nil)
}

@Test func equalValuesHaveAnIntervalOfLengthZero() {
    #expect(meanInterval([0.1, 0.1, 0.1]) == Estimate(mean: 0.1, halfWidth: 0, n: 3, level: 0.95))
}

@Test func infiniteValuesHaveNoInterval() {
    #expect(meanInterval([1, .infinity, 2])?.halfWidth == nil)
}

@Test func nominalLevelIsMetAtFiveReplications() {
    // 4,000 intervals at 95 %: the count of hits has a standard deviation of 13.8; four of them each side is a false
    // alarm rate of 6e-5 for another seed. Normal quantiles would hit in 87.8 % (3,512), far outside.
    var mixer = Mixer(state: 20_250_701)
    var hits = 0
    for _ in 0..<4_000 {
        let interval = meanInterval((0..<5).map { _ in mixer.normal() })?.interval
        if let interval, interval.lower <= 0, interval.upper >= 0 { hits += 1 }
    }
    #expect((3_745...3_855).contains(hits))
}

@Test func ratioIntervalClustersByReplication() {
    // 90 of 100, 40 of 50, 150 of 150: ratio 280 / 300; residuals -10/3, -20/3, 10; their squares sum to 1400 / 9.
    let estimate = ratioInterval(numerators: [90, 40, 150], denominators: [100, 50, 150])
    #expect(isClose(estimate?.mean, 280.0 / 300))
    // sqrt(1400 / 9 / 2 / 3) / 100 = 0.0509175, times t(0.975, 2) = 4.302653.
    #expect(isClose(estimate?.halfWidth, 0.219080, 1e-6))
}

@Test func ratioWithoutDenominatorIsNothing() {
    #expect(ratioInterval(numerators: [0, 0], denominators: [0, 0]) == nil)
}

@Test func wilsonIntervalAgreesWithPublishedValues() {
    // Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    let many = wilsonInterval(successes: 81, trials: 263)
    #expect(isClose(many?.lower, 0.2553, 5e-5) && isClose(many?.upper, 0.3662, 5e-5))
    let few = wilsonInterval(successes: 15, trials: 148)
    #expect(isClose(few?.lower, 0.0624, 5e-5) && isClose(few?.upper, 0.1605, 5e-5))
    let none = wilsonInterval(successes: 0, trials: 20)
    #expect(none?.lower == 0 && isClose(none?.upper, 0.1611, 5e-5))
    let all = wilsonInterval(successes: 29, trials: 29)
    #expect(isClose(all?.lower, 0.8830, 5e-5) && all?.upper == 1)
    #expect(wilsonInterval(successes: 0, trials: 0) == nil)
}

@Test func momentsMergeToTheWhole() {
    var first = Moments([1, 2])
    first.merge(Moments([3, 4, 5]))
    #expect(first.count == 5)
    #expect(isClose(first.mean, 3))
    #expect(isClose(first.variance, 2.5))
    first.merge(Moments())
    #expect(first.count == 5)
}

@Test func momentsKeepTheirPrecisionFarFromZero() {
    #expect(isClose(Moments([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]).variance, 30))
}

@Test func batchMeansOfAStraightLine() {
    // 1 to 40 in 4 batches of 10: means 5.5, 15.5, 25.5, 35.5; variance 500 / 3; t(0.975, 3) = 3.182446.
    let batches = BatchMeans((1...40).map(Double.init), batches: 4)
    #expect(batches?.batchSize == 10)
    #expect(batches?.estimate.mean == 20.5)
    #expect(isClose(batches?.estimate.halfWidth, 20.542604, 1e-5))
    // Deviations -15, -5, 5, 15: products 75 - 25 + 75 = 125 over squares 500.
    #expect(isClose(batches?.lagOneCorrelation, 0.25))
}

@Test func batchesThatDependOnEachOtherAreRefused() {
    #expect(BatchMeans((1...400).map(Double.init), batches: 20)?.isUsable == false)
    var mixer = Mixer(state: 3)
    #expect(BatchMeans((0..<400).map { _ in mixer.normal() }, batches: 20)?.isUsable == true)
    #expect(BatchMeans([1, 2, 3], batches: 4) == nil)
}
