import NATSModel

/// One session that a server's copy is for.
struct Target: BitwiseCopyable {
    /// Slot at the relay; -1 behind a route or gateway, where only the session matters.
    var slot: Int32
    var session: UInt32
    /// The session's person has with sender s the pair `pairBase + s`.
    var pairBase: Int32
    /// The serial with which this server announced the session to other clusters.
    var serial: UInt32
    /// For a routed session: the serial with which its own server announced it.
    var peerSerial: UInt32
}

/// The copies for one relay: a range of targets.
struct RelayTargets: BitwiseCopyable {
    /// Index within the region.
    var relay: Int32
    var first: Int32
    var count: Int32
    var room: Int32
}

/// The copy for one routed server or one other region, and the sessions it is for.
struct ForwardTargets: BitwiseCopyable {
    /// Server within the region; for a gateway, the server at its other end, over all regions.
    var place: Int32
    var first: Int32
    var count: Int32
    /// For a route: the latest serial of that server's announcements among the targets. For a gateway: the region.
    var serial: UInt32
}

/// What a server does with the messages of one room: compiled from `Server.forwarding`, immutable, kept for the
/// whole run since items and trails name it.
struct Plan: BitwiseCopyable {
    var server: Int32
    var room: Int32
    /// The latest announcement serial among its local and routed sessions: a message from another cluster whose
    /// sender knew at least this serial lists them all.
    var maximumSerial: UInt32
    /// The same among its local sessions alone, for messages that come over a route.
    var maximumLocalSerial: UInt32
    var targetsFirst: Int32 = 0
    var relaysFirst: Int32
    var relaysCount: Int32
    var routesFirst: Int32
    var routesCount: Int32
    var gatewaysFirst: Int32
    var gatewaysCount: Int32
    /// Copies to relays: one for each session, since each is a queue group of its own.
    var localCopies: Int32
    /// Its first copy, to be read ahead: relay, slot of the session, and base of the session's pairs.
    var firstRelay: Int32 = 0
    var firstSlot: Int32 = 0
    var firstPairBase: Int32 = 0
    /// Whether it is in force: what a message in its stream's run of messages asks, without a look at its room.
    var isCurrent = true
}

extension Plan {
    /// A message whose sender knew at least this serial of ours is for all that the plan lists.
    @inline(__always)
    func newest(for source: Source) -> UInt32 { source == .route ? maximumLocalSerial : maximumSerial }
}

/// The plans of a region's servers, with the lists they consist of.
struct PlanTable: ~Copyable {
    static let none = UInt32.max

    var plans = Slab<Plan>()
    /// By plan: when it was compiled.
    private(set) var times = Slab<Int64>()
    var relays = Slab<RelayTargets>()
    var routes = Slab<ForwardTargets>()
    var gateways = Slab<ForwardTargets>()
    var targets = Slab<Target>()
    /// By local server and room: the plan in force, `none` when it has to be compiled.
    private(set) var current: [UInt32]
    let rooms: Int
    /// By server: the plan narrowed last, for what, and the result. Newcomers are few and messages many.
    private var narrowings: [(plan: UInt32, known: UInt32, result: UInt32)]

    init(servers: Int, rooms: Int) {
        self.rooms = rooms
        narrowings = Array(repeating: (Self.none, 0, Self.none), count: servers)
        current = Array(repeating: Self.none, count: servers * rooms)
    }

    mutating func invalidate(server: Int, room: Int) {
        let place = server * rooms + room
        if current[place] != Self.none { plans[pointer: Int(current[place])].pointee.isCurrent = false }
        current[place] = Self.none
    }

    mutating func invalidateAll(server: Int) {
        for room in 0..<rooms { invalidate(server: server, room: room) }
    }

    /// Puts a plan in force.
    mutating func append(_ plan: Plan, server: Int, at time: Int64) -> UInt32 {
        plans.append(plan)
        times.append(time)
        let number = UInt32(plans.count - 1)
        current[server * rooms + Int(plan.room)] = number
        return number
    }

    /// A copy of `plan` without the sessions that the sender of the message did not know yet.
    mutating func narrowed(_ plan: UInt32, known: UInt32, server: Int) -> UInt32 {
        if narrowings[server].plan == plan && narrowings[server].known == known { return narrowings[server].result }
        let whole = plans[Int(plan)]
        var result = whole
        result.isCurrent = false
        result.localCopies = 0
        result.relaysFirst = Int32(relays.count)
        result.routesFirst = Int32(routes.count)
        result.relaysCount = 0
        result.routesCount = 0
        for index in Int(whole.relaysFirst)..<Int(whole.relaysFirst + whole.relaysCount) {
            let list = relays[index]
            let kept = narrowedTargets(list.first, list.count, known)
            guard kept.count > 0 else { continue }
            relays.append(RelayTargets(relay: list.relay, first: kept.first, count: kept.count, room: list.room))
            result.relaysCount += 1
            result.localCopies += kept.count
        }
        for index in Int(whole.routesFirst)..<Int(whole.routesFirst + whole.routesCount) {
            let list = routes[index]
            let kept = narrowedTargets(list.first, list.count, known)
            guard kept.count > 0 else { continue }
            routes.append(ForwardTargets(place: list.place, first: kept.first, count: kept.count, serial: kept.serial))
            result.routesCount += 1
        }
        plans.append(result)
        times.append(times[Int(plan)])
        narrowings[server] = (plan, known, UInt32(plans.count - 1))
        return UInt32(plans.count - 1)
    }

    private mutating func narrowedTargets(
        _ first: Int32, _ count: Int32, _ known: UInt32
    ) -> (first: Int32, count: Int32, serial: UInt32) {
        let start = Int32(targets.count)
        var peerSerial: UInt32 = 0
        for index in Int(first)..<Int(first + count) where targets[index].serial <= known {
            peerSerial = max(peerSerial, targets[index].peerSerial)
            targets.append(targets[index])
        }
        return (start, Int32(targets.count) - start, peerSerial)
    }
}
