import EventKernel
import NATSModel
public import Scenario

/// Reads the files of routing cases; nothing in a file is ignored.
///
/// The format is that of `docs/routing-cases.md`. Texts pass the same guard as scenarios: 1 MiB, short lines,
/// bounded nesting, no aliases, no control characters.
public enum CaseReader {
    /// Reads a case, and the deployment that it names.
    ///
    /// - Throws: `ScenarioError`, the first thing wrong.
    public static func load(path: String) throws(ScenarioError) -> RoutingCase {
        try parse(bytes: try ScenarioReader.readFile(path), file: path)
    }

    /// Reads a case from text; `file` names it in messages, and a deployment is looked up beside it.
    ///
    /// - Throws: `ScenarioError`, the first thing wrong.
    public static func parse(text: String, file: String) throws(ScenarioError) -> RoutingCase {
        try parse(bytes: Array(text.utf8), file: file)
    }

    /// The same from bytes that may not be text at all.
    public static func parse(bytes: [UInt8], file: String) throws(ScenarioError) -> RoutingCase {
        let tree = try YAMLNode.parse(try TextGuard.check(bytes, file: file), file: file)
        return try read(try Fields(tree, CaseTables.routingCase), file: file)
    }

    private static func read(_ fields: Fields, file: String) throws(ScenarioError) -> RoutingCase {
        let title = try fields.text("case") ?? ""
        guard !title.contains(where: \.isNewline), title.count <= 200 else {
            throw ScenarioError(
                fields.node("case")?.position ?? fields.position,
                "case: expected one line of at most 200 characters; tell more in `about`")
        }
        let topology = try CaseTopologyReader(file: file).read(fields)
        var steps = CaseStepReader(topology)
        let clients = try steps.readClients(fields.node("clients"))
        return RoutingCase(
            title: title, about: trimmed(try fields.text("about")), source: try fields.text("source"),
            versions: try readVersions(fields.node("versions")), topology: topology, clients: clients,
            steps: try steps.readSteps(fields.node("steps")))
    }

    /// A folded block ends with a line break that nobody meant.
    private static func trimmed(_ text: String?) -> String? {
        guard let text else { return nil }
        return String(text.reversed().drop(while: \.isWhitespace).reversed())
    }

    private static func readVersions(_ node: YAMLNode?) throws(ScenarioError) -> VersionRange? {
        guard let node else { return nil }
        let fields = try Fields(node, CaseTables.versions)
        let range = VersionRange(from: try readVersion("from", fields), before: try readVersion("before", fields))
        if range.from == nil, range.before == nil {
            throw ScenarioError(node.position, "versions: expected from, before or both")
        }
        if let from = range.from, let before = range.before, from >= before {
            throw ScenarioError(node.position, "versions: no release is from \(from) and before \(before)")
        }
        return range
    }

    private static func readVersion(_ key: String, _ fields: Fields) throws(ScenarioError) -> ServerVersion? {
        guard let node = fields.node(key) else { return nil }
        let text = try node.text(key)
        do {
            return try ServerVersion(parsing: text)
        } catch {
            throw ScenarioError(node.position, "\(key): \(error)")
        }
    }
}

extension Fields {
    func flag(_ name: String) throws(ScenarioError) -> Bool? {
        guard let value = try real(name) else { return nil }
        return value == 1
    }

    func count(_ name: String) throws(ScenarioError) -> Int? {
        guard let value = try integer(name) else { return nil }
        return Int(value)
    }

    /// Text that stands in a protocol line: no spaces, no control characters, at most 512 characters. Whether it
    /// is a good subject is for the servers to say.
    func word(_ name: String) throws(ScenarioError) -> String? {
        guard let node = node(name) else { return nil }
        return try node.word(name)
    }

    /// A key that its table requires.
    func required(_ name: String) throws(ScenarioError) -> YAMLNode {
        guard let node = node(name) else {
            throw ScenarioError(position, "key \"\(name)\" is missing in \(table.title)")
        }
        return node
    }
}

extension YAMLNode {
    /// Text without spaces and control characters; `name` says what it is for.
    func word(_ name: String) throws(ScenarioError) -> String {
        let text = try text(name)
        guard text.unicodeScalars.count <= 512 else {
            throw ScenarioError(position, "\(name): expected at most 512 characters, found \(text.count)")
        }
        let isClean = text.unicodeScalars.allSatisfy {
            !$0.properties.isWhitespace && $0.properties.generalCategory != .control
        }
        guard isClean else {
            throw ScenarioError(position, "\(name): expected a text without spaces, found \(quoted(text))")
        }
        return text
    }

    /// One text, or a list of them without repetition.
    func words(_ name: String) throws(ScenarioError) -> [(text: String, position: Position)] {
        guard case .sequence(let items) = content else { return [(try word(name), position)] }
        if items.isEmpty { throw ScenarioError(position, "\(name): expected at least one name") }
        var result: [(text: String, position: Position)] = []
        for item in items {
            let text = try item.word(name)
            if result.contains(where: { $0.text == text }) {
                throw ScenarioError(item.position, "\(name): \(quoted(text)) is given twice")
            }
            result.append((text, item.position))
        }
        return result
    }
}
