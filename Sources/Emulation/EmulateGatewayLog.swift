import EventKernel
import Foundation
import Glibc
import Measures
import Scenario

/// What a server's log says about its gateways.
///
/// A line is `[pid] 2026/11/23 18:04:10.223392 [INF] 10.2.1.1:7222 - gid:1 - Outbound gateway connection to "B" (ID)
/// registered`; the same for 2.9 to 2.15, where later ones add words behind.
struct GatewayLog {
    struct Entry: Hashable {
        enum What: Hashable {
            /// The name of the gateway at the other end.
            case outbound(String)
            case inbound(String)
            case closed(String)
            /// A sentence that tells why something is about to happen.
            case note(String)
        }

        var pid: Int
        /// Nanoseconds of the real-time clock since 1970.
        var time: Int64
        var connection: Int
        var what: What
    }

    /// In order of time, which the lines of one log are not always.
    let entries: [Entry]

    /// - Parameter offset: seconds from UTC to the server's local time.
    init(_ text: String, offset: Int64) {
        entries = text.utf8.split(separator: 0x0A).compactMap { Self.entry(Substring($0), offset) }
            .enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    private static func entry(_ line: Substring, _ offset: Int64) -> Entry? {
        guard let mark = line.range(of: " - gid:") else { return nil }
        let rest = line[mark.upperBound...]
        guard let connection = Int(rest.prefix { $0.isNumber }), let dash = rest.range(of: " - ") else { return nil }
        let words = line.split(separator: " ", maxSplits: 4)
        guard words.count == 5, let pid = Int(words[0].dropFirst().dropLast()),
            let time = time(words[1], words[2], offset), let what = what(rest[dash.upperBound...])
        else { return nil }
        return Entry(pid: pid, time: time, connection: connection, what: what)
    }

    private static func what(_ text: Substring) -> Entry.What? {
        func quoted() -> String? {
            let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
            return parts.count >= 3 ? String(parts[1]) : nil
        }
        if text.hasPrefix("Outbound gateway connection to "), text.contains(" registered") {
            return quoted().map { .outbound($0) }
        }
        if text.hasPrefix("Inbound gateway connection from "), text.contains(" registered") {
            return quoted().map { .inbound($0) }
        }
        if text.hasPrefix("Gateway connection closed: ") {
            return .closed(String(text.dropFirst("Gateway connection closed: ".count)))
        }
        return text.hasPrefix("Slow Consumer Detected") ? .note(String(text)) : nil
    }

    /// `2026/11/23` and `18:04:10.223392`.
    private static func time(_ date: Substring, _ clock: Substring, _ offset: Int64) -> Int64? {
        let days = date.split(separator: "/").compactMap { Int32($0) }
        let halves = clock.split(separator: ".")
        let hours = halves[0].split(separator: ":").compactMap { Int32($0) }
        guard days.count == 3, hours.count == 3, halves.count == 2, halves[1].count <= 9,
            let fraction = Int64(halves[1])
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (days[0] - 1900, days[1] - 1, days[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hours[0], hours[1], hours[2])
        var nanoseconds = fraction
        for _ in halves[1].count..<9 { nanoseconds *= 10 }
        return (Int64(timegm(&parts)) - offset) * 1_000_000_000 + nanoseconds
    }

    /// Seconds that local time is ahead of UTC now.
    static var localOffset: Int64 {
        var now = Glibc.time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return Int64(parts.tm_gmtoff)
    }
}

/// The gateway connections of one server over a run, from its log and from what was done to its process.
struct GatewayHistory {
    private(set) var events: [GatewayEvent] = []
    private(set) var notes: [(time: SimTime, text: String)] = []

    private struct Live {
        var region: Int
        var isOutbound: Bool
    }

    /// - Parameters:
    ///   - kills: when its process was killed; its connections end with it, and nothing writes that down.
    ///   - time: of the run, from one of the log.
    init(
        _ log: GatewayLog, server: Int, of deployment: EmulatedDeployment, kills: [SimTime], time: (Int64) -> SimTime
    ) {
        let place = deployment.servers[server]
        var live: [Int: Live] = [:]
        var kills = kills[...]
        func add(_ live: Live, _ isRegistered: Bool, _ time: SimTime, _ why: String) {
            let region = deployment.regions[live.region].name
            // What was there before time zero was there at time zero.
            events.append(
                GatewayEvent(
                    time: max(.start, time), server: place.name, region: region, isOutbound: live.isOutbound,
                    isRegistered: isRegistered))
            guard time >= .start else { return }
            notes.append((time, "\(live.isOutbound ? "outbound gateway to" : "inbound gateway from") \(region) \(why)"))
        }
        func end(at time: SimTime) {
            for connection in live.keys.sorted() { add(live[connection]!, false, time, "dies with the server") }
            live = [:]
        }
        for entry in log.entries {
            let now = time(entry.time)
            while let kill = kills.first, kill <= now {
                end(at: kill)
                kills.removeFirst()
            }
            switch entry.what {
            case .outbound(let name), .inbound(let name):
                var isOutbound = false
                if case .outbound = entry.what { isOutbound = true }
                guard let region = deployment.region(named: name, from: place.region) else { continue }
                let one = Live(region: region, isOutbound: isOutbound)
                live[entry.connection] = one
                add(one, true, now, "registered")
            case .closed(let reason):
                guard let one = live.removeValue(forKey: entry.connection) else { continue }
                add(one, false, now, "closed: \(reason)")
            case .note(let text):
                guard now >= .start, let one = live[entry.connection] else { continue }
                notes.append((now, "gateway \(one.isOutbound ? "to" : "from") \(deployment.regions[one.region].name): \(text)"))
            }
        }
        for kill in kills { end(at: kill) }
    }
}
