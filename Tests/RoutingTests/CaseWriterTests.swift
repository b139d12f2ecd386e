import EventKernel
import NATSModel
import Network
import Testing

@testable import Routing

/// What is written reads back to the same value.
@Suite struct CaseWriterTests {
    private func rewritten(_ text: String) throws -> String {
        CaseWriter.text(try CaseReader.parse(text: text, file: "x.yaml"))
    }

    /// A case that the writer leaves as it is.
    private static let tidy = """
        case: A queue group is served in the publisher's cluster while it has members there
        about: >
          Queue interest of other clusters counts only where no member of the group is at home,
          whatever the distance.
        source: nats-server v2.9.10 server/gateway_test.go TestGatewayQueueSub
        versions: {from: 2.10.0, before: 2.11.0}

        clusters: {us: 3, sgp: {servers: [sgp-a, sgp-b], gateway: none}, fra: 1}
        servers:
          us-1:
            gateway: {remotes: {us: [us-0, us-1/client, node-port us], fra: nobody}, reject-unknown: true}
          us-2: {starts: later, server-name: us-0, routes: [us-0], route-connect-retries: 3, gateway: none}
          sgp-b: {gateway: {name: asia, advertise: node-port sgp, connect-retries: 5}, ping-interval: 1.5s}
        wan: {us/sgp: 117ms, us/fra: 40ms}

        clients:
          ann: us-0
          bob: {server: us-1, echo: false, headers: false, no-responders: false}

        steps:
          - subscribe: [ann, bob]
            to: orders.*
            queue: workers
            as: work
            max: 3
            answers: true
          - {unsubscribe: bob, from: work, after: 5}
          - publish: ann
            to: orders.new
            times: 100
            reply: box
            headers: true
            expect: nothing
          - request: [ann, bob]
            to: svc.echo
            expect: {ann: 1, ann | bob/work: 35..65}
            answers: 0..1
            no-responders: any
            crossings: 2
            ordered: false
          - {request: ann, to: svc.nobody, no-responders: 1}
          - connect: {dan: us-1, eve: {server: us-0, echo: false}}
          - disconnect: [dan, eve]
          - lame-duck: us-1
          - start: us-2
          - cut: us sgp
          - heal: us -> sgp
          - wait: 2.5s
          - check: {gateways: {sgp-a: [], us-0: [fra]}, routes: {us-0: [us-1, us-2]}, inbound: {us-0: 2}}
            within: 10s
          - check: {inbound: {us-0: 0}}
          - together:
              - {publish: ann, to: orders.new, times: 10}
              - {kill: sgp-a}
            expect: {bob: 0..5}
          - steer: {mode: geo-dns, region: us, round-trips: {us: 20ms, sgp: 220ms}, down: [us], after: 3min}
            expect: sgp

        """

    @Test func aTidyFileIsWrittenAsItWas() throws { #expect(try rewritten(Self.tidy) == Self.tidy) }

    @Test func defaultsAreLeftOut() throws {
        let text = """
            case: c
            clusters:
              us: {servers: 2, gateway: {name: us, remotes: {sgp: sgp-0}, reject-unknown: false}, ping-interval: 1s}
              sgp: {servers: [sgp-0], ping-interval: 2s}
              fra: {gateway: none}
            servers:
              us-1: {starts: at once, server-name: us-1, routes: [us-0], ping-interval: 1s}
            wan: 40ms
            clients: {ann: {server: us-0, echo: true}}
            steps:
              - {request: ann, to: a, times: 1, expect: nothing, answers: 0, no-responders: 0, ordered: true}
            """
        #expect(
            try rewritten(text) == """
                case: c

                clusters:
                  us: {servers: 2, ping-interval: 1s}
                  sgp: {servers: 1, ping-interval: 2s}
                  fra: {servers: 1, gateway: none}
                wan: 40ms

                clients: {ann: us-0}

                steps:
                  - {request: ann, to: a, expect: nothing}

                """)
    }

    @Test(
        arguments: [
            "plain", ">", "*", "*.*", "a.*", "a.>", "a*b", "x&y", "&a", "~", "null", "true", "-a", "--", "#a", "a#b",
            "a:b", ":", "[a]", "{a}", "a,b", "\"", "'a'", "\\", "%a", "@a", "`a`", "!a", "?", "|", "é.ß", "日本.*",
            "$SYS.>",
            "\u{200B}x", "a..b", ".a", "a.", "0x1", "1e3", "nothing", "any", "none", "a|b", "a/b", "/*", "\u{1F600}",
        ])
    func anySubjectSurvives(_ subject: String) throws {
        let actions: [Action] = [
            .subscribe(Subscribe(client: "ann", subject: subject, queue: subject)),
            .publish(PublishAction(client: "ann", subject: subject, reply: subject)),
        ]
        let shares = [Routing.Expectation.Share(receivers: ["ann/" + subject], copies: 1...2)]
        // A bar divides receivers, so a label with one cannot be listed.
        let expectation =
            subject.contains("|") ? .none : Routing.Expectation(shares: shares, noResponders: 0)
        try expectSurvival(of: sample(steps: [.together(actions, expectation)], title: "About " + subject))
    }

