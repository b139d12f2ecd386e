import EventKernel
import NATSModel

@testable import Routing

/// A back end that notes what it is told and answers from a script.
struct ScriptedBackend: RoutingBackend {
    /// What is handed out after a settling, in order; nothing once it is used up.
    struct Yield {
        var receptions: [Reception] = []
        var crossings = 0
    }

    enum Call: Equatable {
        case boot, settle, shutDown
        case perform(Action, Int)
        case wait(SimDuration)
        case hold(within: SimDuration)
    }

    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    var name = "scripted"
    var version = ServerVersion.v2_9_10
    /// For each step with actions.
    var script: [Yield] = []
    var differences: [StateDifference] = []
    /// The call, counted from 0, that fails.
    var failsAt: Int?
    var calls: [Call] = []
    private var settled = -1
    private var current = Yield()

    init(_ script: [[Reception]] = [], crossings: [Int] = []) {
        self.script = script.enumerated().map {
            Yield(receptions: $0.element, crossings: $0.offset < crossings.count ? crossings[$0.offset] : 0)
        }
    }

    private mutating func note(_ call: Call) throws {
        calls.append(call)
        if calls.count - 1 == failsAt { throw Refusal(description: "the server did not start") }
    }

    mutating func boot(_ topology: Topology) throws { try note(.boot) }
    mutating func perform(_ action: Action, message: MessageNumber) throws {
        try note(.perform(action, message.rawValue))
        if case .connect = action { return }
        isActed = true
    }
    private var isActed = false
    mutating func settle() throws {
        try note(.settle)
        guard isActed else { return }
        isActed = false
        settled += 1
        current = settled < script.count ? script[settled] : Yield()
    }
    mutating func wait(_ duration: SimDuration) throws { try note(.wait(duration)) }
    mutating func hold(_ check: StateCheck, within: SimDuration) throws -> [StateDifference] {
        try note(.hold(within: within))
        return differences
    }
    mutating func takeReceptions() throws -> [Reception] {
        defer { current.receptions = [] }
        return current.receptions
    }
    mutating func takeCrossings() throws -> Int {
        defer { current.crossings = 0 }
        return current.crossings
    }
    mutating func shutDown() { calls.append(.shutDown) }
}

extension Reception {
    /// A message, under the label of its subject.
    static func message(_ client: String, _ number: Int, _ subject: String = "a", label: String? = nil) -> Reception {
        Reception(
            client: client, label: label ?? subject, subject: subject,
            content: .message(MessageNumber(rawValue: number)))
    }

    static func answer(_ client: String, _ number: Int, by responder: String) -> Reception {
        Reception(
            client: client, label: "inbox", subject: "_INBOX.1",
            content: .answer(to: MessageNumber(rawValue: number), responder: responder))
    }

    static func noResponders(_ client: String, _ number: Int) -> Reception {
        Reception(
            client: client, label: "inbox", subject: "_INBOX.1", hasHeaders: true,
            content: .noResponders(MessageNumber(rawValue: number)))
    }
}

/// A case with one server and the clients ann, bea and sam; its steps begin in line 5.
func caseWith(steps: String, versions: String = "") throws -> RoutingCase {
    try CaseReader.parse(
        text: "case: c\n\(versions)clusters: {us: 1}\nclients: {ann: us-0, bea: us-0, sam: us-0}\nsteps:\n"
            + steps.split(separator: "\n").map { "  - \($0)\n" }.joined(), file: "x.yaml")
}
