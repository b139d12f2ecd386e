extension FuzzCampaign {
    /// What a campaign says about the model.
    public enum Verdict: Hashable, Sendable {
        case agrees
        /// The two behaved differently, or one of them does not choose members of queue groups fairly.
        case disagrees
        /// Nothing disagreed, but not everything was compared; with the reason.
        case inconclusive(String)
    }

    /// What the campaign shows.
    public var verdict: Verdict {
        if disagreementCount > 0 || !modelShares.holds || !realShares.holds { return .disagrees }
        if !failures.isEmpty {
            return .inconclusive("\(failures.count) of \(outcomes.count) batches could not be run")
        }
        if exactShare < Self.leastExactShare {
            return .inconclusive(
                "too few pairs were compared exactly, at least \(percent(Self.leastExactShare)) must be")
        }
        if !coverage.missing.isEmpty {
            return .inconclusive("too few programs to exercise everything, 200 usually do")
        }
        return .agrees
    }
}

extension FuzzCampaign: CustomStringConvertible {
    /// The whole report: what was compared, the test of shares, how often each feature was exercised, and the
    /// disagreements.
    public var description: String { report(disagreementsShown: 30, listsFeatures: true) }

    /// The same for a screen: features that were not exercised instead of all, and fewer disagreements.
    public var summary: String { report(disagreementsShown: 8, listsFeatures: false) }

    private func report(disagreementsShown shown: Int, listsFeatures: Bool) -> String {
        let batches = outcomes.count == 1 ? "1 batch" : "\(outcomes.count) batches"
        var lines = ["\(programs) programs in \(batches), seed \(seed)"]
        lines.append("\(pairs) pairs of message and subscription, \(percent(exactShare)) compared exactly")
        lines.append(line("model", modelShares))
        lines.append(line("servers", realShares))
        lines += listsFeatures ? featureTable : [featureLine]
        append("failed batches", failures, shown, to: &lines)
        append("disagreements", texts(\.disagreements), shown, to: &lines)
        append("differences of both from the arithmetic", texts(\.oddities), shown, to: &lines)
        switch verdict {
        case .agrees: lines.append("The model and the servers agree.")
        case .disagrees: lines.append("The model and the servers disagree.")
        case .inconclusive(let reason): lines.append("No disagreement, but inconclusive: \(reason).")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var featureTable: [String] {
        let width = FuzzFeature.allCases.map(\.rawValue.count).max() ?? 0
        let rows = FuzzFeature.allCases.map { feature in
            let count = coverage.count(feature)
            let name = feature.rawValue + String(repeating: " ", count: width - feature.rawValue.count)
            return "  \(name)  \(count)\(count == 0 ? "  not exercised" : "")"
        }
        return ["programs that exercise each feature:"] + rows
    }

    private var featureLine: String {
        let missing = FuzzFeature.allCases.filter { coverage.count($0) == 0 }.map(\.rawValue)
        let all = FuzzFeature.allCases.count
        let line = "\(all - missing.count) of \(all) features exercised"
        return missing.isEmpty ? line : "\(line), not: \(missing.joined(separator: ", "))"
    }

    private func texts(_ list: (FuzzOutcome) -> [FuzzDisagreement]) -> [String] {
        outcomes.flatMap { outcome in list(outcome).map { "batch \(outcome.batch) p\($0.program) \($0)" } }
    }

    private func append(_ title: String, _ all: [String], _ shown: Int, to lines: inout [String]) {
        guard !all.isEmpty else { return }
        lines.append("\(all.count) \(title):")
        for text in all.prefix(shown) { lines.append("  \(text)") }
        if all.count > shown { lines.append("  and \(all.count - shown) more") }
    }

    private func line(_ name: String, _ test: FuzzShareTest) -> String {
        let statistic = Double((test.statistic * 10).rounded()) / 10
        let text = "\(name): \(test.choices) choices of queue group members, chi-square \(statistic)"
        return "\(text) with \(test.degrees) degrees of freedom: \(test.holds ? "fair" : "not fair")"
    }

    private func percent(_ share: Double) -> String { "\(Double((share * 1000).rounded()) / 10) %" }
}
