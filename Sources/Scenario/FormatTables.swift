import CallModel
import NATSModel
import Network
import Parameters

/// The keys of scenario files that belong to no model room.
enum FormatTables {
    static let maximumHorizon = 7.0 * 86_400e9
    /// The payload limit of nats-server by default (`max_payload`), and the largest that a simulated message can be.
    static let maximumPayload = 1_048_576.0

    static let scenario = KeyTable(
        "a scenario",
        [
            Key("name", .text, default: "the file's name", "Name in listings and reports."),
            Key(
                "kind", .choice(Scenario.Kind.allCases.map(\.rawValue)), default: "terminating",
                "`terminating`: the run has a natural end; `steady`: it stands for an unchanging state."),
            Key(
                "start", .text,
                "UTC instant of time zero, ISO 8601 with `Z`. Needed where a population's day has a shape."),
            Key(
                "initial", .choice(Scenario.Initial.allCases.map(\.rawValue)), default: "steady",
                "`steady`: calls in progress as in equilibrium; `empty`: nobody there, servers just starting."
            ),
            Key("horizon", .duration, 1e8...maximumHorizon, required: true, "Length of the run."),
            Key("seed", .count, 0...1.8446744073709552e19, default: "1", "Seed of all random numbers, 64 bits."),
            Key(
                "replications", .count, 1...1_000, default: "5",
                "Independent repetitions, from which intervals are computed; at least 2 for any interval."),
            Key(
                "deployment", .either([.text, .table(DeploymentTables.deployment)]), required: true,
                "Path of a deployment file, relative to this file, or the deployment itself."),
            Key(
                "populations", .named(population),
                "The people who call, by place. One of populations and publishers is needed."),
            Key(
                "publishers", .list(.table(publisher)),
                "Plain NATS publishers without relay or client, for calibration."),
            Key(
                "steering", .choice(Steering.allCases.map(\.rawValue)), default: "election",
                "How clients find a site: own measurements, geographic DNS, DNS with a proxy, or always their region."
            ),
            Key(
                "profile", .choice(Profile.allCases.map(\.rawValue)), default: Profile.videocall2026.rawValue,
                "Release of the service; sets defaults before the sections below are applied."),
            Key("relay", .table(KeyTable(section: RelayParameters.self)), "Settings of the relays."),
            Key("client", .table(KeyTable(section: ClientParameters.self)), "Settings of the browser client."),
            Key("media", .table(KeyTable(section: MediaParameters.self)), "What a participant sends."),
            Key("nats", .table(KeyTable(section: ServerParameters.self)), "Settings of the NATS servers."),
            Key("dns", .table(KeyTable(section: SteeringParameters.self)), "Settings of DNS steering."),
            Key("timeline", .list(.table(fault)), default: "no faults", "The faults of the rehearsal."),
            Key("expect", .list(.table(expectation)), default: "no bounds", "Bounds that decide the verdict."),
            Key(
                "calibration", .table(calibration), default: "none",
                "What `validate` compares between the model and real servers."),
        ])

    static let population = KeyTable(
        "a population",
        [
            Key(
                "region", .text, required: true,
                "Region that these people belong to: same and cross region are told by it."),
            Key(
                "place", .choice(Places.all.map(\.name)),
                "City; gives round trips and the offset from UTC. Needed if `round-trips` is not complete."),
            Key(
                "round-trips", .dictionary(.duration), 0...1e10, default: "those of the place",
                "Base round trip to the site of each region, without the last mile."),
            Key(
                "access", .choice(AccessKind.allCases.map(\.rawValue)), default: "wifi",
                "Last mile: decides added delay, queueing, loss and downstream bandwidth.", source: "estimate",
                .assumption),
            Key(
                "utc-offset", .text, default: "that of the place",
                "Whole hours to add to UTC for local time, `-12` to `+14`."),
            Key("traffic", .table(traffic), required: true, "How many calls; exactly one of its keys."),
            Key(
                "diurnal", .choice(Diurnal.allCases.map(\.rawValue)), default: "flat",
                "Shape of the day by local hour; the traffic's figure is the mean over the day.",
                source: "estimate after public statements on meeting hours", .assumption),
            Key(
                "sizes", .dictionary(.share), 0...1, required: true,
                "Participants of a call: `\"2\"` or `\"3-4\"` (uniform within), with shares that add up to 100%."),
            Key("duration", .table(duration), "Length of a call (lognormal)."),
            Key(
                "cross-region", .table(crossRegion), default: "no such calls",
                "Calls that people of another population join."),
        ])

    static let traffic = KeyTable(
        "traffic",
        [
            Key(
                "concurrent", .number, 0...100_000,
                "Mean number of calls in progress; arrivals follow from the duration (Little)."),
            Key("arrivals", .rate, 0...10_000, "Calls that begin (Poisson)."),
            Key("constant", .count, 0...100_000, "Exactly this many calls from start to horizon; for calibration."),
        ])

    static let duration = KeyTable(
        "a duration of calls",
        [
            Key(
                "mean", .duration, 1e9...8.64e13, default: "52min", "Mean.", source: "Zoom, statements on 2022",
                .published),
            Key(
                "variation", .number, 0...10, default: "0.8", "Standard deviation over mean.",
                source: "fit to 94 % of meetings scheduled for at most an hour", .derived),
        ])

    static let crossRegion = KeyTable(
        "cross-region calls",
        [
            Key("with", .text, required: true, "The other population; its region must differ."),
            Key("share", .share, 0...1, required: true, "Share of this population's calls that span both."),
            Key(
                "remote-share", .share, 0...1, default: "40%",
                "Probability that a participant beyond one from each side is of the other population.",
                source: "estimate", .assumption),
        ])

