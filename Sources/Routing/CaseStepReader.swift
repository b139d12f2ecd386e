import EventKernel
import NATSModel
import Network
import Scenario

/// Reads clients and steps; each step is checked against what exists at its point of the case.
struct CaseStepReader {
    private let topology: Topology
    private var progress: CaseProgress

    init(_ topology: Topology) {
        self.topology = topology
        progress = CaseProgress(topology)
    }

    mutating func readClients(_ node: YAMLNode?) throws(ScenarioError) -> [ClientSpec] {
        guard let node else { return [] }
        var clients: [ClientSpec] = []
        for entry in try node.entries("clients") {
            let client = try readClient(entry)
            try apply([.connect(client)], "clients", at: entry.keyPosition)
            clients.append(client)
        }
        return clients
    }

    mutating func readSteps(_ node: YAMLNode?) throws(ScenarioError) -> [Step] {
        guard let node else { return [] }
        let items = try node.items("steps")
        if items.isEmpty { throw ScenarioError(node.position, "steps: expected at least one step") }
        var steps: [Step] = []
        for item in items {
            let place = Step.Place("\(item.position.file):\(item.position.line):\(item.position.column)")
            steps.append(Step(try readStep(item), place: place))
        }
        return steps
    }

    private mutating func readStep(_ node: YAMLNode) throws(ScenarioError) -> Step.Kind {
        let verb = try readVerb(node, isInside: false)
        let fields = try Fields(node, CaseTables.step(verb, isInside: false))
        switch verb {
        case .wait:
            let length = Key("wait", .duration, 1e6...6e11, "How long.")
            return .wait(SimDuration(nanoseconds: Int64(try fields.required("wait").quantity(length))))
        case .check:
            return .check(
                try readCheck(try fields.required("check")), within: try fields.duration("within") ?? .seconds(5))
        case .steer: return .steer(try CaseSteeringReader.read(fields))
        case .together:
            var actions: [Action] = []
            let list = try fields.required("together")
            for item in try list.items("steps") {
                let verb = try readVerb(item, isInside: true)
                actions += try readActions(verb, Fields(item, CaseTables.step(verb, isInside: true)))
            }
            if actions.isEmpty { throw ScenarioError(list.position, "together: expected at least one step") }
            return .together(actions, try readExpectation(fields, verb, actions))
        default:
            let actions = try readActions(verb, fields)
            return .together(actions, try readExpectation(fields, verb, actions))
        }
    }

    /// The first key of a step, once it is clear that no other key is a verb too.
    private func readVerb(_ node: YAMLNode, isInside: Bool) throws(ScenarioError) -> CaseVerb {
        let entries = try node.entries("a step")
        guard let first = entries.first else {
            throw ScenarioError(node.position, "expected a step such as {publish: ann, to: orders}, found nothing")
        }
        let verbs = CaseVerb.allCases.map(\.rawValue)
        guard let verb = CaseVerb(rawValue: first.key) else {
            if let other = entries.first(where: { CaseVerb(rawValue: $0.key) != nil }) {
                throw ScenarioError(
                    first.keyPosition, "a step begins with its verb \(quoted(other.key)), found \(quoted(first.key))")
            }
            let nearest = Nearest.match(first.key, among: verbs)
            let known = nearest == nil ? ", expected one of \(verbs.joined(separator: ", "))" : ""
            throw ScenarioError(
                first.keyPosition, "unknown verb \(quoted(first.key))\(known)", suggestion: nearest)
        }
        for entry in entries.dropFirst() where CaseVerb(rawValue: entry.key) != nil {
            throw ScenarioError(
                entry.keyPosition,
                "a step has one verb, found \(quoted(first.key)) and \(quoted(entry.key)); write two steps")
        }
        guard isInside else { return verb }
        guard verb.isAction else {
            throw ScenarioError(
                first.keyPosition, "\(verb.rawValue) cannot stand within together; write a step of its own")
        }
        for entry in entries where CaseTables.outcome(verb).contains(where: { $0.name == entry.key }) {
            throw ScenarioError(
                entry.keyPosition, "\(entry.key): what is expected of a block stands beside together, not within it")
        }
        return verb
    }

