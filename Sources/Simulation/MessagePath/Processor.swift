/// The CPU of a station: FIFO service by one or more threads, under an optional CFS quota.
///
/// Departures follow from Lindley's recursion, so a served item needs no event of its own. Under a quota each
/// period of 100 ms (Linux `cpu.cfs_period_us`) grants a budget of CPU time; work beyond it waits for the next
/// period, which shows as latency steps long before the mean load reaches the limit.
@frozen
public struct Processor: Sendable {
    /// The instant from which the next item can start: the earliest free time over the threads.
    public var free: Int64 = 0
    /// When the other threads are free, in ascending order, and the first of these.
    @usableFromInline var others: [Int64]
    @usableFromInline var earliestOther: Int64 = 0
    @usableFromInline let isSingle: Bool
    /// One thread without a quota: the arithmetic of most stations.
    @usableFromInline let isPlain: Bool
    /// CPU nanoseconds granted in each period; `Int64.max`: no quota.
    public let budget: Int64
    @usableFromInline var periodEnd: Int64 = 0
    @usableFromInline var budgetLeft: Int64

    // What a service adds to does not lie side by side: the compiler would add to both in a vector, which takes longer.
    public var served: Int64 = 0
    /// CPU time of wake-ups beside the services.
    public var beside: Int64 = 0
    /// CPU time of services.
    public var busy: Int64 = 0
    public var longestWait: Int64 = 0
    public var waited: Int64 = 0
    @usableFromInline var second: Int64 = 0
    /// `load` when the second before it ended.
    @usableFromInline var loadBefore: Int64 = 0
    public var busiestSecond: Int64 = 0

    /// Length of a CFS period: the kernel's default.
    @inlinable public static var period: Int64 { 100_000_000 }

    /// - Parameters:
    ///   - threads: items served at once, at least 1.
    ///   - milliCPU: limit in thousandths of a core; `nil`: none.
    ///   - wakeUpShare: thousandths of a core that wake-ups can keep busy beside the threads at the most.
    public init(threads: Int, milliCPU: Int64?, wakeUpShare: Int64 = 0) {
        precondition(threads >= 1 && wakeUpShare >= 0)
        others = Array(repeating: 0, count: threads - 1)
        if let milliCPU, milliCPU < Int64(threads) * 1_000 + wakeUpShare {
            budget = milliCPU * Self.period / 1_000
        } else {
            budget = Int64.max
        }
        budgetLeft = budget
        isSingle = threads == 1
        isPlain = threads == 1 && budget == Int64.max
    }

    /// Cores that can serve: its threads, or the quota.
    public var capacity: Double {
        budget == Int64.max ? Double(others.count + 1) : Double(budget) / Double(Self.period)
    }

    /// What has been used of the capacity: wake-ups count against a quota, but do not keep a thread from serving.
    @inlinable public var load: Int64 { budget == Int64.max ? busy : busy + beside }

    /// Serves one item and returns the instant at which it departs.
    ///
    /// Items must be given in the order of their service. Complexity: O(1) for one thread, O(threads) otherwise.
    @inlinable
    @inline(__always)
    public mutating func serve(arrival: Int64, cost: Int64) -> Int64 {
        let start = max(arrival, free)
        account(arrival: arrival, start: start, cost: cost)
        if isPlain {
            free = start &+ cost
            return free
        }
        return serve(start: start, cost: cost)
    }

    /// The same for several threads, or under a quota.
    @usableFromInline
    @inline(never)
    mutating func serve(start: Int64, cost: Int64) -> Int64 {
        var departure = start &+ cost
        if departure <= periodEnd && start < periodEnd && cost <= budgetLeft {
            budgetLeft &-= cost
        } else if budget != Int64.max {
            departure = throttled(start, cost)
        }
        if isSingle { free = departure } else { occupyThread(until: departure) }
        return departure
    }

    /// Serves one item that may find the process asleep, and returns the instant at which it departs.
    ///
    /// An item that arrives while the process is at work, or stands still for want of budget, is read along with what
    /// came before: it costs `cost`. One that finds it idle waits `latency` more and costs up to `wakeUp` more. That
    /// part is worked off beside the path (by other threads, by the kernel), so it takes budget but none of the
    /// item's time. Wake-ups keep `share` thousandths of a core busy at the most: after an idle time g they cost
    /// w s / (w + s) with s = g x share, which is nearly w after a long rest and nothing in a crowd.
    @inlinable
    @inline(__always)
    public mutating func serve(arrival: Int64, cost: Int64, wakeUp: Int64, share: Int64, latency: Int64) -> Int64 {
        let idle = arrival &- free
        let isAsleep = idle >= 0 && wakeUp > 0
        let departure = serve(arrival: isAsleep ? arrival &+ latency : arrival, cost: cost)
        if isAsleep {
            let bound = min(idle, Self.longRest) &* share / 1_000
            spend(wakeUp &* bound / (wakeUp &+ bound))
        }
        return departure
    }

    /// After this idle time a wake-up costs what it costs after any longer one.
    @inlinable static var longRest: Int64 { 1_000_000_000 }

    /// Work beside the path: it takes budget, and what is missing stops the process until periods have granted it.
    @inlinable
    @inline(__always)
    mutating func spend(_ work: Int64) {
        beside &+= work
        if budget != Int64.max { takeBudget(work) }
    }

    @usableFromInline
    mutating func takeBudget(_ work: Int64) {
        budgetLeft -= work
        while budgetLeft < 0 {
            budgetLeft += budget
            free = max(free, periodEnd)
            periodEnd += Self.period
        }
    }

    @inlinable
    @inline(__always)
    mutating func account(arrival: Int64, start: Int64, cost: Int64) {
        if start >= second { closeSecond(at: start) }
        served &+= 1
        busy &+= cost
        let wait = start &- arrival
        waited &+= wait
        longestWait = max(longestWait, wait)
    }

    @usableFromInline
    @inline(never)
    mutating func closeSecond(at start: Int64) {
        busiestSecond = max(busiestSecond, load - loadBefore)
        loadBefore = load
        second = (start / 1_000_000_000 + 1) * 1_000_000_000
    }

    @usableFromInline
    mutating func throttled(_ start: Int64, _ cost: Int64) -> Int64 {
        var clock = start
        var left = cost
        while true {
            if clock >= periodEnd {
                periodEnd = (clock / Self.period + 1) * Self.period
                budgetLeft = budget
            }
            let run = min(left, min(budgetLeft, periodEnd - clock))
            clock += run
            left -= run
            budgetLeft -= run
            if left == 0 { return clock }
            clock = periodEnd
        }
    }

    /// The earliest thread is busy until `departure`: the next one's turn.
    @usableFromInline
    mutating func occupyThread(until departure: Int64) {
        guard departure > earliestOther else {
            free = departure
            return
        }
        free = earliestOther
        earliestOther = others.withUnsafeMutableBufferPointer { others in
            var place = 1
            while place < others.count, others[place] < departure {
                others[place - 1] = others[place]
                place += 1
            }
            others[place - 1] = departure
            return others[0]
        }
    }

    /// Forgets work in progress: the process died and starts anew at `time`.
    public mutating func restart(at time: Int64) {
        free = time
        for index in others.indices { others[index] = time }
        earliestOther = time
    }

    /// Closes the last second; call once, at the end of a run.
    public mutating func finish() { closeSecond(at: second) }
}
