/// A place where two runs of a batch differ by more than chance and races allow.
public struct FuzzDisagreement: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// Copies of a message, answers or 503s of a settled wave.
        case copies
        /// A message that raced something came more often than it may, or where it may not.
        case bounds
        /// A queue group did not get a message exactly once.
        case group
        /// Another cluster served the group.
        case cluster
        /// Messages of one publisher overtook each other on one subscription.
        case order
        /// Something arrived after its wave had settled.
        case late
        /// A message arrived with another subject, reply or headers than it was to have.
        case content
        /// Both runs agree, and the arithmetic does not.
        case arithmetic
    }

    public var kind: Kind
    /// Where the program stands in its batch.
    public var program: Int
    public var wave: Int
    public var text: String

    public var description: String { "wave \(wave): \(kind.rawValue): \(text)" }
}

/// What became of one program in two runs.
public struct FuzzVerdict: Hashable, Sendable {
    /// At most this many disagreements of a program are kept.
    public static let kept = 20

    /// Where the two runs differ in what may not differ.
    public var disagreements: [FuzzDisagreement] = []
    /// Differences from the arithmetic that both runs share.
    public var oddities: [FuzzDisagreement] = []
    /// Pairs of a message and a subscription (or a queue group) that could have had a copy.
    public var pairs = 0
    /// Those of them of which the number of copies, and the cluster, must be the same in every run.
    public var exactPairs = 0
    /// Choices of members that each run made, for the test of shares.
    public var modelChoices = FuzzChoices()
    /// Which members the servers chose.
    public var realChoices = FuzzChoices()

    public init() {}

    fileprivate mutating func add(_ kind: FuzzDisagreement.Kind, _ program: Int, _ wave: Int, _ text: String) {
        let found = FuzzDisagreement(kind: kind, program: program, wave: wave, text: text)
        if kind == .arithmetic {
            if oddities.count < Self.kept { oddities.append(found) }
        } else if disagreements.count < Self.kept {
            disagreements.append(found)
        }
    }
}

/// What one run delivered of the messages of one wave of one program, sorted into what is compared.
private struct Observation {
    var plain: [FuzzKey: Int] = [:]
    var groups: [FuzzGroupKey: [FuzzReceiver]] = [:]
    /// Messages that reached each plain or queue subscription, in order.
    var sequences: [FuzzReceiver: [Int]] = [:]
    var oddContents: [String] = []
    var late: [String] = []
}

extension FuzzBatch {
    /// Compares what two back ends made of one program.
    public func compare(program position: Int, model: FuzzRun, real: FuzzRun) -> FuzzVerdict {
        let forecast = FuzzForecast(self, position)
        precondition(forecast.problems.isEmpty, "only batches that can be performed are compared")
        let left = observe(forecast, model.receptions[position])
        let right = observe(forecast, real.receptions[position])
        var verdict = FuzzVerdict()
        for wave in 0..<waveCount {
            let sides = (left[wave], right[wave])
            comparePlain(forecast.waves[wave], sides, wave, position, &verdict)
            compareGroups(forecast, sides, wave, position, &verdict)
            for (name, side) in [("model", sides.0), ("server", sides.1)] {
                for text in side.late { verdict.add(.late, position, wave, "\(name): \(text)") }
                for text in side.oddContents { verdict.add(.content, position, wave, "\(name): \(text)") }
                for receiver in side.sequences.keys.sorted() {
                    let sequence = side.sequences[receiver, default: []]
                    guard let overtaken = FuzzOrder.overtaken(sequence, forecast.waves[wave].messages) else { continue }
                    verdict.add(.order, position, wave, "\(name): \(receiver) got message \(overtaken) too late")
                }
            }
        }
        return verdict
    }

