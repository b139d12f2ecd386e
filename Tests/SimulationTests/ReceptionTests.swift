import Measures
import Testing

@testable import Simulation

@Suite struct ReceptionTests {
    /// Random arrival orders, repeats, gaps and late copies against a set.
    @Test func aWindowKnowsExactlyWhatArrived() {
        var random = TestRandom(seed: 7)
        for _ in 0..<400 {
            let first = UInt32(random.below(50))
            var store = GapStore()
            var window = ReceptionWindow(first: first)
            var seen: Set<UInt32> = []
            // Near the front with jumps, sometimes far back: what a mix of paths delivers.
            var front = first
            for _ in 0..<300 {
                switch random.below(20) {
                case 0: front += UInt32(random.below(200))
                case 1...12: front += 1
                default: break
                }
                let back = UInt32(random.pick([0, 0, random.below(8), random.below(70), random.below(300)]))
                let sequence = front >= back ? front - back : 0
                let isNew = sequence >= first && !seen.contains(sequence)
                #expect(store.receive(sequence, &window) == isNew)
                if isNew { seen.insert(sequence) }
            }
            let end = front + UInt32(random.below(100))
            var missing: Set<UInt32> = []
            let gaps = store.missing(window, end: end)
            for gap in gaps { for sequence in gap.first...gap.last { missing.insert(sequence) } }
            let expected = first < end ? Set((first..<end).filter { !seen.contains($0) }) : []
            #expect(missing == expected)
            #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0.last < $1.first })
        }
    }

    @Test func aLateCopyInTheMiddleSplitsItsGap() {
        var store = GapStore()
        var window = ReceptionWindow(first: 0)
        #expect(store.receive(200, &window))
        #expect(store.receive(50, &window))
        #expect(!store.receive(50, &window))
        #expect(
            store.missing(window, end: 201) == [Gap(first: 0, last: 49), Gap(first: 51, last: 199)])
    }
}

@Suite struct LossLogTests {
    /// The last record for each message wins, however runs were cut.
    @Test func runsSayWhatAListOfDropsSays() {
        var random = TestRandom(seed: 3)
        var log = LossLog()
        var naive: [String: Fate] = [:]
        let fates: [Fate] = [.lost(.mailboxFull), .lost(.queueFull), .inFlight, .void]
        let scopes: [LossScope] = [.everyone, .person(3), .region(1), .relay(1), .server(1)]
        var next = [UInt32](repeating: 0, count: 3)
        var fate = fates[0]
        for _ in 0..<4_000 {
            let stream = random.below(3)
            if random.below(10) == 0 { fate = random.pick(fates) }
            next[stream] += UInt32(random.pick([1, 1, 1, 1, 2, 5]))
            let scope = random.pick(scopes)
            log.add(stream: UInt32(stream), sequence: next[stream], scope: scope, fate: fate, at: 0)
            naive["\(stream) \(scope.code) \(next[stream])"] = fate
        }
        var told: [String: Fate] = [:]
        for run in log.runs {
            for sequence in run.first...run.last { told["\(run.stream) \(run.scope.code) \(sequence)"] = run.fate }
        }
        #expect(told == naive)
    }

    @Test func oneCauseAtOnePlaceIsOneRun() {
        var log = LossLog()
        for sequence in UInt32(10)...19 {
            log.add(stream: 1, sequence: sequence, scope: .everyone, fate: .lost(.siteUnreachable), at: Int64(sequence))
        }
        #expect(log.runs.count == 1)
        #expect(log.runs[0].first == 10)
        #expect(log.runs[0].last == 19)
        #expect(log.runs[0].time == 10)
    }

    /// A run of a trail may cover messages that never came, but never names another plan than the one that served.
    @Test func trailsNameThePlanOfEachMessage() {
        var random = TestRandom(seed: 4)
        var trails = Trails(streams: 2, servers: 2)
        var naive: [[UInt32: UInt32]] = Array(repeating: [:], count: 4)
        var next = [UInt32](repeating: 0, count: 2)
        var plan: [UInt32] = [0, 0]
        for _ in 0..<4_000 {
            let stream = random.below(2)
            let server = random.below(2)
            if random.below(15) == 0 { plan[server] += 1 }
            next[stream] += UInt32(random.pick([1, 1, 2]))
            trails.add(
                stream: UInt32(stream), localServer: server, server: Int32(server), sequence: next[stream],
                plan: plan[server])
            naive[stream * 2 + server][next[stream]] = plan[server]
        }
        var wrong = 0
        for (index, messages) in naive.enumerated() {
            let runs = trails.runs.filter { Int($0.stream) * 2 + Int($0.server) == index }
            for (sequence, plan) in messages {
                let named = runs.filter { $0.first <= sequence && sequence <= $0.last }.map(\.plan)
                if named != [plan] { wrong += 1 }
            }
        }
        #expect(wrong == 0)
    }
}
