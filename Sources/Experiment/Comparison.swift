import Measures
import ResultStore
import Scenario
import Statistics

/// One response of two runs.
public struct ComparedResponse: Hashable, Sendable {
    public var first: ResponseEstimate
    public var second: ResponseEstimate

    public var name: String { first.name }
    /// Of both: responses of different units are not compared.
    public var unit: String { first.unit }

    /// Second less first; `nil` where only one of them is finite.
    public var difference: Double? {
        guard let first = first.mean, let second = second.mean else { return nil }
        if !first.isFinite && !second.isFinite { return 0 }
        return first.isFinite && second.isFinite ? second - first : nil
    }

    /// The difference in shares of the first value; `nil` where that is zero.
    public var relative: Double? {
        guard let difference, let mean = first.mean, mean.isFinite, mean != 0 else { return nil }
        return difference / mean.magnitude
    }

    /// Whether the means are equal to the last bit; those of runs in which it never happened are.
    public var isEqual: Bool { difference == 0 }
}

/// Two runs side by side: what differs between them, and the responses that both have.
public struct Comparison: Hashable, Sendable {
    /// A fact about the runs.
    public struct Fact: Hashable, Sendable {
        public var name: String
        public var first: String
        public var second: String
        /// Whether the texts differ.
        public var differs: Bool { first != second }
    }

    public var first: ExperimentResult
    public var second: ExperimentResult
    public var facts: [Fact]
    /// Responses with a value in both runs, in the order of the catalogue, others after it by name.
    public var rows: [ComparedResponse]
    /// Names of responses that only one of the runs has a value for.
    public var onlyFirst: [String]
    public var onlySecond: [String]

    public init(_ first: ExperimentResult, _ second: ExperimentResult) {
        self.first = first
        self.second = second
        facts = zip(Self.facts(first), Self.facts(second)).map { one, other in
            Fact(name: one.name, first: one.value, second: other.value)
        }
        // Without regard to the unit a response that changed its meaning would be subtracted.
        struct Key: Hashable {
            var name: String
            var unit: String
        }
        func table(_ result: ExperimentResult) -> [Key: ResponseEstimate] {
            let observed = result.responses.filter { $0.mean != nil }
            return Dictionary(
                observed.map { (Key(name: $0.name, unit: $0.unit), $0) }, uniquingKeysWith: { one, _ in one })
        }
        let (left, right) = (table(first), table(second))
        rows = []
        onlyFirst = []
        onlySecond = []
        for response in first.responses where response.mean != nil {
            if let other = right[Key(name: response.name, unit: response.unit)] {
                rows.append(ComparedResponse(first: response, second: other))
            } else {
                onlyFirst.append(response.name)
            }
        }
        for response in second.responses where response.mean != nil {
            if left[Key(name: response.name, unit: response.unit)] == nil { onlySecond.append(response.name) }
        }
    }

    private static func facts(_ result: ExperimentResult) -> [(name: String, value: String)] {
        let identity = result.identity
        return [
            ("scenario", identity.scenario), ("file", identity.file), ("back end", backend(result)),
            ("version", identity.toolVersion), ("seed", "\(identity.seed)"), ("scenario hash", identity.hash),
            ("settings", identity.overrides.isEmpty ? "-" : identity.overrides.joined(separator: " ")),
            ("replications", "\(result.replicationsDone)"), ("verdict", result.verdict.rawValue),
        ]
    }

    /// `simulate`, or `emulate (nats-server 2.9.10, namespaces)`.
    private static func backend(_ result: ExperimentResult) -> String {
        guard let record = result.emulations.first?.value else { return result.identity.backend.rawValue }
        return "\(result.identity.backend.rawValue) (nats-server \(record.serverVersion), \(record.link))"
    }
}
