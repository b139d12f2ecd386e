public import EventKernel

/// The arithmetic of a plain processor (one thread, no quota) while a station works off a run of items.
///
/// What every service changes lies in this value and not behind a pointer, so that it can stay in registers;
/// ``Station/finish(_:)`` writes it back.
@frozen
public struct ServiceRun: BitwiseCopyable {
    /// Services start before this.
    @usableFromInline let horizon: Int64
    @usableFromInline var free: Int64
    @usableFromInline var start: Int64
    @usableFromInline var busy: Int64 = 0
    @usableFromInline var waited: Int64 = 0
    @usableFromInline var longestWait: Int64

    @inlinable
    init(horizon: Int64, free: Int64, longestWait: Int64) {
        self.horizon = horizon
        self.free = free
        start = free
        self.longestWait = longestWait
    }

    /// Serves the item that ``Station/next(_:)`` returned last and returns the instant at which it departs.
    @inlinable
    @inline(__always)
    public mutating func serve(arrival: Int64, cost: Int64) -> Int64 {
        let wait = start &- arrival
        busy &+= cost
        waited &+= wait
        longestWait = max(longestWait, wait)
        free = start &+ cost
        return free
    }
}

extension Station {
    /// Begins a run of services that start before `horizon`, by a plain processor behind at most four ports.
    ///
    /// Until ``finish(_:)`` the station's items are taken by ``next(_:)`` only and served by the run only. A run ends
    /// at the end of a second, whose load has to be noted: go on until ``nextTime`` is not before the horizon.
    @inlinable
    @inline(__always)
    public mutating func begin(before horizon: Int64) -> ServiceRun {
        precondition(takesRuns, "a run is for one thread without a quota, and up to four ports that are never held")
        if nextTime >= processor.second && nextTime != Int64.max { processor.closeSecond(at: nextTime) }
        return ServiceRun(
            horizon: min(min(horizon, processor.second), Int64.max >> Self.portBits), free: processor.free,
            longestWait: processor.longestWait)
    }

    /// Items that the ports have given away so far.
    @inlinable
    @inline(__always)
    var taken: Int {
        ports[0].headNumber &+ ports[1].headNumber &+ ports[2].headNumber &+ ports[3].headNumber
    }

    /// Takes the next item that the run can start to serve, by the leaves alone: the root follows at the end.
    ///
    /// - Returns: `nil` at the run's end. The pointer is good until something is appended to the item's port.
    @inlinable
    @inline(__always)
    public mutating func next(_ run: inout ServiceRun) -> UnsafePointer<Item>? {
        let least = Self.least(nodes + firstLeaf)
        // An empty port's time is beyond every horizon.
        run.start = max(least &>> Self.portBits, run.free)
        guard run.start < run.horizon else { return nil }
        let port = Int(truncatingIfNeeded: least & 3)
        let place = ports[port].popFirstPlaceUnchecked()
        let following = ports[port].upcomingPlace.pointee.time &<< Self.portBits | Int64(port)
        nodes[firstLeaf &+ port] = ports[port].isEmpty ? Int64.max : following
        return place
    }

    /// Ends a run: notes what it served, which ports still hold an item, and when the next service can start.
    @inlinable
    @inline(__always)
    public mutating func finish(_ run: ServiceRun) {
        processor.free = run.free
        // All that a station of runs has given away was served in runs: counted here, not at each item.
        processor.served = Int64(taken)
        processor.busy &+= run.busy
        processor.waited &+= run.waited
        processor.longestWait = run.longestWait
        nodes[0] = Self.least(nodes + firstLeaf)
        noteNextTime()
    }
}

extension Processor {
    /// As ``serve(arrival:cost:)`` for a processor that is known to be plain: one thread, no quota.
    @inlinable
    @inline(__always)
    public mutating func servePlainly(arrival: Int64, cost: Int64) -> Int64 {
        assert(isPlain)
        let start = max(arrival, free)
        account(arrival: arrival, start: start, cost: cost)
        free = start &+ cost
        return free
    }
}
