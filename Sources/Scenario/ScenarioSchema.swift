/// The format as a JSON Schema (draft 2020-12), for editors that complete and check while one types.
///
/// It is derived from the tables that the reader uses. It cannot say everything: names that must exist elsewhere
/// and faults that hit nothing are found by the reader only.
public enum ScenarioSchema {
    /// Schema of scenario files; deployment files are its definition `deployment`. The text is the same each time.
    public static func json() -> String {
        var root: [(String, JSON)] = [
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            ("title", .text("Antipode scenario")),
        ]
        root += object(FormatTables.scenario)
        root.append(("$defs", .object([("deployment", .object(object(DeploymentTables.deployment)))])))
        return JSON.object(root).text + "\n"
    }

    private static func object(_ table: KeyTable) -> [(String, JSON)] {
        var result: [(String, JSON)] = [("type", .text("object")), ("additionalProperties", .flag(false))]
        let required = table.keys.filter(\.isRequired).map { JSON.text($0.name) }
        if !required.isEmpty { result.append(("required", .list(required))) }
        result.append(("properties", .object(table.keys.map { ($0.name, .object(property($0))) })))
        return result
    }

    private static func property(_ key: Key) -> [(String, JSON)] {
        var description = key.meaning
        if let range = key.rangeText { description += " Range: \(range)." }
        if let text = key.defaultText { description += " Default: \(text)." }
        return [("description", .text(description))] + schema(key.shape, key.range)
    }

    private static func schema(_ shape: Shape, _ range: ClosedRange<Double>?) -> [(String, JSON)] {
        switch shape {
        case .duration: return pattern("^[0-9.]+(ns|us|ms|s|min|h|d)([0-9.]+(ns|us|ms|s|min|h))*$")
        case .size: return pattern("^[0-9.]+([KMG]i?)?B$")
        case .bandwidth: return pattern("^[0-9.]+[kMG]?bit/s$")
        case .rate: return pattern("^[0-9.]+/(s|min|h|d)$")
        case .cpu:
            return [("anyOf", .list([.object([("type", .text("number"))]), .object(pattern("^[0-9.]+m?$"))]))]
        case .share:
            let number = JSON.object([("type", .text("number")), ("minimum", .number(0)), ("maximum", .number(1))])
            return [("anyOf", .list([number, .object(pattern("^[0-9.]+%$"))]))]
        case .count: return bounded("integer", range)
        case .number: return bounded("number", range)
        case .flag: return [("type", .text("boolean"))]
        case .text: return [("type", .list([.text("string"), .text("number")]))]
        case .choice(let words): return [("enum", .list(words.map { .text($0) }))]
        case .table(let table):
            return table.title == DeploymentTables.deployment.title
                ? [("$ref", .text("#/$defs/deployment"))] : object(table)
        case .named(let table):
            return [("type", .text("object")), ("additionalProperties", .object(object(table)))]
        case .list(let item): return [("type", .text("array")), ("items", .object(schema(item, nil)))]
        case .dictionary(let value):
            return [("type", .text("object")), ("additionalProperties", .object(schema(value, range)))]
        case .either(let shapes): return [("anyOf", .list(shapes.map { .object(schema($0, range)) }))]
        }
    }

    private static func pattern(_ text: String) -> [(String, JSON)] {
        [("type", .text("string")), ("pattern", .text(text))]
    }

    private static func bounded(_ type: String, _ range: ClosedRange<Double>?) -> [(String, JSON)] {
        guard let range else { return [("type", .text(type))] }
        return [
            ("type", .text(type)), ("minimum", .number(range.lowerBound)), ("maximum", .number(range.upperBound)),
        ]
    }
}

extension Shape {
    /// Whether a value is one number with or without unit.
    var isQuantity: Bool {
        switch self {
        case .duration, .size, .bandwidth, .rate, .cpu, .share, .count, .number: true
        case .flag, .text, .choice, .table, .named, .list, .dictionary, .either: false
        }
    }

    /// What to write, in a word or two.
    var words: String {
        switch self {
        case .duration: "duration"
        case .size: "size"
        case .bandwidth: "bandwidth"
        case .rate: "rate"
        case .cpu: "CPU"
        case .share: "share"
        case .count: "whole number"
        case .number: "number"
        case .flag: "true or false"
        case .text: "text"
        case .choice(let words): words.count > 8 ? "one word" : words.map { "`\($0)`" }.joined(separator: ", ")
        case .table: "mapping"
        case .named: "mapping by name"
        case .list(let item): "list of " + (item.words == "mapping" ? "mappings" : item.words + "s")
        case .dictionary(let value): "mapping to " + value.words
        case .either(let shapes): shapes.map(\.words).joined(separator: " or ")
        }
    }
}

/// As much of JSON as the schema needs, with keys in a given order.
private indirect enum JSON {
    case text(String)
    case number(Double)
    case flag(Bool)
    case list([JSON])
    case object([(String, JSON)])

    var text: String { rendered(indentation: "") }

    private func rendered(indentation: String) -> String {
        let inner = indentation + "  "
        switch self {
        case .text(let text): return Self.escaped(text)
        case .number(let value):
            // 2^64 - 1, the bound of the seed, is not a Double; written out so that no reader rounds it up.
            return value >= 1.8e19 ? "\(UInt64.max)" : UnitFormat.number(value)
        case .flag(let value): return value ? "true" : "false"
        case .list(let items):
            if items.isEmpty { return "[]" }
            let parts = items.map { inner + $0.rendered(indentation: inner) }
            return "[\n" + parts.joined(separator: ",\n") + "\n" + indentation + "]"
        case .object(let entries):
            if entries.isEmpty { return "{}" }
            let parts = entries.map { inner + Self.escaped($0.0) + ": " + $0.1.rendered(indentation: inner) }
            return "{\n" + parts.joined(separator: ",\n") + "\n" + indentation + "}"
        }
    }

    private static func escaped(_ text: String) -> String {
        var result = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result + "\""
    }
}
