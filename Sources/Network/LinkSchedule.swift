public import EventKernel

/// Delay, jitter, loss, capacity and cuts of one direction of a WAN link over the whole run, known at time zero because
/// every fault is.
///
/// Leases compose: the link is down while any cut holds; changes of the round trip add their differences from
/// the base, but the sum never falls below the least value that the base or a lease states. Of several leases of
/// jitter, loss or bandwidth the one that began last holds. A lease holds from its start, included, to its end,
/// excluded. A packet takes the delay of the instant at which it is sent; keeping the order of a TCP connection
/// across a fall of the delay is its station's business.
public struct LinkSchedule: Sendable {
    private enum Change {
        case cut
        /// Nanoseconds that the one-way delay gains.
        case delay(Int64)
        case jitter(SimDuration)
        case loss(PacketLoss)
        case bandwidth(Int64)
    }

    private struct Lease {
        var from: SimTime
        var to: SimTime
        var change: Change
    }

    public let baseRoundTrip: SimDuration
    /// Without leases: from this end to the other one.
    public let baseOneWay: SimDuration
    /// Without leases: bits per second; `nil`: not limited.
    public let bandwidth: Int64?
    /// The least one-way delay of the whole timeline: the lookahead between the regions at its ends.
    public private(set) var leastOneWay: SimDuration
    private let base: LinkCondition
    private var leases: [Lease] = []
    private var floor: Int64
    private var isSealed = false
    /// Segment i holds from `times[i]` until `times[i + 1]`; the first one starts before every time.
    @usableFromInline var times = [SimTime(nanoseconds: Int64.min)]
    @usableFromInline var states: [LinkCondition]
    /// The end of the run of segments with the same `isUp` as this one.
    @usableFromInline var turns = [SimTime.never]

    /// - Parameters:
    ///   - roundTrip: of the pair of directions.
    ///   - oneWay: of this direction; `nil`: half of the round trip. A lease of the round trip scales it.
    ///   - jitter: a packet takes up to this much longer.
    ///   - bandwidth: bits per second; `nil`: not limited.
    public init(
        roundTrip: SimDuration, oneWay: SimDuration? = nil, jitter: SimDuration = .zero, loss: PacketLoss = .none,
        bandwidth: Int64? = nil
    ) {
        precondition(roundTrip > .zero)
        baseRoundTrip = roundTrip
        let oneWay = oneWay ?? roundTrip / 2
        precondition(oneWay >= .zero && oneWay <= roundTrip)
        baseOneWay = oneWay
        self.bandwidth = bandwidth
        floor = oneWay.nanoseconds
        leastOneWay = oneWay
        base = LinkCondition(oneWay: oneWay, jitter: jitter, loss: loss, bandwidth: bandwidth, isUp: true)
        states = [base]
    }

    /// Drops everything sent in [from, to) and everything under way at `from`.
    public mutating func addCut(from: SimTime, to: SimTime) { add(.cut, from, to) }

    /// Makes the round trip `roundTrip` in [from, to); this direction keeps its share of it.
    public mutating func addDelay(roundTrip: SimDuration, from: SimTime, to: SimTime) {
        precondition(roundTrip > .zero)
        let share = roundTrip.nanoseconds.multipliedFullWidth(by: baseOneWay.nanoseconds)
        let oneWay = baseRoundTrip.nanoseconds.dividingFullWidth(share).quotient
        guard from < to else { return }
        floor = min(floor, oneWay)
        add(.delay(oneWay - baseOneWay.nanoseconds), from, to)
    }

    /// Makes the jitter this in [from, to).
    public mutating func addJitter(_ jitter: SimDuration, from: SimTime, to: SimTime) { add(.jitter(jitter), from, to) }

    /// Makes the loss this in [from, to).
    public mutating func addLoss(_ loss: PacketLoss, from: SimTime, to: SimTime) { add(.loss(loss), from, to) }

    /// Makes the capacity this in [from, to), in bits per second.
    public mutating func addBandwidth(_ bandwidth: Int64, from: SimTime, to: SimTime) {
        precondition(bandwidth > 0)
        add(.bandwidth(bandwidth), from, to)
    }

    private mutating func add(_ change: Change, _ from: SimTime, _ to: SimTime) {
        precondition(!isSealed && from <= to)
        guard from < to else { return }
        leases.append(Lease(from: from, to: to, change: change))
    }

