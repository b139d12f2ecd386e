// Variates by inversion: each takes a fixed number of draws and grows with them, so that two variants of a model
// which draw the same bits stay comparable.
extension RandomStream {
    /// An exponential variate; the mean must be positive. One draw.
    @inlinable
    public mutating func exponential(mean: Double) -> Double {
        precondition(mean > 0, "an exponential variate has a positive mean")
        return -mean * Elementary.log(uniform())
    }

    /// A standard normal variate. One draw.
    @inlinable
    public mutating func normal() -> Double { Elementary.normalQuantile(uniform()) }

    /// A variate whose logarithm is normal with mean `mu` and standard deviation `sigma`, which is not negative.
    /// One draw. The median is e^mu, the mean e^(mu + sigma² / 2).
    @inlinable
    public mutating func lognormal(mu: Double, sigma: Double) -> Double {
        precondition(sigma >= 0, "a standard deviation is not negative")
        return Elementary.exp(mu + sigma * normal())
    }

    /// A gamma variate with mean shape x scale; shape from 0.01 to 10⁷, scale positive. One draw, about 1 us.
    public mutating func gamma(shape: Double, scale: Double) -> Double {
        precondition(scale > 0, "a gamma variate has a positive scale")
        return scale * GammaFunctions.quantile(shape: shape, probability: uniform())
    }

    /// A beta variate with mean alpha / (alpha + beta); both from 0.01 to 10⁷. Two draws, about 2 us.
    ///
    /// The share of one gamma variate in the sum of two.
    public mutating func beta(alpha: Double, beta: Double) -> Double {
        let first = gamma(shape: alpha, scale: 1)
        let second = gamma(shape: beta, scale: 1)
        // Both underflow only for shapes near 0.01, where the variate is nearly 0 or 1 anyway.
        guard first + second > 0 else { return alpha > beta ? 1 : 0 }
        return first / (first + second)
    }

    /// A Poisson variate, exact to the rounding of its distribution function, for means from 0 to 10⁶. One draw.
    ///
    /// Below 30 the probabilities are summed from 0. Above, the search starts at the Cornish-Fisher estimate, where the
    /// distribution function is an incomplete gamma function, and ends a step or two from there.
    public mutating func poisson(mean: Double) -> Int {
        precondition(mean >= 0 && mean <= 1e6, "the mean of a Poisson variate lies between 0 and 10⁶")
        let target = uniform()
        if mean < 30 {
            var count = 0
            var term = Elementary.exp(-mean)
            var sum = term
            while target > sum && count < 300 {
                count += 1
                term *= mean / Double(count)
                sum += term
            }
            return count
        }
        let z = Elementary.normalQuantile(target)
        let estimate = mean + z * mean.squareRoot() + (z * z - 1) / 6
        var count = max(0, Int(estimate))
        let start = GammaFunctions.incomplete(Double(count) + 1, mean)
        // P(N <= count) is the upper function at count + 1; its term there is P(N = count + 1).
        var sum = start.upper
        var term = start.term
        if target > sum {
            while target > sum && term > 0 {
                count += 1
                sum += term
                term *= mean / Double(count + 1)
            }
            return count
        }
        term *= Double(count + 1) / mean
        while count > 0 && target <= sum - term {
            sum -= term
            term *= Double(count) / mean
            count -= 1
        }
        return count
    }

    /// `true` with the given probability, from 0 to 1. One draw.
    @inlinable
    public mutating func bernoulli(_ probability: Double) -> Bool {
        precondition(probability >= 0 && probability <= 1, "a probability lies between 0 and 1")
        return uniform() < probability
    }

    /// An index drawn in proportion to the weights, which are not negative and not all 0. One draw.
    public mutating func discrete(_ weights: [Double]) -> Int {
        var total = 0.0
        for weight in weights {
            precondition(weight >= 0 && weight.isFinite, "a weight is not negative")
            total += weight
        }
        precondition(total > 0, "at least one weight is positive")
        let target = uniform() * total
        var sum = 0.0
        var choice = 0
        for (index, weight) in weights.enumerated() where weight > 0 {
            choice = index
            sum += weight
            if target < sum { break }
        }
        return choice
    }
}
