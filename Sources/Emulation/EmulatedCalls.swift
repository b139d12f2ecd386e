import EventKernel
import Measures
import NATSModel
import Routing
import Scenario
import Simulation

/// Calls on real servers: the relays of a simulated twin say to real servers what they said in the simulation, when
/// they said it, and what the servers bring to their subscriptions decides what people get.
///
/// An open loop: nothing that real servers do changes what relays and clients do. `docs/models/emulation.md` says what
/// follows from that.
final class EmulatedCalls {
    /// The simulated replication.
    let twin: Outcome
    let script: RelayScript
    private let deployment: EmulatedDeployment
    /// Connections of relays are numbered from here.
    private let firstConnection: Int
    /// By number after the first one: whose connection it is.
    private let relayOfConnection: [Int]
    private let subjects: RelaySubjects
    private(set) var arrivals: [RelayArrival] = []
    /// Messages for which there was no room.
    private(set) var notKept: Int64 = 0

    /// Most messages that relays may get: 24 bytes each.
    static let mostArrivals = 50_000_000

    /// Simulates the twin.
    ///
    /// - Parameter firstConnection: the first number of the load driver's connections that is free.
    /// - Throws: as `simulateRecordingRelays`; `EmulationError` when relays connect too often for the driver.
    init(
        _ deployment: EmulatedDeployment, replication: UInt32, firstConnection: Int,
        isCancelled: (@Sendable () -> Bool)? = nil
    ) throws {
        let recording = try simulateRecordingRelays(
            Self.twin(of: deployment.scenario), replication: replication,
            options: SimulationOptions(threads: deployment.regions.count, isCancelled: isCancelled))
        twin = recording.outcome
        script = recording.script
        self.deployment = deployment
        self.firstConnection = firstConnection
        relayOfConnection = script.relays.enumerated().flatMap { index, relay in
            relay.operations.filter { $0.kind == .open }.map { _ in index }
        }
        subjects = RelaySubjects(recording.script)
        // Growing would hold up the driver's thread: as many as in the twin, with the echoes of one's own messages.
        let published = recording.script.relays.reduce(0) { $0 + $1.operations.count }
        let copies = recording.outcome.ledger.total()
        arrivals.reserveCapacity(min(Self.mostArrivals, published + Int(copies.expected + copies.extra)))
        guard firstConnection + relayOfConnection.count <= LoadDriver.mostConnections else {
            throw EmulationError(
                "relays connect \(relayOfConnection.count) times, at most "
                    + "\(LoadDriver.mostConnections - firstConnection) connections can be emulated")
        }
    }

    /// The scenario without memory limits: when a server runs out of memory the real one decides, and relays are to
    /// say what they would as long as it lives.
    static func twin(of scenario: Scenario) -> Scenario {
        var twin = scenario
        for region in twin.deployment.regions.indices { twin.deployment.regions[region].nats.memory = nil }
        return twin
    }

    // MARK: What relays do

    private func source(_ wanted: RelaySource.Part) -> RelaySource {
        RelaySource(script, subjects, deployment, firstConnection: firstConnection, wanted)
    }

    /// What relays have done before time zero: they are connected, and subscribed for people in progress.
    var opening: [DriverOperation] {
        var source = source(.beforeZero)
        var operations: [DriverOperation] = []
        while let operation = source.next() { operations.append(operation) }
        return operations
    }

    /// What they do from time zero on.
    var running: some DriverSource { source(.fromZero) }

    /// Connections that are open at time zero.
    var openingConnections: Set<Int> {
        Set(
            opening.compactMap { operation in
                if case .open = operation.kind { operation.connection } else { nil }
            })
    }

    // MARK: The state at time zero

    /// Sessions that are subscribed before time zero.
    private var seats: [Seat] {
        opening.compactMap { operation in
            guard case .subscribe(let sid, _, _) = operation.kind else { return nil }
            let relay = relayOfConnection[operation.connection - firstConnection]
            let person = script.relays[relay].sessions[RelaySource.slot(ofSID: sid)].person
            return Seat(
                connection: operation.connection, sid: sid, relay: relay, room: script.room(ofPerson: person))
        }
    }

    private struct Seat {
        var connection: Int
        var sid: UInt32
        var relay: Int
        var room: Int
    }

    /// One marker to each room from each relay that has a session in it.
    var markers: [DriverOperation] {
        var seen: Set<[Int]> = []
        return seats.compactMap { seat in
            guard seen.insert([seat.relay, seat.room]).inserted else { return nil }
            return DriverOperation(
                due: MessageStamp.marker, connection: seat.connection,
                .publish(
                    subject: "room.\(seat.room).marker", stream: UInt32(seat.relay), sequence: 0,
                    size: MessageStamp.size))
        }
    }

    /// Where markers arrive when all is well.
    var expectedMarks: Set<LoadDriver.Marked> {
        var marks: Set<LoadDriver.Marked> = []
        for (_, room) in Dictionary(grouping: seats, by: \.room) {
            for sender in room {
                for receiver in room {
                    let from = script.relays[sender.relay].region
                    let to = script.relays[receiver.relay].region
                    guard from == to || deployment.gateways.contains(.init(from: from, to: to)) else { continue }
                    marks.insert(
                        .init(connection: receiver.connection, sid: receiver.sid, stream: UInt32(sender.relay)))
                }
            }
        }
        return marks
    }

