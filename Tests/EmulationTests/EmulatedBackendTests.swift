import EventKernel
import NATSModel
import Routing
import Testing

@testable import Emulation

private let program = NATSExecutable.path()

/// A back end that numbers messages as a runner does.
private struct Bench {
    let backend: EmulatedBackend
    private var next = 0

    init(_ topology: Topology, clients: [(name: String, server: String)] = []) throws {
        backend = EmulatedBackend(try NATSExecutable(path: program!), shadow: MeshShadow())
        try backend.boot(topology)
        for (name, server) in clients { try perform(.connect(ClientSpec(name: name, server: server))) }
        try backend.settle()
    }

    mutating func perform(_ actions: Action...) throws {
        for action in actions {
            try backend.perform(action, message: MessageNumber(rawValue: next))
            if case .publish(let publish) = action { next += publish.times }
        }
    }

    /// Copies by client and label, after settling.
    mutating func settled() throws -> [String: Int] {
        try backend.settle()
        var copies: [String: Int] = [:]
        for reception in try backend.takeReceptions() {
            copies["\(reception.client)/\(reception.label)", default: 0] += 1
        }
        return copies
    }
}

private func subscribe(_ client: String, _ subject: String, queue: String? = nil, maximum: Int? = nil) -> Action {
    .subscribe(Subscribe(client: client, subject: subject, queue: queue, maximum: maximum))
}

private func publish(_ client: String, _ subject: String, times: Int = 1, hasHeaders: Bool = false) -> Action {
    .publish(PublishAction(client: client, subject: subject, hasHeaders: hasHeaders, times: times))
}

private func request(_ client: String, _ subject: String, times: Int = 1) -> Action {
    .publish(PublishAction(client: client, subject: subject, times: times, isRequest: true))
}

private let twoAndTwo = meshes([("us", 2), ("sgp", 2)])
private let fourClients = [(name: "ann", server: "us-0"), ("bob", "us-1"), ("cid", "sgp-0"), ("dan", "sgp-1")]

extension LabTests {
    @Suite(.enabled(if: program != nil), .serialized) struct EmulatedBackendTests {
        @Test func plainSubscribersEverywhereGetEveryMessage() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            for client in ["ann", "bob", "cid", "dan"] { try bench.perform(subscribe(client, "a.*")) }
            #expect(try bench.settled() == [:])
            try bench.perform(publish("ann", "a.1", times: 50, hasHeaders: true))
            #expect(try bench.settled() == ["ann/a.*": 50, "bob/a.*": 50, "cid/a.*": 50, "dan/a.*": 50])
            #expect(try bench.backend.takeCrossings() == 50)
        }

