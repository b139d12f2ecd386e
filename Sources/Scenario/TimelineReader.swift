import EventKernel
import Network

/// Reads the faults of a rehearsal; one that cannot hit anything is an error.
struct TimelineReader {
    /// The most faults of a timeline; about as many as a file of 1 MiB can hold.
    private static let limit = 20_000

    var deployment: Deployment
    var horizon: SimDuration
    private(set) var findings: [String] = []

    init(deployment: Deployment, horizon: SimDuration) {
        self.deployment = deployment
        self.horizon = horizon
    }

    mutating func read(_ node: YAMLNode?) throws(ScenarioError) -> [Fault] {
        guard let node else { return [] }
        var faults: [Fault] = []
        var positions: [Position] = []
        let items = try node.items("faults")
        guard items.count <= Self.limit else {
            throw ScenarioError(node.position, "expected at most \(Self.limit) faults, found \(items.count)")
        }
        for item in items {
            let fault = try readOne(item)
            for index in faults.indices where fault.touches(faults[index]) {
                try check(fault, at: item.position, against: faults[index], at: positions[index])
            }
            faults.append(fault)
            positions.append(item.position)
        }
        return faults
    }

    private mutating func readOne(_ node: YAMLNode) throws(ScenarioError) -> Fault {
        let fields = try Fields(node, FormatTables.fault)
        guard let kind = try fields.choice("fault", FaultKind.self), let start = try fields.duration("at") else {
            throw ScenarioError(node.position, "a fault needs fault and at")
        }
        for key in ["site", "link", "server", "relay"] where fields.has(key) && key != kind.targetKey {
            throw ScenarioError(
                fields.keyPosition(key), "\(kind.rawValue) hits a \(kind.targetKey), not a \(key)",
                suggestion: kind.targetKey)
        }
        guard let target = fields.node(kind.targetKey) else {
            throw ScenarioError(node.position, "\(kind.rawValue) needs the key \"\(kind.targetKey)\"")
        }
        for key in ["from", "to", "burst"] where fields.has(key) && !kind.ownKeys.contains(key) {
            let owners = FaultKind.allCases.filter { $0.ownKeys.contains(key) }.map(\.rawValue)
            throw ScenarioError(
                fields.keyPosition(key), "\(key) belongs to \(owners.joined(separator: ", ")) only")
        }
        if start >= horizon {
            throw ScenarioError(
                fields.node("at")?.position ?? node.position,
                "at: the fault begins at \(UnitFormat.duration(start.nanoseconds)), not before the horizon of "
                    + "\(UnitFormat.duration(horizon.nanoseconds)), and hits nothing")
        }
        let begin = SimTime.start + start
        return Fault(kind: try readKind(kind, target, fields), start: begin, end: try readEnd(fields, begin))
    }

    private mutating func readEnd(_ fields: Fields, _ start: SimTime) throws(ScenarioError) -> SimTime? {
        guard let length = try fields.duration("for"), let node = fields.node("for") else { return nil }
        guard length > .zero else {
            throw ScenarioError(node.position, "for: the fault lasts no time and hits nothing")
        }
        let end = start + length
        if end < SimTime.start + horizon { return end }
        let place = "\(node.position.file):\(node.position.line):\(node.position.column)"
        findings.append("\(place): the fault lasts to the horizon: no recovery will be seen")
        return nil
    }

