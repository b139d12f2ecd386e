import Foundation
import FoundationXML
import NATSModel
import Testing

@testable import Routing

/// Reports, word for word.
@Suite struct CaseReportTests {
    private static let mismatches = [
        Mismatch(
            place: "q.yaml:6:5", step: "ann publishes to a 4 times", subject: "sam", expected: "4", seen: "2",
            examples: ["never got ann's message 2 of 4 to a", "never got ann's message 4 of 4 to a"]),
        Mismatch(
            place: "q.yaml:6:5", step: "ann publishes to a 4 times", subject: "bea/a", expected: "0..1", seen: "3"),
        Mismatch(
            place: "q.yaml:9:5", step: "check the connections", subject: "us-0: gateways", expected: "[sgp]",
            seen: "[]"),
    ]

    private func result(
        _ backend: String, _ verdict: CaseResult.Verdict, _ mismatches: [Mismatch] = [], failure: String? = nil,
        seconds: Double = 0.0124
    ) -> CaseResult {
        CaseResult(
            title: "Queues <stay> near", backend: backend, version: .v2_9_10, verdict: verdict,
            mismatches: mismatches, failure: failure, seconds: seconds)
    }

    private func record(_ results: CaseResult...) -> CaseRecord {
        CaseRecord(file: "q.yaml", title: "Queues <stay> near", results: results)
    }

    @Test func aPassIsOneLine() {
        #expect(CaseTextReport.text(record(result("model", .pass))) == "pass  Queues <stay> near (12 ms)\n")
    }

