/// What the rules need to know of a file's declarations; found by counting braces, not by parsing Swift.
struct Structure {
    /// A function, initialiser or subscript with a body.
    struct Function: Equatable {
        let name: String
        /// Lines of its first word and of its closing brace, counted from 1.
        let first: Int
        let last: Int
    }

    /// A declaration marked `public`.
    struct Declaration: Equatable {
        let kind: String
        let name: String
        let line: Int
        /// All attributes, as written.
        let attributes: String
        let isDocumented: Bool
        /// The text between name and end of line.
        let rest: String
        /// The types and extensions around it, outermost first.
        let scopes: [String]
    }

    private(set) var functions: [Function] = []
    private(set) var declarations: [Declaration] = []
    /// Names of types declared with generic parameters.
    private(set) var genericTypes: Set<String> = []

    private var scopesAtLine: [[String]] = []

    init(_ file: SourceFile) {
        let text = file.code.map { Array($0.utf8) }
        findScopes(text)
        findFunctions(text)
        findDeclarations(file)
    }

    private static let types: Set<String> = ["struct", "enum", "class", "actor", "protocol", "extension"]

    private mutating func findScopes(_ lines: [[UInt8]]) {
        var scopes: [String?] = []
        var pending: String?
        var parentheses = 0
        for line in lines {
            scopesAtLine.append(scopes.compactMap(\.self))
            var words = WordScanner(line)
            while let token = words.next() {
                switch token {
                case .word(let word) where Self.types.contains(word) && !words.followsDot:
                    guard let name = words.peekWord(), name != "func", name != "var" else { break }
                    pending = name
                    if words.isGenericAfterPeekedWord() { genericTypes.insert(name) }
                case .word: break
                case .symbol(UInt8(ascii: "(")): parentheses += 1
                case .symbol(UInt8(ascii: ")")): parentheses -= 1
                case .symbol(UInt8(ascii: "{")):
                    scopes.append(parentheses == 0 ? pending : nil)
                    if parentheses == 0 { pending = nil }
                case .symbol(UInt8(ascii: "}")): _ = scopes.popLast()
                case .symbol: break
                }
            }
        }
    }

    private mutating func findFunctions(_ lines: [[UInt8]]) {
        for (index, line) in lines.enumerated() {
            var words = WordScanner(line)
            while let token = words.next() {
                guard case .word(let word) = token, !words.followsDot else { continue }
                var name = word
                switch word {
                case "func": name = words.peekWord() ?? "operator"
                case "init", "subscript", "deinit":
                    guard words.isFollowedBy(anyOf: "(<?!{") else { continue }
                default: continue
                }
                if let last = Self.endOfBody(lines, line: index, column: words.position) {
                    functions.append(Function(name: name, first: index + 1, last: last + 1))
                }
            }
        }
    }

    /// The line of the brace that closes the body of the declaration at this place, or `nil` when it has no body.
    private static func endOfBody(_ lines: [[UInt8]], line start: Int, column: Int) -> Int? {
        var enclosed = 0
        var braces = 0
        for index in start..<lines.count {
            if index > start, enclosed == 0, braces == 0, startsSomethingElse(lines[index]) { return nil }
            for byte in lines[index].dropFirst(index == start ? column : 0) {
                switch byte {
                case UInt8(ascii: "("), UInt8(ascii: "["): enclosed += braces == 0 ? 1 : 0
                case UInt8(ascii: ")"), UInt8(ascii: "]"): enclosed -= braces == 0 ? 1 : 0
                case UInt8(ascii: "{") where enclosed == 0: braces += 1
                case UInt8(ascii: "}") where enclosed == 0:
                    braces -= 1
                    if braces < 0 { return nil }
                    if braces == 0 { return index }
                default: break
                }
            }
        }
        return nil
    }

    /// A signature goes on in lines that start with a parenthesis, an arrow, `where`, `throws` or the brace.
    private static func startsSomethingElse(_ line: [UInt8]) -> Bool {
        var words = WordScanner(line)
        switch words.next() {
        case .word(let word): return !["where", "throws", "rethrows", "async"].contains(word)
        case .symbol(let symbol): return ![UInt8(ascii: ")"), UInt8(ascii: "-"), UInt8(ascii: "{")].contains(symbol)
        case nil: return true
        }
    }