    private func readKind(_ kind: FaultKind, _ target: YAMLNode, _ fields: Fields) throws(ScenarioError) -> Fault.Kind {
        switch kind {
        case .blackHole: return .blackHole(region: try Names.region(target, "site", deployment))
        case .powerLoss: return .powerLoss(region: try Names.region(target, "site", deployment))
        case .refused:
            let region = try Names.region(target, "site", deployment)
            guard !deployment.regions[region].relays.isEmpty else {
                throw ScenarioError(
                    target.position,
                    "region \(quoted(deployment.regions[region].name)) has no relays: refused hits nothing")
            }
            return .refused(region: region)
        case .wanCut:
            let link = try Names.link(target, deployment)
            return .wanCut(link: link, from: try readOrigin(fields, link))
        case .roundTrip, .loss, .jitter, .bandwidth:
            return try readSetting(kind, try Names.link(target, deployment), fields)
        case .serverKill:
            let server = try Names.server(target, "server", deployment)
            return .serverKill(region: server.region, server: server.server)
        case .relayKill:
            let relay = try Names.relay(target, deployment)
            return .relayKill(region: relay.region, transport: relay.transport, replica: relay.replica)
        }
    }
}

extension TimelineReader {
    /// The end of the link whose packets a cut drops; `nil`: both.
    private func readOrigin(_ fields: Fields, _ link: Int) throws(ScenarioError) -> Int? {
        guard let node = fields.node("from") else { return nil }
        let region = try Names.region(node, "from", deployment)
        let ends = [deployment.links[link].first, deployment.links[link].second]
        guard ends.contains(region) else {
            let names = ends.map { deployment.regions[$0].name }
            throw ScenarioError(
                node.position,
                "from: expected an end of the link, \(names.joined(separator: " or ")), found "
                    + quoted(deployment.regions[region].name))
        }
        return region
    }

    /// A fault that gives a link another value; the value that it has already hits nothing.
    private func readSetting(_ kind: FaultKind, _ link: Int, _ fields: Fields) throws(ScenarioError) -> Fault.Kind {
        guard let key = kind.value, let node = fields.node("to") else {
            throw ScenarioError(fields.position, "\(kind.rawValue) needs the key \"to\"")
        }
        let value = try node.quantity(key)
        if value == 0, fields.has("burst") {
            throw ScenarioError(fields.keyPosition("burst"), "burst has no effect without loss")
        }
        let own = deployment.links[link]
        let duration = SimDuration(nanoseconds: Int64(value))
        let result: Fault.Kind
        let present: Fault.Kind?
        switch kind {
        case .roundTrip:
            result = .roundTrip(link: link, duration)
            present = .roundTrip(link: link, own.roundTrip)
        case .loss:
            result = .loss(link: link, PacketLoss(share: value, burst: try fields.real("burst") ?? 1))
            present = value == 0 && own.loss.share == 0 ? result : .loss(link: link, own.loss)
        case .jitter:
            result = .jitter(link: link, duration)
            present = .jitter(link: link, own.jitter)
        default:
            result = .bandwidth(link: link, Int64(value))
            present = own.bandwidth.map { .bandwidth(link: link, $0) }
        }
        guard result != present else {
            throw ScenarioError(
                node.position,
                "to: the link's \(kind == .roundTrip ? "round trip" : kind.rawValue) is \(try node.text("to")) "
                    + "already; the fault hits nothing")
        }
        return result
    }

    private func check(
        _ fault: Fault, at position: Position, against other: Fault, at earlier: Position
    ) throws(ScenarioError) {
        let reference = "the one in line \(earlier.line)"
        if fault.kind.hasSameTarget(as: other.kind), fault.start == other.start,
            fault.kind.excludes(other.kind)
        {
            throw ScenarioError(position, "the fault contradicts \(reference): both command one target at one instant")
        }
        if let setting = fault.kind.exclusiveSetting, fault.kind.hasSameTarget(as: other.kind),
            fault.overlaps(other)
        {
            throw ScenarioError(
                position, "the fault contradicts \(reference): both set the link's \(setting) at one time")
        }
        if fault.kind == other.kind, !fault.kind.isSetting, fault.end == other.start || fault.start == other.end {
            throw ScenarioError(
                position, "the fault contradicts \(reference): one ends at the instant at which the other begins")
        }
        if fault.isCovered(by: other, deployment) {
            throw ScenarioError(position, "the fault is covered by \(reference) and hits nothing")
        }
        if other.isCovered(by: fault, deployment) {
            throw ScenarioError(position, "the fault covers \(reference), which hits nothing")
        }
    }
}

