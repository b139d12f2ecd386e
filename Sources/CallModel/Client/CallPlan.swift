public import EventKernel
import Network
import RandomVariates

/// Every call and person of a run, drawn before the first event: faults cannot move it.
///
/// docs/models/traffic.md states the laws. Each draw has its own stream, keyed by what it decides and by the stable
/// number of population, call and person: appending a population or lengthening the horizon moves no other draw.
public struct CallPlan: Hashable, Sendable {
    public private(set) var rooms: [RoomPlan] = []
    public private(set) var people: [PersonPlan] = []

    /// Nobody.
    public init() {}

    /// How long the members of a constant call take to join at an empty start.
    public static var constantJoinSpread: SimDuration { .seconds(10) }
    /// A constant call lasts this much longer than the run.
    public static var constantMargin: SimDuration { .minutes(1) }

    /// The people of a room.
    public func members(of room: RoomPlan) -> ArraySlice<PersonPlan> { people[room.people] }

    /// Draws the plan of one replication.
    ///
    /// - Parameters:
    ///   - startUTC: seconds since 1970 at time zero, for local hours.
    ///   - steady: whether calls are in progress at time zero.
    ///   - horizon: people who would join at or after it are left out.
    ///   - peopleLimit: more people than this are refused.
    /// - Throws: `CallPlanError` when a scenario asks for more people than `peopleLimit`, more than 8,388,607 calls of
    ///   a population, a call of more than 4,095 people, or more than a million calls in progress at once.
    public static func make(
        populations: [Population], client: ClientParameters, media: MediaParameters, startUTC: Int64, steady: Bool,
        horizon: SimDuration, seed: UInt64, replication: UInt32, peopleLimit: Int = 4_000_000
    ) throws -> CallPlan {
        guard populations.count <= CallEntity.populationLimit else {
            throw CallPlanError(description: "more than \(CallEntity.populationLimit) populations")
        }
        let draft = CallDraft(
            populations: populations, client: client, media: media, startUTC: startUTC, steady: steady,
            horizon: horizon, seed: seed, replication: replication, peopleLimit: peopleLimit)
        var plan = CallPlan()
        for index in populations.indices { try draft.addCalls(of: index, to: &plan) }
        return plan
    }

    mutating func append(_ room: RoomPlan, _ members: [PersonPlan]) {
        guard !members.isEmpty else { return }
        var room = room
        room.id = Int32(rooms.count)
        room.people = people.count..<people.count + members.count
        for var person in members {
            person.id = Int32(people.count)
            person.room = room.id
            people.append(person)
        }
        rooms.append(room)
    }
}

/// A call before its people are known.
private struct Call {
    var population: Int
    var number: Int
    var isInitial: Bool
    /// Constant calls have everyone there from the start to the end.
    var isConstant: Bool
    /// Seconds from time zero.
    var start: Double
    var duration: Double
}

/// The drawing of a plan.
private struct CallDraft {
    /// The largest mean that the Poisson variate takes.
    static let poissonLimit = 1e6

    let populations: [Population]
    let client: ClientParameters
    let media: MediaParameters
    let startUTC: Int64
    let steady: Bool
    let horizon: SimDuration
    let seed: UInt64
    let replication: UInt32
    let peopleLimit: Int

    func stream(_ purpose: Purpose, _ entity: UInt64) -> RandomStream {
        RandomStream(seed: seed, purpose: purpose, replication: replication, entity: entity)
    }

    func entity(_ call: Call, person: Int = 0) -> UInt64 {
        CallEntity.pack(
            population: call.population, call: call.number, isInitial: call.isInitial, person: person)
    }

    func addCalls(of index: Int, to plan: inout CallPlan) throws {
        let population = populations[index]
        let mean = population.meanDuration.seconds
        precondition(mean > 0 && !population.sizes.isEmpty)
        switch population.traffic {
        case .constant(let calls):
            for number in 0..<max(0, calls) {
                try add(
                    Call(
                        population: index, number: number + 1, isInitial: false, isConstant: true, start: 0,
                        duration: (horizon + CallPlan.constantMargin).seconds), to: &plan)
            }
        case .arrivals(let perSecond, let diurnal):
            try addPoisson(index, perSecond, diurnal, &plan)
        case .concurrent(let calls, let diurnal):
            try addPoisson(index, calls / mean, diurnal, &plan)
        }
    }

