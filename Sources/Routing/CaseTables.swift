import Network
import Scenario

/// The word that a step begins with.
enum CaseVerb: String, CaseIterable {
    case subscribe, unsubscribe, publish, request, connect, disconnect, kill, stop
    case lameDuck = "lame-duck"
    case start, cut, heal, wait, check, together, steer

    /// Whether it is something that a client or an operator does, as opposed to a look or a pause.
    var isAction: Bool {
        switch self {
        case .wait, .check, .together, .steer: false
        default: true
        }
    }

    /// What the step is called in messages.
    var title: String { "a step `\(rawValue)`" }
}

/// The keys of routing cases.
enum CaseTables {
    static let maximumServers = 32
    static let maximumActions = 10_000
    static let maximumClients = 1_000
    /// In one step.
    static let maximumTimes = 100_000
    /// In the whole case.
    static let maximumMessages = 1_000_000
    /// Upper end of expected copies.
    static let maximumCopies = 1_000_000_000

    static let routingCase = KeyTable(
        "a routing case",
        [
            Key("case", .text, required: true, "What the case states, as one sentence."),
            Key("about", .text, "Why it matters, or how it comes about."),
            Key("source", .text, "The test, document or ticket that the case pins down."),
            Key("versions", .table(versions), default: "all", "Releases on which the expectations hold."),
            Key("clusters", .text, "Clusters by name: a number of servers, or a mapping."),
            Key("servers", .text, "Settings of single servers, by name."),
            Key("deployment", .text, "Path of a deployment file, instead of clusters and wan."),
            Key("wan", .duration, 0...1e10, default: "0s", "One-way delay between clusters."),
            Key("clients", .text, "Clients that are connected before the first step, by name."),
            Key("steps", .text, required: true, "What happens, in order."),
        ])

    static let versions = KeyTable(
        "a range of versions",
        [
            Key("from", .text, "First release."),
            Key("before", .text, "First release that is no longer meant."),
        ])

    static let cluster = KeyTable(
        "a cluster",
        [
            Key("servers", .count, 1...32, default: "1", "Number of servers, or a list of their names."),
            Key("gateway", .text, default: "a gateway to every other cluster", "The gateway block, or `none`."),
            pingInterval,
        ])

    static let server = KeyTable(
        "the settings of a server",
        [
            Key("starts", .choice(["at once", "later"]), default: "at once", "Whether a step starts it."),
            Key("server-name", .text, default: "its name in the case", "`server_name`."),
            Key("routes", .list(.text), default: "all others of the cluster", "`cluster.routes`."),
            Key(
                "route-connect-retries", .count, 0...1_000, default: "0",
                "`cluster.connect_retries`, for routes that others told of."),
            Key("gateway", .text, default: "that of the cluster", "The gateway block, or `none`."),
            pingInterval,
        ])

    static let gateway = KeyTable(
        "a gateway",
        [
            Key("name", .text, default: "the cluster's name", "`gateway.name`."),
            Key("remotes", .text, default: "all other clusters", "`gateway.gateways`: endpoints by gateway name."),
            Key("advertise", .text, default: "the listen address", "`gateway.advertise`: an endpoint."),
            Key("reject-unknown", .flag, default: "false", "`gateway.reject_unknown_cluster`."),
            Key(
                "connect-retries", .count, 0...1_000, default: "0",
                "`gateway.connect_retries`, for clusters that others told of."),
        ])

    private static let pingInterval = Key("ping-interval", .duration, 1e7...3.6e12, default: "2min", "`ping_interval`.")

    static let client = KeyTable(
        "a client",
        [
            Key("server", .text, required: true, "The server it connects to."),
            Key("echo", .flag, default: "true", "Whether it gets its own messages."),
            Key("headers", .flag, default: "true", "Whether it says that it understands headers."),
            Key("no-responders", .flag, default: "true", "Whether it asks for 503 messages."),
        ])

    static let check = KeyTable(
        "a check",
        [
            Key("gateways", .text, "By server: gateways that it has an outbound connection to."),
            Key("routes", .text, "By server: servers that it has a route to."),
            Key("inbound", .text, "By server: number of inbound gateway connections."),
        ])

    static let steer = KeyTable(
        "a question to steering",
        [
            Key("mode", .choice(Steering.allCases.map(\.rawValue)), required: true, "How clients find a site."),
            Key("region", .text, required: true, "The client's own region, one of the sites."),
            Key("round-trips", .dictionary(.duration), 0...1e10, required: true, "Every site with its round trip."),
            Key("down", .list(.text), default: "none", "Sites that are down."),
            Key("after", .duration, 0...8.64e13, default: "10min", "How long they have been down."),
        ])

    /// Keys about what a step leads to. `answers` of a subscription means something else.
    static func outcome(_ verb: CaseVerb) -> [Key] {
        outcome.filter { verb != .subscribe || $0.name != "answers" }
    }

    private static let outcome = [
        Key("expect", .text, "Copies by receiver, or `nothing`."),
        Key("answers", .text, "Replies that reach the requesters."),
        Key("no-responders", .text, "503 messages that reach the publishers."),
        Key("crossings", .text, "Copies written to gateway connections."),
        Key("ordered", .flag, default: "true", "Whether the order of messages is compared."),
    ]

    /// The keys of a step; `isInside`: within `together`, where nothing is expected.
    static func step(_ verb: CaseVerb, isInside: Bool) -> KeyTable {
        let own = [Key(verb.rawValue, .text, required: true, "The verb.")] + details(verb)
        return KeyTable(verb.title, own + (verb.isAction || verb == .together ? isInside ? [] : outcome(verb) : []))
    }

    private static func details(_ verb: CaseVerb) -> [Key] {
        let times = Key("times", .count, 1...Double(maximumTimes), default: "1", "How many messages.")
        let headers = Key("headers", .flag, default: "false", "Whether the messages have headers.")
        switch verb {
        case .subscribe:
            return [
                Key("to", .text, required: true, "The subject."),
                Key("queue", .text, "The queue group."),
                Key("as", .text, default: "the subject", "A label for the subscription."),
                Key("max", .count, 1...1e9, "`UNSUB` with this maximum, right after `SUB`."),
                Key("answers", .flag, default: "false", "Whether it answers messages with a reply subject."),
                Key("answer-reply", .text, "The reply subject of these answers."),
            ]
        case .unsubscribe:
            return [
                Key("from", .text, required: true, "The label of the subscription."),
                Key("after", .count, 1...1e9, default: "at once", "`UNSUB` with this maximum."),
            ]
        case .publish:
            return [
                Key("to", .text, required: true, "The subject."), times,
                Key("reply", .text, "The reply subject."), headers,
            ]
        case .request:
            return [Key("to", .text, required: true, "The subject."), times, headers]
        case .check:
            return [Key("within", .duration, 1e7...6e11, default: "5s", "How long to wait for it.")]
        case .steer:
            return [Key("expect", .text, required: true, "The site, or `nobody`.")]
        case .wait, .connect, .disconnect, .kill, .stop, .lameDuck, .start, .cut, .heal, .together:
            return []
        }
    }
}
