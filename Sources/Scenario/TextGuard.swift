/// Bounds on what is handed to the YAML parser, so that no file can make it slow, deep or large.
///
/// The parser recurses once for each level of nesting and expands aliases, and neither can be limited from
/// outside; therefore the text is looked at before.
package enum TextGuard {
    /// Largest file in bytes.
    static let maximumSize = 1_048_576
    /// Longest line in Unicode scalars. It also bounds nesting within one line.
    static let maximumLine = 1_000
    /// Deepest nesting of `[` and `{`, and of block items that start on one line.
    static let maximumDepth = 32
    /// Deepest indentation in columns; block nesting needs at least one column a level.
    static let maximumIndentation = 100

    /// The bytes as text.
    ///
    /// - Throws: `ScenarioError` if they are too many, not UTF-8, hold control characters, a line that is too
    ///   long, nesting that is too deep, or an anchor or alias.
    package static func check(_ bytes: [UInt8], file: String) throws(ScenarioError) -> String {
        if bytes.count > maximumSize {
            throw ScenarioError(Position(file: file, line: 1, column: 1), "the file is larger than 1 MiB")
        }
        let text = try decode(bytes, file: file)
        try checkLines(text, file: file)
        return text
    }

    /// Decodes UTF-8 strictly, watching the length of lines and the kind of characters on the way.
    private static func decode(_ bytes: [UInt8], file: String) throws(ScenarioError) -> String {
        var result = String.UnicodeScalarView()
        var line = 1
        var column = 1
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .emptyInput:
                return String(result)
            case .error:
                let position = Position(file: file, line: line, column: column)
                throw ScenarioError(position, "the file is not UTF-8 here")
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                if scalar.value < 0x20 || scalar.value > 0x7E || column > maximumLine {
                    try checkCharacter(scalar, at: Position(file: file, line: line, column: column))
                }
                result.append(scalar)
                if scalar == "\n" {
                    line += 1
                    column = 1
                } else {
                    column += 1
                }
            }
        }
    }

    private static func checkCharacter(_ scalar: Unicode.Scalar, at position: Position) throws(ScenarioError) {
        if position.column > maximumLine, scalar != "\n" {
            throw ScenarioError(position, "the line is longer than \(maximumLine) characters")
        }
        let isByteOrderMark = scalar == "\u{FEFF}" && position.line == 1 && position.column == 1
        switch scalar.value {
        case 0x09, 0x0A, 0x0D:
            return
        // Control characters, the line breaks that only YAML knows, and what YAML calls not printable.
        case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
            if isByteOrderMark { return }
            let code = String(scalar.value, radix: 16, uppercase: true)
            throw ScenarioError(position, "control character U+\(code) is not allowed")
        default:
            return
        }
    }

    private static func checkLines(_ text: String, file: String) throws(ScenarioError) {
        var depth = 0
        var line = 0
        for slice in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
            line += 1
            let scalars = Array(slice)
            let start = scalars.firstIndex { $0 != " " } ?? scalars.count
            if start < scalars.count, scalars[start] == "#" { continue }
            let end = commentStart(scalars) ?? scalars.count
            try checkNesting(scalars[..<end], start: start, depth: &depth, Position(file: file, line: line, column: 1))
            try checkAliases(scalars[..<end], Position(file: file, line: line, column: 1))
        }
    }

    /// Where a comment starts after content. With any quote on the line its place cannot be told without a full
    /// parse, so then the whole line is examined: a false alarm is better than a hidden alias.
    private static func commentStart(_ scalars: [Unicode.Scalar]) -> Int? {
        if scalars.contains(where: { $0 == "\"" || $0 == "'" }) { return nil }
        return scalars.indices.first { $0 > 0 && scalars[$0] == "#" && scalars[$0 - 1] == " " }
    }

    private static func checkNesting(
        _ scalars: ArraySlice<Unicode.Scalar>, start: Int, depth: inout Int, _ line: Position
    ) throws(ScenarioError) {
        var indicators = 0
        var leading = true
        for (index, scalar) in zip(scalars.indices, scalars) {
            switch scalar {
            case "[", "{": depth += 1
            case "]", "}": depth = max(0, depth - 1)
            case "-", "?": if leading { indicators += 1 }
            default: break
            }
            leading = leading && (scalar == " " || scalar == "-" || scalar == "?" || scalar == "\t")
            if depth > maximumDepth || indicators > maximumDepth {
                let position = Position(file: line.file, line: line.line, column: index + 1)
                throw ScenarioError(position, "nested more than \(maximumDepth) levels deep")
            }
        }
        if start > maximumIndentation, start < scalars.endIndex {
            let position = Position(file: line.file, line: line.line, column: start + 1)
            throw ScenarioError(position, "indented by more than \(maximumIndentation) columns")
        }
    }

    /// Anchors and aliases are refused: the format has no use for them, and a few lines of them expand to gigabytes.
    private static func checkAliases(
        _ scalars: ArraySlice<Unicode.Scalar>, _ line: Position
    ) throws(ScenarioError) {
        for (index, scalar) in zip(scalars.indices, scalars) where scalar == "&" || scalar == "*" {
            let before = index > scalars.startIndex ? scalars[index - 1] : " "
            let after = index + 1 < scalars.endIndex ? scalars[index + 1] : " "
            let opens = !before.properties.isAlphabetic && !"0123456789.\"'\\".unicodeScalars.contains(before)
            if opens, after != " ", after != "\t", after != "\r" {
                let position = Position(file: line.file, line: line.line, column: index + 1)
                throw ScenarioError(position, "YAML anchors and aliases are not supported; write the value out")
            }
        }
    }
}
