import Dispatch
import Glibc
import Synchronization

/// W3, the relay fan-out call of `Benchmarks/README.md`: two regions that run alone for less than the time a message
/// needs between them, then take what the other's gateways sent. One thread or two compute the same.
func runFanOut(clients: Int, milliseconds: Int, threads: Int) {
    let topology = CallTopology(clients: clients)
    let messages = milliseconds * 50 / 1000
    let regions = RegionPointers(first: .allocate(capacity: 1), second: .allocate(capacity: 1))
    regions.first.initialize(to: CallRegion(topology, region: 0, messages: messages))
    regions.second.initialize(to: CallRegion(topology, region: 1, messages: messages))
    let meter = Meter()
    if threads > 1 {
        // A thread of its own and this one: they wait for each other, so neither may run after the other.
        let meeting = Meeting()
        let other = DispatchQueue(label: "second region")
        other.async { regions.run(1, meeting) }
        regions.run(0, meeting)
        other.sync {}
    } else {
        var start: Int64 = 0
        repeat {
            for region in 0..<2 { regions.run(region, from: start) }
            for region in 0..<2 { regions.receive(region) }
            start += CallRegion.slotsPerRound
        } while !regions.first.pointee.isDone || !regions.second.pointee.isDone
    }
    let (cpu, wall) = meter.elapsed()
    let events = regions.first.pointee.events + regions.second.pointee.events
    regions.first.pointee.latency.merge(regions.second.pointee.latency)
    report(regions.first, clients: clients, messages: messages, events: events, cpu: cpu, wall: wall)
}

private func report(
    _ merged: UnsafeMutablePointer<CallRegion>, clients: Int, messages: Int, events: Int, cpu: Double, wall: Double
) {
    let (count, sum) = (merged.pointee.latency.count, merged.pointee.latency.sum)
    let mean = Double(sum) / Double(max(1, count)) / 1e6
    printResult(
        workload: "W3-C\(clients)-\(messages * 20)ms", events: UInt64(events), useful: UInt64(count), cpu: cpu,
        wall: wall,
        check: "deliv\(count):sum_ns\(sum) mean_ms=\(fixed(mean, digits: 6)) "
            + "p99_ms=\(fixed(merged.pointee.latency.percentile99, digits: 1)) "
            + "max_ms=\(fixed(Double(merged.pointee.latency.maximum) / 1e6, digits: 3))")
}

/// The regions, handed to threads that each work on one of them alone between two meetings.
private struct RegionPointers: @unchecked Sendable {
    let first: UnsafeMutablePointer<CallRegion>
    let second: UnsafeMutablePointer<CallRegion>

    subscript(region: Int) -> UnsafeMutablePointer<CallRegion> { region == 0 ? first : second }

    func run(_ region: Int, from start: Int64) {
        self[region].pointee.run(from: start, until: start + CallRegion.slotsPerRound)
    }

    /// Runs one region to the end, beside a thread that runs the other.
    func run(_ region: Int, _ meeting: Meeting) {
        var start: Int64 = 0
        repeat {
            run(region, from: start)
            meeting.wait()
            receive(region)
            meeting.setDone(region, self[region].pointee.isDone)
            meeting.wait()
            start += CallRegion.slotsPerRound
        } while !meeting.areDone
    }

    /// Takes what the other region sent.
    func receive(_ region: Int) { self[region].pointee.receive(from: &self[1 - region].pointee) }
}

/// Where two threads wait for each other. A round takes less than a millisecond, so they look again and again before
/// they let others run: a sleep would cost a tenth of it.
private final class Meeting: Sendable {
    private let arrivals = Atomic<Int>(0)
    private let first = Atomic<Bool>(false)
    private let second = Atomic<Bool>(false)

    func setDone(_ region: Int, _ value: Bool) {
        if region == 0 {
            first.store(value, ordering: .relaxed)
        } else {
            second.store(value, ordering: .relaxed)
        }
    }

    var areDone: Bool { first.load(ordering: .relaxed) && second.load(ordering: .relaxed) }

    func wait() {
        let number = arrivals.add(1, ordering: .acquiringAndReleasing).newValue
        let needed = (number + 1) & ~1
        var looks = 0
        while arrivals.load(ordering: .acquiring) < needed {
            looks += 1
            if looks > 20_000 { sched_yield() }
        }
    }
}
