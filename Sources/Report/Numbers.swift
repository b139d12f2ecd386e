import Foundation

/// Numbers as an operator reads them: grouped digits, few decimals, a unit that fits.
enum Numbers {
    /// `1,234,567`.
    static func grouped(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        var result = ""
        for (offset, digit) in digits.enumerated() {
            if offset > 0 && (digits.count - offset) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return value < 0 ? "-" + result : result
    }

    static func grouped(_ value: Int) -> String { grouped(Int64(value)) }

    /// Digits after the point as given, with grouped digits before it.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, value.magnitude < 9e15 else { return value > 0 ? "never" : "\(value)" }
        let text = String(format: "%.\(decimals)f", value.magnitude)
        let parts = text.split(separator: ".")
        let sign = value < 0 && text.contains { $0 != "0" && $0 != "." } ? "-" : ""
        let whole = sign + grouped(Int64(parts[0])!)
        return parts.count == 1 ? whole : whole + "." + parts[1]
    }

    /// A half-width is rounded up, so that the printed interval is never narrower than the computed one.
    static func halfWidth(_ value: Double, _ decimals: Int) -> String {
        let scale = pow(10, Double(decimals))
        let raised = (value * scale - 1e-6).rounded(.up) / scale
        return value == 0 ? "±0" : "±" + fixed(max(raised, 1 / scale), decimals)
    }

    /// The number of a percentage, without the sign: `97.1`. 100 means all of them and 0 none: nearly all is 99.99.
    static func percent(_ share: Double, halfWidth: Double? = nil) -> String {
        let value = share * 100
        let decimals = percentDecimals(value, (halfWidth ?? 0) * 100)
        let text: String
        if value == 0 || value == 100 {
            text = fixed(value, 0)
        } else if value < 100 && value > 99.99 {
            text = "99.99"
        } else if value > 0 && value < 0.01 {
            text = "<0.01"
        } else {
            text = fixed(value, decimals)
        }
        guard let halfWidth, halfWidth != 0 else { return text }
        return text + " " + Self.halfWidth(halfWidth * 100, decimals)
    }

    private static func percentDecimals(_ value: Double, _ halfWidth: Double) -> Int {
        let isNearEnd = (value > 99.95 && value < 100) || (value > 0 && value < 0.05)
        return isNearEnd || (halfWidth > 0 && halfWidth < 0.05) ? 2 : 1
    }

    /// A time: milliseconds below 10 s, seconds below 10 min, then minutes.
    static func time(milliseconds: Double, halfWidth: Double? = nil, isBare: Bool = false) -> String {
        let scale: (divisor: Double, unit: String, decimals: Int)
        if !milliseconds.isFinite { return "never" }
        if milliseconds < 10 {
            scale = (1, "ms", 1)
        } else if milliseconds < 9_999.5 {
            scale = (1, "ms", 0)
        } else if milliseconds < 599_950 {
            scale = (1_000, "s", 1)
        } else {
            scale = (60_000, "min", 1)
        }
        // A table whose heading says "ms" needs the unit only where it is another one.
        let unit = isBare && scale.unit == "ms" ? "" : " " + scale.unit
        var text = fixed(milliseconds / scale.divisor, milliseconds == 0 ? 0 : scale.decimals) + unit
        if let halfWidth, halfWidth != 0 {
            text += " " + Self.halfWidth(halfWidth / scale.divisor, scale.decimals)
        }
        return text
    }

    /// A time for a table whose heading says "ms", in the finest unit that leaves it at most `width` characters.
    static func timeCell(milliseconds: Double, halfWidth: Double?, width: Int) -> String {
        let usual = time(milliseconds: milliseconds, halfWidth: halfWidth, isBare: true)
        guard usual.count > width, let halfWidth, milliseconds.isFinite else { return usual }
        for (divisor, unit) in [(1_000.0, "s"), (60_000.0, "min")] {
            for decimals in [1, 0] {
                let text =
                    fixed(milliseconds / divisor, decimals) + " \(unit) "
                    + Self.halfWidth(halfWidth / divisor, decimals)
                if text.count <= width { return text }
            }
        }
        return time(milliseconds: milliseconds, isBare: true) + " ±.."
    }

    /// `35 min`, `90 s`: a length that somebody wrote down, so without needless decimals.
    static func length(seconds: Double) -> String {
        if seconds >= 120, (seconds / 60) == (seconds / 60).rounded() { return fixed(seconds / 60, 0) + " min" }
        return fixed(seconds, seconds == seconds.rounded() ? 0 : 1) + " s"
    }

    /// A point in simulated time: `5:00`, with milliseconds if asked for.
    static func clock(seconds: Double, hasMilliseconds: Bool = false) -> String {
        let milliseconds = Int64((seconds.magnitude * 1_000).rounded())
        let minutes = milliseconds / 60_000
        let rest = milliseconds % 60_000
        let sign = seconds < 0 && milliseconds > 0 ? "-" : ""
        let whole = sign + "\(minutes):" + pad("\(rest / 1_000)", 2, zeros: true)
        return hasMilliseconds ? whole + "." + pad("\(rest % 1_000)", 3, zeros: true) : whole
    }

    private static func pad(_ digits: String, _ width: Int, zeros: Bool) -> String {
        String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// A value of a response in its own unit, with its uncertainty.
    static func value(_ value: Double, unit: String, halfWidth: Double? = nil) -> String {
        switch unit {
        case "share":
            let text = percent(value, halfWidth: halfWidth)
            // The sign belongs to the value: `97.1 % ±0.4`.
            let parts = text.split(separator: " ", maxSplits: 1)
            return parts.count == 2 ? "\(parts[0]) % \(parts[1])" : text + " %"
        case "ms": return time(milliseconds: value, halfWidth: halfWidth)
        case "s": return time(milliseconds: value * 1_000, halfWidth: halfWidth.map { $0 * 1_000 })
        case "count": return count(value, halfWidth: halfWidth)
        default:
            let half = halfWidth.map { $0 == 0 ? "" : " " + Self.halfWidth($0, 2) } ?? ""
            return fixed(value, 2) + (unit == "number" ? "" : " " + unit) + half
        }
    }

    /// A mean of counts: whole where it is whole or large.
    static func count(_ value: Double, halfWidth: Double? = nil) -> String {
        let decimals = value == value.rounded() || value.magnitude >= 1_000 ? 0 : 1
        guard let halfWidth, halfWidth != 0 else { return fixed(value, decimals) }
        return fixed(value, decimals) + " " + Self.halfWidth(halfWidth, decimals)
    }
}
