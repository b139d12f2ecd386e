import CallModel
public import EventKernel
public import Measures
import Network
import Scenario

/// A message that servers brought to a relay's subscription.
public struct RelayArrival: Hashable, BitwiseCopyable, Sendable {
    /// When the relay had it, on the clock of the script.
    public var time: SimTime
    public var stream: UInt32
    public var sequence: UInt32
    /// Index in `RelayScript.relays`.
    public var relay: UInt32
    /// Index in that relay's sessions.
    public var slot: UInt32

    public init(time: SimTime, stream: UInt32, sequence: UInt32, relay: UInt32, slot: UInt32) {
        self.time = time
        self.stream = stream
        self.sequence = sequence
        self.relay = relay
        self.slot = slot
    }
}

extension RelayScript {
    /// The account of every pair, when servers brought these messages to the relays.
    ///
    /// What came before NATS is the twin's, and so is the way from the relay to the client: the cost of a delivery,
    /// the queue of the downlink, the last mile's delay of that very message. What the relays gave to NATS and did not
    /// get back is lost by the servers.
    /// - Parameters:
    ///   - arrivals: in order of time at each relay; those after the horizon are still in flight.
    ///   - journalLimit: most stories of losses.
    /// - Returns: ledger, series, histograms, journal and the responses that follow from them. Fields that servers or
    ///   clients alone would fill are empty. A rule that the arrivals break is in `violations`.
    public func account(of arrivals: [RelayArrival], journalLimit: Int = 4_000) -> Outcome {
        var account = ReplayAccount(self)
        account.add(arrivals)
        return account.outcome(journalLimit: journalLimit)
    }
}

/// Counts what people got of a script, with the definitions of `Tally` and `Resolution`.
struct ReplayAccount: ~Copyable {
    private let script: RelayScript
    private let world: World
    private var tally: Tally
    private var expected: ExpectedPairs
    private var resolved = Ledger()
    private var stories = LossStories()
    private var byReceiver: [[Copy]]
    /// By person: when relays were subscribed for it.
    private let subscribed: [[Range<Int64>]]
    private var foreign: Int64 = 0
    private var early: Int64 = 0
    private var duplicates: Int64 = 0

    /// A copy at a client, or where its way ended before.
    private struct Copy {
        var time: Int64
        var stream: UInt32
        var sequence: UInt32
        var session: UInt32
        var fate: Fate?
    }

    /// A relay's side of a session, as far as copies change it.
    private struct Downlink {
        var free: Int64 = 0
        var lastArrival: Int64 = 0
    }

    init(_ script: RelayScript) {
        self.script = script
        world = script.world
        tally = Tally(world)
        expected = ExpectedPairs(world)
        byReceiver = Array(repeating: [], count: world.people.count)
        subscribed = script.subscriptions()
    }

    // MARK: From the relay to the client

    mutating func add(_ arrivals: [RelayArrival]) {
        var downlinks = script.relays.map { Array(repeating: Downlink(), count: $0.sessions.count) }
        for arrival in arrivals {
            let relay = Int(arrival.relay)
            guard script.relays.indices.contains(relay), downlinks[relay].indices.contains(Int(arrival.slot)),
                isKnown(arrival)
            else {
                foreign += 1
                continue
            }
            let session = script.relays[relay].sessions[Int(arrival.slot)]
            let sender = StreamTable.person(of: arrival.stream)
            // The service discards a participant's own message at the relay.
            if sender == session.person { continue }
            guard world.people[sender].room == world.people[session.person].room else {
                foreign += 1
                continue
            }
            if arrival.time.nanoseconds < world.streams.captureTime(Int(arrival.stream), arrival.sequence) {
                early += 1
            }
            byReceiver[session.person].append(
                descend(arrival, session, relay, &downlinks[relay][Int(arrival.slot)]))
        }
    }

    private func isKnown(_ arrival: RelayArrival) -> Bool {
        guard Int(arrival.stream) < world.streams.schedules.count,
            let schedule = world.streams.schedules[Int(arrival.stream)]
        else { return false }
        return Int64(arrival.sequence) < schedule.count
    }

    /// The way down of one copy, as `Domain.distribute` and `Domain.send` have it. The relay's CPU is taken as free.
    private func descend(
        _ arrival: RelayArrival, _ session: RelayScript.Session, _ relay: Int, _ downlink: inout Downlink
    ) -> Copy {
        let person = session.person
        let leave = world.people[person].leave.nanoseconds
        let now = arrival.time.nanoseconds
        var copy = Copy(time: now, stream: arrival.stream, sequence: arrival.sequence, session: session.id)
        if now >= world.horizon {
            copy.fate = .inFlight
            return copy
        }
        if arrival.time >= session.closed {
            copy.fate = leave <= now ? .void : .lost(.receiverNotConnected)
            return copy
        }
        let place = world.relays[relay]
        let units = world.streams.units(kind: StreamTable.kind(of: arrival.stream), sequence: arrival.sequence)
        let start = max(now + world.relay.deliveryCost.nanoseconds, downlink.free)
        downlink.free = start + world.access.downlinkTime(person, bytes: Int64(units) << 4)
        copy.time =
            downlink.free
            + world.access.delay(
                person, place.region, sender: arrival.stream, sequence: arrival.sequence,
                leg: session.id | 0x8000_0000)
        if place.transport == .webSocket {
            copy.time = max(copy.time, downlink.lastArrival + 1)
            downlink.lastArrival = copy.time
        }
        if !world.sites.passes(place.region, from: start, to: copy.time) {
            copy.fate = .lost(.siteUnreachable)
        } else if copy.time >= world.horizon {
            copy.fate = .inFlight
        } else if copy.time > leave {
            copy.fate = .void
        }
        return copy
    }

