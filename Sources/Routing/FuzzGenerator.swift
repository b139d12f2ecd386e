import RandomVariates

extension FuzzBatch {
    /// Waves of a generated batch.
    static let generatedWaves = 14

    /// The batch of an index. The same arguments give the same batch on every machine.
    public init(seed: UInt64, index: Int, programs: Int = FuzzBatch.standardSize) {
        precondition(programs > 0 && programs < 1 << 16, "a batch has 1 to 65535 programs")
        var stream = RandomStream(seed: seed, purpose: .fuzzTopology, replication: 0, entity: UInt64(index))
        let topology = Topology.drawn(index: index, &stream)
        let faults = FuzzBatch.randomFaults(topology, index: index, &stream)
        let generated = (0..<programs).map { number in
            var generator = FuzzGenerator(seed: seed, index: index, number: number, topology)
            return generator.program(faults)
        }
        self.init(seed: seed, index: index, topology: topology, faults: faults, programs: generated)
    }

    /// One or two servers go and come back two or three waves later. In the last of five batches it may be none; in
    /// the fourth it is a whole cluster first.
    private static func randomFaults(
        _ topology: Topology, index: Int, _ stream: inout RandomStream
    ) -> [[Action]] {
        var faults: [[Action]] = Array(repeating: [], count: generatedWaves)
        guard topology.servers.count > 1, index % 5 != 4 || stream.chance(0.6) else { return faults }
        var wave = 3 + stream.integer(below: 3)
        let rounds = 1 + stream.integer(below: 2)
        let lone = topology.servers.filter { topology.servers(of: $0.cluster).count == 1 }
        for round in 0..<rounds where wave + 3 < generatedWaves {
            let candidates = round == 0 && index % 5 == 3 && !lone.isEmpty ? lone : topology.servers
            let server = candidates[stream.integer(below: candidates.count)].name
            faults[wave].append(stream.chance(0.7) ? .kill(server: server) : .stop(server: server))
            wave += 2 + stream.integer(below: 2)
            faults[wave].append(.start(server: server))
            wave += 2
        }
        return faults
    }
}

extension Topology {
    /// One to three clusters of one to three servers, six at most, with full meshes of routes and gateways.
    ///
    /// Five batches in a row have two clusters; three; two, one of which lists no remotes and learns of the other from
    /// it; two or three with a cluster of one server; and anything.
    static func drawn(index: Int, _ stream: inout RandomStream) -> Topology {
        let kind = index % 5
        let counts = [[0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [4, 3, 3]]
        let names = Array(["us", "sgp", "fra"].prefix(1 + stream.weighted(counts[kind])))
        var free = 6 - names.count
        let sizes = names.indices.map { place in
            let wanted = kind == 3 && place == names.count - 1 ? 0 : stream.weighted([3, 9, 6])
            let size = 1 + min(wanted, free)
            free -= size - 1
            return size
        }
        let hasPassive = kind == 2 || (kind > 2 && names.count > 1 && stream.chance(0.25))
        let passive = hasPassive ? names[stream.integer(below: names.count)] : nil
        return Topology(names, sizes, passive: passive)
    }

    /// `passive` names the cluster that lists no remotes.
    private init(_ names: [String], _ sizes: [Int], passive: String?) {
        func servers(_ place: Int) -> [String] { (0..<sizes[place]).map { "\(names[place])-\($0)" } }
        var all: [ServerSpec] = []
        for (place, cluster) in names.enumerated() {
            let remotes = names.indices.filter { $0 != place && cluster != passive }.map { other in
                GatewaySpec.Remote(name: names[other], urls: servers(other).map { .server($0, .gateway) })
            }
            let gateway = names.count > 1 ? GatewaySpec(name: cluster, remotes: remotes) : nil
            for server in servers(place) {
                all.append(
                    ServerSpec(
                        name: server, cluster: cluster, routes: servers(place).filter { $0 != server },
                        gateway: gateway))
            }
        }
        self.init(servers: all)
    }
}

/// Draws one program, on the books of what exists.
struct FuzzGenerator {
    /// What a program does in a wave.
    private enum Mood { case change, traffic, race }

