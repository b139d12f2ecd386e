import Foundation
import NATSModel

/// The report as one line of JSON, keys in alphabetical order; a field without a value is `null`, never absent.
public enum CaseJSONReport {
    /// The line, with its end.
    /// - Throws: only what the encoder throws for numbers that JSON cannot hold.
    public static func text(_ records: [CaseRecord]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Report(records)), as: UTF8.self) + "\n"
    }

    private struct Report: Encodable {
        var cases: [Case]
        var failed: Int
        var inconclusive: Int
        var passed: Int
        var skipped: Int

        init(_ records: [CaseRecord]) {
            cases = records.map(Case.init)
            let tally = CaseTally(records.flatMap(\.results))
            failed = tally.failed
            inconclusive = tally.inconclusive
            passed = tally.passed
            skipped = tally.skipped
        }
    }

    private struct Case: Encodable {
        var differences: [String]
        var file: String
        var results: [Result]
        var title: String

        init(_ record: CaseRecord) {
            differences = record.differences
            file = record.file
            results = record.results.map(Result.init)
            title = record.title
        }
    }

    private struct Result: Encodable {
        var backend: String
        var failure: Optionally<String>
        var mismatches: [Line]
        var reason: Optionally<String>
        var seconds: Double
        var skippedSteps: Int
        var steps: [Observation]
        var verdict: String
        var version: String

        init(_ result: CaseResult) {
            backend = result.backend
            failure = Optionally(value: result.failure)
            mismatches = result.mismatches.map(Line.init)
            reason = Optionally(value: result.verdict.reason)
            seconds = result.seconds
            skippedSteps = result.skippedSteps
            steps = result.observations.map(Observation.init)
            verdict = result.verdict.word
            version = result.version.description
        }
    }

    private struct Line: Encodable {
        var examples: [String]
        var expected: String
        var place: String
        var seen: String
        var step: String
        var subject: String

        init(_ mismatch: Mismatch) {
            examples = mismatch.examples
            expected = mismatch.expected
            place = mismatch.place
            seen = mismatch.seen
            step = mismatch.step
            subject = mismatch.subject
        }
    }

    private struct Observation: Encodable {
        var answers: Int
        var copies: [String: Int]
        var crossings: Int
        var noResponders: Int
        var place: String

        init(_ observation: StepObservation) {
            answers = observation.answers
            copies = Dictionary(observation.copies.map { ($0.receiver, $0.count) }, uniquingKeysWith: +)
            crossings = observation.crossings
            noResponders = observation.noResponders
            place = observation.place.text
        }
    }

    /// Writes `null` where the encoder would leave the key out.
    private struct Optionally<Value: Encodable>: Encodable {
        var value: Value?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            if let value { try container.encode(value) } else { try container.encodeNil() }
        }
    }
}

/// The report as JUnit XML, which build servers show: a suite for each back end, a test case for each case.
public enum CaseJUnitReport {
    /// The document, with line ends.
    public static func text(_ records: [CaseRecord]) -> String {
        let results = records.flatMap(\.results)
        var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
        lines.append("<testsuites \(counts(results))>")
        for index in 0..<(records.map(\.results.count).max() ?? 0) {
            let own = records.filter { $0.results.indices.contains(index) }
            let suite = own.map { $0.results[index] }
            lines.append("  <testsuite name=\"\(escaped(suite[0].backend))\" \(counts(suite))>")
            for record in own { lines += testCase(record, record.results[index]) }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.map { $0 + "\n" }.joined()
    }

    private static func testCase(_ record: CaseRecord, _ result: CaseResult) -> [String] {
        let start =
            "    <testcase name=\"\(escaped(record.title))\" classname=\"\(escaped(record.file))\""
            + " time=\"\(decimal(result.seconds))\""
        switch result.verdict {
        case .pass: return [start + "/>"]
        case .skipped(let reason), .inconclusive(let reason):
            return [start + ">", "      <skipped message=\"\(escaped(reason))\"/>", "    </testcase>"]
        case .fail:
            let lines = CaseTextReport.details(result) + record.differences.map { "  back ends differ: \($0)" }
            let count = result.mismatches.count
            let message = result.failure ?? (count == 1 ? "1 line did not hold" : "\(count) lines did not hold")
            return [
                start + ">", "      <failure message=\"\(escaped(message))\">",
                lines.map(escaped).joined(separator: "\n") + "</failure>", "    </testcase>",
            ]
        }
    }

    private static func counts(_ results: [CaseResult]) -> String {
        let tally = CaseTally(results)
        let seconds = results.reduce(0) { $0 + $1.seconds }
        return "tests=\"\(results.count)\" failures=\"\(tally.failed)\" errors=\"0\""
            + " skipped=\"\(tally.skipped + tally.inconclusive)\" time=\"\(decimal(seconds))\""
    }

    private static func decimal(_ seconds: Double) -> String { String(format: "%.3f", seconds) }

    /// For attributes and text alike. Characters that XML cannot hold become question marks.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n": result += "&#10;"
            case "\t": result += "&#9;"
            case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