    // MARK: At the client

    mutating func outcome(journalLimit: Int) -> Outcome {
        for room in world.rooms {
            for receiver in room.people { settle(receiver, room.people) }
        }
        var outcome = Outcome()
        outcome.ledger = ledger()
        outcome.violations = violations(outcome.ledger)
        outcome.series = LedgerResponses.series(
            expected: expected.bySecond, delivered: tally.delivered1s, punctual: tally.punctual1s)
        outcome.histograms = tally.latencyHistograms()
        var journal = Journal(limit: journalLimit)
        stories.tell(to: &journal, world)
        outcome.journal = journal.entries
        outcome.faults = FaultNames.records(world)
        outcome.assumptions = assumptionsInUse(world.scenario)
        outcome.responses = LedgerResponses.delivery(outcome.ledger) + LedgerResponses.losses(outcome.ledger)
        outcome.responses.append(
            LedgerResponses.value(
                "recovery.time",
                RecoveryClock.seconds(world, expected: expected.bySecond, punctual: tally.punctual1s)))
        return outcome
    }

    private func ledger() -> Ledger {
        var ledger = resolved
        ledger.add(expected.ledger)
        tally.add(to: &ledger)
        return ledger
    }

    private func violations(_ ledger: Ledger) -> [String] {
        var found: [String] = []
        var over: Int64 = 0
        var under: Int64 = 0
        for messageClass in MessageClass.allCases {
            for path in PathKind.allCases {
                for phase in Phase.allCases {
                    let rest = ledger[messageClass, path, phase].imbalance
                    if rest < 0 { over -= rest } else { under += rest }
                }
            }
        }
        if over > 0 { found.append("the servers delivered \(over) pairs more than were expected") }
        if under > 0 { found.append("\(under) missing pairs have no cause") }
        if foreign > 0 { found.append("\(foreign) messages came to sessions that they were not for") }
        if early > 0 { found.append("\(early) messages came before they were captured") }
        if duplicates > 0 { found.append("\(duplicates) messages came twice on one subscription") }
        return found
    }

    /// Everything that one person was to get.
    private mutating func settle(_ receiver: Int, _ people: Range<Int>) {
        var copies = byReceiver[receiver]
        byReceiver[receiver] = []
        copies.sort {
            ($0.time, $0.stream, $0.sequence, $0.session) < ($1.time, $1.stream, $1.sequence, $1.session)
        }
        countDuplicates(copies)
        let missing = Dictionary(grouping: script.missing[receiver], by: \.stream)
        var streams: [UInt32: [Copy]] = [:]
        for copy in copies { streams[copy.stream, default: []].append(copy) }
        for sender in people where sender != receiver {
            for kind in StreamKind.allCases {
                let stream = StreamTable.number(person: sender, kind: kind)
                guard world.streams.schedules[Int(stream)] != nil else { continue }
                settle(
                    receiver, sender, kind, copies: streams[stream] ?? [], missing: missing[stream] ?? [])
            }
        }
    }

    private mutating func countDuplicates(_ copies: [Copy]) {
        let keys = copies.map { (UInt64($0.stream) << 32 | UInt64($0.sequence), $0.session) }.sorted { $0 < $1 }
        for (one, next) in zip(keys, keys.dropFirst()) where one == next { duplicates += 1 }
    }

    private mutating func settle(
        _ receiver: Int, _ sender: Int, _ kind: StreamKind, copies: [Copy], missing: [MissingRun]
    ) {
        let stream = Int(StreamTable.number(person: sender, kind: kind))
        let path = world.path(sender, receiver)
        let span = ExpectedPairs.span(receiver, sender, world)
        if let span { expected.add(stream, kind.messageClass, path, span.from, span.to, world) }
        let first = world.streams.firstSequence(stream, notBefore: max(0, world.people[receiver].join.nanoseconds))
        let end = span.map { world.streams.firstSequence(stream, notBefore: $0.to) } ?? first
        var window = ReceptionWindow(first: first)
        var gaps = GapStore()
        var chain = KeyFrameChain()
        var fates: [UInt32: Fate] = [:]
        let atRelay = missing.filter { $0.fate.isAtRelay }
        for copy in copies {
            var fate = copy.fate
            if fate == nil { fate = atRelay.first { $0.covers(copy.sequence) }?.fate }
            if let fate {
                if fates[copy.sequence].map({ $0.code < fate.code }) ?? true { fates[copy.sequence] = fate }
                continue
            }
            deliver(copy, kind, path, &window, &gaps, &chain)
        }
        guard first < end else { return }
        var position = 0
        for gap in gaps.missing(window, end: end) {
            for sequence in gap.first...gap.last {
                while position < missing.count && missing[position].last < sequence { position += 1 }
                let twin = position < missing.count && missing[position].covers(sequence) ? missing[position].fate : nil
                book(
                    fates[sequence] ?? fate(ofTwin: twin, receiver, stream, sequence), receiver, sender, kind, path,
                    sequence)
            }
        }
    }

