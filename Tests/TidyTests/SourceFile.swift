/// A Swift file as the rules see it.
struct SourceFile: Sendable {
    /// Relative to the root of the package.
    let path: String
    /// As written, without line ends.
    let lines: [String]
    /// The same lines with comments and the text of string literals blanked, so that words in them do not count.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var lexer = Lexer(Array(text.utf8))
        lexer.skipCode(untilClosingParenthesis: false)
        code = String(decoding: lexer.output, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// `EventKernel` for `Sources/EventKernel/SimTime.swift`; `nil` outside `Sources`.
    var room: String? { folder(below: "Sources") }

    /// `EventKernel` for `Tests/EventKernelTests/...`; `nil` outside `Tests`.
    var testedRoom: String? {
        guard let folder = folder(below: "Tests"), folder.hasSuffix("Tests") else { return nil }
        return String(folder.dropLast("Tests".count))
    }

    private func folder(below top: String) -> String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == top ? String(parts[1]) : nil
    }
}

/// One broken rule.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    /// Counted from 1.
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// Copies Swift text, with blanks for comments and for the text of string literals; interpolations stay.
private struct Lexer {
    private let input: [UInt8]
    private var position = 0
    private(set) var output: [UInt8]

    init(_ input: [UInt8]) {
        self.input = input
        output = []
        output.reserveCapacity(input.count)
    }

    mutating func skipCode(untilClosingParenthesis: Bool) {
        var depth = 0
        while position < input.count {
            if starts(with: "//") {
                while position < input.count, byte != .newline { blank() }
            } else if starts(with: "/*") {
                skipBlockComment()
            } else if let hashes = hashesOfString() {
                skipString(hashes: hashes)
            } else {
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") {
                    if untilClosingParenthesis, depth == 0 { return }
                    depth -= 1
                }
                copy()
            }
        }
    }

    private var byte: UInt8 { input[position] }

    private func starts(with text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= input.count else { return false }
        for offset in 0..<text.utf8CodeUnitCount where input[position + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }

    private mutating func copy() {
        output.append(byte)
        position += 1
    }

    private mutating func blank() {
        output.append(byte == .newline ? .newline : UInt8(ascii: " "))
        position += 1
    }

    /// Swift's block comments nest.
    private mutating func skipBlockComment() {
        var depth = 0
        while position < input.count {
            if starts(with: "/*") {
                depth += 1
                blank()
                blank()
            } else if starts(with: "*/") {
                depth -= 1
                blank()
                blank()
                if depth == 0 { return }
            } else {
                blank()
            }
        }
    }

    /// The number of `#` before the quote when a string literal starts here.
    private func hashesOfString() -> Int? {
        var end = position
        while end < input.count, input[end] == UInt8(ascii: "#") { end += 1 }
        return end < input.count && input[end] == .quote ? end - position : nil
    }

    private mutating func skipString(hashes: Int) {
        for _ in 0..<hashes { copy() }
        let isMultiline = starts(with: "\"\"\"")
        let quotes = isMultiline ? 3 : 1
        for _ in 0..<quotes { copy() }
        while position < input.count {
            if ends(quotes: quotes, hashes: hashes) {
                for _ in 0..<(quotes + hashes) { copy() }
                return
            }
            if byte == .newline, !isMultiline { return }
            if byte == UInt8(ascii: "\\"), isEscape(hashes: hashes) {
                for _ in 0...hashes { blank() }
                guard position < input.count else { return }
                if byte == UInt8(ascii: "(") {
                    copy()
                    skipCode(untilClosingParenthesis: true)
                    // Its partner is code too: whoever counts parentheses afterwards finds them in pairs.
                    if position < input.count { copy() }
                } else {
                    blank()
                }
            } else {
                blank()
            }
        }
    }

    private func ends(quotes: Int, hashes: Int) -> Bool {
        guard position + quotes + hashes <= input.count else { return false }
        for offset in 0..<quotes where input[position + offset] != .quote { return false }
        for offset in quotes..<(quotes + hashes) where input[position + offset] != UInt8(ascii: "#") { return false }
        return true
    }

    private func isEscape(hashes: Int) -> Bool {
        guard position + hashes < input.count else { return false }
        for offset in 0..<hashes where input[position + 1 + offset] != UInt8(ascii: "#") { return false }
        return true
    }
}

extension UInt8 {
    fileprivate static let newline = UInt8(ascii: "\n")
    fileprivate static let quote = UInt8(ascii: "\"")
}
