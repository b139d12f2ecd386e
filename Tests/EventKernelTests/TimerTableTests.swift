import EventKernel
import RandomVariates
import Testing

private func at(_ nanoseconds: Int64) -> SimTime { SimTime(nanoseconds: nanoseconds) }

private func drain(_ table: inout TimerTable, before horizon: SimTime = .never) -> [String] {
    var log: [String] = []
    while let (time, entity, kind) = table.popLive(before: horizon) {
        log.append("\(time.nanoseconds) \(entity).\(kind)")
    }
    return log
}

@Test func armingAgainReplacesThePendingTimer() {
    var table = TimerTable(entities: 3, kinds: 2, limit: 100)
    table.schedule(entity: 1, kind: 0, at: at(10))
    table.schedule(entity: 1, kind: 1, at: at(12))
    table.schedule(entity: 1, kind: 0, at: at(30))
    #expect(table.count == 2)
    #expect(table.stale == 1)
    #expect(table.due(entity: 1, kind: 0) == at(30))
    #expect(drain(&table) == ["12 1.1", "30 1.0"])
    #expect(table.stale == 0)
}

@Test func liveTimersOfOneInstantComeInOrderOfEntityAndKind() {
    var table = TimerTable(entities: 4, kinds: 2, limit: 100)
    for (entity, kind) in [(3, 1), (0, 1), (3, 0), (2, 1), (0, 0)] as [(UInt32, UInt8)] {
        table.schedule(entity: entity, kind: kind, at: at(99))
    }
    table.schedule(entity: 2, kind: 1, at: at(99))
    #expect(drain(&table) == ["99 0.0", "99 0.1", "99 2.1", "99 3.0", "99 3.1"])
}

@Test func aCancelledTimerDoesNotFire() {
    var table = TimerTable(entities: 2, kinds: 1, limit: 10)
    table.schedule(entity: 0, kind: 0, at: at(5))
    table.schedule(entity: 1, kind: 0, at: at(6))
    #expect(table.cancel(entity: 0, kind: 0) == true)
    #expect(table.cancel(entity: 0, kind: 0) == false)
    #expect(table.due(entity: 0, kind: 0) == .never)
    #expect(drain(&table) == ["6 1.0"])
    #expect(table.cancel(entity: 1, kind: 0) == false)
}

@Test func peekIsTheNextLiveTimer() {
    var table = TimerTable(entities: 3, kinds: 1, limit: 10)
    table.schedule(entity: 0, kind: 0, at: at(100))
    table.schedule(entity: 1, kind: 0, at: at(100))
    table.schedule(entity: 2, kind: 0, at: at(250))
    table.cancel(entity: 0, kind: 0)
    #expect(table.peek() == at(100))
    table.cancel(entity: 1, kind: 0)
    #expect(table.peek() == at(250))
    table.cancel(entity: 2, kind: 0)
    #expect(table.peek() == .never)
}

@Test func skippingStaleTimersDoesNotForbidAnEarlierOne() {
    var table = TimerTable(entities: 3, kinds: 1, limit: 10)
    table.schedule(entity: 0, kind: 0, at: at(100))
    table.schedule(entity: 1, kind: 0, at: at(200))
    table.cancel(entity: 0, kind: 0)
    #expect(table.peek() == at(200))
    #expect(table.popLive(before: at(150)) == nil)
    table.schedule(entity: 2, kind: 0, at: at(50))
    table.schedule(entity: 0, kind: 0, at: at(60))
    #expect(table.peek() == at(50))
    #expect(drain(&table) == ["50 2.0", "60 0.0", "200 1.0"])
}

@Test func aTimerReArmedForEachMessageCostsBoundedMemory() {
    var table = TimerTable(entities: 100, kinds: 1, limit: 1_300)
    for round in 0..<100 {
        for entity in 0..<100 {
            table.schedule(entity: UInt32(entity), kind: 0, at: at(Int64(round * 100 + entity + 50_000)))
        }
    }
    #expect(table.count == 100)
    #expect(table.compactions == 9)
    #expect(table.stale <= 1_025)
    #expect(drain(&table).count == 100)
}

/// Random arming, cancelling and popping against a plain dictionary of due times.
@Test func theTableAgreesWithAListOfDueTimes() {
    var random = RandomStream(seed: 2, purpose: .general, replication: 0, entity: 0)
    var table = TimerTable(entities: 20, kinds: 2, limit: 2_000)
    var due = [Int64](repeating: .max, count: 40)
    var now: Int64 = 0
    for _ in 0..<6_000 {
        let index = random.integer(below: 40)
        let (entity, kind) = (UInt32(index / 2), UInt8(index % 2))
        switch random.integer(below: 4) {
        case 0, 1:
            due[index] = now + Int64(random.integer(below: 64))
            table.schedule(entity: entity, kind: kind, at: at(due[index]))
        case 2:
            #expect(table.cancel(entity: entity, kind: kind) == (due[index] != .max))
            due[index] = .max
        default:
            let next = due.min() ?? .max
            #expect(table.peek().nanoseconds == next)
            let popped = table.popLive(before: at(now + 40))
            if next < now + 40 {
                let expected = due.firstIndex(of: next) ?? 0
                #expect(popped?.time == at(next))
                #expect(popped.map { Int($0.entity) * 2 + Int($0.kind) } == expected)
                due[expected] = .max
                now = next
            } else {
                #expect(popped == nil)
            }
        }
    }
}
