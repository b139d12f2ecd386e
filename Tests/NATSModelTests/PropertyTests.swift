import EventKernel
import NATSModel
import Testing

private struct Key: Hashable {
    var subject: SubjectID
    var queue: QueueID?
}

/// Everything that was said to a server, kept in the plainest way.
private struct Record {
    struct Local: Hashable {
        var number: Int
        var sid: Int32
        var key: Key
    }

    var open: [(number: Int, kind: ConnectionKind)] = []
    var locals: [Local] = []
    /// What routes and outbound gateways asked for, in order.
    var remote: [(number: Int, key: Key, weight: Int32)] = []

    func kind(_ number: Int) -> ConnectionKind? { open.first { $0.number == number }?.kind }

    /// What a route must have been told.
    var localWeights: [Key: Int32] {
        var weights: [Key: Int32] = [:]
        for local in locals { weights[local.key, default: 0] += 1 }
        for (key, _) in weights where key.queue == nil { weights[key] = 1 }
        return weights
    }

    /// What an inbound gateway must have been told.
    var clusterInterest: Set<Key> {
        Set(locals.map(\.key)).union(remote.filter { kind($0.number) == .route }.map(\.key))
    }

    /// Rebuilds the server, saying everything in another order than it was first said.
    func rebuilt(_ table: SubjectTable, _ random: inout Splitmix) -> Server {
        var server = Server(name: "s", cluster: "c")
        for (number, kind) in open.reversed() { _ = server.opened(number, kind) }
        var steps: [() -> (NATSModel.Operation, Int)] = []
        for local in locals {
            steps.append {
                (.subscribe(sid: local.sid, subject: local.key.subject, queue: local.key.queue), local.number)
            }
        }
        for (number, key, weight) in remote {
            steps.append { (.remoteSubscribe(subject: key.subject, queue: key.queue, weight: weight), number) }
        }
        for last in stride(from: steps.count - 1, to: 0, by: -1) { steps.swapAt(last, random.below(last + 1)) }
        for step in steps {
            let (operation, number) = step()
            _ = server.outputs(of: operation, on: number, table)
        }
        return server
    }

    /// Plain receivers and queue groups with their weights by scanning everything, for a client's message.
    func scanned(_ subject: SubjectID, _ table: SubjectTable) -> ([Forwarding.Local], [QueueID: Int32]) {
        var plain: [Forwarding.Local] = []
        var weights: [QueueID: Int32] = [:]
        for local in locals where table.matches(pattern: local.key.subject, subject: subject) {
            if let queue = local.key.queue {
                weights[queue, default: 0] += 1
            } else {
                plain.append(Forwarding.Local(connection: connection(local.number), sid: local.sid))
            }
        }
        for (number, key, weight) in remote where kind(number) == .route {
            if let queue = key.queue, table.matches(pattern: key.subject, subject: subject) {
                weights[queue, default: 0] += weight
            }
        }
        return (plain.sorted(), weights)
    }
}

extension Record {
    /// Which outbound gateways get a client's message and for which groups, in sending order.
    fileprivate func scannedGateways(
        _ subject: SubjectID, _ table: SubjectTable, served: Set<QueueID>
    ) -> [Forwarding.Gateway] {
        var served = served
        var result: [Forwarding.Gateway] = []
        for number in open.filter({ $0.kind == .outboundGateway }).map(\.number).sorted() {
            let wanted = remote.filter {
                $0.number == number && table.matches(pattern: $0.key.subject, subject: subject)
            }
            let queues = Set(wanted.compactMap(\.key.queue)).subtracting(served)
            let plain = wanted.contains { $0.key.queue == nil }
            served.formUnion(queues)
            if plain || !queues.isEmpty {
                result.append(.init(connection: connection(number), plain: plain, queues: queues.sorted()))
            }
        }
        return result
    }
}

