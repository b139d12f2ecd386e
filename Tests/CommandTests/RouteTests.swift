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
        #expect(finished.output.hasPrefix("model of nats-server 2.9.10: 1 passed\n1 case in "))
        #expect(finished.error == "", "no progress where nobody watches")
    }

    @Test(arguments: ["--verbose", "-v"]) func allCasesAreNamedIfAsked(_ flag: String) throws {
        let finished = try antipode.run("route", "good.yaml", flag)
        #expect(finished.output.hasPrefix("pass  A subscriber gets its copy ("))
        #expect(finished.output.contains("\nmodel of nats-server 2.9.10: 1 passed\n"))
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
        #expect(!finished.output.contains("pass  "))
        #expect(finished.output.contains(": 1 passed, 1 failed\n2 cases in "))
    }

    @Test func aFolderIsSearchedAndFiltered() throws {
        let all = try antipode.run("route", ".")
        #expect(all.output.contains(": 1 passed, 1 failed\n"))
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
        #expect(
            skipped.output.hasPrefix(
                """
                skip  on model of nats-server 2.9.10, 1 case: holds from 2.11.0, this is 2.9.10
                  new.yaml
                model of nats-server 2.9.10: 1 skipped

                """))
        #expect(try antipode.run("route", "new.yaml", "--all-versions").code == 0)
        #expect(try antipode.run("route", "new.yaml", "--server-version", "2.11.0").code == 0)
    }

    @Test func theReportGoesToAFile() throws {
        let finished = try antipode.run("route", "wrong.yaml", "--format", "junit", "--output", "report.xml")
        #expect(finished.code == 1)
        #expect(finished.output.hasPrefix("FAIL  A subscriber gets its copy ("), "a build's log shows it as well")
        #expect(finished.output.contains("\nmodel of nats-server 2.9.10: 1 failed\n"))
        let report = try antipode.read("report.xml")
        #expect(report.contains("<failure message=\"1 line did not hold\">"))
        let json = try antipode.run("route", "good.yaml", "--format", "json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["passed"] as? Int == 1)
    }

    @Test func aTextReportInAFileNamesAllCases() throws {
        let finished = try antipode.run("route", "good.yaml", "--output", "report.txt")
        #expect(!finished.output.contains("pass  "))
        #expect(try antipode.read("report.txt").hasPrefix("pass  A subscriber gets its copy ("))
    }

    @Test func aReportThatHasNoPlaceIsRefusedBeforeAnythingRuns() throws {
        let finished = try antipode.run("route", "wrong.yaml", "--output", "nowhere/report.txt")
        #expect(finished.code == 65)
        #expect(finished.output == "")
        #expect(
            finished.error == "antipode: nowhere/report.txt: cannot be written, there is no folder nowhere\n")
    }

    @Test func aPipeIsWrittenToAndNotReplaced() throws {
        let finished = try antipode.run(
            "route", "good.yaml", "--format", "json", "--output", "/dev/stderr")
        #expect(finished.code == 0)
        #expect(finished.error.hasPrefix("{\"cases\":["))
    }

    @Test func withoutAServerNothingCanBeEmulated() throws {
        let finished = try antipode.run("route", "good.yaml", "--backend", "emulate", "--server", "./none")
        #expect(finished.code == 65)
        #expect(finished.error == "antipode: ./none: no such file\n")
        let folder = try antipode.run("route", "good.yaml", "--backend", "emulate", "--server", "/tmp")
        #expect(folder.error == "antipode: /tmp: is a folder, not a nats-server\n")
    }

    @Test func aProgramThatIsNoServerIsNamed() throws {
        let permissions: [FileAttributeKey: Any] = [.posixPermissions: 0o755]
        try antipode.write("none", "#!/bin/sh\necho something else\necho more\n")
        try FileManager.default.setAttributes(permissions, ofItemAtPath: antipode.path("none"))
        let finished = try antipode.run("route", "good.yaml", "--backend", "emulate", "--server", "./none")
        #expect(finished.code == 65)
        #expect(finished.error == "antipode: ./none --version states no version, but 'something else'\n")
        let doctor = try antipode.run("doctor", "--server", "./none")
        #expect(doctor.code == 2)
        #expect(doctor.output.contains("is none: --version says 'something else'\n"))
        #expect(doctor.output.contains("routing cases       on the model only\n"))
    }

    @Test func randomProgramsNeedAFolderForWhatTheyFind() throws {
        try antipode.write("server", "#!/bin/sh\necho nats-server: v2.9.10\n")
        let permissions: [FileAttributeKey: Any] = [.posixPermissions: 0o755]
        try FileManager.default.setAttributes(permissions, ofItemAtPath: antipode.path("server"))
        let finished = try antipode.run("route", "--random", "5", "--server", "./server", "--found", "nowhere")
        #expect(finished.code == 65)
        #expect(finished.output == "")
        #expect(finished.error == "antipode: nowhere: cannot be written, there is no folder nowhere\n")
    }

    @Test func withoutCasesHereItAsksForSome() throws {
        let finished = try antipode.run("route")
        #expect(finished.code == 65)
        #expect(finished.error == "antipode: no folder scenarios/routing here; name case files, or folders of them\n")
    }
}
