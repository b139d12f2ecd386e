import EventKernel
import NATSModel
import Network
import Testing

@testable import Routing

/// What files say, as values.
@Suite struct CaseReaderTests {
    @Test func aShortCaseIsRead() throws {
        let text = """
            case: A queue group is served near its publisher
            about: >
              First line
              and second.
            source: server/gateway_test.go TestGatewayQueueSub
            versions: {from: 2.10.0, before: 2.11.0}
            clusters: {us: 2, sgp: 1}
            wan: 40ms
            clients: {ann: us-0, bob: {server: sgp-0, echo: false, headers: false, no-responders: false}}
            steps:
              - subscribe: [ann, bob]
                to: orders.*
                queue: workers
              - publish: ann
                to: orders.new
                times: 100
                expect: {ann: 100}
                crossings: 0..1

            """
        let us0 = ServerSpec(
            name: "us-0", cluster: "us", routes: ["us-1"],
            gateway: GatewaySpec(name: "us", remotes: [.init(name: "sgp", urls: [.server("sgp-0", .gateway)])]))
        var us1 = us0
        us1.name = "us-1"
        us1.serverName = "us-1"
        us1.routes = ["us-0"]
        let sgp = ServerSpec(
            name: "sgp-0", cluster: "sgp",
            gateway: GatewaySpec(
                name: "sgp",
                remotes: [.init(name: "us", urls: [.server("us-0", .gateway), .server("us-1", .gateway)])]))
        let expected = RoutingCase(
            title: "A queue group is served near its publisher", about: "First line and second.",
            source: "server/gateway_test.go TestGatewayQueueSub",
            versions: VersionRange(
                from: ServerVersion(major: 2, minor: 10, patch: 0),
                before: ServerVersion(major: 2, minor: 11, patch: 0)),
            topology: Topology(
                servers: [us0, us1, sgp],
                delays: [.init(between: "us", and: "sgp", oneWay: .milliseconds(40))]),
            clients: [
                ClientSpec(name: "ann", server: "us-0"),
                ClientSpec(name: "bob", server: "sgp-0", echo: false, headers: false, noResponders: false),
            ],
            steps: [
                Step(
                    .together(
                        [
                            .subscribe(Subscribe(client: "ann", subject: "orders.*", queue: "workers")),
                            .subscribe(Subscribe(client: "bob", subject: "orders.*", queue: "workers")),
                        ], .none)),
                Step(
                    .together(
                        [.publish(PublishAction(client: "ann", subject: "orders.new", times: 100))],
                        Routing.Expectation(
                            shares: [.init(receivers: ["ann"], copies: 100...100)], noResponders: 0,
                            crossings: 0...1))),
            ])
        let found = try CaseReader.parse(text: text, file: "x.yaml")
        #expect(found == expected)
        #expect(found.steps.map(\.place.text) == ["x.yaml:11:5", "x.yaml:14:5"])
    }

    private func steps(_ lines: String) throws -> [Step.Kind] {
        let text = "case: c\nclusters: {us: 2}\nclients: {ann: us-0, bob: us-1}\nsteps:\n" + lines
        return try CaseReader.parse(text: text, file: "x.yaml").steps.map(\.kind)
    }

    private func expectations(_ lines: String) throws -> [Routing.Expectation] {
        try steps(lines).compactMap { if case .together(_, let expectation) = $0 { expectation } else { nil } }
    }

