import EventKernel
import NATSModel
import Synchronization
import Testing

@testable import Routing

/// The rules of expectations, against a back end that answers from a script.
@Suite struct CaseRunnerTests {
    /// One subscription of sam and bea each, then a step of ann's that yields `receptions`.
    private func mismatches(_ step: String, _ receptions: [Reception], crossings: Int = 0) throws -> [String] {
        let routingCase = try caseWith(steps: "{subscribe: [sam, bea], to: a}\n" + step)
        var backend = ScriptedBackend([[], receptions], crossings: [0, crossings])
        let result = CaseRunner().run(routingCase, on: &backend)
        #expect(result.failure == nil)
        #expect((result.verdict == .pass) == result.mismatches.isEmpty)
        return result.mismatches.map {
            ([$0.place, $0.subject, $0.expected, $0.seen].joined(separator: "; "))
                + $0.examples.map { "\n" + $0 }.joined()
        }
    }

    @Test func whatIsExpectedPasses() throws {
        #expect(
            try mismatches("{publish: ann, to: a, expect: {sam: 1, bea: 1}}", [.message("sam", 0), .message("bea", 0)])
                == [])
    }

    @Test func aMissingCopyIsNamed() throws {
        #expect(
            try mismatches(
                "{publish: ann, to: a, times: 4, expect: {sam: 4}}",
                [.message("sam", 0), .message("sam", 2)]) == [
                    """
                    x.yaml:6:5; sam; 4; 2
                    never got ann's message 2 of 4 to a
                    never got ann's message 4 of 4 to a
                    """
                ])
    }

    @Test func aSurplusCopyIsShown() throws {
        #expect(
            try mismatches(
                "{publish: ann, to: a, times: 2, expect: {sam: 0..1}}",
                [.message("sam", 0), .message("sam", 1)]) == [
                    """
                    x.yaml:6:5; sam; 0..1; 2
                    sam/a got ann's message 1 of 2 to a, as a
                    sam/a got ann's message 2 of 2 to a, as a
                    """
                ])
    }

    @Test func whoeverIsNotListedGetsNothing() throws {
        let received = [Reception.message("sam", 0), .message("bea", 0)]
        #expect(
            try mismatches("{publish: ann, to: a, expect: {sam: 1}}", received) == [
                "x.yaml:6:5; bea/a; 0; 1\nbea/a got ann's message to a, as a"
            ])
        #expect(
            try mismatches("{publish: ann, to: a, expect: nothing}", [.message("bea", 0)]) == [
                "x.yaml:6:5; bea/a; 0; 1\nbea/a got ann's message to a, as a"
            ])
    }

    @Test func otherLabelsOfAListedLabelGetNothing() throws {
        let received = [Reception.message("sam", 0), .message("sam", 0, label: "b")]
        #expect(
            try mismatches("{publish: ann, to: a, expect: {sam/a: 1}}", received) == [
                "x.yaml:6:5; sam/b; 0; 1\nsam/b got ann's message to a, as a"
            ])
        #expect(try mismatches("{publish: ann, to: a, expect: {sam: 2}}", received) == [])
    }

    @Test func sharedReceiversCountTogether() throws {
        let step = "{publish: ann, to: a, times: 2, expect: {bea | sam: 2}}"
        #expect(try mismatches(step, [.message("sam", 0), .message("bea", 1)]) == [])
        #expect(
            try mismatches(step, [.message("sam", 0)]) == [
                "x.yaml:6:5; bea | sam; 2; 1\nnever got ann's message 2 of 2 to a"
            ])
    }

    @Test func nothingIsComparedWithoutExpectation() throws {
        #expect(try mismatches("{publish: ann, to: a, times: 2}", [.message("sam", 1), .message("sam", 0)]) == [])
    }

    @Test func answersAreThoseInTheInboxesOfRequests() throws {
        let received = [Reception.message("sam", 0), .answer("ann", 0, by: "sam")]
        #expect(try mismatches("{request: ann, to: a, expect: {sam: 1}, answers: 1}", received) == [])
        #expect(
            try mismatches("{request: ann, to: a, expect: {sam: 1}}", received) == [
                "x.yaml:6:5; answers; 0; 1\nann/inbox got sam's answer to ann's message to a, as _INBOX.1"
            ])
        #expect(
            try mismatches("{request: ann, to: a, answers: 2}", received).first == """
                x.yaml:6:5; answers; 2; 1
                ann/inbox got sam's answer to ann's message to a, as _INBOX.1
                """)
        #expect(try mismatches("{request: ann, to: a, expect: {sam: 1}, answers: any}", received) == [])
    }

    @Test func anAnswerToASubscriptionIsACopy() throws {
        let answer = Reception(
            client: "bea", label: "a", subject: "a", reply: "r",
            content: .answer(to: MessageNumber(rawValue: 0), responder: "sam"))
        #expect(
            try mismatches("{publish: ann, to: a, expect: {sam: 1}}", [.message("sam", 0), answer]) == [
                "x.yaml:6:5; bea/a; 0; 1\nbea/a got sam's answer to ann's message to a, as a, reply r"
            ])
    }

    @Test func a503ReachesThePublisher() throws {
        #expect(try mismatches("{request: ann, to: b, no-responders: 1}", [.noResponders("ann", 0)]) == [])
        #expect(
            try mismatches("{request: ann, to: b, expect: nothing}", [.noResponders("ann", 0)]) == [
                "x.yaml:6:5; no-responders; 0; 1\nann/inbox got a 503 for ann's message to b, as _INBOX.1"
            ])
        #expect(
            try mismatches("{request: ann, to: b, no-responders: 1}", [.noResponders("sam", 0)]) == [
                """
                x.yaml:6:5; no-responders; at the publisher only; 1 elsewhere
                sam/inbox got a 503 for ann's message to b, as _INBOX.1
                """
            ])
    }

    @Test func crossingsAreCompared() throws {
        #expect(try mismatches("{publish: ann, to: a, crossings: 1}", [], crossings: 1) == [])
        #expect(
            try mismatches("{publish: ann, to: a, crossings: 0..1}", [], crossings: 2) == [
                "x.yaml:6:5; crossings; 0..1; 2"
            ])
        #expect(try mismatches("{publish: ann, to: a, expect: nothing}", [], crossings: 7) == [])
    }

    @Test func orderIsComparedForEachPublisher() throws {
        let disordered = [Reception.message("sam", 0), .message("sam", 2), .message("sam", 1)]
        let expect = "expect: {sam: 3}"
        #expect(
            try mismatches("{publish: ann, to: a, times: 3, \(expect)}", disordered) == [
                """
                x.yaml:6:5; sam/a; ann's messages in order; 1 out of order
                ann's message 2 of 3 to a came after ann's message 3 of 3 to a
                """
            ])
        #expect(try mismatches("{publish: ann, to: a, times: 3, \(expect), ordered: false}", disordered) == [])
        let two = "{together: [{publish: ann, to: a, times: 2}, {publish: bea, to: a}], \(expect)}"
        #expect(try mismatches(two, disordered) == [])
    }

    @Test func nothingComesTwice() throws {
        #expect(
            try mismatches(
                "{publish: ann, to: a, times: 2, expect: {sam: 3}}",
                [.message("sam", 0), .message("sam", 0), .message("sam", 1)]) == [
                    "x.yaml:6:5; sam/a; nothing twice; 1 repeated\nann's message 1 of 2 to a"
                ])
    }

    @Test func aMessageOfNobodyIsNamedSo() throws {
        #expect(
            try mismatches("{publish: ann, to: a, expect: nothing}", [.message("sam", 9)]) == [
                "x.yaml:6:5; sam/a; 0; 1\nsam/a got message 9 of nobody, as a"
            ])
    }
}

