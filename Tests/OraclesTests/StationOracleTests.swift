import EventKernel
import RandomVariates
import Simulation
import Testing

// Closed forms against the message path's own station and processor. As in QueueingTests, each mean comes with a 99 %
// interval from batch means: with another seed a correct station would fail each test once in a hundred.

/// Feeds a station with batches at Poisson times and collects the waits of its items.
private func meanWait(
    threads: Int, ports: Int, batch: Int, batchesPerSecond: Double, cost: Int64, seed: UInt64, waits: BatchMeans
) -> Interval {
    var station = Station(ports: ports, processor: Processor(threads: threads, milliCPU: nil))
    var arrivals = RandomStream(seed: seed, purpose: .arrival, replication: 0, entity: 0)
    var waits = waits
    var now: Int64 = 0
    var sequence: UInt32 = 0
    while !waits.isComplete {
        now += Int64(arrivals.exponential(mean: 1e9 / batchesPerSecond))
        // Everything whose service starts before this batch comes is served first, as a window would do.
        while let served = station.next(before: now) {
            let departure = station.processor.serve(arrival: served.item.time, cost: cost)
            waits.record(Double(departure - cost - served.item.time) / 1e9)
        }
        for _ in 0..<batch {
            sequence &+= 1
            station.append(
                Item(
                    time: now, published: now, sender: 0, sequence: sequence, list: 0, size: 0, kind: .media, flags: 0),
                to: Int(sequence) % ports)
        }
    }
    return waits.interval
}

/// M/D/1 at load 0.8: rho E[S] / (2 (1 - rho)) = 2 s for services of 1 s, over however many ports.
@Test(arguments: [1, 5])
func meanWaitAtAStation(ports: Int) {
    let interval = meanWait(
        threads: 1, ports: ports, batch: 1, batchesPerSecond: 0.8, cost: 1_000_000_000, seed: 21,
        waits: BatchMeans(discard: 4_000, batchSize: 40_000 * BatchMeans.scale))
    #expect(interval.contains(2))
    #expect(interval.relativeHalfWidth < 0.02)
}

/// Fan-out M^X/D/1, 4 copies a message at load 0.6: (rho + E[X (X - 1)] / E[X]) E[S] / (2 (1 - rho)) = 4.5 s.
@Test func meanWaitOfFanOutAtAStation() {
    let interval = meanWait(
        threads: 1, ports: 2, batch: 4, batchesPerSecond: 0.15, cost: 1_000_000_000, seed: 22,
        waits: BatchMeans(discard: 4_000, batchSize: 40_000 * BatchMeans.scale))
    #expect(interval.contains(4.5))
    #expect(interval.relativeHalfWidth < 0.02)
}

/// M/D/2 at load 0.8: 0.9000 s, from the chain of the number in the system at instants one service apart
/// (Crommelin 1932; Tijms, A First Course in Stochastic Models, 2003, section 9.6), solved to ten digits.
@Test func meanWaitOfTwoThreads() {
    let interval = meanWait(
        threads: 2, ports: 1, batch: 1, batchesPerSecond: 1.6, cost: 1_000_000_000, seed: 23,
        waits: BatchMeans(discard: 4_000, batchSize: 40_000 * BatchMeans.scale))
    #expect(interval.contains(0.90002))
    #expect(interval.relativeHalfWidth < 0.02)
}

/// The control: a closed form that is 10 % off is outside.
@Test func theStationsIntervalExcludesAWrongAnswer() {
    let interval = meanWait(
        threads: 1, ports: 1, batch: 4, batchesPerSecond: 0.15, cost: 1_000_000_000, seed: 22,
        waits: BatchMeans(discard: 4_000, batchSize: 40_000))
    #expect(!interval.contains(4.5 * 1.1))
}
