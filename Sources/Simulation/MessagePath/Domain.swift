import CPrefetch
import CallModel
import EventKernel
import Measures
import NATSModel
import Network
import RandomVariates
import Scenario

/// Where a copy goes next.
enum Destination: BitwiseCopyable {
    /// Port of a server, both by index within the region.
    case server(Int32, port: Int32)
    /// Port of a relay; port 0 takes items in any order until their slot comes.
    case relay(Int32, port: Int32)
    /// The people of the region.
    case clients
}

/// An item on its way to another region, or in the reference executor to anywhere.
struct Posted: BitwiseCopyable {
    var region: Int32
    var destination: Destination
    var item: Item
}

/// What the agenda of a region's stations can hold: faults, restarts, gateway timers, session checks.
enum AgendaKind: UInt8 {
    case relayDown, relayUp, serverDown, serverUp
    /// A relay has learned that its server is gone, or looks for another one.
    case relayReconnect
    /// A route between two servers of the region comes up.
    case routeUp
    /// A server notices that a routed server is gone.
    case routeDown
    case dialerTimer, inboundTimer
    /// A held flow's retransmission.
    case flush
    /// The retransmission of a connection that is closed.
    case orphan
    case writeDeadline
    case handshakeDone
    case sessionCheck
    case rawPublish
    /// The plain publishers begin or have ended: what the servers have used so far is noted.
    case loadMark
    /// A server has passed its memory limit; kubelet starts it anew.
    case memoryKill, memoryRestart
    /// A server reads that a relay's connection has ended.
    case relayGone
}

/// One region: its stations, its people and everything that they alone change.
///
/// Regions share nothing but `World`, which never changes, and exchange items at the barrier between rounds. All
/// of a region's state lives in one value, so that a thread works on it without locks or reference counts.
struct Domain: ~Copyable {
    let world: World
    let region: Int
    let costs: PathCosts
    /// As `world.access` has them.
    let quantiles: UnsafePointer<UInt32>
    let downlinks: UnsafePointer<Downlink>
    /// Over all relays.
    let addresses: Table<RelayAddress>
    let firstRelay: Int
    let firstServer: Int
    private let firstRawPort: Int
    /// By port of a server: how what comes there has reached it.
    let sourceOfPort: Table<Source>
    /// When each relay, then each server, may serve next: the stations' `nextTime`, side by side.
    let clocks: Table<Int64>
    var relays: Table<RelayState>
    var servers: Table<ServerState>
    var clusters: Clusters
    var plans: PlanTable
    var agenda: TimerCalendar
    /// When its next entry is due.
    var nextAgenda = Int64.max
    var people: Table<ClientState>
    let receivers: Table<Receiver>
    let senders: Table<Sender>
    var clientTimers: TimerTable
    /// No client timer is due before.
    var nextTimer = Int64.max
    /// Copies on their way to the region's people.
    var arrivals: SlotBin<Item>
    /// Copies of the last slot that would have arrived after the horizon.
    var cutShort: [Item] = []
    var sources: CaptureSources
    var pairs: Slab<PairState>
    var gaps = GapStore()
    var losses = LossLog()
    var trails: Trails
    var tally: Tally
    var journal: Journal
    var recorder: RelayRecorder
    var fingerprint = Fingerprint()
    /// Items served and timers fired.
    var events: Int64 = 0
    /// By region: items that leave at the next barrier.
    var outboxes: [[Posted]]
    /// By region: packets outside any flow on their way to the link there.
    var wires: [[Posted]]
    var wireHeads: [WireHead] = []
    /// By region: when the link's sending side is free again.
    var linkFree: [Int64]
    /// One event at a time: every item goes to the outboxes, which the executor empties at once.
    let isReference: Bool
    /// While the world is set up, items are handled at once and travel no time.
    var isWarping = false
    var scratch: [Output] = []
    var gatewayScratch: [GatewayOutput] = []
    var drained = ItemBuffer<Item>()
    /// The message that a server forwards.
    let held: UnsafeMutablePointer<Item>
    /// Until when the stations may be served now.
    var stationsEnd: Int64 = 0
    /// Of a client slot: arrivals and captures that need the order of time.
    var unruly = ItemBuffer<Item>()
    var unrulyCaptures = ItemBuffer<PublishDue>()
    var captureSorter = SlotSorter<PublishDue>()
    var sorter = SlotSorter<Item>()
    let readingAhead: ReadingAhead
    var raw: RawTraffic
    /// By plain publisher: its connection among those of its server.
    let rawConnections: [Int]
    /// How the region's servers hold up publishers.
    let stallRule: StallRule
    let wakeUps: WakeUps

