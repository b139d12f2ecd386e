import EventKernel
import Measures
import Scenario
import Statistics
import Testing

@testable import Experiment

private func verdict(
    _ values: [Double?], atLeast: Double? = nil, atMost: Double? = nil, name: String = "setup.audio.all.p50",
    censoredAt: Double? = nil
) -> Verdict {
    let digests = values.enumerated().map { digest($0.offset, name, "ms", $0.element) }
    let expectation = Expectation(response: name, atLeast: atLeast, atMost: atMost, text: "")
    return judge(
        expectation, replications: digests, estimates: estimateResponses(digests), censoredAt: censoredAt
    ).verdict
}

// The interval of 10, 11, 12, 13, 14 is 12 +- 2.776 * 0.7071 = 10.04 to 13.96.
@Test(arguments: [
    (Double?.none, Double?.some(14), Verdict.pass), (nil, 13.9, .inconclusive), (nil, 10, .fail),
    (10, nil, .pass), (10.1, nil, .inconclusive), (14, nil, .fail), (10, 14, .pass), (10, 12, .inconclusive),
    (5, 10, .fail),
])
func anIntervalIsJudged(_ atLeast: Double?, _ atMost: Double?, _ expected: Verdict) {
    #expect(verdict([10, 11, 12, 13, 14], atLeast: atLeast, atMost: atMost) == expected)
}

@Test func oneReplicationIsInconclusive() {
    #expect(verdict([10], atMost: 1_000) == .inconclusive)
}

@Test func whatNobodyObservedIsInconclusive() {
    #expect(verdict([nil, nil, nil], atMost: 1_000) == .inconclusive)
}

@Test func anUnknownResponseIsInconclusive() {
    let digests = [digest(0, "a", "ms", 1), digest(1, "a", "ms", 1)]
    let judged = judge(
        Expectation(response: "b", atLeast: nil, atMost: 1, text: ""), replications: digests,
        estimates: estimateResponses(digests), censoredAt: nil)
    #expect(judged.verdict == .inconclusive)
    #expect(judged.estimate == nil)
}

@Test func replicationsThatAgreeAreFirm() {
    #expect(verdict([1, 1, 1], atLeast: 1) == .pass)
}

@Test func somethingThatNeverHappensFailsAnUpperBound() {
    #expect(verdict([10, .infinity, 10], atMost: 1_000) == .fail)
}

@Test func missingReplicationsAreLeftOut() {
    #expect(verdict([10, nil, 10], atMost: 10) == .pass)
}

// Recovery at 100 s in two replications, not before the horizon at 600 s in three.
@Test(arguments: [
    (Double?.none, Double?.some(30), Verdict.fail), (nil, 500, .inconclusive), (nil, 10_000, .inconclusive),
    (50, nil, .pass), (500, nil, .inconclusive),
])
func censoredRecoveryIsJudgedByWhatIsKnown(_ atLeast: Double?, _ atMost: Double?, _ expected: Verdict) {
    let values: [Double?] = [100, 100, nil, nil, nil]
    #expect(verdict(values, atLeast: atLeast, atMost: atMost, name: "recovery.time", censoredAt: 600) == expected)
}

@Test func recoveryIsAKaplanMeierMedian() {
    let values: [Double?] = [90, 100, 110, nil, nil]
    let digests = values.enumerated().map { digest($0.offset, "recovery.time", "s", $0.element) }
    let recovery = estimateRecovery(digests, censoredAt: 600)
    #expect(recovery?.median == 110)
    #expect(recovery?.censored == 2)
    #expect(recovery?.lower == nil)
}

@Test func recoveryOfFewerThanHalfHasNoMedian() {
    let values: [Double?] = [90, nil, nil]
    let digests = values.enumerated().map { digest($0.offset, "recovery.time", "s", $0.element) }
    #expect(estimateRecovery(digests, censoredAt: 600)?.median == nil)
}

@Test func aLongRecoveryHasNoUpperEndIfManyNeverRecover() {
    let values: [Double?] = [80, 90, 100, 110, 120, nil, nil]
    let digests = values.enumerated().map { digest($0.offset, "recovery.time", "s", $0.element) }
    let recovery = estimateRecovery(digests, censoredAt: 600)
    #expect(recovery?.median == 110)
    #expect(recovery?.lower == 80)
    #expect(recovery?.upper == nil)
}

@Test func withoutFaultsThereIsNothingToRecoverFrom() {
    #expect(estimateRecovery([digest(0, "a", "s", 1)], censoredAt: nil) == nil)
}

@Test(arguments: [
    ([Verdict.pass, .pass], [String](), true, Verdict.pass), ([.pass, .inconclusive], [], true, .inconclusive),
    ([.inconclusive, .fail], [], true, .fail), ([], [], true, .pass), ([.pass], ["ledger"], true, .fail),
    ([.pass], [], false, .inconclusive), ([.fail], [], false, .fail), ([], ["ledger"], false, .fail),
])
func theOverallVerdictIsTheWorst(
    _ verdicts: [Verdict], _ violations: [String], _ isComplete: Bool, _ expected: Verdict
) {
    #expect(overallVerdict(verdicts, violations: violations, isComplete: isComplete) == expected)
}

@Test func estimatesFollowTheCatalogue() {
    let replication = ReplicationDigest(
        index: 0, fingerprint: 0, ledger: Ledger(),
        responses: [
            ResponseValue(name: "zebra", unit: "count", value: 1),
            ResponseValue(name: "people.gave-up", unit: "count", value: 1),
            ResponseValue(name: "delivery.audio.all.all.ever", unit: "share", value: 1),
        ], stations: [], faults: [], events: 0, violations: [], assumptions: [])
    #expect(
        estimateResponses([replication]).map(\.name) == ["delivery.audio.all.all.ever", "people.gave-up", "zebra"])
}

@Test func eachStationIsShownAtItsWorst() {
    func station(_ name: String, _ peak: Double) -> StationRecord {
        StationRecord(
            name: name, served: 1, utilisation: 0.1, peakUtilisation: peak, meanWait: .zero, maximumWait: .zero)
    }
    var digests = [digest(0, "a", "s", 1), digest(1, "a", "s", 1)]
    digests[0].stations = [station("relay", 0.2), station("server", 0.5)]
    digests[1].stations = [station("relay", 0.6), station("server", 0.4)]
    let identity = RunIdentity(
        scenario: "s", file: "s.yaml", seed: 1, horizon: 60, replicationsPlanned: 2, expectations: [],
        overrides: [], run: 1, database: "d")
    let result = summarise(
        identity, replications: digests, isInterrupted: false, cpuSeconds: 0, wallSeconds: 0)
    #expect(result.stations.map(\.name) == ["relay", "server"])
    #expect(result.stations.map(\.peakUtilisation) == [0.6, 0.5])
}
