import Foundation
import RandomVariates
import Testing

// Every test here has a fixed seed. Kolmogorov-Smirnov: 4,000 draws, critical value 1.9495 / sqrt(n), false-alarm
// rate 1e-3 each. Chi-square: critical values at 1e-3. Distribution functions come from closed forms and the
// platform's library, never from the code under test.
private func stream(_ entity: UInt64) -> RandomStream {
    RandomStream(seed: 2_026, purpose: .general, replication: 0, entity: entity)
}

private func kolmogorovSmirnov(_ sample: [Double], _ distribution: (Double) -> Double) -> Double {
    let size = Double(sample.count)
    var worst = 0.0
    for (index, value) in sample.sorted().enumerated() {
        let probability = distribution(value)
        worst = max(worst, abs(probability - Double(index) / size), abs(probability - Double(index + 1) / size))
    }
    return worst * size.squareRoot()
}

private let critical = 1.9495
private let size = 4_000

private func normalDistribution(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

@Test func uniformVariatesFit() {
    var stream = stream(1)
    #expect(kolmogorovSmirnov((0..<size).map { _ in stream.uniform() }) { $0 } < critical)
}

@Test func exponentialVariatesFit() {
    var stream = stream(2)
    let sample = (0..<size).map { _ in stream.exponential(mean: 4) }
    #expect(kolmogorovSmirnov(sample) { 1 - exp(-$0 / 4) } < critical)
}

@Test func normalVariatesFit() {
    var stream = stream(3)
    #expect(kolmogorovSmirnov((0..<size).map { _ in stream.normal() }, normalDistribution) < critical)
}

@Test func lognormalVariatesFit() {
    var stream = stream(4)
    let sample = (0..<size).map { _ in stream.lognormal(mu: 3.704, sigma: 0.703) }
    #expect(kolmogorovSmirnov(sample) { normalDistribution((log($0) - 3.704) / 0.703) } < critical)
}

@Test func gammaVariatesOfHalfAndOfThreeFit() {
    var stream = stream(5)
    let half = (0..<size / 2).map { _ in stream.gamma(shape: 0.5, scale: 2) }
    #expect(kolmogorovSmirnov(half) { erf(($0 / 2).squareRoot()) } < critical)
    let three = (0..<size / 2).map { _ in stream.gamma(shape: 3, scale: 1) }
    #expect(kolmogorovSmirnov(three) { 1 - exp(-$0) * (1 + $0 + $0 * $0 / 2) } < critical)
}

@Test func betaVariatesFit() {
    var stream = stream(6)
    let sample = (0..<size / 2).map { _ in stream.beta(alpha: 2, beta: 3) }
    #expect(kolmogorovSmirnov(sample) { $0 * $0 * (6 + $0 * (3 * $0 - 8)) } < critical)
    let arcsine = (0..<size / 2).map { _ in stream.beta(alpha: 0.5, beta: 0.5) }
    #expect(kolmogorovSmirnov(arcsine) { 2 / Double.pi * asin($0.squareRoot()) } < critical)
}

/// A control for all of the above: a mean that is 8 % off must be seen.
@Test func theFitTestSeesAWrongMean() {
    var stream = stream(2)
    let sample = (0..<size).map { _ in stream.exponential(mean: 4) }
    #expect(kolmogorovSmirnov(sample) { 1 - exp(-$0 / 4.32) } > critical)
}

private func chiSquare(_ counts: [Int], _ probabilities: [Double]) -> Double {
    let total = Double(counts.reduce(0, +))
    return zip(counts, probabilities).reduce(0.0) { sum, cell in
        let expected = cell.1 * total
        return sum + (Double(cell.0) - expected) * (Double(cell.0) - expected) / expected
    }
}

/// Cells 0...6 and the rest; 7 degrees of freedom.
@Test func poissonVariatesOfASmallMeanFit() {
    var stream = stream(7)
    var counts = [Int](repeating: 0, count: 8)
    for _ in 0..<size { counts[min(7, stream.poisson(mean: 2.5))] += 1 }
    let first = [0.0820850, 0.2052125, 0.2565156, 0.2137630, 0.1336019, 0.0668009, 0.0278337]
    #expect(chiSquare(counts, first + [1 - first.reduce(0, +)]) < 24.32)
}

/// Ten cells between the deciles of the distribution (scipy 1.x, stats.poisson); 9 degrees of freedom.
@Test(arguments: [
    (
        40.0, [32, 35, 37, 38, 40, 41, 43, 45, 48],
        [0.1153036, 0.1271106, 0.1122365, 0.0613734, 0.1258941, 0.0614117, 0.1128942, 0.0934259, 0.0978811, 0.0924688]
    ),
    (
        100_000.0, [99595, 99734, 99834, 99920, 100000, 100080, 100166, 100266, 100405],
        [0.1003644, 0.1002498, 0.0998819, 0.1004468, 0.0998981, 0.0998191, 0.1002084, 0.0994893, 0.0997148, 0.0999274]
    ),
])
func poissonVariatesOfALargeMeanFit(mean: Double, edges: [Int], probabilities: [Double]) {
    var stream = stream(8)
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<2_000 {
        let value = stream.poisson(mean: mean)
        counts[edges.firstIndex { value <= $0 } ?? 9] += 1
    }
    #expect(chiSquare(counts, probabilities) < 27.88)
}

@Test func poissonOfMeanZeroIsZero() {
    var stream = stream(9)
    #expect((0..<100).allSatisfy { _ in stream.poisson(mean: 0) == 0 })
}

/// Five cells in proportion 1 : 0 : 2 : 3 : 4; 3 degrees of freedom, and the empty one stays empty.
@Test func discreteVariatesFit() {
    var stream = stream(10)
    var counts = [Int](repeating: 0, count: 5)
    for _ in 0..<size { counts[stream.discrete([1, 0, 2, 3, 4])] += 1 }
    #expect(counts[1] == 0)
    counts.remove(at: 1)
    #expect(chiSquare(counts, [0.1, 0.2, 0.3, 0.4]) < 16.27)
}

/// Twenty cells, 19 degrees of freedom.
@Test func integersFit() {
    var stream = stream(11)
    var counts = [Int](repeating: 0, count: 20)
    for _ in 0..<size { counts[stream.integer(below: 20)] += 1 }
    #expect(chiSquare(counts, [Double](repeating: 0.05, count: 20)) < 43.82)
}

/// A range of two thirds of 2⁶³: without rejection the lower half of the results would be favoured.
@Test func integersOfAHugeRangeAreNotBiased() {
    var stream = stream(12)
    let bound = Int.max / 3 * 2
    let low = (0..<size).filter { _ in stream.integer(below: bound) < bound / 2 }.count
    // Within 3.29 standard deviations, false-alarm rate 1e-3.
    #expect(abs(Double(low) - 2_000) < 3.29 * 1_000.0.squareRoot())
    #expect(stream.integer(below: 1) == 0)
}

/// Within 3.29 standard deviations, false-alarm rate 1e-3.
@Test func bernoulliVariatesFit() {
    var stream = stream(13)
    let hits = (0..<size).filter { _ in stream.bernoulli(0.03) }.count
    #expect(abs(Double(hits) - 120) < 3.29 * (120 * 0.97).squareRoot())
    #expect((0..<100).allSatisfy { _ in stream.bernoulli(1) && !stream.bernoulli(0) })
}

/// Mean and variance of 4,000 draws, each within 3.29 standard errors: false-alarm rate 2e-3 for a variate.
private func momentsFit(_ sample: [Double], mean: Double, variance: Double, kurtosis: Double) -> Bool {
    let count = Double(sample.count)
    let average = sample.reduce(0, +) / count
    let spread = sample.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let meanFits = abs(average - mean) < 3.29 * (variance / count).squareRoot()
    return meanFits && abs(spread - variance) < 3.29 * variance * ((kurtosis - 1) / count).squareRoot()
}

@Test func momentsOfContinuousVariatesFit() {
    var stream = stream(14)
    #expect(momentsFit((0..<size).map { _ in stream.uniform() }, mean: 0.5, variance: 1.0 / 12, kurtosis: 1.8))
    #expect(momentsFit((0..<size).map { _ in stream.exponential(mean: 2) }, mean: 2, variance: 4, kurtosis: 9))
    #expect(momentsFit((0..<size).map { _ in stream.normal() }, mean: 0, variance: 1, kurtosis: 3))
    let gamma = (0..<size / 2).map { _ in stream.gamma(shape: 2, scale: 3) }
    #expect(momentsFit(gamma, mean: 6, variance: 18, kurtosis: 6))
    let beta = (0..<size / 2).map { _ in stream.beta(alpha: 2, beta: 2) }
    #expect(momentsFit(beta, mean: 0.5, variance: 0.05, kurtosis: 15.0 / 7))
}

/// e^(sigma² / 2) for the mean; kurtosis from the closed form with w = e^(sigma²).
@Test func momentsOfLognormalVariatesFit() {
    var stream = stream(15)
    let w = 1.0942837  // e^0.09
    let sample = (0..<size).map { _ in stream.lognormal(mu: 0, sigma: 0.3) }
    let kurtosis = w * w * w * w + 2 * w * w * w + 3 * w * w - 3
    #expect(momentsFit(sample, mean: w.squareRoot(), variance: w * (w - 1), kurtosis: kurtosis))
}

@Test func momentsOfPoissonVariatesFit() {
    var stream = stream(16)
    for mean in [0.3, 29.9, 30.1, 1_000] {
        let sample = (0..<1_000).map { _ in Double(stream.poisson(mean: mean)) }
        #expect(momentsFit(sample, mean: mean, variance: mean, kurtosis: 3 + 1 / mean))
    }
}

/// The first value of each variate, to the last bit: the mapping from bits to values must not change unnoticed.
@Test func theFirstVariatesAreKnown() {
    func fresh() -> RandomStream { RandomStream(seed: 42, purpose: .general, replication: 1, entity: 5) }
    var streams = (0..<10).map { _ in fresh() }
    #expect(streams[0].uniform() == 0.49578049307988425)
    #expect(streams[1].integer(below: 1_000_000) == 495780)
    #expect(streams[2].exponential(mean: 1) == 0.701622004487681)
    #expect(streams[3].normal() == -0.010576932557209876)
    #expect(streams[4].lognormal(mu: 1, sigma: 2) == 2.6613835918757216)
    #expect(streams[5].gamma(shape: 0.7, scale: 10) == 4.0116992740224875)
    #expect(streams[6].beta(alpha: 8, beta: 1.2) == 0.70474178427225)
    #expect(streams[7].poisson(mean: 7) == 7)
    #expect(streams[8].poisson(mean: 12_345) == 12344)
    #expect(streams[9].discrete([1, 1, 1, 1, 1]) == 2)
}