    @Test func aFailureShowsWhatDidNotHold() {
        #expect(
            CaseTextReport.text(record(result("model", .fail, Self.mismatches, seconds: 12.34))) == """
                FAIL  Queues <stay> near (12.3 s)
                  q.yaml:6:5: ann publishes to a 4 times
                    sam             expected 4      seen 2
                      never got ann's message 2 of 4 to a
                      never got ann's message 4 of 4 to a
                    bea/a           expected 0..1   seen 3
                  q.yaml:9:5: check the connections
                    us-0: gateways  expected [sgp]  seen []

                """)
    }

    @Test func anErrorIsShown() {
        #expect(
            CaseTextReport.text(record(result("model", .fail, failure: "boot: no room\nfor us-0"))) == """
                FAIL  Queues <stay> near (12 ms)
                  boot: no room
                    for us-0

                """)
    }

    @Test func whatWasNotRunSaysWhy() {
        #expect(
            CaseTextReport.text(record(result("model", .skipped("not meant")))) == """
                skip  Queues <stay> near (-)
                  not meant

                """)
        #expect(
            CaseTextReport.text(record(result("model", .inconclusive("no namespaces")))) == """
                open  Queues <stay> near (-)
                  no namespaces

                """)
    }

    @Test func twoBackEndsStandSideBySide() {
        #expect(
            CaseTextReport.text(record(result("model", .pass), result("server", .pass, seconds: 1.5)))
                == "pass  Queues <stay> near (model 12 ms, server 1.5 s)\n")
        let failed = [Mismatch(place: "q.yaml:6:5", step: "s", subject: "sam", expected: "1", seen: "2")]
        var other = failed
        other[0].seen = "3"
        #expect(
            CaseTextReport.text(record(result("model", .fail, failed), result("server", .fail, other))) == """
                FAIL  Queues <stay> near (model 12 ms, server 12 ms)
                  on model:
                  q.yaml:6:5: s
                    sam  expected 1  seen 2
                  on server:
                  q.yaml:6:5: s
                    sam  expected 1  seen 3
                  back ends differ: q.yaml:6:5: sam: 2 on model, 3 on server

                """)
    }

    @Test func whatFailsAlikeOnBothIsSaidOnce() {
        let failed = [Mismatch(place: "q.yaml:6:5", step: "s", subject: "sam", expected: "1", seen: "2")]
        #expect(
            CaseTextReport.text(record(result("model", .fail, failed), result("server", .fail, failed))) == """
                FAIL  Queues <stay> near (model 12 ms, server 12 ms)
                  on both:
                  q.yaml:6:5: s
                    sam  expected 1  seen 2

                """)
    }

    @Test func verdictsThatDifferAreNamedAndTheWorstStandsInFront() {
        #expect(
            CaseTextReport.text(
                record(result("model of x", .pass), result("nats-server 2.9.10", .inconclusive("no namespaces"))))
                    == """
                    open  Queues <stay> near (model pass 12 ms, nats-server open)
                      on nats-server 2.9.10:
                      no namespaces

                    """)
        #expect(
            CaseTextReport.text(record(result("model", .pass), result("server", .fail)))
                .hasPrefix("FAIL  Queues <stay> near (model pass 12 ms, server FAIL 12 ms)\n"))
        #expect(
            CaseTextReport.text(record(result("model", .pass), result("server", .skipped("x"))))
                .hasPrefix("pass  Queues <stay> near (model pass 12 ms, server skip)\n"))
    }

    @Test func withoutNamingAllOnlyWhatDidNotPassIsShown() {
        let skipped = (1...7).map { number in
            CaseRecord(file: "\(number).yaml", title: "t", results: [result("model", .skipped("too new"))])
        }
        let records = [
            record(result("model", .pass)), record(result("model", .fail, [Self.mismatches[1]])),
            record(result("model", .inconclusive("no namespaces"))),
        ]
        #expect(
            CaseTextReport.text(records + skipped, listsAll: false) == """
                FAIL  Queues <stay> near (12 ms)
                  q.yaml:6:5: ann publishes to a 4 times
                    bea/a  expected 0..1  seen 3
                open  on model, 1 case: no namespaces
                  q.yaml
                skip  on model, 7 cases: too new
                  1.yaml
                  2.yaml
                  3.yaml
                  4.yaml
                  5.yaml
                  and 2 more; --verbose names them

                """)
        #expect(
            CaseTextReport.text(Array(records.prefix(1)), listsAll: true) == "pass  Queues <stay> near (12 ms)\n")
    }

    @Test func theSummaryCountsForEachBackEnd() {
        let records = [
            record(result("model", .pass), result("server", .fail)),
            record(result("model", .skipped("x")), result("server", .inconclusive("y"))),
        ]
        #expect(
            CaseTextReport.summary(records, seconds: 0.9996) == """
                model: 1 passed, 1 skipped
                server: 1 failed, 1 open
                2 cases in 1.0 s

                """)
        #expect(CaseTextReport.summary([], seconds: 1) == "nothing ran\n")
    }

    @Test(
        arguments: [
            ([], 2), ([.pass], 0), ([.pass, .skipped("x")], 0), ([.skipped("x")], 2), ([.pass, .inconclusive("x")], 2),
            ([.pass, .inconclusive("x"), .fail], 1),
        ] as [([CaseResult.Verdict], Int32)])
    func theExitCodeIsThatOfTheWorst(_ verdicts: [CaseResult.Verdict], _ code: Int32) {
        #expect(CaseTally(verdicts.map { result("model", $0) }).exitCode == code)
    }

    @Test func theJSONIsOneLineWithEveryField() throws {
        var passed = result("model", .pass, seconds: 0.5)
        passed.observations = [
            StepObservation(
                step: 0, place: .init("q.yaml:5:5"), copies: [.init(receiver: "sam/a", count: 2)], answers: 1)
        ]
        let failed = result("server", .fail, [Self.mismatches[1]], seconds: 2)
        #expect(
            try CaseJSONReport.text([record(passed, failed)]) == """
                {"cases":[{"differences":["passes on model, fails on server"],"file":"q.yaml","results":[\
                {"backend":"model","failure":null,"mismatches":[],"reason":null,"seconds":0.5,"skippedSteps":0,\
                "steps":[{"answers":1,"copies":{"sam/a":2},"crossings":0,"noResponders":0,"place":"q.yaml:5:5"}],\
                "verdict":"pass","version":"2.9.10"},\
                {"backend":"server","failure":null,"mismatches":[{"examples":[],"expected":"0..1",\
                "place":"q.yaml:6:5","seen":"3","step":"ann publishes to a 4 times","subject":"bea/a"}],\
                "reason":null,"seconds":2,"skippedSteps":0,"steps":[],"verdict":"fail","version":"2.9.10"}],\
                "title":"Queues <stay> near"}],"failed":1,"inconclusive":0,"passed":1,"skipped":0}

                """)
    }

    @Test func theJUnitReportIsXMLWithASuiteForEachBackEnd() throws {
        let records = [
            record(result("model", .pass), result("server", .fail, [Self.mismatches[1]])),
            record(result("model", .skipped("a \"b\"")), result("server", .fail, failure: "boot: <\u{7}>")),
        ]
        let text = CaseJUnitReport.text(records)
        #expect(
            text == """
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuites tests="4" failures="2" errors="0" skipped="1" time="0.050">
                  <testsuite name="model" tests="2" failures="0" errors="0" skipped="1" time="0.025">
                    <testcase name="Queues &lt;stay&gt; near" classname="q.yaml" time="0.012"/>
                    <testcase name="Queues &lt;stay&gt; near" classname="q.yaml" time="0.012">
                      <skipped message="a &quot;b&quot;"/>
                    </testcase>
                  </testsuite>
                  <testsuite name="server" tests="2" failures="2" errors="0" skipped="0" time="0.025">
                    <testcase name="Queues &lt;stay&gt; near" classname="q.yaml" time="0.012">
                      <failure message="1 line did not hold">
                  q.yaml:6:5: ann publishes to a 4 times
                    bea/a  expected 0..1  seen 3
                  back ends differ: passes on model, fails on server</failure>
                    </testcase>
                    <testcase name="Queues &lt;stay&gt; near" classname="q.yaml" time="0.012">
                      <failure message="boot: &lt;?&gt;">
                  boot: &lt;?&gt;</failure>
                    </testcase>
                  </testsuite>
                </testsuites>

                """)
        let found = try Elements(text)
        #expect(found.names == ["testsuites": 1, "testsuite": 2, "testcase": 4, "failure": 2, "skipped": 1])
        #expect(found.titles == Set(["Queues <stay> near"]))
    }
}

/// The elements of an XML text; throws if it is none.
private final class Elements: NSObject, XMLParserDelegate {
    var names: [String: Int] = [:]
    var titles = Set<String>()

    init(_ text: String) throws {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        guard parser.parse() else { throw parser.parserError ?? CocoaError(.coderReadCorrupt) }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        names[name, default: 0] += 1
        if name == "testcase", let title = attributes["name"] { titles.insert(title) }
    }
}
