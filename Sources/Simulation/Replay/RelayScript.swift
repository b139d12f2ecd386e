import CallModel
public import EventKernel
public import Measures
public import Scenario

/// One thing that a relay does on its NATS connection.
public struct RelayOperation: Hashable, BitwiseCopyable, Sendable {
    /// What it does, and what `object` and `sequence` mean with it.
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        /// Connects; `object` is the index of the server in the relay's region.
        case open
        case close
        /// `object` is the slot of the session at its relay: each one is a subscription of its own.
        case subscribe, unsubscribe
        /// `object` is the stream, `sequence` the message's position in it from 0, `session` the sender's session.
        case publish
    }

    /// When it is handed to NATS. Negative: before time zero, in order. Never decreases at one relay.
    public var time: SimTime
    public var object: UInt32
    public var sequence: UInt32
    public var session: UInt32
    private var units: UInt16
    public var kind: Kind

    init(time: Int64, kind: Kind, object: UInt32, sequence: UInt32 = 0, session: UInt32 = 0, units: UInt16 = 0) {
        self.time = SimTime(nanoseconds: time)
        self.object = object
        self.sequence = sequence
        self.session = session
        self.units = units
        self.kind = kind
    }

    /// Payload of a message in bytes, rounded up to 16 as everywhere in the simulator.
    public var size: Int { Int(units) << 4 }
}

/// What the relays of a simulated replication said to their NATS servers, and what is needed to account for what other
/// servers make of it.
public struct RelayScript: Sendable {
    /// A session at one relay; its slot is its index in `Relay.sessions`.
    public struct Session: Hashable, Sendable {
        /// Never the same for two sessions of a replication.
        public var id: UInt32
        /// Index among the people of the replication.
        public var person: Int
        /// When the relay closed it; `.never`: not before the horizon.
        public var closed: SimTime
    }

    /// One relay process, with one NATS connection at a time.
    public struct Relay: Sendable {
        /// For example `singapore/wt-0`.
        public var name: String
        public var region: Int
        public var sessions: [Session]
        /// In order of time.
        public var operations: [RelayOperation]
    }

    public let relays: [Relay]
    let world: World
    /// By receiver: what the twin did not deliver.
    let missing: [[MissingRun]]

    /// People of the replication.
    public var personCount: Int { world.people.count }
    /// Streams are numbered below this; four for each person.
    public var streamCount: Int { world.people.count * StreamKind.count }
    /// Stable name of a person, for example `vietnam/call-12/person-2`.
    public func identity(of person: Int) -> String { world.people[person].identity }
    /// The room of a person; subjects are `room.ROOM.x`.
    public func room(ofPerson person: Int) -> Int { Int(world.people[person].room) }
    /// The person whose microphone, camera or client a stream comes from.
    public func person(ofStream stream: UInt32) -> Int { StreamTable.person(of: stream) }
    /// When a message of a stream was captured.
    public func captureTime(ofStream stream: UInt32, sequence: UInt32) -> SimTime {
        SimTime(nanoseconds: world.streams.captureTime(Int(stream), sequence))
    }

    /// What a relay subscribes to for the sessions of a room.
    public func pattern(ofRoom room: Int) -> String { "room.\(room).*" }
    /// What a relay publishes a message of a session to.
    public func subject(ofRoom room: Int, session: UInt32) -> String { "room.\(room).\(session)" }
}

/// A simulated replication with the script of its relays.
public struct RelayRecording: Sendable {
    /// As `simulate` gives it: recording changes nothing.
    public var outcome: Outcome
    public var script: RelayScript
}

/// Most operations that a script holds: 24 bytes each.
public let relayScriptLimit = 50_000_000

/// Runs one replication of a scenario on the model, and records what its relays say to their NATS servers.
///
/// - Throws: as `simulate`; `SimulationError` when the relays say more than `limit` operations.
public func simulateRecordingRelays(
    _ scenario: Scenario, replication: UInt32, options: SimulationOptions, limit: Int = relayScriptLimit
) throws -> RelayRecording {
    var options = options
    options.recordingLimit = limit
    let run = try Run(scenario, replication: replication, options: options)
    try run.run()
    try run.checkRecording()
    var builder = OutcomeBuilder(run.world)
    let outcome = builder.build(run.domains, options: options)
    return RelayRecording(
        outcome: outcome, script: RelayScript(relays: run.recordedRelays(), world: run.world, missing: builder.missing))
}