    private mutating func apply(_ actions: [Action], _ what: String, at position: Position) throws(ScenarioError) {
        for action in actions {
            do {
                try progress.apply(action)
            } catch {
                throw ScenarioError(position, "\(what): \(error.message)", suggestion: error.suggestion)
            }
        }
    }
}

extension CaseStepReader {
    private mutating func readActions(_ verb: CaseVerb, _ fields: Fields) throws(ScenarioError) -> [Action] {
        let subject = try fields.required(verb.rawValue)
        switch verb {
        case .cut, .heal:
            let (from, to, both) = try readPlaces(subject, verb)
            let action: Action =
                verb == .cut ? .cut(from: from, to: to, bothWays: both) : .heal(from: from, to: to, bothWays: both)
            try apply([action], verb.rawValue, at: subject.position)
            return [action]
        case .connect:
            var actions: [Action] = []
            for entry in try subject.entries("clients") {
                let action = Action.connect(try readClient(entry))
                try apply([action], verb.rawValue, at: entry.keyPosition)
                actions.append(action)
            }
            if actions.isEmpty { throw ScenarioError(subject.position, "connect: expected at least one client") }
            return actions
        default:
            var actions: [Action] = []
            for (name, position) in try subject.words(verb.rawValue) {
                let action = try readAction(verb, name, fields)
                try apply([action], verb.rawValue, at: position)
                actions.append(action)
            }
            return actions
        }
    }

    /// What one client or server does.
    private func readAction(_ verb: CaseVerb, _ name: String, _ fields: Fields) throws(ScenarioError) -> Action {
        switch verb {
        case .subscribe:
            let answers = try fields.flag("answers") ?? false
            if fields.has("answer-reply"), !answers {
                throw ScenarioError(fields.keyPosition("answer-reply"), "answer-reply needs answers: true")
            }
            return .subscribe(
                Subscribe(
                    client: name, subject: try fields.word("to") ?? "", queue: try fields.word("queue"),
                    label: try fields.word("as"), answers: answers,
                    answersWithReply: try fields.word("answer-reply"), maximum: try fields.count("max")))
        case .unsubscribe:
            return .unsubscribe(
                client: name, label: try fields.word("from") ?? "", maximum: try fields.count("after"))
        case .publish, .request:
            return .publish(
                PublishAction(
                    client: name, subject: try fields.word("to") ?? "",
                    reply: verb == .publish ? try fields.word("reply") : nil,
                    hasHeaders: try fields.flag("headers") ?? false, times: try fields.count("times") ?? 1,
                    isRequest: verb == .request))
        case .disconnect: return .disconnect(client: name)
        case .kill: return .kill(server: name)
        case .stop: return .stop(server: name)
        case .lameDuck: return .lameDuck(server: name)
        case .start: return .start(server: name)
        case .connect, .cut, .heal, .wait, .check, .together, .steer: preconditionFailure("no action of one name")
        }
    }

    private func readClient(_ entry: YAMLEntry) throws(ScenarioError) -> ClientSpec {
        try DeploymentReader.checkName(entry.key, "a client", entry.keyPosition)
        guard case .mapping = entry.value.content else {
            return ClientSpec(name: entry.key, server: try entry.value.word("server"))
        }
        let fields = try Fields(entry.value, CaseTables.client)
        return ClientSpec(
            name: entry.key, server: try fields.word("server") ?? "", echo: try fields.flag("echo") ?? true,
            headers: try fields.flag("headers") ?? true, noResponders: try fields.flag("no-responders") ?? true)
    }

    /// `us sgp` for both directions, `us -> sgp` for one.
    private func readPlaces(_ node: YAMLNode, _ verb: CaseVerb) throws(ScenarioError) -> (String, String, Bool) {
        let text = try node.text(verb.rawValue)
        let words = text.split(separator: " ").map { String($0) }
        if words.count == 2, !words.contains("->") { return (words[0], words[1], true) }
        if words.count == 3, words[1] == "->" { return (words[0], words[2], false) }
        throw ScenarioError(
            node.position,
            "\(verb.rawValue): expected two places such as us sgp, or us -> sgp for one direction, found "
                + quoted(text)
        )
    }