/// The course of a run.
@Suite struct CaseCourseTests {
    @Test func stepsRunInOrderAndMessagesAreNumbered() throws {
        let routingCase = try caseWith(
            steps: """
                {publish: ann, to: a, times: 3}
                {wait: 2s}
                {check: {inbound: {us-0: 0}}, within: 1s}
                {together: [{publish: bea, to: b}, {publish: sam, to: c}]}
                """)
        var backend = ScriptedBackend()
        let result = CaseRunner().run(routingCase, on: &backend)
        #expect(result.verdict == .pass)
        #expect(
            backend.calls == [
                .boot,
                .perform(.connect(ClientSpec(name: "ann", server: "us-0")), 0),
                .perform(.connect(ClientSpec(name: "bea", server: "us-0")), 0),
                .perform(.connect(ClientSpec(name: "sam", server: "us-0")), 0), .settle,
                .perform(.publish(PublishAction(client: "ann", subject: "a", times: 3)), 0), .settle,
                .wait(.seconds(2)), .settle, .hold(within: .seconds(1)), .settle,
                .perform(.publish(PublishAction(client: "bea", subject: "b")), 3),
                .perform(.publish(PublishAction(client: "sam", subject: "c")), 4), .settle, .shutDown,
            ])
    }

    @Test func observationsTellWhatWasSeen() throws {
        let routingCase = try caseWith(steps: "{subscribe: sam, to: a}\n{request: ann, to: a}")
        var backend = ScriptedBackend(
            [[], [.message("sam", 0), .message("bea", 0), .answer("ann", 0, by: "sam"), .noResponders("ann", 0)]],
            crossings: [0, 2])
        let result = CaseRunner().run(routingCase, on: &backend)
        #expect(
            result.observations == [
                StepObservation(step: 0, place: .init("")),
                StepObservation(
                    step: 1, place: .init(""),
                    copies: [.init(receiver: "bea/a", count: 1), .init(receiver: "sam/a", count: 1)], answers: 1,
                    noResponders: 1, crossings: 2),
            ])
    }

    @Test func aCheckThatDoesNotHoldFails() throws {
        let routingCase = try caseWith(steps: "{check: {inbound: {us-0: 2}}}")
        var backend = ScriptedBackend()
        backend.differences = [StateDifference(server: "us-0", what: "inbound", expected: "2", seen: "1")]
        let result = CaseRunner().run(routingCase, on: &backend)
        #expect(result.verdict == .fail)
        #expect(
            result.mismatches == [
                Mismatch(
                    place: "x.yaml:5:5", step: "check the connections", subject: "us-0: inbound", expected: "2",
                    seen: "1")
            ])
    }

    @Test(arguments: [
        (0, "boot: the server did not start"), (2, "connecting clients: the server did not start"),
        (5, "x.yaml:5:5: ann publishes to a 3 times: the server did not start"),
        (8, "x.yaml:6:5: wait 1s: the server did not start"),
    ])
    func anErrorEndsTheRunAndShutsDown(_ call: Int, _ failure: String) throws {
        let routingCase = try caseWith(steps: "{publish: ann, to: a, times: 3}\n{wait: 1s}\n{kill: us-0}")
        var backend = ScriptedBackend()
        backend.failsAt = call
        let result = CaseRunner().run(routingCase, on: &backend)
        #expect(result.verdict == .fail)
        #expect(result.failure == failure)
        #expect(backend.calls.count == call + 2)
        #expect(backend.calls.last == .shutDown)
    }

    @Test func otherVersionsAreSkippedUnlessAsked() throws {
        let routingCase = try caseWith(
            steps: "{publish: ann, to: a, expect: nothing}", versions: "versions: {from: 2.10.0, before: 2.11.0}\n")
        var backend = ScriptedBackend([[.message("sam", 0)]])
        let skipped = CaseRunner().run(routingCase, on: &backend)
        #expect(skipped.verdict == .skipped("holds from 2.10.0 before 2.11.0, this is 2.9.10"))
        #expect(backend.calls == [.shutDown])
        #expect(CaseRunner(runsAllVersions: true).run(routingCase, on: &backend).verdict == .fail)
        backend.version = ServerVersion(major: 2, minor: 10, patch: 25)
        #expect(CaseRunner().run(routingCase, on: &backend).verdict == .pass)
    }

    @Test func timeIsThatOfTheClock() throws {
        let routingCase = try caseWith(steps: "{wait: 1s}")
        var backend = ScriptedBackend()
        let calls = Mutex(0)
        let clock = { @Sendable in
            calls.withLock { count in
                count += 1
                return count == 1 ? 10 : 12.5
            }
        }
        let result = CaseRunner(clock: clock).run(routingCase, on: &backend)
        #expect(result.seconds == 2.5)
    }

    @Test func steeringIsForTheModelOnly() throws {
        let question = """
            {steer: {mode: pinned, region: us, round-trips: {us: 20ms}, down: [us]}, expect: us}
            """
        var backend = ScriptedBackend()
        let model = CaseRunner().run(try caseWith(steps: question), on: &backend)
        #expect(
            model.mismatches == [
                Mismatch(
                    place: "x.yaml:5:5", step: "steer a client of us by pinned", subject: "site", expected: "us",
                    seen: "nobody")
            ])
        #expect(backend.calls == [.shutDown])
        let servers = CaseRunner(answersSteering: false)
        #expect(
            servers.run(try caseWith(steps: question), on: &backend).verdict
                == .skipped("asks about steering only, which servers know nothing of"))
        let mixed = servers.run(try caseWith(steps: question + "\n{wait: 1s}"), on: &backend)
        #expect(mixed.verdict == .pass)
        #expect(mixed.skippedSteps == 1)
    }
}

