import RandomVariates

/// Random programs that share a topology and a schedule of faults, so that starting servers is paid once for many.
///
/// Each program has clients, subjects (`p<k>.`) and subscription labels of its own; nothing that one does can be seen
/// by another. A batch runs in waves: in each, the actions of all programs are performed without waiting, and then
/// everything settles. A batch is a function of its seed, its index and the number of programs, and program k does
/// not depend on how many programs stand beside it.
public struct FuzzBatch: Hashable, Sendable {
    public var seed: UInt64
    public var index: Int
    public var topology: Topology
    /// What happens to servers, by wave.
    public var faults: [[Action]]
    public var programs: [FuzzProgram]

    public init(seed: UInt64, index: Int, topology: Topology, faults: [[Action]], programs: [FuzzProgram]) {
        self.seed = seed
        self.index = index
        self.topology = topology
        self.faults = faults
        self.programs = programs
    }

    /// The number of waves, that of all programs.
    public var waveCount: Int { faults.count }

    /// How many actions of each program come before the faults of a wave; the others come after them.
    static let roundsBeforeFaults = 2

    /// The actions of a wave in the order of performing: programs take turns, and faults fall in between.
    func schedule(_ wave: Int) -> [Turn] {
        let perProgram = programs.map { $0.waves[wave] }
        let rounds = perProgram.map(\.count).max() ?? 0
        func turns(_ range: Range<Int>) -> [Turn] {
            range.flatMap { round in
                perProgram.indices.filter { round < perProgram[$0].count }.map { position in
                    Turn(program: position, action: perProgram[position][round])
                }
            }
        }
        let first = min(rounds, Self.roundsBeforeFaults)
        return turns(0..<first) + faults[wave].map { Turn(program: nil, action: $0) } + turns(first..<rounds)
    }

    /// What one program sees of a wave, in the same order.
    func actions(of position: Int, wave: Int) -> [Action] {
        let own = programs[position].waves[wave]
        return own.prefix(Self.roundsBeforeFaults) + faults[wave] + own.dropFirst(Self.roundsBeforeFaults)
    }

    /// An action with the position of the program that it belongs to; `nil` for faults.
    struct Turn: Hashable, Sendable {
        var program: Int?
        var action: Action
    }

    /// The batch with one of its programs only, the schedule of faults unchanged.
    public func alone(_ position: Int) -> FuzzBatch {
        var copy = self
        copy.programs = [programs[position]]
        return copy
    }
}

/// What the clients of one program do.
public struct FuzzProgram: Hashable, Sendable {
    /// Names its clients (`p<number>c0`) and its subjects (`p<number>.`).
    public var number: Int
    /// Clients that are connected before the first wave.
    public var clients: [ClientSpec]
    /// Actions by wave.
    public var waves: [[Action]]

    public init(number: Int, clients: [ClientSpec], waves: [[Action]]) {
        self.number = number
        self.clients = clients
        self.waves = waves
    }

    var prefix: String { "p\(number)." }
}

extension Purpose {
    /// The topology and the faults of a batch; the entity is its index.
    static var fuzzTopology: Purpose { Purpose(rawValue: 1792) }
    /// The actions of a program; the entity is (batch 32 bits, program 16 bits).
    static var fuzzProgram: Purpose { Purpose(rawValue: 1793) }
}

extension RandomStream {
    /// Whether something of this probability happens.
    mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// One of the elements, each equally likely; `nil` of none.
    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[integer(below: elements.count)]
    }

    /// An index, drawn in proportion to the weights.
    mutating func weighted(_ weights: [Int]) -> Int {
        var rest = integer(below: weights.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            if rest < weight { return index }
            rest -= weight
        }
        preconditionFailure("the draw is below the sum of the weights")
    }
}

extension FuzzBatch: CustomStringConvertible {
    /// One line for each server, fault and action; equal batches have equal texts.
    public var description: String {
        var lines = ["batch \(index) of seed \(seed)"]
        for server in topology.servers {
            let gateway = server.gateway.map { gateway in
                " gateway \(gateway.name) to [\(gateway.remotes.map(\.name).joined(separator: " "))]"
            }
            lines.append("server \(server.name) in \(server.cluster)\(gateway ?? "")")
        }
        for wave in 0..<waveCount {
            for fault in faults[wave] { lines.append("wave \(wave): \(fault.fuzzText)") }
        }
        for program in programs {
            for client in program.clients { lines.append("p\(program.number): \(Action.connect(client).fuzzText)") }
            for (wave, actions) in program.waves.enumerated() {
                for action in actions { lines.append("p\(program.number) wave \(wave): \(action.fuzzText)") }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Action {
    /// The action as one line of a report.
    var fuzzText: String {
        switch self {
        case .connect(let client):
            var text = "connect \(client.name) to \(client.server)"
            if !client.echo { text += ", echo off" }
            if !client.headers { text += ", no headers" }
            if !client.noResponders { text += ", no 503" }
            return text
        case .disconnect(let client): return "disconnect \(client)"
        case .subscribe(let subscribe):
            var text = "subscribe \(subscribe.client) to \(subscribe.subject) as \(subscribe.label)"
            if let queue = subscribe.queue { text += " in \(queue)" }
            if subscribe.answers { text += ", answers" }
            if let maximum = subscribe.maximum { text += ", at most \(maximum)" }
            return text
        case .unsubscribe(let client, let label, let maximum):
            return "unsubscribe \(client) from \(label)" + (maximum.map { " after \($0)" } ?? "")
        case .publish(let publish):
            var text = "\(publish.isRequest ? "request" : "publish") \(publish.client) to \(publish.subject)"
            if let reply = publish.reply { text += " reply \(reply)" }
            if publish.hasHeaders { text += " with headers" }
            return publish.times == 1 ? text : text + " \(publish.times) times"
        case .kill(let server): return "kill \(server)"
        case .stop(let server): return "stop \(server)"
        case .lameDuck(let server): return "lame-duck \(server)"
        case .start(let server): return "start \(server)"
        case .cut(let from, let to, let bothWays): return "cut \(from) \(bothWays ? "-" : "->") \(to)"
        case .heal(let from, let to, let bothWays): return "heal \(from) \(bothWays ? "-" : "->") \(to)"
        }
    }
}