    @Test(
        arguments: [
            "one line", "two\nlines", "  led by blanks", "tab\there", "* star & [list]", "a: b # c", "double  blank",
            "quote \" and \\ backslash", String(repeating: "word ", count: 300) + "end",
            String(repeating: "x", count: 3_000), String(repeating: "a * b ", count: 400) + "end", "~", "null", "é – ü",
        ])
    func anyDescriptionSurvives(_ about: String) throws {
        var routingCase = sample(steps: [.wait(.seconds(1))], title: "c")
        routingCase.about = about
        try expectSurvival(of: routingCase)
    }

    @Test(
        arguments: [
            Routing.Expectation.none,
            Routing.Expectation(shares: []), Routing.Expectation(shares: [], answers: 0...0),
            Routing.Expectation(shares: [], noResponders: 0), Routing.Expectation(shares: [], answers: 1...1),
            Routing.Expectation(answers: 0...0), Routing.Expectation(answers: 2...3, noResponders: 0),
            Routing.Expectation(answers: 2...3, noResponders: 4), Routing.Expectation(noResponders: 0),
            Routing.Expectation(crossings: 0...0), Routing.Expectation(noResponders: 2, inOrder: false),
            Routing.Expectation(shares: [], answers: 0...0, noResponders: 0, crossings: 1...2, inOrder: false),
        ])
    func anyOutcomeSurvives(_ expectation: Routing.Expectation) throws {
        let request = Action.publish(PublishAction(client: "ann", subject: "a", isRequest: true))
        let publish = Action.publish(PublishAction(client: "ann", subject: "a"))
        let subscribe = Action.subscribe(Subscribe(client: "ann", subject: "a"))
        try expectSurvival(
            of: sample(
                steps: [
                    .together([request], expectation), .together([publish], expectation),
                    .together([subscribe], expectation), .together([publish, request], expectation),
                    .together([publish, publish], expectation),
                ], title: "c"))
    }

    @Test func aManyFoldTopologySurvives() throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            var dice = Dice(state: seed)
            var routingCase = sample(steps: [.wait(.milliseconds(1 + Int64(seed) * 7))], title: "case \(seed)")
            routingCase.topology = dice.topology()
            routingCase.clients = []
            try expectSurvival(of: routingCase)
        }
    }

    private func sample(steps: [Step.Kind], title: String) -> RoutingCase {
        RoutingCase(
            title: title, topology: Topology(servers: [ServerSpec(name: "us-0", cluster: "us")]),
            clients: [ClientSpec(name: "ann", server: "us-0")], steps: steps.map { Step($0) })
    }

    private func expectSurvival(of routingCase: RoutingCase) throws {
        let text = CaseWriter.text(routingCase)
        do {
            let found = try CaseReader.parse(text: text, file: "x.yaml")
            #expect(found == routingCase, "\(text)")
        } catch {
            Issue.record("\(error)\n\(text)")
        }
    }
}

/// Draws topologies; a linear congruential generator is random enough for shapes.
private struct Dice {
    var state: UInt64

    mutating func roll(_ sides: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % sides
    }

    mutating func topology() -> Topology {
        let clusters = Array(["us", "sgp", "fra", "a-cluster_9"].prefix(1 + roll(4)))
        var names: [(cluster: String, server: String)] = []
        for cluster in clusters {
            let isNumbered = roll(3) > 0
            for index in 0..<(1 + roll(7)) {
                names.append((cluster, isNumbered ? "\(cluster)-\(index)" : "\(cluster)-x\(roll(1_000_000))"))
            }
        }
        let servers = names.map { server(of: $0.cluster, $0.server, names.map(\.server), clusters) }
        var delays: [Topology.Delay] = []
        for (index, first) in clusters.enumerated() {
            for second in clusters[(index + 1)...] where roll(2) == 0 {
                delays.append(.init(between: first, and: second, oneWay: .microseconds(Int64(roll(3)) * 1_500)))
            }
        }
        return Topology(servers: servers, delays: delays)
    }

    private mutating func server(
        of cluster: String, _ name: String, _ all: [String], _ clusters: [String]
    ) -> ServerSpec {
        var spec = ServerSpec(name: name, cluster: cluster)
        spec.routes = all.filter { $0 != name && roll(2) == 0 }
        if roll(4) == 0 { spec.serverName = "same" }
        spec.routeConnectRetries = roll(3)
        spec.startsAtOnce = roll(3) > 0
        if roll(3) == 0 { spec.pingInterval = .milliseconds(100 * Int64(1 + roll(20))) }
        if roll(4) == 0 { return spec }
        var gateway = GatewaySpec(name: roll(3) == 0 ? "default" : cluster)
        for other in clusters where roll(3) > 0 {
            gateway.remotes.append(
                .init(name: other, urls: (0...roll(12)).map { _ in endpoint(all[roll(all.count)], other) }))
        }
        if roll(3) == 0 { gateway.advertise = endpoint(name, cluster) }
        gateway.rejectsUnknown = roll(3) == 0
        gateway.connectRetries = roll(2)
        spec.gateway = gateway
        return spec
    }

    private mutating func endpoint(_ server: String, _ cluster: String) -> Endpoint {
        switch roll(6) {
        case 0: .nobody
        case 1: .nodePort(cluster: cluster)
        case 2: .server(server, .client)
        case 3: .server(server, .route)
        default: .server(server, .gateway)
        }
    }
}
