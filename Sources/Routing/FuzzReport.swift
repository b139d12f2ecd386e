extension FuzzCampaign: CustomStringConvertible {
    /// At most this many disagreements are written out.
    private static let shown = 30

    /// The report: what was compared, the test of shares, the coverage, and every disagreement.
    public var description: String {
        var lines = ["\(programs) programs in \(outcomes.count) batches, seed \(seed)"]
        lines.append("\(pairs) pairs of message and subscription, \(percent(exactShare)) compared exactly")
        lines.append(line("model", modelShares))
        lines.append(line("servers", realShares))
        lines.append("")
        let width = FuzzFeature.allCases.map(\.rawValue.count).max() ?? 0
        for feature in FuzzFeature.allCases {
            let count = coverage.count(feature)
            let name = feature.rawValue + String(repeating: " ", count: width - feature.rawValue.count)
            lines.append("  \(name)  \(count)\(count == 0 ? "  not exercised" : "")")
        }
        lines.append("")
        for failure in failures { lines.append("failed: \(failure)") }
        append("disagreements", outcomes.map { ($0.batch, $0.disagreements) }, to: &lines)
        append("differences of both from the arithmetic", outcomes.map { ($0.batch, $0.oddities) }, to: &lines)
        lines.append(holds ? "The model and the servers agree." : "The campaign failed.")
        return lines.joined(separator: "\n") + "\n"
    }

    private func append(_ title: String, _ found: [(batch: Int, [FuzzDisagreement])], to lines: inout [String]) {
        let all = found.flatMap { batch, list in list.map { "batch \(batch) p\($0.program) \($0)" } }
        guard !all.isEmpty else { return }
        lines.append("\(all.count) \(title):")
        for text in all.prefix(Self.shown) { lines.append("  \(text)") }
        if all.count > Self.shown { lines.append("  and \(all.count - Self.shown) more") }
    }

    private func line(_ name: String, _ test: FuzzShareTest) -> String {
        let statistic = Double((test.statistic * 10).rounded()) / 10
        let text = "\(name): \(test.choices) choices of queue group members, chi-square \(statistic)"
        return "\(text) with \(test.degrees) degrees: \(test.holds ? "fair" : "not fair")"
    }

    private func percent(_ share: Double) -> String { "\(Double((share * 1000).rounded()) / 10) %" }
}
