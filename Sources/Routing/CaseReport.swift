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
        let parts = [
            (passed, "passed"), (failed, "failed"), (skipped, "skipped"), (inconclusive, "inconclusive"),
        ]
        let shown = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return shown.isEmpty ? "nothing ran" : shown.joined(separator: ", ")
    }
}

/// The report for people: a line for each case, and what did not hold below it.
public enum CaseTextReport {
    /// One case, with line ends.
    public static func text(_ record: CaseRecord) -> String {
        let verdicts = record.results.map { $0.verdict == .fail ? "FAIL" : $0.verdict.word }.joined(separator: "  ")
        let times = record.results.map { $0.verdict.isDecided ? time($0.seconds) : "-" }.joined(separator: ", ")
        var lines = ["\(verdicts)  \(record.title) (\(times))"]
        for result in record.results {
            let details = self.details(result)
            if details.isEmpty { continue }
            let name = record.results.count > 1 ? ["  on \(result.backend):"] : []
            lines += name + details
        }
        lines += record.differences.map { "  back ends differ: \($0)" }
        return lines.map { $0 + "\n" }.joined()
    }

    /// The last lines: one for each back end.
    public static func summary(_ records: [CaseRecord]) -> String {
        let count = records.map(\.results.count).max() ?? 0
        if count == 0 { return "nothing ran\n" }
        return (0..<count).map { index in
            let results = records.compactMap { $0.results.indices.contains(index) ? $0.results[index] : nil }
            let seconds = results.reduce(0) { $0 + $1.seconds }
            return "\(results[0].backend): \(CaseTally(results).text) (\(time(seconds)))\n"
        }.joined()
    }

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

    /// Milliseconds below 10 s, then seconds with a tenth.
    static func time(_ seconds: Double) -> String {
        if seconds < 10 { return "\(Int((seconds * 1_000).rounded())) ms" }
        let tenths = Int((seconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