    private let number: Int
    private let topology: Topology
    private var stream: RandomStream
    private var state: FuzzState
    /// The books as of the action that is drawn.
    private var draft: FuzzState
    /// Clients of servers that the faults of this wave end.
    private var doomed: [String] = []
    private var clientCount = 0
    private var labelCount = 0
    private var boxCount = 0
    /// How readily subscriptions join a queue group; programs differ in it.
    private var groupShare = 0.0

    init(seed: UInt64, index: Int, number: Int, _ topology: Topology) {
        self.number = number
        self.topology = topology
        stream = RandomStream(
            seed: seed, purpose: .fuzzProgram, replication: 0, entity: UInt64(index) << 16 | UInt64(number))
        state = FuzzState(topology, clients: [])
        draft = state
        groupShare = [0.15, 0.5, 0.85][stream.integer(below: 3)]
    }

    mutating func program(_ faults: [[Action]]) -> FuzzProgram {
        let clients = (0..<3 + stream.integer(below: 3)).map { _ in client() }
        state = FuzzState(topology, clients: clients)
        var waves: [[Action]] = []
        var first = 0
        for wave in faults.indices {
            let actions = actions(wave, faults[wave])
            waves.append(actions)
            let split = FuzzBatch.roundsBeforeFaults
            let all = actions.prefix(split) + faults[wave] + actions.dropFirst(split)
            first += state.run(Array(all), topology, first: first).messages.count
        }
        return FuzzProgram(number: number, clients: clients, waves: waves)
    }

    private mutating func actions(_ wave: Int, _ faults: [Action]) -> [Action] {
        draft = state
        let mood = mood(wave, hasFault: !faults.isEmpty)
        let dying = faults.compactMap { fault -> String? in
            switch fault {
            case .kill(let server), .stop(let server): server
            default: nil
            }
        }
        doomed = state.clients.filter { dying.contains($0.server) }.map(\.name)
        let wanted = wave == 0 ? 6 + stream.integer(below: 5) : 2 + stream.integer(below: 4)
        var actions: [Action] = []
        for _ in 0..<wanted {
            if actions.count == FuzzBatch.roundsBeforeFaults { for fault in faults { draft.apply(fault) } }
            // From here on, the faults have come or are about to: only clients that live through them act.
            let isLate = actions.count >= FuzzBatch.roundsBeforeFaults
            let action: Action?
            switch mood {
            case .change: action = change(isFirst: wave == 0, dying)
            case .traffic: action = traffic(isLate: isLate)
            case .race: action = stream.chance(0.6) ? traffic(isLate: isLate) : change(isFirst: false, dying)
            }
            guard let action else { continue }
            draft.apply(action)
            actions.append(action)
        }
        return actions
    }

    private mutating func mood(_ wave: Int, hasFault: Bool) -> Mood {
        if wave == 0 { return .change }
        if hasFault { return stream.chance(0.45) ? .traffic : .change }
        let isEven = wave % 2 == 0
        switch stream.weighted(isEven ? [13, 6, 1] : [1, 16, 3]) {
        case 0: return .change
        case 1: return .traffic
        default: return .race
        }
    }

    /// A client on one of the running servers that stay.
    private mutating func client(avoiding dying: [String] = []) -> ClientSpec {
        let servers = state.servers.filter { !dying.contains($0) }
        let server = servers.isEmpty ? state.servers[0] : servers[stream.integer(below: servers.count)]
        clientCount += 1
        let isBare = stream.chance(0.1)
        return ClientSpec(
            name: "p\(number)c\(clientCount - 1)", server: server, echo: !stream.chance(0.2), headers: !isBare,
            noResponders: !isBare && !stream.chance(0.05))
    }

    /// A client that acts: one that this wave's faults leave alone, unless there is time before they strike.
    private mutating func actor(isLate: Bool) -> ClientSpec? {
        stream.pick(draft.clients.filter { !isLate || !doomed.contains($0.name) })
    }

