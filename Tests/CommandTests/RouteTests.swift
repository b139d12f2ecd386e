import Foundation
import Testing

private let goodCase = """
    case: A subscriber gets its copy
    clusters: {us: 1}
    clients: {ann: us-0, bob: us-0}
    steps:
      - {subscribe: bob, to: a}
      - {publish: ann, to: a, expect: {bob: 1}}

    """

@Suite struct RouteTests {
    private let antipode: Antipode

    init() throws {
        antipode = try Antipode()
        try antipode.write("good.yaml", goodCase)
        try antipode.write("wrong.yaml", goodCase.replacingOccurrences(of: "{bob: 1}", with: "{bob: 2}"))
    }

    @Test func casesThatHoldGive0() throws {
        let finished = try antipode.run("route", "good.yaml")
        #expect(finished.code == 0)
        #expect(finished.output.hasPrefix("pass  A subscriber gets its copy ("))
        #expect(finished.output.contains("\nmodel of nats-server 2.9.10: 1 passed ("))
        #expect(finished.error == "")
    }

    @Test func aCaseThatDoesNotHoldGives1() throws {
        let finished = try antipode.run("route", "good.yaml", "wrong.yaml")
        #expect(finished.code == 1)
        #expect(finished.output.contains("FAIL  A subscriber gets its copy ("))
        #expect(
            finished.output.contains(
                """
                  wrong.yaml:6:5: ann publishes to a
                    bob  expected 2  seen 1

                """))
        #expect(finished.output.contains(": 1 passed, 1 failed ("))
    }

    @Test func aFolderIsSearchedAndFiltered() throws {
        let all = try antipode.run("route", ".")
        #expect(all.output.contains(": 1 passed, 1 failed ("))
        let some = try antipode.run("route", ".", "--filter", "GOOD")
        #expect(some.code == 0)
        let none = try antipode.run("route", ".", "--filter", "nothing like it")
        #expect(none.code == 65)
        #expect(none.error == "antipode: no case has 'nothing like it' in its title or file name\n")
    }

    @Test func aWrongFileGives65BeforeAnythingRuns() throws {
        try antipode.write("bad.yaml", goodCase.replacingOccurrences(of: "subscribe", with: "subscirbe"))
        let finished = try antipode.run("route", "good.yaml", "bad.yaml", "missing.yaml")
        #expect(finished.code == 65)
        #expect(finished.output == "")
        #expect(
            finished.error == """
                bad.yaml:5:6: unknown verb "subscirbe" (did you mean "subscribe"?)
                missing.yaml:1:1: no such file

                """)
    }

    @Test func casesOfOtherReleasesAreSkippedUnlessAsked() throws {
        try antipode.write("new.yaml", "versions: {from: 2.11.0}\n" + goodCase)
        let skipped = try antipode.run("route", "new.yaml")
        #expect(skipped.code == 2)
        #expect(skipped.output.hasPrefix("skip  A subscriber gets its copy (-)\n  holds from 2.11.0, this is 2.9.10\n"))
        #expect(try antipode.run("route", "new.yaml", "--all-versions").code == 0)
        #expect(try antipode.run("route", "new.yaml", "--server-version", "2.11.0").code == 0)
    }

    @Test func theReportGoesToAFile() throws {
        let finished = try antipode.run("route", "wrong.yaml", "--format", "junit", "--output", "report.xml")
        #expect(finished.code == 1)
        #expect(finished.output.hasPrefix("model of nats-server 2.9.10: 1 failed ("))
        let report = try antipode.read("report.xml")
        #expect(report.contains("<failure message=\"1 line did not hold\">"))
        let json = try antipode.run("route", "good.yaml", "--format", "json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["passed"] as? Int == 1)
    }
}