    /// In words, for errors.
    func describe(_ mark: LoadDriver.Marked) -> String {
        let relay = script.relays[relayOfConnection[mark.connection - firstConnection]]
        let person = relay.sessions[RelaySource.slot(ofSID: mark.sid)].person
        return "\(script.relays[Int(mark.stream)].name) for \(script.identity(of: person)) at \(relay.name)"
    }

    // MARK: What servers do

    /// Whether a connection is one of a relay.
    func owns(_ connection: Int) -> Bool { connection >= firstConnection }

    /// A message reached a relay. Called on the driver's thread; nobody else looks before that has ended.
    func take(_ delivery: DriverDelivery) {
        guard arrivals.count < Self.mostArrivals else {
            notKept += 1
            return
        }
        arrivals.append(
            RelayArrival(
                time: delivery.time, stream: delivery.stream, sequence: delivery.sequence,
                relay: UInt32(relayOfConnection[delivery.connection - firstConnection]),
                slot: UInt32(RelaySource.slot(ofSID: delivery.sid))))
    }

    /// Adds what people got: ledger, series, histograms, losses and their responses.
    func add(to outcome: inout Outcome) {
        let account = script.account(of: arrivals, journalLimit: Bounds.journal)
        outcome.ledger = account.ledger
        outcome.series = account.series
        outcome.histograms += account.histograms
        outcome.journal += account.journal
        outcome.responses += account.responses
        outcome.assumptions = account.assumptions
        outcome.violations += account.violations + twin.violations.map { "the simulated twin: \($0)" }
        if notKept > 0 {
            outcome.violations.append(
                "relays got \(notKept) messages more than \(Self.mostArrivals): shorten the horizon")
        }
    }
}

/// The subject that each session publishes to, made once.
struct RelaySubjects: Sendable {
    private var bySession: [UInt32: String] = [:]
    private var patterns: [[String]]
    private var groups: [[String]]

    init(_ script: RelayScript) {
        patterns = script.relays.map { relay in
            relay.sessions.map { script.pattern(ofRoom: script.room(ofPerson: $0.person)) }
        }
        groups = script.relays.map { relay in relay.sessions.map { "session-\($0.id)" } }
        for session in script.relays.flatMap(\.sessions) {
            bySession[session.id] = script.subject(
                ofRoom: script.room(ofPerson: session.person), session: session.id)
        }
    }

    func subject(ofSession session: UInt32) -> String { bySession[session]! }
    func pattern(relay: Int, slot: Int) -> String { patterns[relay][slot] }
    /// Each session is a queue group of its own, as the service has it.
    func group(relay: Int, slot: Int) -> String { groups[relay][slot] }
}

/// The operations of all relays in order of time.
struct RelaySource: DriverSource {
    enum Part { case beforeZero, fromZero }

    private struct Cursor {
        var next: Int
        var end: Int
        /// The number of the connection that is open, or the next one.
        var connection: Int
    }

    private let script: RelayScript
    private let subjects: RelaySubjects
    /// By region: the index of its first server.
    private let firstServer: [Int]
    private let part: Part
    private var cursors: [Cursor] = []

    /// Subscriptions are numbered from 1.
    static func sid(ofSlot slot: Int) -> UInt32 { UInt32(slot) + 1 }
    static func slot(ofSID sid: UInt32) -> Int { Int(sid) - 1 }

    init(
        _ script: RelayScript, _ subjects: RelaySubjects, _ deployment: EmulatedDeployment, firstConnection: Int,
        _ part: Part
    ) {
        self.script = script
        self.subjects = subjects
        self.part = part
        firstServer = deployment.regions.indices.map {
            deployment.index(of: ServerReference(region: $0, server: 0))
        }
        var connection = firstConnection
        for relay in script.relays {
            let operations = relay.operations
            let zero = operations.firstIndex { $0.time >= .start } ?? operations.count
            var cursor = Cursor(next: 0, end: zero, connection: connection - 1)
            if part == .fromZero {
                cursor.next = zero
                cursor.end = operations.count
                cursor.connection += operations[..<zero].count { $0.kind == .open }
            }
            cursors.append(cursor)
            connection += operations.count { $0.kind == .open }
        }
    }

    mutating func next() -> DriverOperation? {
        var relay = -1
        var least = SimTime.never
        for index in cursors.indices where cursors[index].next < cursors[index].end {
            let time = script.relays[index].operations[cursors[index].next].time
            if relay < 0 || time < least {
                relay = index
                least = time
            }
        }
        guard relay >= 0 else { return nil }
        let operation = script.relays[relay].operations[cursors[relay].next]
        cursors[relay].next += 1
        if operation.kind == .open { cursors[relay].connection += 1 }
        return DriverOperation(
            due: max(.start, operation.time), connection: cursors[relay].connection, kind(of: operation, relay))
    }

    private func kind(of operation: RelayOperation, _ relay: Int) -> DriverOperation.Kind {
        let slot = Int(operation.object)
        switch operation.kind {
        case .open:
            return .open(server: firstServer[script.relays[relay].region] + slot, whileAway: .keep)
        case .close: return .close
        case .subscribe:
            return .subscribe(
                sid: Self.sid(ofSlot: slot), subject: subjects.pattern(relay: relay, slot: slot),
                queue: subjects.group(relay: relay, slot: slot))
        case .unsubscribe: return .unsubscribe(sid: Self.sid(ofSlot: slot))
        case .publish:
            return .publish(
                subject: subjects.subject(ofSession: operation.session), stream: operation.object,
                sequence: operation.sequence, size: max(MessageStamp.size, operation.size))
        }
    }
}
