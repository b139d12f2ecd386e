/// The CPU of a station: FIFO service by one or more threads, under an optional CFS quota.
///
/// Departures follow from Lindley's recursion, so a served item needs no event of its own. Under a quota each
/// period of 100 ms (Linux `cpu.cfs_period_us`) grants a budget of CPU time; work beyond it waits for the next
/// period, which shows as latency steps long before the mean load reaches the limit.
@frozen
public struct Processor: Sendable {
    /// The instant from which the next item can start: the earliest free time over the threads.
    public var free: Int64 = 0
    @usableFromInline var others: [Int64]
    /// CPU nanoseconds granted in each period; `Int64.max`: no quota.
    public let budget: Int64
    @usableFromInline var periodEnd: Int64 = 0
    @usableFromInline var budgetLeft: Int64

    public var served: Int64 = 0
    public var busy: Int64 = 0
    public var waited: Int64 = 0
    public var longestWait: Int64 = 0
    @usableFromInline var second: Int64 = 0
    @usableFromInline var busyInSecond: Int64 = 0
    public var busiestSecond: Int64 = 0

    /// Length of a CFS period: the kernel's default.
    @inlinable public static var period: Int64 { 100_000_000 }

    /// - Parameters:
    ///   - threads: items served at once, at least 1.
    ///   - milliCPU: limit in thousandths of a core; `nil`: none.
    public init(threads: Int, milliCPU: Int64?) {
        precondition(threads >= 1)
        others = Array(repeating: 0, count: threads - 1)
        if let milliCPU, milliCPU < Int64(threads) * 1_000 {
            budget = milliCPU * Self.period / 1_000
        } else {
            budget = Int64.max
        }
        budgetLeft = budget
    }

    /// Cores that it can use at the most: its threads, or less under a quota.
    public var capacity: Double {
        min(Double(others.count + 1), Double(budget == Int64.max ? Int64.max : budget) / Double(Self.period))
    }

    /// Serves one item and returns the instant at which it departs.
    ///
    /// Items must be given in the order of their service. Complexity: O(1) for one thread, O(threads) otherwise.
    @inlinable
    public mutating func serve(arrival: Int64, cost: Int64) -> Int64 {
        let start = max(arrival, free)
        let departure = budget == Int64.max ? start &+ cost : throttled(start, cost)
        account(arrival: arrival, start: start, cost: cost)
        free = departure
        if !others.isEmpty { swapEarliestThread() }
        return departure
    }

    @inlinable
    mutating func account(arrival: Int64, start: Int64, cost: Int64) {
        served += 1
        busy += cost
        let wait = start - arrival
        waited += wait
        if wait > longestWait { longestWait = wait }
        if start >= second { closeSecond(at: start) }
        busyInSecond += cost
    }

    @usableFromInline
    mutating func closeSecond(at start: Int64) {
        busiestSecond = max(busiestSecond, busyInSecond)
        busyInSecond = 0
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

    @usableFromInline
    mutating func swapEarliestThread() {
        var least = 0
        for index in others.indices where others[index] < others[least] { least = index }
        if others[least] < free { swap(&others[least], &free) }
    }

    /// Forgets work in progress: the process died and starts anew at `time`.
    public mutating func restart(at time: Int64) {
        free = time
        for index in others.indices { others[index] = time }
    }

    /// Closes the last second; call once, at the end of a run.
    public mutating func finish() { closeSecond(at: second) }
}
