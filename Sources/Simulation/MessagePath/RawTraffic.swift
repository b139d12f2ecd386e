import CallModel
import EventKernel
import Measures
import NATSModel
import Scenario

/// Raw NATS publishers and their subscribers, for calibration: no relay, no client.
struct RawTraffic {
    var published: Int64 = 0
    var delivered: Int64 = 0
    var lost: Int64 = 0
    var latency = IntegerHistogram()
    /// By publisher: messages published so far.
    fileprivate var sequences: [UInt32]
    /// What the region's subscribers received; in order of publisher and position.
    private(set) var accounts: [StreamAccount] = []
    /// By publisher: the first entry of `accountOf` of its subscribers.
    private var firstOf: [Int] = []
    /// By subscriber, over all publishers: its account, or -1 if it is in another region.
    private var accountOf: [Int32] = []

    init(_ world: World, region: Int) {
        sequences = Array(repeating: 0, count: world.scenario.publishers.count)
        for publisher in world.scenario.publishers {
            firstOf.append(accountOf.count)
            for place in publisher.subscribers {
                accountOf.append(place.region == region ? Int32(accounts.count) : -1)
                guard place.region == region else { continue }
                accounts.append(StreamAccount(burst: publisher.burst, heal: world.scenario.heal))
            }
        }
    }

    /// The account of a subscriber; `nil` if it is in another region.
    func account(publisher: Int, position: Int) -> StreamAccount? {
        let index = accountOf[firstOf[publisher] + position]
        return index < 0 ? nil : accounts[Int(index)]
    }

    fileprivate mutating func deliver(_ item: Item, position: Int, at time: Int64) {
        let index = Int(accountOf[firstOf[Int(item.sender)] + position])
        accounts[index].deliver(
            sequence: item.sequence, due: SimTime(nanoseconds: item.published), at: SimTime(nanoseconds: time))
    }
}

extension Domain {
    /// Connects the region's raw subscribers and starts its publishers.
    mutating func startRaw() {
        scheduleLoadMarks()
        for server in 0..<servers.count { subscribeRaw(on: server, at: 0) }
        for (index, publisher) in world.scenario.publishers.enumerated() where publisher.region == region {
            scheduleRaw(index, instant: 1)
        }
    }

    /// Subscribes everyone who listens on a server: at time zero, and again when the process is back.
    mutating func subscribeRaw(on server: Int, at time: Int64) {
        for (index, publisher) in world.scenario.publishers.enumerated() {
            for (position, place) in publisher.subscribers.enumerated()
            where place.region == region && place.server == server {
                subscribeRaw(publisher: index, position: position, server: server, at: time)
            }
        }
    }

    private mutating func subscribeRaw(publisher: Int, position: Int, server: Int, at time: Int64) {
        let state = servers[pointer: server]
        let connection = state.pointee.newConnection(.raw(publisher << 12 | position))
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.open(connection, kind: .client, into: &scratch)
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.receive(
            .subscribe(sid: 1, subject: world.rawSubject(publisher), queue: nil), on: connection,
            at: SimTime(nanoseconds: time), in: world.subjects, into: &scratch)
        noteChange(server)
        sendInterest(server, at: time)
    }

    private mutating func scheduleRaw(_ index: Int, instant: Int64) {
        let due = world.scenario.publishers[index].due(instant: instant)
        if let end = world.scenario.publishers[index].end, due >= end { return }
        schedule(.rawPublish, object: index, at: due.nanoseconds)
    }

    /// Publishes the messages of one instant of a raw publisher, straight into its server.
    mutating func publishRaw(_ index: Int, at time: Int64) {
        let server = Int32(world.scenario.publishers[index].server)
        let burst = world.scenario.publishers[index].burst
        let first = raw.sequences[index]
        raw.published += burst * Int64(world.scenario.publishers[index].subscribers.count)
        var item = Item(
            time: time + world.relay.serverHop.nanoseconds, published: time, sender: UInt32(index), sequence: first,
            list: 0, size: Item.units(bytes: world.scenario.publishers[index].size), kind: .raw, flags: 0)
        for _ in 0..<burst {
            post(item, to: .server(server, port: Int32(rawPort + rawConnections[index])), in: region)
            item.sequence += 1
        }
        raw.sequences[index] = item.sequence
        scheduleRaw(index, instant: Int64(item.sequence) / burst + 1)
    }

    /// A copy for a subscriber: its publisher and its position in that one's list, in 12 bits.
    // Not inlined: the look whether its arrays are shared would be taken in front of every message.
    @inline(never)
    mutating func deliverRaw(_ item: Item, subscriber: Int, at time: Int64) {
        fingerprint.add(
            .delivery, UInt64(item.sender) << 32 | UInt64(item.sequence), UInt64(subscriber) | 1 << 40,
            UInt64(bitPattern: time))
        // What another publisher on the same subject sends is no part of this stream.
        guard subscriber >> 12 == Int(item.sender) else { return }
        let arrival = time + world.relay.serverHop.nanoseconds
        raw.delivered += 1
        raw.latency.record(arrival - item.published)
        if arrival < world.horizon { raw.deliver(item, position: subscriber & 0xfff, at: arrival) }
    }
}
