public import EventKernel
public import Parameters

/// Settings of geographic DNS steering with health checks.
public struct SteeringParameters: Hashable, Sendable {
    public var healthInterval = SimDuration.seconds(60)
    public var healthTimeout = SimDuration.seconds(5)
    public var healthRetries: Int64 = 2
    public var consecutiveDown: Int64 = 1
    public var consecutiveUp: Int64 = 1
    public var propagation = SimDuration.seconds(3)
    public var timeToLive = SimDuration.seconds(60)
    public var browserCache = SimDuration.seconds(60)
    public var violators = 0.05
    public var violatorMaximum = SimDuration.seconds(3_600)
    public var missteered = 0.03

    public init() {}
}

extension SteeringParameters: Parameterised {
    public static var section: String { "dns" }

    public static var parameters: [Parameter<SteeringParameters>] {
        let monitor = "Cloudflare documentation, load-balancing monitors"
        return [
            Parameter(
                "health-interval", .duration(\.healthInterval), 1e9...1e13,
                "Interval of health checks (60 s on the Pro plan).",
                source: monitor, .published),
            Parameter(
                "health-timeout", .duration(\.healthTimeout), 1e8...1e12, "Wait for one health check.", source: monitor,
                .published),
            Parameter(
                "health-retries", .count(\.healthRetries), 0...100,
                "Immediate repeats before a check counts as failed.",
                source: monitor, .published),
            Parameter(
                "consecutive-down", .count(\.consecutiveDown), 1...100, "Failed checks in a row that take a site out.",
                source: monitor, .published),
            Parameter(
                "consecutive-up", .count(\.consecutiveUp), 1...100, "Good checks in a row that bring it back.",
                source: monitor, .published),
            Parameter(
                "propagation", .duration(\.propagation), 0...1e12, "From a verdict to changed answers (1 to 5 s).",
                source: "Cloudflare documentation, load-balancing FAQ", .derived),
            Parameter(
                "time-to-live", .duration(\.timeToLive), 0...1e14, "TTL of an unproxied record.",
                source: "Cloudflare documentation, dns/manage-dns-records/reference/ttl", .published),
            Parameter(
                "browser-cache", .duration(\.browserCache), 0...1e14,
                "Time for which a browser keeps an answer whatever its TTL.",
                source: "textslashplain.com, Chromium's DNS cache", .published),
            Parameter(
                "violators", .share(\.violators), 0...1, "Share of people whose resolver stretches the TTL.",
                source: "estimate after RIPE Labs, DNS TTL violations in the wild", .assumption),
            Parameter(
                "violator-maximum", .duration(\.violatorMaximum), 0...1e14, "Longest stretched TTL.",
                source: "estimate", .assumption),
            Parameter(
                "missteered", .share(\.missteered), 0...1,
                "Share of people whose resolver is placed in the wrong region.",
                source: "estimate", .assumption),
        ]
    }
}
