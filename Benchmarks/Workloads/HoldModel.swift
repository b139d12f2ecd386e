import EventKernel

/// W1: a constant number of pending events, each scheduled again by an exponential time of mean 1 s when it fires.
struct HoldModel: Model {
    private var stream = SplitMix(seed: 1)
    private(set) var holds: UInt64 = 0
    /// Sum of the event times in nanoseconds, modulo 2^64.
    private(set) var timeSum: UInt64 = 0

    @inline(__always)
    mutating func delay() -> SimDuration { SimDuration(nanoseconds: stream.exponential(mean: 1e9)) }

    mutating func handle(_ event: UInt32, _ calendar: inout EventCalendar<UInt32>) {
        holds += 1
        timeSum &+= UInt64(calendar.now.nanoseconds)
        calendar.post(event, after: delay())
    }
}

/// Runs the hold model with `pending` events for about `count` holds.
func runHoldModel(pending: UInt32, count: UInt64) throws {
    var engine = Engine(HoldModel(), limit: Int(pending), instantLimit: Int(pending) + 1_000)
    for event in 0..<pending { engine.calendar.post(event, after: engine.model.delay()) }
    let end = SimTime(nanoseconds: Int64(Double(count) / Double(pending) * 1e9))
    let meter = Meter()
    // The reference runs the events at the end too.
    try engine.run(until: end + .nanoseconds(1))
    let (cpu, wall) = meter.elapsed()
    let hex = String(engine.model.timeSum, radix: 16)
    let padded = String(repeating: "0", count: 16 - hex.count) + hex
    printResult(
        workload: "W1-N\(pending)", events: engine.eventCount, useful: engine.model.holds, cpu: cpu, wall: wall,
        check: "n\(engine.model.holds):acc\(padded)")
}
