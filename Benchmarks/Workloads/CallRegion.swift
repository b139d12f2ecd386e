import EventKernel
import Simulation

/// What a broker does with the messages of one client that come from clients or the gateway, or over a route.
private struct BrokerPlan: BitwiseCopyable {
    static let none: UInt8 = 255

    /// Relays of the broker with receivers; bit k of `receivers` is participant k of those in the region.
    var relays: (UInt8, UInt8) = (0, 0)
    var receivers: (UInt8, UInt8) = (0, 0)
    var routes: (UInt8, UInt8) = (none, none)
    var copies: UInt8 = 0

    /// - Parameter isRouted: came over a route, so that it is not routed again.
    init(_ topology: CallTopology, sender: Int, region: Int, broker: Int, isRouted: Bool) {
        for place in 0..<2 {
            let client = sender & ~3 + region * 2 + place
            if client == sender || client >= topology.clients { continue }
            let bit: UInt8 = 1 << UInt8(place)
            if topology.broker[client] == UInt8(broker) {
                if receivers.0 == 0 || relays.0 == topology.relay[client] {
                    relays.0 = topology.relay[client]
                    receivers.0 |= bit
                } else {
                    relays.1 = topology.relay[client]
                    receivers.1 = bit
                }
            } else if !isRouted && routes.0 != topology.broker[client] {
                if routes.0 == Self.none { routes.0 = topology.broker[client] } else { routes.1 = topology.broker[client] }
            }
        }
        for receiver in [receivers.0, receivers.1] where receiver != 0 { copies += 1 }
        for route in [routes.0, routes.1] where route != Self.none { copies += 1 }
        if CallTopology.region(of: sender) == region && !isRouted { copies += 1 }
    }
}

/// A client as a source of messages.
private struct Source: BitwiseCopyable {
    var phase: Int64
    var client: UInt32
    var broker: UInt32
}

/// A message copy on its way into a relay, whose link is zero: it arrives as the broker's service ends.
private struct RelayVisit: BitwiseCopyable {
    var time: Int64
    var published: Int64
    /// The message, times four.
    var leg: UInt64
    var relay: UInt8
    /// As in ``BrokerPlan``; not 0.
    var receivers: UInt8
}

/// A message copy on its way from a relay to a client.
private struct Delivery: BitwiseCopyable {
    /// From publication to leaving the relay.
    var age: Int64
    var leg: UInt64
}

/// One region of W3 on Simulation's own stations: the brokers are `Station`s, the relays `Processor`s behind them.
///
/// Work is done in passes: the brokers' services of some windows, then the relays' in the same order, then the
/// deliveries. A pass is a straight line of arithmetic, and what it decides by the numbers of a message it decides
/// without branches.
struct CallRegion: ~Copyable {
    /// 2^22 ns = 4.2 ms: below the least access delay.
    private static let slotShift = 22
    /// Slots that a region can run without the other: below the time between them.
    static let slotsPerRound = CallTopology.wan >> Int64(slotShift)
    /// Relay visits after which the passes behind the brokers run: their records stay in the first-level cache.
    private static let batch = 256

    private let region: Int
    private let brokerCount: Int
    private let messages: UInt32
    private let brokers: Table<Station>
    private let arrivals: Table<SlotBin<Item>>
    /// What each broker sent over its gateway in this round.
    private let outboxes: Table<ItemBuffer<Item>>
    private let relays: UnsafeMutablePointer<Processor>
    private let plans: UnsafeMutablePointer<BrokerPlan>
    /// The region's clients in the order of their phase: the order of capture repeats every period.
    private let sources: UnsafeMutablePointer<Source>
    private let sourceCount: Int
    private var position = 0
    private var sequence: UInt32 = 0
    private var drained = ItemBuffer<Item>()
    private var sorter = SlotSorter<Item>()
    private var visits = ItemBuffer<RelayVisit>()
    private var deliveries = ItemBuffer<Delivery>()
    private(set) var events = 0
    var latency = Latencies()

