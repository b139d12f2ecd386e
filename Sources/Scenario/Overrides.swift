/// One `--set key=value`.
struct Override: Hashable {
    var path: [String]
    var value: YAMLNode
    var keyPosition: Position

    /// - Throws: `ScenarioError` at `--set:N:1` for override number N if it is not `key=value`.
    init(_ text: String, ordinal: Int) throws(ScenarioError) {
        keyPosition = Position(file: "--set", line: ordinal, column: 1)
        guard let equals = text.firstIndex(of: "=") else {
            throw ScenarioError(keyPosition, "expected key=value, found \(quoted(text))")
        }
        path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
        guard path.allSatisfy({ !$0.isEmpty }) else {
            throw ScenarioError(keyPosition, "expected a dotted key such as relay.mailbox, found \(quoted(text))")
        }
        guard path.count <= TextGuard.maximumDepth else {
            throw ScenarioError(keyPosition, "expected at most \(TextGuard.maximumDepth) parts in a dotted key")
        }
        let column = text.unicodeScalars.distance(from: text.startIndex, to: equals) + 2
        let position = Position(file: "--set", line: ordinal, column: column)
        let words = String(text[text.index(after: equals)...])
        guard words.unicodeScalars.count <= TextGuard.maximumLine else {
            throw ScenarioError(position, "the value is longer than \(TextGuard.maximumLine) characters")
        }
        switch words {
        case "[]": value = YAMLNode(content: .sequence([]), position: position)
        case "{}": value = YAMLNode(content: .mapping([]), position: position)
        default: value = YAMLNode(content: .scalar(words, isPlain: true), position: position)
        }
    }
}

extension YAMLNode {
    /// Replaces the value at the override's path. Mappings on the way are made where the file has none, except
    /// below a name of the author's (a population, a region), which must exist.
    mutating func apply(_ override: Override) throws(ScenarioError) {
        try set(override.path[...], to: override, below: "")
    }

    private mutating func set(
        _ path: ArraySlice<String>, to override: Override, below parent: String
    ) throws(ScenarioError) {
        guard let name = path.first else {
            content = override.value.content
            position = override.value.position
            return
        }
        switch content {
        case .mapping(var entries):
            if let index = entries.firstIndex(where: { $0.key == name }) {
                try entries[index].value.set(path.dropFirst(), to: override, below: name)
                entries[index].keyPosition = override.keyPosition
            } else {
                if parent == "populations" || parent == "regions" {
                    throw ScenarioError(
                        override.keyPosition, "no \(quoted(name)) among the \(parent)",
                        suggestion: Nearest.match(name, among: entries.map(\.key)))
                }
                var value = YAMLNode(content: .mapping([]), position: override.keyPosition)
                try value.set(path.dropFirst(), to: override, below: name)
                entries.append(YAMLEntry(key: name, keyPosition: override.keyPosition, value: value))
            }
            content = .mapping(entries)
        case .sequence(var items):
            guard let index = Int(name), items.indices.contains(index) else {
                let range = items.isEmpty ? "the list is empty" : "expected a number from 0 to \(items.count - 1)"
                throw ScenarioError(override.keyPosition, "\(range), found \(quoted(name))")
            }
            try items[index].set(path.dropFirst(), to: override, below: name)
            content = .sequence(items)
        case .scalar:
            throw ScenarioError(
                override.keyPosition, "\(quoted(parent)) is a single value and has no key \(quoted(name))")
        }
    }
}