    private func addPoisson(_ index: Int, _ perSecond: Double, _ diurnal: Diurnal, _ plan: inout CallPlan) throws {
        let population = populations[index]
        let rate = ArrivalRate(
            mean: perSecond, diurnal: diurnal, startUTC: startUTC, utcOffset: population.utcOffset)
        guard rate.peak > 0 else { return }
        if steady { try addInProgress(index, rate, &plan) }
        var gaps = stream(.callArrival, UInt64(index))
        let law = DurationLaw(population)
        var now = 0.0
        var number = 0
        let limit = horizon.seconds
        while let next = rate.time(after: now, amount: gaps.exponential(mean: 1), limit: limit) {
            now = next
            number += 1
            var call = Call(
                population: index, number: number, isInitial: false, isConstant: false, start: now, duration: 0)
            var draws = stream(.callDuration, try checked(call))
            call.duration = law.draw(&draws)
            try add(call, to: &plan)
        }
    }

    /// Draws the calls that began before time zero and last beyond it.
    ///
    /// They are the points (start, duration) of a Poisson process; with arrivals at the day's peak rate their number
    /// is Poisson(peak * mean duration), a duration has the length-biased law, and its age is uniform over it
    /// (M/G/infinity in equilibrium). Keeping each with the ratio of the rate at its start to the peak gives the
    /// exact law for a rate that changes by the hour.
    private func addInProgress(_ index: Int, _ rate: ArrivalRate, _ plan: inout CallPlan) throws {
        let mean = rate.peak * populations[index].meanDuration.seconds
        guard mean <= Self.poissonLimit else {
            throw CallPlanError(description: "more than \(Int(Self.poissonLimit)) calls in progress at once")
        }
        var numbers = stream(.callsInProgress, UInt64(index))
        let law = DurationLaw(populations[index])
        let count = numbers.poisson(mean: mean)
        for number in 0..<count {
            var call = Call(
                population: index, number: number + 1, isInitial: true, isConstant: false, start: 0, duration: 0)
            var draws = stream(.callDuration, try checked(call))
            call.duration = law.drawLengthBiased(&draws)
            call.start = -call.duration * draws.uniform()
            guard draws.uniform() * rate.peak < rate.rate(at: call.start) else { continue }
            try add(call, to: &plan)
        }
    }

    private func checked(_ call: Call) throws -> UInt64 {
        guard call.number < CallEntity.callLimit else {
            throw CallPlanError(description: "more than \(CallEntity.callLimit) calls of one population")
        }
        return entity(call)
    }

    private func add(_ call: Call, to plan: inout CallPlan) throws {
        let population = populations[call.population]
        let size = drawSize(call, population)
        guard size < CallEntity.personLimit else {
            throw CallPlanError(description: "a call with \(size) people; \(CallEntity.personLimit - 1) are possible")
        }
        guard plan.people.count + size <= peopleLimit else {
            throw CallPlanError(description: "more than \(peopleLimit) people within the horizon")
        }
        _ = try checked(call)
        var spans = false
        if let cross = population.crossRegion {
            var draws = stream(.callSpan, entity(call))
            spans = draws.bernoulli(cross.share) && size > 1
        }
        let kind = call.isInitial ? "initial" : "call"
        let name = "\(population.name)/\(kind)-\(call.number)"
        let members = (1...size).compactMap { person(number: $0, of: call, name, spans) }
        let room = RoomPlan(
            id: 0, people: 0..<0, number: Int32(call.number), isInitial: call.isInitial,
            population: call.population, identity: name,
            start: call.isConstant && steady ? .start - CallPlan.constantJoinSpread : time(call.start),
            end: time(call.start + call.duration))
        plan.append(room, members)
    }