    init(_ topology: CallTopology, region: Int, messages: Int) {
        self.region = region
        self.messages = UInt32(messages)
        brokerCount = CallTopology.brokers[region]
        let processor = Processor(threads: 1, milliCPU: nil)
        let ports = brokerCount + (region == 0 ? 1 : 2)
        brokers = Table(count: brokerCount) { _ in Station(ports: ports, processor: processor) }
        arrivals = Table(count: brokerCount) { _ in SlotBin(slotShift: Self.slotShift, slots: 64) }
        outboxes = Table(count: brokerCount) { _ in ItemBuffer() }
        relays = .allocate(capacity: CallTopology.relaysPerRegion)
        relays.initialize(repeating: processor, count: CallTopology.relaysPerRegion)
        plans = .allocate(capacity: topology.clients * brokerCount * 2)
        for client in 0..<topology.clients {
            for broker in 0..<brokerCount {
                for isRouted in [false, true] {
                    let index = (client * brokerCount + broker) * 2 + (isRouted ? 1 : 0)
                    (plans + index).initialize(
                        to: BrokerPlan(topology, sender: client, region: region, broker: broker, isRouted: isRouted))
                }
            }
        }
        let order = (0..<topology.clients).filter { CallTopology.region(of: $0) == region }
            .sorted { (topology.phase[$0], $0) < (topology.phase[$1], $1) }
        sourceCount = order.count
        sources = .allocate(capacity: max(1, order.count))
        for (place, client) in order.enumerated() {
            (sources + place).initialize(
                to: Source(
                    phase: topology.phase[client], client: UInt32(client), broker: UInt32(topology.broker[client])))
        }
    }

    deinit {
        relays.deinitialize(count: CallTopology.relaysPerRegion)
        relays.deallocate()
        plans.deallocate()
        sources.deallocate()
    }

    // MARK: Ports of a broker: 0 for clients, then one for each other broker, then the gateways

    private func routePort(from: Int, to: Int) -> Int { from < to ? 1 + from : from }

    /// B's brokers are behind A i with i mod 2; A's behind one of B at the most.
    private func gatewayPort(from broker: Int) -> Int { brokerCount + (region == 0 ? 0 : broker / 2) }

    // MARK: Running

    /// Runs the slots from `start` to `end`. Nothing that the other region sends meanwhile arrives before `end`.
    mutating func run(from start: Int64, until end: Int64) {
        for slot in start..<end {
            let slotEnd = (slot + 1) << Int64(Self.slotShift)
            capture(until: slotEnd)
            for broker in 0..<brokerCount { feed(broker, slot: slot) }
            serve(until: slotEnd)
        }
        finishVisits()
    }

    /// Takes what the other region's gateways sent.
    mutating func receive(from other: inout CallRegion) {
        for broker in 0..<other.brokerCount {
            let target = CallTopology.pair(of: broker, in: other.region)
            let outbox = other.outboxes[pointer: broker]
            brokers[pointer: target].pointee.append(contentsOf: outbox.pointee, to: gatewayPort(from: broker))
            outbox.pointee.removeAll()
        }
    }

    /// Nothing is left to publish or to serve.
    var isDone: Bool {
        if sequence < messages && sourceCount > 0 { return false }
        for broker in 0..<brokerCount
        where !arrivals[pointer: broker].pointee.isEmpty || brokers[pointer: broker].pointee.nextStart() < Int64.max {
            return false
        }
        return true
    }

