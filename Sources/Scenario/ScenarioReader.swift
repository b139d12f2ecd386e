import CallModel
import EventKernel
import Foundation
import NATSModel
import Network

/// A scenario as read, with everything that identifies it in a database.
public struct LoadedScenario: Sendable {
    public var scenario: Scenario
    /// The scenario file, byte for byte.
    public var text: String
    /// The deployment file, byte for byte; empty if the deployment stands in the scenario.
    public var deploymentText: String
    /// FNV-1a over both texts and the overrides, 16 hexadecimal digits: an identity, no protection.
    public var hash: String
    /// `key=value` of each `--set`, in order.
    public var overrides: [String]
    /// Things that are legal but will surprise: one line each, with position.
    public var findings: [String]

    public init(
        scenario: Scenario, text: String, deploymentText: String, hash: String, overrides: [String],
        findings: [String]
    ) {
        self.scenario = scenario
        self.text = text
        self.deploymentText = deploymentText
        self.hash = hash
        self.overrides = overrides
        self.findings = findings
    }
}

/// Turns text into validated values; nothing in a file is ignored.
public enum ScenarioReader {
    /// Reads a scenario and the deployment it names.
    ///
    /// - Parameter overrides: `key=value` with dotted keys, applied in order after the file.
    /// - Throws: `ScenarioError`, the first thing wrong.
    public static func load(path: String, overrides: [String] = []) throws(ScenarioError) -> LoadedScenario {
        let bytes = try readFile(path)
        return try read(TextGuard.check(bytes, file: path), file: path, overrides: overrides)
    }

    /// Reads a scenario from text; `file` names it in messages, and a deployment file is looked up beside it.
    ///
    /// - Throws: `ScenarioError`, the first thing wrong.
    public static func parse(
        text: String, file: String, overrides: [String] = []
    ) throws(ScenarioError) -> LoadedScenario {
        try parse(bytes: Array(text.utf8), file: file, overrides: overrides)
    }

    /// The same from bytes that may not be text at all.
    public static func parse(
        bytes: [UInt8], file: String, overrides: [String] = []
    ) throws(ScenarioError) -> LoadedScenario {
        try read(TextGuard.check(bytes, file: file), file: file, overrides: overrides)
    }

    /// Reads a deployment file on its own.
    ///
    /// - Throws: `ScenarioError`, the first thing wrong.
    public static func loadDeployment(
        path: String
    ) throws(ScenarioError) -> (deployment: Deployment, findings: [String]) {
        let text = try TextGuard.check(readFile(path), file: path)
        let tree = try YAMLNode.parse(text, file: path)
        let deployment = try DeploymentReader(defaultName: stem(path)).read(tree)
        return (deployment, DeploymentFindings.all(deployment, file: path))
    }
}

extension ScenarioReader {
    private static func read(
        _ text: String, file: String, overrides texts: [String], isSweep: Bool = false
    ) throws(ScenarioError) -> LoadedScenario {
        var overrides: [Override] = []
        for (index, text) in texts.enumerated() { overrides.append(try Override(text, ordinal: index + 1)) }
        var tree = try YAMLNode.parse(text, file: file)
        // Settings inside a deployment file apply to that file's tree, once it is known which file.
        for override in overrides where override.path.count == 1 || override.path[0] != "deployment" {
            try tree.apply(override)
        }
        let fields = try Fields(tree, FormatTables.scenario)
        let inner = overrides.filter { $0.path.count > 1 && $0.path[0] == "deployment" }
        let source = try readDeployment(fields, file: file, overrides: inner)
        let (scenario, findings) = try build(fields, source.deployment, file: file)
        if !isSweep, let sweep = scenario.calibration?.sweep {
            try check(sweep, fields, text, file: file, overrides: texts)
        }
        return LoadedScenario(
            scenario: scenario, text: text, deploymentText: source.text,
            hash: identity([text, source.text] + texts), overrides: texts, findings: source.findings + findings)
    }

    /// Reads the scenario with the first and the last value of a sweep: each must be legal, and must change something.
    private static func check(
        _ sweep: CalibrationSweep, _ fields: Fields, _ text: String, file: String, overrides: [String]
    ) throws(ScenarioError) {
        var position = fields.position
        if let outer = fields.node("calibration"),
            let inner = try Fields(outer, FormatTables.calibration).node("sweep"),
            let key = try Fields(inner, FormatTables.calibrationSweep).node("set")
        {
            position = key.position
        }
        var found: [Scenario] = []
        for value in [sweep.values.first, sweep.values.last].compactMap({ $0 }) {
            do {
                let overrides = overrides + [sweep.override(value)]
                found.append(try read(text, file: file, overrides: overrides, isSweep: true).scenario)
            } catch {
                throw ScenarioError(
                    position, "set: with \(sweep.override(value)): \(error.message)", suggestion: error.suggestion)
            }
        }
        guard found[0] != found[1] else {
            throw ScenarioError(position, "set: \(quoted(sweep.key)) changes nothing")
        }
    }

    private static func readDeployment(
        _ fields: Fields, file: String, overrides: [Override]
    ) throws(ScenarioError) -> (deployment: Deployment, text: String, findings: [String]) {
        guard var tree = fields.node("deployment") else {
            throw ScenarioError(fields.position, "key \"deployment\" is missing in a scenario")
        }
        var source = file
        var text = ""
        if case .scalar = tree.content {
            source = try deploymentPath(tree, beside: file)
            text = try TextGuard.check(readFile(source), file: source)
            tree = try YAMLNode.parse(text, file: source)
        }
        for override in overrides {
            var inner = override
            inner.path.removeFirst()
            try tree.apply(inner)
        }
        let deployment = try DeploymentReader(defaultName: stem(source)).read(tree)
        return (deployment, text, DeploymentFindings.all(deployment, file: source))
    }