/// A server under random operations, with a cache of forwarding tables kept by `lastChange` as a simulator does,
/// and mirrors of what it told a route and an inbound gateway.
private struct Walk {
    var random: Splitmix
    var table = SubjectTable()
    var server = Server(name: "s", cluster: "c")
    var record = Record()
    var patterns: [SubjectID] = []
    var literals: [SubjectID] = []
    var queues: [QueueID?] = [nil]
    var cache: [SubjectID: [Forwarding]] = [:]
    var cachedEpoch: UInt32 = 0
    var told: [ConnectionID: [Key: Int32]] = [:]
    var kinds = 0

    init(seed: UInt64) {
        random = Splitmix(state: seed)
        for text in [
            "room.1.*", "room.2.*", "room.1.a", "room.1.>", "room.2.b", "room.*.a", ">", "other",
        ] {
            patterns.append(table.intern(text))
        }
        for text in ["room.1.a", "room.1.system", "room.2.a", "room.2.b", "room.3.x", "other"] {
            literals.append(table.intern(text))
        }
        for name in ["q", "r"] { queues.append(table.internQueue(name)) }
    }

    var sources: [SourceKind] {
        [
            .client, .clientWithoutEcho(connection(1)), .gateway(.all),
            .gateway(.listed([QueueID(rawValue: 0)])), .route(.listed([QueueID(rawValue: 1), QueueID(rawValue: 0)])),
        ]
    }

    func fresh(_ subject: SubjectID, by server: Server) -> [Forwarding] {
        sources.map { server.forwarding(of: subject, from: $0, in: table) }
    }

    mutating func step() {
        let key = Key(subject: patterns[random.below(patterns.count)], queue: queues[random.below(queues.count)])
        switch random.below(100) {
        case 0..<8: toggleConnection(1 + random.below(8))
        case 8..<45: subscribe(1 + random.below(3), Int32(random.below(12)), key)
        case 45..<65: unsubscribe(1 + random.below(3), Int32(random.below(12)))
        case 65..<83: say(4 + random.below(4), key, weight: Int32(1 + random.below(3)))
        default: unsay(4 + random.below(4), key)
        }
    }

    /// Connections 1 to 3 are clients, 4 and 5 routes, 6 and 7 outbound gateways, 8 an inbound one.
    private func usualKind(_ number: Int) -> ConnectionKind {
        switch number {
        case 1...3: .client
        case 4...5: .route
        case 6...7: .outboundGateway
        default: .inboundGateway
        }
    }

    private mutating func toggleConnection(_ number: Int) {
        if record.kind(number) != nil {
            hear(server.closed(number, table))
            record.open.removeAll { $0.number == number }
            record.locals.removeAll { $0.number == number }
            record.remote.removeAll { $0.number == number }
            told[connection(number)] = nil
        } else {
            record.open.append((number, usualKind(number)))
            told[connection(number)] = [:]
            hear(server.opened(number, usualKind(number)))
        }
    }

    private mutating func subscribe(_ number: Int, _ sid: Int32, _ key: Key) {
        hear(server.outputs(of: .subscribe(sid: sid, subject: key.subject, queue: key.queue), on: number, table))
        let isNew = !record.locals.contains { $0.number == number && $0.sid == sid }
        if record.kind(number) != nil && isNew {
            record.locals.append(Record.Local(number: number, sid: sid, key: key))
        }
    }

    private mutating func unsubscribe(_ number: Int, _ sid: Int32) {
        hear(server.outputs(of: .unsubscribe(sid: sid, maximum: nil), on: number, table))
        record.locals.removeAll { $0.number == number && $0.sid == sid }
    }

    private mutating func say(_ number: Int, _ key: Key, weight: Int32) {
        let weight = usualKind(number) == .route && key.queue != nil ? weight : 1
        hear(
            server.outputs(
                of: .remoteSubscribe(subject: key.subject, queue: key.queue, weight: weight), on: number, table))
        if record.kind(number) == nil { return }
        record.remote.removeAll { $0.number == number && $0.key == key }
        record.remote.append((number, key, weight))
    }

