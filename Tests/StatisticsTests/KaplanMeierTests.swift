import Statistics
import Testing

private func isClose(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) < 5e-5 }

/// Remission times of 21 patients, weeks (Freireich et al. 1963, as worked in Kalbfleisch and Prentice 1980).
private let remissions: [SurvivalObservation] =
    [6, 6, 6, 7, 10, 13, 16, 22, 23].map { .event($0) }
    + [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map { .censored($0) }

@Test func survivalAgreesWithThePublishedExample() {
    let curve = KaplanMeier(remissions)
    #expect(curve.steps.map(\.time) == [6, 7, 10, 13, 16, 22, 23])
    #expect(curve.steps.map(\.atRisk) == [21, 17, 15, 12, 11, 7, 6])
    let published = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    #expect(zip(curve.steps, published).allSatisfy { isClose($0.survival, $1) })
    #expect(curve.median == 23)
    #expect(curve.censored == 12)
    #expect(curve.censoredShare == 12.0 / 21)
}

@Test func survivalIsAStepFunction() {
    let curve = KaplanMeier(remissions)
    #expect(curve.survival(at: 5.9) == 1)
    #expect(isClose(curve.survival(at: 6), 0.8571))
    #expect(isClose(curve.survival(at: 6.9), 0.8571))
    #expect(isClose(curve.survival(at: 100), 0.4482))
}

@Test func orderOfObservationsDoesNotMatter() {
    #expect(KaplanMeier(remissions) == KaplanMeier(remissions.reversed()))
}

@Test func medianIsUnknownWhenTooManyAreCensored() {
    #expect(KaplanMeier([.event(10), .censored(20), .censored(20)]).median == nil)
    #expect(KaplanMeier([]).median == nil)
    #expect(KaplanMeier([]).censoredShare == nil)
}

@Test func neverIsAnEventAtInfinity() {
    let curve = KaplanMeier([.event(10), .event(.infinity), .event(.infinity)])
    #expect(curve.median == .infinity)
    #expect(isClose(curve.survival(at: 1e9), 0.6667))
}

@Test func exactHalvesCountAsReached() {
    // 4/5 * 3/4 * 2/3 * 1/2 is 1/5 but for rounding.
    let curve = KaplanMeier((1...5).map { .event(Double($0)) })
    #expect(curve.quantile(0.8) == 4)
    #expect(curve.median == 3)
}
