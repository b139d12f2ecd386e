public import NATSModel

/// What became of one case on one back end.
public struct CaseResult: Hashable, Sendable {
    /// How the case ended.
    public enum Verdict: Hashable, Sendable {
        case pass, fail
        /// The case is not meant for this back end or release; with the reason.
        case skipped(String)
        /// The case is meant for it, but this machine cannot run it; with the reason.
        case inconclusive(String)
    }

    public var title: String
    /// Of the back end, as `RoutingBackend.name` tells it.
    public var backend: String
    public var version: ServerVersion
    public var verdict: Verdict
    /// In the order of the steps.
    public var mismatches: [Mismatch]
    /// The error that ended the case early, with the step at which it did.
    public var failure: String?
    /// Steps that this back end cannot answer.
    public var skippedSteps: Int
    /// What was seen at each step that was run, expected or not.
    public var observations: [StepObservation]
    /// Wall-clock time.
    public var seconds: Double

    public init(
        title: String, backend: String, version: ServerVersion, verdict: Verdict, mismatches: [Mismatch] = [],
        failure: String? = nil, skippedSteps: Int = 0, observations: [StepObservation] = [], seconds: Double = 0
    ) {
        self.title = title
        self.backend = backend
        self.version = version
        self.verdict = verdict
        self.mismatches = mismatches
        self.failure = failure
        self.skippedSteps = skippedSteps
        self.observations = observations
        self.seconds = seconds
    }
}

extension CaseResult.Verdict {
    /// Whether the case was run to an end, good or bad.
    public var isDecided: Bool { self == .pass || self == .fail }

    /// Why the case was not run.
    public var reason: String? {
        switch self {
        case .pass, .fail: nil
        case .skipped(let reason), .inconclusive(let reason): reason
        }
    }

    /// `pass`, `fail`, `skip` or `open`.
    public var word: String {
        switch self {
        case .pass: "pass"
        case .fail: "fail"
        case .skipped: "skip"
        case .inconclusive: "open"
        }
    }
}

/// One line of an expectation that did not hold.
public struct Mismatch: Hashable, Sendable {
    /// Place of the step: `file:line:column`.
    public var place: String
    /// The step in words.
    public var step: String
    /// Who or what was looked at: `sam`, `bea | sam`, `answers`, `us-0: gateways`.
    public var subject: String
    public var expected: String
    public var seen: String
    /// At most three messages that show it.
    public var examples: [String]

    public init(
        place: String, step: String, subject: String, expected: String, seen: String, examples: [String] = []
    ) {
        self.place = place
        self.step = step
        self.subject = subject
        self.expected = expected
        self.seen = seen
        self.examples = examples
    }
}

/// What was seen at one step, for comparing back ends.
public struct StepObservation: Hashable, Sendable {
    /// The step's position among the steps of the case.
    public var step: Int
    public var place: Step.Place
    /// Copies by `client/label`, without zeros, sorted by name.
    public var copies: [Copies]
    /// Replies that reached requesters.
    public var answers: Int
    /// 503 messages.
    public var noResponders: Int
    /// Copies written to gateway connections.
    public var crossings: Int
    /// What a check found different.
    public var differences: [StateDifference]

    /// What one subscription got.
    public struct Copies: Hashable, Sendable {
        public var receiver: String
        public var count: Int

        public init(receiver: String, count: Int) {
            self.receiver = receiver
            self.count = count
        }
    }

    public init(
        step: Int, place: Step.Place, copies: [Copies] = [], answers: Int = 0, noResponders: Int = 0,
        crossings: Int = 0, differences: [StateDifference] = []
    ) {
        self.step = step
        self.place = place
        self.copies = copies
        self.answers = answers
        self.noResponders = noResponders
        self.crossings = crossings
        self.differences = differences
    }
}

extension CaseResult {
    /// How two back ends differ on the same case, one line each; empty if they agree.
    ///
    /// Servers pick queue members at random, so two passes agree whatever was seen; of two failures the lines that
    /// did not hold are compared.
    public func differences(from other: CaseResult) -> [String] {
        guard verdict.isDecided, other.verdict.isDecided else { return [] }
        if verdict != other.verdict {
            let (passed, failed) = verdict == .pass ? (self, other) : (other, self)
            return ["passes on \(passed.backend), fails on \(failed.backend)"]
        }
        var lines: [String] = []
        for (here, there) in [(self, other), (other, self)] {
            for mismatch in here.mismatches {
                let twin = there.mismatches.first {
                    $0.place == mismatch.place && $0.step == mismatch.step && $0.subject == mismatch.subject
                }
                if twin == nil {
                    lines.append("\(mismatch.place): \(mismatch.subject): \(mismatch.seen) on \(here.backend) only")
                } else if let twin, twin.seen != mismatch.seen, here.backend == backend {
                    lines.append(
                        "\(mismatch.place): \(mismatch.subject): \(mismatch.seen) on \(here.backend), "
                            + "\(twin.seen) on \(there.backend)")
                }
            }
        }
        // Two that break off need not say it in the same words.
        for (here, there) in [(self, other), (other, self)] where here.failure != nil && there.failure == nil {
            lines.append("breaks off on \(here.backend) only")
        }
        return lines
    }
}
