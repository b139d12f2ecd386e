import CallModel
import EventKernel
import Measures

/// Joins what people were entitled to with what they got and with the records of where copies ended.
///
/// `expected` follows from intent alone, `delivered` from the receivers' windows; each pair in between must have a
/// record or a reason here. A pair without either is a violation: the run fails.
struct Resolution {
    private let world: World
    private let records: [StreamRecords]
    private let gatewayTimes: [Int64]
    var ledger = Ledger()
    var fingerprint = Fingerprint()
    var journal: Journal
    private(set) var unexplained: Int64 = 0
    private(set) var mismatched: Int64 = 0
    private var expected: ExpectedPairs
    private var stories = LossStories()
    /// By receiver: what did not arrive; empty if nobody asked for it.
    private(set) var missing: [[MissingRun]]

    init(_ world: World, _ domains: borrowing Table<Domain>, journalLimit: Int, keepsMissing: Bool) {
        self.world = world
        journal = Journal(limit: journalLimit)
        var records = [StreamRecords](repeating: StreamRecords(), count: world.people.count * StreamKind.count)
        var times: [Int64] = []
        for region in 0..<domains.count {
            for run in domains[pointer: region].pointee.losses.runs { records[Int(run.stream)].add(run) }
            for run in domains[pointer: region].pointee.trails.runs { records[Int(run.stream)].add(run) }
            for server in 0..<domains[pointer: region].pointee.servers.count {
                let changes = domains[pointer: region].pointee.servers[pointer: server].pointee.changes
                times += changes.filter(\.isOutbound).map(\.time)
            }
        }
        for stream in records.indices { records[stream].seal() }
        self.records = records
        gatewayTimes = times.sorted()
        expected = ExpectedPairs(world)
        missing = keepsMissing ? Array(repeating: [], count: world.people.count) : []
    }

    /// Expected pairs by second, class and path, as `Tally` counts deliveries.
    var expected1s: [Int32] { expected.bySecond }

    /// Accounts for every pair whose receiver lives in `domain`.
    mutating func resolve(_ domain: borrowing Domain, _ domains: borrowing Table<Domain>) {
        for room in world.rooms {
            for receiver in room.people where world.people[receiver].region == domain.region {
                for sender in room.people where sender != receiver {
                    for kind in StreamKind.allCases {
                        resolve(receiver, sender, kind, domain, domains)
                    }
                }
            }
        }
    }

    private mutating func resolve(
        _ receiver: Int, _ sender: Int, _ kind: StreamKind, _ domain: borrowing Domain,
        _ domains: borrowing Table<Domain>
    ) {
        let stream = sender * StreamKind.count + kind.rawValue
        guard world.streams.schedules[stream] != nil else { return }
        guard let (from, to) = ExpectedPairs.span(receiver, sender, world) else { return }
        let path = world.path(sender, receiver)
        expected.add(stream, kind.messageClass, path, from, to, world)
        let pair = world.pair(receiver: receiver, sender: sender)
        let window = domain.pairs[pair][kind]
        let end = world.streams.firstSequence(stream, notBefore: to)
        guard window.first < end else { return }
        let gaps = domain.gaps.missing(window, end: end)
        guard !gaps.isEmpty else { return }
        let breaks = breakpoints(stream, receiver, domains)
        var position = 0
        for gap in gaps {
            var first = gap.first
            // Neighbouring parts with one fate are one record, however the logs were cut.
            var record: (first: UInt32, last: UInt32, fate: Fate)?
            while first <= gap.last {
                while position < breaks.count && breaks[position] <= first { position += 1 }
                let next = position < breaks.count ? breaks[position] : UInt32.max
                let last = min(gap.last, next - 1)
                let fate = settle(receiver, sender, stream, kind.messageClass, path, first, last, domains)
                if let open = record, open.fate == fate {
                    record!.last = last
                } else {
                    if let record { note(record, stream, receiver) }
                    record = fate.map { (first, last, $0) }
                }
                first = last + 1
            }
            if let record { note(record, stream, receiver) }
        }
    }

