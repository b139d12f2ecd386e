public import EventKernel
public import NATSModel

/// A routing case: a topology, what clients and operators do, and who must get which message.
///
/// The same value runs on the model and on real servers; `docs/routing-cases.md` is its file format.
public struct RoutingCase: Hashable, Sendable {
    /// What the case states, as one sentence.
    public var title: String
    /// Why it matters or how it comes about; free text.
    public var about: String?
    /// The upstream test, document or ticket that the case pins down.
    public var source: String?
    /// Releases on which the expectations hold; others fail. `nil`: all.
    public var versions: VersionRange?
    public var topology: Topology
    /// Clients that are connected before the first step.
    public var clients: [ClientSpec]
    public var steps: [Step]

    public init(
        title: String, about: String? = nil, source: String? = nil, versions: VersionRange? = nil,
        topology: Topology, clients: [ClientSpec] = [], steps: [Step] = []
    ) {
        self.title = title
        self.about = about
        self.source = source
        self.versions = versions
        self.topology = topology
        self.clients = clients
        self.steps = steps
    }
}

/// Releases from one up to, and without, another.
public struct VersionRange: Hashable, Sendable {
    public var from: ServerVersion?
    public var before: ServerVersion?

    public init(from: ServerVersion? = nil, before: ServerVersion? = nil) {
        self.from = from
        self.before = before
    }

    /// Whether a release is one of them.
    public func contains(_ version: ServerVersion) -> Bool {
        (from.map { $0 <= version } ?? true) && (before.map { version < $0 } ?? true)
    }
}

/// The servers of a case and what lies between them.
public struct Topology: Hashable, Sendable {
    /// In the order of the file.
    public var servers: [ServerSpec]
    /// One-way delays between places; pairs that are not listed have none.
    public var delays: [Delay]

    /// A one-way delay, the same in both directions, between two clusters.
    public struct Delay: Hashable, Sendable {
        public var between: String
        public var and: String
        public var oneWay: SimDuration

        public init(between: String, and: String, oneWay: SimDuration) {
            self.between = between
            self.and = and
            self.oneWay = oneWay
        }
    }

    public init(servers: [ServerSpec], delays: [Delay] = []) {
        self.servers = servers
        self.delays = delays
    }

    /// Cluster names in the order of their first server.
    public var clusters: [String] {
        var names: [String] = []
        for server in servers where !names.contains(server.cluster) { names.append(server.cluster) }
        return names
    }

    /// The server of that name; `nil` if there is none.
    public func server(_ name: String) -> ServerSpec? { servers.first { $0.name == name } }

    /// The servers of a cluster, in the order of the file.
    public func servers(of cluster: String) -> [ServerSpec] { servers.filter { $0.cluster == cluster } }
}

/// One server as its configuration file describes it, with other servers named instead of addresses.
public struct ServerSpec: Hashable, Sendable {
    /// What the case calls it; unique in the case.
    public var name: String
    /// `server_name`.
    public var serverName: String
    /// `cluster.name`, and the place it stands in.
    public var cluster: String
    /// Servers whose route ports `cluster.routes` lists.
    public var routes: [String]
    public var routeConnectRetries: Int
    /// `nil`: no gateway block.
    public var gateway: GatewaySpec?
    /// Whether it runs before the first step; a late joiner is started by a step.
    public var startsAtOnce: Bool
    /// `ping_interval`; it bounds the interval on gateways and routes too.
    public var pingInterval: SimDuration?

    public init(
        name: String, serverName: String? = nil, cluster: String, routes: [String] = [],
        routeConnectRetries: Int = 0, gateway: GatewaySpec? = nil, startsAtOnce: Bool = true,
        pingInterval: SimDuration? = nil
    ) {
        self.name = name
        self.serverName = serverName ?? name
        self.cluster = cluster
        self.routes = routes
        self.routeConnectRetries = routeConnectRetries
        self.gateway = gateway
        self.startsAtOnce = startsAtOnce
        self.pingInterval = pingInterval
    }
}

/// A `gateway` block.
public struct GatewaySpec: Hashable, Sendable {
    /// `gateway.name`.
    public var name: String
    public var remotes: [Remote]
    /// `gateway.advertise`; `nil`: the listen address.
    public var advertise: Endpoint?
    public var rejectsUnknown: Bool
    /// `gateway.connect_retries`, for implicit remotes.
    public var connectRetries: Int

    /// One entry of `gateway.gateways`.
    public struct Remote: Hashable, Sendable {
        public var name: String
        public var urls: [Endpoint]

        public init(name: String, urls: [Endpoint]) {
            self.name = name
            self.urls = urls
        }
    }

    public init(
        name: String, remotes: [Remote] = [], advertise: Endpoint? = nil, rejectsUnknown: Bool = false,
        connectRetries: Int = 0
    ) {
        self.name = name
        self.remotes = remotes
        self.advertise = advertise
        self.rejectsUnknown = rejectsUnknown
        self.connectRetries = connectRetries
    }
}

/// What a URL of a configuration leads to.
public enum Endpoint: Hashable, Sendable {
    /// A listener of a server, running or not.
    case server(String, Port)
    /// A node port: each connection goes to a server of the cluster drawn at random.
    case nodePort(cluster: String)
    /// An address where nobody listens; dials are refused.
    case nobody

    /// The listeners of a server.
    public enum Port: String, CaseIterable, Hashable, Sendable {
        case gateway, route, client
    }
}

/// One client connection.
public struct ClientSpec: Hashable, Sendable {
    public var name: String
    /// The server it connects to.
    public var server: String
    public var echo: Bool
    public var headers: Bool
    public var noResponders: Bool

