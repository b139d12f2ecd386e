import Foundation
import RandomVariates
import Testing

/// `count` bit patterns spread evenly over all 64-bit words.
private func evenBits(_ count: UInt64) -> [UInt64] {
    (0..<count).map { UInt64.max / count * $0 + UInt64.max / count / 2 }
}

@Test func aTableOfUniformsIsALine() {
    let table = QuantileTable.uniform(5_000_000, 15_000_000)
    #expect(table.minimum == 5_000_000)
    #expect(table.maximum == 15_000_000)
    #expect(table[bits: 0] == 5_000_000)
    #expect(table[bits: 1 << 63] == 10_000_000)
    #expect(table[bits: .max] == 14_999_999)
}

@Test func aConstantTableHasOneValue() {
    let table = QuantileTable.constant(117_000_000)
    #expect(evenBits(50).allSatisfy { table[bits: $0] == 117_000_000 })
}

@Test func tablesKeepTheMeanOfTheirDistribution() {
    #expect(abs(QuantileTable.exponential(mean: 1e7).mean / 1e7 - 1) < 1e-4)
    #expect(abs(QuantileTable.gamma(shape: 0.7, scale: 1e7).mean / 7e6 - 1) < 2e-4)
    let lognormal = 1e7 * exp(0.125)
    #expect(abs(QuantileTable.lognormal(median: 1e7, sigma: 0.5).mean / lognormal - 1) < 1e-4)
}

@Test func aTableHitsTheQuantilesOfItsDistribution() {
    let table = QuantileTable.exponential(mean: 1e9)
    for (bits, expected) in [(1 << 62, 0.28768207), (1 << 63, 0.69314718), (15 << 60, 2.77258872)] as [(UInt64, Double)]
    {
        #expect(abs(Double(table[bits: bits]) / 1e9 - expected) < 1e-8)
    }
}

@Test func tableValuesDoNotDecreaseWithTheBits() {
    let table = QuantileTable.gamma(shape: 0.7, scale: 1e6)
    let values = evenBits(20_000).map { table[bits: $0] }
    #expect(values == values.sorted())
    #expect(values[0] >= 0)
}

/// 20,000 keyed draws against the exponential distribution: Kolmogorov-Smirnov, critical value 1.9495 / sqrt(n),
/// false-alarm rate 1e-3, fixed key.
@Test func drawsThroughATableFit() {
    let table = QuantileTable.exponential(mean: 1e9)
    let sample = (0..<20_000 as Range<UInt32>).map {
        Double(table[bits: messageBits(5, sender: 1, sequence: $0, leg: 0)]) / 1e9
    }
    var worst = 0.0
    for (index, value) in sample.sorted().enumerated() {
        worst = max(worst, abs(1 - exp(-value) - (Double(index) + 0.5) / 20_000))
    }
    #expect(worst < 1.9495 / 20_000.0.squareRoot())
}

@Test func decreasingQuantilesAreAProgrammingError() async {
    await #expect(processExitsWith: .failure) {
        _ = QuantileTable { -$0 * 1e6 }
    }
}
