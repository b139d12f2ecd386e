import Yams

/// A YAML node with its position, reduced to what the format uses.
package struct YAMLNode: Hashable {
    package enum Content: Hashable {
        /// The text as written; `isPlain` if without quotes, where an empty text stands for nothing.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    package var content: Content
    package var position: Position

    /// What to call it in a message.
    package var kindName: String {
        switch content {
        case .scalar(let text, let isPlain):
            isPlain && (text.isEmpty || text == "~" || text == "null") ? "nothing" : quoted(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

package struct YAMLEntry: Hashable {
    package var key: String
    package var keyPosition: Position
    package var value: YAMLNode
}

extension YAMLNode {
    /// Parses text that `TextGuard` has passed. Exactly one document must be in it.
    package static func parse(_ text: String, file: String) throws(ScenarioError) -> YAMLNode {
        let start = Position(file: file, line: 1, column: 1)
        let root: Node?
        do {
            // The encoding is named because the default depends on an environment variable.
            root = try Parser(yaml: text, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw describe(error, text, file)
        } catch {
            throw ScenarioError(start, "not YAML: \(error)")
        }
        guard let root else { throw ScenarioError(start, "the file is empty") }
        return try convert(root, file: file, inherited: start)
    }

    private static func convert(_ node: Node, file: String, inherited: Position) throws(ScenarioError) -> YAMLNode {
        let position = node.mark.map { Position(file: file, line: $0.line, column: $0.column) } ?? inherited
        switch node {
        case .scalar(let scalar):
            try checkTag(scalar.tag.rawValue, position)
            return YAMLNode(content: .scalar(scalar.string, isPlain: scalar.style == .plain), position: position)
        case .sequence(let sequence):
            try checkTag(sequence.tag.rawValue, position)
            var items: [YAMLNode] = []
            for item in sequence { items.append(try convert(item, file: file, inherited: position)) }
            return YAMLNode(content: .sequence(items), position: position)
        case .mapping(let mapping):
            try checkTag(mapping.tag.rawValue, position)
            var entries: [YAMLEntry] = []
            for (key, value) in mapping {
                let key = try convert(key, file: file, inherited: position)
                guard case .scalar(let name, _) = key.content else {
                    throw ScenarioError(key.position, "expected a key, found \(key.kindName)")
                }
                let value = try convert(value, file: file, inherited: key.position)
                entries.append(YAMLEntry(key: name, keyPosition: key.position, value: value))
            }
            return YAMLNode(content: .mapping(entries), position: position)
        case .alias:
            throw ScenarioError(position, "YAML anchors and aliases are not supported; write the value out")
        }
    }

    private static func checkTag(_ tag: String, _ position: Position) throws(ScenarioError) {
        if tag.isEmpty || tag == "!" || tag.hasPrefix("tag:yaml.org,2002:") { return }
        throw ScenarioError(position, "YAML tag \(quoted(tag)) is not supported")
    }

    private static func describe(_ error: YamlError, _ text: String, _ file: String) -> ScenarioError {
        func at(_ line: Int, _ column: Int, _ message: String) -> ScenarioError {
            ScenarioError(Position(file: file, line: max(1, line), column: max(1, column)), message)
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            return at(mark.line, mark.column, "not YAML: \(problem)")
        case .composer(_, let problem, let mark, _):
            let isSecond = problem.contains("another document")
            return at(mark.line, mark.column, isSecond ? "expected one document, found another" : problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? ""
            let line = secondUse(of: key, afterLine: context.mark.line, column: context.mark.column, text)
            return at(line, context.mark.column, "key \(quoted(key)) is given twice")
        case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem), .representer(let problem):
            return at(1, 1, "not YAML: \(problem)")
        case .no, .memory, .dataCouldNotBeDecoded:
            return at(1, 1, "not YAML")
        }
    }

    /// The parser tells where a doubled key stands first; in block style its second place is below, in the same
    /// column. Returns that line, or the first one.
    private static func secondUse(of key: String, afterLine first: Int, column: Int, _ text: String) -> Int {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let indentation = column - 1
        var line = max(0, first)
        while line < lines.count {
            let content = lines[line].drop { $0 == " " }
            let isBlank = content.isEmpty || content.hasPrefix("#")
            let depth = lines[line].count - content.count
            if !isBlank, depth < indentation { break }
            if depth == indentation, content.hasPrefix(key + ":") { return line + 1 }
            line += 1
        }
        return first
    }
}
