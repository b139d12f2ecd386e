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
    var sequences: [UInt32]

    init(_ world: World) { sequences = Array(repeating: 0, count: world.scenario.publishers.count) }
}

extension Domain {
    /// Connects the region's raw subscribers and starts its publishers.
    mutating func startRaw() {
        scheduleLoadMarks()
        for (index, publisher) in world.scenario.publishers.enumerated() {
            for (position, place) in publisher.subscribers.enumerated() where place.region == region {
                subscribeRaw(publisher: index, position: position, server: place.server)
            }
            guard publisher.region == region else { continue }
            schedule(.rawPublish, object: index, at: rawPeriod(publisher.perSecond))
        }
    }

    private func rawPeriod(_ rate: Double) -> Int64 { Int64(1e9 / rate) }

    private mutating func subscribeRaw(publisher: Int, position: Int, server: Int) {
        let state = servers[pointer: server]
        let connection = state.pointee.newConnection(.raw(publisher << 12 | position))
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.open(connection, kind: .client, into: &scratch)
        scratch.removeAll(keepingCapacity: true)
        state.pointee.machine.receive(
            .subscribe(sid: 1, subject: world.rawSubject(publisher), queue: nil), on: connection, at: .start,
            in: world.subjects, into: &scratch)
        noteChange(server)
        sendInterest(server, at: 0)
    }

    /// Publishes one message of a raw publisher, straight into its server.
    mutating func publishRaw(_ index: Int, at time: Int64) {
        let publisher = world.scenario.publishers[index]
        let sequence = raw.sequences[index]
        raw.sequences[index] += 1
        raw.published += Int64(publisher.subscribers.count)
        let item = Item(
            time: time + world.relay.serverHop.nanoseconds, published: time, sender: UInt32(index), sequence: sequence,
            list: 0, size: Item.units(bytes: publisher.size), kind: .raw, flags: 0)
        post(item, to: .server(Int32(publisher.server), port: Int32(rawPort + rawConnections[index])), in: region)
        let next = Int64(sequence) + 2
        schedule(.rawPublish, object: index, at: Int64(Double(next) * 1e9 / publisher.perSecond))
    }

    mutating func deliverRaw(_ item: Item, subscriber: Int, at time: Int64) {
        raw.delivered += 1
        raw.latency.record(time + world.relay.serverHop.nanoseconds - item.published)
        fingerprint.add(
            .delivery, UInt64(item.sender) << 32 | UInt64(item.sequence), UInt64(subscriber) | 1 << 40,
            UInt64(bitPattern: time))
    }
}
