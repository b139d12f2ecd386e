import EventKernel
import Network
import Scenario

/// Writes steps, leaving out what `CaseStepReader` would supply.
enum CaseStepWriter {
    private typealias Entries = [(key: String, value: CaseYAML)]

    static func step(_ kind: Step.Kind) -> CaseYAML {
        switch kind {
        case .wait(let length): .map([("wait", duration(length))])
        case .check(let check, let within):
            .map([("check", self.check(check))] + (within == .seconds(5) ? [] : [("within", duration(within))]))
        case .steer(let question): .map(steer(question))
        case .together(let actions, let expectation): block(actions, expectation)
        }
    }

    /// One action, or one that several do alike, stands alone; others stand in a block.
    private static func block(_ actions: [Action], _ expectation: Expectation) -> CaseYAML {
        let hasRequests = actions.contains { action in
            if case .publish(let publish) = action { publish.isRequest } else { false }
        }
        let outcome = self.outcome(expectation, hasRequests: hasRequests)
        if let step = alike(actions), !outcome.contains(where: { $0.key == "answers" && !takesAnswers(step) }) {
            return .map(step + outcome)
        }
        return .map([("together", .list(actions.map { .map(entries($0)) }))] + outcome)
    }

    private static func takesAnswers(_ step: Entries) -> Bool {
        step[0].key != CaseVerb.subscribe.rawValue && step[0].key != CaseVerb.publish.rawValue
    }

    /// The entries of a step that stands for all of these actions; `nil` if none can.
    private static func alike(_ actions: [Action]) -> Entries? {
        guard let first = actions.first else { return nil }
        if actions.count == 1 { return entries(first) }
        let all = actions.map(entries)
        // The first entry is the verb with who does it; the others must be the same.
        let rest = CaseYAML.map(Array(all[0].dropFirst())).flow
        let isAlike = all.allSatisfy { $0[0].key == all[0][0].key && CaseYAML.map(Array($0.dropFirst())).flow == rest }
        guard isAlike, all[0][0].key != "cut", all[0][0].key != "heal" else { return nil }
        if all[0][0].key == "connect" {
            let clients = actions.compactMap { if case .connect(let client) = $0 { client } else { nil } }
            guard Set(clients.map(\.name)).count == clients.count else { return nil }
            return [("connect", .map(clients.map { ($0.name, CaseWriter.client($0)) }))]
        }
        let names = all.map { $0[0].value.flow }
        guard Set(names).count == names.count else { return nil }
        return [(all[0][0].key, .list(all.map { $0[0].value }))] + all[0].dropFirst()
    }

    private static func entries(_ action: Action) -> Entries {
        switch action {
        case .connect(let client): return [("connect", .map([(client.name, CaseWriter.client(client))]))]
        case .disconnect(let client): return [("disconnect", .text(client))]
        case .subscribe(let subscribe): return entries(subscribe)
        case .unsubscribe(let client, let label, let maximum):
            return [("unsubscribe", .text(client)), ("from", .text(label))]
                + (maximum.map { [("after", .number($0))] } ?? [])
        case .publish(let publish): return entries(publish)
        case .kill(let server): return [("kill", .text(server))]
        case .stop(let server): return [("stop", .text(server))]
        case .lameDuck(let server): return [("lame-duck", .text(server))]
        case .start(let server): return [("start", .text(server))]
        case .cut(let from, let to, let both): return [("cut", .text(places(from, to, both)))]
        case .heal(let from, let to, let both): return [("heal", .text(places(from, to, both)))]
        }
    }

    private static func places(_ from: String, _ to: String, _ bothWays: Bool) -> String {
        bothWays ? "\(from) \(to)" : "\(from) -> \(to)"
    }

    private static func entries(_ subscribe: Subscribe) -> Entries {
        var entries: Entries = [("subscribe", .text(subscribe.client)), ("to", .text(subscribe.subject))]
        if let queue = subscribe.queue { entries.append(("queue", .text(queue))) }
        if subscribe.label != subscribe.subject { entries.append(("as", .text(subscribe.label))) }
        if let maximum = subscribe.maximum { entries.append(("max", .number(maximum))) }
        if subscribe.answers { entries.append(("answers", .raw("true"))) }
        if let reply = subscribe.answersWithReply { entries.append(("answer-reply", .text(reply))) }
        return entries
    }

    private static func entries(_ publish: PublishAction) -> Entries {
        let verb = publish.isRequest ? CaseVerb.request : .publish
        var entries: Entries = [(verb.rawValue, .text(publish.client)), ("to", .text(publish.subject))]
        if publish.times != 1 { entries.append(("times", .number(publish.times))) }
        if let reply = publish.reply { entries.append(("reply", .text(reply))) }
        if publish.hasHeaders { entries.append(("headers", .raw("true"))) }
        return entries
    }

    private static func outcome(_ expectation: Expectation, hasRequests: Bool) -> Entries {
        var entries: Entries = []
        if let shares = expectation.shares {
            let lines = shares.map { share in
                (key: share.receivers.joined(separator: " | "), value: CaseYAML.raw(copiesText(share.copies)))
            }
            entries.append(("expect", lines.isEmpty ? .raw("nothing") : .map(lines)))
        }
        let usualAnswers = expectation.shares != nil && hasRequests ? 0...0 : nil
        let writesAnswers = expectation.answers != usualAnswers
        if writesAnswers { entries.append(("answers", .raw(expectation.answers.map(copiesText) ?? "any"))) }
        let usualNoResponders = expectation.shares != nil || writesAnswers ? 0 : nil
        if expectation.noResponders != usualNoResponders {
            entries.append(("no-responders", .raw(expectation.noResponders.map { "\($0)" } ?? "any")))
        }
        if let crossings = expectation.crossings { entries.append(("crossings", .raw(copiesText(crossings)))) }
        if !expectation.inOrder { entries.append(("ordered", .raw("false"))) }
        return entries
    }

    private static func check(_ check: StateCheck) -> CaseYAML {
        var entries: Entries = []
        for (key, lists) in [("gateways", check.gateways), ("routes", check.routes)] where !lists.isEmpty {
            let lines = lists.sorted { $0.key < $1.key }.map { server, names in
                (key: server, value: CaseYAML.list(names.map(CaseYAML.text)))
            }
            entries.append((key, .map(lines)))
        }
        if !check.inbound.isEmpty {
            let lines = check.inbound.sorted { $0.key < $1.key }.map { (key: $0.key, value: CaseYAML.number($0.value)) }
            entries.append(("inbound", .map(lines)))
        }
        return .map(entries)
    }

    private static func steer(_ question: SteeringQuestion) -> Entries {
        var entries: Entries = [
            ("mode", .raw(question.mode.rawValue)), ("region", .text(question.region)),
            ("round-trips", .map(question.sites.map { ($0.name, duration($0.roundTrip)) })),
        ]
        if !question.down.isEmpty { entries.append(("down", .list(question.down.map(CaseYAML.text)))) }
        if question.after != SteeringQuestion.settledAfter { entries.append(("after", duration(question.after))) }
        return [("steer", .map(entries)), ("expect", .text(question.expected ?? "nobody"))]
    }

    private static func duration(_ duration: SimDuration) -> CaseYAML {
        .raw(UnitFormat.duration(duration.nanoseconds))
    }
}
