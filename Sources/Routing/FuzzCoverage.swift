/// What a random program can exercise. A campaign counts the programs that do each.
public enum FuzzFeature: String, CaseIterable, Hashable, Sendable {
    case groupAcrossClusters = "queue group with members in several clusters"
    case groupAcrossServers = "queue group with members on several servers of a cluster"
    case groupWeights = "several members of a queue group on one server"
    case overlap = "one client with two matching subscriptions"
    case star = "message by `*`"
    case tail = "message by `>`"
    case unsubscribedThenPublished = "publish to what was unsubscribed"
    case limitReached = "UNSUB max reached"
    case answeredLocally = "request answered in its cluster"
    case answeredAcross = "request answered by another cluster"
    case answeredByGroup = "request answered by a queue group"
    case observedReply = "reply seen by a wildcard observer"
    case noResponders = "503"
    case echoOff = "echo off with a matching subscription of its own"
    case lateConnect = "client that connects late"
    case disconnect = "client that disconnects"
    case emptyToken = "subject with an empty token"
    case noInterest = "publish that nobody wants"
    case headersStripped = "headers for a client without headers"
    case race = "messages that race a change of interest"
    case killDuringTraffic = "server killed or stopped under traffic"
    case startDuringTraffic = "server started under traffic"
    case restart = "traffic after a restart"
    case lostCluster = "cluster without running servers"
    case threeClusters = "three clusters"
    case oneSided = "one-sided gateway configuration"
    case singleServer = "cluster of one server beside others"
}

/// Notes what a program exercises while its waves go by.
struct FuzzObserver {
    private(set) var features: Set<FuzzFeature> = []
    private let topology: Topology
    /// Patterns of subscriptions that were ended by their clients.
    private var ended: [[Substring]] = []
    private var isRestarted = false

    init(_ topology: Topology) {
        self.topology = topology
        let clusters = topology.clusters
        if clusters.count >= 3 { features.insert(.threeClusters) }
        if clusters.count >= 2 {
            if clusters.contains(where: { topology.servers(of: $0).count == 1 }) { features.insert(.singleServer) }
            if topology.servers.contains(where: { $0.gateway?.remotes.isEmpty == true }) { features.insert(.oneSided) }
        }
    }

    mutating func watch(before: FuzzState, after: FuzzState, actions: [Action], expectation: FuzzExpectation) {
        watchActions(actions, before, after, hasTraffic: !expectation.messages.isEmpty)
        for message in expectation.messages { watchMessage(message, before, expectation) }
        for (key, copies) in expectation.plain where copies.lowerBound > 0 { watchPlain(key, before, expectation) }
        for subscription in before.subscriptions where subscription.maximum != nil && subscription.isCountCertain {
            let isThere = after.subscriptions.contains { $0.receiver == subscription.receiver }
            let got = expectation.plain.contains {
                $0.key.receiver == subscription.receiver && $0.value.lowerBound > 0
            }
            if !isThere && got && after.client(subscription.client) != nil { features.insert(.limitReached) }
        }
    }

    private mutating func watchActions(
        _ actions: [Action], _ before: FuzzState, _ after: FuzzState, hasTraffic: Bool
    ) {
        for action in actions {
            var isChange = true
            switch action {
            case .connect: features.insert(.lateConnect)
            case .disconnect: features.insert(.disconnect)
            case .unsubscribe(let client, let label, nil):
                let known = before.subscriptions.first { $0.client == client && $0.label == label }
                if let known { ended.append(known.pattern) }
            case .kill, .stop:
                if hasTraffic { features.insert(.killDuringTraffic) }
                let lost = topology.clusters.contains { cluster in
                    !topology.servers(of: cluster).contains { after.servers.contains($0.name) }
                }
                if lost { features.insert(.lostCluster) }
                isChange = false
            case .start:
                if hasTraffic { features.insert(.startDuringTraffic) }
                isRestarted = true
                isChange = false
            case .publish: isChange = false
            case .subscribe, .unsubscribe, .lameDuck, .cut, .heal: break
            }
            if isChange && hasTraffic { features.insert(.race) }
        }
    }

    private mutating func watchMessage(
        _ message: FuzzMessage, _ before: FuzzState, _ expectation: FuzzExpectation
    ) {
        let matching = before.matching(message.words)
        let queues = Set(matching.compactMap(\.queue)).sorted()
        for queue in queues { watchGroup(matching.filter { $0.queue == queue }, before) }
        let plain = matching.filter { $0.queue == nil }
        if Set(plain.map(\.client)).count < plain.count { features.insert(.overlap) }
        if matching.isEmpty { features.insert(.noInterest) }
        if message.words.contains("") { features.insert(.emptyToken) }
        if ended.contains(where: { FuzzSubject.matches($0, message.words) }) {
            features.insert(.unsubscribedThenPublished)
        }
        if !message.publisher.echo && matching.contains(where: { $0.client == message.publisher.name }) {
            features.insert(.echoOff)
        }
        let isForBare = plain.contains { before.client($0.client)?.headers == false }
        if message.publish.hasHeaders && isForBare { features.insert(.headersStripped) }
        if isRestarted { features.insert(.restart) }
        if message.publish.isRequest && expectation.anonymous.contains(message.number) {
            features.insert(.answeredByGroup)
        }
    }

    private mutating func watchGroup(_ members: [FuzzState.Subscription], _ state: FuzzState) {
        let servers = members.compactMap { state.client($0.client)?.server }
        let places = Set(servers)
        let clusters = Set(places.compactMap { topology.server($0)?.cluster })
        if clusters.count > 1 { features.insert(.groupAcrossClusters) }
        if clusters.count < places.count { features.insert(.groupAcrossServers) }
        if places.count < servers.count { features.insert(.groupWeights) }
    }

    private mutating func watchPlain(_ key: FuzzKey, _ before: FuzzState, _ expectation: FuzzExpectation) {
        let pattern = before.subscriptions.first { $0.receiver == key.receiver }?.pattern ?? []
        switch key.kind {
        case .message:
            if pattern.contains("*") { features.insert(.star) }
            if pattern.contains(">") { features.insert(.tail) }
        case .noResponders: features.insert(.noResponders)
        case .answer(let responder):
            if pattern.contains(where: { $0 == "*" || $0 == ">" }) { features.insert(.observedReply) }
            guard let sent = expectation.messages.first(where: { $0.number == key.message }), sent.publish.isRequest,
                let answering = before.client(responder)
            else { return }
            let isLocal = topology.server(answering.server)?.cluster == topology.server(sent.publisher.server)?.cluster
            features.insert(isLocal ? .answeredLocally : .answeredAcross)
        }
    }
}

/// How many programs exercised each feature.
public struct FuzzCoverage: Hashable, Sendable {
    /// In the order of `FuzzFeature.allCases`.
    public private(set) var programs: [Int] = FuzzFeature.allCases.map { _ in 0 }

    public init() {}

    /// Programs that exercised a feature.
    public func count(_ feature: FuzzFeature) -> Int {
        programs[FuzzFeature.allCases.firstIndex(of: feature) ?? 0]
    }

    /// Features that no program exercised.
    public var missing: [FuzzFeature] { FuzzFeature.allCases.filter { count($0) == 0 } }

    /// Counts one program.
    mutating func add(_ features: Set<FuzzFeature>) {
        for (place, feature) in FuzzFeature.allCases.enumerated() where features.contains(feature) {
            programs[place] += 1
        }
    }

    /// Adds what another part of the campaign counted.
    mutating func merge(_ other: FuzzCoverage) {
        for place in programs.indices { programs[place] += other.programs[place] }
    }
}
