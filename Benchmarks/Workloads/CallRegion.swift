import EventKernel
import Simulation

/// What a broker does with the messages of one client that come from clients or the gateway, or over a route.
private struct BrokerPlan: BitwiseCopyable {
    /// Up to two services of the broker's relays, 16 bits each as in ``RelayVisit``; 0: none.
    var visits: UInt32 = 0
    /// Nanoseconds of the broker.
    var cost: UInt16
    /// Where the message goes on to, 0: nowhere. In the low half up to two brokers of the cluster, 4 bits each: the
    /// broker plus one; above them 1 if it goes over the gateway.
    var onward: UInt16 = 0

    static var gateway: UInt16 { 1 << 8 }

    /// - Parameter isRouted: came over a route, so that it is not routed again.
    init(_ topology: CallTopology, sender: Int, region: Int, broker: Int, isRouted: Bool) {
        var visits: [RelayVisit] = []
        var routes: [UInt8] = []
        for place in 0..<2 {
            let client = sender & ~3 + region * 2 + place
            if client == sender || client >= topology.clients { continue }
            let relay = topology.relay[client]
            if topology.broker[client] != UInt8(broker) {
                if !isRouted && !routes.contains(topology.broker[client]) { routes.append(topology.broker[client]) }
            } else if visits.last?.relay == relay {
                visits[0].isForBoth = true
            } else {
                visits.append(RelayVisit(relay: relay, place: place))
            }
        }
        for visit in visits.reversed() { self.visits = self.visits << 16 | visit.bits }
        for route in routes.reversed() { onward = onward << 4 | UInt16(route + 1) }
        if CallTopology.region(of: sender) == region && !isRouted { onward |= Self.gateway }
        let copies = visits.count + routes.count + (onward & Self.gateway == 0 ? 0 : 1)
        cost = UInt16(CallTopology.brokerInbound + CallTopology.brokerOutbound * Int64(copies))
    }
}

/// One service of a relay for one or both of a call's participants in the region.
private struct RelayVisit: BitwiseCopyable {
    var bits: UInt32

    /// - Parameter place: which of the two it is for, 0 or 1.
    init(relay: UInt8, place: Int) { bits = 1 << 15 | UInt32(place) << 8 | UInt32(relay) }

    init(bits: UInt32) { self.bits = bits }

    var relay: UInt8 { UInt8(truncatingIfNeeded: bits) }
    /// The participant that it is for, or the first of both.
    var place: UInt64 { UInt64(bits &>> 8 & 1) }
    var isForBoth: Bool {
        get { bits & 1 << 9 != 0 }
        set { bits = bits & ~(1 << 9) | (newValue ? 1 << 9 : 0) }
    }
    var receivers: Int { Int(bits &>> 9 & 1) &+ 1 }
}

/// A client as a source of messages.
private struct Source: BitwiseCopyable {
    var phase: Int64
    var client: UInt32
    var broker: UInt32
}

/// A message that a broker has served for its relays. Their link is zero: they are served as its service ends.
private struct Departure: BitwiseCopyable {
    var time: Int64
    var published: Int64
    var sender: UInt32
    var sequence: UInt32
    /// As in ``BrokerPlan``.
    var visits: UInt32
}

/// One region of W3 on Simulation's own stations: the brokers are `Station`s, the relays `Processor`s behind them.
///
/// Work is done in passes: the brokers' services of some windows, then the relays' in the same order, each with the
/// deliveries behind it.
struct CallRegion: ~Copyable {
    /// 2^22 ns = 4.2 ms: below the least access delay.
    private static let slotShift = 22
    /// Slots that a region can run without the other: below the time between them.
    static let slotsPerRound = CallTopology.wan >> Int64(slotShift)
    /// Departures after which the passes behind the brokers run: their records stay in the first-level cache.
    private static let batch = 256
    /// Services of a broker in one turn at the most: a slot and the lookahead, at the least cost of a service.
    private static let longestRun = Int(((1 << Int64(slotShift)) + lookahead) / CallTopology.brokerInbound) + 1
    /// What a broker sends over a route arrives no sooner than this after its service began.
    private static let lookahead = CallTopology.brokerInbound + CallTopology.route

