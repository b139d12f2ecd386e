public import EventKernel

/// How far a default may be trusted.
public enum Certainty: String, Sendable {
    /// Seen on real systems with a stated method, or read in the source of the program that is modelled.
    case measured
    /// Stated in public documentation or a paper.
    case published
    /// Computed from measured or published figures.
    case derived
    /// A guess. Listed in `docs/assumptions.md`, and counted in each summary of a run that uses it.
    case assumption
}

/// Where a parameter lives in its room's struct, and thereby what kind of value it holds.
public enum ParameterPath<Root>: @unchecked Sendable {
    /// Time, written with a unit: `40ms`.
    case duration(WritableKeyPath<Root, SimDuration>)
    /// A whole number without unit.
    case count(WritableKeyPath<Root, Int64>)
    /// Bytes, written with a unit: `64KiB`.
    case size(WritableKeyPath<Root, Int64>)
    /// Bits per second, written with a unit: `10Mbit/s`.
    case bandwidth(WritableKeyPath<Root, Int64>)
    /// CPU in thousandths of a core, written `300m` or `2`.
    case cpu(WritableKeyPath<Root, Int64>)
    /// A probability or share, 0 to 1, written `0.04` or `4%`.
    case share(WritableKeyPath<Root, Double>)
    /// Events per second, written with a unit: `50/s`, `12/min`.
    case rate(WritableKeyPath<Root, Double>)
    /// A bare real number.
    case number(WritableKeyPath<Root, Double>)
    case flag(WritableKeyPath<Root, Bool>)
}

/// One setting of a model: everything that parsing, `--set`, the schema, the reference page and the list of
/// assumptions need to know about it.
///
/// Key paths are immutable references to code, so sharing them between threads is safe.
public struct Parameter<Root>: Sendable {
    /// As written in a scenario below the table's section, for example `mailbox`.
    public var key: String
    public var path: ParameterPath<Root>
    /// Bounds in the base unit (nanoseconds, bytes, bits per second, thousandths of a core, or the number itself).
    public var minimum: Double
    public var maximum: Double
    /// What it means, one sentence.
    public var meaning: String
    /// Where the default comes from: repository and file, paper, measurement.
    public var source: String
    public var certainty: Certainty

    public init(
        _ key: String, _ path: ParameterPath<Root>, _ range: ClosedRange<Double>, _ meaning: String,
        source: String, _ certainty: Certainty
    ) {
        self.key = key
        self.path = path
        self.minimum = range.lowerBound
        self.maximum = range.upperBound
        self.meaning = meaning
        self.source = source
        self.certainty = certainty
    }
}

/// The settings of one model room under the section name that scenarios use (`relay`, `client`, `nats` ...).
///
/// The default-initialised `Root` holds the defaults; the table says what each means.
public protocol Parameterised: Sendable {
    init()
    /// The scenario section, for example `relay`.
    static var section: String { get }
    static var parameters: [Parameter<Self>] { get }
}