    init(_ world: World, region: Int, useReference: Bool, journalLimit: Int, recordingLimit: Int?) {
        self.world = world
        self.region = region
        costs = PathCosts(world)
        quantiles = world.access.quantiles
        downlinks = UnsafePointer(world.access.downlinks[pointer: 0])
        addresses = Table(count: world.relays.count) { index in
            let place = world.relays[index]
            return RelayAddress(
                region: Int32(place.region), local: Int32(place.local), isWebSocket: place.transport == .webSocket)
        }
        firstRelay = world.relaysOfRegion[region].lowerBound
        firstServer = world.serversOfRegion[region].lowerBound
        firstRawPort =
            world.relaysOfRegion[region].count + world.serversOfRegion[region].count + 2 * world.servers.count
        let stations = world.relaysOfRegion[region].count + world.serversOfRegion[region].count
        let (firstRoute, firstRaw) = (world.relaysOfRegion[region].count, firstRawPort)
        sourceOfPort = Table(count: firstRaw + World.rawPortLimit) { port in
            port < firstRoute || port >= firstRaw ? .client : port < stations ? .route : .gateway
        }
        let clocks = Table<Int64>(count: stations + 2 * Self.line) { _ in Int64.max }
        relays = Self.makeRelays(world, region, clocks)
        servers = Self.makeServers(world, region, clocks)
        self.clocks = clocks
        clusters = Clusters(servers: world.serversOfRegion[region].count)
        plans = PlanTable(servers: world.serversOfRegion[region].count, rooms: world.subjectCount)
        agenda = TimerCalendar(limit: 1 << 26)
        people = Table(count: world.people.count) { ClientState(world, person: $0) }
        receivers = Table(count: world.people.count) { Receiver(pairBase: Int32(world.pairBase[$0])) }
        senders = Table(count: world.people.count) { Sender(way: world.access.way($0, world.people[$0].region)) }
        clientTimers = TimerTable(
            entities: max(1, world.people.count), kinds: ClientTimer.allCases.count, limit: 1 << 26)
        sources = CaptureSources(world, region: region)
        arrivals = SlotBin(slotShift: world.slotShift, slots: 1024)
        pairs = Slab(capacity: max(1, world.pairCount))
        trails = Trails(
            streams: world.people.count * StreamKind.count, servers: world.serversOfRegion[region].count)
        tally = Tally(world)
        journal = Journal(limit: journalLimit)
        recorder = RelayRecorder(relays: world.relaysOfRegion[region].count, limit: recordingLimit)
        outboxes = Array(repeating: [], count: world.regionCount)
        wires = outboxes
        readingAhead = ReadingAhead(isOn: world.pairCount > 20_000)
        held = .allocate(capacity: 1)
        held.initialize(
            to: Item(time: 0, published: 0, sender: 0, sequence: 0, list: 0, size: 0, kind: .media, flags: 0))
        linkFree = Array(repeating: 0, count: world.regionCount)
        isReference = useReference
        raw = RawTraffic(world, region: region)
        rawConnections = world.rawConnections
        wakeUps = WakeUps(world.nats)
        stallRule = world.stallRule(of: region)
        for person in world.people.indices { preparePairs(of: person) }
    }

    deinit { held.deallocate() }

    /// Times in a line of the cache: so many are left free around the clocks, which another region's thread must not
    /// share.
    private static var line: Int { 8 }

    @inline(__always)
    func relayClock(_ relay: Int) -> Int64 { clocks[pointer: Self.line + relay].pointee }

    @inline(__always)
    func serverClock(_ server: Int) -> Int64 { clocks[pointer: Self.line + relays.count + server].pointee }

    private static func makeRelays(
        _ world: World, _ region: Int, _ clocks: borrowing Table<Int64>
    ) -> Table<RelayState> {
        let servers = world.serversOfRegion[region].count
        let first = world.relaysOfRegion[region].lowerBound
        return Table(count: world.relaysOfRegion[region].count) { index in
            let group = world.relays[first + index].group
            let station = Station(
                ports: 1 + servers, processor: Processor(threads: group.threads, milliCPU: group.cpu),
                clock: clocks[pointer: line + index])
            return RelayState(
                station: station, isWebSocket: group.transport == .webSocket, people: world.people.count,
                slotShift: world.slotShift, slots: 1024)
        }
    }

