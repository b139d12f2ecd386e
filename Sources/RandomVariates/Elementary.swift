/// `log`, `exp` and the normal quantile in plain IEEE 754 additions, multiplications, divisions and square roots.
///
/// The C library's versions differ in their last bit between platforms and releases; with these, the same seed
/// gives the same variates everywhere. Swift never fuses a product with a sum unless told to. The tests bound
/// the error to 1 ulp for `log` and `exp`.
public enum Elementary {
    /// ln 2 in two parts: the first has 37 significant bits, so that its product with an exponent is exact.
    @inlinable static var ln2High: Double { 0x1.62E42FEFAp-1 }
    @inlinable static var ln2Low: Double { 0x1.CF79ABC9E3B3Ap-40 }

    /// The natural logarithm. Zero gives minus infinity; a negative number or NaN gives NaN.
    ///
    /// With x = 2^k (1 + f) and s = f / (2 + f): ln(1 + f) = 2 artanh s, summed as its Taylor series in s² up to
    /// s²¹, which is exact to 2⁻⁵⁵ for 1 + f between √½ and √2. The sum is arranged around f itself, so that its
    /// rounding errors are small against the result.
    public static func log(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -Double.infinity : Double.nan }
        guard x < Double.infinity else { return x }
        var exponent = -1023
        var bits = x.bitPattern
        if bits < 1 << 52 {
            bits = (x * 0x1p54).bitPattern
            exponent -= 54
        }
        exponent += Int(bits >> 52)
        var mantissa = Double(bitPattern: bits & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
        if mantissa > 0x1.6A09E667F3BCDp0 {
            mantissa *= 0.5
            exponent += 1
        }
        let f = mantissa - 1
        let s = f / (2 + f)
        let z = s * s
        let w = z * z
        let even = (2.0 / 5) + w * ((2.0 / 9) + w * ((2.0 / 13) + w * ((2.0 / 17) + w * (2.0 / 21))))
        let odd = (2.0 / 3) + w * ((2.0 / 7) + w * ((2.0 / 11) + w * ((2.0 / 15) + w * (2.0 / 19))))
        let series = z * (odd + z * even)
        let half = 0.5 * f * f
        if exponent == 0 { return f - (half - s * (half + series)) }
        let k = Double(exponent)
        return k * ln2High - ((half - (s * (half + series) + k * ln2Low)) - f)
    }

    /// The exponential function; infinity above 709.78 and 0 below -745.2.
    ///
    /// With x = k ln 2 + r and |r| at most ½ ln 2: the Taylor series of e^r up to r¹³, exact to 2⁻⁵⁷.
    public static func exp(_ x: Double) -> Double {
        guard x <= 709.782712893384 else { return x.isNaN ? x : Double.infinity }
        guard x >= -745.2 else { return 0 }
        let k = Int(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5))
        let high = x - Double(k) * ln2High
        let low = Double(k) * ln2Low
        let r = high - low
        let q = r * r
        // Coefficients 1 / n!, even and odd ones apart so that the two chains run side by side.
        let evenUpper = 1.0 / 40_320 + q * (1.0 / 3_628_800 + q * (1.0 / 479_001_600))
        let even = 1.0 / 2 + q * (1.0 / 24 + q * (1.0 / 720 + q * evenUpper))
        let oddUpper = 1.0 / 362_880 + q * (1.0 / 39_916_800 + q * (1.0 / 6_227_020_800))
        let odd = 1.0 / 6 + q * (1.0 / 120 + q * (1.0 / 5_040 + q * oddUpper))
        let tail = q * (even + r * odd)
        let result = 1 - ((low - tail) - high)
        if k > -1021 && k < 1024 { return scaled(result, by: k) }
        let first = k / 2
        return scaled(scaled(result, by: first), by: k - first)
    }

    /// `x` times 2^k, where 2^k itself is a normal number.
    @usableFromInline
    static func scaled(_ x: Double, by k: Int) -> Double {
        x * Double(bitPattern: UInt64(1023 + k) << 52)
    }

    /// `base` to the power of `exponent`, for a positive base; the error grows with the result's logarithm.
    public static func power(_ base: Double, _ exponent: Double) -> Double { exp(exponent * log(base)) }

    /// The standard normal quantile of a probability strictly between 0 and 1.
    ///
    /// Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (Applied Statistics 37, 1988),
    /// PPND16: relative error about 10⁻¹⁶.
    public static func normalQuantile(_ probability: Double) -> Double {
        precondition(probability > 0 && probability < 1, "a quantile needs a probability between 0 and 1")
        let q = probability - 0.5
        if abs(q) <= 0.425 {
            let r = 0.180625 - q * q
            return q * polynomial(r, central) / polynomial(r, centralDivisor)
        }
        let tail = q < 0 ? probability : 1 - probability
        let r = (-log(tail)).squareRoot()
        let value =
            r <= 5
            ? polynomial(r - 1.6, middle) / polynomial(r - 1.6, middleDivisor)
            : polynomial(r - 5, far) / polynomial(r - 5, farDivisor)
        return q < 0 ? -value : value
    }

    /// Seven degrees, lowest coefficient first.
    typealias Polynomial = (Double, Double, Double, Double, Double, Double, Double, Double)

    static func polynomial(_ x: Double, _ c: Polynomial) -> Double {
        let upper = ((c.7 * x + c.6) * x + c.5) * x + c.4
        return (((upper * x + c.3) * x + c.2) * x + c.1) * x + c.0
    }

    static let central: Polynomial = (
        3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3
    )
    static let centralDivisor: Polynomial = (
        1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
        3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3
    )
    static let middle: Polynomial = (
        1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
        1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4
    )
    static let middleDivisor: Polynomial = (
        1, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
        1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9
    )
    static let far: Polynomial = (
        6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7
    )
    static let farDivisor: Polynomial = (
        1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15
    )
}
