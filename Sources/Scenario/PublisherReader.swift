import Network

/// Reads plain NATS publishers.
struct PublisherReader {
    var deployment: Deployment

    func read(_ node: YAMLNode?) throws(ScenarioError) -> [RawPublisher] {
        guard let node else { return [] }
        let items = try node.items("publishers")
        guard items.count <= 10_000 else {
            throw ScenarioError(node.position, "expected at most 10000 publishers, found \(items.count)")
        }
        var result: [RawPublisher] = []
        for item in items {
            let fields = try Fields(item, FormatTables.publisher)
            guard let server = fields.node("server"), let subjectNode = fields.node("subject"),
                let list = fields.node("subscribers")
            else { throw ScenarioError(item.position, "a publisher needs server, subject and subscribers") }
            let at = try Names.server(server, "server", deployment)
            var subscribers: [ServerReference] = []
            for subscriber in try list.items("servers") {
                subscribers.append(try Names.server(subscriber, "subscribers", deployment))
            }
            guard !subscribers.isEmpty else {
                throw ScenarioError(list.position, "subscribers: nobody listens to this publisher")
            }
            let subject = try readSubject(subjectNode)
            result.append(
                RawPublisher(
                    name: subject, region: at.region, server: at.server, subject: subject,
                    perSecond: try fields.real("rate") ?? 0, size: try fields.integer("size") ?? 0,
                    subscribers: subscribers))
        }
        return result
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
