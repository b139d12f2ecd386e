/// What became of one case on each back end that it was meant to run on.
public struct CaseRecord: Hashable, Sendable {
    /// Its file, as it was given.
    public var file: String
    public var title: String
    /// In the order of the back ends.
    public var results: [CaseResult]

    public init(file: String, title: String, results: [CaseResult]) {
        self.file = file
        self.title = title
        self.results = results
    }

    /// Whether an expectation did not hold on some back end.
    public var hasFailed: Bool { results.contains { $0.verdict == .fail } }

    /// How the back ends differ from the first one.
    public var differences: [String] {
        guard let first = results.first else { return [] }
        return results.dropFirst().flatMap { first.differences(from: $0) }
    }
}

/// How many results of one kind there are.
public struct CaseTally: Hashable, Sendable {
    public var passed = 0
    public var failed = 0
    public var skipped = 0
    public var inconclusive = 0

    public init(_ results: [CaseResult] = []) {
        for result in results { add(result.verdict) }
    }

    /// Counts one more.
    public mutating func add(_ verdict: CaseResult.Verdict) {
        switch verdict {
        case .pass: passed += 1
        case .fail: failed += 1
        case .skipped: skipped += 1
        case .inconclusive: inconclusive += 1
        }
    }

    /// 1 after a failure; else 2 if a case could not be run, or none was; else 0. Cases that are not meant for a
    /// back end change nothing.
    public var exitCode: Int32 {
        if failed > 0 { return 1 }
        return inconclusive > 0 || passed == 0 ? 2 : 0
    }

    /// `12 passed, 1 failed`; parts that are zero are left out.
    public var text: String {
        let parts = [(passed, "passed"), (failed, "failed"), (skipped, "skipped"), (inconclusive, "open")]
        let shown = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return shown.isEmpty ? "nothing ran" : shown.joined(separator: ", ")
    }
}

/// The report for people: what did not hold, what was not run and why, and how many of each there are.
public enum CaseTextReport {
    /// Files of one group of cases that were not run; more are only counted.
    private static let filesShown = 5

    /// All lines but the last ones: each case if `listsAll`, else only the failures, and what was not run by reason.
    public static func text(_ records: [CaseRecord], listsAll: Bool) -> String {
        if listsAll { return records.map(text).joined() }
        return records.filter(\.hasFailed).map(text).joined() + notRun(records)
    }

    /// One case, with line ends.
    public static func text(_ record: CaseRecord) -> String {
        let words = record.results.map { $0.verdict == .fail ? "FAIL" : $0.verdict.word }
        let isAlike = Set(words).count == 1
        let parts = zip(record.results, words).map { result, word in
            let name = record.results.count > 1 ? shortName(result.backend) + " " : ""
            let own = isAlike ? "" : word + (result.verdict.isDecided ? " " : "")
            let time = result.verdict.isDecided ? time(result.seconds) : isAlike ? "-" : ""
            return name + own + time
        }
        // The worst of them stands in front.
        let word = ["FAIL", "open", "pass", "skip"].first { words.contains($0) } ?? "skip"
        var lines = ["\(word)  \(record.title) (\(parts.joined(separator: ", ")))"]
        let details = record.results.map(self.details)
        if details.count > 1, Set(details).count == 1, !details[0].isEmpty {
            lines += ["  on both:"] + details[0]
        } else {
            for (result, details) in zip(record.results, details) where !details.isEmpty {
                let name = record.results.count > 1 ? ["  on \(result.backend):"] : []
                lines += name + details
            }
        }
        lines += record.differences.map { "  back ends differ: \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Cases that were skipped or are open, those with the same reason together. Failures are left out: they say
    /// themselves where they were not run.
    public static func notRun(_ records: [CaseRecord]) -> String {
        var groups: [(heading: String, reason: String, files: [String])] = []
        for record in records where !record.hasFailed {
            for result in record.results {
                guard let reason = result.verdict.reason else { continue }
                let heading = "\(result.verdict.word)  on \(result.backend)"
                if let index = groups.firstIndex(where: { $0.heading == heading && $0.reason == reason }) {
                    groups[index].files.append(record.file)
                } else {
                    groups.append((heading, reason, [record.file]))
                }
            }
        }
        return groups.map { group in
            let rest = group.files.count - filesShown
            let more = rest > 0 ? ["and \(rest) more; --verbose names them"] : []
            let count = group.files.count == 1 ? "1 case" : "\(group.files.count) cases"
            let lines = ["\(group.heading), \(count): \(group.reason)"]
            return (lines + (group.files.prefix(filesShown) + more).map { "  \($0)" }).map { $0 + "\n" }.joined()
        }.joined()
    }

    /// The last lines: one for each back end, and how long it all took.
    ///
    /// - Parameter seconds: wall-clock time of the whole; cases run side by side.
    public static func summary(_ records: [CaseRecord], seconds: Double) -> String {
        let count = records.map(\.results.count).max() ?? 0
        if count == 0 { return "nothing ran\n" }
        let lines = (0..<count).map { index in
            let results = records.compactMap { $0.results.indices.contains(index) ? $0.results[index] : nil }
            return "\(results[0].backend): \(CaseTally(results).text)"
        }
        let cases = records.count == 1 ? "1 case" : "\(records.count) cases"
        return lines.map { $0 + "\n" }.joined() + "\(cases) in \(time(seconds))\n"
    }

    /// `model` for `model of nats-server 2.9.10`, `nats-server` for `nats-server 2.9.10`.
    private static func shortName(_ backend: String) -> String { String(backend.prefix { $0 != " " }) }

    /// Why a case was not run, or what did not hold: mismatches of one step under its place.
    static func details(_ result: CaseResult) -> [String] {
        var lines: [String] = []
        if let reason = result.verdict.reason { lines.append("  \(reason)") }
        if result.skippedSteps > 0 { lines.append("  steps about steering that were skipped: \(result.skippedSteps)") }
        var step = ""
        let width = result.mismatches.map(\.subject.count).max() ?? 0
        let expected = result.mismatches.map(\.expected.count).max() ?? 0
        for mismatch in result.mismatches {
            let heading = "  \(mismatch.place): \(mismatch.step)"
            if heading != step { lines.append(heading) }
            step = heading
            lines.append(
                "    \(padded(mismatch.subject, width))  expected \(padded(mismatch.expected, expected))"
                    + "  seen \(mismatch.seen)")
            lines += mismatch.examples.map { "      \($0)" }
        }
        if let failure = result.failure { lines.append("  " + failure.replacing("\n", with: "\n    ")) }
        return lines
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Milliseconds below 1 s, then seconds with a tenth.
    static func time(_ seconds: Double) -> String {
        if seconds < 0.9995 { return "\(Int((seconds * 1_000).rounded())) ms" }
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
