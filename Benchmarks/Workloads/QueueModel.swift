import EventKernel

/// W2: M/M/50 at load 0.9, first come first served; mean service 1 s.
struct QueueModel: Model {
    enum Event: BitwiseCopyable, Sendable { case arrival, departure }

    private static let servers = 50
    private static let meanGap = 1e9 / (0.9 * Double(servers))

    private var arrivals = SplitMix(seed: 11)
    private var services = SplitMix(seed: 22)
    private let customers: UInt64
    private var arrived: UInt64 = 0
    private(set) var served: UInt64 = 0
    /// Sum of the waits in nanoseconds.
    private(set) var wait: Int64 = 0
    private var busy = 0
    /// Arrival times of those who wait.
    private var line = Line()

    init(customers: UInt64) { self.customers = customers }

    @inline(__always)
    mutating func gap() -> SimDuration { SimDuration(nanoseconds: arrivals.exponential(mean: Self.meanGap)) }

    mutating func handle(_ event: Event, _ calendar: inout EventCalendar<Event>) {
        switch event {
        case .arrival:
            arrived += 1
            if arrived < customers { calendar.post(.arrival, after: gap()) }
            if busy < Self.servers {
                busy += 1
                begin(arrival: calendar.now, &calendar)
            } else {
                line.append(calendar.now)
            }
        case .departure:
            served += 1
            if let first = line.popFirst() {
                begin(arrival: first, &calendar)
            } else {
                busy -= 1
            }
        }
    }

    @inline(__always)
    private mutating func begin(arrival: SimTime, _ calendar: inout EventCalendar<Event>) {
        wait += (calendar.now - arrival).nanoseconds
        calendar.post(.departure, after: SimDuration(nanoseconds: services.exponential(mean: 1e9)))
    }
}

/// First in, first out; grows by doubling.
private struct Line {
    private var items = [SimTime](repeating: .start, count: 64)
    private var head = 0
    private var count = 0

    @inline(__always)
    mutating func append(_ time: SimTime) {
        if count == items.count { grow() }
        items[(head + count) & (items.count - 1)] = time
        count += 1
    }

    @inline(__always)
    mutating func popFirst() -> SimTime? {
        guard count > 0 else { return nil }
        let first = items[head]
        head = (head + 1) & (items.count - 1)
        count -= 1
        return first
    }

    private mutating func grow() {
        items = Array(items[head...]) + Array(items[..<head]) + [SimTime](repeating: .start, count: items.count)
        head = 0
    }
}

/// Serves this many customers and prints the sum of their waits.
func runQueueModel(customers: UInt64) throws {
    var engine = Engine(QueueModel(customers: customers), limit: 1_000, instantLimit: 1_000)
    engine.calendar.post(.arrival, after: engine.model.gap())
    let meter = Meter()
    try engine.run(until: .never)
    let (cpu, wall) = meter.elapsed()
    let (served, wait) = (engine.model.served, engine.model.wait)
    printResult(
        workload: "W2", events: engine.eventCount, useful: served, cpu: cpu, wall: wall,
        check: "done\(served):wait_ns\(wait) mean_wait_s=\(fixed(Double(wait) / 1e9 / Double(served), digits: 9))")
}
