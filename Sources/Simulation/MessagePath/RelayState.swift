import EventKernel

/// A session at its relay: the relay-side half of a client's connection.
///
/// Slots are never used again, so a target list that was compiled before a session closed cannot reach another.
struct RelaySession: BitwiseCopyable {
    enum State: UInt8 {
        /// Subscribed and receiving, but nothing was published yet.
        case testing
        case active
        case closed
    }

    /// Person in the high 20 bits, number of the connection in the low 12: see `SessionID`.
    var id: UInt32
    var state: State
    /// The same person's previous session at this relay, -1: none.
    var previous: Int32
    var lastInbound: Int64
    /// Copies handed to the session's actor and not yet taken by it.
    var inMailbox: Int32 = 0
    /// When the downlink is free again.
    var downlinkFree: Int64 = 0
    /// Latest arrival of an in-order transport.
    var lastArrival: Int64 = 0
    /// Index of the ring of packets that wait for the downlink, -1: none yet.
    var waiting: Int32 = -1
    /// Region of the person.
    var home: Int32
    var way: AccessWay
    /// Makes the size two lines.
    private var unused: (Int64, Int64) = (0, 0)

    init(id: UInt32, previous: Int32, lastInbound: Int64, home: Int32, way: AccessWay) {
        self.id = id
        state = .testing
        self.previous = previous
        self.lastInbound = lastInbound
        self.home = home
        self.way = way
    }
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
    /// By person: the newest session's slot, -1: none.
    var newest: UnsafeMutablePointer<Int32>
    let people: Int
    let isWebSocket: Bool
    /// The server it is connected to (index within the region), -1: none.
    var server = -1
    var isAlive = true
    /// Arrival of what was written last to its server.
    var lastToServer: Int64 = 0
    var mailbox = Ring<MailboxEntry>(capacityLimit: Station.portLimit)
    /// Departure times of packets that wait for a downlink, by `RelaySession.waiting`.
    var waiting: [[Int64]] = []

    init(station: consuming Station, isWebSocket: Bool, people: Int, slotShift: Int, slots: Int) {
        self.station = station
        arrivals = SlotBin(slotShift: slotShift, slots: slots)
        self.people = people
        self.isWebSocket = isWebSocket
        newest = .allocate(capacity: max(people, 1))
        newest.initialize(repeating: -1, count: max(people, 1))
    }

    deinit { newest.deallocate() }

    /// The slot of a session that is not closed, -1: none.
    @inline(__always)
    func slot(of session: UInt32) -> Int {
        var slot = newest[SessionID.person(session)]
        while slot >= 0 {
            let candidate = sessions[pointer: Int(slot)]
            if candidate.pointee.id == session { return candidate.pointee.state == .closed ? -1 : Int(slot) }
            slot = candidate.pointee.previous
        }
        return -1
    }

    /// When a session, open or closed, was last heard; -1: it never was here.
    func lastInbound(of session: UInt32) -> Int64 {
        var slot = newest[SessionID.person(session)]
        while slot >= 0 {
            let candidate = sessions[pointer: Int(slot)]
            if candidate.pointee.id == session { return candidate.pointee.lastInbound }
            slot = candidate.pointee.previous
        }
        return -1
    }

    mutating func openSession(_ id: UInt32, home: Int32, way: AccessWay, at time: Int64) -> Int {
        let person = SessionID.person(id)
        let slot = sessions.count
        sessions.append(
            RelaySession(
                id: id, previous: newest[person], lastInbound: time, home: home, way: way))
        newest[person] = Int32(slot)
        return slot
    }
}
