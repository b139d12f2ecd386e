import Statistics

/// Bold and colour for a terminal, or nothing.
public struct TextStyle: Sendable {
    public var isEnabled: Bool

    public init(isEnabled: Bool) { self.isEnabled = isEnabled }

    /// No codes at all: for pipes, files and tests.
    public static let plain = TextStyle(isEnabled: false)

    /// Codes only where they can be seen: on a terminal that is not `dumb`, unless `NO_COLOR` is set to something
    /// (no-color.org).
    public static func detect(isTerminal: Bool, environment: [String: String]) -> TextStyle {
        let isRefused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return TextStyle(isEnabled: isTerminal && !isRefused && environment["TERM"] != "dumb")
    }

    func bold(_ text: String) -> String { wrap(text, "1") }
    func faint(_ text: String) -> String { wrap(text, "2") }

    /// Green, red or yellow, always beside the word itself: colour alone says nothing.
    func verdict(_ text: String, _ verdict: Verdict) -> String {
        switch verdict {
        case .pass: wrap(text, "1;32")
        case .fail: wrap(text, "1;31")
        case .inconclusive: wrap(text, "1;33")
        }
    }

    private func wrap(_ text: String, _ code: String) -> String {
        isEnabled ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

enum Alignment { case left, right }

/// Pads to a width in characters; longer text is left as it is.
func pad(_ text: String, _ width: Int, _ alignment: Alignment = .left) -> String {
    let blanks = String(repeating: " ", count: max(0, width - text.count))
    return alignment == .left ? text + blanks : blanks + text
}

/// Cuts to a width, with two dots where something is missing.
func cut(_ text: String, _ width: Int) -> String {
    text.count <= width ? text : text.prefix(max(0, width - 2)) + ".."
}

/// Columns as wide as their widest cell, two blanks apart; no blanks at the ends of lines.
func columns(_ rows: [[String]], _ alignments: [Alignment]) -> [String] {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        trimmed(row.indices.map { pad(row[$0], widths[$0], alignments[$0]) }.joined(separator: "  "))
    }
}

func trimmed(_ line: String) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
}
