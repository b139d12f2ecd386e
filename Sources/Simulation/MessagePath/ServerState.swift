import EventKernel
import NATSModel
import RandomVariates

/// What a connection of a server leads to.
enum ConnectionRole {
    /// A relay of the region (index within it).
    case relay(Int)
    /// A server of the region (index within it).
    case route(Int)
    /// This server's outbound gateway (index among its dialers).
    case outbound(dialer: Int)
    /// Another server's outbound gateway that ends here (index over all servers).
    case inbound(server: Int)
    /// A raw publisher's or subscriber's client.
    case raw(Int)
}

/// Serials with which a session was announced.
struct Announcement {
    /// By this server to other clusters.
    var serial: UInt32
    /// By the session's own server to this one, over a route.
    var peerSerial: UInt32
}

/// This server's outbound gateway to one cluster.
struct OutboundGateway {
    var dialer: GatewayDialer
    var random: RandomStream
    /// The server dialled last (index over all servers).
    var target = -1
    /// Numbers the dials of this server; answers to earlier ones are stale.
    var attempt: UInt32 = 0
    var connection: ConnectionID?
    /// By timer: counts armings and disarmings, so that a timer called off is told apart.
    var generations = [UInt32](repeating: 0, count: GatewayTimer.allCases.count)
}

/// The end of another server's outbound gateway.
struct InboundEnd {
    var gateway: InboundGateway
    var random: RandomStream
    var attempt: UInt32
    var connection: ConnectionID?
    var generations = [UInt32](repeating: 0, count: GatewayTimer.allCases.count)
    /// Whether the dialer was told that nobody listens any more.
    var wasReset = false
}

/// A gateway of a server came or went.
struct GatewayChange {
    var time: Int64
    /// The region at the other end.
    var region: Int
    var isOutbound: Bool
    var isRegistered: Bool
}

/// A nats-server process: the NATS state machine with its station, its flows and its plans' inputs.
struct ServerState: ~Copyable {
    /// Ports: relays of the region, servers of the region (routes), then for each server of another region two:
    /// its outbound gateway's messages, and its answers on ours; then the plain publishers' connections.
    var station: Station
    var machine: Server
    var roles: [ConnectionRole] = []
    /// By relay and by server of the region: the open connection.
    var relayConnections: [ConnectionID?]
    var routeConnections: [ConnectionID?]
    /// One for each remote cluster, configured or learned.
    var outbound: [OutboundGateway] = []
    /// By server over all regions: theirs that end here.
    var inbound: [InboundEnd?]
    /// By server over all regions: the flow of our messages (as dialer), and of our answers (as acceptor).
    var dialerFlows: Table<Flow>
    var acceptorFlows: Table<Flow>
    /// By server over all regions: the serial of the last interest operation heard from it.
    let known: Table<UInt32>
    /// By server over all regions: whether its outbound gateway that ends here is registered.
    let isRegistered: Table<Bool>
    /// The machine's epoch for which the plans are.
    var planEpoch: UInt32 = 0
    /// Number of the last interest operation that this server announced.
    var serial: UInt32 = 0
    /// By session.
    var announcements: [UInt32: Announcement] = [:]
    var isAlive = true
    var memory: MemoryState
    var usage = CPUUsage()
    /// By client connection: relays, then plain publishers' connections.
    var reads: [ReadState]
    /// Whether any of them was ever held up.
    var hasStalled = false
    var changes: [GatewayChange] = []

    init(
        station: consuming Station, machine: Server, relays: Int, peers: Int, allServers: Int, rawPorts: Int,
        memory: MemoryState
    ) {
        self.station = station
        self.memory = memory
        self.machine = machine
        reads = Array(repeating: ReadState(), count: relays + rawPorts)
        relayConnections = Array(repeating: nil, count: relays)
        routeConnections = Array(repeating: nil, count: peers)
        inbound = Array(repeating: nil, count: allServers)
        dialerFlows = Table(count: allServers) { _ in Flow() }
        acceptorFlows = Table(count: allServers) { _ in Flow() }
        known = Table(count: allServers) { _ in 0 }
        isRegistered = Table(count: allServers) { _ in false }
    }

    mutating func newConnection(_ role: ConnectionRole) -> ConnectionID {
        roles.append(role)
        return ConnectionID(rawValue: Int32(roles.count - 1))
    }
}
