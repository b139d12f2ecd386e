import EventKernel
import RandomVariates
import Testing

private func at(_ nanoseconds: Int64) -> SimTime { SimTime(nanoseconds: nanoseconds) }

private func key(_ entity: UInt32, _ kind: UInt8, _ generation: UInt32 = 0) -> TimerKey {
    TimerKey(entity: entity, kind: kind, generation: generation)
}

private func drain(_ calendar: inout TimerCalendar, before horizon: SimTime = .never) -> [String] {
    var log: [String] = []
    while let (time, key) = calendar.pop(before: horizon) {
        log.append("\(time.nanoseconds) \(key.entity).\(key.kind).\(key.generation)")
    }
    return log
}

@Test func timersOfOneInstantComeInOrderOfEntityKindAndGeneration() {
    var calendar = TimerCalendar(limit: 16)
    calendar.schedule(key(2, 0), at: at(70))
    calendar.schedule(key(1, 1, 5), at: at(70))
    calendar.schedule(key(9, 9), at: at(3))
    calendar.schedule(key(1, 1, 4), at: at(70))
    calendar.schedule(key(1, 0, 8), at: at(70))
    calendar.schedule(key(0, 7), at: at(71))
    #expect(drain(&calendar) == ["3 9.9.0", "70 1.0.8", "70 1.1.4", "70 1.1.5", "70 2.0.0", "71 0.7.0"])
}

@Test func aTimerAddedAtTheCurrentInstantTakesItsPlaceAmongThoseLeft() {
    var calendar = TimerCalendar(limit: 16)
    for entity: UInt32 in [5, 1, 3] { calendar.schedule(key(entity, 0), at: at(40)) }
    #expect(calendar.pop(before: .never)?.key == key(1, 0))
    calendar.schedule(key(4, 0), at: at(40))
    calendar.schedule(key(0, 0), at: at(40))
    #expect(drain(&calendar) == ["40 0.0.0", "40 3.0.0", "40 4.0.0", "40 5.0.0"])
}

@Test func theHorizonOfPopIsOpen() {
    var calendar = TimerCalendar(limit: 4)
    calendar.schedule(key(1, 0), at: at(10))
    calendar.schedule(key(2, 0), at: at(20))
    #expect(drain(&calendar, before: at(20)) == ["10 1.0.0"])
    #expect(calendar.count == 1)
    #expect(calendar.peek() == at(20))
}

@Test func anEmptyCalendarPeeksAtNever() {
    let calendar = TimerCalendar(limit: 1)
    #expect(calendar.peek() == .never)
}

@Test func lookingAheadDoesNotForbidAnEarlierTimer() {
    var calendar = TimerCalendar(limit: 4)
    calendar.schedule(key(1, 0), at: at(1_000_000))
    #expect(calendar.peek() == at(1_000_000))
    #expect(calendar.pop(before: at(500)) == nil)
    calendar.schedule(key(2, 0), at: at(500))
    #expect(drain(&calendar) == ["500 2.0.0", "1000000 1.0.0"])
}

/// The radix heap against sorting everything that is pending, with coarse times so that ties abound.
@Test(arguments: [1, 1_000, 1_000_000] as [Int64])
func theCalendarAgreesWithSorting(grain: Int64) {
    var random = RandomStream(seed: 1, purpose: .general, replication: 0, entity: UInt64(grain))
    var calendar = TimerCalendar(limit: 4_000)
    var pending: [(Int64, UInt64)] = []
    var now: Int64 = 0
    for step in 0..<4_000 {
        if pending.isEmpty || random.bernoulli(step < 2_000 ? 0.7 : 0.3) {
            let time = now + Int64(random.exponential(mean: 4_000)) / grain * grain
            let key = key(UInt32(random.integer(below: 50)), UInt8(random.integer(below: 3)), UInt32(step))
            calendar.schedule(key, at: at(time))
            pending.append((time, key.rawValue))
        } else {
            pending.sort { $0 > $1 }
            let expected = pending.removeLast()
            #expect(calendar.peek() == at(expected.0))
            guard let (time, key) = calendar.pop(before: .never) else {
                Issue.record("the calendar ran dry")
                return
            }
            #expect(time.nanoseconds == expected.0 && key.rawValue == expected.1)
            now = time.nanoseconds
        }
    }
    #expect(calendar.count == pending.count)
}

@Test func theOrderOfSchedulingDoesNotMatter() {
    let keys = (0..<40).map { key(UInt32($0 % 7), UInt8($0 % 3), UInt32($0)) }
    var forward = TimerCalendar(limit: 40)
    var backward = TimerCalendar(limit: 40)
    for key in keys { forward.schedule(key, at: at(Int64(key.generation % 4))) }
    for key in keys.reversed() { backward.schedule(key, at: at(Int64(key.generation % 4))) }
    #expect(drain(&forward) == drain(&backward))
}

@Test func aTimerInThePastIsAProgrammingError() async {
    await #expect(processExitsWith: .failure) {
        var calendar = TimerCalendar(limit: 4)
        calendar.schedule(TimerKey(entity: 0, kind: 0, generation: 0), at: SimTime(nanoseconds: 10))
        _ = calendar.pop(before: .never)
        calendar.schedule(TimerKey(entity: 0, kind: 0, generation: 0), at: SimTime(nanoseconds: 9))
    }
}
