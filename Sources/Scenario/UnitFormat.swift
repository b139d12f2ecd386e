import EventKernel

/// Writes base units the way a person would; what it writes, `Units` reads back to the same value.
package enum UnitFormat {
    package static func duration(_ nanoseconds: Int64) -> String {
        nanoseconds == 0 ? "0s" : scaled(nanoseconds, Units.durations)
    }

    static func size(_ bytes: Int64) -> String {
        let binary = scaled(bytes, Units.sizes.filter { $0.name == "B" || $0.name.hasSuffix("iB") })
        let decimal = scaled(bytes, Units.sizes.filter { !$0.name.hasSuffix("iB") })
        // The shorter text is the one that was meant: 1MiB, but 65KB.
        return binary.count <= decimal.count ? binary : decimal
    }

    static func bandwidth(_ bitsPerSecond: Int64) -> String { scaled(bitsPerSecond, Units.bandwidths) }

    static func cpu(_ thousandths: Int64) -> String {
        thousandths % 1_000 == 0 ? "\(thousandths / 1_000)" : "\(thousandths)m"
    }

    static func share(_ value: Double) -> String { number(value * 100) + "%" }

    static func rate(_ perSecond: Double) -> String { number(perSecond) + "/s" }

    /// Whole numbers without a point, others with at most six decimals and no trailing zeros.
    static func number(_ value: Double) -> String {
        guard value.magnitude < 1e12 else { return "\(value)" }
        let millionths = Int64((value * 1e6).rounded())
        let whole = (millionths / 1_000_000).magnitude
        var decimals = String((millionths % 1_000_000).magnitude)
        decimals = String(repeating: "0", count: 6 - decimals.count) + decimals
        while decimals.hasSuffix("0") { decimals.removeLast() }
        return (millionths < 0 ? "-" : "") + "\(whole)" + (decimals.isEmpty ? "" : "." + decimals)
    }

    /// The largest unit that needs no more than one decimal.
    private static func scaled(_ value: Int64, _ units: [Units.Unit]) -> String {
        for unit in units.sorted(by: { $0.factor > $1.factor }) where value >= unit.factor {
            let (product, overflow) = (value % unit.factor).multipliedReportingOverflow(by: 10)
            guard !overflow, product % unit.factor == 0 else { continue }
            let tenths = product / unit.factor
            return "\(value / unit.factor)" + (tenths == 0 ? "" : ".\(tenths)") + unit.name
        }
        return "\(value)" + (units.first { $0.factor == 1 }?.name ?? "")
    }
}