    private func drawSize(_ call: Call, _ population: Population) -> Int {
        var draws = stream(.callSize, entity(call))
        let entry = population.sizes[draws.discrete(population.sizes.map(\.share))]
        let width = max(0, entry.largest - entry.smallest) + 1
        return max(1, entry.smallest + draws.integer(below: width))
    }

    private func time(_ seconds: Double) -> SimTime { SimTime(nanoseconds: Int64((seconds * 1e9).rounded())) }

    /// One participant; `nil` if they left before time zero or would join after the horizon.
    private func person(number: Int, of call: Call, _ name: String, _ spans: Bool) -> PersonPlan? {
        let entity = entity(call, person: number)
        let (join, leave) = stay(number, call, entity)
        guard leave >= .start, join < .start + horizon else { return nil }
        let home = side(number, call, entity, spans)
        let population = populations[home]
        let lastMile = AccessPath.lastMile(
            of: population.access, seed: seed, replication: replication, entity: entity)
        var transport = stream(.personTransport, entity)
        let isBlocked = transport.bernoulli(client.webTransportBlocked)
        let isOld = transport.bernoulli(client.webSocketOnly)
        var devices = stream(.personMedia, entity)
        let microphone = devices.bernoulli(media.microphoneOn)
        let camera = devices.bernoulli(media.cameraOn)
        return PersonPlan(
            id: 0, identity: "\(name)/person-\(number)", entity: entity, population: home,
            region: population.region, room: 0, join: join, leave: leave, isInProgress: join < .start,
            roundTrips: population.roundTrips.map { $0 + lastMile }, access: population.access,
            hasWebTransport: !isBlocked && !isOld, microphone: microphone, camera: camera)
    }

    /// The population of a participant: the first of a spanning call is of its own, the second of the other one.
    private func side(_ number: Int, _ call: Call, _ entity: UInt64, _ spans: Bool) -> Int {
        guard spans, let cross = populations[call.population].crossRegion else { return call.population }
        switch number {
        case 1: return call.population
        case 2: return cross.with
        default:
            var draws = stream(.personSide, entity)
            return draws.bernoulli(cross.remoteShare) ? cross.with : call.population
        }
    }

    /// When a participant joins and leaves.
    private func stay(_ number: Int, _ call: Call, _ entity: UInt64) -> (join: SimTime, leave: SimTime) {
        var arrival = stream(.personJoin, entity)
        if call.isConstant {
            let spread = arrival.uniform() * CallPlan.constantJoinSpread.seconds
            // At a steady start everyone came a spread earlier, at least a nanosecond before time zero.
            let join = steady ? time(spread - CallPlan.constantJoinSpread.seconds) - .nanoseconds(1) : time(spread)
            return (join, time(call.duration))
        }
        var offset = 0.0
        if number > 1 {
            let isLate = arrival.bernoulli(0.2)
            offset = isLate ? arrival.exponential(mean: 360) : 60 * arrival.lognormal(mu: 0, sigma: 1)
            offset = min(offset, 0.6 * call.duration)
        }
        var end = call.duration
        if number > 2 {
            var departure = stream(.personLeave, entity)
            end = offset + (call.duration - offset) * departure.beta(alpha: 8, beta: 1.2)
        }
        return (time(call.start + offset), time(call.start + end))
    }
}

/// Lognormal durations by mean and coefficient of variation.
private struct DurationLaw {
    let mean: Double
    let sigma: Double

    init(_ population: Population) {
        mean = population.meanDuration.seconds
        let variation = population.durationVariation
        sigma = Elementary.log(1 + variation * variation).squareRoot()
    }

    func draw(_ stream: inout RandomStream) -> Double {
        mean * stream.lognormal(mu: -sigma * sigma / 2, sigma: sigma)
    }

    /// A duration chosen with a probability in proportion to its length: again lognormal, mu higher by sigma squared.
    func drawLengthBiased(_ stream: inout RandomStream) -> Double {
        mean * stream.lognormal(mu: sigma * sigma / 2, sigma: sigma)
    }
}