    private func readCheck(_ node: YAMLNode) throws(ScenarioError) -> StateCheck {
        let fields = try Fields(node, CaseTables.check)
        var check = StateCheck()
        if let node = fields.node("gateways") {
            // A name that no gateway has can only be a mistake.
            let known = Self.unique(
                topology.servers.flatMap { server in
                    (server.gateway.map { [$0.name] } ?? []) + (server.gateway?.remotes.map(\.name) ?? [])
                })
            for entry in try node.entries("servers") {
                check.gateways[try running(entry, "gateways")] = try readList(entry.value, "gateways", known, "gateway")
            }
        }
        if let node = fields.node("routes") {
            let known = topology.servers.map(\.name)
            for entry in try node.entries("servers") {
                check.routes[try running(entry, "routes")] = try readList(entry.value, "routes", known, "server")
            }
        }
        if let node = fields.node("inbound") {
            let number = Key("inbound", .count, 0...1_000, "Number of connections.")
            for entry in try node.entries("servers") {
                check.inbound[try running(entry, "inbound")] = Int(try entry.value.quantity(number))
            }
        }
        if check == StateCheck() {
            throw ScenarioError(node.position, "check: expected gateways, routes or inbound with at least one server")
        }
        return check
    }

    private static func unique(_ names: [String]) -> [String] {
        var result: [String] = []
        for name in names where !result.contains(name) { result.append(name) }
        return result
    }

    private func running(_ entry: YAMLEntry, _ what: String) throws(ScenarioError) -> String {
        do {
            try progress.checkRunning(entry.key)
        } catch {
            throw ScenarioError(entry.keyPosition, "\(what): \(error.message)", suggestion: error.suggestion)
        }
        return entry.key
    }

    private func readList(
        _ node: YAMLNode, _ what: String, _ known: [String], _ kind: String
    ) throws(ScenarioError) -> [String] {
        var result: [String] = []
        for item in try node.items(what) {
            let name = try item.text(what)
            if !known.contains(name) {
                throw ScenarioError(
                    item.position, "\(what): no \(kind) \(quoted(name))", suggestion: Nearest.match(name, among: known))
            }
            if result.contains(name) { throw ScenarioError(item.position, "\(what): \(quoted(name)) is given twice") }
            result.append(name)
        }
        return result.sorted()
    }
}

extension CaseStepReader {
    private func readExpectation(
        _ fields: Fields, _ verb: CaseVerb, _ actions: [Action]
    ) throws(ScenarioError) -> Expectation {
        let hasRequests = actions.contains { action in
            if case .publish(let publish) = action { publish.isRequest } else { false }
        }
        let answers = verb == .subscribe ? nil : fields.node("answers")
        if verb == .publish, answers != nil {
            throw ScenarioError(
                fields.keyPosition("answers"),
                "answers reach requesters only; write request, or list under expect who subscribes to the reply subject"
            )
        }
        var expectation = Expectation()
        if let node = fields.node("expect") { expectation.shares = try readShares(node) }
        expectation.crossings = try readCopies(fields.node("crossings"), "crossings")
        if let node = answers {
            expectation.answers = try readCopies(node, "answers")
        } else if expectation.shares != nil, hasRequests {
            expectation.answers = 0...0
        }
        if let node = fields.node("no-responders") {
            expectation.noResponders = try readNoResponders(node)
        } else if expectation.shares != nil || answers != nil {
            expectation.noResponders = 0
        }
        if let ordered = try fields.flag("ordered") {
            guard expectation.shares != nil || answers != nil || expectation.noResponders != nil else {
                throw ScenarioError(fields.keyPosition("ordered"), "ordered: nothing is compared here; give expect too")
            }
            expectation.inOrder = ordered
        }
        return expectation
    }

    private func readShares(_ node: YAMLNode) throws(ScenarioError) -> [Expectation.Share] {
        guard case .mapping(let entries) = node.content else {
            if case .scalar("nothing", _) = node.content { return [] }
            throw ScenarioError(
                node.position, "expect: expected copies by receiver or the word nothing, found \(node.kindName)")
        }
        var shares: [Expectation.Share] = []
        for entry in entries {
            var receivers: [String] = []
            for part in entry.key.split(separator: "|", omittingEmptySubsequences: false) {
                let receiver = part.split(separator: " ").joined(separator: " ")
                try checkReceiver(receiver, entry.keyPosition)
                if receivers.contains(receiver) {
                    throw ScenarioError(entry.keyPosition, "expect: \(quoted(receiver)) is given twice")
                }
                receivers.append(receiver)
            }
            guard let copies = try readCopies(entry.value, "expect") else {
                throw ScenarioError(entry.value.position, "expect: a receiver needs a number, found \"any\"")
            }
            shares.append(Expectation.Share(receivers: receivers, copies: copies))
        }
        return shares
    }

