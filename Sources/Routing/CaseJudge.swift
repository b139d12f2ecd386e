/// Which action published which message.
struct MessageTable {
    private struct Batch {
        var first: Int
        var action: PublishAction
    }

    private var batches: [Batch] = []
    private(set) var next = MessageNumber(rawValue: 0)

    /// Gives the action its numbers and returns the first one.
    mutating func add(_ action: Action) -> MessageNumber {
        let first = next
        if case .publish(let publish) = action {
            batches.append(Batch(first: first.rawValue, action: publish))
            next.rawValue += publish.times
        }
        return first
    }

    /// The action that published the message, and which of its messages it is, from 1; `nil`: nobody did.
    func origin(of message: MessageNumber) -> (action: PublishAction, ordinal: Int)? {
        var low = 0
        var high = batches.count
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].first <= message.rawValue { low = middle + 1 } else { high = middle }
        }
        guard low > 0, message.rawValue >= 0 else { return nil }
        let batch = batches[low - 1]
        let ordinal = message.rawValue - batch.first + 1
        return ordinal <= batch.action.times ? (batch.action, ordinal) : nil
    }

    func publisher(of message: MessageNumber) -> String? { origin(of: message)?.action.client }

    /// `ann's message 57 of 100 to orders.new`.
    func name(_ message: MessageNumber) -> String {
        guard let (action, ordinal) = origin(of: message) else { return "message \(message.rawValue) of nobody" }
        let which = action.times == 1 ? "message" : "message \(ordinal) of \(action.times)"
        return "\(action.client)'s \(which) to \(action.subject)"
    }
}

/// Compares what was received at a step with what is expected of it.
///
/// Copies are what subscriptions got, answers included where somebody subscribed to their subject. The inbox of a
/// request counts apart, as `answers`, and so do 503 messages.
struct CaseJudge {
    /// Most examples of one mismatch.
    static let examples = 3

    var messages: MessageTable
    /// The messages that the step published.
    var published: Range<Int>
    var place: String
    var step: String

    func judge(_ expectation: Expectation, _ receptions: [Reception], crossings: Int) -> [Mismatch] {
        var result: [Mismatch] = []
        if let shares = expectation.shares { result += judge(shares, receptions.filter(\.isCopy)) }
        if let answers = expectation.answers {
            result += judge("answers", answers, receptions.filter(\.isAnswerToRequest))
        }
        if let noResponders = expectation.noResponders {
            result += judge("no-responders", noResponders...noResponders, receptions.filter(\.isNoResponders))
        }
        if let expected = expectation.crossings, !expected.contains(crossings) {
            result.append(mismatch("crossings", copiesText(expected), "\(crossings)"))
        }
        guard expectation.shares != nil || expectation.answers != nil || expectation.noResponders != nil else {
            return result
        }
        if expectation.inOrder { result += disorder(receptions) }
        return result + repetitions(receptions) + strayNoResponders(receptions)
    }

    func mismatch(_ subject: String, _ expected: String, _ seen: String, _ examples: [String] = []) -> Mismatch {
        Mismatch(
            place: place, step: step, subject: subject, expected: expected, seen: seen,
            examples: Array(examples.prefix(Self.examples)))
    }
}

extension CaseJudge {
    private func judge(_ subject: String, _ expected: ClosedRange<Int>, _ receptions: [Reception]) -> [Mismatch] {
        if expected.contains(receptions.count) { return [] }
        return [mismatch(subject, copiesText(expected), "\(receptions.count)", describe(receptions))]
    }

    private func judge(_ shares: [Expectation.Share], _ copies: [Reception]) -> [Mismatch] {
        var result: [Mismatch] = []
        for share in shares {
            let own = copies.filter { share.covers($0) }
            if share.copies.contains(own.count) { continue }
            let isShort = own.count < share.copies.lowerBound
            result.append(
                mismatch(
                    share.receivers.joined(separator: " | "), copiesText(share.copies), "\(own.count)",
                    isShort ? missing(from: own) : describe(own)))
        }
        let unlisted = copies.filter { copy in !shares.contains { $0.covers(copy) } }
        for (receiver, count) in Self.counts(unlisted) {
            let own = unlisted.filter { $0.receiver == receiver }
            result.append(mismatch(receiver, "0", "\(count)", describe(own)))
        }
        return result
    }

