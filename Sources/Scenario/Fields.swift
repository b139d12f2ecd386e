package import EventKernel
import Parameters

/// A mapping of the file read against its table: unknown and missing keys are already refused.
package struct Fields {
    package var table: KeyTable
    package var position: Position
    private var values: [String: YAMLEntry] = [:]

    package init(_ node: YAMLNode, _ table: KeyTable) throws(ScenarioError) {
        self.table = table
        position = node.position
        for entry in try node.entries(table.title) {
            guard table.keys.contains(where: { $0.name == entry.key }) else {
                let names = table.keys.map(\.name)
                let nearest = Nearest.match(entry.key, among: names)
                let known = nearest == nil ? ", whose keys are \(names.joined(separator: ", "))" : ""
                throw ScenarioError(
                    entry.keyPosition, "unknown key \(quoted(entry.key)) in \(table.title)\(known)",
                    suggestion: nearest)
            }
            values[entry.key] = entry
        }
        for key in table.keys where key.isRequired && values[key.name] == nil {
            throw ScenarioError(position, "key \"\(key.name)\" is missing in \(table.title)")
        }
    }

    package func node(_ name: String) -> YAMLNode? {
        precondition(table.keys.contains { $0.name == name }, "no key \(name) in \(table.title)")
        return values[name]?.value
    }

    package func keyPosition(_ name: String) -> Position { values[name]?.keyPosition ?? position }
    package func has(_ name: String) -> Bool { node(name) != nil }

    package func duration(_ name: String) throws(ScenarioError) -> SimDuration? {
        guard let node = node(name) else { return nil }
        return SimDuration(nanoseconds: Int64(exactly: try node.quantity(table.key(name))) ?? 0)
    }

    package func integer(_ name: String) throws(ScenarioError) -> Int64? {
        guard let node = node(name) else { return nil }
        return Int64(exactly: try node.quantity(table.key(name)))
    }

    package func real(_ name: String) throws(ScenarioError) -> Double? {
        guard let node = node(name) else { return nil }
        return try node.quantity(table.key(name))
    }

    package func text(_ name: String) throws(ScenarioError) -> String? {
        guard let node = node(name) else { return nil }
        return try node.text(name)
    }

    /// One of the words of an enumeration.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Value.Type
    ) throws(ScenarioError) -> Value? where Value.RawValue == String {
        guard let node = node(name) else { return nil }
        let text = try node.text(name)
        if let value = Value(rawValue: text) { return value }
        let words = Value.allCases.map(\.rawValue)
        throw ScenarioError(
            node.position, "expected \(name) to be one of \(words.joined(separator: ", ")), found \(quoted(text))",
            suggestion: Nearest.match(text, among: words))
    }
}

extension YAMLNode {
    package func entries(_ title: String) throws(ScenarioError) -> [YAMLEntry] {
        guard case .mapping(let entries) = content else {
            throw ScenarioError(position, "expected a mapping with \(title), found \(kindName)")
        }
        return entries
    }

    package func items(_ title: String) throws(ScenarioError) -> [YAMLNode] {
        guard case .sequence(let items) = content else {
            throw ScenarioError(position, "expected a list of \(title), found \(kindName)")
        }
        return items
    }

    /// The text of a scalar; `name` says what it is for.
    package func text(_ name: String) throws(ScenarioError) -> String {
        guard case .scalar(let text, let isPlain) = content else {
            throw ScenarioError(position, "expected a value for \(name), found \(kindName)")
        }
        if text.isEmpty || (isPlain && (text == "~" || text == "null")) {
            throw ScenarioError(position, "expected a value for \(name), found nothing")
        }
        return text
    }

    /// A numeric value in base units, within the key's range. All integers of the format are below 2^53.
    package func quantity(_ key: Key) throws(ScenarioError) -> Double {
        let text = try text(key.name)
        let value: Double
        do {
            value = try Units.parse(text, as: key.shape)
        } catch {
            throw ScenarioError(position, "\(key.name): \(error.message)", suggestion: error.suggestion)
        }
        if let range = key.range, !range.contains(value) {
            throw ScenarioError(
                position, "\(key.name): expected a value \(key.rangeText ?? ""), found \(quoted(text))")
        }
        return value
    }
}

extension Units {
    /// Parses any quantity into its base unit.
    static func parse(_ text: String, as shape: Shape) throws(UnitError) -> Double {
        switch shape {
        case .duration: return Double(try duration(text).nanoseconds)
        case .size: return Double(try size(text))
        case .bandwidth: return Double(try bandwidth(text))
        case .rate: return try rate(text)
        case .cpu: return Double(try cpu(text))
        case .share: return try share(text)
        case .count: return Double(try count(text))
        case .number: return try number(text)
        case .flag:
            switch text {
            case "true": return 1
            case "false": return 0
            case "yes", "on", "True", "TRUE":
                throw UnitError(message: "expected true or false, found \(quoted(text))", suggestion: "true")
            case "no", "off", "False", "FALSE":
                throw UnitError(message: "expected true or false, found \(quoted(text))", suggestion: "false")
            default: throw UnitError(message: "expected true or false, found \(quoted(text))")
            }
        case .text, .choice, .table, .named, .list, .dictionary, .either:
            preconditionFailure("not a quantity")
        }
    }
}

extension Parameterised {
    /// Applies the keys of a section to `self`.
    mutating func apply(_ node: YAMLNode?) throws(ScenarioError) {
        guard let node else { return }
        let fields = try Fields(node, KeyTable(section: Self.self))
        for parameter in Self.parameters {
            guard let value = try fields.real(parameter.key) else { continue }
            switch parameter.path {
            case .duration(let path): self[keyPath: path] = SimDuration(nanoseconds: Int64(value))
            case .count(let path), .size(let path), .bandwidth(let path), .cpu(let path):
                self[keyPath: path] = Int64(value)
            case .share(let path), .rate(let path), .number(let path): self[keyPath: path] = value
            case .flag(let path): self[keyPath: path] = value == 1
            }
        }
    }
}
