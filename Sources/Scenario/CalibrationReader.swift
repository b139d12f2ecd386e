import EventKernel
import Measures

/// Reads what is compared between the model and real servers.
struct CalibrationReader {
    var names: ResponseNames

    func read(_ node: YAMLNode?) throws(ScenarioError) -> Calibration? {
        guard let node else { return nil }
        let fields = try Fields(node, FormatTables.calibration)
        guard let list = fields.node("rows"), let suite = try fields.choice("suite", Calibration.Suite.self) else {
            throw ScenarioError(node.position, "a calibration needs suite and rows")
        }
        var rows: [CalibrationRow] = []
        for item in try list.items("rows") {
            let row = try readRow(item)
            guard !rows.contains(where: { $0.response == row.response && $0.above == row.above }) else {
                throw ScenarioError(item.position, "response \(quoted(row.response)) has this comparison twice")
            }
            rows.append(row)
        }
        guard !rows.isEmpty else { throw ScenarioError(list.position, "rows: nothing is compared") }
        return Calibration(
            suite: suite, liveRuns: Int(try fields.integer("live-runs") ?? 3),
            simulatedRuns: Int(try fields.integer("simulated-runs") ?? 20),
            isExclusive: try fields.real("exclusive") == 1, rows: rows, sweep: try readSweep(fields.node("sweep")))
    }

    // MARK: Rows

    private func readRow(_ node: YAMLNode) throws(ScenarioError) -> CalibrationRow {
        let fields = try Fields(node, FormatTables.calibrationRow)
        let definition = try names.definition(fields.node("response") ?? node)
        let above = try readValue("above", fields, definition.unit)
        let unit = above == nil ? definition.unit : "share"
        let measurements = Int(try fields.integer("measurements") ?? 0)
        if fields.has("measured"), measurements == 0 {
            throw ScenarioError(fields.keyPosition("measured"), "measured needs the key \"measurements\": how many")
        }
        if !fields.has("measured"), measurements > 0 {
            throw ScenarioError(fields.keyPosition("measurements"), "measurements has no effect without measured")
        }
        let title = try fields.text("title")
        if let measured = fields.node("measured"), case .scalar = measured.content {
            return try readNever(measured, fields, definition, title: title, measurements)
        }
        guard let margin = fields.node("margin") else {
            throw ScenarioError(node.position, "key \"margin\" is missing in a row of a calibration")
        }
        return CalibrationRow(
            response: definition.name, title: title, margin: try readMargin(margin, unit), above: above,
            measured: try readRange(fields.node("measured"), unit), measurements: measurements,
            published: try readPublished(fields, definition.unit))
    }

    private func readPublished(_ fields: Fields, _ unit: String) throws(ScenarioError) -> PublishedFigure? {
        let source = try fields.text("published-by")
        guard let value = try readValue("published", fields, unit) else {
            guard source == nil else {
                throw ScenarioError(fields.keyPosition("published-by"), "published-by has no effect without published")
            }
            return nil
        }
        guard let source else {
            throw ScenarioError(fields.keyPosition("published"), "published needs the key \"published-by\": where")
        }
        return PublishedFigure(value: value, source: source)
    }

    /// `never` says that in every run nothing has happened by the horizon.
    private func readNever(
        _ node: YAMLNode, _ fields: Fields, _ definition: ResponseDefinition, title: String?, _ measurements: Int
    ) throws(ScenarioError) -> CalibrationRow {
        let text = try node.text("measured")
        guard text == "never" else {
            throw ScenarioError(
                node.position, "measured: expected a list of two values or never, found \(quoted(text))",
                suggestion: Nearest.match(text, among: ["never"]))
        }
        guard definition.unit == "s" || definition.unit == "ms" else {
            throw ScenarioError(
                node.position,
                "measured: never is for responses in s or ms, \(quoted(definition.name)) is a "
                    + definition.unit)
        }
        for key in ["margin", "above", "published", "published-by"] where fields.has(key) {
            throw ScenarioError(fields.keyPosition(key), "\(key) has no effect with measured: never")
        }
        // No time is negative: what is compared is the share of runs in which it has happened.
        return CalibrationRow(
            response: definition.name, title: title, margin: .absolute(0), above: -1, measured: 0...0,
            measurements: measurements)
    }

