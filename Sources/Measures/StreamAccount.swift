public import EventKernel

/// What is measured of a plain stream of messages; each is the response `stream.NAME.` plus the case's name.
public enum StreamMeasure: String, CaseIterable, Sendable {
    case published
    case delivered
    case lost
    case lostTime = "lost-time"
    case late
    case median = "latency.p50"
    case tail = "latency.p99"
    case longest = "latency.max"
    case burstLast = "burst-last"
    case firstDelivery = "first-delivery"
    case resumed
    case fresh
    case normal
    case outOfOrder = "out-of-order"
    case duplicates

    /// `count`, `share`, `ms`, `s` or `number`.
    public var unit: String {
        switch self {
        case .published, .lost, .late, .outOfOrder, .duplicates: "count"
        case .delivered: "share"
        case .median, .tail, .longest, .burstLast: "ms"
        case .lostTime, .firstDelivery, .resumed, .fresh, .normal: "s"
        }
    }

    /// What it says, for the reference page.
    public var meaning: String {
        switch self {
        case .published: "Messages published"
        case .delivered: "Share of (message, subscriber) pairs delivered before the horizon"
        case .lost: "Pairs that were not delivered before the horizon"
        case .lostTime: "The same as seconds of the stream"
        case .late: "Pairs delivered more than 1 s after the message was due"
        case .median: "Median time from when a message was due to its delivery"
        case .tail: "99th percentile of that time"
        case .longest: "Longest such time"
        case .burstLast: "Median over bursts of that time for a burst's last message"
        case .firstDelivery: "From time zero to the first delivery"
        case .resumed: "From the end of the last fault to the next delivery"
        case .fresh: "From the end of the last fault to the first delivery of a message that was due after it"
        case .normal: "From the end of the last fault until no delivery is more than 1 s late any more"
        case .outOfOrder: "Deliveries of a message after a later one"
        case .duplicates: "Deliveries of a message that its subscriber had before"
        }
    }

    /// `stream.NAME.MEASURE`.
    public func responseName(stream: String) -> String {
        "stream.\(stream).\(rawValue)"
    }
}

/// The deliveries of one stream to one subscriber, in the order in which they come.
///
/// Both back ends keep this account, so that one response never means two things. Times count from the start of the
/// run; latency counts from the instant at which a message was *due* by the schedule, whenever it was written.
public struct StreamAccount: Sendable {
    /// Messages due at one instant.
    public let burst: Int64
    /// When the last fault ends; `nil`: none ends.
    public let heal: SimTime?
    private var seen: [UInt64] = []
    private var newest: Int64 = -1
    public private(set) var delivered: Int64 = 0
    public private(set) var late: Int64 = 0
    public private(set) var outOfOrder: Int64 = 0
    public private(set) var duplicates: Int64 = 0
    public private(set) var latency = IntegerHistogram()
    /// Latencies of the last messages of bursts, in order.
    public private(set) var burstLast: [Int64] = []
    public private(set) var firstDelivery: SimTime?
    public private(set) var resumedAt: SimTime?
    /// First delivery of a message that was due after the heal. What a closed connection had written before may come
    /// out of its socket long before anything new can cross, and `resumedAt` takes that for traffic.
    public private(set) var freshAt: SimTime?
    public private(set) var lastLate: SimTime?

    /// Later than this is late.
    public static var lateness: SimDuration { .seconds(1) }

    public init(burst: Int64, heal: SimTime?) {
        precondition(burst >= 1)
        self.burst = burst
        self.heal = heal
    }

    /// Takes one delivery; `sequence` counts the stream's messages from 0.
    public mutating func deliver(sequence: UInt32, due: SimTime, at time: SimTime) {
        let word = Int(sequence >> 6)
        let bit = UInt64(1) << UInt64(sequence & 63)
        if word >= seen.count { seen.append(contentsOf: repeatElement(0, count: word + 1 - seen.count)) }
        guard seen[word] & bit == 0 else {
            duplicates += 1
            return
        }
        seen[word] |= bit
        delivered += 1
        if Int64(sequence) < newest { outOfOrder += 1 } else { newest = Int64(sequence) }
        let delay = time - due
        latency.record(delay.nanoseconds)
        if burst > 1, (Int64(sequence) + 1).isMultiple(of: burst) { burstLast.append(delay.nanoseconds) }
        if firstDelivery == nil { firstDelivery = time }
        if delay > Self.lateness { late += 1 }
        guard let heal, time >= heal else { return }
        if resumedAt == nil { resumedAt = time }
        if freshAt == nil, due > heal { freshAt = time }
        if delay > Self.lateness { lastLate = time }
    }

    /// The responses of a stream from the accounts of its subscribers.
    ///
    /// - Parameters:
    ///   - published: messages that were due before the horizon.
    ///   - perSecond: messages a second, bursts counted in full.
    public static func responses(
        name: String, published: Int64, perSecond: Double, accounts: [StreamAccount]
    ) -> [ResponseValue] {
        let delivered = accounts.reduce(0) { $0 + $1.delivered }
        let expected = published * Int64(accounts.count)
        var latency = IntegerHistogram()
        for account in accounts { latency.merge(account.latency) }
        func value(_ measure: StreamMeasure) -> Double? {
            switch measure {
            case .published: return Double(published)
            case .delivered: return expected == 0 ? nil : Double(delivered) / Double(expected)
            case .lost: return Double(expected - delivered)
            case .lostTime:
                return accounts.isEmpty
                    ? nil : Double(expected - delivered) / Double(accounts.count) / perSecond
            case .late: return Double(accounts.reduce(0) { $0 + $1.late })
            case .median: return latency.quantile(0.5).map { Double($0) / 1e6 }
            case .tail: return latency.quantile(0.99).map { Double($0) / 1e6 }
            case .longest: return latency.maximum.map { Double($0) / 1e6 }
            case .burstLast:
                let lasts = accounts.flatMap(\.burstLast).sorted()
                return lasts.isEmpty ? nil : Double(lasts[lasts.count / 2]) / 1e6
            case .firstDelivery: return accounts.compactMap(\.firstDelivery).min().map(Self.seconds)
            case .resumed: return Self.afterHeal(accounts, accounts.compactMap(\.resumedAt).min())
            case .fresh: return Self.afterHeal(accounts, accounts.compactMap(\.freshAt).min())
            case .normal:
                let ends = accounts.compactMap { account in
                    account.resumedAt.map { max($0, account.lastLate ?? $0) }
                }
                return Self.afterHeal(accounts, ends.max())
            case .outOfOrder: return Double(accounts.reduce(0) { $0 + $1.outOfOrder })
            case .duplicates: return Double(accounts.reduce(0) { $0 + $1.duplicates })
            }
        }
        return StreamMeasure.allCases.map {
            ResponseValue(name: $0.responseName(stream: name), unit: $0.unit, value: value($0))
        }
    }

    private static func seconds(_ time: SimTime) -> Double { Double(time.nanoseconds) / 1e9 }

    private static func afterHeal(_ accounts: [StreamAccount], _ time: SimTime?) -> Double? {
        guard let time, let heal = accounts.first?.heal else { return nil }
        return Double((time - heal).nanoseconds) / 1e9
    }
}
