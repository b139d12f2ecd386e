import Testing

@testable import Statistics

@Test func quantileIsAnObservedValue() {
    let values: [Double] = [40, 10, 30, 20]
    #expect(quantile(0, of: values) == 10)
    #expect(quantile(0.25, of: values) == 10)
    #expect(quantile(0.26, of: values) == 20)
    #expect(quantile(1, of: values) == 40)
    #expect(quantile(0.5, of: []) == nil)
}

@Test func medianIsTheMiddle() {
    #expect(median(of: [3, 1, 2]) == 2)
    #expect(median(of: [4, 1, 2, 3]) == 2.5)
    #expect(median(of: [1, .infinity, .infinity, .infinity]) == .infinity)
    #expect(median(of: []) == nil)
}

@Test func medianIntervalUsesTheTabledRanks() {
    // Conover, Practical Nonparametric Statistics: ranks of the two-sided 95 % interval for a median.
    #expect(quantileRanks(0.5, count: 6, level: 0.95)! == (1, 6))
    #expect(quantileRanks(0.5, count: 10, level: 0.95)! == (2, 9))
    #expect(quantileRanks(0.5, count: 20, level: 0.95)! == (6, 15))
    #expect(quantileRanks(0.5, count: 25, level: 0.95)! == (8, 18))
}

@Test func intervalsNeedEnoughValues() {
    // Smallest n with p^n <= 0.025.
    for (p, enough) in [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)] {
        #expect(quantileRanks(p, count: enough - 1, level: 0.95) == nil)
        #expect(quantileRanks(p, count: enough, level: 0.95)?.upper == enough)
    }
}

@Test func medianIntervalTakesOrderStatistics() {
    let values = (1...10).map { Double($0 * $0) }
    #expect(medianInterval(of: values.reversed()) == Interval(lower: 4, upper: 81, level: 0.95))
    #expect(medianInterval(of: [1, 2, 3, 4, 5]) == nil)
    #expect(medianInterval(of: [1, 2, 3, 4, 5, .infinity])?.upper == .infinity)
}