    /// Copies by `client/label`, sorted by name.
    static func counts(_ receptions: [Reception]) -> [(receiver: String, count: Int)] {
        var counts: [String: Int] = [:]
        for reception in receptions { counts[reception.receiver, default: 0] += 1 }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func describe(_ receptions: [Reception]) -> [String] {
        receptions.prefix(Self.examples).map { reception in
            let reply = reception.reply.map { ", reply \($0)" } ?? ""
            return "\(reception.receiver) got \(describe(reception.content)), as \(reception.subject)\(reply)"
        }
    }

    private func describe(_ content: Reception.Content) -> String {
        switch content {
        case .message(let number): messages.name(number)
        case .answer(let number, let responder): "\(responder)'s answer to \(messages.name(number))"
        case .noResponders(let number): "a 503 for \(messages.name(number))"
        }
    }

    /// Messages of the step that none of the copies is of.
    private func missing(from copies: [Reception]) -> [String] {
        var seen = Set<Int>()
        for copy in copies {
            if case .message(let number) = copy.content { seen.insert(number.rawValue) }
        }
        return published.lazy.filter { !seen.contains($0) }.prefix(Self.examples).map {
            "never got \(messages.name(MessageNumber(rawValue: $0)))"
        }
    }

    /// Messages of one publisher that a subscription saw in another order: one mismatch for each subscription.
    private func disorder(_ receptions: [Reception]) -> [Mismatch] {
        struct Stream: Hashable {
            var receiver: String
            var publisher: String
        }
        var last: [Stream: MessageNumber] = [:]
        var found: [(receiver: String, publisher: String, count: Int, examples: [String])] = []
        for reception in receptions {
            guard case .message(let number) = reception.content, let publisher = messages.publisher(of: number) else {
                continue
            }
            let stream = Stream(receiver: reception.receiver, publisher: publisher)
            if let previous = last[stream], number < previous {
                let example = "\(messages.name(number)) came after \(messages.name(previous))"
                if let index = found.firstIndex(where: { $0.receiver == stream.receiver && $0.publisher == publisher })
                {
                    found[index].count += 1
                    found[index].examples.append(example)
                } else {
                    found.append((stream.receiver, publisher, 1, [example]))
                }
            }
            last[stream] = max(number, last[stream] ?? number)
        }
        return found.map {
            mismatch($0.receiver, "\($0.publisher)'s messages in order", "\($0.count) out of order", $0.examples)
        }
    }

    /// What a subscription got twice: one mismatch for each subscription.
    private func repetitions(_ receptions: [Reception]) -> [Mismatch] {
        struct Copy: Hashable {
            var receiver: String
            var content: Reception.Content
        }
        var seen = Set<Copy>()
        var found: [(receiver: String, examples: [String])] = []
        for reception in receptions {
            let copy = Copy(receiver: reception.receiver, content: reception.content)
            if seen.insert(copy).inserted { continue }
            let example = describe(reception.content)
            if let index = found.firstIndex(where: { $0.receiver == copy.receiver }) {
                found[index].examples.append(example)
            } else {
                found.append((copy.receiver, [example]))
            }
        }
        return found.map {
            mismatch($0.receiver, "nothing twice", "\($0.examples.count) repeated", $0.examples)
        }
    }

    /// A 503 that reached somebody other than the publisher of the message.
    private func strayNoResponders(_ receptions: [Reception]) -> [Mismatch] {
        let strays = receptions.filter { reception in
            guard case .noResponders(let number) = reception.content else { return false }
            return messages.publisher(of: number) != reception.client
        }
        return strays.isEmpty
            ? [] : [mismatch("no-responders", "at the publisher only", "\(strays.count) elsewhere", describe(strays))]
    }
}

extension Expectation.Share {
    /// Whether the copy counts in this line.
    func covers(_ copy: Reception) -> Bool { receivers.contains(copy.client) || receivers.contains(copy.receiver) }
}

extension Reception {
    /// `client/label`.
    var receiver: String { client + "/" + label }

    var isNoResponders: Bool {
        if case .noResponders = content { true } else { false }
    }

    var isAnswerToRequest: Bool {
        if case .answer = content { label == "inbox" } else { false }
    }

    /// Whether it counts under `expect`.
    var isCopy: Bool { !isNoResponders && !isAnswerToRequest }
}
