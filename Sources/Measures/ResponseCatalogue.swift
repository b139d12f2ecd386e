/// A response that runs report and `expect` may bound.
public struct ResponseDefinition: Hashable, Sendable {
    public var name: String
    /// `share`, `ms`, `s`, `count`.
    public var unit: String
    public var meaning: String

    public init(_ name: String, _ unit: String, _ meaning: String) {
        self.name = name
        self.unit = unit
        self.meaning = meaning
    }
}

/// Every response by name: the one list that `expect`, the reference page and the report derive from.
public enum ResponseCatalogue {
    public static let all: [ResponseDefinition] = delivery + setup + people + losses + system

    /// The response of this name, if there is one; also those of streams, gateways and servers, whatever they are
    /// called.
    public static func definition(named name: String) -> ResponseDefinition? { byName[name] ?? named(name) }

    /// `stream.NAME.x`, `gateway.SERVER.REGION.x` and `server.SERVER.x`.
    private static func named(_ name: String) -> ResponseDefinition? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard !parts.contains(where: \.isEmpty) else { return nil }
        func tail(after count: Int) -> String? {
            parts.count > count ? parts[count...].joined(separator: ".") : nil
        }
        switch parts.first {
        case "stream":
            return tail(after: 2).flatMap(StreamMeasure.init).map { ResponseDefinition(name, $0.unit, $0.meaning) }
        case "gateway":
            return tail(after: 3).flatMap(GatewayMeasure.init).map { ResponseDefinition(name, $0.unit, $0.meaning) }
        case "server":
            return tail(after: 2).flatMap(ServerMeasure.init).map { ResponseDefinition(name, $0.unit, $0.meaning) }
        default: return nil
        }
    }

    /// `delivery.CLASS.PATH.PHASE.BOUND`.
    public static func deliveryName(
        _ contentName: String, path: PathKind?, phase: Phase?, bound: LatencyBound
    ) -> String {
        "delivery.\(contentName).\(path?.name ?? "all").\(phase?.name ?? "all").\(bound.name)"
    }

    /// `lost.CAUSE` with hyphens for spaces.
    public static func lossName(_ cause: LossCause) -> String {
        "lost." + String(cause.name.map { $0 == " " ? "-" : $0 })
    }

    /// Decodable video stands beside the classes: video whose chain back to a key frame is intact.
    public static let contents = MessageClass.allCases.map(\.name) + ["decodable-video"]
    public static let quantiles: [(name: String, value: Double)] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    private static let paths: [PathKind?] = [nil, .sameRegion, .crossRegion]
    private static let phases: [Phase?] = [nil, .before, .during, .after]

    private static let delivery: [ResponseDefinition] = contents.flatMap { content in
        paths.flatMap { path in
            phases.flatMap { phase in
                LatencyBound.allCases.map { bound in
                    ResponseDefinition(
                        deliveryName(content, path: path, phase: phase, bound: bound), "share",
                        "Share of expected \(content) pairs delivered, \(bound.name) after capture")
                }
            }
        }
    }

    private static let setup: [ResponseDefinition] = ["setup", "reconnect"].flatMap { kind in
        ["audio", "video"].flatMap { medium in
            paths.flatMap { path in
                quantiles.map { quantile in
                    ResponseDefinition(
                        "\(kind).\(medium).\(path?.name ?? "all").\(quantile.name)", "ms",
                        "\(quantile.name) of the time to the first playable \(medium) of a sending peer")
                }
            }
        } + [
            ResponseDefinition(
                "\(kind).succeeded", "share", "Share of uncensored setups that reached playable audio")
        ]
    }

    private static let people: [ResponseDefinition] = [
        ResponseDefinition("people.lost-session", "count", "People who lost a session against their will"),
        ResponseDefinition("people.returned", "share", "Share of those who had a session again before the horizon"),
        ResponseDefinition("people.gave-up", "count", "People who stopped trying"),
        ResponseDefinition(
            "people.interrupted-share", "share", "Person-pair seconds without media over those expected"),
        ResponseDefinition("people.interruptions", "count", "Gaps of more than 2 s in the media of a sending peer"),
        ResponseDefinition("calls.split", "count", "Rooms in which two connected people had no path both ways"),
    ]

    private static let losses: [ResponseDefinition] = LossCause.allCases.map {
        ResponseDefinition(lossName($0), "count", "Pairs lost: \($0.name)")
    }

    private static let system: [ResponseDefinition] = [
        ResponseDefinition(
            "recovery.time", "s",
            "From the first fault to the first second from which 99 % of audio pairs arrive within 400 ms for 30 s"),
        ResponseDefinition("delivery.expected-pairs", "count", "Pairs expected"),
        ResponseDefinition("station.peak-utilisation", "share", "Highest utilisation of any station in any second"),
        ResponseDefinition("station.utilisation", "share", "Highest utilisation of any station over the run"),
        ResponseDefinition("gateway.usable", "s", "From time zero to all gateways registered both ways"),
        ResponseDefinition("gateway.closed", "s", "From the first fault to the last gateway connection closed by it"),
        ResponseDefinition("gateway.restored", "s", "From the end of the last fault to all gateways registered again"),
        ResponseDefinition("raw.delivered", "share", "Share of raw publishers' expected deliveries that arrived"),
        ResponseDefinition("raw.latency.p50", "ms", "Median latency of raw publishers' deliveries"),
        ResponseDefinition("raw.latency.p99", "ms", "99th percentile of the same"),
        ResponseDefinition("quality.mos", "number", "Median over pairs of the E-model's mean opinion score"),
        ResponseDefinition("quality.freeze-share", "share", "Share of expected video time in which the picture stood"),
    ]
}
