import EventKernel
import Network

/// Reads the faults of a rehearsal; one that cannot hit anything is an error.
struct TimelineReader {
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
        guard items.count <= 1_000 else {
            throw ScenarioError(node.position, "expected at most 1000 faults, found \(items.count)")
        }
        for item in items {
            let fault = try readOne(item)
            for (other, position) in zip(faults, positions) {
                try check(fault, at: item.position, against: other, at: position)
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
        if kind != .roundTrip, fields.has("to") {
            throw ScenarioError(fields.keyPosition("to"), "to belongs to round-trip only")
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
        case .wanCut: return .wanCut(link: try Names.link(target, deployment), from: nil)
        case .roundTrip:
            let link = try Names.link(target, deployment)
            guard let value = try fields.duration("to") else {
                throw ScenarioError(fields.position, "round-trip needs the key \"to\"")
            }
            guard value != deployment.links[link].roundTrip else {
                throw ScenarioError(
                    fields.node("to")?.position ?? fields.position,
                    "to: the link's round trip is \(UnitFormat.duration(value.nanoseconds)) already; "
                        + "the fault hits nothing"
                )
            }
            return .roundTrip(link: link, value)
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
    private func check(
        _ fault: Fault, at position: Position, against other: Fault, at earlier: Position
    ) throws(ScenarioError) {
        let reference = "the one in line \(earlier.line)"
        if fault.kind.hasSameTarget(as: other.kind), fault.start == other.start,
            fault.kind.excludes(other.kind)
        {
            throw ScenarioError(position, "the fault contradicts \(reference): both command one target at one instant")
        }
        if fault.kind == other.kind, !fault.kind.isRoundTrip, fault.end == other.start || fault.start == other.end {
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

extension Fault.Kind {
    var isRoundTrip: Bool { if case .roundTrip = self { true } else { false } }

    /// The region, if all of it is hit.
    var wholeRegion: Int? {
        switch self {
        case .blackHole(let region), .powerLoss(let region), .refused(let region): region
        case .wanCut, .roundTrip, .loss, .jitter, .bandwidth, .serverKill, .relayKill: nil
        }
    }

    func hasSameTarget(as other: Fault.Kind) -> Bool {
        switch (self, other) {
        case (.roundTrip(let first, _), .roundTrip(let second, _)): first == second
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
    /// Whether this one changes nothing because `other` holds all the while and is at least as strong.
    func isCovered(by other: Fault, _ deployment: Deployment) -> Bool {
        let holds = other.start <= start && (other.end ?? .never) >= (end ?? .never)
        guard holds else { return false }
        switch (kind, other.kind) {
        case (.roundTrip, .roundTrip): return false
        case (.wanCut(let link, _), .blackHole(let region)), (.wanCut(let link, _), .powerLoss(let region)),
            (.roundTrip(let link, _), .blackHole(let region)), (.roundTrip(let link, _), .powerLoss(let region)):
            return deployment.links[link].first == region || deployment.links[link].second == region
        case (.serverKill(let inner, _), .powerLoss(let region)), (.relayKill(let inner, _, _), .powerLoss(let region)),
            (.refused(let inner), .powerLoss(let region)):
            return inner == region
        case (.roundTrip(let link, _), .wanCut(let cut, nil)): return link == cut
        default: return kind == other.kind
        }
    }
}
