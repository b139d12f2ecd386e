import EventKernel

/// Takes down what the relays of one region say to NATS; off, it costs one comparison for each write.
struct RelayRecorder {
    let isOn: Bool
    private let limit: Int
    /// Operations of the region, also those beyond the limit.
    private(set) var count = 0
    /// By relay of the region.
    private(set) var operations: [[RelayOperation]]
    /// By relay: when sessions were closed, by slot.
    private(set) var closings: [[(slot: Int, time: Int64)]]

    /// - Parameter limit: most operations of a replication; `nil`: nothing is recorded.
    init(relays: Int, limit: Int?) {
        isOn = limit != nil
        self.limit = limit ?? 0
        operations = Array(repeating: [], count: relays)
        closings = Array(repeating: [], count: relays)
    }

    /// Something was written to a relay's connection.
    mutating func note(_ relay: Int, _ item: Item, server: Int, at time: Int64) {
        switch item.kind {
        case .media:
            add(
                relay,
                RelayOperation(
                    time: time, kind: .publish, object: item.sender, sequence: item.sequence, session: item.list,
                    units: item.size))
        case .connect: add(relay, RelayOperation(time: time, kind: .open, object: UInt32(server)))
        case .subscribe, .unsubscribe:
            add(
                relay,
                RelayOperation(
                    time: time, kind: item.kind == .subscribe ? .subscribe : .unsubscribe,
                    object: UInt32(item.published), session: item.list))
        default: preconditionFailure("a relay does not tell its server \(item.kind)")
        }
    }

    /// The relay was connected before time zero.
    mutating func noteOpen(_ relay: Int, server: Int, at time: Int64) {
        guard isOn else { return }
        add(relay, RelayOperation(time: time, kind: .open, object: UInt32(server)))
    }

    /// The relay's connection is gone.
    mutating func noteClose(_ relay: Int, at time: Int64) {
        guard isOn else { return }
        // What the relay's threads still had in hand was written before.
        let last = operations[relay].last?.time.nanoseconds ?? time
        add(relay, RelayOperation(time: max(time, last), kind: .close, object: 0))
    }

    mutating func noteClosed(_ relay: Int, slot: Int, at time: Int64) {
        guard isOn else { return }
        closings[relay].append((slot, time))
    }

    private mutating func add(_ relay: Int, _ operation: RelayOperation) {
        count += 1
        guard count <= limit else { return }
        operations[relay].append(operation)
    }
}

extension Run {
    /// Ends a run whose script has no room left.
    func checkRecording() throws(SimulationError) {
        guard let limit = options.recordingLimit else { return }
        var count = 0
        for region in 0..<domains.count { count += domains[pointer: region].pointee.recorder.count }
        guard count <= limit else {
            throw SimulationError(
                "the relays say more than \(limit) operations to NATS: shorten the horizon or take fewer people")
        }
    }

    /// What was recorded, relay by relay.
    func recordedRelays() -> [RelayScript.Relay] {
        world.relays.map { place in
            let domain = domains[pointer: place.region]
            let slab = domain.pointee.relays[pointer: place.local]
            var sessions = (0..<slab.pointee.sessions.count).map { slot in
                let id = slab.pointee.upkeep[slot].id
                return RelayScript.Session(id: id, person: SessionID.person(id), closed: .never)
            }
            for closing in domain.pointee.recorder.closings[place.local] {
                sessions[closing.slot].closed = SimTime(nanoseconds: closing.time)
            }
            return RelayScript.Relay(
                name: place.name, region: place.region, sessions: sessions,
                operations: domain.pointee.recorder.operations[place.local])
        }
    }
}

/// A run of messages of one stream that one receiver did not get in the twin.
struct MissingRun: Hashable {
    var stream: UInt32
    var first: UInt32
    /// Inclusive.
    var last: UInt32
    var fate: Fate
}