    /// Composes the leases; n of them cost O(n log n), those of jitter, loss and bandwidth O(n^2), and every query
    /// afterwards O(log n).
    public mutating func seal() {
        precondition(!isSealed)
        isSealed = true
        var edges: [(time: SimTime, cuts: Int, gain: Int64)] = []
        // In the order in which they begin; equal ones in the order in which they were added.
        var settings: [Lease] = []
        for lease in leases {
            var cut = 0
            var gain: Int64 = 0
            switch lease.change {
            case .cut: cut = 1
            case .delay(let nanoseconds): gain = nanoseconds
            case .jitter, .loss, .bandwidth:
                let place = settings.firstIndex { $0.from > lease.from } ?? settings.count
                settings.insert(lease, at: place)
            }
            edges.append((lease.from, cut, gain))
            if lease.to < .never { edges.append((lease.to, -cut, -gain)) }
        }
        edges.sort { $0.time < $1.time }
        leases = []
        compose(edges, settings)
        turns = Array(repeating: .never, count: times.count)
        for index in times.indices.reversed().dropFirst() {
            turns[index] = states[index].isUp == states[index + 1].isUp ? turns[index + 1] : times[index + 1]
        }
        leastOneWay = states.map(\.oneWay).min() ?? leastOneWay
    }

    private mutating func compose(_ edges: [(time: SimTime, cuts: Int, gain: Int64)], _ settings: [Lease]) {
        var cuts = 0
        var gain: Int64 = 0
        var index = 0
        while index < edges.count {
            let time = edges[index].time
            while index < edges.count, edges[index].time == time {
                cuts += edges[index].cuts
                gain += edges[index].gain
                index += 1
            }
            var state = base
            state.isUp = cuts == 0
            state.oneWay = SimDuration(nanoseconds: max(floor, baseOneWay.nanoseconds + gain))
            for lease in settings where lease.from <= time && time < lease.to {
                switch lease.change {
                case .jitter(let jitter): state.jitter = jitter
                case .loss(let loss): state.loss = loss
                case .bandwidth(let bandwidth): state.bandwidth = bandwidth
                case .cut, .delay: break
                }
            }
            guard states[states.count - 1] != state else { continue }
            times.append(time)
            states.append(state)
        }
    }

    @inlinable
    func segment(_ time: SimTime) -> Int {
        var low = 1
        var high = times.count
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    /// Everything that holds at `time`.
    @inlinable
    public func state(at time: SimTime) -> LinkCondition { states[segment(time)] }

    /// The one-way delay of a packet sent at `time`, without jitter.
    @inlinable
    public func oneWay(at time: SimTime) -> SimDuration { states[segment(time)].oneWay }

    /// Whether no cut holds at `time`.
    @inlinable
    public func isUp(at time: SimTime) -> Bool { states[segment(time)].isUp }

    /// Whether no cut holds at any instant from `from` to `to`, both included.
    @inlinable
    public func isUpThroughout(from: SimTime, to: SimTime) -> Bool {
        let index = segment(from)
        return states[index].isUp && (turns[index] > to || turns[index] == .never)
    }

    /// The first instant at or after `time` at which the link is up; `.never` if it stays cut.
    @inlinable
    public func nextUp(notBefore time: SimTime) -> SimTime {
        let index = segment(time)
        return states[index].isUp ? time : turns[index]
    }

    /// The first instant at or after `time` at which the link is cut; `.never` if it stays up.
    @inlinable
    public func nextCut(notBefore time: SimTime) -> SimTime {
        let index = segment(time)
        return states[index].isUp ? turns[index] : time
    }

    /// The first change of any kind later than `time`; `.never` if there is none.
    @inlinable
    public func nextChange(after time: SimTime) -> SimTime {
        let index = segment(time)
        return index + 1 == times.count ? .never : times[index + 1]
    }
}

/// What holds on one direction of a link at one instant.
public struct LinkCondition: Hashable, Sendable {
    /// Of a packet without jitter.
    public var oneWay: SimDuration
    /// A packet takes up to this much longer, uniformly.
    public var jitter: SimDuration
    public var loss: PacketLoss
    /// Bits per second; `nil`: not limited.
    public var bandwidth: Int64?
    public var isUp: Bool

    public init(oneWay: SimDuration, jitter: SimDuration, loss: PacketLoss, bandwidth: Int64?, isUp: Bool) {
        self.oneWay = oneWay
        self.jitter = jitter
        self.loss = loss
        self.bandwidth = bandwidth
        self.isUp = isUp
    }
}