    private static let modifiers: Set<String> = [
        "static", "final", "mutating", "nonmutating", "indirect", "lazy", "weak", "override", "convenience",
        "required", "nonisolated", "borrowing", "consuming", "unowned", "prefix", "postfix", "infix", "set",
        "private", "internal", "fileprivate", "package", "unsafe",
    ]

    private mutating func findDeclarations(_ file: SourceFile) {
        for (index, line) in file.code.enumerated() {
            var words = WordScanner(Array(line.utf8))
            while let token = words.next() {
                guard case .word("public") = token else { continue }
                let before = String(decoding: words.bytes[..<(words.position - "public".utf8.count)], as: UTF8.self)
                var kind = ""
                while let word = words.peekWord(skippingParentheses: true) {
                    words.takePeekedWord(skippingParentheses: true)
                    kind = word
                    if !Self.modifiers.contains(word) { break }
                }
                if kind == "import" || kind.isEmpty { break }
                let name = ["init", "subscript"].contains(kind) ? kind : (words.peekWord() ?? "operator")
                let rest = String(decoding: words.bytes[words.position...], as: UTF8.self)
                let (attributes, top) = Self.attributes(file, above: index)
                declarations.append(
                    Declaration(
                        kind: kind, name: name, line: index + 1, attributes: attributes + before,
                        isDocumented: Self.isDocumented(file, above: top), rest: rest,
                        scopes: scopesAtLine[index]))
                break
            }
        }
    }

    /// The lines of attributes above a declaration, and the first of them.
    private static func attributes(_ file: SourceFile, above line: Int) -> (text: String, top: Int) {
        var top = line
        var text = ""
        while top > 0, file.code[top - 1].drop(while: { $0 == " " }).hasPrefix("@") {
            top -= 1
            text += file.code[top] + " "
        }
        return (text, top)
    }

    private static func isDocumented(_ file: SourceFile, above line: Int) -> Bool {
        guard line > 0 else { return false }
        let previous = file.lines[line - 1].drop { $0 == " " }
        return previous.hasPrefix("///") || previous.hasSuffix("*/")
    }
}

/// Splits a line into words and single symbols.
struct WordScanner {
    enum Token {
        case word(String)
        case symbol(UInt8)
    }

    let bytes: [UInt8]
    private(set) var position = 0
    /// Whether the last word came right after a dot, as in `self.init`.
    private(set) var followsDot = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Token? {
        skipBlanks(&position)
        guard position < bytes.count else { return nil }
        followsDot = position > 0 && bytes[position - 1] == UInt8(ascii: ".")
        guard Self.isWord(bytes[position]) else {
            position += 1
            return .symbol(bytes[position - 1])
        }
        let start = position
        while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
        return .word(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    /// The next word, if a word comes next; with `skippingParentheses`, as in `private(set) var`, past `( )`.
    func peekWord(skippingParentheses: Bool = false) -> String? {
        var copy = self
        while let token = copy.next() {
            switch token {
            case .word(let word): return word
            case .symbol(let symbol):
                let isParenthesis = symbol == UInt8(ascii: "(") || symbol == UInt8(ascii: ")")
                guard skippingParentheses, isParenthesis else { return nil }
            }
        }
        return nil
    }

    mutating func takePeekedWord(skippingParentheses: Bool) {
        while let token = next() {
            if case .word = token { return }
            if !skippingParentheses { return }
        }
    }

    /// Whether `<` follows the word that `peekWord` returns.
    func isGenericAfterPeekedWord() -> Bool {
        var copy = self
        guard case .word = copy.next() else { return false }
        return copy.isFollowedBy(anyOf: "<")
    }

    func isFollowedBy(anyOf symbols: StaticString) -> Bool {
        var place = position
        skipBlanks(&place)
        guard place < bytes.count else { return false }
        return (0..<symbols.utf8CodeUnitCount).contains { symbols.utf8Start[$0] == bytes[place] }
    }

    private func skipBlanks(_ place: inout Int) {
        while place < bytes.count, bytes[place] == UInt8(ascii: " ") { place += 1 }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }
}