    /// What the clients publish before `end`: each in its turn of the period.
    private mutating func capture(until end: Int64) {
        guard sourceCount > 0 else { return }
        while sequence < messages {
            let source = sources[position]
            let time = source.phase + Int64(sequence) * CallTopology.period
            guard time < end else { return }
            events += 1
            let message = UInt64(source.client) << 16 | UInt64(sequence)
            let arrival = time + CallTopology.access(leg: message << 2 | UInt64(source.client & 3))
            arrivals[pointer: Int(source.broker)].pointee.append(
                Item(
                    time: arrival, published: time, sender: source.client, sequence: sequence, list: 0, size: 0,
                    kind: .media, flags: 0),
                at: SimTime(nanoseconds: arrival))
            position += 1
            if position == sourceCount {
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
        brokers[pointer: broker].pointee.append(contentsOf: drained, to: 0)
    }

    /// Serves the brokers in windows that no output of one of them can reach.
    private mutating func serve(until end: Int64) {
        while true {
            var next = Int64.max
            for broker in 0..<brokerCount { next = min(next, brokers[pointer: broker].pointee.nextTime) }
            guard next < end else { return }
            let window = min(next + CallTopology.route, end)
            for broker in 0..<brokerCount where brokers[pointer: broker].pointee.nextTime < window {
                serve(broker, until: window)
            }
            if visits.count >= Self.batch { finishVisits() }
        }
    }

    @inline(__always)
    private mutating func serve(_ broker: Int, until window: Int64) {
        let station = brokers[pointer: broker]
        let outbox = outboxes[pointer: broker]
        while let served = station.pointee.next(before: window) {
            events &+= 1
            let item = served.item
            let isRouted = served.port > 0 && served.port < brokerCount
            let plan = plans[(Int(item.sender) &* brokerCount &+ broker) &* 2 &+ (isRouted ? 1 : 0)]
            let departure = station.pointee.processor.serve(
                arrival: item.time,
                cost: CallTopology.brokerInbound &+ CallTopology.brokerOutbound &* Int64(plan.copies))
            let leg = UInt64(item.sender) << 18 | UInt64(item.sequence) << 2
            visits.append(
                RelayVisit(
                    time: departure, published: item.published, leg: leg, relay: plan.relays.0,
                    receivers: plan.receivers.0),
                if: plan.receivers.0 != 0)
            visits.append(
                RelayVisit(
                    time: departure, published: item.published, leg: leg, relay: plan.relays.1,
                    receivers: plan.receivers.1),
                if: plan.receivers.1 != 0)
            var copy = item
            copy.time = departure &+ CallTopology.wan
            outbox.pointee.append(copy, if: served.port == 0)
            copy.time = departure &+ CallTopology.route
            if plan.routes.0 != BrokerPlan.none { route(copy, from: broker, to: Int(plan.routes.0)) }
            if plan.routes.1 != BrokerPlan.none { route(copy, from: broker, to: Int(plan.routes.1)) }
        }
    }

    @inline(__always)
    private func route(_ item: Item, from broker: Int, to target: Int) {
        brokers[pointer: target].pointee.append(item, to: routePort(from: broker, to: target))
    }

    /// The relays' services, in the order of their arrivals, and the deliveries behind them: all receivers of a
    /// visit leave at the end of its service.
    private mutating func finishVisits() {
        for index in 0..<visits.count {
            let visit = visits[index]
            // One receiver or two, as bits 0 and 1.
            let receivers = Int64(visit.receivers &+ 1) >> 1
            let departure = relays[Int(visit.relay)].serve(
                arrival: visit.time, cost: CallTopology.relayOutbound &* receivers)
            let leg = visit.leg | UInt64(region &* 2)
            let age = departure &- visit.published
            deliveries.append(Delivery(age: age, leg: leg | UInt64(visit.receivers == 2 ? 1 : 0)))
            deliveries.append(Delivery(age: age, leg: leg | 1), if: receivers == 2)
        }
        events &+= visits.count &+ deliveries.count
        visits.removeAll()
        for index in 0..<deliveries.count {
            let delivery = deliveries[index]
            latency.add(delivery.age &+ CallTopology.access(leg: delivery.leg))
        }
        deliveries.removeAll()
    }
}
