/// The mean of one long stationary series, with an interval from the means of its batches.
///
/// Only for steady state and after the warm-up has been cut: neighbouring values depend on each other, so a t interval
/// over them would be too narrow; long batches nearly do not.
public struct BatchMeans: Hashable, Sendable {
    /// The mean over all batches; `n` counts batches.
    public var estimate: Estimate
    public var batchSize: Int
    /// Correlation between neighbouring batches, -1 to 1; `nil` when all batches are equal.
    public var lagOneCorrelation: Double?

    /// Whether the correlation is within what independent batches show in 95 of 100 cases (|r| <= 1.96 / sqrt(n)).
    /// If not, the batches are too short and the interval must not be used.
    public var isUsable: Bool {
        abs(lagOneCorrelation ?? 0) <= 1.96 / Double(estimate.n).squareRoot()
    }

    /// - Parameters:
    ///   - batches: 2 or more; 20 to 30 are usual. Values left over at the end are not used.
    /// - Returns: `nil` if there are fewer values than batches.
    public init?(_ series: [Double], batches: Int = 20, level: Double = 0.95) {
        precondition(batches >= 2)
        let size = series.count / batches
        if size == 0 { return nil }
        let means = (0..<batches).map { batch in
            Moments(series[(batch * size)..<((batch + 1) * size)]).mean
        }
        guard let estimate = meanInterval(means, level: level) else { return nil }
        self.estimate = estimate
        batchSize = size
        lagOneCorrelation = Self.lagOneCorrelation(means)
    }

    private static func lagOneCorrelation(_ values: [Double]) -> Double? {
        let mean = Moments(values).mean
        var squares = 0.0
        var products = 0.0
        for index in values.indices {
            squares += (values[index] - mean) * (values[index] - mean)
            if index > 0 { products += (values[index] - mean) * (values[index - 1] - mean) }
        }
        return squares == 0 ? nil : products / squares
    }
}
