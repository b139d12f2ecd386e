import Testing

@testable import Routing

/// What a file says well and cannot mean; each row states the line that must come out.
@Suite struct CaseRefusalTests {
    @Test(
        arguments: [
            (
                "{publish: amn, to: a}",
                """
                5:15: publish: no client "amn" has connected so far (did you mean "ann"?)
                """
            ),
            (
                "{subscribe: [ann, carl], to: a}",
                """
                5:23: subscribe: no client "carl" has connected so far
                """
            ),
            (
                "{kill: us-0}\n{publish: ann, to: a}",
                """
                6:15: publish: client "ann" lost its connection when us-0 was killed; connect it again \
                first
                """
            ),
            (
                "{stop: us-0}\n{subscribe: ann, to: a}",
                """
                6:17: subscribe: client "ann" lost its connection when us-0 was stopped; connect it \
                again first
                """
            ),
            (
                "{disconnect: ann}\n{request: ann, to: a}",
                """
                6:15: request: client "ann" has disconnected; connect it again first
                """
            ),
            (
                "{connect: {dan: {server: us-0, headers: false}}}\n{publish: dan, to: a, headers: true}",
                """
                6:15: publish: client "dan" connects without headers and cannot send any
                """
            ),
            (
                "{disconnect: ann}\n{disconnect: ann}",
                """
                6:18: disconnect: client "ann" has disconnected; connect it again first
                """
            ),
            (
                "{together: [{kill: us-0}, {publish: ann, to: a}]}",
                """
                5:41: publish: client "ann" lost its connection when us-0 was killed; connect it again \
                first
                """
            ),
            (
                "{connect: {ann: us-1}}",
                """
                5:16: connect: client "ann" is connected to us-0 already; disconnect it first
                """
            ),
            (
                "{connect: {dan: us-2}}",
                """
                5:16: connect: no server "us-2" (did you mean "us-0"?)
                """
            ),
            (
                "{kill: us-0}\n{connect: {dan: us-0}}",
                """
                6:16: connect: server "us-0" was killed and has not been started again
                """
            ),
            (
                "{kill: us-0}\n{kill: us-0}",
                """
                6:12: kill: server "us-0" was killed and has not been started again
                """
            ),
            (
                "{kill: sgp-0}",
                """
                5:12: kill: no server "sgp-0"
                """
            ),
            (
                "{start: us-0}",
                """
                5:13: start: server "us-0" is running already
                """
            ),
            (
                "{subscribe: ann, to: a}\n{subscribe: ann, to: a, queue: w}",
                """
                6:17: subscribe: client "ann" has a subscription "a" already; give another label with \
                `as`
                """
            ),
            (
                "{subscribe: ann, to: inbox}",
                """
                5:17: subscribe: the label "inbox" is that of a request's own subscription; give another \
                with `as`
                """
            ),
            (
                "{subscribe: ann, to: orders}\n{unsubscribe: ann, from: order}",
                """
                6:19: unsubscribe: client "ann" has no subscription "order" (did you mean "orders"?)
                """
            ),
            (
                "{subscribe: ann, to: a}\n{unsubscribe: ann, from: a}\n{unsubscribe: ann, from: a}",
                """
                7:19: unsubscribe: client "ann" has no subscription "a"
                """
            ),
            (
                "{subscribe: ann, to: a}\n{unsubscribe: ann, from: a, after: 2}\n{subscribe: ann, to: a}",
                """
                7:17: subscribe: client "ann" has a subscription "a" already; give another label with \
                `as`
                """
            ),
            (
                "{cut: us spg}",
                """
                5:11: cut: no cluster or server "spg" (did you mean "sgp"?)
                """
            ),
            (
                "{cut: us-0 us-0}",
                """
                5:11: cut: expected two different places, found "us-0" twice
                """
            ),
            (
                "{cut: us asia}",
                "5:11: cut: expected two clusters or two servers, found one of each"
            ),
            (
                "{check: {gateways: {us-0: [spg]}}}",
                """
                5:32: gateways: no gateway "spg" (did you mean "sgp"?)
                """
            ),
            (
                "{check: {routes: {us-0: [us-2]}}}",
                """
                5:30: routes: no server "us-2" (did you mean "us-0"?)
                """
            ),
            (
                "{check: {inbound: {us-9: 1}}}",
                """
                5:24: inbound: no server "us-9" (did you mean "us-0"?)
                """
            ),
            (
                "{kill: us-0}\n{check: {inbound: {us-0: 1}}}",
                """
                6:24: inbound: server "us-0" was killed and has not been started again
                """
            ),
            (
                "{check: {routes: {us-0: [us-1, us-1]}}}",
                """
                5:36: routes: "us-1" is given twice
                """
            ),
        ] as [(String, String)])
    func refusesWhatCannotHappen(_ steps: String, _ line: String) { #expect(complaint(steps: steps) == line) }

    @Test(
        arguments: [
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bab: 1}}",
                """
                6:38: expect: no client "bab" has connected so far (did you mean "bob"?)
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {dan: 1}}",
                """
                6:38: expect: no client "dan" has connected so far
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob/a.c: 1}}",
                """
                6:38: expect: client "bob" has had no subscription "a.c" so far (did you mean \
                "bob/a.b"?)
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {ann | ann: 1}}",
                """
                6:38: expect: "ann" is given twice
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {ann | : 1}}",
                """
                6:38: expect: no client "" has connected so far
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob: -1}}",
                """
                6:43: expect: expected a number such as 3 or a range such as 0..5, found "-1"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob: 5..1}}",
                """
                6:43: expect: expected a range from small to large, at most 1000000000, found "5..1"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob: 1...2}}",
                """
                6:43: expect: expected a number such as 3 or a range such as 0..5, found "1...2"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob: many}}",
                """
                6:43: expect: expected a number such as 3 or a range such as 0..5, found "many"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob: any}}",
                """
                6:43: expect: a receiver needs a number, found "any"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: {bob: 2000000000}}",
                """
                6:43: expect: expected a range from small to large, at most 1000000000, found \
                "2000000000"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: none}",
                """
                6:37: expect: expected copies by receiver or the word nothing, found "none"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: }",
                "6:37: expect: expected copies by receiver or the word nothing, found nothing"
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expect: [bob]}",
                "6:37: expect: expected copies by receiver or the word nothing, found a list"
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, answers: 1}",
                """
                6:29: answers reach requesters only; write request, or list under expect who subscribes \
                to the reply subject
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, no-responders: 0..1}",
                """
                6:44: no-responders: expected a whole number, found "0..1"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, crossings: few}",
                """
                6:40: crossings: expected a number such as 3 or a range such as 0..5, found "few"
                """
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, ordered: false}",
                "6:29: ordered: nothing is compared here; give expect too"
            ),
            (
                "{subscribe: bob, to: a.b}\n{publish: ann, to: a.b, expected: {bob: 1}}",
                """
                6:29: unknown key "expected" in a step `publish` (did you mean "expect"?)
                """
            ),
        ] as [(String, String)])
    func refusesWrongExpectations(_ steps: String, _ line: String) { #expect(complaint(steps: steps) == line) }

    @Test(
        arguments: [
            (
                "{steer: {mode: geodns, region: us, round-trips: {us: 20ms, sgp: 220ms}}, expect: us}",
                """
                5:20: expected mode to be one of election, geo-dns, proxied-dns, pinned, found "geodns" \
                (did you mean "geo-dns"?)
                """
            ),
            (
                "{steer: {mode: geo-dns, region: eu, round-trips: {us: 20ms, sgp: 220ms}}, expect: us}",
                """
                5:37: region: no site "eu" in round-trips
                """
            ),
            (
                "{steer: {mode: geo-dns, region: us, round-trips: {}}, expect: us}",
                "5:54: round-trips: expected 1 to 16 sites, found 0"
            ),
            (
                "{steer: {mode: geo-dns, region: us, round-trips: {us: 20ms, sgp: 220ms}, down: [spg]}, expect: us}",
                """
                5:85: down: no site "spg" in round-trips (did you mean "sgp"?)
                """
            ),
            (
                "{steer: {mode: geo-dns, region: us, round-trips: {us: 20ms, sgp: 220ms}}, expect: no-body}",
                """
                5:87: expect: no site "no-body" in round-trips
                """
            ),
            (
                "{steer: {mode: pinned, region: us, round-trips: {us: 20ms, sgp: 220ms}}}",
                """
                5:5: key "expect" is missing in a step `steer`
                """
            ),
        ] as [(String, String)])
    func refusesWrongQuestionsToSteering(_ steps: String, _ line: String) { #expect(complaint(steps: steps) == line) }

    @Test func aCaseIsBounded() {
        let publish = "{publish: ann, to: a, times: 100000}\n"
        #expect(
            complaint(steps: String(repeating: publish, count: 11))
                == "15:15: publish: a case publishes at most 1000000 messages")
        let stop = "{lame-duck: us-0}\n"
        #expect(
            complaint(steps: String(repeating: stop, count: 10_001))
                == "10003:17: lame-duck: a case has at most 10000 actions")
    }

    @Test func aRestartedLameDuckHasLostItsClients() {
        #expect(complaint(steps: "{lame-duck: us-0}\n{publish: ann, to: a}") == "nothing")
        #expect(
            complaint(steps: "{lame-duck: us-0}\n{start: us-0}\n{publish: ann, to: a}") == """
                7:15: publish: client "ann" lost its connection when us-0 was started again; connect it again first
                """)
    }

    @Test func hostileFilesAreStopped() {
        #expect(complaint(String(repeating: "[", count: 500)) == "1:33: nested more than 32 levels deep")
        #expect(complaint("case: \u{7}") == "1:7: control character U+7 is not allowed")
        #expect(complaint(String(repeating: "#\n", count: 600_000)) == "1:1: the file is larger than 1 MiB")
        #expect(
            complaint(steps: "{publish: ann, to: \"a\\nPUB b 0\"}") == """
                5:24: to: expected a text without spaces, found "a?PUB b 0"
                """)
    }
}