    private mutating func note(_ record: (first: UInt32, last: UInt32, fate: Fate), _ stream: Int, _ receiver: Int) {
        let count = UInt64(record.last - record.first) + 1
        fingerprint.add(
            .loss, UInt64(stream) << 32 | UInt64(record.first), UInt64(receiver) << 32 | count, record.fate.code)
        guard !missing.isEmpty else { return }
        missing[receiver].append(
            MissingRun(stream: UInt32(stream), first: record.first, last: record.last, fate: record.fate))
    }

    /// Where the answer may change within a stream, for one receiver.
    private func breakpoints(_ stream: Int, _ receiver: Int, _ domains: borrowing Table<Domain>) -> [UInt32] {
        var result = records[stream].boundaries
        var times = gatewayTimes + [world.phaseStart, world.phaseEnd]
        let home = world.people[receiver].region
        times += domains[pointer: home].pointee.people[pointer: receiver].pointee.presence.map(\.time)
        for span in world.sites.closed.joined() { times += [span.start, span.end] }
        for time in times where time < world.horizon {
            result.append(world.streams.firstSequence(stream, notBefore: time))
        }
        return result.sorted()
    }

    // MARK: One run of missing messages

    private mutating func settle(
        _ receiver: Int, _ sender: Int, _ stream: Int, _ messageClass: MessageClass, _ path: PathKind,
        _ first: UInt32, _ last: UInt32, _ domains: borrowing Table<Domain>
    ) -> Fate? {
        let pairs = Int64(last - first) + 1
        let captured = world.streams.captureTime(stream, first)
        let phase = world.phase(of: captured)
        guard let fate = fate(receiver, stream, first, captured, domains) else {
            unexplained += pairs
            return nil
        }
        switch fate {
        case .lost(let cause):
            ledger[messageClass, path, phase].lost[Int(cause.rawValue)] += pairs
            stories.add(
                pairs, cause, receiver: receiver, sender: sender, captured: captured,
                ended: world.streams.captureTime(stream, last), world)
        case .inFlight:
            ledger[messageClass, path, phase].inFlight += pairs
        case .void:
            ledger[messageClass, path, phase].void += pairs
            ledger[messageClass, path, phase].expected -= pairs
        }
        return fate
    }

    /// What became of the copy of one message for one receiver; `nil`: nothing says.
    private func fate(
        _ receiver: Int, _ stream: Int, _ sequence: UInt32, _ captured: Int64, _ domains: borrowing Table<Domain>
    ) -> Fate? {
        let known = records[stream]
        if let own = known.loss(.person(Int32(receiver)), sequence) { return own.fate }
        if let all = known.loss(.everyone, sequence) { return all.fate }
        let home = sessionRegion(StreamTable.person(of: UInt32(stream)), at: captured, domains)
        var forwardedBy: Int?
        for server in known.servers {
            guard let trail = known.trails[server]?.find(sequence) else { continue }
            let region = world.servers[Int(server)].region
            if forwardedBy == nil || region == home { forwardedBy = Int(server) }
            let plan = domains[pointer: region].pointee.plans.plan(trail.plan)
            for scope in scopes(of: receiver, plan, domains[pointer: region]) {
                if let branch = known.loss(scope, sequence) { return branch.fate }
            }
        }
        guard let origin = forwardedBy else { return nil }
        return uncovered(receiver, captured, origin, domains)
    }

    /// The region of the site that a person's session was on.
    private func sessionRegion(_ person: Int, at time: Int64, _ domains: borrowing Table<Domain>) -> Int {
        let home = world.people[person].region
        let presence = domains[pointer: home].pointee.people[pointer: person].pointee.presence
        return presence.last { $0.time <= time && $0.state == .connected }.map { Int($0.region) } ?? home
    }