extension Fault {
    /// Whether some instant, ends included, belongs to both. Only such faults can contradict or cover each other; of
    /// thousands of short ones hardly any two do.
    fileprivate func touches(_ other: Fault) -> Bool {
        start <= other.end ?? .never && other.start <= end ?? .never
    }
}

extension Fault.Kind {
    /// Whether it gives a link another value; steps of it may follow each other without a gap.
    var isSetting: Bool {
        switch self {
        case .roundTrip, .loss, .jitter, .bandwidth: true
        case .blackHole, .powerLoss, .refused, .wanCut, .serverKill, .relayKill: false
        }
    }

    /// What only one fault at a time can set. Changes of a round trip add up; of these values one alone can hold.
    var exclusiveSetting: String? {
        switch self {
        case .loss: "loss"
        case .jitter: "jitter"
        case .bandwidth: "bandwidth"
        default: nil
        }
    }

    /// The link whose value it sets.
    var linkSet: Int? {
        switch self {
        case .roundTrip(let link, _), .loss(let link, _), .jitter(let link, _), .bandwidth(let link, _): link
        default: nil
        }
    }

    /// The region, if all of it is hit.
    var wholeRegion: Int? {
        switch self {
        case .blackHole(let region), .powerLoss(let region), .refused(let region): region
        case .wanCut, .roundTrip, .loss, .jitter, .bandwidth, .serverKill, .relayKill: nil
        }
    }

    func hasSameTarget(as other: Fault.Kind) -> Bool {
        switch (self, other) {
        case (.roundTrip(let first, _), .roundTrip(let second, _)), (.loss(let first, _), .loss(let second, _)),
            (.jitter(let first, _), .jitter(let second, _)), (.bandwidth(let first, _), .bandwidth(let second, _)):
            first == second
        default: self == other || (wholeRegion != nil && wholeRegion == other.wholeRegion)
        }
    }

    /// Whether both cannot be meant at once. A black hole and a power loss of one site can: unreachable, and
    /// empty when it returns; refused means that the site answers, which neither of them lets it do.
    func excludes(_ other: Fault.Kind) -> Bool {
        switch (self, other) {
        case (.blackHole, .powerLoss), (.powerLoss, .blackHole): false
        default: true
        }
    }
}

extension Fault {
    func overlaps(_ other: Fault) -> Bool {
        start < (other.end ?? .never) && other.start < (end ?? .never)
    }

    /// Whether this one changes nothing because `other` holds all the while and is at least as strong.
    func isCovered(by other: Fault, _ deployment: Deployment) -> Bool {
        let holds = other.start <= start && (other.end ?? .never) >= (end ?? .never)
        guard holds else { return false }
        if let link = kind.linkSet {
            // A cut of one direction leaves the other one, where the value still shows.
            if case .wanCut(let cut, nil) = other.kind { return link == cut }
            return deployment.silences(link, other.kind)
        }
        switch (kind, other.kind) {
        case (.wanCut(let link, _), .blackHole), (.wanCut(let link, _), .powerLoss):
            return deployment.silences(link, other.kind)
        case (.wanCut(let link, _), .wanCut(let cut, nil)): return link == cut
        case (.serverKill(let inner, _), .powerLoss(let region)), (.relayKill(let inner, _, _), .powerLoss(let region)),
            (.refused(let inner), .powerLoss(let region)):
            return inner == region
        default: return kind == other.kind
        }
    }
}

extension Deployment {
    /// Whether a fault of a whole region leaves nothing to pass on a link.
    fileprivate func silences(_ link: Int, _ kind: Fault.Kind) -> Bool {
        switch kind {
        case .blackHole(let region), .powerLoss(let region):
            links[link].first == region || links[link].second == region
        default: false
        }
    }
}
