import EventKernel
import NATSModel
import Scenario

/// Writes cases as files that read back to the same value.
///
/// What a file would have by default is left out. A deployment is written as the clusters that it stands for. The
/// case must be one that a file can state: servers grouped by cluster, steps that are not empty.
public enum CaseWriter {
    /// The case as the text of a file.
    public static func text(_ routingCase: RoutingCase) -> String {
        var lines = ["case: " + CaseYAML.quotedIfNeeded(routingCase.title)]
        if let about = routingCase.about { lines += aboutLines(about) }
        if let source = routingCase.source { lines.append("source: " + CaseYAML.quotedIfNeeded(source)) }
        if let versions = routingCase.versions {
            let bounds = [("from", versions.from), ("before", versions.before)].compactMap { key, version in
                version.map { (key: key, value: CaseYAML.raw($0.description)) }
            }
            lines.append("versions: " + CaseYAML.map(bounds).flow)
        }
        lines.append("")
        lines += CaseTopologyWriter(routingCase.topology).lines()
        if !routingCase.clients.isEmpty {
            lines.append("")
            lines += section("clients", .map(routingCase.clients.map { ($0.name, client($0)) }))
        }
        lines += ["", "steps:"]
        for step in routingCase.steps { lines += item(CaseStepWriter.step(step.kind)) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A key of the file; in one line if that is short.
    static func section(_ key: String, _ value: CaseYAML, block: Bool = false) -> [String] {
        CaseYAML.entry(key + ":", value, indent: 0, block: block || value.flow.count > 76)
    }

    /// A step in the list of steps; in one line if that is short.
    private static func item(_ step: CaseYAML) -> [String] {
        let isShort = step.flow.count <= 72 && step.count > 1 && !step.holdsMappings
        let lines = step.lines(indent: 4, block: !isShort)
        return ["  - " + lines[0]] + lines.dropFirst()
    }

    static func client(_ client: ClientSpec) -> CaseYAML {
        var entries = [(key: "server", value: CaseYAML.text(client.server))]
        if !client.echo { entries.append(("echo", .raw("false"))) }
        if !client.headers { entries.append(("headers", .raw("false"))) }
        if !client.noResponders { entries.append(("no-responders", .raw("false"))) }
        return entries.count == 1 ? entries[0].value : .map(entries)
    }

    /// Words are wrapped where YAML joins them again; a text that this would change is quoted.
    private static func aboutLines(_ text: String) -> [String] {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        let isFoldable = words.allSatisfy { word in
            !word.isEmpty && word.count < 80
                && word.unicodeScalars.allSatisfy { $0 > " " && $0 <= "~" && !"*&[]{}".unicodeScalars.contains($0) }
        }
        guard isFoldable else { return quotedLines("about", text) }
        var lines = ["about: >"]
        var line = " "
        for word in words {
            if line.count + 1 + word.count > 90, line != " " {
                lines.append(line)
                line = " "
            }
            line += " " + word
        }
        return lines + [line]
    }

    /// A quoted text, continued over lines that are no longer than the guard allows.
    private static func quotedLines(_ key: String, _ text: String) -> [String] {
        var pieces = [""]
        for character in text {
            // No piece begins with a blank: leading blanks of a continued line do not count.
            if pieces[pieces.count - 1].count >= 70, character != " " { pieces.append("") }
            pieces[pieces.count - 1].append(character)
        }
        let quoted = pieces.map { piece in
            // A word before it keeps the piece from being written plain, and is cut off again.
            String(CaseYAML.quotedIfNeeded("\"" + piece).dropFirst(3).dropLast())
        }
        var lines = ["\(key): \"" + quoted[0]]
        for piece in quoted.dropFirst() {
            lines[lines.count - 1] += "\\"
            lines.append("  " + piece)
        }
        lines[lines.count - 1] += "\""
        return lines
    }
}

/// Writes servers, gateways and delays, leaving out what `CaseTopologyReader` would supply.
private struct CaseTopologyWriter {
    private let topology: Topology
    private let clusters: [String]

    init(_ topology: Topology) {
        self.topology = topology
        clusters = topology.clusters
    }

    func lines() -> [String] {
        let settings = topology.servers.compactMap { server -> (key: String, value: CaseYAML)? in
            let entries = self.settings(server)
            return entries.isEmpty ? nil : (server.name, .map(entries))
        }
        var lines = CaseWriter.section("clusters", .map(clusters.map { ($0, cluster($0)) }))
        if !settings.isEmpty { lines += CaseWriter.section("servers", .map(settings), block: true) }
        return lines + delays()
    }

    /// The cluster's block is that of its first server; others that differ have their own.
    private func gateway(of cluster: String) -> GatewaySpec? { topology.servers(of: cluster).first?.gateway }

    private func pingInterval(of cluster: String) -> SimDuration? {
        let all = topology.servers(of: cluster).map(\.pingInterval)
        return all.allSatisfy { $0 == all[0] } ? all[0] : nil
    }

    private func cluster(_ name: String) -> CaseYAML {
        let names = topology.servers(of: name).map(\.name)
        let isNumbered = names == names.indices.map { "\(name)-\($0)" }
        let servers = isNumbered ? CaseYAML.number(names.count) : .list(names.map(CaseYAML.text))
        var entries = [(key: "servers", value: servers)]
        let usual = clusters.count > 1 ? GatewaySpec(name: name, remotes: remotes(of: name)) : nil
        if gateway(of: name) != usual {
            entries.append(("gateway", gateway(gateway(of: name), name: name, remotes: remotes(of: name))))
        }
        if let interval = pingInterval(of: name) { entries.append(("ping-interval", duration(interval))) }
        return entries.count == 1 ? servers : .map(entries)
    }

    private func remotes(of cluster: String) -> [GatewaySpec.Remote] {
        clusters.compactMap { other in
            guard other != cluster, let gateway = gateway(of: other) else { return nil }
            let urls = topology.servers(of: other).filter { $0.gateway != nil }.map {
                Endpoint.server($0.name, .gateway)
            }
            return GatewaySpec.Remote(name: gateway.name, urls: urls)
        }
    }

    private func settings(_ server: ServerSpec) -> [(key: String, value: CaseYAML)] {
        var entries: [(key: String, value: CaseYAML)] = []
        if !server.startsAtOnce { entries.append(("starts", .raw("later"))) }
        if server.serverName != server.name { entries.append(("server-name", .text(server.serverName))) }
        let others = topology.servers(of: server.cluster).map(\.name).filter { $0 != server.name }
        if server.routes != others { entries.append(("routes", .list(server.routes.map(CaseYAML.text)))) }
        if server.routeConnectRetries != 0 {
            entries.append(("route-connect-retries", .number(server.routeConnectRetries)))
        }
        let inherited = gateway(of: server.cluster)
        if server.gateway != inherited {
            entries.append(
                (
                    "gateway",
                    gateway(
                        server.gateway, name: inherited?.name ?? server.cluster,
                        remotes: inherited?.remotes ?? remotes(of: server.cluster))
                ))
        }
        if let interval = server.pingInterval, interval != pingInterval(of: server.cluster) {
            entries.append(("ping-interval", duration(interval)))
        }
        return entries
    }

    /// - Parameters: name and remotes that need not be written.
    private func gateway(_ spec: GatewaySpec?, name: String, remotes: [GatewaySpec.Remote]) -> CaseYAML {
        guard let spec else { return .raw("none") }
        var entries: [(key: String, value: CaseYAML)] = []
        if spec.name != name { entries.append(("name", .text(spec.name))) }
        if spec.remotes != remotes {
            let written = spec.remotes.map { remote in
                let urls = remote.urls.map { CaseYAML.text($0.text) }
                return (key: remote.name, value: urls.count == 1 ? urls[0] : .list(urls))
            }
            entries.append(("remotes", .map(written)))
        }
        if let advertise = spec.advertise { entries.append(("advertise", .text(advertise.text))) }
        if spec.rejectsUnknown { entries.append(("reject-unknown", .raw("true"))) }
        if spec.connectRetries != 0 { entries.append(("connect-retries", .number(spec.connectRetries))) }
        return .map(entries.isEmpty ? [("name", .text(spec.name))] : entries)
    }

    private func delays() -> [String] {
        guard let first = topology.delays.first else { return [] }
        let everywhere = clusters.indices.flatMap { index in
            clusters[(index + 1)...].map {
                Topology.Delay(between: clusters[index], and: $0, oneWay: first.oneWay)
            }
        }
        if topology.delays == everywhere, first.oneWay > .zero { return ["wan: " + duration(first.oneWay).flow] }
        return CaseWriter.section("wan", .map(topology.delays.map { ("\($0.between)/\($0.and)", duration($0.oneWay)) }))
    }

    private func duration(_ duration: SimDuration) -> CaseYAML { .raw(UnitFormat.duration(duration.nanoseconds)) }
}

extension Endpoint {
    /// As files write it.
    var text: String {
        switch self {
        case .server(let name, .gateway): name
        case .server(let name, let port): "\(name)/\(port.rawValue)"
        case .nodePort(let cluster): "node-port \(cluster)"
        case .nobody: "nobody"
        }
    }
}
