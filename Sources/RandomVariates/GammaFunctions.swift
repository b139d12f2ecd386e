/// The incomplete gamma function and its inverse, from ``Elementary`` alone.
public enum GammaFunctions {
    /// What Stirling's formula lacks: ln Γ(x + 1) - (x + ½) ln x + x - ½ ln 2π, for positive x.
    static func stirlingError(_ x: Double) -> Double {
        var shifted = x
        var product = 1.0
        while shifted < 15 {
            shifted += 1
            product *= shifted
        }
        let inverse = 1 / shifted
        let z = inverse * inverse
        // Bernoulli numbers over 2k (2k - 1).
        let terms = 1.0 / 1_260 - z * (1.0 / 1_680 - z * (1.0 / 1_188 - z * (691.0 / 360_360 - z / 156)))
        let series = inverse * (1.0 / 12 - z * (1.0 / 360 - z * terms))
        if shifted == x { return series }
        let logGamma = (shifted + 0.5) * Elementary.log(shifted) - shifted + halfLog2Pi + series
        return logGamma - Elementary.log(product) - ((x + 0.5) * Elementary.log(x) - x + halfLog2Pi)
    }

    static let halfLog2Pi = 0.91893853320467274178
    static let twoPi = 6.283185307179586477

    /// ln Γ(x + 1) for positive x.
    public static func logGammaPlusOne(_ x: Double) -> Double {
        (x + 0.5) * Elementary.log(x) - x + halfLog2Pi + stirlingError(x)
    }

    /// a ln(a / x) + x - a, without cancellation where the two are close.
    ///
    /// After Loader, "Fast and accurate computation of binomial probabilities" (2000).
    static func deviance(_ a: Double, _ x: Double) -> Double {
        let difference = a - x
        guard abs(difference) < 0.1 * (a + x) else { return a * Elementary.log(a / x) - difference }
        let v = difference / (a + x)
        let square = v * v
        var sum = difference * v
        var term = 2 * a * v
        for j in 1...1_000 {
            term *= square
            let next = sum + term / Double(2 * j + 1)
            if next == sum { break }
            sum = next
        }
        return sum
    }

    /// x^a e^-x / Γ(a + 1): the Poisson probability of `a` events at mean `x`, for real a > 0.
    public static func poissonTerm(_ a: Double, _ x: Double) -> Double {
        Elementary.exp(-stirlingError(a) - deviance(a, x)) / (twoPi * a).squareRoot()
    }

    /// The regularised incomplete gamma functions (lower, upper) and ``poissonTerm(_:_:)`` at the same place.
    ///
    /// Series below a + 1, continued fraction (modified Lentz) above; the smaller of the two is computed, so that
    /// both tails keep their relative accuracy. About √a steps near x = a.
    public static func incomplete(_ a: Double, _ x: Double) -> (lower: Double, upper: Double, term: Double) {
        precondition(a > 0 && x >= 0, "the incomplete gamma function needs a > 0 and x >= 0")
        guard x > 0 else { return (0, 1, 0) }
        let term = poissonTerm(a, x)
        if x < a + 1 {
            var sum = 1.0
            var part = 1.0
            var n = a
            for _ in 0..<1_000_000 {
                n += 1
                part *= x / n
                sum += part
                if part < sum * 1e-17 { break }
            }
            let lower = min(1, term * sum)
            return (lower, 1 - lower, term)
        }
        let tiny = 1e-300
        var b = x + 1 - a
        var c = 1 / tiny
        var d = 1 / b
        var fraction = d
        for step in 1...1_000_000 {
            let i = Double(step)
            let numerator = i * (a - i)
            b += 2
            d = numerator * d + b
            if abs(d) < tiny { d = tiny }
            c = b + numerator / c
            if abs(c) < tiny { c = tiny }
            d = 1 / d
            let factor = d * c
            fraction *= factor
            if abs(factor - 1) < 1e-16 { break }
        }
        let upper = min(1, term * a * fraction)
        return (1 - upper, upper, term)
    }

    /// The quantile of the gamma distribution with scale 1: the x at which the lower function is `probability`.
    ///
    /// Newton's method on the logarithm of the smaller tail, which is nearly a straight line: in ln x for the lower
    /// tail, in x for the upper. Accurate to about 10⁻¹³.
    public static func quantile(shape: Double, probability: Double) -> Double {
        precondition(shape >= 0.01 && shape <= 1e7, "the shape of a gamma variate lies between 0.01 and 10⁷")
        precondition(probability > 0 && probability < 1, "a quantile needs a probability between 0 and 1")
        let complement = 1 - probability
        var x = firstGuess(shape: shape, probability: probability)
        // A lower quantile of a tiny shape is smaller than any number.
        guard x > 1e-300 else { return 0 }
        for _ in 0..<60 {
            let (lower, upper, term) = incomplete(shape, x)
            let density = term * shape / x
            guard density > 0 else { break }
            let next: Double
            if probability <= 0.5 {
                let step = Elementary.log(lower / probability) * lower / (density * x)
                next = x * Elementary.exp(-max(-2, min(2, step)))
            } else {
                next = max(x * 0.25, min(x * 4 + 1, x + Elementary.log(upper / complement) * upper / density))
            }
            let change = abs(next - x)
            x = next
            if change <= 4e-16 * x { break }
        }
        return x
    }

    static func firstGuess(shape: Double, probability: Double) -> Double {
        if shape >= 1 {
            // Wilson and Hilferty (1931): the cube root is nearly normal.
            let ninth = 1 / (9 * shape)
            let root = 1 - ninth + Elementary.normalQuantile(probability) * ninth.squareRoot()
            if root > 0.1 { return shape * root * root * root }
        }
        // Near 0 the distribution is a power of x.
        let power = Elementary.exp((Elementary.log(probability) + logGammaPlusOne(shape)) / shape)
        return shape < 1 && probability > 0.5 ? max(0.05 * shape, min(power, 1)) : min(power, shape + 1)
    }
}
