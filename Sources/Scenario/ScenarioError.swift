/// A place in a text: a file, a line and a column, both counted from 1 (columns in Unicode scalars).
///
/// For a value from the command line the file is `--set`, the line its ordinal and the column its character.
public struct Position: Hashable, Sendable {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// The first thing wrong with a scenario or deployment, as one line that an editor can jump to.
public struct ScenarioError: Error, Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int
    /// What was expected and what was found instead.
    public var message: String
    /// The nearest text that would have been right.
    public var suggestion: String?

    public init(file: String, line: Int, column: Int, message: String, suggestion: String? = nil) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.suggestion = suggestion
    }

    package init(_ position: Position, _ message: String, suggestion: String? = nil) {
        self.init(
            file: position.file, line: position.line, column: position.column, message: message,
            suggestion: suggestion)
    }

    /// `file:line:column: message (did you mean "x"?)`, always one line.
    public var description: String {
        let hint = suggestion.map { " (did you mean \"\($0)\"?)" } ?? ""
        return oneLine("\(file):\(line):\(column): \(message)\(hint)")
    }
}

/// Replaces line breaks and other control characters, so that a hostile file cannot break the report of its error.
package func oneLine(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format, .surrogate:
            result.append("?")
        default:
            result.append(scalar)
        }
    }
    return String(result)
}

/// Text as found in a file, quoted and cut to a length that fits a line.
package func quoted(_ text: String) -> String {
    let limit = 60
    let shown = text.count > limit ? String(text.prefix(limit)) + "..." : text
    return "\"\(shown)\""
}
