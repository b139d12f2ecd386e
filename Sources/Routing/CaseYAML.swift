/// A tree to be written as YAML: in one line where it fits, else one line for each entry.
indirect enum CaseYAML {
    /// As it is to be written, with quotes if it needs them.
    case raw(String)
    case list([CaseYAML])
    case mapping([Entry])

    struct Entry {
        var key: String
        var value: CaseYAML
    }

    static func map(_ entries: [(key: String, value: CaseYAML)]) -> CaseYAML {
        .mapping(entries.map { Entry(key: $0.key, value: $0.value) })
    }

    /// Text, quoted only if it must be.
    static func text(_ text: String) -> CaseYAML { .raw(quotedIfNeeded(text)) }
    static func number(_ number: Int) -> CaseYAML { .raw("\(number)") }

    /// Widest line that is not broken.
    static let width = 100

    /// Number of entries.
    var count: Int {
        switch self {
        case .raw: 1
        case .list(let items): items.count
        case .mapping(let entries): entries.count
        }
    }

    private var isListOfMappings: Bool {
        guard case .list(let items) = self, case .mapping = items.first else { return false }
        return true
    }

    /// Whether a list of mappings stands in it, which reads better with a line for each.
    var holdsMappings: Bool {
        guard case .mapping(let entries) = self else { return false }
        return entries.contains { $0.value.isListOfMappings }
    }

    /// In one line.
    var flow: String {
        switch self {
        case .raw(let text): text
        case .list(let items): "[" + items.map(\.flow).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { Self.quotedIfNeeded($0.key) + ": " + $0.value.flow }.joined(separator: ", ") + "}"
        }
    }

    /// Lines at a depth, the first without its blanks; `block` does not try one line first.
    func lines(indent: Int, block: Bool = false) -> [String] {
        let oneLine = flow
        if !block, oneLine.count + indent <= Self.width { return [oneLine] }
        let blanks = String(repeating: " ", count: indent)
        switch self {
        case .raw(let text): return [text]
        case .list(let items):
            if items.isEmpty { return ["[]"] }
            return items.enumerated().flatMap { index, item in
                let inner = item.lines(indent: indent + 2)
                return [(index > 0 ? blanks : "") + "- " + inner[0]] + inner.dropFirst()
            }
        case .mapping(let entries):
            if entries.isEmpty { return ["{}"] }
            return entries.enumerated().flatMap { index, entry in
                let key = (index > 0 ? blanks : "") + Self.quotedIfNeeded(entry.key) + ":"
                return Self.entry(key, entry.value, indent: indent)
            }
        }
    }

    /// `key: value`, or the key and the value's lines below it.
    static func entry(_ key: String, _ value: CaseYAML, indent: Int, block: Bool = false) -> [String] {
        let blanks = String(repeating: " ", count: indent + 2)
        if case .raw(let text) = value { return [key + " " + text] }
        let flow = value.flow
        if !block, key.count + 1 + flow.count <= width, !value.isListOfMappings { return [key + " " + flow] }
        let lines = value.lines(indent: indent + 2, block: true)
        return [key, blanks + lines[0]] + lines.dropFirst()
    }
}

extension CaseYAML {
    /// The text as YAML reads it back, plain if it can stand so in any place.
    static func quotedIfNeeded(_ text: String) -> String {
        if isPlain(text) { return text }
        var result = "\""
        var before: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            result += escaped(scalar, after: before)
            before = scalar
        }
        return result + "\""
    }

    /// Stars and ampersands are escaped where they could be taken for an alias, which files must not hold.
    private static func escaped(_ scalar: Unicode.Scalar, after before: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "*", "&": return isWord(before) ? String(scalar) : "\\x" + hexadecimal(scalar, 2)
        case " "..."~": return String(scalar)
        default:
            if scalar.properties.isAlphabetic { return String(scalar) }
            return scalar.value <= 0xFFFF ? "\\u" + hexadecimal(scalar, 4) : "\\U" + hexadecimal(scalar, 8)
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar, _ digits: Int) -> String {
        let text = String(scalar.value, radix: 16, uppercase: true)
        return String(repeating: "0", count: digits - text.count) + text
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, isWord(first) || first == "_" || first == "$" else { return false }
        if text == "null" || text.hasSuffix(" ") || text.contains("  ") { return false }
        var before: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            switch scalar {
            case "*": if !isWord(before) { return false }
            case "_", "$", ".", "/", "-", ">", "|", " ", "(", ")", "'", "=", "+", ";", "<", "^", "?", "!", "@": break
            default: if !isWord(scalar) { return false }
            }
            before = scalar
        }
        return true
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".": true
        default: false
        }
    }
}
