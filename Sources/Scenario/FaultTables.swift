/// Ranges that a link's own values and the faults that change them share.
enum LinkRanges {
    static let mostLoss = 0.999
    static let burst = 1.0...1_000.0
    static let bandwidth = 1_000.0...1e13
}

extension FormatTables {
    static let fault = KeyTable(
        "a fault",
        [
            Key("at", .duration, 0...maximumHorizon, required: true, "When it begins, from time zero."),
            Key("for", .duration, 0...maximumHorizon, default: "until the horizon", "How long it holds."),
            Key(
                "fault", .choice(FaultKind.allCases.map(\.rawValue)), required: true,
                "What happens; see the table of faults."),
            Key("site", .text, "Region that is hit, by name."),
            Key("link", .text, "Link that is hit: `us-east/singapore`."),
            Key("server", .text, "NATS server that is hit: `singapore/nats-0`."),
            Key("relay", .text, "Relay process that is hit: `singapore/wt-0`."),
            Key(
                "from", .text, default: "both directions",
                "End of the link whose outgoing packets alone are dropped by a `wan-cut`."),
            Key(
                "to", .either([.duration, .share, .bandwidth]),
                "What the fault sets: the round trip, jitter, loss or bandwidth of the link."),
            Key(
                "burst", .number, LinkRanges.burst, default: "1", "Mean number of packets that a `loss` takes in a row."
            ),
        ])
}

/// The words of `fault:`.
enum FaultKind: String, CaseIterable, Sendable {
    case blackHole = "black-hole"
    case powerLoss = "power-loss"
    case refused
    case wanCut = "wan-cut"
    case roundTrip = "round-trip"
    case loss
    case jitter
    case bandwidth
    case serverKill = "server-kill"
    case relayKill = "relay-kill"

    /// The key that names its target.
    var targetKey: String {
        switch self {
        case .blackHole, .powerLoss, .refused: "site"
        case .wanCut, .roundTrip, .loss, .jitter, .bandwidth: "link"
        case .serverKill: "server"
        case .relayKill: "relay"
        }
    }

    /// How `to` is written; `nil`: it has no such value.
    var value: Key? {
        switch self {
        case .roundTrip: Key("to of round-trip", .duration, 1e6...1e10, "")
        case .loss: Key("to of loss", .share, 0...LinkRanges.mostLoss, "")
        case .jitter: Key("to of jitter", .duration, 0...1e10, "")
        case .bandwidth: Key("to of bandwidth", .bandwidth, LinkRanges.bandwidth, "")
        case .blackHole, .powerLoss, .refused, .wanCut, .serverKill, .relayKill: nil
        }
    }

    /// The keys that belong to this kind and not to every one, but for its target.
    var ownKeys: [String] {
        switch self {
        case .wanCut: ["from"]
        case .loss: ["to", "burst"]
        case .roundTrip, .jitter, .bandwidth: ["to"]
        case .blackHole, .powerLoss, .refused, .serverKill, .relayKill: []
        }
    }

    var meaning: String {
        switch self {
        case .blackHole: "Packets to and from the site are dropped; processes live on and keep their state."
        case .powerLoss: "Processes of the site are dead; they start empty when the fault ends."
        case .refused: "The site's load balancer lives, its back ends are dead: connections are reset."
        case .wanCut: "The link between two regions drops every packet, or those alone that leave the region `from`."
        case .roundTrip: "The link's round trip becomes `to`; several at a time add their differences."
        case .loss: "The link loses the share `to` of its packets at random, in place of its own loss."
        case .jitter: "The link's jitter becomes `to`."
        case .bandwidth: "The link's capacity in each direction becomes `to`."
        case .serverKill: "One NATS server dies, and starts empty when the fault ends."
        case .relayKill: "One relay process dies, and starts empty when the fault ends."
        }
    }
}
