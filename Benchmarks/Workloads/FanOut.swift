import EventKernel
import Measures
import Simulation

/// W3, the relay fan-out call of `Benchmarks/README.md`, on Simulation's own stations: the brokers are `Station`s,
/// the relays `Processor`s behind them (their link is zero, so a relay is served as its broker's output departs).
func runFanOut(clients: Int, milliseconds: Int) {
    var call = FanOut(clients: clients, messages: milliseconds * 50 / 1000)
    let meter = Meter()
    call.run()
    let mean = Double(call.latency.sum) / Double(max(1, call.latency.count)) / 1e6
    printResult(
        workload: "W3-C\(clients)-\(milliseconds * 50 / 1000 * 20)ms", events: UInt64(call.events),
        useful: UInt64(call.latency.count), meter: meter,
        check: "deliv\(call.latency.count):sum_ns\(call.latency.sum) mean_ms=\(fixed(mean, digits: 6)) "
            + "p99_ms=\(fixed(call.latency.percentile99, digits: 1)) "
            + "max_ms=\(fixed(Double(call.latency.maximum) / 1e6, digits: 3))")
}

/// Exact sum and a histogram of 0.1 ms, as the reference keeps them.
private struct Latencies: ~Copyable {
    var count = 0
    var sum: Int64 = 0
    var maximum: Int64 = 0
    private let buckets: UnsafeMutablePointer<UInt32>
    private static let limit = 600_000

    init() {
        buckets = .allocate(capacity: Self.limit + 1)
        buckets.initialize(repeating: 0, count: Self.limit + 1)
    }

    deinit { buckets.deallocate() }

    @inline(__always)
    mutating func add(_ latency: Int64) {
        count += 1
        sum += latency
        maximum = max(maximum, latency)
        // Division by a constant is a multiplication; the quotient of 32 bits is enough below 429 s.
        buckets[min(Int(UInt64(latency) / 100_000), Self.limit)] += 1
    }

    var percentile99: Double {
        let need = Int((0.99 * Double(count)).rounded(.up))
        var seen = 0
        for bucket in 0...Self.limit {
            seen += Int(buckets[bucket])
            if seen >= need { return Double(bucket + 1) * 0.1 }
        }
        return -1
    }
}

/// The clients and where they are: the reference's topology, digit for digit.
private struct CallTopology {
    static let brokers = 5
    static let relays = 8
    static let wan: Int64 = 117_000_000
    static let route: Int64 = 200_000
    static let period: Int64 = 20_000_000
    static let accessMinimum: Int64 = 5_000_000
    static let accessSpan: UInt64 = 10_000_001
    static let brokerInbound: Int64 = 5_000
    static let brokerOutbound: Int64 = 2_000
    static let relayOutbound: Int64 = 3_000
    static let seed: UInt64 = 0x5eed_5eed

    let relay: [Int]
    let broker: [Int]
    let phase: [Int64]

    init(clients: Int) {
        var relay = [Int](repeating: 0, count: clients)
        let half = clients / 2
        for region in 0..<2 {
            var order = Array(0..<half)
            var stream = SplitMix(seed: UInt64(77 + region))
            for last in stride(from: half - 1, to: 0, by: -1) {
                order.swapAt(last, Int(stream.next() % UInt64(last + 1)))
            }
            for place in 0..<half {
                relay[place / 2 * 4 + region * 2 + place % 2] = region * 4 + order[place] % 4
            }
        }
        self.relay = relay
        broker = relay.map { $0 < 4 ? $0 % 3 : 3 + ($0 - 4) % 2 }
        phase = (0..<clients).map {
            Int64(SplitMix.mix(UInt64($0) &* SplitMix.increment &+ 0x9a5e) % UInt64(Self.period))
        }
    }

    static func pair(of broker: Int) -> Int { broker < 3 ? 3 + broker % 2 : (broker - 3) % 3 }

    @inline(__always)
    static func access(_ message: UInt64, slot: UInt64) -> Int64 {
        let bits = SplitMix.mix((message &* 4 &+ slot) &* SplitMix.increment &+ seed)
        return accessMinimum + Int64(bits % accessSpan)
    }
}

/// What one broker does with the messages of one client: at most two of its relays, two routes and the gateway.
private struct BrokerPlan: BitwiseCopyable {
    var cost: Int64 = 0
    var relays: (UInt8, UInt8) = (0, 0)
    /// Recipients behind each relay: bit k of a mask is slot k of the call.
    var recipients: (UInt8, UInt8) = (0, 0)
    var relayCount: UInt8 = 0
    var routes: (UInt8, UInt8) = (0, 0)
    var routeCount: UInt8 = 0
    /// Broker behind the gateway, 255: none.
    var gateway: UInt8 = 255
}

