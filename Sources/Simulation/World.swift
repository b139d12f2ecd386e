import CallModel
import EventKernel
import Measures
import NATSModel
import Network
import RandomVariates
import Scenario

/// One relay process of the deployment.
struct RelayPlace {
    var name: String
    var region: Int
    var transport: Transport
    var replica: Int
    var group: RelayGroup
    /// Index among the relays of its region.
    var local: Int
}

/// One nats-server process of the deployment.
struct ServerPlace {
    var name: String
    var region: Int
    /// Index among the servers of its region.
    var local: Int
}

/// A span in which a process is dead.
struct Outage: Hashable {
    var start: Int64
    /// `Int64.max`: for good.
    var end: Int64
    /// Power loss: nobody is told; otherwise connections are reset.
    var isSilent: Bool
}

/// The part of a person's plan that every message asks for: plain bits, read without reference counts.
struct PersonTraits: BitwiseCopyable {
    var region: Int32
    var room: Int32
    var hasMicrophone: Bool
}

/// Everything about a replication that is known at time zero and never changes: shared by all regions.
///
/// Faults are known in advance, so the state of sites, links and processes is a function of time and needs no
/// message between regions.
final class World: @unchecked Sendable {
    let scenario: Scenario
    let replication: UInt32
    let horizon: Int64
    let people: [PersonPlan]
    let rooms: [RoomPlan]
    let streams: StreamTable
    let access: AccessTable
    /// What every message asks of a person, without the names and lists of the plan.
    let traits: [PersonTraits]
    let relays: [RelayPlace]
    let servers: [ServerPlace]
    let relaysOfRegion: [Range<Int>]
    let serversOfRegion: [Range<Int>]
    let relayOutages: [[Outage]]
    let serverOutages: [[Outage]]
    let sites: SitePassage
    /// Directed links by region pair; `nil` where none is.
    let links: [[LinkSchedule?]]
    /// Whether a link ever has a limited bandwidth: then connections wait for each other's packets.
    let limitsBandwidth: Bool
    /// Keys of the jitter and of the losses of the links' packets.
    let jitterKey: UInt64
    let lossKey: UInt64
    let health: HealthSchedule
    /// Capture times in `phaseStart..<phaseEnd` are `during`; no fault: both at the horizon.
    let phaseStart: Int64
    let phaseEnd: Int64
    /// Base-two logarithm of the width of a client slot.
    let slotShift: Int
    /// Length of a round: the least delay between regions, in whole slots.
    let lookahead: Int64
    let subjects: SubjectTable
    /// By room, then by raw publisher: the pattern subscribed to, and a literal that it matches.
    let patterns: [SubjectID]
    let literals: [SubjectID]
    private let roomOfPattern: [SubjectID: Int]
    /// By raw publisher: the number of its subject, which several may share.
    private let rawRooms: [Int]
    /// By person: the first of its pair numbers.
    let pairBase: [Int]
    let pairCount: Int
    /// The least delay between two stations of a region.
    let leastHop: Int64

    /// Interval of QUIC keep-alives (videocall-rs actix-api/src/webtransport/mod.rs:38); WebSocket pings every 5 s
    /// make no difference to timeouts of minutes.
    let keepAliveInterval: Int64 = 1_000_000_000

    var regionCount: Int { scenario.deployment.regions.count }
    var relay: RelayParameters { scenario.relay }
    var client: ClientParameters { scenario.client }
    var nats: ServerParameters { scenario.nats }