/// What two back ends make of the same case.
@Suite struct CaseDifferenceTests {
    private func result(_ backend: String, _ verdict: CaseResult.Verdict, seen: [String] = []) -> CaseResult {
        CaseResult(
            title: "c", backend: backend, version: .v2_9_10, verdict: verdict,
            mismatches: seen.enumerated().map {
                Mismatch(place: "x:\($0.offset):1", step: "s", subject: "sam", expected: "1", seen: $0.element)
            })
    }

    @Test func twoPassesAgree() {
        #expect(result("model", .pass).differences(from: result("server", .pass)) == [])
    }

    @Test func aSkippedCaseHasNothingToCompare() {
        #expect(result("model", .fail, seen: ["2"]).differences(from: result("server", .skipped("x"))) == [])
    }

    @Test func oneFailureIsADifference() {
        let found = result("model", .fail, seen: ["2"]).differences(from: result("server", .pass))
        #expect(found == ["passes on server, fails on model"])
    }

    @Test func twoFailuresAreCompared() {
        let model = result("model", .fail, seen: ["2", "3", "4"])
        #expect(model.differences(from: result("server", .fail, seen: ["2", "3", "4"])) == [])
        #expect(
            model.differences(from: result("server", .fail, seen: ["2", "5"])) == [
                "x:1:1: sam: 3 on model, 5 on server", "x:2:1: sam: 4 on model only",
            ])
        #expect(
            result("model", .fail).differences(from: result("server", .fail, seen: ["2"])) == [
                "x:0:1: sam: 2 on server only"
            ])
    }

    @Test func breakingOffIsADifference() {
        var broken = result("model", .fail)
        broken.failure = "boot: no room"
        #expect(broken.differences(from: result("server", .fail)) == ["breaks off on model only"])
        var other = result("server", .fail)
        other.failure = "boot: nobody home"
        #expect(broken.differences(from: other) == [])
    }
}
