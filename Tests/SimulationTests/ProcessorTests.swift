import Testing

@testable import Simulation

private let millisecond: Int64 = 1_000_000

@Suite struct ProcessorTests {
    /// 300m: 30 ms of work, then 70 ms of standing still, from the first instant on.
    @Test func aQuotaStopsWorkUntilTheNextPeriod() {
        var processor = Processor(threads: 1, milliCPU: 300)
        let departures = (0..<7).map { _ in processor.serve(arrival: 0, cost: 10 * millisecond) / millisecond }
        #expect(departures == [10, 20, 30, 110, 120, 130, 210])
    }

    @Test func aServiceIsCutByTheEndOfItsBudget() {
        var processor = Processor(threads: 1, milliCPU: 300)
        #expect(processor.serve(arrival: 0, cost: 25 * millisecond) == 25 * millisecond)
        #expect(processor.serve(arrival: 0, cost: 10 * millisecond) == 105 * millisecond)
        #expect(processor.serve(arrival: 0, cost: 60 * millisecond) == 305 * millisecond)
    }

    /// Budget that was not used is not carried over.
    @Test func anIdlePeriodSavesNothing() {
        var processor = Processor(threads: 1, milliCPU: 300)
        #expect(
            processor.serve(arrival: 950 * millisecond, cost: 40 * millisecond) == 980 * millisecond + 30 * millisecond)
        var late = Processor(threads: 1, milliCPU: 300)
        #expect(late.serve(arrival: 990 * millisecond, cost: 40 * millisecond) == 1_030 * millisecond)
    }

    @Test func withoutQuotaDeparturesFollowLindley() {
        var processor = Processor(threads: 1, milliCPU: nil)
        let departures = [(0, 5), (2, 5), (20, 1), (20, 1)].map { processor.serve(arrival: $0.0, cost: $0.1) }
        #expect(departures == [5, 10, 21, 22])
        #expect(processor.busy == 12)
        #expect(processor.waited == 4)
        #expect(processor.longestWait == 3)
        #expect(processor.served == 4)
    }

    /// A limit of all its threads is no limit.
    @Test func aLimitOfWholeThreadsIsNone() {
        #expect(Processor(threads: 2, milliCPU: 2_000).budget == Int64.max)
        #expect(Processor(threads: 2, milliCPU: 1_999).budget == 199_900_000)
    }

    /// Three threads serve three items at once; the fourth takes the one that is free first.
    @Test func threadsServeAtOnce() {
        var processor = Processor(threads: 3, milliCPU: nil)
        let departures = [9, 4, 6, 5, 1].map { processor.serve(arrival: 0, cost: $0) }
        #expect(departures == [9, 4, 6, 9, 7])
        #expect(processor.free == 7)
    }

    @Test func aRestartForgetsWorkInProgress() {
        var processor = Processor(threads: 2, milliCPU: nil)
        _ = processor.serve(arrival: 0, cost: 1_000)
        _ = processor.serve(arrival: 0, cost: 1_000)
        processor.restart(at: 10)
        #expect(processor.serve(arrival: 10, cost: 5) == 15)
        #expect(processor.serve(arrival: 10, cost: 7) == 17)
    }
}

@Suite struct StationTests {
    private func item(_ time: Int64, _ sequence: UInt32) -> Item {
        Item(time: time, published: 0, sender: 0, sequence: sequence, list: 0, size: 0, kind: .media, flags: 0)
    }

    /// The order is (time, port, position in the port).
    @Test func itemsComeInTheOrderOfTimePortAndPosition() {
        var station = Station(ports: 3, processor: Processor(threads: 1, milliCPU: nil))
        for (port, time, name) in [(2, 5, 1), (2, 7, 2), (0, 7, 3), (1, 5, 4), (1, 5, 5), (0, 8, 6)] {
            station.append(item(Int64(time), UInt32(name)), to: port)
        }
        var log: [String] = []
        while let served = station.next(before: 100) {
            log.append("\(served.item.time) \(served.port) \(served.item.sequence)")
        }
        #expect(log == ["5 1 4", "5 1 5", "5 2 1", "7 0 3", "7 2 2", "8 0 6"])
        #expect(station.nextTime == Int64.max)
    }

    /// Nothing is started at the horizon or later: what waits for the processor stays in its ring.
    @Test func serviceNeverStartsAtTheHorizon() {
        var station = Station(ports: 1, processor: Processor(threads: 1, milliCPU: nil))
        station.append(item(10, 1), to: 0)
        station.append(item(11, 2), to: 0)
        #expect(station.next(before: 10)?.port == nil)
        #expect(station.nextTime == 10)
        #expect(station.next(before: 11)?.item.sequence == 1)
        _ = station.processor.serve(arrival: 10, cost: 30)
        #expect(station.next(before: 40)?.port == nil)
        #expect(station.nextTime == 40)
        #expect(station.next(before: 41)?.item.sequence == 2)
    }

    /// Serves everything that starts before `horizon` in runs.
    private func serveRuns(_ station: inout Station, before horizon: Int64, cost: Int64) -> [Int64] {
        var departures: [Int64] = []
        while station.nextTime < horizon {
            var run = station.begin(before: horizon)
            while let item = station.next(&run) {
                departures.append(run.serve(arrival: item.pointee.time, cost: cost))
            }
            station.finish(run)
        }
        return departures
    }

    @Test func aRunDepartsAsLindleysRecursionSays() {
        var station = Station(ports: 3, processor: Processor(threads: 1, milliCPU: nil))
        for (port, time) in [(2, 5), (2, 7), (0, 7), (1, 30), (0, 41)] {
            station.append(item(Int64(time), 0), to: port)
        }
        #expect(serveRuns(&station, before: 40, cost: 10) == [15, 25, 35, 45])
        #expect(station.nextTime == 45)
        #expect(serveRuns(&station, before: 100, cost: 10) == [55])
        #expect(station.nextTime == Int64.max)
        // Waits: 0, 8, 18, 5, 4.
        #expect(station.processor.served == 5)
        #expect(station.processor.busy == 50)
        #expect(station.processor.waited == 35)
        #expect(station.processor.longestWait == 18)
    }

    /// 0.4 s of the first second, 0.6 s of the second one.
    @Test func aRunNotesTheBusiestSecond() {
        var station = Station(ports: 1, processor: Processor(threads: 1, milliCPU: nil))
        for time in [0, 100, 1_000, 1_100, 1_400] { station.append(item(Int64(time) * millisecond, 0), to: 0) }
        let departures = serveRuns(&station, before: 3_000 * millisecond, cost: 200 * millisecond)
        #expect(departures.map { $0 / millisecond } == [200, 400, 1_200, 1_400, 1_600])
        station.processor.finish()
        #expect(station.processor.busiestSecond == 600 * millisecond)
    }

    @Test func removingAllLeavesThePortEmpty() {
        var station = Station(ports: 2, processor: Processor(threads: 1, milliCPU: nil))
        for name in 1...3 { station.append(item(Int64(name), UInt32(name)), to: 1) }
        var names: [UInt32] = []
        station.removeAll(from: 1) { names.append($0.sequence) }
        #expect(names == [1, 2, 3])
        #expect(station.count(of: 1) == 0)
        #expect(station.next(before: 100)?.port == nil)
    }
}
