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

    /// A time for a narrow table: at most `cellLimit` characters, whatever the numbers. Milliseconds go without unit.
    ///
    /// - Parameter range: the extremes, which take the place of the interval where it is wider than the mean: an
    ///   interval that reaches below zero says nothing about a time.
    static func timeCell(milliseconds: Double, halfWidth: Double?, range: ClosedRange<Double>? = nil) -> String {
        let usual = time(milliseconds: milliseconds, halfWidth: halfWidth, isBare: true)
        guard milliseconds.isFinite else { return usual }
        if let halfWidth, halfWidth > milliseconds, let range { return timeRange(range) }
        if usual.count <= cellLimit { return usual }
        let half = halfWidth.flatMap { $0 == 0 ? nil : $0 }
        for (divisor, unit) in [(1_000.0, "s"), (60_000.0, "min"), (3_600_000.0, "h")] {
            for decimals in [1, 0] {
                let interval = half.map { " " + Self.halfWidth($0 / divisor, decimals) } ?? ""
                let text = fixed(milliseconds / divisor, decimals) + " " + unit + interval
                if text.count <= cellLimit { return text }
            }
        }
        return milliseconds / 3_600_000 < 9_999.5 ? fixed(milliseconds / 3_600_000, 0) + " h" : overlong
    }

    /// `3.2-912 s`: from the least to the most, in the unit that suits the most.
    private static func timeRange(_ range: ClosedRange<Double>) -> String {
        let scales = [(1.0, "", 9_999.5), (1_000, " s", 999.5), (60_000, " min", 999.5), (3_600_000, " h", 9_999.5)]
        for (divisor, unit, limit) in scales where range.upperBound / divisor < limit {
            let ends = [range.lowerBound, range.upperBound].map { end in
                // A zero says that it was zero, not that it was little.
                fixed(end / divisor, end / divisor < 9.95 && end != 0 ? 1 : 0)
            }
            return ends.joined(separator: rangeSign) + unit
        }
        return overlong
    }

    private static let overlong = ">9,999 h"
    private static let rangeSign = "\u{2013}"
    /// Characters of a cell in the tables of the summary.
    static let cellLimit = 11

    /// A share for a narrow table, in percent without the sign; the extremes where the interval is wider than the mean.
    static func percentCell(_ share: Double, halfWidth: Double?, range: ClosedRange<Double>?) -> String {
        if let halfWidth, halfWidth > share, let range {
            return percent(range.lowerBound) + rangeSign + percent(range.upperBound)
        }
        let usual = percent(share, halfWidth: halfWidth)
        return usual.count <= cellLimit ? usual : percent(share)
    }

    /// `never 2/5`: in how many replications it never happened.
    static func neverCell(_ never: Int, of total: Int) -> String {
        let usual = "never \(never)/\(total)"
        if usual.count <= cellLimit { return usual }
        return never == total ? "never" : "never " + (never * 100 < total ? "<1" : "\(never * 100 / total)") + " %"
    }

    /// A mean with its interval, or the extremes where the interval is wider than the mean.
    static func value(_ value: Double, unit: String, halfWidth: Double?, range: ClosedRange<Double>?) -> String {
        guard let halfWidth, halfWidth > value, let range else {
            return self.value(value, unit: unit, halfWidth: halfWidth)
        }
        return self.value(range.lowerBound, unit: unit) + " to " + self.value(range.upperBound, unit: unit)
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

    /// A measured value beside others of its unit: four digits, in the response's own unit, so that columns compare.
    static func quantity(_ value: Double, unit: String) -> String {
        switch unit {
        case "share": percent(value) + " %"
        case "points": percent(value) + " pp"
        case "count": count(value)
        default: fourDigits(value) + (unit == "number" || !value.isFinite ? "" : " " + unit)
        }
    }

    /// `0`, `0.0123`, `1.951`, `117.3`, `2,411`: as many decimals as about four digits leave.
    static func fourDigits(_ value: Double) -> String {
        if value == 0 { return "0" }
        let decimals =
            switch value.magnitude {
            case ..<0.1: 4
            case ..<10: 3
            case ..<100: 2
            case ..<1_000: 1
            default: 0
            }
        return value > 0 && value < 0.000_05 ? "<0.0001" : fixed(value, decimals)
    }

    /// A mean of counts: whole where it is whole or large.
    static func count(_ value: Double, halfWidth: Double? = nil) -> String {
        let decimals = value == value.rounded() || value.magnitude >= 1_000 ? 0 : 1
        guard let halfWidth, halfWidth != 0 else { return fixed(value, decimals) }
        return fixed(value, decimals) + " " + Self.halfWidth(halfWidth, decimals)
    }
}