    private mutating func unsay(_ number: Int, _ key: Key) {
        hear(server.outputs(of: .remoteUnsubscribe(subject: key.subject, queue: key.queue), on: number, table))
        record.remote.removeAll { $0.number == number && $0.key == key }
    }

    /// Applies what the server wrote to the mirrors of its listeners.
    private mutating func hear(_ outputs: [Output]) {
        for output in outputs {
            switch output.operation {
            case .remoteSubscribe(let subject, let queue, let weight):
                told[output.connection]?[Key(subject: subject, queue: queue)] = weight
            case .remoteUnsubscribe(let subject, let queue):
                told[output.connection]?[Key(subject: subject, queue: queue)] = nil
            default: break
            }
        }
        switch server.lastChange {
        case .nothing: kinds |= 1
        case .subject(let pattern):
            kinds |= 2
            let scope = table.tokens(of: pattern).prefix(2)
            for literal in literals where table.tokens(of: literal).starts(with: scope) { cache[literal] = nil }
        case .everything: kinds |= 4
        }
        if server.epoch != cachedEpoch { cache = [:] }
        cachedEpoch = server.epoch
    }
}

@Suite struct PropertyTests {
    /// After each of 5,000 random operations the tables cached by `lastChange` and `epoch` equal fresh ones, and
    /// these equal the tables of a server rebuilt from what is in force, said in another order.
    @Test func cachedTablesEqualThoseOfAServerBuiltAfresh() {
        var walk = Walk(seed: 4_100)
        var targets = 0
        for step in 0..<5_000 {
            walk.step()
            let rebuilt = walk.record.rebuilt(walk.table, &walk.random)
            for literal in walk.literals {
                let fresh = walk.fresh(literal, by: walk.server)
                let cached = walk.cache[literal] ?? fresh
                walk.cache[literal] = cached
                guard cached == fresh, fresh == walk.fresh(literal, by: rebuilt) else {
                    Issue.record("step \(step), subject \(walk.table.name(of: literal))")
                    return
                }
                targets += fresh[0].locals.count + fresh[0].groups.count + fresh[0].gateways.count
            }
        }
        #expect(targets > 50_000)
        #expect(walk.kinds == 7)
    }

    /// The same walk against plain scans of everything said: receivers, groups, and what listeners were told.
    @Test func tablesAndAnnouncementsEqualAPlainScan() {
        var walk = Walk(seed: 4_200)
        var compared = 0
        for step in 0..<5_000 {
            walk.step()
            for literal in walk.literals {
                let found = walk.server.forwarding(of: literal, from: .client, in: walk.table)
                let (plain, weights) = walk.record.scanned(literal, walk.table)
                let groups = Dictionary(uniqueKeysWithValues: found.groups.map { ($0.queue, $0.weight) })
                let gateways = walk.record.scannedGateways(literal, walk.table, served: Set(weights.keys))
                guard found.locals == plain, groups == weights, found.gateways == gateways else {
                    Issue.record("step \(step), subject \(walk.table.name(of: literal))")
                    return
                }
            }
            for (number, kind) in walk.record.open where kind == .route {
                #expect(walk.told[connection(number)] == walk.record.localWeights, "step \(step)")
                compared += 1
            }
            for (number, kind) in walk.record.open where kind == .inboundGateway {
                #expect(
                    walk.told[connection(number)].map { Set($0.keys) } == walk.record.clusterInterest, "step \(step)")
                compared += 1
            }
        }
        #expect(compared > 5_000)
    }

    /// A server that forgets everything holds nothing: two walks end with the same empty tables.
    @Test func closingEverythingLeavesNothing() {
        var walk = Walk(seed: 4_300)
        for _ in 0..<2_000 { walk.step() }
        for (number, _) in walk.record.open { _ = walk.server.closed(number, walk.table) }
        for literal in walk.literals {
            #expect(walk.server.forwarding(of: literal, from: .client, in: walk.table).isEmpty)
        }
        #expect(walk.server.opened(9, .inboundGateway).count == 2)
    }
}