    /// Sorts a program's receptions by the wave in which their messages were published.
    private func observe(_ forecast: FuzzForecast, _ waves: [[Reception]]) -> [Observation] {
        var sorted = forecast.waves.map { _ in Observation() }
        let messages = forecast.waves.flatMap(\.messages)
        let waveOf = forecast.waves.enumerated().flatMap { wave, expectation in expectation.messages.map { _ in wave } }
        for (wave, receptions) in waves.enumerated() {
            for reception in receptions {
                let number = reception.content.message.rawValue
                let sentIn = waveOf[number]
                if sentIn != wave { sorted[sentIn].late.append("\(reception.fuzzText) in wave \(wave)") }
                sorted[sentIn].add(reception, messages[number], forecast, forecast.waves[sentIn])
            }
        }
        return sorted
    }

    private func comparePlain(
        _ expectation: FuzzExpectation, _ sides: (Observation, Observation), _ wave: Int, _ position: Int,
        _ verdict: inout FuzzVerdict
    ) {
        let keys = Set(expectation.plain.keys).union(sides.0.plain.keys).union(sides.1.plain.keys).sorted()
        for key in keys {
            let range = expectation.plain[key] ?? 0...0
            let isExact = range.lowerBound == range.upperBound
            if range.upperBound > 0 { verdict.pairs += 1 }
            if range.upperBound > 0 && isExact { verdict.exactPairs += 1 }
            let (model, real) = (sides.0.plain[key, default: 0], sides.1.plain[key, default: 0])
            if isExact {
                if model == real && model == range.lowerBound { continue }
                verdict.add(
                    model == real ? .arithmetic : .copies, position, wave,
                    "\(key.fuzzText): model \(model), server \(real), arithmetic \(range.lowerBound)")
            } else if !range.contains(model) || !range.contains(real) {
                let text = "\(key.fuzzText): model \(model), server \(real), allowed \(range.lowerBound) to"
                verdict.add(.bounds, position, wave, "\(text) \(range.upperBound)")
            }
        }
        for receiver in expectation.totals.keys.sorted() {
            func total(_ side: Observation) -> Int {
                side.plain.filter { $0.key.receiver == receiver && $0.key.kind == .message }.values.reduce(0, +)
            }
            let (model, real) = (total(sides.0), total(sides.1))
            let wanted = expectation.totals[receiver, default: 0]
            if model == real && model == wanted { continue }
            verdict.add(
                model == real ? .arithmetic : .copies, position, wave,
                "\(receiver) in all: model \(model), server \(real), arithmetic \(wanted)")
        }
    }

    private func compareGroups(
        _ forecast: FuzzForecast, _ sides: (Observation, Observation), _ wave: Int, _ position: Int,
        _ verdict: inout FuzzVerdict
    ) {
        let expectation = forecast.waves[wave]
        let places = forecast.clusters
        let keys = Set(expectation.groups.keys).union(sides.0.groups.keys).union(sides.1.groups.keys).sorted()
        for key in keys {
            let group = expectation.groups[key]
            let range = group?.copies ?? 0...0
            let isExact = range.lowerBound == range.upperBound
            let (model, real) = (sides.0.groups[key, default: []], sides.1.groups[key, default: []])
            func serving(_ receivers: [FuzzReceiver]) -> [String] {
                receivers.map { places[$0.client] ?? "" }.sorted()
            }
            let isClusterExact = (group?.clusters.count ?? 0) <= 1
            if range.upperBound > 0 { verdict.pairs += 1 }
            if range.upperBound > 0 && isExact && isClusterExact { verdict.exactPairs += 1 }
            let name = "message \(key.message) for group \(key.queue)"
            let text = "\(name): model \(model), server \(real), arithmetic \(range) of \(group?.clusters ?? [])"
            if isExact && model.count != real.count {
                verdict.add(.group, position, wave, text)
            } else if isExact && isClusterExact && serving(model) != serving(real) {
                verdict.add(.cluster, position, wave, text)
            } else if let group, isExact || !(model.isEmpty && real.isEmpty) {
                let allowed = Set(group.members.map(\.receiver))
                let isSound = { (got: [FuzzReceiver]) in range.contains(got.count) && allowed.isSuperset(of: got) }
                if !isSound(model) || !isSound(real) {
                    let isShared = isExact && !isSound(model) && !isSound(real)
                    verdict.add(isShared ? .arithmetic : isExact ? .group : .bounds, position, wave, text)
                } else if group.isFair {
                    if let got = model.first { verdict.modelChoices.add(group, got) }
                    if let got = real.first { verdict.realChoices.add(group, got) }
                }
            } else if group == nil && !model.isEmpty {
                verdict.add(.arithmetic, position, wave, text)
            }
        }
    }
}

