import EventKernel
import Measures
import ResultStore
import Statistics

/// Puts replications together: the same function for a run that just ended and for one read from its database.
///
/// - Parameter replications: by number; some may be missing if the run was interrupted.
public func summarise(
    _ identity: RunIdentity, replications: [ReplicationDigest], isInterrupted: Bool, cpuSeconds: Double,
    wallSeconds: Double
) -> ExperimentResult {
    let faults = replications.first?.faults ?? []
    let censoredAt = faults.map(\.start).min().map { start in
        identity.horizon.map { $0 - start.seconds } ?? .infinity
    }
    let estimates = estimateResponses(replications)
    let emulations = replications.compactMap { replication in
        replication.emulation.map { InReplication(replication: replication.index, value: $0) }
    }
    let isFaithful = emulations.allSatisfy(\.value.problems.isEmpty)
    let judged = identity.expectations.map { expectation in
        var judged = judge(expectation, replications: replications, estimates: estimates, censoredAt: censoredAt)
        if !isFaithful { judged.verdict = .inconclusive }
        return judged
    }
    let violations = replications.flatMap(violationLines)
    var ledger = Ledger()
    for replication in replications { ledger.add(replication.ledger) }
    let isComplete = !isInterrupted && replications.count == identity.replicationsPlanned
    return ExperimentResult(
        identity: identity,
        verdict: overallVerdict(
            judged.map(\.verdict), violations: violations, isComplete: isComplete, isFaithful: isFaithful),
        expectations: judged, violations: violations, isInterrupted: !isComplete,
        fingerprint: combinedFingerprint(replications.map(\.fingerprint)),
        fingerprints: replications.map(\.fingerprint), ledger: ledger, responses: estimates,
        recovery: estimateRecovery(replications, censoredAt: censoredAt), stations: worstStations(replications),
        faults: faults, assumptions: Set(replications.flatMap(\.assumptions)).sorted(), emulations: emulations,
        events: replications.reduce(0) { $0 + $1.events }, cpuSeconds: cpuSeconds, wallSeconds: wallSeconds)
}

/// A violated invariant fails the run whatever the expectations say; a run cut short can fail, but not pass.
///
/// An emulation that was not faithful shows nothing: neither that something holds nor that it does not.
func overallVerdict(
    _ verdicts: [Verdict], violations: [String], isComplete: Bool, isFaithful: Bool = true
) -> Verdict {
    if !isFaithful { return .inconclusive }
    if !violations.isEmpty { return .fail }
    let verdict = Verdict.overall(verdicts)
    return verdict == .pass && !isComplete ? .inconclusive : verdict
}

private func violationLines(_ replication: ReplicationDigest) -> [String] {
    var lines = replication.violations
    // Checked again here: the back end that forgets to check must not pass.
    if !replication.ledger.isBalanced && lines.isEmpty { lines.append("ledger out of balance") }
    return lines.map { "replication \(replication.index): \($0)" }
}

/// Each station at its worst replication, busiest second first.
private func worstStations(_ replications: [ReplicationDigest]) -> [StationRecord] {
    var worst: [String: StationRecord] = [:]
    for station in replications.flatMap(\.stations) {
        guard let known = worst[station.name], known.peakUtilisation >= station.peakUtilisation else {
            worst[station.name] = station
            continue
        }
    }
    return worst.values.sorted { ($1.peakUtilisation, $0.name) < ($0.peakUtilisation, $1.name) }
}
