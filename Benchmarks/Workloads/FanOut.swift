import Dispatch

/// W3, the relay fan-out call of `Benchmarks/README.md`: two regions that run alone for less than the time a message
/// needs between them, then exchange what their gateways sent. One thread or two compute the same.
func runFanOut(clients: Int, milliseconds: Int, threads: Int) {
    let topology = CallTopology(clients: clients)
    let messages = milliseconds * 50 / 1000
    let regions = RegionPointers(
        first: .allocate(capacity: 1), second: .allocate(capacity: 1))
    regions.first.initialize(to: CallRegion(topology, region: 0, messages: messages))
    regions.second.initialize(to: CallRegion(topology, region: 1, messages: messages))
    let meter = Meter()
    var slot: Int64 = 0
    repeat {
        let end = slot + CallRegion.slotsPerRound
        if threads > 1 {
            let start = slot
            DispatchQueue.concurrentPerform(iterations: 2) { regions[$0].pointee.run(from: start, until: end) }
        } else {
            for region in 0..<2 { regions[region].pointee.run(from: slot, until: end) }
        }
        regions.second.pointee.receive(from: &regions.first.pointee)
        regions.first.pointee.receive(from: &regions.second.pointee)
        slot = end
    } while !regions.first.pointee.isDone || !regions.second.pointee.isDone
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

/// The regions, handed to threads that each work on one of them alone between two barriers.
private struct RegionPointers: @unchecked Sendable {
    let first: UnsafeMutablePointer<CallRegion>
    let second: UnsafeMutablePointer<CallRegion>

    subscript(region: Int) -> UnsafeMutablePointer<CallRegion> { region == 0 ? first : second }
}