    private let region: Int
    private let brokerCount: Int
    private let messages: UInt32
    private let brokers: Table<Station>
    /// When each broker may serve next: the stations' `nextTime`, side by side.
    private let clocks: UnsafeMutablePointer<Int64>
    private let arrivals: Table<SlotBin<Item>>
    /// What each broker sent over its gateway in this round.
    private let outboxes: Table<ItemBuffer<Item>>
    private let relays: UnsafeMutablePointer<Processor>
    /// For each broker, two for each client: of its messages that were not routed, and of those that were. An item's
    /// `list` is the index of its plan.
    private let plans: UnsafeMutablePointer<BrokerPlan>
    private let plansPerBroker: Int
    /// The region's clients in the order of their phase: the order of capture repeats every period.
    private let sources: UnsafeMutablePointer<Source>
    private let sourceCount: Int
    private var position = 0
    private var sequence: UInt32 = 0
    private var drained = ItemBuffer<Item>()
    private var sorter = SlotSorter<Item>()
    private let departures: UnsafeMutablePointer<Departure>
    private var departureCount = 0
    private var deliveryCount = 0
    var latency = Latencies()

    init(_ topology: CallTopology, region: Int, messages: Int) {
        self.region = region
        self.messages = UInt32(messages)
        brokerCount = CallTopology.brokers[region]
        let processor = Processor(threads: 1, milliCPU: nil)
        let ports = brokerCount + (region == 0 ? 1 : 2)
        let clocks = UnsafeMutablePointer<Int64>.allocate(capacity: brokerCount)
        brokers = Table(count: brokerCount) { Station(ports: ports, processor: processor, clock: clocks + $0) }
        self.clocks = clocks
        arrivals = Table(count: brokerCount) { _ in SlotBin(slotShift: Self.slotShift, slots: 64) }
        outboxes = Table(count: brokerCount) { _ in ItemBuffer() }
        relays = .allocate(capacity: CallTopology.relaysPerRegion)
        relays.initialize(repeating: processor, count: CallTopology.relaysPerRegion)
        departures = .allocate(capacity: Self.batch + Self.longestRun)
        plansPerBroker = topology.clients * 2
        plans = .allocate(capacity: plansPerBroker * brokerCount)
        for broker in 0..<brokerCount {
            for index in 0..<plansPerBroker {
                (plans + broker * plansPerBroker + index).initialize(
                    to: BrokerPlan(
                        topology, sender: index / 2, region: region, broker: broker, isRouted: index % 2 == 1))
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
        departures.deallocate()
        sources.deallocate()
        clocks.deallocate()
    }

    // MARK: Ports of a broker: 0 for clients, then one for each other broker, then the gateways

    private func routePort(from: Int, to: Int) -> Int { from < to ? 1 + from : from }

    /// B's brokers are behind A i with i mod 2; A's behind one of B at the most.
    private func gatewayPort(from broker: Int) -> Int { brokerCount + (region == 0 ? 0 : broker / 2) }

    /// What was published, served and delivered.
    var events: Int {
        var events = Int(sequence) * sourceCount + position + deliveryCount
        for broker in 0..<brokerCount { events += Int(brokers[pointer: broker].pointee.processor.served) }
        for relay in 0..<CallTopology.relaysPerRegion { events += Int(relays[relay].served) }
        return events
    }

    // MARK: Running

    /// Runs the slots from `start` to `end`. Nothing that the other region sends meanwhile arrives before `end`.
    mutating func run(from start: Int64, until end: Int64) {
        for slot in start..<end {
            let slotEnd = (slot + 1) << Int64(Self.slotShift)
            capture(until: slotEnd)
            for broker in 0..<brokerCount { feed(broker, slot: slot) }
            serve(until: slotEnd)
        }
        finishDepartures()
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
        var position = self.position
        var sequence = self.sequence
        var periodStart = Int64(sequence) &* CallTopology.period
        while sequence < messages {
            let source = sources[position]
            let time = source.phase &+ periodStart
            guard time < end else { break }
            let leg = UInt64(source.client) &<< 18 | UInt64(sequence) &<< 2 | UInt64(source.client & 3)
            let arrival = time &+ CallTopology.access(leg: leg)
            arrivals[pointer: Int(source.broker)].pointee.append(
                Item(
                    time: arrival, published: time, sender: source.client, sequence: sequence,
                    list: source.client &<< 1, size: 0, kind: .media, flags: 0),
                at: SimTime(nanoseconds: arrival))
            position &+= 1
            if position == sourceCount {
                position = 0
                sequence &+= 1
                periodStart &+= CallTopology.period
            }
        }
        self.position = position
        self.sequence = sequence
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

    /// Serves the brokers by turns, each until what another one routes to it could arrive. What came over a route is
    /// not routed again, so nothing comes back to a broker sooner than the others' next services allow.
    private mutating func serve(until end: Int64) {
        let latest = end &- Self.lookahead
        var isIdle = false
        while !isIdle {
            isIdle = true
            for broker in 0..<brokerCount {
                // Its own clock is left out.
                let own = clocks[broker]
                clocks[broker] = latest
                var first = clocks[0]
                for other in 1..<brokerCount { first = min(first, clocks[other]) }
                clocks[broker] = own
                let horizon = first &+ Self.lookahead
                if own < horizon {
                    serve(broker, until: horizon)
                    isIdle = false
                }
            }
        }
    }

    @inline(__always)
    private mutating func serve(_ broker: Int, until horizon: Int64) {
        let station = brokers[pointer: broker]
        let outbox = outboxes[pointer: broker]
        let plans = self.plans + broker &* plansPerBroker
        let departures = self.departures
        if departureCount >= Self.batch { finishDepartures() }
        var count = departureCount
        var run = station.pointee.begin(before: horizon)
        while let item = station.pointee.next(&run) {
            let plan = plans[Int(item.pointee.list)]
            let departure = run.serve(arrival: item.pointee.time, cost: Int64(plan.cost))
            departures[count] = Departure(
                time: departure, published: item.pointee.published, sender: item.pointee.sender,
                sequence: item.pointee.sequence, visits: plan.visits)
            count &+= plan.visits == 0 ? 0 : 1
            // Most have come from elsewhere and end here.
            guard plan.onward != 0 else { continue }
            if plan.onward & BrokerPlan.gateway != 0 {
                outbox.pointee.append(copyOf: item, at: departure &+ CallTopology.wan)
            }
            let routes = Int(plan.onward & 0xff)
            guard routes != 0 else { continue }
            route(item, at: departure &+ CallTopology.route, from: broker, to: routes & 15 &- 1)
            if routes > 15 { route(item, at: departure &+ CallTopology.route, from: broker, to: routes &>> 4 &- 1) }
        }
        station.pointee.finish(run)
        departureCount = count
    }

    @inline(__always)
    private func route(_ item: UnsafePointer<Item>, at time: Int64, from broker: Int, to target: Int) {
        brokers[pointer: target].pointee.append(
            copyOf: item, at: time, list: item.pointee.list | 1, to: routePort(from: broker, to: target))
    }

    /// The relays' services, in the order of their arrivals, with the deliveries behind each.
    private mutating func finishDepartures() {
        for index in 0..<departureCount {
            let departure = departures[index]
            visit(departure, RelayVisit(bits: departure.visits))
            let other = departure.visits &>> 16
            if other != 0 { visit(departure, RelayVisit(bits: other)) }
        }
        departureCount = 0
    }

    /// One service of a relay: all receivers leave at its end.
    @inline(__always)
    private mutating func visit(_ departure: Departure, _ visit: RelayVisit) {
        var receivers = visit.receivers
        deliveryCount &+= receivers
        let time = relays[Int(visit.relay)].servePlainly(
            arrival: departure.time, cost: CallTopology.relayOutbound &* Int64(receivers))
        let message = UInt64(departure.sender) &<< 18 | UInt64(departure.sequence) &<< 2
        var leg = message | UInt64(region &* 2) | visit.place
        let age = time &- departure.published
        repeat {
            latency.add(age &+ CallTopology.access(leg: leg))
            leg |= 1
            receivers &-= 1
        } while receivers > 0
    }
}

extension ItemBuffer<Item> {
    /// Adds the same item at another time.
    @inline(__always)
    fileprivate mutating func append(copyOf item: UnsafePointer<Item>, at time: Int64) {
        let place = appendPlace()
        Item.copy(item, to: place)
        place.pointee.time = time
    }
}