    private func checkReceiver(_ receiver: String, _ position: Position) throws(ScenarioError) {
        do {
            try progress.checkReceiver(receiver)
        } catch {
            throw ScenarioError(position, "expect: \(error.message)", suggestion: error.suggestion)
        }
    }

    /// `3`, `0..5`, or the word `any` for what is not compared.
    private func readCopies(_ node: YAMLNode?, _ key: String) throws(ScenarioError) -> ClosedRange<Int>? {
        guard let node else { return nil }
        let text = try node.text(key)
        if text == "any" { return nil }
        let bounds = text.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
        let numbers = [bounds.first, bounds.last].compactMap { $0.flatMap(Self.number) }
        let isRange = bounds.count == 3 && bounds[1].isEmpty
        guard numbers.count == 2, bounds.count == 1 || isRange else {
            throw ScenarioError(
                node.position, "\(key): expected a number such as 3 or a range such as 0..5, found \(quoted(text))")
        }
        guard numbers[0] <= numbers[1], numbers[1] <= CaseTables.maximumCopies else {
            throw ScenarioError(
                node.position,
                "\(key): expected a range from small to large, at most \(CaseTables.maximumCopies), found "
                    + quoted(text)
            )
        }
        return numbers[0]...numbers[1]
    }

    private static func number(_ text: String) -> Int? {
        let isDigits = !text.isEmpty && text.count <= 18 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isDigits ? Int(text) : nil
    }

    private func readNoResponders(_ node: YAMLNode) throws(ScenarioError) -> Int? {
        if case .scalar("any", _) = node.content { return nil }
        let key = Key("no-responders", .count, 0...Double(CaseTables.maximumCopies), "Number of messages.")
        return Int(try node.quantity(key))
    }
}

/// Reads questions to steering.
enum CaseSteeringReader {
    /// - Parameter fields: of the step; its sites are those of its own round trips, not the clusters of the case.
    static func read(_ step: Fields) throws(ScenarioError) -> SteeringQuestion {
        let fields = try Fields(try step.required("steer"), CaseTables.steer)
        var sites: [SteeringQuestion.Site] = []
        let trips = try fields.required("round-trips")
        for entry in try trips.entries("round trips by site") {
            try DeploymentReader.checkName(entry.key, "a site", entry.keyPosition)
            let length = SimDuration(
                nanoseconds: Int64(try entry.value.quantity(CaseTables.steer.key("round-trips").value)))
            sites.append(SteeringQuestion.Site(name: entry.key, roundTrip: length))
        }
        guard (1...16).contains(sites.count) else {
            throw ScenarioError(trips.position, "round-trips: expected 1 to 16 sites, found \(sites.count)")
        }
        var down: [String] = []
        if let node = fields.node("down") {
            for (name, position) in try node.words("down") { down.append(try site(name, "down", position, sites)) }
        }
        let region = try fields.required("region")
        let expected = try step.required("expect")
        let name = try expected.text("expect")
        return SteeringQuestion(
            mode: try fields.choice("mode", Steering.self) ?? .election,
            region: try site(try region.text("region"), "region", region.position, sites), sites: sites, down: down,
            after: try fields.duration("after") ?? SteeringQuestion.settledAfter,
            expected: name == "nobody" ? nil : try site(name, "expect", expected.position, sites))
    }

    private static func site(
        _ name: String, _ key: String, _ position: Position, _ sites: [SteeringQuestion.Site]
    ) throws(ScenarioError) -> String {
        if sites.contains(where: { $0.name == name }) { return name }
        throw ScenarioError(
            position, "\(key): no site \(quoted(name)) in round-trips",
            suggestion: Nearest.match(name, among: sites.map(\.name)))
    }
}

extension Key {
    /// The key of one value of a dictionary.
    fileprivate var value: Key {
        var copy = self
        if case .dictionary(let shape) = shape { copy.shape = shape }
        return copy
    }
}
