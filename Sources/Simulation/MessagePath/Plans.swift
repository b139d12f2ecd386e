import NATSModel

/// One session of a server's own relays that a copy is for.
struct Target: BitwiseCopyable {
    /// Of the session at its relay.
    var slot: Int32
    var session: UInt32
    /// The session's person has with sender s the pair `pairBase + s`.
    var pairBase: Int32
    /// The serial with which this server announced the session to other clusters.
    var serial: UInt32
}

/// One session behind a route or a gateway.
struct RemoteTarget: BitwiseCopyable {
    var session: UInt32
    /// The serial with which this server announced it to other clusters.
    var serial: UInt32
    /// The serial with which its own server announced it.
    var peerSerial: UInt32
    /// Fills a unit of the table.
    private let unused: UInt32 = 0

    init(session: UInt32, serial: UInt32 = 0, peerSerial: UInt32 = 0) {
        self.session = session
        self.serial = serial
        self.peerSerial = peerSerial
    }
}

/// The copies for one relay; its targets follow in the memory.
struct RelayTargets: BitwiseCopyable {
    /// Index within the region; for a plain subscriber the complement of its number.
    var relay: Int32
    var count: Int32
    /// Fills a unit of the table.
    private let unused: Int64 = 0

    init(relay: Int32, count: Int32) {
        self.relay = relay
        self.count = count
    }
}

extension UnsafePointer<RelayTargets> {
    @inline(__always)
    var targets: UnsafePointer<Target> { UnsafeRawPointer(self + 1).assumingMemoryBound(to: Target.self) }

    /// The plan's next list; meaningless behind the last one.
    @inline(__always)
    var next: UnsafePointer<RelayTargets> {
        UnsafeRawPointer(targets + Int(pointee.count)).assumingMemoryBound(to: RelayTargets.self)
    }
}

/// The copy for one routed server or one other region, and the sessions it is for.
struct ForwardTargets: BitwiseCopyable {
    /// Server within the region; for a gateway, the server at its other end, over all regions.
    var place: Int32
    /// Where the sessions are: units behind the plan's beginning.
    var first: Int32
    var count: Int32
    /// For a route: the latest serial of that server's announcements among the targets. For a gateway: the region.
    var serial: UInt32
}

/// What a server does with the messages of one room: compiled from `Server.forwarding`, immutable, kept for the
/// whole run since items and trails name it. Behind it in the memory lie its lists, each with its targets, then its
/// routes, its gateways, and the sessions behind those: what a message asks for lies in one or two lines of the cache.
struct Plan: BitwiseCopyable {
    /// The latest announcement serial among its local and routed sessions: a message from another cluster whose
    /// sender knew at least this serial lists them all.
    var maximumSerial: UInt32
    /// The same among its local sessions alone, for messages that come over a route.
    var maximumLocalSerial: UInt32
    /// Copies to relays: one for each session, since each is a queue group of its own.
    var localCopies: Int32
    var relaysCount: Int32
    /// Where its routes begin, and behind them its gateways: units behind the plan's beginning.
    fileprivate(set) var forwards: Int32
    var routesCount: UInt16
    var gatewaysCount: UInt16
    /// Its position among all plans.
    fileprivate(set) var order: UInt32
    /// Whether it is in force: what a message in its stream's run of messages asks, without a look at its room.
    var isCurrent = true
}

extension Plan {
    /// A message whose sender knew at least this serial of ours is for all that the plan lists.
    @inline(__always)
    func newest(for source: Source) -> UInt32 { source == .route ? maximumLocalSerial : maximumSerial }
}

extension UnsafeMutablePointer<Plan> {
    /// The first of `relaysCount` lists.
    @inline(__always)
    var lists: UnsafePointer<RelayTargets> {
        UnsafeRawPointer(self + 1).assumingMemoryBound(to: RelayTargets.self)
    }

    @inline(__always)
    var routes: UnsafePointer<ForwardTargets> {
        (UnsafeRawPointer(self) + Int(pointee.forwards) &* PlanTable.unit).assumingMemoryBound(to: ForwardTargets.self)
    }