    private func readMargin(_ node: YAMLNode, _ unit: String) throws(ScenarioError) -> CalibrationRow.Margin {
        let text = try node.text("margin")
        if text.hasSuffix("%") {
            return .relative(try node.quantity(Key("margin", .share, 0...10, "")))
        }
        return .absolute(try value(of: node, "margin", unit))
    }

    private func readRange(_ node: YAMLNode?, _ unit: String) throws(ScenarioError) -> ClosedRange<Double>? {
        guard let node else { return nil }
        let items = try node.items("values")
        guard items.count == 2 else {
            throw ScenarioError(
                node.position, "measured: expected the least and the greatest value, found \(items.count) values")
        }
        let least = try value(of: items[0], "measured", unit)
        let greatest = try value(of: items[1], "measured", unit)
        guard least <= greatest else {
            throw ScenarioError(items[1].position, "measured: the greatest value is below the least one")
        }
        return least...greatest
    }

    private func readValue(_ key: String, _ fields: Fields, _ unit: String) throws(ScenarioError) -> Double? {
        guard let node = fields.node(key) else { return nil }
        return try value(of: node, key, unit)
    }

    /// A value in a response's unit, written with its unit.
    private func value(of node: YAMLNode, _ key: String, _ unit: String) throws(ScenarioError) -> Double {
        let (shape, range, scale) = ExpectationReader.measure(of: unit)
        return try node.quantity(Key(key, shape, range, "")) / scale
    }

    // MARK: Sweep

    static let mostValues = 1_000

    private func readSweep(_ node: YAMLNode?) throws(ScenarioError) -> CalibrationSweep? {
        guard let node else { return nil }
        let fields = try Fields(node, FormatTables.calibrationSweep)
        guard let key = try fields.text("set"), let from = try fields.duration("from")?.nanoseconds,
            let to = try fields.duration("to")?.nanoseconds, let step = try fields.duration("step")?.nanoseconds
        else { throw ScenarioError(node.position, "a sweep needs set, from, to and step") }
        let end = fields.node("to")?.position ?? node.position
        guard to > from, (to - from).isMultiple(of: step) else {
            throw ScenarioError(
                end,
                "to: expected \(UnitFormat.duration(from)) and some steps of \(UnitFormat.duration(step)), found "
                    + quoted(UnitFormat.duration(to)))
        }
        guard (to - from) / step < Int64(Self.mostValues) else {
            throw ScenarioError(end, "to: expected at most \(Self.mostValues) values, found \((to - from) / step + 1)")
        }
        let values = Array(stride(from: from, through: to, by: Int64.Stride(step)))
        var live: [Int64] = []
        if let list = fields.node("live") {
            for item in try list.items("durations") {
                let value = Int64(try item.quantity(Key("live", .duration, "")))
                guard values.contains(value) else {
                    let nearest = values.min { abs($0 - value) < abs($1 - value) } ?? from
                    throw ScenarioError(
                        item.position, "live: \(quoted(try item.text("live"))) is no value of the sweep",
                        suggestion: UnitFormat.duration(nearest))
                }
                guard !live.contains(value) else {
                    throw ScenarioError(item.position, "live: \(quoted(try item.text("live"))) is given twice")
                }
                live.append(value)
            }
        }
        return CalibrationSweep(key: key, values: values, live: live)
    }
}

extension CalibrationSweep {
    /// What `--set` takes for a value of the sweep: `timeline.0.for=20.5s`.
    public func override(_ value: Int64) -> String {
        "\(key)=\(UnitFormat.duration(value))"
    }
}
