/// A distribution of whole numbers as 1,024 equally likely cells with straight lines between their ends.
///
/// The message path draws delays from it in integers alone: no `log`, and the same bits on every machine. The ends
/// are chosen so that the outer cells keep their mean; within them the true distribution is replaced by a straight
/// line, so that nothing is said about quantiles beyond 0.1 % and 99.9 %.
@frozen
public struct QuantileTable: Sendable, Hashable {
    /// The quantiles at multiples of 1 / 1,024, both ends included.
    public let ends: [Int64]

    /// Cells of the table.
    @inlinable public static var cellCount: Int { 1024 }

    /// Builds the table of a quantile function, which must not decrease. Its values are rounded to whole numbers.
    ///
    /// The function is asked only for probabilities strictly between 0 and 1, and may grow without bound towards them.
    public init(quantile: (Double) -> Double) {
        let cells = Self.cellCount
        var values = [Double](repeating: 0, count: cells + 1)
        for index in 1..<cells {
            values[index] = quantile(Double(index) / Double(cells))
        }
        let lowMean = Self.outerMean { quantile($0) }
        let highMean = Self.outerMean { quantile(1 - $0) }
        values[0] = min(values[1], max(2 * lowMean - values[1], quantile(0x1p-40)))
        values[cells] = max(values[cells - 1], min(2 * highMean - values[cells - 1], quantile(1 - 0x1p-40)))
        self.init(ends: values.map { Int64($0.rounded()) })
    }

    /// Builds the table from 1,025 quantiles in ascending order, less than 2⁴³ apart.
    public init(ends: [Int64]) {
        precondition(ends.count == Self.cellCount + 1, "a table has 1,025 ends")
        for index in 1...Self.cellCount {
            precondition(ends[index] >= ends[index - 1], "quantiles do not decrease")
            precondition(ends[index] - ends[index - 1] < 1 << 43, "a cell of the table is too wide")
        }
        self.ends = ends
    }

    /// The same value always.
    public static func constant(_ value: Int64) -> QuantileTable {
        QuantileTable(ends: [Int64](repeating: value, count: cellCount + 1))
    }

    /// Uniform between two bounds.
    public static func uniform(_ low: Int64, _ high: Int64) -> QuantileTable {
        precondition(low <= high, "a range does not end before it starts")
        let length = Double(high - low)
        return QuantileTable(ends: (0...cellCount).map { low + Int64(length * Double($0) / 1024) })
    }

    /// Exponential.
    public static func exponential(mean: Double) -> QuantileTable {
        QuantileTable { -mean * Elementary.log(1 - $0) }
    }

    /// Lognormal by its median and the standard deviation of its logarithm.
    public static func lognormal(median: Double, sigma: Double) -> QuantileTable {
        QuantileTable { median * Elementary.exp(sigma * Elementary.normalQuantile($0)) }
    }

    /// Gamma with mean shape x scale.
    public static func gamma(shape: Double, scale: Double) -> QuantileTable {
        QuantileTable { scale * GammaFunctions.quantile(shape: shape, probability: $0) }
    }

    /// The value that belongs to random bits: the upper 10 choose the cell, the next 20 the place in it.
    @inlinable
    public subscript(bits bits: UInt64) -> Int64 {
        let cell = Int(truncatingIfNeeded: bits >> 54)
        let place = Int64(truncatingIfNeeded: bits >> 34 & 0xF_FFFF)
        let low = ends[cell]
        return low &+ ((ends[cell &+ 1] &- low) &* place) >> 20
    }

    /// The least value.
    @inlinable public var minimum: Int64 { ends[0] }
    /// The greatest value.
    @inlinable public var maximum: Int64 { ends[Self.cellCount] }
    /// The mean of all values, for reports.
    public var mean: Double {
        var sum = 0.0
        for index in 0..<Self.cellCount {
            sum += 0.5 * (Double(ends[index]) + Double(ends[index + 1]))
        }
        return sum / Double(Self.cellCount)
    }

    /// The mean of the outermost cell of a quantile function, in pieces that halve towards the end, where it may be
    /// steep.
    static func outerMean(_ quantile: (Double) -> Double) -> Double {
        let width = 1 / Double(cellCount)
        var sum = 0.0
        var upper = width
        for _ in 0..<30 {
            let lower = upper / 2
            for step in 0..<8 {
                sum += quantile(lower + (upper - lower) * (Double(step) + 0.5) / 8) * (upper - lower) / 8
            }
            upper = lower
        }
        return (sum + quantile(upper) * upper) / width
    }
}
