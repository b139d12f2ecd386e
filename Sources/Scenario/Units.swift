import EventKernel

/// The grammar of values with units: text is parsed once, here, into integers of a base unit.
///
/// A quantity is a decimal number followed directly by its unit: `1.5s`, `64KiB`, `10Mbit/s`, `12/min`. A
/// duration may join several, largest first: `1h30min`.
enum Units {
    struct Unit {
        var name: String
        /// Base units in one of this.
        var factor: Int64
        /// Other spellings that people use; refused, but the message names the right one.
        var alsoMeant: [String]

        init(_ name: String, _ factor: Int64, _ alsoMeant: [String] = []) {
            self.name = name
            self.factor = factor
            self.alsoMeant = alsoMeant
        }
    }

    /// Base unit: nanosecond.
    static let durations = [
        Unit("ns", 1, ["nsec", "nanosecond", "nanoseconds"]),
        Unit("us", 1_000, ["usec", "µs", "μs", "microsecond", "microseconds"]),
        Unit("ms", 1_000_000, ["msec", "millis", "millisecond", "milliseconds"]),
        Unit("s", 1_000_000_000, ["sec", "secs", "second", "seconds"]),
        Unit("min", 60_000_000_000, ["m", "mins", "minute", "minutes"]),
        Unit("h", 3_600_000_000_000, ["hr", "hrs", "hour", "hours"]),
        Unit("d", 86_400_000_000_000, ["day", "days"]),
    ]

    /// Base unit: byte.
    static let sizes = [
        Unit("B", 1, ["b", "byte", "bytes"]),
        Unit("KB", 1_000, ["k", "kb"]),
        Unit("MB", 1_000_000, ["m", "mb"]),
        Unit("GB", 1_000_000_000, ["g", "gb"]),
        Unit("KiB", 1_024, ["ki", "kib"]),
        Unit("MiB", 1_048_576, ["mi", "mib"]),
        Unit("GiB", 1_073_741_824, ["gi", "gib"]),
    ]

    /// Base unit: bit per second.
    static let bandwidths = [
        Unit("bit/s", 1, ["bps", "bit"]),
        Unit("kbit/s", 1_000, ["kbps", "kbit"]),
        Unit("Mbit/s", 1_000_000, ["mbps", "mbit"]),
        Unit("Gbit/s", 1_000_000_000, ["gbps", "gbit"]),
    ]

    /// The factor is the length of the period in seconds.
    static let rates = [
        Unit("/s", 1, ["/sec", "/second", "hz", "ps"]),
        Unit("/min", 60, ["/m", "/minute"]),
        Unit("/h", 3_600, ["/hr", "/hour"]),
        Unit("/d", 86_400, ["/day"]),
    ]
}

/// Why a text is not a quantity.
struct UnitError: Error, Hashable {
    var message: String
    var suggestion: String?
}

/// A decimal number without loss: `digits` times ten to the power of minus `decimals`.
struct Decimal64: Hashable {
    var isNegative: Bool
    var digits: Int64
    var decimals: Int

    var value: Double {
        var divisor = 1.0
        for _ in 0..<decimals { divisor *= 10 }
        return (isNegative ? -1 : 1) * Double(digits) / divisor
    }

    /// The number times `factor`; `nil` if that is not whole or does not fit.
    func times(_ factor: Int64) -> Int64? {
        var divisor: Int64 = 1
        for _ in 0..<decimals { divisor *= 10 }
        let product = digits.multipliedFullWidth(by: factor)
        let low = product.low
        guard product.high == 0, low <= UInt64(Int64.max) else {
            // Wide products still fit if the divisor brings them back; dividingFullWidth traps on overflow, so test.
            guard product.high < divisor / 2 else { return nil }
            let (quotient, remainder) = divisor.dividingFullWidth(product)
            return remainder == 0 ? (isNegative ? -quotient : quotient) : nil
        }
        guard Int64(low) % divisor == 0 else { return nil }
        let quotient = Int64(low) / divisor
        return isNegative ? -quotient : quotient
    }

    /// Reads a leading number such as `12`, `0.5` or `-3`; `nil` if there is none or it has more than 18 digits.
    static func scan(_ text: inout Substring) -> Decimal64? {
        var rest = text
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest = rest.dropFirst() }
        var result = Decimal64(isNegative: isNegative, digits: 0, decimals: 0)
        var count = 0
        var sawPoint = false
        var last: Character = " "
        while let character = rest.first {
            if let digit = character.wholeNumberValue, character.isASCII {
                count += 1
                guard count <= 18 else { return nil }
                result.digits = result.digits * 10 + Int64(digit)
                if sawPoint { result.decimals += 1 }
            } else if character == ".", !sawPoint, count > 0 {
                sawPoint = true
            } else {
                break
            }
            last = character
            rest = rest.dropFirst()
        }
        guard count > 0, last != "." else { return nil }
        text = rest
        return result
    }
}

