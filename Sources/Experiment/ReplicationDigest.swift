public import Measures

/// What estimates, verdicts and reports need of one replication: small enough to hold thousands.
public struct ReplicationDigest: Hashable, Sendable {
    /// From 0.
    public var index: Int
    public var fingerprint: UInt64
    public var ledger: Ledger
    public var responses: [ResponseValue]
    public var stations: [StationRecord]
    public var faults: [FaultRecord]
    public var events: Int64
    public var violations: [String]
    public var assumptions: [String]
    /// `nil` for a simulated replication.
    public var emulation: EmulationRecord?

    public init(
        index: Int, fingerprint: UInt64, ledger: Ledger, responses: [ResponseValue], stations: [StationRecord],
        faults: [FaultRecord], events: Int64, violations: [String], assumptions: [String],
        emulation: EmulationRecord? = nil
    ) {
        self.index = index
        self.fingerprint = fingerprint
        self.ledger = ledger
        self.responses = responses
        self.stations = stations
        self.faults = faults
        self.events = events
        self.violations = violations
        self.assumptions = assumptions
        self.emulation = emulation
    }

    public init(index: Int, outcome: Outcome) {
        self.init(
            index: index, fingerprint: outcome.fingerprint, ledger: outcome.ledger, responses: outcome.responses,
            stations: outcome.stations, faults: outcome.faults, events: outcome.events,
            violations: outcome.violations, assumptions: outcome.assumptions, emulation: outcome.emulation)
    }
}

/// One fingerprint for a whole experiment.
///
/// - Returns: the fingerprint itself if there is one, else a hash that depends on all of them and on their order.
public func combinedFingerprint(_ fingerprints: [UInt64]) -> UInt64 {
    guard fingerprints.count != 1 else { return fingerprints[0] }
    // The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) as the mixing step of a running hash.
    return fingerprints.reduce(0x9E37_79B9_7F4A_7C15) { state, fingerprint in
        var mixed = (state &* 31) ^ fingerprint
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