    /// - Parameter narrowing: slots are this many powers of two narrower than they could be (for tests).
    init(_ scenario: Scenario, replication: UInt32, narrowing: Int = 0) throws {
        self.scenario = scenario
        self.replication = replication
        horizon = scenario.horizon.nanoseconds
        let plan = try CallPlan.make(
            populations: scenario.populations, client: scenario.client, media: scenario.media,
            startUTC: scenario.startUTC, steady: scenario.initial == .steady, horizon: scenario.horizon,
            seed: scenario.seed, replication: replication)
        guard plan.people.count < 1 << 20 else {
            throw SimulationError("more than 1,048,575 people in one replication")
        }
        people = plan.people
        rooms = plan.rooms
        traits = plan.people.map {
            PersonTraits(region: Int32($0.region), room: $0.room, hasMicrophone: $0.microphone)
        }
        streams = StreamTable(plan, scenario, replication: replication)
        (relays, relaysOfRegion) = Self.placeRelays(scenario.deployment)
        (servers, serversOfRegion) = Self.placeServers(scenario.deployment)
        let lives = ProcessLives(scenario.timeline, relays: relays, servers: servers)
        try Self.checkPorts(scenario)
        relayOutages = lives.relays
        serverOutages = lives.servers
        let paths = Paths(scenario)
        sites = paths.passage
        links = paths.links
        limitsBandwidth = Self.limitsBandwidth(scenario)
        jitterKey = entityKey(seed: scenario.seed, purpose: .linkJitter, replication: replication, entity: 0)
        lossKey = entityKey(seed: scenario.seed, purpose: .packetLoss, replication: replication, entity: 0)
        health = HealthSchedule(
            schedule: paths.sites, parameters: scenario.dns, horizon: SimTime(nanoseconds: horizon),
            seed: scenario.seed, replication: replication)
        access = AccessTable(plan, scenario, replication: replication)
        (phaseStart, phaseEnd) = Self.phases(scenario.timeline, horizon: horizon)
        (slotShift, lookahead) = try Self.grain(scenario, access: access, links: links, narrowing: narrowing)
        leastHop = min(scenario.relay.serverHop, scenario.nats.routeHop).nanoseconds
        (subjects, patterns, literals) = Self.internSubjects(plan.rooms.count, scenario.publishers)
        roomOfPattern = Dictionary(
            patterns.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        let numbers = roomOfPattern
        rawRooms = patterns.dropFirst(plan.rooms.count).map { numbers[$0]! }
        var bases: [Int] = []
        var pairs = 0
        for person in plan.people {
            bases.append(pairs - plan.rooms[Int(person.room)].people.lowerBound)
            pairs += plan.rooms[Int(person.room)].people.count
        }
        pairBase = bases
        pairCount = pairs
    }

    /// The number of a pair among all (receiver, sender) of a room; a person's pair with itself is not used.
    @inline(__always)
    func pair(receiver: Int, sender: Int) -> Int { pairBase[receiver] + sender }

    /// Rooms, then raw publishers: what plans are kept by.
    var subjectCount: Int { patterns.count }

    @inline(__always)
    func subject(of item: Item) -> Int {
        item.kind == .media
            ? Int(traits[StreamTable.person(of: item.sender)].room) : rawRooms[Int(item.sender)]
    }

    func room(of pattern: SubjectID) -> Int { roomOfPattern[pattern]! }

    func rawSubject(_ publisher: Int) -> SubjectID { patterns[rooms.count + publisher] }

    /// When a person's first audio packet (else video frame) is captured.
    func firstCapture(of person: Int) -> Int64 {
        let kind = people[person].microphone ? StreamKind.audio : .video
        guard let schedule = streams.schedules[person * StreamKind.count + kind.rawValue], schedule.count > 0 else {
            return people[person].join.nanoseconds
        }
        return schedule.captureTime(of: 0).nanoseconds
    }

    /// The least time from a SUB in one region to interest in another: the link's delay.
    func interestDelay(_ first: Int, _ second: Int) -> Int64 {
        first == second ? nats.routeHop.nanoseconds : links[first][second]?.oneWay(at: .start).nanoseconds ?? 0
    }

    /// The phase of a periodic timer of a session, uniform in `0..<period` and the same whatever happens.
    func timerPhase(_ session: UInt32, period: Int64) -> Int64 {
        let key = people[SessionID.person(session)].entity
        let bits = messageBits(mix64(key ^ scenario.seed), sender: session, sequence: replication, leg: 0)
        return Int64(bits.multipliedFullWidth(by: UInt64(period)).high)
    }

    func phase(of captured: Int64) -> Phase {
        captured < phaseStart ? .before : captured < phaseEnd ? .during : .after
    }

    @inline(__always)
    func path(_ sender: Int, _ receiver: Int) -> PathKind {
        traits[sender].region == traits[receiver].region ? .sameRegion : .crossRegion
    }

    func isAlive(_ outages: [Outage], at time: Int64) -> Bool {
        !outages.contains { $0.start <= time && time < $0.end }
    }

    /// Each relay of a region and each server of the deployment has ports of its own at a server.
    private static func checkPorts(_ scenario: Scenario) throws {
        let regions = scenario.deployment.regions
        let servers = regions.map(\.nats.servers).reduce(0, +)
        for region in regions {
            let relays = region.relays.map(\.replicas).reduce(0, +)
            let ports = relays + region.nats.servers + 2 * servers + rawPortLimit
            guard ports <= Station.mostPorts else {
                throw SimulationError("\(region.name) has more relays and servers than a server has connections for")
            }
        }
    }

    private static func placeRelays(_ deployment: Deployment) -> ([RelayPlace], [Range<Int>]) {
        var places: [RelayPlace] = []
        var ranges: [Range<Int>] = []
        for (index, region) in deployment.regions.enumerated() {
            let first = places.count
            for group in region.relays {
                for replica in 0..<group.replicas {
                    places.append(
                        RelayPlace(
                            name: "\(region.name)/\(group.transport.rawValue)-\(replica)", region: index,
                            transport: group.transport, replica: replica, group: group, local: places.count - first))
                }
            }
            ranges.append(first..<places.count)
        }
        return (places, ranges)
    }

    private static func placeServers(_ deployment: Deployment) -> ([ServerPlace], [Range<Int>]) {
        var places: [ServerPlace] = []
        var ranges: [Range<Int>] = []
        for (index, region) in deployment.regions.enumerated() {
            let first = places.count
            for server in 0..<region.nats.servers {
                places.append(ServerPlace(name: "\(region.name)/nats-\(server)", region: index, local: server))
            }
            ranges.append(first..<places.count)
        }
        return (places, ranges)
    }

    /// The rehearsal's middle part: from the first fault's start to the last one's end.
    private static func phases(_ timeline: [Fault], horizon: Int64) -> (Int64, Int64) {
        guard let first = timeline.map(\.start.nanoseconds).min() else { return (horizon, horizon) }
        let last = timeline.map { min($0.end?.nanoseconds ?? horizon, horizon) }.max() ?? horizon
        return (first, last)
    }

    /// Slot width and lookahead: the largest that the least delays allow.
    private static func grain(
        _ scenario: Scenario, access: borrowing AccessTable, links: [[LinkSchedule?]], narrowing: Int
    ) throws -> (Int, Int64) {
        var across = access.leastFar
        for row in links {
            for case let link? in row { across = min(across, link.leastOneWay.nanoseconds) }
        }
        let near = min(access.leastNear, across)
        guard near >= 1 << 16 else {
            throw SimulationError("the least delay between a client and a relay is below 65 us: no safe window")
        }
        let shift = min(Int64.bitWidth - 1 - near.leadingZeroBitCount, 23) - narrowing
        let slots = max(1, min(across, 1_000_000_000) >> Int64(shift))
        return (shift, slots << Int64(shift))
    }

    private static func limitsBandwidth(_ scenario: Scenario) -> Bool {
        scenario.deployment.links.contains { $0.bandwidth != nil }
            || scenario.timeline.contains { fault in
                if case .bandwidth = fault.kind { true } else { false }
            }
    }

    private static func internSubjects(
        _ rooms: Int, _ publishers: [RawPublisher]
    ) -> (SubjectTable, [SubjectID], [SubjectID]) {
        var table = SubjectTable()
        var patterns: [SubjectID] = []
        var literals: [SubjectID] = []
        for room in 0..<rooms {
            patterns.append(table.intern("room.\(room).*"))
            literals.append(table.intern("room.\(room).m"))
        }
        for publisher in publishers {
            patterns.append(table.intern(publisher.subject))
            literals.append(table.intern(publisher.subject))
        }
        return (table, patterns, literals)
    }
}

/// When each process is dead, from the leases of the timeline.
private struct ProcessLives {
    var relays: [[Outage]]
    var servers: [[Outage]]