    /// The path of the deployment that a file names, relative to that file.
    ///
    /// - Throws: `ScenarioError` if there is no such file.
    package static func deploymentPath(_ node: YAMLNode, beside file: String) throws(ScenarioError) -> String {
        let name = try node.text("deployment")
        let base = URL(fileURLWithPath: file).deletingLastPathComponent().relativePath
        let path = name.hasPrefix("/") || base == "." || base.isEmpty ? name : base + "/" + name
        guard FileManager.default.fileExists(atPath: path) else {
            throw ScenarioError(node.position, "deployment: no file \(quoted(path))")
        }
        return path
    }

    private static func build(
        _ fields: Fields, _ deployment: Deployment, file: String
    ) throws(ScenarioError) -> (Scenario, [String]) {
        guard let horizon = try fields.duration("horizon") else {
            throw ScenarioError(fields.position, "key \"horizon\" is missing in a scenario")
        }
        let populations = try PopulationReader(deployment: deployment).read(fields.node("populations"))
        var publisherReader = PublisherReader(deployment: deployment, horizon: horizon)
        let publishers = try publisherReader.read(fields.node("publishers"))
        guard !populations.isEmpty || !publishers.isEmpty else {
            throw ScenarioError(fields.position, "nothing happens: give populations or publishers")
        }
        let profile = try fields.choice("profile", Profile.self) ?? .videocall2026
        var relay = RelayParameters()
        var client = ClientParameters()
        var media = MediaParameters()
        var nats = ServerParameters()
        var dns = SteeringParameters()
        profile.apply(relay: &relay, client: &client, media: &media)
        try relay.apply(fields.node("relay"))
        try client.apply(fields.node("client"))
        try media.apply(fields.node("media"))
        try nats.apply(fields.node("nats"))
        try dns.apply(fields.node("dns"))
        var timeline = TimelineReader(deployment: deployment, horizon: horizon)
        let faults = try timeline.read(fields.node("timeline"))
        let names = ResponseNames(publishers: publishers, deployment: deployment)
        var expectations = ExpectationReader(hasFaults: !faults.isEmpty, names: names)
        let bounds = try expectations.read(fields.node("expect"))
        let kind = try fields.choice("kind", Scenario.Kind.self) ?? .terminating
        let scenario = Scenario(
            name: try fields.text("name") ?? stem(file), kind: kind,
            startUTC: try readStart(fields, populations),
            initial: try fields.choice("initial", Scenario.Initial.self) ?? .steady, horizon: horizon,
            seed: try readSeed(fields), deployment: deployment, populations: populations, publishers: publishers,
            steering: try fields.choice("steering", Steering.self) ?? .election, profile: profile, relay: relay,
            client: client, media: media, nats: nats, dns: dns, timeline: faults, expectations: bounds,
            replications: Int(try fields.integer("replications") ?? 5),
            calibration: try CalibrationReader(names: names).read(fields.node("calibration")))
        var findings = publisherReader.findings + timeline.findings + expectations.findings
        if kind == .steady, !faults.isEmpty {
            findings.append("\(place(fields, "kind")): a steady scenario has faults: its state does change")
        }
        return (scenario, findings)
    }

    private static func place(_ fields: Fields, _ key: String) -> String {
        let position = fields.keyPosition(key)
        return "\(position.file):\(position.line):\(position.column)"
    }

    /// Read apart from other counts, which go through a floating-point number and would lose the low bits.
    private static func readSeed(_ fields: Fields) throws(ScenarioError) -> UInt64 {
        guard let node = fields.node("seed") else { return 1 }
        let text = try node.text("seed")
        guard let seed = UInt64(text), !text.hasPrefix("+") else {
            throw ScenarioError(
                node.position, "seed: expected a whole number from 0 to \(UInt64.max), found \(quoted(text))")
        }
        return seed
    }

    private static func readStart(_ fields: Fields, _ populations: [Population]) throws(ScenarioError) -> Int64 {
        guard let node = fields.node("start") else {
            let shaped = populations.first { population in
                switch population.traffic {
                case .arrivals(_, let diurnal), .concurrent(_, let diurnal): diurnal != .flat
                case .constant: false
                }
            }
            guard let shaped else { return 0 }
            throw ScenarioError(
                fields.position, "key \"start\" is missing: the day of population \(quoted(shaped.name)) has a shape")
        }
        let text = try node.text("start")
        guard let seconds = Instant.parse(text) else {
            throw ScenarioError(
                node.position, "start: expected a UTC instant such as 2026-11-17T13:30:00Z, found \(quoted(text))",
                suggestion: Instant.parse(text + "Z") == nil ? nil : text + "Z")
        }
        return seconds
    }

    /// File name without folders and extension.
    static func stem(_ path: String) -> String { URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent }

    /// FNV-1a, 64 bits, with the length before each part so that no two lists of parts run together.
    static func identity(_ parts: [String]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for part in parts {
            for byte in "\(part.utf8.count):\(part)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// At most one byte more than the limit is read, so that no file or device can fill memory.
    package static func readFile(_ path: String) throws(ScenarioError) -> [UInt8] {
        let start = Position(file: path, line: 1, column: 1)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw ScenarioError(start, "no such file")
        }
        guard !isDirectory.boolValue, let handle = FileHandle(forReadingAtPath: path) else {
            throw ScenarioError(start, isDirectory.boolValue ? "this is a folder" : "the file cannot be opened")
        }
        defer { try? handle.close() }
        do {
            return Array(try handle.read(upToCount: TextGuard.maximumSize + 1) ?? Data())
        } catch {
            throw ScenarioError(start, "the file cannot be read")
        }
    }
}
