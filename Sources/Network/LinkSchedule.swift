public import EventKernel

/// Delay and cuts of one direction of a WAN link over the whole run, known at time zero because every fault is.
///
/// Leases compose: the link is down while any cut holds; changes of the round trip add their differences from
/// the base, but the sum never falls below the least value that the base or a lease states. A lease holds from
/// its start, included, to its end, excluded. A packet takes the delay of the instant at which it is sent; keeping
/// the order of a TCP connection across a fall of the delay is its station's business.
public struct LinkSchedule: Sendable {
    private struct Lease {
        var from: SimTime
        var to: SimTime
        /// Nanoseconds that the one-way delay gains; `nil` for a cut.
        var gain: Int64?
    }

    public let baseRoundTrip: SimDuration
    /// Bits per second; `nil`: not limited.
    public let bandwidth: Int64?
    /// The least one-way delay of the whole timeline: the lookahead between the regions at its ends.
    public private(set) var leastOneWay: SimDuration
    private var leases: [Lease] = []
    private var floor: Int64
    private var isSealed = false
    /// Segment i holds from `times[i]` until `times[i + 1]`; the first one starts before every time.
    @usableFromInline var times = [SimTime(nanoseconds: Int64.min)]
    @usableFromInline var delays: [SimDuration]
    @usableFromInline var ups = [true]
    /// The end of the run of segments with the same `ups` as this one.
    @usableFromInline var turns = [SimTime.never]

    /// - Parameter roundTrip: of the pair of directions; one way takes half of it.
    public init(roundTrip: SimDuration, bandwidth: Int64? = nil) {
        precondition(roundTrip > .zero)
        baseRoundTrip = roundTrip
        self.bandwidth = bandwidth
        floor = roundTrip.nanoseconds / 2
        leastOneWay = roundTrip / 2
        delays = [roundTrip / 2]
    }

    /// Drops everything sent in [from, to) and everything under way at `from`.
    public mutating func addCut(from: SimTime, to: SimTime) {
        precondition(!isSealed && from <= to)
        guard from < to else { return }
        leases.append(Lease(from: from, to: to, gain: nil))
    }

    /// Makes the round trip `roundTrip` in [from, to).
    public mutating func addDelay(roundTrip: SimDuration, from: SimTime, to: SimTime) {
        precondition(!isSealed && from <= to && roundTrip > .zero)
        guard from < to else { return }
        let oneWay = roundTrip.nanoseconds / 2
        floor = min(floor, oneWay)
        leases.append(Lease(from: from, to: to, gain: oneWay - baseRoundTrip.nanoseconds / 2))
    }

    /// Composes the leases; n of them cost O(n log n), and every query afterwards O(log n).
    public mutating func seal() {
        precondition(!isSealed)
        isSealed = true
        var edges: [(time: SimTime, cuts: Int, gain: Int64)] = []
        for lease in leases {
            let cut = lease.gain == nil ? 1 : 0
            edges.append((lease.from, cut, lease.gain ?? 0))
            if lease.to < .never { edges.append((lease.to, -cut, -(lease.gain ?? 0))) }
        }
        edges.sort { $0.time < $1.time }
        leases = []
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
            append(time, isUp: cuts == 0, gain: gain)
        }
        turns = Array(repeating: .never, count: times.count)
        for index in times.indices.reversed().dropFirst() {
            turns[index] = ups[index] == ups[index + 1] ? turns[index + 1] : times[index + 1]
        }
        leastOneWay = delays.min() ?? leastOneWay
    }

    private mutating func append(_ time: SimTime, isUp: Bool, gain: Int64) {
        let delay = SimDuration(nanoseconds: max(floor, baseRoundTrip.nanoseconds / 2 + gain))
        guard ups[ups.count - 1] != isUp || delays[delays.count - 1] != delay else { return }
        times.append(time)
        ups.append(isUp)
        delays.append(delay)
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

    /// The one-way delay of a packet sent at `time`.
    @inlinable
    public func oneWay(at time: SimTime) -> SimDuration { delays[segment(time)] }

    /// Twice `oneWay(at:)`: both directions of a link share their leases.
    @inlinable
    public func roundTrip(at time: SimTime) -> SimDuration { delays[segment(time)] * 2 }

    /// Whether no cut holds at `time`.
    @inlinable
    public func isUp(at time: SimTime) -> Bool { ups[segment(time)] }

    /// Whether no cut holds at any instant from `from` to `to`, both included.
    @inlinable
    public func isUpThroughout(from: SimTime, to: SimTime) -> Bool {
        let index = segment(from)
        return ups[index] && (turns[index] > to || turns[index] == .never)
    }

    /// The first instant at or after `time` at which the link is up; `.never` if it stays cut.
    @inlinable
    public func nextUp(notBefore time: SimTime) -> SimTime {
        let index = segment(time)
        return ups[index] ? time : turns[index]
    }

    /// The first instant at or after `time` at which the link is cut; `.never` if it stays up.
    @inlinable
    public func nextCut(notBefore time: SimTime) -> SimTime {
        let index = segment(time)
        return ups[index] ? turns[index] : time
    }

    /// The first change of delay or state later than `time`; `.never` if there is none.
    @inlinable
    public func nextChange(after time: SimTime) -> SimTime {
        let index = segment(time)
        return index + 1 == times.count ? .never : times[index + 1]
    }
}