private enum BrokerPort {
    static let clients = 0
    static func route(from broker: Int) -> Int { 1 + broker }
    static func gateway(from broker: Int) -> Int { 1 + CallTopology.brokers + broker }
    static let count = 1 + 2 * CallTopology.brokers
}

/// The engine of the workload: slots for the clients, windows of the route's hop for the brokers.
private struct FanOut: ~Copyable {
    /// 2^22 ns = 4.2 ms: below the least access delay.
    static let slotShift = 22

    let topology: CallTopology
    let clients: Int
    let messages: Int
    let brokers: Table<Station>
    let arrivals: Table<SlotBin<Item>>
    let relays: UnsafeMutablePointer<Processor>
    let plans: UnsafeMutablePointer<BrokerPlan>
    /// Clients in the order of their phase: the order of capture repeats every period.
    let order: [Int32]
    var position = 0
    var sequence: UInt32 = 0
    var latency = Latencies()
    var events = 0
    var drained = ItemBuffer<Item>()
    var sorter = SlotSorter<Item>()

    init(clients: Int, messages: Int) {
        let topology = CallTopology(clients: clients)
        self.topology = topology
        self.clients = clients
        self.messages = messages
        brokers = Table(count: CallTopology.brokers) { _ in
            Station(ports: BrokerPort.count, processor: Processor(threads: 1, milliCPU: nil))
        }
        arrivals = Table(count: CallTopology.brokers) { _ in SlotBin(slotShift: Self.slotShift, slots: 64) }
        relays = .allocate(capacity: CallTopology.relays)
        relays.initialize(repeating: Processor(threads: 1, milliCPU: nil), count: CallTopology.relays)
        plans = .allocate(capacity: clients * CallTopology.brokers * 3)
        order = (0..<Int32(clients)).sorted { (topology.phase[Int($0)], $0) < (topology.phase[Int($1)], $1) }
        for client in 0..<clients {
            for broker in 0..<CallTopology.brokers {
                for kind in 0..<3 {
                    (plans + Self.planIndex(client, broker, kind)).initialize(
                        to: Self.plan(topology, client, broker, kind))
                }
            }
        }
    }

    deinit {
        relays.deinitialize(count: CallTopology.relays)
        relays.deallocate()
        plans.deallocate()
    }

    /// Kinds: 0 from a client, 1 over a route, 2 over the gateway.
    @inline(__always)
    private static func planIndex(_ client: Int, _ broker: Int, _ kind: Int) -> Int {
        (client * CallTopology.brokers + broker) * 3 + kind
    }

    private static func plan(_ topology: CallTopology, _ sender: Int, _ broker: Int, _ kind: Int) -> BrokerPlan {
        var plan = BrokerPlan()
        let call = sender & ~3
        let region = broker >= 3 ? 1 : 0
        for slot in region * 2..<region * 2 + 2 {
            let client = call + slot
            if client == sender || client >= topology.relay.count { continue }
            if topology.broker[client] == broker {
                let relay = UInt8(topology.relay[client])
                if plan.relayCount > 0 && plan.relays.0 == relay {
                    plan.recipients.0 |= 1 << UInt8(slot)
                } else if plan.relayCount == 0 {
                    plan.relays.0 = relay
                    plan.recipients.0 = 1 << UInt8(slot)
                    plan.relayCount = 1
                } else {
                    plan.relays.1 = relay
                    plan.recipients.1 = 1 << UInt8(slot)
                    plan.relayCount = 2
                }
            } else if kind != 1 {
                let other = UInt8(topology.broker[client])
                if plan.routeCount > 0 && plan.routes.0 == other { continue }
                if plan.routeCount == 0 { plan.routes.0 = other } else { plan.routes.1 = other }
                plan.routeCount += 1
            }
        }
        if kind == 0 { plan.gateway = UInt8(CallTopology.pair(of: broker)) }
        let copies = Int64(plan.relayCount) + Int64(plan.routeCount) + (kind == 0 ? 1 : 0)
        plan.cost = CallTopology.brokerInbound + CallTopology.brokerOutbound * copies
        return plan
    }