    /// The places that a plan sends a receiver's copies to.
    private func scopes(
        of receiver: Int, _ plan: UnsafeMutablePointer<Plan>, _ domain: UnsafeMutablePointer<Domain>
    ) -> [LossScope] {
        var result: [LossScope] = []
        plan.forEachList { list in
            let targets = UnsafeBufferPointer(start: list.targets, count: Int(list.pointee.count))
            if targets.contains(where: { SessionID.person($0.session) == receiver }) {
                result.append(.relay(Int32(domain.pointee.firstRelay) + list.pointee.relay))
            }
        }
        for (position, forward) in plan.allForwards.enumerated()
        where plan.sessions(behind: forward).contains(where: { SessionID.person($0.session) == receiver }) {
            let isRoute = position < Int(plan.pointee.routesCount)
            result.append(
                isRoute
                    ? .server(Int32(domain.pointee.firstServer) + forward.place) : .region(Int32(forward.serial)))
        }
        return result
    }

    /// No server knew the receiver: it was not there, or word of it had not come.
    private func uncovered(
        _ receiver: Int, _ captured: Int64, _ origin: Int, _ domains: borrowing Table<Domain>
    ) -> Fate? {
        let plan = world.people[receiver]
        let presence = domains[pointer: plan.region].pointee.people[pointer: receiver].pointee.presence
        let now = presence.last { $0.time <= captured }
        switch now?.state {
        case nil, .joining: return .lost(.receiverNotJoined)
        case .lost: return .lost(.receiverNotConnected)
        case .gaveUp: return .lost(.gaveUp)
        case .connected: break
        }
        let site = Int(now!.region)
        if world.sites.closedSpan(site, at: captured) != nil { return .lost(.siteUnreachable) }
        if hasDeadServer(site, around: captured, domains) { return .lost(.serverDead) }
        let home = world.servers[origin].region
        if site != home {
            let server = origin - world.serversOfRegion[home].lowerBound
            let changes = domains[pointer: home].pointee.servers[pointer: server].pointee.changes
            let relevant = changes.filter { $0.region == site }
            if relevant.isEmpty { return .lost(.noGateway) }
            // The server handled the message some time after its capture; either instant may find it closed.
            let atCapture = relevant.last { $0.time <= captured }?.isRegistered ?? false
            let later = relevant.last { $0.time <= captured + 1_000_000_000 }?.isRegistered ?? false
            if !atCapture || !later { return .lost(.gatewayDown) }
        }
        if plan.leave.nanoseconds - captured < 5_000_000_000 { return .void }
        if presence.contains(where: { $0.time > captured && $0.time - captured < 2_000_000_000 && $0.state == .lost }) {
            return .lost(.receiverNotConnected)
        }
        return .lost(.noInterest)
    }

    /// Whether a server of the region was dead at about that time: its relays were looking for another.
    private func hasDeadServer(_ region: Int, around time: Int64, _ domains: borrowing Table<Domain>) -> Bool {
        let domain = domains[pointer: region]
        return (0..<domain.pointee.servers.count).contains { server in
            domain.pointee.outages(ofServer: server).contains {
                $0.start <= time + 1_000_000_000 && time - 5_000_000_000 < $0.end
            }
        }
    }

    // MARK: Closing

    /// Compares the two sides of the account and tells the stories of the losses.
    mutating func close(delivered: Ledger) {
        for messageClass in MessageClass.allCases {
            for path in PathKind.allCases {
                for phase in Phase.allCases {
                    var cell = ledger[messageClass, path, phase]
                    cell.expected += expected.ledger[messageClass, path, phase].expected
                    let other = delivered[messageClass, path, phase]
                    cell.delivered = other.delivered
                    cell.deliveredWithin = other.deliveredWithin
                    cell.decodable = other.decodable
                    cell.extra = other.extra
                    ledger[messageClass, path, phase] = cell
                    mismatched += abs(cell.imbalance)
                }
            }
        }
        stories.tell(to: &journal, world)
    }
}