extension Units {
    /// Parses `1.5s` or `1h30min` into nanoseconds.
    static func duration(_ text: String) throws(UnitError) -> SimDuration {
        var rest = Substring(text)
        var total: Int64 = 0
        var previous = Int64.max
        repeat {
            let (number, unit) = try quantity(&rest, of: durations, what: "a duration", example: "40ms", whole: text)
            guard let part = number.times(unit.factor) else {
                throw UnitError(
                    message: "expected a duration in whole nanoseconds below 292 years, found \(quoted(text))")
            }
            guard unit.factor < previous, part >= 0 || rest.isEmpty else {
                throw UnitError(message: "expected the parts of a duration from large to small, found \(quoted(text))")
            }
            previous = unit.factor
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else {
                throw UnitError(message: "expected a duration below 292 years, found \(quoted(text))")
            }
            total = sum
        } while !rest.isEmpty
        return SimDuration(nanoseconds: total)
    }

    /// Parses `64KiB` into bytes.
    static func size(_ text: String) throws(UnitError) -> Int64 {
        try whole(text, of: sizes, what: "a size", example: "64KiB", base: "bytes")
    }

    /// Parses `10Mbit/s` into bits per second.
    static func bandwidth(_ text: String) throws(UnitError) -> Int64 {
        try whole(text, of: bandwidths, what: "a bandwidth", example: "10Mbit/s", base: "bits per second")
    }

    /// Parses `12/min` into events per second.
    static func rate(_ text: String) throws(UnitError) -> Double {
        var rest = Substring(text)
        let (number, unit) = try quantity(&rest, of: rates, what: "a rate", example: "50/s", whole: text)
        return number.value / Double(unit.factor)
    }

    /// Parses `300m` or `2` into thousandths of a core.
    static func cpu(_ text: String) throws(UnitError) -> Int64 {
        var rest = Substring(text)
        let wrong = "expected CPU cores such as 2 or 300m, found \(quoted(text))"
        guard let number = Decimal64.scan(&rest), rest.isEmpty || rest == "m" else { throw UnitError(message: wrong) }
        guard let value = number.times(rest == "m" ? 1 : 1_000) else {
            throw UnitError(message: "expected CPU in whole thousandths of a core, found \(quoted(text))")
        }
        return value
    }

    /// Parses `4%` or `0.04`.
    static func share(_ text: String) throws(UnitError) -> Double {
        var rest = Substring(text)
        guard let number = Decimal64.scan(&rest), rest.isEmpty || rest == "%" else {
            throw UnitError(message: "expected a share such as 4% or 0.04, found \(quoted(text))")
        }
        guard rest == "%" else { return number.value }
        var shifted = number
        shifted.decimals += 2
        return shifted.value
    }

    /// Parses a whole number without unit.
    static func count(_ text: String) throws(UnitError) -> Int64 {
        var rest = Substring(text)
        guard let number = Decimal64.scan(&rest), rest.isEmpty, let value = number.times(1) else {
            throw UnitError(message: "expected a whole number, found \(quoted(text))")
        }
        return value
    }

    /// Parses a number without unit.
    static func number(_ text: String) throws(UnitError) -> Double {
        var rest = Substring(text)
        guard let number = Decimal64.scan(&rest), rest.isEmpty else {
            throw UnitError(message: "expected a number, found \(quoted(text))")
        }
        return number.value
    }

    private static func whole(
        _ text: String, of units: [Unit], what: String, example: String, base: String
    ) throws(UnitError) -> Int64 {
        var rest = Substring(text)
        let (number, unit) = try quantity(&rest, of: units, what: what, example: example, whole: text)
        guard let value = number.times(unit.factor), rest.isEmpty else {
            throw UnitError(message: "expected \(what) in whole \(base), found \(quoted(text))")
        }
        return value
    }

    /// Takes one number with unit off the front of `rest`.
    private static func quantity(
        _ rest: inout Substring, of units: [Unit], what: String, example: String, whole: String
    ) throws(UnitError) -> (Decimal64, Unit) {
        let start = rest
        guard let number = Decimal64.scan(&rest) else {
            throw UnitError(message: "expected \(what) such as \(example), found \(quoted(whole))")
        }
        let spelled = start[..<rest.startIndex]
        let unitText = String(rest.prefix { !($0.isASCII && $0.isWholeNumber) })
        if let unit = units.first(where: { $0.name == unitText }) {
            rest = rest.dropFirst(unitText.count)
            return (number, unit)
        }
        let known = units.map(\.name).joined(separator: " ")
        if unitText.isEmpty {
            throw UnitError(message: "expected \(what) with a unit (\(known)), found \(quoted(whole))")
        }
        let bare = String(unitText.filter { $0 != " " })
        let meant =
            units.first { $0.name == bare } ?? units.first { $0.alsoMeant.contains(bare.lowercased()) }
            ?? units.first { $0.name.lowercased() == bare.lowercased() }
        let suggestion = meant.map { whole[..<start.startIndex] + spelled + $0.name + rest.dropFirst(unitText.count) }
        let reason = bare == "m" && what == "a duration" ? "m is a unit of CPU only; " : ""
        throw UnitError(
            message: "\(reason)expected \(what) with one of the units \(known), found \(quoted(whole))",
            suggestion: suggestion.map { String($0) })
    }
}