    @Test func anOperatorsStepsAreRead() throws {
        let found = try steps(
            """
              - cut: us-0 -> us-1
              - heal: us-0 us-1
              - wait: 1.5s
              - stop: us-1
              - start: us-1
              - lame-duck: us-1
              - kill: [us-0, us-1]
            """)
        #expect(
            found == [
                .together([.cut(from: "us-0", to: "us-1", bothWays: false)], .none),
                .together([.heal(from: "us-0", to: "us-1", bothWays: true)], .none),
                .wait(.milliseconds(1_500)),
                .together([.stop(server: "us-1")], .none),
                .together([.start(server: "us-1")], .none),
                .together([.lameDuck(server: "us-1")], .none),
                .together([.kill(server: "us-0"), .kill(server: "us-1")], .none),
            ])
    }

    @Test func aClientsStepsAreRead() throws {
        let found = try steps(
            """
              - subscribe: bob
                to: svc.>
                as: work
                max: 3
                answers: true
                answer-reply: pong.box
              - unsubscribe: bob
                from: work
                after: 5
              - publish: ann
                to: svc.a
                reply: box
                headers: true
              - connect: {cat: us-0}
              - disconnect: cat
            """)
        #expect(
            found == [
                .together(
                    [
                        .subscribe(
                            Subscribe(
                                client: "bob", subject: "svc.>", label: "work", answers: true,
                                answersWithReply: "pong.box", maximum: 3))
                    ], .none),
                .together([.unsubscribe(client: "bob", label: "work", maximum: 5)], .none),
                .together(
                    [.publish(PublishAction(client: "ann", subject: "svc.a", reply: "box", hasHeaders: true))], .none),
                .together([.connect(ClientSpec(name: "cat", server: "us-0"))], .none),
                .together([.disconnect(client: "cat")], .none),
            ])
    }

    @Test func aBlockIsOneStep() throws {
        let found = try steps(
            """
              - together:
                  - publish: [ann, bob]
                    to: a
                  - kill: us-1
                expect: nothing
            """)
        #expect(
            found == [
                .together(
                    [
                        .publish(PublishAction(client: "ann", subject: "a")),
                        .publish(PublishAction(client: "bob", subject: "a")), .kill(server: "us-1"),
                    ], Routing.Expectation(shares: [], noResponders: 0))
            ])
    }

    @Test func requestsWithExpectedReceiversHaveNoAnswersUnlessStated() throws {
        let found = try expectations(
            """
              - {request: ann, to: a, expect: nothing}
              - {request: ann, to: a, expect: {bob: 1}, answers: 0..1}
              - {request: ann, to: a, no-responders: 1}
              - {request: ann, to: a, answers: 2}
              - {request: ann, to: a, expect: {bob: 1}, answers: any, no-responders: any, ordered: false}
              - {request: ann, to: a}
            """)
        let bob = [Routing.Expectation.Share(receivers: ["bob"], copies: 1...1)]
        #expect(
            found == [
                Routing.Expectation(shares: [], answers: 0...0, noResponders: 0),
                Routing.Expectation(shares: bob, answers: 0...1, noResponders: 0),
                Routing.Expectation(noResponders: 1),
                Routing.Expectation(answers: 2...2, noResponders: 0),
                Routing.Expectation(shares: bob, inOrder: false),
                .none,
            ])
    }

    @Test func receiversCanBeSharedAndLabelled() throws {
        let found = try expectations(
            """
              - {subscribe: [ann, bob], to: a.*}
              - {publish: ann, to: a.b, expect: {ann/a.*: 1, "ann | bob": 35..65}}
            """)
        #expect(
            found.last?.shares == [
                .init(receivers: ["ann/a.*"], copies: 1...1), .init(receivers: ["ann", "bob"], copies: 35...65),
            ])
    }

    @Test func aCheckIsRead() throws {
        let text = """
            case: c
            clusters: {us: 2, sgp: 1}
            steps:
              - check:
                  gateways: {us-0: [sgp], sgp-0: []}
                  routes: {us-0: [us-1]}
                  inbound: {us-0: 2}
                within: 10s
              - check: {inbound: {us-0: 0}}
            """
        let found = try CaseReader.parse(text: text, file: "x.yaml").steps.map(\.kind)
        #expect(
            found == [
                .check(
                    StateCheck(
                        gateways: ["us-0": ["sgp"], "sgp-0": []], routes: ["us-0": ["us-1"]], inbound: ["us-0": 2]),
                    within: .seconds(10)),
                .check(StateCheck(inbound: ["us-0": 0]), within: .seconds(5)),
            ])
    }

    @Test func steeringIsAsked() throws {
        let found = try steps(
            """
              - steer: {mode: geo-dns, region: us, round-trips: {us: 20ms, sgp: 220ms}, down: [us], after: 3min}
                expect: sgp
              - steer: {mode: pinned, region: us, round-trips: {us: 20ms}, down: us}
                expect: nobody
            """)
        #expect(
            found == [
                .steer(
                    SteeringQuestion(
                        mode: .geoDNS, region: "us",
                        sites: [
                            .init(name: "us", roundTrip: .milliseconds(20)),
                            .init(name: "sgp", roundTrip: .milliseconds(220)),
                        ], down: ["us"], after: .seconds(180), expected: "sgp")),
                .steer(
                    SteeringQuestion(
                        mode: .pinned, region: "us", sites: [.init(name: "us", roundTrip: .milliseconds(20))],
                        down: ["us"], expected: nil)),
            ])
    }
}