    static let publisher = KeyTable(
        "a publisher",
        [
            Key(
                "name", .text, default: "the subject with hyphens for dots",
                "Names its responses, `stream.NAME.lost`; letters, digits, `-` and `_`, unique."),
            Key("server", .text, required: true, "Server it is connected to: `us-east/nats-0`."),
            Key("subject", .text, required: true, "Subject it publishes on; no wildcards."),
            Key(
                "rate", .rate, 0.001...1_000_000, required: true,
                "Instants at which it publishes: the first one is a period after `at`."),
            Key("burst", .count, 1...1_000_000, default: "1", "Messages at each of these instants."),
            Key("size", .size, 0...maximumPayload, required: true, "Payload of a message."),
            Key("at", .duration, 0...maximumHorizon, default: "0s", "When it begins, from time zero."),
            Key("for", .duration, 1...maximumHorizon, default: "until the horizon", "How long it publishes."),
            Key(
                "subscribers", .list(.text), required: true,
                "Servers with one subscriber to the subject each; a server may be named more than once. `[]`: nobody "
                    + "listens."),
        ])

    static let expectation = KeyTable(
        "an expectation",
        [
            Key("response", .text, required: true, "Name from the catalogue of responses."),
            Key("at-least", .text, "Lower bound in the response's unit."),
            Key("at-most", .text, "Upper bound in the response's unit."),
        ])
}

/// The keys of deployment files.
enum DeploymentTables {
    static let deployment = KeyTable(
        "a deployment",
        [
            Key("name", .text, default: "the file's name", "Name in reports."),
            Key(
                "regions", .named(region), required: true,
                "Regions by name, in order; the first one hosts the token service."),
            Key("links", .list(.table(link)), default: "no links", "Private links between regions."),
        ])

    static let region = KeyTable(
        "a region",
        [
            Key(
                "site", .text, required: true,
                "Data centre, for example `nyc1`; places know their round trips to sites."),
            Key("vpc", .text, "Private network in CIDR notation; information only."),
            Key("node-pool", .table(nodePool), "Worker nodes."),
            Key("nats", .table(nats), required: true, "The NATS cluster of the region."),
            Key("relays", .list(.table(relay)), default: "no relays", "Groups of relay processes."),
        ])

    static let nodePool = KeyTable(
        "a node pool",
        [
            Key("size", .text, required: true, "Instance type, for example `s-2vcpu-4gb`."),
            Key("count", .count, 1...1_000, required: true, "Number of nodes."),
            Key("address", .text, "Private address of the node whose NodePort other regions dial."),
        ])

    static let nats = KeyTable(
        "a NATS cluster",
        [
            Key(
                "servers", .count, 1...99, required: true,
                "Number of servers; more than one form a full mesh of routes."),
            Key("version", .text, required: true, "Version of nats-server, for example `2.9.10`."),
            Key(
                "cluster-name", .text, default: "the gateway's name",
                "`cluster.name`; must equal `gateway.name` where both are set."),
            Key("cpu", .cpu, 10...1_000_000, default: "no limit", "CPU limit of one server."),
            Key(
                "memory", .size, 1_048_576...1e15, default: "no limit",
                "Memory limit of one server: who passes it is killed and started anew."),
            Key("gateway", .table(gateway), default: "no gateway", "The `gateway {}` block of each server."),
        ])

    static let gateway = KeyTable(
        "a gateway",
        [
            Key("name", .text, required: true, "`gateway.name`: the name under which other clusters must list it."),
            Key("port", .count, 1...65_535, default: "7222", "Port on which gateways are accepted."),
            Key(
                "node-port", .count, 1...65_535,
                "Port of the node's address that leads to a random server of the region."),
            Key(
                "advertise", .text, default: "the pod's address", "`host:port` that the servers give to other clusters."
            ),
            Key("remotes", .list(.table(remote)), default: "none", "The `gateways` list: clusters to dial."),
            Key(
                "addresses", .list(.text), default: "none",
                "`host:port` of each server where others can dial it directly."),
        ])

    static let remote = KeyTable(
        "a remote gateway",
        [
            Key("name", .text, required: true, "Gateway name of the other cluster; a wrong one is never connected."),
            Key("urls", .list(.text), required: true, "`nats://host:port`, one or more."),
        ])

    static let relay = KeyTable(
        "a group of relays",
        [
            Key(
                "transport", .choice(Transport.allCases.map(\.rawValue)), required: true,
                "WebSocket (`ws`) or WebTransport (`wt`)."),
            Key("replicas", .count, 1...100, default: "1", "Number of processes."),
            Key("cpu", .cpu, 10...1_000_000, default: "no limit", "CPU limit of one process (CFS quota)."),
            Key(
                "memory", .size, 1_048_576...1e15, default: "no limit",
                "Memory limit of one process; not simulated yet."),
            Key("threads", .count, 1...256, default: "1", "Worker threads: packets served at once."),
        ])

    static let link = KeyTable(
        "a link",
        [
            Key("between", .text, required: true, "The two regions: `us-east/singapore`."),
            Key("round-trip", .duration, 1e5...1e10, required: true, "Round trip without queueing."),
            Key(
                "one-way", .duration, 0...1e10, default: "half the round trip",
                "Delay from the first region of `between` to the second; the rest of the round trip is the way back."),
            Key(
                "jitter", .duration, 0...1e10, default: "0s",
                "A packet takes up to this much longer, uniformly; packets keep their order."),
            Key("loss", .share, 0...LinkRanges.mostLoss, default: "0%", "Share of packets lost at random."),
            Key(
                "loss-burst", .number, LinkRanges.burst, default: "1",
                "Mean number of packets lost in a row; 1: each on its own."),
            Key("bandwidth", .bandwidth, LinkRanges.bandwidth, default: "no limit", "Each direction."),
        ])
}
