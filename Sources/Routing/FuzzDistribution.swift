import RandomVariates

/// Which members of queue groups were chosen, pooled by the shape of the group.
///
/// A choice is uniform over the members of the serving cluster. Members are ranked: those on the publisher's server
/// first, each part in the order of subscribing. For groups of one shape each rank is then equally likely, and
/// favouring the own server, early members or single servers shows as uneven ranks.
public struct FuzzChoices: Hashable, Sendable {
    /// The shape of a group that serves a message.
    struct Shape: Hashable, Comparable, Sendable {
        var members: Int
        /// Members on the publisher's server; -1 when another cluster serves.
        var beside: Int

        static func < (left: Shape, right: Shape) -> Bool {
            (left.members, left.beside) < (right.members, right.beside)
        }
    }

    /// How often each rank was chosen.
    private(set) var counts: [Shape: [Int]] = [:]

    public init() {}

    mutating func add(_ group: FuzzGroup, _ chosen: FuzzReceiver) {
        guard group.members.count > 1, let rank = group.members.firstIndex(where: { $0.receiver == chosen }) else {
            return
        }
        let shape = Shape(members: group.members.count, beside: group.besidePublisher ?? -1)
        counts[shape, default: Array(repeating: 0, count: shape.members)][rank] += 1
    }

    mutating func merge(_ other: FuzzChoices) {
        for (shape, ranks) in other.counts {
            for (rank, count) in ranks.enumerated() {
                counts[shape, default: Array(repeating: 0, count: shape.members)][rank] += count
            }
        }
    }

    /// Pearson's chi-square test that all ranks are equally likely in every shape.
    public var test: FuzzShareTest {
        var test = FuzzShareTest()
        for shape in counts.keys.sorted() {
            let ranks = counts[shape, default: []]
            let total = ranks.reduce(0, +)
            let expected = Double(total) / Double(shape.members)
            guard expected >= FuzzShareTest.leastExpected else { continue }
            test.choices += total
            test.degrees += shape.members - 1
            for count in ranks {
                let difference = Double(count) - expected
                test.statistic += difference * difference / expected
            }
        }
        return test
    }
}

/// The result of a chi-square test.
public struct FuzzShareTest: Hashable, Sendable {
    /// Shapes in which a rank is expected less often than this are left out: the approximation is poor there.
    static let leastExpected = 10.0
    /// How often the test may condemn fair choices.
    public static let falseAlarmRate = 1e-6

    /// Choices that it rests on.
    public var choices = 0
    public var statistic = 0.0
    public var degrees = 0

    /// The probability of a statistic at least this large when all choices are fair.
    public var probability: Double {
        degrees == 0 ? 1 : GammaFunctions.incomplete(Double(degrees) / 2, statistic / 2).upper
    }

    /// Whether the choices may be fair.
    public var holds: Bool { probability >= Self.falseAlarmRate }
}