        @Test func aGroupIsServedInThePublishersClusterFirst() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(subscribe("bob", "a", queue: "q"), subscribe("cid", "a", queue: "q"))
            try bench.backend.settle()
            try bench.perform(publish("ann", "a", times: 20))
            #expect(try bench.settled() == ["bob/a": 20])
            #expect(try bench.backend.takeCrossings() == 0)
            try bench.perform(.unsubscribe(client: "bob", label: "a", maximum: nil))
            try bench.backend.settle()
            try bench.perform(publish("ann", "a", times: 20))
            #expect(try bench.settled() == ["cid/a": 20])
            #expect(try bench.backend.takeCrossings() == 20)
        }

        @Test func aRequestIsAnsweredFromTheOtherCluster() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(.subscribe(Subscribe(client: "dan", subject: "svc", answers: true)))
            try bench.backend.settle()
            try bench.perform(request("ann", "svc"))
            try bench.backend.settle()
            let receptions = try bench.backend.takeReceptions()
            try #require(receptions.map(\.client) == ["dan", "ann"])
            #expect(receptions[0].content == .message(MessageNumber(rawValue: 0)))
            #expect(receptions[0].reply == "_INBOX.ann.0")
            #expect(receptions[1].content == .answer(to: MessageNumber(rawValue: 0), responder: "dan"))
            #expect(receptions[1].label == "inbox")
            #expect(try bench.backend.takeCrossings() == 2)
        }

        @Test func aRequestThatNobodyHearsIsRefusedAtOnce() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(request("ann", "nobody", times: 2))
            try bench.backend.settle()
            let receptions = try bench.backend.takeReceptions()
            #expect(receptions.map(\.content) == [0, 1].map { .noResponders(MessageNumber(rawValue: $0)) })
            #expect(receptions.map(\.subject) == ["_INBOX.ann.0", "_INBOX.ann.1"])
        }

        @Test func answersAreAnsweredOnce() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(
                .subscribe(Subscribe(client: "cid", subject: "ping", answers: true, answersWithReply: "pong")),
                .subscribe(Subscribe(client: "cid", subject: "pong")),
                .subscribe(Subscribe(client: "ann", subject: "box", answers: true)))
            try bench.backend.settle()
            try bench.perform(.publish(PublishAction(client: "ann", subject: "ping", reply: "box")))
            try bench.backend.settle()
            let contents = try bench.backend.takeReceptions().map { "\($0.client)/\($0.label) \($0.content)" }
            let number = MessageNumber(rawValue: 0)
            #expect(
                contents == [
                    "cid/ping \(Reception.Content.message(number))",
                    "ann/box \(Reception.Content.answer(to: number, responder: "cid"))",
                    "cid/pong \(Reception.Content.answer(to: number, responder: "ann"))",
                ])
        }

        @Test func aReachedMaximumEndsASubscription() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(subscribe("cid", "a", maximum: 3), subscribe("dan", "a"))
            try bench.backend.settle()
            try bench.perform(publish("ann", "a", times: 5))
            #expect(try bench.settled() == ["cid/a": 3, "dan/a": 5])
            try bench.perform(subscribe("cid", "a"))
            try bench.backend.settle()
            try bench.perform(publish("ann", "a"))
            #expect(try bench.settled() == ["cid/a": 1, "dan/a": 1])
        }

        @Test func theHarnessIsInvisibleToFullWildcards() throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(subscribe("cid", ">"), subscribe("dan", "a", queue: "q"))
            try bench.backend.settle()
            try bench.perform(publish("ann", "b", times: 3))
            #expect(try bench.settled() == ["cid/>": 3])
            #expect(try bench.backend.takeCrossings() == 3)
            #expect(throws: EmulationError.self) { try bench.perform(subscribe("ann", ">", maximum: 1)) }
        }

        @Test(arguments: [Action.kill(server: "sgp-0"), .stop(server: "sgp-0")])
        func anEndedServersClientsAreGoneAndItsGatewaysMove(action: Action) throws {
            var bench = try Bench(twoAndTwo, clients: fourClients)
            defer { bench.backend.shutDown() }
            try bench.perform(subscribe("cid", "a"), subscribe("dan", "a"))
            try bench.backend.settle()
            try bench.perform(action)
            try bench.backend.settle()
            try bench.perform(publish("ann", "a", times: 10))
            #expect(try bench.settled() == ["dan/a": 10])
            #expect(throws: EmulationError.self) { try bench.perform(publish("cid", "a")) }
            try bench.perform(.start(server: "sgp-0"))
            try bench.backend.settle()
            try bench.perform(.connect(ClientSpec(name: "cid", server: "sgp-0")), subscribe("cid", "a"))
            try bench.backend.settle()
            try bench.perform(publish("bob", "a", times: 10))
            #expect(try bench.settled() == ["cid/a": 10, "dan/a": 10])
            #expect(try bench.backend.takeCrossings() == 20)
        }

        @Test func aServerInLameDuckModeEnds() throws {
            var bench = try Bench(meshes([("us", 2)]), clients: [("ann", "us-0"), ("bob", "us-1")])
            defer { bench.backend.shutDown() }
            try bench.perform(.lameDuck(server: "us-1"))
            try bench.backend.settle()
            let check = StateCheck(routes: ["us-0": []])
            #expect(try bench.backend.hold(check, within: .seconds(1)) == [])
        }

        @Test func aCheckSaysWhatIsMissing() throws {
            let bench = try Bench(meshes([("us", 1), ("sgp", 1)]))
            defer { bench.backend.shutDown() }
            let held = StateCheck(gateways: ["us-0": ["sgp"]], routes: ["us-0": []], inbound: ["sgp-0": 1])
            #expect(try bench.backend.hold(held, within: .zero) == [])
            let differences = try bench.backend.hold(StateCheck(gateways: ["us-0": ["fra"]]), within: .milliseconds(20))
            #expect(differences.map(\.description) == ["us-0: gateways expected [fra], seen [sgp]"])
        }

        @Test func anEmptyListOfRemotesIsAConfiguration() throws {
            var topology = meshes([("us", 1), ("sgp", 1)])
            // It learns of the other cluster from that one's connection.
            topology.servers[0].gateway?.remotes = []
            let bench = try Bench(topology, clients: [("ann", "us-0"), ("cid", "sgp-0")])
            defer { bench.backend.shutDown() }
            let check = StateCheck(gateways: ["us-0": ["sgp"], "sgp-0": ["us"]])
            #expect(try bench.backend.hold(check, within: .zero) == [])
        }

        @Test func aServerThatRefusesItsConfigurationSaysWhy() throws {
            var topology = meshes([("us", 1), ("sgp", 1)])
            topology.servers[0].gateway?.remotes[0].urls = []
            let backend = EmulatedBackend(try NATSExecutable(path: program!), shadow: MeshShadow())
            defer { backend.shutDown() }
            let error = #expect(throws: EmulationError.self) { try backend.boot(topology) }
            #expect(error?.description.contains("gateway \"sgp\" has no URL") == true)
        }

        @Test func whatNeverSettlesIsListed() throws {
            var topology = meshes([("us", 1), ("sgp", 1)])
            for index in 0...1 { topology.servers[index].gateway?.remotes[0].urls = [.nobody] }
            let program = try NATSExecutable(path: program!)
            let backend = EmulatedBackend(program, shadow: MeshShadow(), bound: .milliseconds(100))
            defer { backend.shutDown() }
            let error = #expect(throws: UnsettledError.self) { try backend.boot(topology) }
            #expect(error?.description.contains("us-0: outbound expected sgp 0, seen ") == true)
        }
    }
}
