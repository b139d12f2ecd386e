public import EventKernel

/// What one replication of a scenario produced, by either back end.
///
/// Everything after the run (intervals, verdicts, database, report) reads this value and nothing else. It is
/// bounded: series by the horizon in seconds, calls and journal by their limits, which are counted when reached.
public struct Outcome: Sendable {
    /// Commutative sum of keyed hashes over the ingredients listed in `docs/determinism.md`.
    public var fingerprint: UInt64
    public var ledger: Ledger
    /// Scalar responses of this replication.
    public var responses: [ResponseValue]
    public var histograms: [NamedHistogram]
    /// One row for each second of the horizon, by capture time.
    public var series: [SeriesRow]
    /// One row for each (joiner, sending peer) setup.
    public var setups: [SetupRecord]
    /// Setups beyond the limit on `setups`, which are in the histograms but have no row.
    public var setupsNotKept: Int64
    public var faults: [FaultRecord]
    public var stations: [StationRecord]
    /// A bounded selection of stories for `explain`.
    public var journal: [JournalEntry]
    /// Items served by stations plus timers fired.
    public var events: Int64
    /// Violations of an invariant (ledger out of balance, duplicate on a subscription ...). Not empty: the run fails.
    public var violations: [String]
    /// Keys of the parameters marked as assumptions that this run read.
    public var assumptions: [String]
    /// `nil` for a simulated replication.
    public var emulation: EmulationRecord?

    public init() {
        fingerprint = 0
        ledger = Ledger()
        responses = []
        histograms = []
        series = []
        setups = []
        setupsNotKept = 0
        faults = []
        stations = []
        journal = []
        events = 0
        violations = []
        assumptions = []
        emulation = nil
    }
}

/// One scalar response of one replication.
public struct ResponseValue: Hashable, Sendable {
    /// Dotted name, for example `delivery.audio.cross-region.during.400ms` (catalogue: `ResponseCatalogue`).
    public var name: String
    /// `share`, `ms`, `s`, `count` or `per-second`.
    public var unit: String
    /// `nil`: not observed in this replication (censored by the horizon, or nothing to measure).
    public var value: Double?

    public init(name: String, unit: String, value: Double?) {
        self.name = name
        self.unit = unit
        self.value = value
    }
}

/// A distribution of one replication.
public struct NamedHistogram: Sendable {
    public var name: String
    /// The unit of the recorded integers, for example `ns`.
    public var unit: String
    public var histogram: IntegerHistogram

    public init(name: String, unit: String, histogram: IntegerHistogram) {
        self.name = name
        self.unit = unit
        self.histogram = histogram
    }
}

/// One second of capture time.
public struct SeriesRow: Hashable, Sendable {
    public var second: Int32
    public var path: PathKind
    public var messageClass: MessageClass
    public var expected: Int64
    public var delivered: Int64
    public var within400ms: Int64

    public init(
        second: Int32, path: PathKind, messageClass: MessageClass, expected: Int64, delivered: Int64,
        within400ms: Int64
    ) {
        self.second = second
        self.path = path
        self.messageClass = messageClass
        self.expected = expected
        self.delivered = delivered
        self.within400ms = within400ms
    }
}

/// The stages of a setup, in the order in which they are passed.
public enum SetupStage: UInt8, CaseIterable, Sendable {
    case resolve, token, connect, elect, interest, firstPacket, playable

    public var name: String {
        switch self {
        case .resolve: "resolve"
        case .token: "token"
        case .connect: "connect"
        case .elect: "elect"
        case .interest: "interest"
        case .firstPacket: "first packet"
        case .playable: "playable"
        }
    }
}

/// From intent (or the peer's first capture, or the loss of a session) to media of one peer.
public struct SetupRecord: Hashable, Sendable {
    /// Identity of the person who joins, for example `vietnam/call-12/person-2`.
    public var joiner: String
    public var peer: String
    /// Stable call number, as `explain --call` takes it.
    public var call: Int32
    public var joinerRegion: String
    public var peerRegion: String
    public var isReconnect: Bool
    /// When the clock started.
    public var start: SimTime
    /// Time from `start` to the end of each stage, indexed by `SetupStage.rawValue`; `nil`: not passed.
    public var stages: [SimDuration?]
    /// To the first playable audio; `nil`: never (gave up) or not before the horizon (see `isCensored`).
    public var firstAudio: SimDuration?
    /// To the first decodable video frame; `nil` as above, or the peer sends no video.
    public var firstVideo: SimDuration?
    public var expectsVideo: Bool
    /// The horizon (or somebody's leaving) ended the observation. A person who gave up is not censored: never set up.
    public var isCensored: Bool
    /// The site that the joiner's session landed on; empty if none.
    public var site: String

    public init(
        joiner: String, peer: String, call: Int32, joinerRegion: String, peerRegion: String, isReconnect: Bool,
        start: SimTime, stages: [SimDuration?], firstAudio: SimDuration?, firstVideo: SimDuration?,
        expectsVideo: Bool, isCensored: Bool, site: String
    ) {
        self.joiner = joiner
        self.peer = peer
        self.call = call
        self.joinerRegion = joinerRegion
        self.peerRegion = peerRegion
        self.isReconnect = isReconnect
        self.start = start
        self.stages = stages
        self.firstAudio = firstAudio
        self.firstVideo = firstVideo
        self.expectsVideo = expectsVideo
        self.isCensored = isCensored
        self.site = site
    }
}

/// A fault as it was injected.
public struct FaultRecord: Hashable, Sendable {
    /// As the scenario names it: `black-hole`, `wan-cut` ...
    public var kind: String
    public var target: String
    public var start: SimTime
    /// `nil`: until the horizon.
    public var end: SimTime?

    public init(kind: String, target: String, start: SimTime, end: SimTime?) {
        self.kind = kind
        self.target = target
        self.start = start
        self.end = end
    }
}

/// Load of one station over the run.
public struct StationRecord: Hashable, Sendable {
    /// For example `singapore/nats-1` or `us-east/relay-wt-0`.
    public var name: String
    public var served: Int64
    /// Busy time over the time it was alive, 0 to 1.
    public var utilisation: Double
    /// The highest utilisation within any one second.
    public var peakUtilisation: Double
    /// Mean and longest wait before service began.
    public var meanWait: SimDuration
    public var maximumWait: SimDuration

    public init(
        name: String, served: Int64, utilisation: Double, peakUtilisation: Double, meanWait: SimDuration,
        maximumWait: SimDuration
    ) {
        self.name = name
        self.served = served
        self.utilisation = utilisation
        self.peakUtilisation = peakUtilisation
        self.meanWait = meanWait
        self.maximumWait = maximumWait
    }
}

/// One line of a story that `explain` tells.
public struct JournalEntry: Hashable, Sendable {
    public var time: SimTime
    /// Call number, or -1 for something that concerns all calls (a fault, a gateway).
    public var call: Int32
    /// Who: a person's identity, a station, a link.
    public var subject: String
    /// What happened, as a sentence fragment: `loses its session: no packet for 30 s`.
    public var text: String
    /// For losses: the cause, and how many pairs the line stands for.
    public var cause: LossCause?
    public var pairs: Int64

    public init(time: SimTime, call: Int32, subject: String, text: String, cause: LossCause?, pairs: Int64) {
        self.time = time
        self.call = call
        self.subject = subject
        self.text = text
        self.cause = cause
        self.pairs = pairs
    }
}