    init(_ timeline: [Fault], relays relayPlaces: [RelayPlace], servers serverPlaces: [ServerPlace]) {
        relays = Array(repeating: [], count: relayPlaces.count)
        servers = Array(repeating: [], count: serverPlaces.count)
        for fault in timeline {
            func outage(silent: Bool) -> Outage {
                Outage(start: fault.start.nanoseconds, end: fault.end?.nanoseconds ?? Int64.max, isSilent: silent)
            }
            switch fault.kind {
            case .powerLoss(let region), .refused(let region):
                var silent = false
                if case .powerLoss = fault.kind { silent = true }
                for (index, place) in relayPlaces.enumerated() where place.region == region {
                    relays[index].append(outage(silent: silent))
                }
                for (index, place) in serverPlaces.enumerated() where place.region == region {
                    servers[index].append(outage(silent: silent))
                }
            case .serverKill(let region, let server):
                for (index, place) in serverPlaces.enumerated() where place.region == region && place.local == server {
                    servers[index].append(outage(silent: false))
                }
            case .relayKill(let region, let transport, let replica):
                for (index, place) in relayPlaces.enumerated()
                where place.region == region && place.transport == transport && place.replica == replica {
                    relays[index].append(outage(silent: false))
                }
            case .blackHole, .wanCut, .roundTrip, .loss, .jitter, .bandwidth:
                break
            }
        }
        relays = relays.map(Self.merged)
        servers = servers.map(Self.merged)
    }

    /// Dead wins while any lease holds: overlapping spans become one.
    private static func merged(_ outages: [Outage]) -> [Outage] {
        var result: [Outage] = []
        for outage in outages.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            if let last = result.last, outage.start <= last.end {
                result[result.count - 1].end = max(last.end, outage.end)
            } else {
                result.append(outage)
            }
        }
        return result
    }
}