    @inline(__always)
    var gateways: UnsafePointer<ForwardTargets> { routes + Int(pointee.routesCount) }

    /// The sessions behind one of its routes or gateways.
    func sessions(behind forward: ForwardTargets) -> UnsafeBufferPointer<RemoteTarget> {
        let first = UnsafeRawPointer(self) + Int(forward.first) * PlanTable.unit
        return UnsafeBufferPointer(start: first.assumingMemoryBound(to: RemoteTarget.self), count: Int(forward.count))
    }

    /// Its routes, then its gateways.
    var allForwards: UnsafeBufferPointer<ForwardTargets> {
        UnsafeBufferPointer(start: routes, count: Int(pointee.routesCount) + Int(pointee.gatewaysCount))
    }

    /// Its lists one after another.
    @inline(__always)
    func forEachList(_ body: (UnsafePointer<RelayTargets>) -> Void) {
        var list = lists
        for _ in 0..<pointee.relaysCount {
            body(list)
            list = list.next
        }
    }
}

/// A plan before it has its place in the table.
struct PlanDraft {
    struct Forward {
        var place: Int32
        var serial: UInt32
        var sessions: [RemoteTarget]
    }

    var room: Int
    var maximumSerial: UInt32 = 0
    var maximumLocalSerial: UInt32 = 0
    var relays: [(relay: Int32, targets: [Target])] = []
    var routes: [Forward] = []
    var gateways: [Forward] = []

    /// Units that it takes in the table, its own included.
    fileprivate var units: Int {
        let lists = relays.reduce(0) { $0 + 1 + $1.targets.count }
        return PlanTable.planUnits + lists + (routes + gateways).reduce(0) { $0 + 1 + $1.sessions.count }
    }
}

/// The plans of a region's servers, with the lists they consist of, in one piece of memory.
struct PlanTable: ~Copyable {
    static let none = UInt32.max
    /// Bytes in which places within a plan, and lists, are counted.
    static var unit: Int { 16 }
    fileprivate static var planUnits: Int { MemoryLayout<Plan>.stride / unit }
    /// Plans begin with a line of the cache: this is what they are counted in.
    private static var line: Int { 64 }

    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private var used = 0
    /// The numbers of all plans, and when each was compiled.
    private(set) var numbers = Slab<UInt32>()
    private(set) var times = Slab<Int64>()
    /// By local server and room: the plan in force, `none` when it has to be compiled.
    private(set) var current: [UInt32]
    let rooms: Int
    /// By server: the plan narrowed last, for what, and the result. Newcomers are few and messages many.
    private var narrowings: [(plan: UInt32, known: UInt32, result: UInt32)]

    init(servers: Int, rooms: Int) {
        self.rooms = rooms
        narrowings = Array(repeating: (Self.none, 0, Self.none), count: servers)
        current = Array(repeating: Self.none, count: servers * rooms)
        capacity = 1 << 12
        memory = .allocate(byteCount: capacity, alignment: Self.line)
    }

    deinit { memory.deallocate() }

    var count: Int { numbers.count }

    /// The place of a plan; valid until the next is added.
    @inline(__always)
    func plan(_ number: UInt32) -> UnsafeMutablePointer<Plan> {
        (memory + Int(number) &* Self.line).assumingMemoryBound(to: Plan.self)
    }

    /// A relay's list, by the number that its copies have; valid until the next plan is added.
    @inline(__always)
    func list(_ number: UInt32) -> UnsafePointer<RelayTargets> {
        UnsafeRawPointer(memory + Int(number) &* Self.unit).assumingMemoryBound(to: RelayTargets.self)
    }

    @inline(__always)
    func number(of list: UnsafePointer<RelayTargets>) -> UInt32 {
        UInt32(truncatingIfNeeded: (UnsafeRawPointer(list) - UnsafeRawPointer(memory)) / Self.unit)
    }

    mutating func invalidate(server: Int, room: Int) {
        let place = server * rooms + room
        if current[place] != Self.none { plan(current[place]).pointee.isCurrent = false }
        current[place] = Self.none
    }

