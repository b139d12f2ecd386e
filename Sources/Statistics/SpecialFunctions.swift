#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// ln Gamma(x) for x > 0, by Lanczos' approximation with g = 7 and nine terms (relative error about 1e-15).
///
/// Own code because the C library's `lgamma` writes a global variable.
func logGamma(_ x: Double) -> Double {
    precondition(x > 0)
    if x < 0.5 { return log(Double.pi / sin(Double.pi * x)) - logGamma(1 - x) }
    let terms: [Double] = [
        0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
        12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ]
    let shifted = x - 1
    var sum = terms[0]
    for index in 1..<terms.count { sum += terms[index] / (shifted + Double(index)) }
    let t = shifted + 7.5
    return 0.5 * log(2 * Double.pi) + (shifted + 0.5) * log(t) - t + log(sum)
}

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22) evaluated with
/// Lentz's method.
func regularisedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    precondition(x >= 0 && x <= 1 && a > 0 && b > 0)
    if x == 0 || x == 1 { return x }
    // The fraction converges fast only below the mean; above it, use the symmetry I_x(a, b) = 1 - I_(1-x)(b, a).
    if x > (a + 1) / (a + b + 2) { return 1 - regularisedBeta(1 - x, b, a) }
    let logFront = logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x)
    return exp(logFront) * betaFraction(x, a, b) / a
}

private func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let tiny = 1e-300
    func guarded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / guarded(1 - (a + b) * x / (a + 1))
    var result = d
    // Converges within about sqrt(max(a, b)) rounds; the bound is far beyond any sample size in use.
    for round in 1...100_000 {
        let m = Double(round)
        let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / guarded(1 + even * d)
        c = guarded(1 + even / c)
        result *= d * c
        let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / guarded(1 + odd * d)
        c = guarded(1 + odd / c)
        let change = d * c
        result *= change
        if abs(change - 1) < 1e-15 { break }
    }
    return result
}

/// The point where a function that falls from above `target` to below it crosses it, to the last bit.
func bisect(_ target: Double, from start: Double, to end: Double, falling function: (Double) -> Double) -> Double {
    var low = start
    var high = end
    while true {
        let middle = low + (high - low) / 2
        if middle <= low || middle >= high { return middle }
        if function(middle) > target { low = middle } else { high = middle }
    }
}

/// Student's t distribution.
public enum StudentT {
    /// P(T > t) with `degrees` degrees of freedom.
    public static func upperTail(_ t: Double, degrees: Double) -> Double {
        precondition(degrees > 0)
        let half = 0.5 * regularisedBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
        return t >= 0 ? half : 1 - half
    }

    /// The value that T stays below with probability `p`, 0 < p < 1: for example 2.776 for p = 0.975 and 4 degrees.
    public static func quantile(_ p: Double, degrees: Double) -> Double {
        precondition(p > 0 && p < 1 && degrees > 0)
        if p == 0.5 { return 0 }
        if p < 0.5 { return -quantile(1 - p, degrees: degrees) }
        var bound = 2.0
        while upperTail(bound, degrees: degrees) > 1 - p { bound *= 2 }
        return bisect(1 - p, from: 0, to: bound) { upperTail($0, degrees: degrees) }
    }
}

/// The standard normal distribution.
public enum StandardNormal {
    /// P(Z > z).
    public static func upperTail(_ z: Double) -> Double { 0.5 * erfc(z / 2.0.squareRoot()) }

    /// The value that Z stays below with probability `p`, 0 < p < 1.
    public static func quantile(_ p: Double) -> Double {
        precondition(p > 0 && p < 1)
        if p == 0.5 { return 0 }
        if p < 0.5 { return -quantile(1 - p) }
        return bisect(1 - p, from: 0, to: 40) { upperTail($0) }
    }
}

/// P(X <= k) for a binomial X of `trials` trials with success probability `p`, from the incomplete beta function.
package func binomialCumulative(_ k: Int, trials: Int, _ p: Double) -> Double {
    if k < 0 { return 0 }
    if k >= trials { return 1 }
    return regularisedBeta(1 - p, Double(trials - k), Double(k + 1))
}
