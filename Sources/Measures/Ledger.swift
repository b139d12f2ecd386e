/// One cell of the ledger: the pairs of one class, path kind and phase.
public struct LedgerCell: Hashable, Sendable {
    /// Pairs that someone in the call was entitled to, from the logs of intent alone.
    public var expected: Int64 = 0
    /// Pairs whose first copy arrived, counted at the receiver, whatever the latency.
    public var delivered: Int64 = 0
    /// Delivered within each bound, indexed by `LatencyBound.rawValue` (the last equals `delivered`).
    public var deliveredWithin = [Int64](repeating: 0, count: LatencyBound.allCases.count)
    /// Video pairs that arrived with their chain back to a key frame intact; 0 for other classes.
    public var decodable: Int64 = 0
    /// Lost pairs, indexed by `LossCause.rawValue`.
    public var lost = [Int64](repeating: 0, count: LossCause.allCases.count)
    /// Pairs still on their way when the run ended.
    public var inFlight: Int64 = 0
    /// Pairs whose receiver left of its own will before they could arrive; outside `expected`.
    public var void: Int64 = 0
    /// Further copies of a delivered pair and copies nobody was entitled to; outside `expected`.
    public var extra: Int64 = 0

    public init() {}

    /// Lost pairs over all causes.
    public var lostTotal: Int64 { lost.reduce(0, +) }

    /// Expected minus what the other columns explain: zero in a balanced ledger.
    public var imbalance: Int64 { expected - delivered - lostTotal - inFlight }

    public mutating func add(_ other: LedgerCell) {
        expected += other.expected
        delivered += other.delivered
        decodable += other.decodable
        inFlight += other.inFlight
        void += other.void
        extra += other.extra
        for index in lost.indices { lost[index] += other.lost[index] }
        for index in deliveredWithin.indices { deliveredWithin[index] += other.deliveredWithin[index] }
    }
}

/// The double-entry account of every (message, receiver) pair of a run.
///
/// `expected` comes from the logs of intent, `delivered` from the receivers, `lost` and `inFlight` from records
/// made where a copy ended; that the three agree is checked, not assumed.
public struct Ledger: Hashable, Sendable {
    private var cells: [LedgerCell]

    public init() {
        cells = Array(
            repeating: LedgerCell(),
            count: MessageClass.allCases.count * PathKind.allCases.count * Phase.allCases.count)
    }

    private static func index(_ messageClass: MessageClass, _ path: PathKind, _ phase: Phase) -> Int {
        (Int(messageClass.rawValue) * PathKind.allCases.count + Int(path.rawValue)) * Phase.allCases.count
            + Int(phase.rawValue)
    }

    public subscript(messageClass: MessageClass, path: PathKind, phase: Phase) -> LedgerCell {
        get { cells[Self.index(messageClass, path, phase)] }
        set { cells[Self.index(messageClass, path, phase)] = newValue }
    }

    /// The sum over the cells that match; `nil` matches everything.
    public func total(
        of messageClass: MessageClass? = nil, path: PathKind? = nil, phase: Phase? = nil
    ) -> LedgerCell {
        var sum = LedgerCell()
        for candidate in MessageClass.allCases where messageClass == nil || candidate == messageClass {
            for pathKind in PathKind.allCases where path == nil || pathKind == path {
                for part in Phase.allCases where phase == nil || part == phase {
                    sum.add(self[candidate, pathKind, part])
                }
            }
        }
        return sum
    }

    public mutating func add(_ other: Ledger) {
        for index in cells.indices { cells[index].add(other.cells[index]) }
    }

    /// Whether expected = delivered + lost + in flight holds in every cell.
    public var isBalanced: Bool { cells.allSatisfy { $0.imbalance == 0 } }
}