    mutating func invalidateAll(server: Int) {
        for room in 0..<rooms { invalidate(server: server, room: room) }
    }

    /// Puts a plan in force.
    mutating func append(_ draft: PlanDraft, server: Int, at time: Int64) -> UInt32 {
        let number = write(draft, at: time)
        current[server * rooms + draft.room] = number
        return number
    }

    /// A copy of `plan` without the sessions that the sender of the message did not know yet.
    mutating func narrowed(_ number: UInt32, known: UInt32, server: Int, room: Int) -> UInt32 {
        if narrowings[server].plan == number && narrowings[server].known == known { return narrowings[server].result }
        let whole = plan(number)
        var draft = PlanDraft(
            room: room, maximumSerial: whole.pointee.maximumSerial,
            maximumLocalSerial: whole.pointee.maximumLocalSerial)
        whole.forEachList { list in
            let targets = UnsafeBufferPointer(start: list.targets, count: Int(list.pointee.count))
            let kept = targets.filter { $0.serial <= known }
            if !kept.isEmpty { draft.relays.append((list.pointee.relay, kept)) }
        }
        for (position, forward) in whole.allForwards.enumerated() {
            let sessions = Array(whole.sessions(behind: forward))
            guard position < Int(whole.pointee.routesCount) else {
                draft.gateways.append(.init(place: forward.place, serial: forward.serial, sessions: sessions))
                continue
            }
            let kept = sessions.filter { $0.serial <= known }
            guard let latest = kept.map(\.peerSerial).max() else { continue }
            draft.routes.append(.init(place: forward.place, serial: latest, sessions: kept))
        }
        let result = write(draft, at: times[Int(whole.pointee.order)])
        plan(result).pointee.isCurrent = false
        narrowings[server] = (number, known, result)
        return result
    }

    // MARK: Memory

    /// Writes a plan behind the others.
    private mutating func write(_ draft: PlanDraft, at time: Int64) -> UInt32 {
        let bytes = (draft.units * Self.unit + Self.line - 1) / Self.line * Self.line
        while used + bytes > capacity { grow() }
        let start = memory + used
        let number = UInt32(used / Self.line)
        used += bytes
        var place = start + MemoryLayout<Plan>.stride
        for (relay, targets) in draft.relays {
            Self.put(RelayTargets(relay: relay, count: Int32(targets.count)), at: &place)
            for target in targets { Self.put(target, at: &place) }
        }
        start.initializeMemory(
            as: Plan.self,
            to: Plan(
                maximumSerial: draft.maximumSerial, maximumLocalSerial: draft.maximumLocalSerial,
                localCopies: Int32(draft.relays.reduce(0) { $0 + max(1, $1.targets.count) }),
                relaysCount: Int32(draft.relays.count), forwards: Int32((place - start) / Self.unit),
                routesCount: UInt16(draft.routes.count), gatewaysCount: UInt16(draft.gateways.count),
                order: UInt32(numbers.count)))
        let forwards = draft.routes + draft.gateways
        var first = (place - start) / Self.unit + forwards.count
        for forward in forwards {
            Self.put(
                ForwardTargets(
                    place: forward.place, first: Int32(first), count: Int32(forward.sessions.count),
                    serial: forward.serial), at: &place)
            first += forward.sessions.count
        }
        for session in forwards.flatMap(\.sessions) { Self.put(session, at: &place) }
        numbers.append(number)
        times.append(time)
        return number
    }

    private static func put<Part: BitwiseCopyable>(_ part: Part, at place: inout UnsafeMutableRawPointer) {
        assert(MemoryLayout<Part>.size == unit)
        place.initializeMemory(as: Part.self, to: part)
        place += unit
    }

    private mutating func grow() {
        // A list's number has 32 bits.
        precondition(capacity / Self.unit <= Int(UInt32.max) / 2, "the plans take more memory than can be numbered")
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: Self.line)
        larger.copyMemory(from: memory, byteCount: used)
        memory.deallocate()
        memory = larger
        capacity *= 2
    }
}