    private mutating func change(isFirst: Bool, _ dying: [String]) -> Action? {
        let isSparse = draft.clients.count < 3
        switch isFirst ? 4 : stream.weighted([isSparse ? 20 : 3, isSparse ? 0 : 1, 8, 4, 10]) {
        case 0:
            let hasRoom = draft.clients.count < 6 && draft.servers.contains { !dying.contains($0) }
            return hasRoom && clientCount < 12 ? .connect(client(avoiding: dying)) : nil
        case 1:
            let candidates = draft.clients.filter { !doomed.contains($0.name) }
            return stream.pick(candidates).map { .disconnect(client: $0.name) }
        case 2:
            let candidates = draft.subscriptions.filter { $0.maximum == nil && !doomed.contains($0.client) }
            return stream.pick(candidates).map { .unsubscribe(client: $0.client, label: $0.label, maximum: nil) }
        case 3: return limit()
        default: return subscribe()
        }
    }

    /// Ends a subscription after so many messages; only where their number does not hang on chance.
    private mutating func limit() -> Action? {
        let candidates = draft.subscriptions.filter {
            $0.queue == nil && $0.isCountCertain && $0.maximum == nil && !doomed.contains($0.client)
                && !matchesBoxes($0.pattern)
        }
        guard let chosen = stream.pick(candidates) else { return nil }
        let more = 1 + stream.integer(below: 3)
        return .unsubscribe(client: chosen.client, label: chosen.label, maximum: chosen.delivered + more)
    }

    private func matchesBoxes(_ pattern: [Substring]) -> Bool {
        FuzzSubject.matches(pattern, FuzzSubject.tokens("p\(number).box.0"))
    }

    private static let patterns = ["a", "b", "a.b", "b.c", "*", "a.*", "*.b", "a.>", ">", "*.*", "a.b.c", "a.*.c"]
    private static let groupPatterns = ["a", "a", "*", "a.b", "a.b", "a.*", "a.>"]
    private static let services = ["svc", "svc.x", "svc.*", "svc.>"]
    private static let boxes = ["box.*", "box.>", ">", "*.*", "box.0"]

    private mutating func subscribe() -> Action? {
        guard let holder = stream.pick(draft.clients.filter { !doomed.contains($0.name) }) else { return nil }
        labelCount += 1
        var subscribe = Subscribe(client: holder.name, subject: "", label: "s\(labelCount - 1)")
        switch stream.weighted([9, 5, 1]) {
        case 0:
            let isMember = stream.chance(groupShare)
            subscribe.subject = pick(isMember ? Self.groupPatterns : Self.patterns)
            if isMember { subscribe.queue = stream.chance(0.8) ? "q0" : "q1" }
        case 1:
            subscribe.subject = pick(Self.services)
            subscribe.answers = !stream.chance(0.15)
            if stream.chance(0.5) { subscribe.queue = "w" }
        default: subscribe.subject = pick(Self.boxes)
        }
        let isForBoxes = matchesBoxes(FuzzSubject.tokens(subscribe.subject))
        // Which cluster's member gets an answer to a group hangs on the age of subscriptions.
        if isForBoxes { subscribe.queue = nil }
        if subscribe.queue == nil && !isForBoxes && stream.chance(0.1) {
            subscribe.maximum = 1 + stream.integer(below: 4)
        }
        return .subscribe(subscribe)
    }

    private mutating func pick(_ names: [String]) -> String {
        "p\(number).\(names[stream.integer(below: names.count)])"
    }

    private static let subjects = ["a", "a", "a.b", "a.b", "b.c", "a.c", "b.b", "a.b.c", "c"]
    private static let odd = ["a..b", "a.", "none.at.all"]

    private mutating func traffic(isLate: Bool) -> Action? {
        guard let publisher = actor(isLate: isLate) else { return nil }
        var publish = PublishAction(client: publisher.name, subject: "")
        let kind = stream.weighted([12, 5, 3, 1, 1])
        switch kind {
        case 0: publish.subject = pick(Self.subjects)
        case 1, 2: publish.subject = pick(["svc", "svc.x", "svc.y", "svc.x.y"])
        case 3: publish.subject = pick(["lost", "svc.none.at.all"])
        default: publish.subject = pick(Self.odd)
        }
        publish.times = 1 + stream.weighted([6, 3, 2, 1])
        publish.hasHeaders = publisher.headers && stream.chance(0.12)
        if kind == 1 || kind == 3 { publish.isRequest = true }
        if kind == 2 {
            publish.reply = "p\(number).box.\(boxCount)"
            boxCount += 1
        }
        return .publish(publish)
    }
}
