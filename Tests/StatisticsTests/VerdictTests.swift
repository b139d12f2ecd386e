import Statistics
import Testing

private func estimate(_ mean: Double, _ halfWidth: Double?) -> Estimate {
    Estimate(mean: mean, halfWidth: halfWidth, n: halfWidth == nil ? 1 : 5, level: 0.95)
}

@Test func wholeIntervalWithinPasses() {
    #expect(Verdict(estimate(0.995, 0.002), atLeast: 0.99) == .pass)
    #expect(Verdict(estimate(120, 10), atMost: 150) == .pass)
    #expect(Verdict(estimate(5, 1), atLeast: 4, atMost: 6) == .pass)
}

@Test func wholeIntervalOutsideFails() {
    #expect(Verdict(estimate(0.98, 0.002), atLeast: 0.99) == .fail)
    #expect(Verdict(estimate(170, 10), atMost: 150) == .fail)
    #expect(Verdict(estimate(9, 1), atLeast: 4, atMost: 6) == .fail)
}

@Test func intervalAcrossABoundIsInconclusive() {
    #expect(Verdict(estimate(0.991, 0.002), atLeast: 0.99) == .inconclusive)
    #expect(Verdict(estimate(145, 10), atMost: 150) == .inconclusive)
}

@Test func oneReplicationIsInconclusive() {
    #expect(Verdict(estimate(1, nil), atLeast: 0.5) == .inconclusive)
    #expect(Verdict(nil as Estimate?, atLeast: 0.5) == .inconclusive)
}

@Test func agreeingReplicationsAreFirm() {
    #expect(Verdict(meanInterval([0, 0, 0]), atMost: 0) == .pass)
    #expect(Verdict(meanInterval([1, 1, 1]), atMost: 0) == .fail)
}

@Test func overallIsTheWorst() {
    #expect(Verdict.overall([.pass, .inconclusive, .fail]) == .fail)
    #expect(Verdict.overall([.pass, .inconclusive]) == .inconclusive)
    #expect(Verdict.overall([.pass, .pass]) == .pass)
    #expect(Verdict.overall([]) == .pass)
}
