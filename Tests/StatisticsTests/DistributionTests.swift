import Testing

@testable import Statistics

private func isClose(_ value: Double, _ expected: Double, _ tolerance: Double = 1e-6) -> Bool {
    abs(value - expected) <= tolerance
}

@Test func tQuantilesAgreeWithPublishedTables() {
    // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, with more digits from the closed forms.
    #expect(isClose(StudentT.quantile(0.975, degrees: 1), 12.706205, 1e-5))
    #expect(isClose(StudentT.quantile(0.975, degrees: 2), 4.302653))
    #expect(isClose(StudentT.quantile(0.975, degrees: 4), 2.776445))
    #expect(isClose(StudentT.quantile(0.975, degrees: 9), 2.262157))
    #expect(isClose(StudentT.quantile(0.975, degrees: 29), 2.045230))
    #expect(isClose(StudentT.quantile(0.975, degrees: 100), 1.983972))
    #expect(isClose(StudentT.quantile(0.95, degrees: 4), 2.131847))
    #expect(isClose(StudentT.quantile(0.995, degrees: 4), 4.604095))
}

@Test func tQuantilesAreSymmetric() {
    #expect(StudentT.quantile(0.025, degrees: 4) == -StudentT.quantile(0.975, degrees: 4))
    #expect(StudentT.quantile(0.5, degrees: 3) == 0)
}

@Test func tQuantilesApproachTheNormalOnes() {
    #expect(isClose(StudentT.quantile(0.975, degrees: 10_000_000), 1.959964, 2e-6))
    #expect(isClose(StandardNormal.quantile(0.975), 1.959964))
    #expect(isClose(StandardNormal.quantile(0.995), 2.575829))
    #expect(isClose(StandardNormal.quantile(0.025), -1.959964))
}

@Test func tWithTwoDegreesHasItsClosedForm() {
    // P(T > t) = 1/2 - t / (2 sqrt(2 + t^2)): 0.2113249 at t = 1.
    #expect(isClose(StudentT.upperTail(1, degrees: 2), 0.2113248654, 1e-10))
    #expect(isClose(StudentT.upperTail(-1, degrees: 2), 0.7886751346, 1e-10))
}

@Test func logGammaAtKnownPoints() {
    #expect(isClose(logGamma(1), 0, 1e-14))
    #expect(isClose(logGamma(0.5), 0.5723649429247001, 1e-14))
    #expect(isClose(logGamma(10), 12.801827480081469, 1e-12))
    #expect(isClose(logGamma(0.25), 1.2880225246980774, 1e-13))
}

@Test func incompleteBetaAtKnownPoints() {
    // I_x(2, 3) = x^2 (6 - 8x + 3x^2): 0.5248 at x = 0.4. I_x(1/2, 1/2) = 2/pi asin(sqrt x): 1/3 at x = 1/4.
    #expect(isClose(regularisedBeta(0.4, 2, 3), 0.5248, 1e-13))
    #expect(isClose(regularisedBeta(0.25, 0.5, 0.5), 1.0 / 3, 1e-13))
    #expect(regularisedBeta(0, 2, 3) == 0 && regularisedBeta(1, 2, 3) == 1)
}

@Test func binomialSumsAtKnownPoints() {
    // 10 fair coins: 1, 11 and 56 of 1,024 outcomes.
    #expect(isClose(binomialCumulative(0, trials: 10, 0.5), 1.0 / 1_024, 1e-14))
    #expect(isClose(binomialCumulative(1, trials: 10, 0.5), 11.0 / 1_024, 1e-14))
    #expect(isClose(binomialCumulative(2, trials: 10, 0.5), 56.0 / 1_024, 1e-14))
    #expect(binomialCumulative(-1, trials: 10, 0.5) == 0 && binomialCumulative(10, trials: 10, 0.5) == 1)
}
