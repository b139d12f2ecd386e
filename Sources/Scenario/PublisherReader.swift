import EventKernel
import Network

/// Reads plain NATS publishers.
struct PublisherReader {
    var deployment: Deployment
    var horizon: SimDuration
    private(set) var findings: [String] = []

    init(deployment: Deployment, horizon: SimDuration) {
        self.deployment = deployment
        self.horizon = horizon
    }

    mutating func read(_ node: YAMLNode?) throws(ScenarioError) -> [RawPublisher] {
        guard let node else { return [] }
        let items = try node.items("publishers")
        guard items.count <= 10_000 else {
            throw ScenarioError(node.position, "expected at most 10000 publishers, found \(items.count)")
        }
        var result: [RawPublisher] = []
        var places: [String: Position] = [:]
        for item in items {
            let fields = try Fields(item, FormatTables.publisher)
            let publisher = try readOne(fields)
            let place = fields.node("name")?.position ?? fields.node("subject")?.position ?? item.position
            if let earlier = places.updateValue(place, forKey: publisher.name) {
                throw ScenarioError(
                    place,
                    "two publishers are named \(quoted(publisher.name)), here and in line \(earlier.line): give each "
                        + "a \"name\" of its own")
            }
            result.append(publisher)
        }
        return result
    }

    private mutating func readOne(_ fields: Fields) throws(ScenarioError) -> RawPublisher {
        guard let server = fields.node("server"), let subjectNode = fields.node("subject"),
            let list = fields.node("subscribers")
        else { throw ScenarioError(fields.position, "a publisher needs server, subject and subscribers") }
        let place = try Names.server(server, "server", deployment)
        var subscribers: [ServerReference] = []
        for subscriber in try list.items("servers") {
            subscribers.append(try Names.server(subscriber, "subscribers", deployment))
        }
        guard subscribers.count <= 4_096 else {
            throw ScenarioError(list.position, "expected at most 4096 subscribers, found \(subscribers.count)")
        }
        let subject = try readSubject(subjectNode)
        let (start, end) = try readSpan(fields)
        let publisher = RawPublisher(
            name: try readName(fields, subject), region: place.region, server: place.server, subject: subject,
            perSecond: try fields.real("rate") ?? 0, burst: try fields.integer("burst") ?? 1,
            size: try fields.integer("size") ?? 0, subscribers: subscribers, start: start, end: end)
        try checkNumber(of: publisher, fields)
        return publisher
    }

    /// From the start to the end, which is `nil` for the horizon.
    private func readSpan(_ fields: Fields) throws(ScenarioError) -> (SimTime, SimTime?) {
        let start = SimTime.start + (try fields.duration("at") ?? .zero)
        guard start < SimTime.start + horizon else {
            throw ScenarioError(
                fields.node("at")?.position ?? fields.position,
                "at: the publisher begins at \(UnitFormat.duration(start.nanoseconds)), not before the horizon of "
                    + UnitFormat.duration(horizon.nanoseconds))
        }
        return (start, try fields.duration("for").map { start + $0 })
    }

    /// Messages are numbered with 32 bits.
    private mutating func checkNumber(of publisher: RawPublisher, _ fields: Fields) throws(ScenarioError) {
        let published = publisher.published(before: SimTime.start + horizon)
        let position = fields.node("rate")?.position ?? fields.position
        guard published <= Int64(UInt32.max) else {
            throw ScenarioError(
                position, "rate: expected at most \(UInt32.max) messages of one publisher, found \(published)")
        }
        if published == 0 {
            findings.append(
                "\(position.file):\(position.line):\(position.column): publisher \(quoted(publisher.name)) "
                    + "publishes nothing: its first message is due after its end or the horizon")
        }
    }

    private func readName(_ fields: Fields, _ subject: String) throws(ScenarioError) -> String {
        let given = fields.node("name")
        let name = try given?.text("name") ?? String(subject.map { $0 == "." ? "-" : $0 })
        let isGood = name.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "-" || $0 == "_"
        }
        guard isGood, name.utf8.count <= 255 else {
            let found = given == nil ? "; give the publisher a \"name\"" : ""
            throw ScenarioError(
                given?.position ?? fields.node("subject")?.position ?? fields.position,
                "name: expected letters, digits, - and _ (at most 255), found \(quoted(name))\(found)")
        }
        return name
    }

    /// A subject that can be published on: tokens without space, none empty, none a wildcard.
    private func readSubject(_ node: YAMLNode) throws(ScenarioError) -> String {
        let text = try node.text("subject")
        let tokens = text.split(separator: ".", omittingEmptySubsequences: false)
        let isGood = tokens.allSatisfy { token in
            !token.isEmpty && token != "*" && token != ">" && !token.contains(where: \.isWhitespace)
        }
        guard isGood, text.utf8.count <= 255 else {
            throw ScenarioError(
                node.position,
                "subject: expected tokens joined by dots, without spaces and wildcards, found \(quoted(text))")
        }
        return text
    }
}
