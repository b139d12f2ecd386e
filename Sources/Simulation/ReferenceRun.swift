import EventKernel

/// The specification of the order: one event at a time from one global queue.
///
/// Slow and small. Every copy in transit is an entry of one heap; the stations' own functions do the rest. Whatever
/// the window executor does must give the same fingerprint, at any window and number of threads.
extension Run {
    func runReference() throws {
        var queue = ReferenceQueue()
        collect(into: &queue)
        var steps: Int64 = 0
        while true {
            steps += 1
            if steps & 0xfff == 0, options.isCancelled?() == true { throw CancellationError() }
            let arrival = queue.leastTime
            var least = arrival
            var chosen = (region: -1, what: -1)
            for region in 0..<domains.count {
                let next = domains[pointer: region].pointee.nextReferenceStep()
                if next.time < least {
                    least = next.time
                    chosen = (region, next.what)
                }
            }
            let wire = earliestOnWire()
            guard min(least, wire.time) < world.horizon else { break }
            if wire.time <= least {
                let source = domains[pointer: wire.source]
                source.pointee.gatherWire(toward: wire.target, before: wire.time + 1)
                queue.push(source.pointee.popWire(toward: wire.target, before: wire.time + 1)!)
            } else if chosen.region < 0 {
                let posted = queue.popLeast()
                domains[pointer: Int(posted.region)].pointee.take(posted)
            } else {
                domains[pointer: chosen.region].pointee.referenceStep(chosen.what, at: least)
            }
            collect(into: &queue)
        }
        // What is still in transit goes back where the account of the horizon looks for it.
        while !queue.isEmpty {
            let posted = queue.popLeast()
            domains[pointer: Int(posted.region)].pointee.outboxes[Int(posted.region)].append(posted)
        }
    }

    /// The link onto which something goes first, and when.
    private func earliestOnWire() -> (time: Int64, source: Int, target: Int) {
        var best = (time: Int64.max, source: -1, target: -1)
        for source in 0..<domains.count {
            for target in 0..<domains.count where target != source {
                domains[pointer: source].pointee.gatherWire(toward: target, before: Int64.max)
                let time = domains[pointer: source].pointee.earliestOnWire()
                if time < best.time { best = (time, source, target) }
            }
        }
        return best
    }

    private func collect(into queue: inout ReferenceQueue) {
        for source in 0..<domains.count {
            for target in 0..<domains.count where !domains[pointer: source].pointee.outboxes[target].isEmpty {
                for entry in domains[pointer: source].pointee.outboxes[target] { queue.push(entry) }
                domains[pointer: source].pointee.outboxes[target].removeAll(keepingCapacity: true)
            }
        }
    }
}

/// Copies in transit, in the order of (time, destination, session, stream, sequence, kind, entry).
struct ReferenceQueue {
    private var heap: [(posted: Posted, entry: Int)] = []
    private var entries = 0

    var isEmpty: Bool { heap.isEmpty }
    var leastTime: Int64 { heap.first?.posted.item.time ?? Int64.max }

    private static func precedes(_ left: (posted: Posted, entry: Int), _ right: (posted: Posted, entry: Int)) -> Bool {
        let a = left.posted.item
        let b = right.posted.item
        if a.time != b.time { return a.time < b.time }
        // Ring ports keep the order of appending; only what meets in a bin is ordered by its identity. What goes to
        // the one never meets what goes to the other: which is first is only settled so that the order is one.
        if left.posted.isUnordered != right.posted.isUnordered { return right.posted.isUnordered }
        if left.posted.isUnordered {
            if Domain.precedes(a, b) { return true }
            if Domain.precedes(b, a) { return false }
        }
        return left.entry < right.entry
    }

    mutating func push(_ posted: Posted) {
        heap.append((posted, entries))
        entries += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popLeast() -> Posted {
        let top = heap[0].posted
        let last = heap.removeLast()
        guard !heap.isEmpty else { return top }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { return top }
            if child + 1 < heap.count, Self.precedes(heap[child + 1], heap[child]) { child += 1 }
            guard Self.precedes(heap[child], heap[parent]) else { return top }
            heap.swapAt(child, parent)
            parent = child
        }
    }
}

extension Posted {
    /// Whether its port takes items in any order until their time comes.
    var isUnordered: Bool {
        switch destination {
        case .server: false
        case .relay(_, let port): port == 0
        case .clients: true
        }
    }
}

extension Domain {
    /// Takes a copy whose time has come: people react at once, stations queue it.
    mutating func take(_ posted: Posted) {
        switch posted.destination {
        case .clients: receive(posted.item)
        case .server, .relay: deliver(posted.item, to: posted.destination)
        }
    }

    /// What the region would do next by itself: 0 agenda, 1 client timer, 2 capture, 3... stations.
    mutating func nextReferenceStep() -> (time: Int64, what: Int) {
        var best = (time: agenda.peek().nanoseconds, what: 0)
        func consider(_ time: Int64, _ what: Int) { if time < best.time { best = (time, what) } }
        consider(clientTimers.peek().nanoseconds, 1)
        consider(sources.least, 2)
        for relay in 0..<relays.count { consider(relays[pointer: relay].pointee.station.nextStart(), 3 + relay) }
        for server in 0..<servers.count {
            consider(servers[pointer: server].pointee.station.nextStart(), 3 + relays.count + server)
        }
        return best
    }

    mutating func referenceStep(_ what: Int, at time: Int64) {
        switch what {
        case 0: fireAgenda(before: time + 1)
        case 1:
            let timer = clientTimers.popLive(before: SimTime(nanoseconds: time + 1))!
            clientTimerFired(Int(timer.entity), ClientTimer(rawValue: timer.kind)!, at: time)
        case 2: captureNext(at: time)
        case 3..<(3 + relays.count):
            let next = relays[pointer: what - 3].pointee.station.nextPlace(before: time + 1)!
            serveRelay(what - 3, next.item, port: next.port)
        default:
            let server = what - 3 - relays.count
            let next = servers[pointer: server].pointee.station.nextPlace(before: time + 1)!
            serveServer(server, next.item, port: next.port)
        }
    }

    /// Publishes everything captured at exactly `time`, in order of (stream, sequence).
    private mutating func captureNext(at time: Int64) {
        sources.gather(until: time + 1, world)
        // People are looked at in the order of their numbers: so are the streams.
        for position in 0..<sources.captures.count { capture(sources.captures[position]) }
    }
}