/// Sites and links as functions of time.
private struct Paths {
    var sites: SiteSchedule
    var links: [[LinkSchedule?]]

    var passage: SitePassage { SitePassage(sites, count: links.count) }

    init(_ scenario: Scenario) {
        let regions = scenario.deployment.regions.count
        sites = SiteSchedule(sites: regions)
        links = Array(repeating: Array(repeating: nil, count: regions), count: regions)
        for link in scenario.deployment.links {
            links[link.first][link.second] = LinkSchedule(
                roundTrip: link.roundTrip, oneWay: link.oneWay, jitter: link.jitter, loss: link.loss,
                bandwidth: link.bandwidth)
            links[link.second][link.first] = LinkSchedule(
                roundTrip: link.roundTrip, oneWay: link.oneWay.map { link.roundTrip - $0 }, jitter: link.jitter,
                loss: link.loss, bandwidth: link.bandwidth)
        }
        for fault in scenario.timeline { apply(fault, scenario.deployment) }
        sites.seal()
        for first in 0..<regions {
            for second in 0..<regions { links[first][second]?.seal() }
        }
    }

    private mutating func apply(_ fault: Fault, _ deployment: Deployment) {
        let end = fault.end ?? .never
        switch fault.kind {
        case .blackHole(let region):
            sites.add(site: region, state: .blackHole, from: fault.start, to: end)
            cutAll(of: region, from: fault.start, to: end)
        case .powerLoss(let region):
            sites.add(site: region, state: .powerLoss, from: fault.start, to: end)
            cutAll(of: region, from: fault.start, to: end)
        case .refused(let region):
            sites.add(site: region, state: .refused, from: fault.start, to: end)
        case .wanCut(let link, let source):
            let ends = [deployment.links[link].first, deployment.links[link].second]
            for (from, to) in [(ends[0], ends[1]), (ends[1], ends[0])] where source == nil || source == from {
                links[from][to]?.addCut(from: fault.start, to: end)
            }
        case .roundTrip(let link, let roundTrip):
            both(deployment.links[link]) { $0?.addDelay(roundTrip: roundTrip, from: fault.start, to: end) }
        case .loss(let link, let loss):
            both(deployment.links[link]) { $0?.addLoss(loss, from: fault.start, to: end) }
        case .jitter(let link, let jitter):
            both(deployment.links[link]) { $0?.addJitter(jitter, from: fault.start, to: end) }
        case .bandwidth(let link, let bandwidth):
            both(deployment.links[link]) { $0?.addBandwidth(bandwidth, from: fault.start, to: end) }
        case .serverKill, .relayKill:
            break
        }
    }

    private mutating func both(_ link: WANLink, _ change: (inout LinkSchedule?) -> Void) {
        change(&links[link.first][link.second])
        change(&links[link.second][link.first])
    }

    private mutating func cutAll(of region: Int, from start: SimTime, to end: SimTime) {
        for other in links.indices {
            links[region][other]?.addCut(from: start, to: end)
            links[other][region]?.addCut(from: start, to: end)
        }
    }
}

/// When packets pass to and from a site at all: the hot path's view of the site schedule.
struct SitePassage {
    /// By site, the spans in which packets are dropped, in order of time.
    let closed: [[(start: Int64, end: Int64)]]
    /// Whether no site ever drops packets: the common case, told without a look at the spans.
    let isAlwaysOpen: Bool
    private let schedule: SiteSchedule

    init(_ sites: SiteSchedule, count: Int) {
        schedule = sites
        let all = (0..<count).map { site in
            var spans: [(start: Int64, end: Int64)] = []
            for (time, state) in sites.changes(of: site) {
                let drops = state == .blackHole || state == .powerLoss
                if let last = spans.last, last.end == Int64.max {
                    if !drops { spans[spans.count - 1].end = time.nanoseconds }
                } else if drops {
                    spans.append((time.nanoseconds, Int64.max))
                }
            }
            return spans
        }
        closed = all
        isAlwaysOpen = all.allSatisfy(\.isEmpty)
    }

    /// Whether a packet that is on its way in `from...to` gets through.
    @inline(__always)
    func passes(_ site: Int, from: Int64, to: Int64) -> Bool {
        if isAlwaysOpen { return true }
        let spans = closed[site]
        return !spans.contains { $0.start <= to && from < $0.end }
    }

    /// Whether the site's load balancer resets every connection at `time`.
    func isRefused(_ site: Int, at time: Int64) -> Bool {
        schedule.state(of: site, at: SimTime(nanoseconds: time)) == .refused
    }

    /// The span in which `time` lies, if packets are dropped then.
    func closedSpan(_ site: Int, at time: Int64) -> (start: Int64, end: Int64)? {
        closed[site].first { $0.start <= time && time < $0.end }
    }
}
