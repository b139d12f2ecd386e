/// What a bound on a response comes to, given the uncertainty.
public enum Verdict: String, CaseIterable, Sendable {
    /// The whole interval lies within the bounds.
    case pass
    /// The whole interval lies outside.
    case fail
    /// The interval straddles a bound, or there is none: one replication, or nothing observed.
    case inconclusive

    /// Judges an interval; the bounds themselves count as within.
    public init(_ interval: Interval, atLeast: Double? = nil, atMost: Double? = nil) {
        let least = atLeast ?? -.infinity
        let most = atMost ?? .infinity
        if interval.lower >= least && interval.upper <= most {
            self = .pass
        } else if interval.upper < least || interval.lower > most {
            self = .fail
        } else {
            self = .inconclusive
        }
    }

    /// Judges an estimate.
    ///
    /// One replication has no interval, so it is inconclusive whatever it shows; replications that all agree have an
    /// interval of length zero, so their verdict is firm.
    public init(_ estimate: Estimate?, atLeast: Double? = nil, atMost: Double? = nil) {
        if let interval = estimate?.interval {
            self.init(interval, atLeast: atLeast, atMost: atMost)
        } else {
            self = .inconclusive
        }
    }

    /// One verdict over many: failed if any failed, else inconclusive if any is, else passed (also without any).
    public static func overall(_ verdicts: some Sequence<Verdict>) -> Verdict {
        var result = Verdict.pass
        for verdict in verdicts {
            switch verdict {
            case .fail: return .fail
            case .inconclusive: result = .inconclusive
            case .pass: break
            }
        }
        return result
    }
}
