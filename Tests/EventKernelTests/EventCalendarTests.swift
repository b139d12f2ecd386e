import EventKernel
import RandomVariates
import Testing

private enum Signal: BitwiseCopyable, Sendable, Equatable {
    case tick(Int)
    case wake
    case probe
}

private func at(_ nanoseconds: Int64) -> SimTime { SimTime(nanoseconds: nanoseconds) }

private func drain(_ calendar: inout EventCalendar<Int>, before horizon: SimTime = .never) throws -> [String] {
    var log: [String] = []
    while let event = try calendar.popNext(before: horizon) {
        log.append("\(calendar.now.nanoseconds) \(event)")
    }
    return log
}

@Test func eventsOfOneInstantComeInTheOrderOfScheduling() throws {
    var calendar = EventCalendar<Int>(limit: 100, instantLimit: 100)
    calendar.post(1, at: at(500))
    _ = calendar.schedule(2, at: at(20))
    calendar.post(3, at: at(500))
    calendar.post(4, at: at(20))
    _ = calendar.schedule(5, at: at(500))
    #expect(try drain(&calendar, before: at(21)) == ["20 2", "20 4"])
    calendar.post(6, after: .nanoseconds(480))
    calendar.post(7, after: .zero)
    #expect(try drain(&calendar) == ["20 7", "500 1", "500 3", "500 5", "500 6"])
}

@Test func cancellingAFiredEventIsHarmlessAndSaysSo() throws {
    var calendar = EventCalendar<Int>(limit: 100, instantLimit: 100)
    let fired = calendar.schedule(1, at: at(1))
    let cancelled = calendar.schedule(2, at: at(2))
    #expect(try calendar.popNext(before: .never) == 1)
    #expect(calendar.cancel(fired) == false)
    #expect(calendar.cancel(cancelled) == true)
    #expect(calendar.cancel(cancelled) == false)
    #expect(calendar.isEmpty == true)
    let successor = calendar.schedule(3, at: at(3))
    #expect(calendar.cancel(fired) == false)
    #expect(calendar.cancel(cancelled) == false)
    #expect(try drain(&calendar) == ["3 3"])
    #expect(calendar.cancel(successor) == false)
}

@Test func notAfterIncludesTheHorizonAndBeforeDoesNot() throws {
    var calendar = EventCalendar<Int>(limit: 10, instantLimit: 10)
    calendar.post(1, at: at(10))
    #expect(try calendar.popNext(before: at(10)) == nil)
    #expect(try calendar.popNext(notAfter: at(10)) == 1)
}

@Test func skippingACancelledEventDoesNotForbidAnEarlierOne() throws {
    var calendar = EventCalendar<Int>(limit: 10, instantLimit: 10)
    let handle = calendar.schedule(1, at: at(90))
    calendar.post(2, at: at(1_000))
    calendar.post(3, at: at(1_000))
    calendar.cancel(handle)
    #expect(try calendar.popNext(before: at(100)) == nil)
    calendar.post(4, at: at(50))
    calendar.post(5, at: at(90))
    #expect(try drain(&calendar) == ["50 4", "90 5", "1000 2", "1000 3"])
}

@Test func cancelledEventsAreDroppedInBulk() throws {
    var calendar = EventCalendar<Int>(limit: 2_500, instantLimit: 10_000)
    for round in 0..<5 {
        let handles = (0..<2_000).map { calendar.schedule($0, at: at(Int64(1_000 + round + $0))) }
        for handle in handles { #expect(calendar.cancel(handle) == true) }
    }
    calendar.post(7, at: at(5))
    #expect(calendar.count == 1)
    #expect(try drain(&calendar) == ["5 7"])
}

@Test func aLoopWithoutDelayIsAnErrorThatNamesTheEvents() throws {
    var calendar = EventCalendar<Signal>(limit: 100, instantLimit: 1_000)
    calendar.post(.tick(1), at: at(44))
    var error: InstantLimitError?
    do throws(InstantLimitError) {
        var handled = 0
        while let event = try calendar.popNext(before: .never) {
            handled += 1
            calendar.post(handled % 3 == 0 ? .wake : .tick(handled), after: .zero)
            if event == .probe { break }
        }
    } catch let limit {
        error = limit
    }
    #expect(error == InstantLimitError(time: at(44), limit: 1_000, topKinds: ["tick", "wake"]))
    #expect(error?.description == "more than 1000 events at 44 ns; most of them: tick, wake")
}

@Test func exactlyTheLimitOfEventsAtOneInstantIsAllowed() throws {
    var calendar = EventCalendar<Int>(limit: 100, instantLimit: 20)
    for instant: Int64 in [0, 7] {
        for event in 0..<20 { calendar.post(event, at: at(instant)) }
    }
    #expect(try drain(&calendar).count == 40)
}

/// The calendar against a stable sort of what is pending, with ties and cancellations.
@Test func theEventCalendarAgreesWithAStableSort() throws {
    var random = RandomStream(seed: 3, purpose: .general, replication: 0, entity: 0)
    var calendar = EventCalendar<Int>(limit: 5_000, instantLimit: 5_000)
    var pending: [(time: Int64, event: Int, handle: EventHandle)] = []
    for step in 0..<5_000 {
        let choice = random.uniform()
        if pending.isEmpty || choice < 0.5 {
            let time = calendar.now.nanoseconds + Int64(random.integer(below: 300)) / 20 * 20
            pending.append((time, step, calendar.schedule(step, at: at(time))))
        } else if choice < 0.6 {
            let victim = pending.remove(at: random.integer(below: pending.count))
            #expect(calendar.cancel(victim.handle) == true)
        } else {
            let least = pending.map(\.time).min() ?? 0
            let first = pending.firstIndex { $0.time == least } ?? 0
            #expect(try calendar.popNext(before: .never) == pending.remove(at: first).event)
            #expect(calendar.now.nanoseconds == least)
        }
        #expect(calendar.count == pending.count)
    }
}

private struct Ticker: Model {
    var log: [Int64] = []

    mutating func handle(_ event: Signal, _ calendar: inout EventCalendar<Signal>) {
        log.append(calendar.now.nanoseconds)
        calendar.post(.tick(log.count), after: .nanoseconds(10))
    }
}

@Test func theEnginesHorizonIsOpen() throws {
    var engine = Engine(Ticker(), limit: 10, instantLimit: 10)
    engine.calendar.post(.wake, at: .start)
    try engine.run(until: at(30))
    #expect(engine.model.log == [0, 10, 20])
    #expect(engine.calendar.now == at(30))
    #expect(engine.eventCount == 3)
}

@Test func runningInStepsIsRunningAtOnce() throws {
    var once = Engine(Ticker(), limit: 10, instantLimit: 10)
    var steps = Engine(Ticker(), limit: 10, instantLimit: 10)
    once.calendar.post(.wake, at: at(4))
    steps.calendar.post(.wake, at: at(4))
    try once.run(until: at(200))
    for horizon in [1, 4, 14, 15, 100, 200] as [Int64] { try steps.run(until: at(horizon)) }
    #expect(once.model.log == steps.model.log)
    #expect(once.eventCount == 20)
}