    public init(
        name: String, server: String, echo: Bool = true, headers: Bool = true, noResponders: Bool = true
    ) {
        self.name = name
        self.server = server
        self.echo = echo
        self.headers = headers
        self.noResponders = noResponders
    }
}

/// Something done, or something that must hold.
public struct Step: Hashable, Sendable {
    public var kind: Kind
    /// Where the step stands in its file, for messages: `file:line:column`. Not part of equality.
    public var place: Place

    /// What kind of step it is.
    public enum Kind: Hashable, Sendable {
        /// Done one after the other without waiting for anything in between; what they lead to is expected of all.
        case together([Action], Expectation)
        /// A state that the servers reach.
        case check(StateCheck, within: SimDuration)
        /// Time that passes.
        case wait(SimDuration)
        /// The cluster that steering picks for a population; known to the model only.
        case steer(SteeringQuestion)
    }

    /// A position that compares equal to every other.
    public struct Place: Hashable, Sendable {
        public var text: String

        public init(_ text: String) { self.text = text }
        public static func == (left: Place, right: Place) -> Bool { true }
        public func hash(into hasher: inout Hasher) {}
    }

    public init(_ kind: Kind, place: Place = Place("")) {
        self.kind = kind
        self.place = place
    }
}

/// What a client or an operator does.
public enum Action: Hashable, Sendable {
    case connect(ClientSpec)
    /// The client closes its connection.
    case disconnect(client: String)
    case subscribe(Subscribe)
    /// Ends a subscription, at once or after so many messages in all.
    case unsubscribe(client: String, label: String, maximum: Int?)
    case publish(PublishAction)
    /// SIGKILL.
    case kill(server: String)
    /// A clean shutdown.
    case stop(server: String)
    case lameDuck(server: String)
    case start(server: String)
    /// Packets vanish: between two clusters or two servers, in one direction or in both.
    case cut(from: String, to: String, bothWays: Bool)
    case heal(from: String, to: String, bothWays: Bool)
}

/// SUB of a client.
public struct Subscribe: Hashable, Sendable {
    public var client: String
    public var subject: String
    public var queue: String?
    /// Names the subscription within its client; the subject unless stated.
    public var label: String
    /// Publishes a reply to each message that has a reply subject.
    public var answers: Bool
    /// The reply subject that the answers themselves carry.
    public var answersWithReply: String?
    /// `UNSUB max` sent right after SUB.
    public var maximum: Int?

    public init(
        client: String, subject: String, queue: String? = nil, label: String? = nil, answers: Bool = false,
        answersWithReply: String? = nil, maximum: Int? = nil
    ) {
        self.client = client
        self.subject = subject
        self.queue = queue
        self.label = label ?? subject
        self.answers = answers
        self.answersWithReply = answersWithReply
        self.maximum = maximum
    }
}

/// PUB of a client, once or several times.
public struct PublishAction: Hashable, Sendable {
    public var client: String
    public var subject: String
    public var reply: String?
    public var hasHeaders: Bool
    /// How many messages are published, one after the other.
    public var times: Int
    /// Requests: each has a fresh inbox, subscribed to before it in the same write; replies count as `answers`.
    public var isRequest: Bool

    public init(
        client: String, subject: String, reply: String? = nil, hasHeaders: Bool = false, times: Int = 1,
        isRequest: Bool = false
    ) {
        self.client = client
        self.subject = subject
        self.reply = reply
        self.hasHeaders = hasHeaders
        self.times = times
        self.isRequest = isRequest
    }
}

/// Who gets how many messages once nothing moves any more.
public struct Expectation: Hashable, Sendable {
    /// One line of it: the copies that these clients get together.
    public struct Share: Hashable, Sendable {
        /// Client names, or `client/label` for one subscription.
        public var receivers: [String]
        public var copies: ClosedRange<Int>

        public init(receivers: [String], copies: ClosedRange<Int>) {
            self.receivers = receivers
            self.copies = copies
        }
    }

    /// `nil`: nothing is expected of this step; what arrives is not looked at.
    public var shares: [Share]?
    /// Replies that reach the requesters of this step.
    public var answers: ClosedRange<Int>?
    /// Header-only 503 messages that reach its publishers.
    public var noResponders: Int?
    /// Copies of its messages, and of the answers to them, that servers wrote to gateway connections.
    public var crossings: ClosedRange<Int>?
    /// Whether each receiver must see each publisher's messages in the order of publishing.
    public var inOrder: Bool

    public init(
        shares: [Share]? = nil, answers: ClosedRange<Int>? = nil, noResponders: Int? = nil,
        crossings: ClosedRange<Int>? = nil, inOrder: Bool = true
    ) {
        self.shares = shares
        self.answers = answers
        self.noResponders = noResponders
        self.crossings = crossings
        self.inOrder = inOrder
    }

    public static let none = Expectation()
}

/// Connections that must exist; servers that are not named are not looked at.
public struct StateCheck: Hashable, Sendable {
    /// By server: the clusters that it has a registered outbound gateway connection to, sorted.
    public var gateways: [String: [String]]
    /// By server: the servers that it has a route to, sorted.
    public var routes: [String: [String]]
    /// By server: how many inbound gateway connections are registered.
    public var inbound: [String: Int]

    public init(
        gateways: [String: [String]] = [:], routes: [String: [String]] = [:], inbound: [String: Int] = [:]
    ) {
        self.gateways = gateways
        self.routes = routes
        self.inbound = inbound
    }
}