    private static func makeServers(
        _ world: World, _ region: Int, _ clocks: borrowing Table<Int64>
    ) -> Table<ServerState> {
        let relays = world.relaysOfRegion[region].count
        let peers = world.serversOfRegion[region].count
        let all = world.servers.count
        let cluster = world.scenario.deployment.regions[region].nats
        let wakeUps = WakeUps(world.nats)
        return Table(count: peers) { index in
            let rawPorts = world.rawPorts(server: world.serversOfRegion[region].lowerBound + index)
            let station = Station(
                ports: relays + peers + 2 * all + rawPorts,
                processor: Processor(
                    threads: 1, milliCPU: cluster.cpu, wakeUpShare: max(wakeUps.share, wakeUps.localShare)),
                clock: clocks[pointer: line + relays + index])
            return ServerState(
                station: station, machine: world.makeMachine(world.serversOfRegion[region].lowerBound + index),
                relays: relays, peers: peers, allServers: all, rawPorts: rawPorts,
                memory: MemoryState(ServerMemory(limit: cluster.memory, world.nats), world.nats))
        }
    }

    // MARK: Sending

    /// Port of a server that takes what routed server `local` sends.
    func routePort(from local: Int) -> Int { relays.count &+ local }

    /// Port that takes the messages which `server` of another region sends on its outbound gateway.
    func dialerPort(from server: Int) -> Int { relays.count + servers.count + 2 * server }

    /// Port that takes what `server` of another region answers on our outbound gateway.
    func acceptorPort(from server: Int) -> Int { relays.count + servers.count + 2 * server + 1 }

    /// The first port that takes what plain publishers send; each of their connections has its own.
    var rawPort: Int { firstRawPort }

    /// Sends an item within the region or across; its time lies at least one hop ahead.
    @inline(__always)
    mutating func post(_ item: Item, to destination: Destination, in target: Int) {
        if target == region && !isReference && !isWarping {
            deliver(item, to: destination)
        } else {
            outboxes[target].append(Posted(region: Int32(target), destination: destination, item: item))
        }
    }

    /// As `post` of a copy to a server of the region.
    @inline(__always)
    mutating func hand(
        copyOf item: UnsafePointer<Item>, at time: Int64, list: UInt32, toServer server: Int, port: Int
    ) {
        if isReference || isWarping { return send(item.pointee, at: time, list: list, toServer: server, port: port) }
        // Of a stream without a plan an address that nobody has: fetching ahead asks for nothing that must be there.
        prefetch_line(plans.plan(trails.end(item.pointee.sender, localServer: server).pointee.plan))
        servers[pointer: server].pointee.station.append(copyOf: item, at: time, list: list, to: port)
    }

    @inline(never)
    private mutating func send(_ item: Item, at time: Int64, list: UInt32, toServer server: Int, port: Int) {
        var copy = item
        copy.time = time
        copy.list = list
        post(copy, to: .server(Int32(server), port: Int32(port)), in: region)
    }

    /// The reference executor's way for a copy to a relay.
    @inline(never)
    mutating func send(_ item: Item, at time: Int64, list: UInt32, toRelay relay: Int, port: Int) {
        var copy = item
        copy.time = time
        copy.list = list
        copy.flags |= ItemFlags.fromServer
        post(copy, to: .relay(Int32(relay), port: Int32(port)), in: region)
    }

    /// As `post` to the people of a region.
    @inline(__always)
    mutating func hand(_ item: Item, toClientsIn target: Int) {
        if isReference || target != region { return post(item, to: .clients, in: target) }
        arrivals.append(item, at: SimTime(nanoseconds: item.time))
    }

    /// Puts an item where its station or its people will find it.
    @inline(__always)
    mutating func deliver(_ item: Item, to destination: Destination) {
        switch destination {
        case .server(let server, let port):
            servers[pointer: Int(server)].pointee.station.append(item, to: Int(port))
        case .relay(let relay, let port):
            if port == 0 && !isReference {
                relays[pointer: Int(relay)].pointee.arrivals.append(item, at: SimTime(nanoseconds: item.time))
            } else {
                relays[pointer: Int(relay)].pointee.station.append(item, to: Int(port))
            }
        case .clients:
            arrivals.append(item, at: SimTime(nanoseconds: item.time))
        }
    }

    /// Adds an entry to the agenda: `object` and `payload` (below 2^24) mean what the kind says.
    mutating func schedule(_ kind: AgendaKind, object: Int, payload: UInt32 = 0, at time: Int64) {
        guard time < world.horizon else { return }
        agenda.schedule(
            TimerKey(entity: UInt32(object), kind: kind.rawValue, generation: payload),
            at: SimTime(nanoseconds: time))
        nextAgenda = min(nextAgenda, time)
    }
}
