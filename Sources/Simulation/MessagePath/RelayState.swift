import EventKernel

/// A session at its relay, as each copy for its person asks for it: a line of the cache.
///
/// Slots are never used again, so a target list that was compiled before a session closed cannot reach another.
struct RelaySession: BitwiseCopyable {
    enum State: UInt8 {
        /// Subscribed and receiving, but nothing was published yet.
        case testing
        case active
        case closed
    }

    let way: AccessWay
    /// When the downlink is free again.
    var downlinkFree: Int64 = 0
    /// Latest arrival of an in-order transport.
    var lastArrival: Int64 = 0
    /// Copies that arrive earlier than this may be settled when they are sent: see `DirectDelivery.swift`.
    var directUntil = Int64.min
    /// Latest arrival of those.
    var lastDirect: Int64 = 0
    /// Copies handed to the session's actor and not yet taken by it.
    var inMailbox: Int32 = 0
    /// Region of the person.
    let home: UInt8
    var state = State.testing
    /// Index of the rate of the downlink.
    let rate: UInt8

    init(way: AccessWay, rate: UInt8, home: UInt8) {
        self.way = way
        self.rate = rate
        self.home = home
    }
}

/// What a session's own packets, and rare events, ask for.
struct SessionUpkeep: BitwiseCopyable {
    /// Person in the high 20 bits, number of the connection in the low 12: see `SessionID`.
    let id: UInt32
    /// The same person's previous session at this relay, -1: none.
    let previous: Int32
    var lastInbound: Int64
    /// Nothing but the person closes the session earlier, nor a fault.
    var staysUntil: Int64
    /// Index of the ring of packets that wait for the downlink, -1: none yet.
    var waiting: Int32 = -1
}

/// Names one connection of one person for all time.
enum SessionID {
    static let connectionBits: UInt32 = 12

    static func make(person: Int, connection: UInt32) -> UInt32 {
        precondition(connection < 1 << connectionBits)
        return UInt32(person) << connectionBits | connection
    }

    @inline(__always)
    static func person(_ session: UInt32) -> Int { Int(session >> connectionBits) }
}

/// A copy in a session's mailbox, until the relay's CPU takes it.
struct MailboxEntry: BitwiseCopyable {
    var start: Int64
    var slot: Int32
}

/// A WebSocket or WebTransport relay process.
struct RelayState: ~Copyable {
    /// Port 0: from clients; port 1 + s: from server s of the region.
    var station: Station
    /// Packets from clients, unordered until their slot comes.
    var arrivals: SlotBin<Item>
    var sessions = Slab<RelaySession>()
    /// By slot, as `sessions`.
    var upkeep = Slab<SessionUpkeep>()
    /// By person: the newest session's slot, -1: none.
    var newest: UnsafeMutablePointer<Int32>
    let people: Int
    let isWebSocket: Bool
    /// The server it is connected to (index within the region), -1: none.
    var server = -1
    /// Word that this server is dead is on its way.
    var losesServer = false
    var isAlive = true
    /// Arrival of what was written last to its server.
    var lastToServer: Int64 = 0
    var mailbox = Ring<MailboxEntry>(capacityLimit: Station.portLimit)
    /// Departure times of packets that wait for a downlink, by `SessionUpkeep.waiting`.
    private(set) var waiting: [UnsafeMutablePointer<Ring<Int64>>] = []

    init(station: consuming Station, isWebSocket: Bool, people: Int, slotShift: Int, slots: Int) {
        self.station = station
        arrivals = SlotBin(slotShift: slotShift, slots: slots)
        self.people = people
        self.isWebSocket = isWebSocket
        newest = .allocate(capacity: max(people, 1))
        newest.initialize(repeating: -1, count: max(people, 1))
    }

    deinit {
        newest.deallocate()
        for queue in waiting {
            queue.deinitialize(count: 1)
            queue.deallocate()
        }
    }

    /// Makes a queue for a session's downlink; its index.
    mutating func addQueue() -> Int32 {
        let queue = UnsafeMutablePointer<Ring<Int64>>.allocate(capacity: 1)
        queue.initialize(to: Ring(capacityLimit: Station.portLimit))
        waiting.append(queue)
        return Int32(waiting.count - 1)
    }

    /// The slot of a session that is not closed, -1: none.
    @inline(__always)
    func slot(of session: UInt32) -> Int {
        let slot = place(of: session)
        return slot >= 0 && sessions[pointer: slot].pointee.state == .closed ? -1 : slot
    }

    /// The slot of a session, open or closed; -1: it never was here.
    @inline(__always)
    func place(of session: UInt32) -> Int {
        var slot = newest[SessionID.person(session)]
        while slot >= 0 {
            let candidate = upkeep[pointer: Int(slot)]
            if candidate.pointee.id == session { return Int(slot) }
            slot = candidate.pointee.previous
        }
        return -1
    }

    /// When a session, open or closed, was last heard; -1: it never was here.
    func lastInbound(of session: UInt32) -> Int64 {
        let slot = place(of: session)
        return slot < 0 ? -1 : upkeep[slot].lastInbound
    }

    mutating func openSession(_ session: RelaySession, _ id: UInt32, at time: Int64) -> Int {
        let person = SessionID.person(id)
        let slot = sessions.count
        sessions.append(session)
        upkeep.append(SessionUpkeep(id: id, previous: newest[person], lastInbound: time, staysUntil: time))
        newest[person] = Int32(slot)
        return slot
    }
}
