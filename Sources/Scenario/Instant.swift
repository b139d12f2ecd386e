/// Instants of the calendar as seconds since 1970, for `start`.
enum Instant {
    /// Parses `2026-11-17T13:30:00Z` (seconds may be left out); `nil` if the text is anything else.
    static func parse(_ text: String) -> Int64? {
        guard text.hasSuffix("Z") else { return nil }
        let halves = text.dropLast().split(separator: "T", omittingEmptySubsequences: false)
        guard halves.count == 2, let date = numbers(halves[0], "-", [4, 2, 2]) else { return nil }
        guard let time = numbers(halves[1], ":", [2, 2, 2]) ?? numbers(halves[1], ":", [2, 2]) else { return nil }
        let (year, month, day) = (date[0], date[1], date[2])
        let second = time.count == 3 ? time[2] : 0
        guard (1970...2999).contains(year), (1...12).contains(month), (1...days(in: month, of: year)).contains(day),
            time[0] < 24, time[1] < 60, second < 60
        else { return nil }
        return Int64(daysSince1970(year, month, day)) * 86_400 + Int64(time[0] * 3_600 + time[1] * 60 + second)
    }

    private static func numbers(_ text: Substring, _ separator: Character, _ widths: [Int]) -> [Int]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == widths.count else { return nil }
        var result: [Int] = []
        for (part, width) in zip(parts, widths) {
            guard part.utf8.count == width, part.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(part)
            else { return nil }
            result.append(number)
        }
        return result
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func days(in month: Int, of year: Int) -> Int {
        [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        var total = day - 1
        for earlier in 1970..<year { total += isLeap(earlier) ? 366 : 365 }
        for earlier in 1..<month { total += days(in: earlier, of: year) }
        return total
    }
}
