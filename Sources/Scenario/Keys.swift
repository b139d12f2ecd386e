import EventKernel
package import Parameters

/// What a key of the format holds. Parsing, schema and reference page read the same value.
package indirect enum Shape: Sendable {
    case duration, size, bandwidth, rate, cpu, share, count, number, flag
    /// Text under a rule that the reader checks; the words go to the schema as description.
    case text
    /// One of these words.
    case choice([String])
    case table(KeyTable)
    /// A mapping from names that the author chooses to tables.
    case named(KeyTable)
    case list(Shape)
    /// A mapping from names that exist elsewhere to values.
    case dictionary(Shape)
    case either([Shape])
}

/// One key of the format: everything that parsing, the schema and the reference page need to know about it.
package struct Key: Sendable {
    package var name: String
    package var shape: Shape
    /// Bounds in the base unit (see `Parameter`).
    var range: ClosedRange<Double>?
    var isRequired = false
    /// The default as the author would write it; `nil` if there is none.
    var defaultText: String?
    var meaning: String
    var source: String?
    var certainty: Certainty?

    package init(
        _ name: String, _ shape: Shape, required: Bool = false, default defaultText: String? = nil,
        _ meaning: String, source: String? = nil, _ certainty: Certainty? = nil
    ) {
        self.name = name
        self.shape = shape
        self.isRequired = required
        self.defaultText = defaultText
        self.meaning = meaning
        self.source = source
        self.certainty = certainty
    }

    package init(
        _ name: String, _ shape: Shape, _ range: ClosedRange<Double>, required: Bool = false,
        default defaultText: String? = nil, _ meaning: String, source: String? = nil, _ certainty: Certainty? = nil
    ) {
        self.init(
            name, shape, required: required, default: defaultText, meaning, source: source, certainty)
        self.range = range
    }
}

/// The keys that a mapping may hold.
package struct KeyTable: Sendable {
    /// What the mapping describes, for example `a population`.
    package var title: String
    package var keys: [Key]

    package init(_ title: String, _ keys: [Key]) {
        self.title = title
        self.keys = keys
    }

    package func key(_ name: String) -> Key {
        guard let key = keys.first(where: { $0.name == name }) else {
            preconditionFailure("no key \(name) in \(title)")
        }
        return key
    }
}

extension KeyTable {
    /// The keys of a model room's section, from its parameters and the defaults of `Root()`.
    init<Root: Parameterised>(section root: Root.Type) {
        let defaults = Root()
        self.init(
            "the settings of \(Root.section)",
            Root.parameters.map { parameter in
                Key(
                    parameter.key, parameter.shape, parameter.minimum...parameter.maximum,
                    default: parameter.text(in: defaults), parameter.meaning, source: parameter.source,
                    parameter.certainty)
            })
    }
}

extension Parameter {
    var shape: Shape {
        switch path {
        case .duration: .duration
        case .count: .count
        case .size: .size
        case .bandwidth: .bandwidth
        case .cpu: .cpu
        case .share: .share
        case .rate: .rate
        case .number: .number
        case .flag: .flag
        }
    }

    /// The value in `root` as an author would write it.
    func text(in root: Root) -> String {
        switch path {
        case .duration(let path): UnitFormat.duration(root[keyPath: path].nanoseconds)
        case .count(let path): "\(root[keyPath: path])"
        case .size(let path): UnitFormat.size(root[keyPath: path])
        case .bandwidth(let path): UnitFormat.bandwidth(root[keyPath: path])
        case .cpu(let path): UnitFormat.cpu(root[keyPath: path])
        case .share(let path): UnitFormat.share(root[keyPath: path])
        case .rate(let path): UnitFormat.rate(root[keyPath: path])
        case .number(let path): UnitFormat.number(root[keyPath: path])
        case .flag(let path): root[keyPath: path] ? "true" : "false"
        }
    }
}

extension Key {
    /// `from 1s to 5min`, in the unit of the key.
    var rangeText: String? {
        guard let range else { return nil }
        var valueShape = shape
        if case .dictionary(let value) = shape { valueShape = value }
        guard valueShape.isQuantity else { return nil }
        return "from \(boundText(range.lowerBound, valueShape)) to \(boundText(range.upperBound, valueShape))"
    }

    private func boundText(_ bound: Double, _ shape: Shape) -> String {
        switch shape {
        case .duration: UnitFormat.duration(Int64(bound))
        case .size: UnitFormat.size(Int64(bound))
        case .bandwidth: UnitFormat.bandwidth(Int64(bound))
        case .cpu: UnitFormat.cpu(Int64(bound))
        case .rate: UnitFormat.rate(bound)
        case .share: UnitFormat.share(bound)
        case .count, .number, .flag, .text, .choice, .table, .named, .list, .dictionary, .either:
            UnitFormat.number(bound)
        }
    }
}
