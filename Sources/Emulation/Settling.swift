import CLinux
import EventKernel
import Routing

/// What changed interest and connections, as far as one must know to tell when it has spread.
struct InterestChanges: Hashable {
    var additions = 0
    /// Subscriptions that ended, or at most that many.
    var removals = 0
    /// Members of queue groups came or went, which may change no count anywhere.
    var hasGroups = false
    /// Servers or connections between them came or went.
    var touchesConnections = false

    var isEmpty: Bool { self == InterestChanges() }

    mutating func remove(_ count: Int, hasGroups: Bool) {
        removals += count
        if hasGroups { self.hasGroups = true }
    }

    /// How many marker subscriptions each server needs so that counts of interest prove that everything before them
    /// has spread.
    ///
    /// Interest of one server reaches another in order. While counts only rise, or only fall, the last value is
    /// reached last. Else it could be passed on the way, when the additions have come and the removals have not. But
    /// as long as some server's markers are not all there, the count lacks at least one of them, or, when changes
    /// before them are missing too, all of that server's, which are more than all removals: it stays below its last
    /// value.
    var markers: Int {
        let isMixed = additions > 0 && removals > 0
        return isMixed || hasGroups || touchesConnections ? removals + 1 : 0
    }
}

extension EmulatedBackend {
    /// Most rounds of interest and messages that may follow from each other.
    private static let roundLimit = 12
    /// By how much real time may run ahead of the model's while packets vanish.
    private static let paceStep = SimDuration.milliseconds(50)

    /// Waits until the servers are where the shadow says and everything sent has been processed.
    public func settle() throws { try settle(allowing: .zero) }

    func settle(allowing allowance: SimDuration) throws {
        var rounds = 0
        var allowance = allowance
        repeat {
            rounds += 1
            guard rounds <= Self.roundLimit else {
                throw UnsettledError("interest still changes after \(Self.roundLimit) rounds")
            }
            try tellExpiries()
            if isUnsure || !changes.isEmpty { try settleInterest(allowing: allowance) }
            allowance = .zero
            try settleMessages()
            try tellExpiries()
        } while !changes.isEmpty
        for client in clients.values { client.forgetVerdicts() }
        outage = .zero
        try reportProblems()
    }

    // MARK: Interest

    private func settleInterest(allowing allowance: SimDuration) throws {
        let markers = changes.markers
        changes = InterestChanges()
        isUnsure = false
        try awaitViews(allowing: allowance)
        guard markers > 0 else { return }
        var own: [String] = []
        for server in servers where server.isRunning && !server.isLameDuck {
            let name = NATSConnection.ownPrefix + server.spec.name
            let client = try connect(ClientSpec(name: name, server: server.spec.name))
            own.append(name)
            for number in 0..<markers {
                let subscribe = Subscribe(client: name, subject: "\(name).\(number)")
                try client.subscribe(subscribe)
                try tellShadow(.subscribe(subscribe))
            }
        }
        try awaitViews()
        for name in own { try disconnect(name) }
        try awaitViews()
        // Those were the markers' own; what is left is of subscriptions that reached their maximum meanwhile.
        changes.additions -= own.count
        changes.removals -= own.count * (markers + 1)
    }

    /// Waits until the servers show what the model shows.
    private func awaitViews(allowing allowance: SimDuration = .zero) throws {
        let before = shadow.now
        try shadow.settle()
        let deadline = Deadline(after: bound + outage + allowance + (shadow.now - before))
        var pause = Pause()
        while true {
            try keepPace()
            let differences = differences(of: try look(), from: shadow.views())
            if differences.isEmpty { return }
            if deadline.isOver {
                let text = differences.map { "  \($0)" }.joined(separator: "\n")
                throw UnsettledError("the servers do not come to what the model says:\n\(text)")
            }
            try loop.turn(min(pause.next(), deadline.left))
            try tellExpiries()
        }
    }

    /// Lets the model's time pass as far as real time has since the first cut: connections across it end of age.
    private func keepPace() throws {
        guard let start = cutStart else { return }
        let lag = SimDuration.nanoseconds(clinux_now() - start.real) - (shadow.now - start.model)
        guard lag > Self.paceStep else { return }
        try shadow.wait(lag)
        try shadow.settle()
    }

    /// Tells the model of subscriptions that the servers ended because they got their maximum.
    private func tellExpiries() throws {
        guard !log.expiries.isEmpty else { return }
        for expiry in log.expiries where clients[expiry.client] != nil {
            changes.remove(1, hasGroups: expiry.isGroupMember)
            try tellShadow(.unsubscribe(client: expiry.client, label: expiry.label, maximum: nil))
        }
        log.expiries = []
        try shadow.settle()
    }

    // MARK: Messages

    /// Waits until all messages and the answers to them have arrived.
    ///
    /// Whoever has published publishes a sync message, which travels behind. It shows that the receivers' answers
    /// are under way too, so these sync in turn. An answer through a mapped reply subject is published once more by
    /// the server of the requester; a last sync message of the requesters travels behind that.
    private func settleMessages() throws {
        for _ in 0..<Self.roundLimit {
            var names = log.publishers
            log.publishers = []
            if names.isEmpty {
                names = topology.clusters.count > 1 ? log.requesters : []
                log.requesters = []
            }
            let publishers = names.sorted().compactMap { clients[$0] }.filter(\.isOpen)
            if publishers.isEmpty { return }
            try sync(publishers)
        }
        throw UnsettledError("messages are still answered after \(Self.roundLimit) rounds")
    }

    private func sync(_ publishers: [NATSConnection]) throws {
        for client in publishers {
            client.sync(nextSync)
            try tellShadow(.publish(PublishAction(client: client.name, subject: NATSConnection.syncSubject)))
            nextSync += 1
        }
        let before = shadow.now
        try shadow.settle()
        for reception in try shadow.takeReceptions() where reception.label == NATSConnection.syncSubject {
            guard case .message(let number) = reception.content else { continue }
            log.await(ClientLog.Sync(number: number.rawValue, client: reception.client))
        }
        let deadline = Deadline(after: bound + outage + (shadow.now - before))
        while true {
            let isOpen = { (name: String) in self.clients[name]?.isOpen == true }
            log.awaitedSyncs = log.awaitedSyncs.filter { isOpen($0.client) }
            let unread = publishers.filter { $0.awaitedPongs > 0 && $0.isOpen }
            if log.awaitedSyncs.isEmpty, unread.isEmpty { return }
            if deadline.isOver {
                let missing = log.awaitedSyncs.sorted().map { "sync \($0.number) at \($0.client)" }
                let silent = unread.map { "PONG at \($0.name)" }
                log.awaitedSyncs = []
                throw UnsettledError("not arrived: \((missing + silent).joined(separator: ", "))")
            }
            try loop.turn(deadline.left)
        }
    }

    private func reportProblems() throws {
        for name in clients.keys.sorted() {
            guard let client = clients[name], let end = client.stream.end else { continue }
            clients[name] = nil
            if try server(client.spec.server).isLameDuck { continue }
            log.problems.append("client \(name) lost its connection: \(client.lastError ?? end)")
        }
        guard !log.problems.isEmpty else { return }
        defer { log.problems = [] }
        throw EmulationError(log.problems.joined(separator: "; "))
    }
}