extension Observation {
    mutating func add(
        _ reception: Reception, _ message: FuzzMessage, _ forecast: FuzzForecast, _ wave: FuzzExpectation
    ) {
        let receiver = FuzzReceiver(client: reception.client, label: reception.label)
        let queue = forecast.queues[receiver]
        let number = message.number
        switch reception.content {
        case .message:
            if let queue {
                let key = FuzzGroupKey(message: number, queue: queue)
                groups[key, default: []].append(receiver)
                // A server that finds its member gone passes the message on, and later ones overtake it.
                if wave.groups[key]?.copies == 1...1 { sequences[receiver, default: []].append(number) }
            } else {
                if !wave.passedOn.contains(number) { sequences[receiver, default: []].append(number) }
                plain[FuzzKey(message: number, receiver: receiver, kind: .message), default: 0] += 1
            }
            checkContent(reception, message, isBare: forecast.bare.contains(reception.client))
        case .answer(_, let responder):
            // Which cluster's member gets an answer hangs on the age of subscriptions; such answers are not compared.
            if queue != nil { return }
            let name = wave.anonymous.contains(number) ? "" : responder
            plain[FuzzKey(message: number, receiver: receiver, kind: .answer(name)), default: 0] += 1
            if let reply = message.publish.reply, reception.subject != reply {
                oddContents.append("\(reception.fuzzText) came as \(reception.subject), not \(reply)")
            }
        case .noResponders:
            plain[FuzzKey(message: number, receiver: receiver, kind: .noResponders), default: 0] += 1
        }
    }

    private mutating func checkContent(_ reception: Reception, _ message: FuzzMessage, isBare: Bool) {
        let publish = message.publish
        if reception.subject != publish.subject {
            oddContents.append("\(reception.fuzzText) came as \(reception.subject), not \(publish.subject)")
        }
        let reply = reception.reply ?? "none"
        let isReplyRight =
            publish.isRequest ? reception.reply != nil && !reply.hasPrefix("_GR_") : reception.reply == publish.reply
        if !isReplyRight {
            let wanted = publish.isRequest ? "the inbox" : publish.reply ?? "none"
            oddContents.append("\(reception.fuzzText) came with reply \(reply), not \(wanted)")
        }
        if reception.hasHeaders != (publish.hasHeaders && !isBare) {
            oddContents.append("\(reception.fuzzText) came \(reception.hasHeaders ? "with" : "without") headers")
        }
    }
}

enum FuzzOrder {
    /// The first message on a subscription that came after a later one of the same publisher.
    static func overtaken(_ sequence: [Int], _ messages: [FuzzMessage]) -> Int? {
        guard let first = messages.first?.number else { return nil }
        var latest: [String: Int] = [:]
        for number in sequence {
            let publisher = messages[number - first].publisher.name
            if let previous = latest[publisher], previous > number { return number }
            latest[publisher] = number
        }
        return nil
    }
}

extension Reception {
    fileprivate var fuzzText: String {
        switch content {
        case .message(let number): "message \(number.rawValue) at \(client)/\(label)"
        case .answer(let number, let responder):
            "answer of \(responder) to message \(number.rawValue) at \(client)/\(label)"
        case .noResponders(let number): "503 for message \(number.rawValue) at \(client)/\(label)"
        }
    }
}

extension FuzzKey {
    fileprivate var fuzzText: String {
        switch kind {
        case .message: "message \(message) at \(receiver)"
        case .answer(""): "answers to message \(message) at \(receiver)"
        case .answer(let responder): "answers of \(responder) to message \(message) at \(receiver)"
        case .noResponders: "503s for message \(message) at \(receiver)"
        }
    }
}