    private mutating func deliver(
        _ copy: Copy, _ kind: StreamKind, _ path: PathKind, _ window: inout ReceptionWindow, _ gaps: inout GapStore,
        _ chain: inout KeyFrameChain
    ) {
        let captured = world.streams.captureTime(Int(copy.stream), copy.sequence)
        let isFirst = withUnsafeMutablePointer(to: &window) { gaps.receive(copy.sequence, $0) }
        guard isFirst else {
            return tally.addExtra(kind: kind.rawValue, path: path, phase: world.phase(of: captured))
        }
        tally.addDelivery(kind: kind.rawValue, path: path, published: captured, arrival: copy.time)
        guard kind == .video else { return }
        let decodable = chain.arrive(copy.sequence, isKeyFrame: world.streams.isKeyFrame(copy.sequence))
        guard decodable > 0 else { return }
        for frame in (chain.next - UInt32(decodable))..<chain.next {
            let phase = world.phase(of: world.streams.captureTime(Int(copy.stream), frame))
            tally.addDecodable(1, path: path, phase: phase)
        }
    }

    /// What became of a copy that never came to a relay: as in the twin, unless it is NATS that decides.
    private func fate(ofTwin twin: Fate?, _ receiver: Int, _ stream: Int, _ sequence: UInt32) -> Fate {
        switch twin {
        case .inFlight: return .inFlight
        case .void: return .void
        case .lost(let cause):
            // A person for whom no relay was subscribed was not there for the servers.
            let captured = world.streams.captureTime(stream, sequence)
            let isServed = subscribed[receiver].contains { $0.contains(captured) }
            return .lost(cause.isOfServers && isServed ? .lostByServers : cause)
        case nil: return .lost(.lostByServers)
        }
    }

    private mutating func book(
        _ fate: Fate, _ receiver: Int, _ sender: Int, _ kind: StreamKind, _ path: PathKind, _ sequence: UInt32
    ) {
        let captured = world.streams.captureTime(Int(StreamTable.number(person: sender, kind: kind)), sequence)
        let phase = world.phase(of: captured)
        switch fate {
        case .lost(let cause):
            resolved[kind.messageClass, path, phase].lost[Int(cause.rawValue)] += 1
            stories.add(1, cause, receiver: receiver, sender: sender, captured: captured, ended: captured, world)
        case .inFlight: resolved[kind.messageClass, path, phase].inFlight += 1
        case .void:
            resolved[kind.messageClass, path, phase].void += 1
            resolved[kind.messageClass, path, phase].expected -= 1
        }
    }
}

extension RelayScript {
    /// By person: the spans in which a relay with a NATS connection was subscribed for it.
    fileprivate func subscriptions() -> [[Range<Int64>]] {
        var spans: [[Range<Int64>]] = Array(repeating: [], count: personCount)
        for relay in relays {
            var open: [Int: Int64] = [:]
            func end(_ slot: Int, at time: SimTime) {
                guard let start = open.removeValue(forKey: slot), start < time.nanoseconds else { return }
                spans[relay.sessions[slot].person].append(start..<time.nanoseconds)
            }
            for operation in relay.operations {
                let slot = Int(operation.object)
                switch operation.kind {
                case .open, .publish: break
                case .subscribe: open[slot] = operation.time.nanoseconds
                case .unsubscribe: end(slot, at: operation.time)
                case .close: for slot in open.keys.sorted() { end(slot, at: operation.time) }
                }
            }
            for slot in open.keys.sorted() { end(slot, at: .never) }
        }
        return spans
    }
}

extension MissingRun {
    fileprivate func covers(_ sequence: UInt32) -> Bool { first <= sequence && sequence <= last }
}

extension Fate {
    /// Whether it befell the copy at the receiver's relay, behind NATS, for a reason that stays the twin's.
    fileprivate var isAtRelay: Bool { self == .lost(.mailboxFull) || self == .lost(.queueFull) }
}

extension LossCause {
    /// Whether it is a reason that lies within NATS: real servers decide that anew.
    var isOfServers: Bool {
        switch self {
        case .noInterest, .noGateway, .gatewayDown, .gatewayClosedWithBacklog, .routeDown, .serverDead,
            .slowConsumer, .queueGroupMember, .lostByServers:
            true
        case .receiverNotJoined, .senderNotJoined, .senderNotConnected, .receiverNotConnected, .relayDead,
            .relayWithoutServer, .siteUnreachable, .mailboxFull, .queueFull, .payloadTooLarge, .gaveUp:
            false
        }
    }
}