    mutating func run() {
        var slot: Int64 = 0
        while true {
            let end = (slot + 1) << Int64(Self.slotShift)
            capture(until: end)
            for broker in 0..<CallTopology.brokers { feed(broker, slot: slot) }
            serve(until: end)
            slot += 1
            if sequence >= UInt32(messages) && isEmpty { return }
        }
    }

    private var isEmpty: Bool {
        for broker in 0..<CallTopology.brokers
        where !arrivals[pointer: broker].pointee.isEmpty || brokers[pointer: broker].pointee.nextTime < Int64.max {
            return false
        }
        return true
    }

    /// What the clients publish before `end`: each in its turn of the period.
    private mutating func capture(until end: Int64) {
        while sequence < UInt32(messages) {
            let client = Int(order[position])
            let time = topology.phase[client] + Int64(sequence) * CallTopology.period
            guard time < end else { return }
            events += 1
            let message = UInt64(client) << 16 | UInt64(sequence)
            let arrival = time + CallTopology.access(message, slot: UInt64(client & 3))
            arrivals[pointer: topology.broker[client]].pointee.append(
                Item(
                    time: arrival, published: time, sender: UInt32(client), sequence: sequence, list: 0, size: 0,
                    kind: .media, flags: 0),
                at: SimTime(nanoseconds: arrival))
            position += 1
            if position == clients {
                position = 0
                sequence += 1
            }
        }
    }

    /// Moves a slot's arrivals, sorted, to the broker's port.
    private mutating func feed(_ broker: Int, slot: Int64) {
        guard arrivals[pointer: broker].pointee.earliestSlot == slot else { return }
        drained.removeAll()
        arrivals[pointer: broker].pointee.drain(slot: slot, into: &drained)
        sorter.sort(
            &drained, slotShift: Self.slotShift, time: { SimTime(nanoseconds: $0.time) },
            precedes: { ($0.sender, $0.sequence) < ($1.sender, $1.sequence) })
        let station = brokers[pointer: broker]
        for index in 0..<drained.count { station.pointee.append(drained[index], to: BrokerPort.clients) }
    }

    private mutating func serve(until end: Int64) {
        while true {
            var next = Int64.max
            for broker in 0..<CallTopology.brokers { next = min(next, brokers[pointer: broker].pointee.nextTime) }
            guard next < end else { return }
            let window = min(next + CallTopology.route, end)
            for broker in 0..<CallTopology.brokers where brokers[pointer: broker].pointee.nextTime < window {
                while let served = brokers[pointer: broker].pointee.next(before: window) { forward(broker, served) }
            }
        }
    }

    /// One message at one broker: service, then copies to relays, routes and gateway.
    @inline(__always)
    private mutating func forward(_ broker: Int, _ served: Served) {
        events += 1
        let kind = served.port == 0 ? 0 : served.port <= CallTopology.brokers ? 1 : 2
        let plan = plans[Self.planIndex(Int(served.item.sender), broker, kind)]
        let departure = brokers[pointer: broker].pointee.processor.serve(arrival: served.item.time, cost: plan.cost)
        if plan.relayCount > 0 { deliver(served.item, Int(plan.relays.0), plan.recipients.0, at: departure) }
        if plan.relayCount > 1 { deliver(served.item, Int(plan.relays.1), plan.recipients.1, at: departure) }
        var copy = served.item
        copy.time = departure + CallTopology.route
        if plan.routeCount > 0 {
            brokers[pointer: Int(plan.routes.0)].pointee.append(copy, to: BrokerPort.route(from: broker))
        }
        if plan.routeCount > 1 {
            brokers[pointer: Int(plan.routes.1)].pointee.append(copy, to: BrokerPort.route(from: broker))
        }
        if plan.gateway < 255 {
            copy.time = departure + CallTopology.wan
            brokers[pointer: Int(plan.gateway)].pointee.append(copy, to: BrokerPort.gateway(from: broker))
        }
    }

    /// A relay's service of one message; all its recipients leave at the end.
    @inline(__always)
    private mutating func deliver(_ item: Item, _ relay: Int, _ recipients: UInt8, at time: Int64) {
        events += 1
        let cost = CallTopology.relayOutbound * Int64(recipients.nonzeroBitCount)
        let departure = relays[relay].serve(arrival: time, cost: cost)
        let message = UInt64(item.sender) << 16 | UInt64(item.sequence)
        var left = recipients
        while left != 0 {
            events += 1
            let slot = left.trailingZeroBitCount
            left &= left - 1
            latency.add(departure + CallTopology.access(message, slot: UInt64(slot)) - item.published)
        }
    }
}
