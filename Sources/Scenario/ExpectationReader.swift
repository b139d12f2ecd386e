import Measures

/// Reads the bounds that decide the verdict.
struct ExpectationReader {
    var hasFaults: Bool
    var names: ResponseNames
    private(set) var findings: [String] = []

    init(hasFaults: Bool, names: ResponseNames) {
        self.hasFaults = hasFaults
        self.names = names
    }

    mutating func read(_ node: YAMLNode?) throws(ScenarioError) -> [Expectation] {
        guard let node else { return [] }
        var result: [Expectation] = []
        for item in try node.items("expectations") {
            let expectation = try readOne(item)
            let isDouble = result.contains {
                $0.response == expectation.response
                    && (($0.atLeast != nil && expectation.atLeast != nil)
                        || ($0.atMost != nil && expectation.atMost != nil))
            }
            guard !isDouble else {
                throw ScenarioError(item.position, "response \(quoted(expectation.response)) has this bound twice")
            }
            result.append(expectation)
        }
        return result
    }

    private mutating func readOne(_ node: YAMLNode) throws(ScenarioError) -> Expectation {
        let fields = try Fields(node, FormatTables.expectation)
        let nameNode = fields.node("response") ?? node
        let definition = try names.definition(nameNode)
        let name = definition.name
        let atLeast = try readBound("at-least", fields, definition)
        let atMost = try readBound("at-most", fields, definition)
        guard atLeast != nil || atMost != nil else {
            throw ScenarioError(node.position, "expectation on \(quoted(name)) has no bound: give at-least or at-most")
        }
        if let atLeast, let atMost, atLeast.value > atMost.value {
            throw ScenarioError(
                fields.keyPosition("at-most"),
                "at-most \(quoted(atMost.text)) is below at-least \(quoted(atLeast.text))")
        }
        if !hasFaults, ResponseNames.needsFault(name) {
            let place = "\(nameNode.position.file):\(nameNode.position.line):\(nameNode.position.column)"
            findings.append("\(place): without a fault, \(name) is never observed")
        }
        let text = [atLeast.map { "at-least: " + $0.text }, atMost.map { "at-most: " + $0.text }]
        return Expectation(
            response: name, atLeast: atLeast?.value, atMost: atMost?.value,
            text: text.compactMap { $0 }.joined(separator: ", "))
    }

    private func readBound(
        _ key: String, _ fields: Fields, _ definition: ResponseDefinition
    ) throws(ScenarioError) -> (value: Double, text: String)? {
        guard let node = fields.node(key) else { return nil }
        let text = try node.text(key)
        let (shape, range, scale) = Self.measure(of: definition.unit)
        let base = try node.quantity(Key(key, shape, range, ""))
        return (base / scale, oneLine(text))
    }

    /// How a response's unit is written: the shape, its range in base units, and base units in one of the unit.
    static func measure(of unit: String) -> (shape: Shape, range: ClosedRange<Double>, scale: Double) {
        switch unit {
        case "share": (.share, 0...1, 1)
        case "ms": (.duration, 0...1e15, 1e6)
        case "s": (.duration, 0...1e15, 1e9)
        case "count": (.count, 0...9e15, 1)
        case "per-second": (.rate, 0...1e12, 1)
        default: (.number, -1e12...1e12, 1)
        }
    }
}
