import Routing

/// What servers show, beside what they should show.
extension EmulatedBackend {
    func differences(of sights: [String: ServerSight], from views: [String: ServerView]) -> [StateDifference] {
        var differences: [StateDifference] = []
        for server in servers {
            let name = server.spec.name
            switch (sights[name], views[name]) {
            case (let sight?, let view?): differences += self.differences(name, sight, view)
            case (nil, nil): continue
            case (let sight, let view):
                differences.append(
                    StateDifference(
                        server: name, what: "running", expected: view == nil ? "no" : "yes",
                        seen: sight == nil ? "no" : "yes"))
            }
        }
        return differences + inboundDifferences(sights, views)
    }

    private func differences(_ name: String, _ sight: ServerSight, _ view: ServerView) -> [StateDifference] {
        var pairs: [(what: String, expected: String, seen: String)] = []
        let outbound = sight.outbound.mapValues { "\($0.entries)\(mark($0.remote))" }
        pairs.append(("outbound", list(view.outbound.mapValues { "\($0)" }), list(outbound)))
        let routes = sight.routes.map { nameOrID($0) + mark($0) }.sorted()
        pairs.append(("routes", view.routes.joined(separator: ", "), routes.joined(separator: ", ")))
        pairs.append(("subscriptions", "\(view.subscriptions)", "\(sight.subscriptions)"))
        return pairs.filter { $0.expected != $0.seen }.map {
            StateDifference(server: name, what: $0.what, expected: $0.expected, seen: $0.seen)
        }
    }

    /// Which server of a cluster a gateway connection ends at is drawn at random, so only their sum is compared.
    private func inboundDifferences(
        _ sights: [String: ServerSight], _ views: [String: ServerView]
    ) -> [StateDifference] {
        topology.clusters.compactMap { cluster in
            var expected: [String: Int] = [:]
            var seen: [String: Int] = [:]
            for server in topology.servers(of: cluster) {
                expected.merge(views[server.name]?.inbound ?? [:], uniquingKeysWith: +)
                for (remote, ids) in sights[server.name]?.inbound ?? [:] {
                    for id in ids { seen[remote + mark(id), default: 0] += 1 }
                }
            }
            expected = expected.filter { $0.value != 0 }
            if expected == seen { return nil }
            return StateDifference(
                server: cluster, what: "inbound", expected: list(expected.mapValues { "\($0)" }),
                seen: list(seen.mapValues { "\($0)" }))
        }
    }

    func differences(of sights: [String: ServerSight], from check: StateCheck) -> [StateDifference] {
        check.differences(
            from: sights.mapValues { sight in
                ServerView(
                    outbound: sight.outbound.mapValues(\.entries), inbound: sight.inbound.mapValues(\.count),
                    routes: Set(sight.routes.map(nameOrID)).sorted(), subscriptions: sight.subscriptions)
            })
    }

    private func list(_ values: [String: String]) -> String {
        values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    private func nameOrID(_ id: String) -> String { names[id] ?? id }

    /// A connection to a process that is gone will go as well, unless a cut keeps that from being noticed.
    private func mark(_ id: String) -> String {
        let isCurrent = servers.contains { $0.id == id }
        return isCurrent || !cuts.isEmpty ? "" : " of a dead process"
    }
}
