public import EventKernel
public import Network

/// What one person intends, whatever the system makes of it. Fixed before the first event.
public struct PersonPlan: Hashable, Sendable {
    /// Position in `CallPlan.people`; dense, but moves when anything is added.
    public var id: Int32
    /// Stable name, for example `vietnam/call-12/person-2`.
    public var identity: String
    /// The same as a number below 2^48, for random streams: population, call and person number. It stays the same
    /// when a population is appended or the horizon moves.
    public var entity: UInt64
    /// The population they belong to; in a spanning call it may differ from the call's.
    public var population: Int
    public var region: Int
    /// Index in `CallPlan.rooms`.
    public var room: Int32
    /// When they open the call; before zero if they are in progress.
    public var join: SimTime
    /// When they leave of their own will; may be later than the horizon.
    public var leave: SimTime
    /// Joined before time zero; connected then.
    public var isInProgress: Bool
    /// To each region's site, the last mile included.
    public var roundTrips: [SimDuration]
    public var access: AccessKind
    /// Neither a network that drops UDP nor a browser without WebTransport.
    public var hasWebTransport: Bool
    public var microphone: Bool
    public var camera: Bool

    public init(
        id: Int32, identity: String, entity: UInt64, population: Int, region: Int, room: Int32, join: SimTime,
        leave: SimTime, isInProgress: Bool, roundTrips: [SimDuration], access: AccessKind, hasWebTransport: Bool,
        microphone: Bool, camera: Bool
    ) {
        self.id = id
        self.identity = identity
        self.entity = entity
        self.population = population
        self.region = region
        self.room = room
        self.join = join
        self.leave = leave
        self.isInProgress = isInProgress
        self.roundTrips = roundTrips
        self.access = access
        self.hasWebTransport = hasWebTransport
        self.microphone = microphone
        self.camera = camera
    }

    /// Whether they intend to be in the call at `time`: from `join`, included, to `leave`, excluded.
    public func isInCall(at time: SimTime) -> Bool { join <= time && time < leave }

    /// Their way to a region's site.
    public func path(to region: Int) -> AccessPath { AccessPath(roundTrip: roundTrips[region], kind: access) }

    /// Packets that a peer's diagnostics spend on them at each tick: one for each medium they send.
    public var diagnosticsShare: Int { (microphone ? 1 : 0) + (camera ? 1 : 0) }
}

/// One call.
public struct RoomPlan: Hashable, Sendable {
    /// Position in `CallPlan.rooms`.
    public var id: Int32
    /// Positions of its participants in `CallPlan.people`, in the order of their numbers.
    public var people: Range<Int>
    /// Stable number among the calls of its kind and population, from 1.
    public var number: Int32
    /// Begun before time zero by the draw of calls in progress; such calls have numbers of their own.
    public var isInitial: Bool
    /// The population that it belongs to.
    public var population: Int
    /// Stable name, for example `vietnam/call-12`, or `vietnam/initial-3` for a call in progress at time zero.
    public var identity: String
    public var start: SimTime
    public var end: SimTime

    public init(
        id: Int32, people: Range<Int>, number: Int32, isInitial: Bool, population: Int, identity: String,
        start: SimTime, end: SimTime
    ) {
        self.id = id
        self.people = people
        self.number = number
        self.isInitial = isInitial
        self.population = population
        self.identity = identity
        self.start = start
        self.end = end
    }
}

/// Packs stable numbers into the 48 bits of an entity: population 12, call 24, person 12.
enum CallEntity {
    static let populationLimit = 1 << 12
    /// The top bit of a call's number marks calls in progress at time zero.
    static let callLimit = 1 << 23
    static let personLimit = 1 << 12

    /// Person 0 stands for the call itself.
    static func pack(population: Int, call: Int, isInitial: Bool, person: Int) -> UInt64 {
        precondition(population < populationLimit && call < callLimit && person < personLimit)
        let flagged = UInt64(call) | (isInitial ? 1 << 23 : 0)
        return UInt64(population) << 36 | flagged << 12 | UInt64(person)
    }
}

/// A bound of the call plan that a scenario exceeds.
public struct CallPlanError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
}
