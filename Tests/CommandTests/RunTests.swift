import Foundation
import Testing

private func json(_ finished: Finished) throws -> [String: Any] {
    try #require(
        try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any], "\(finished.error)")
}

/// The fingerprint of a run of the tiny scenario.
private func fingerprint(_ antipode: Antipode, _ options: String...) throws -> String {
    let finished = try antipode.start(["run", "tiny.yaml", "--format", "json"] + options).finish()
    return try #require(try json(finished)["fingerprint"] as? String)
}

@Test func aRunPrintsASummaryAndRecordsIt() throws {
    let antipode = try Antipode.prepared()
    let finished = try antipode.run("run", "tiny.yaml")
    #expect(finished.code == 0, "\(finished.error)")
    #expect(finished.output.hasPrefix("PASS  tiny   seed 1, 2 replications of 20 s\n"))
    #expect(finished.error == "")
    let list = try antipode.run("list")
    #expect(list.code == 0)
    #expect(list.output.contains("  1  "))
    #expect(list.output.contains("2/2  pass"))
}

@Test func theSummaryOfARealRunFitsTheScreen() throws {
    let antipode = try Antipode.prepared()
    let finished = try antipode.run(
        "run", "my-scenario.yaml", "--set", "populations.near-east.traffic.concurrent=1",
        "--set", "populations.near-west.traffic.concurrent=1", "--replications", "2")
    let lines = finished.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count >= 10)
    #expect(lines.count <= 40)
    #expect(lines.allSatisfy { $0.count <= 100 })
}

@Test func showPrintsWhatRunPrinted() throws {
    let antipode = try Antipode.prepared()
    let run = try antipode.run("run", "tiny.yaml")
    let show = try antipode.run("show", "1")
    #expect(show.code == 0)
    #expect(show.output == run.output)
}

@Test func showPrintsTheJSONThatRunPrinted() throws {
    let antipode = try Antipode.prepared()
    let run = try antipode.run("run", "tiny.yaml", "--format", "json")
    let show = try antipode.run("show", "1", "--format", "json")
    #expect(show.output == run.output)
}

@Test func theJSONLedgerOfARunBalances() throws {
    let antipode = try Antipode.prepared()
    let ledger = try #require(
        try json(antipode.run("run", "tiny.yaml", "--format", "json"))["ledger"] as? [String: Any])
    let expected = try #require(ledger["expected"] as? Int)
    let lost = try #require(ledger["lost"] as? [String: Int])
    let delivered = try #require(ledger["delivered"] as? Int)
    let inFlight = try #require(ledger["inFlight"] as? Int)
    #expect(expected > 0)
    #expect(expected == delivered + lost.values.reduce(0, +) + inFlight)
}

@Test func theSameSeedGivesTheSameFingerprintWhateverTheThreads() throws {
    let antipode = try Antipode.prepared()
    let first = try fingerprint(antipode, "--seed", "7", "--threads", "1")
    #expect(try fingerprint(antipode, "--seed", "7", "--threads", "1") == first)
    #expect(try fingerprint(antipode, "--seed", "7", "--threads", "2") == first)
    #expect(try fingerprint(antipode, "--seed", "8", "--threads", "1") != first)
}

@Test func threadsInsideOneReplicationChangeNothing() throws {
    let antipode = try Antipode.prepared()
    let first = try fingerprint(antipode, "--replications", "1", "--threads", "1")
    #expect(try fingerprint(antipode, "--replications", "1", "--threads", "2") == first)
}

@Test func theReferenceExecutorGivesTheSameFingerprint() throws {
    let antipode = try Antipode.prepared()
    let windows = try fingerprint(antipode, "--executor", "windows")
    #expect(try fingerprint(antipode, "--executor", "reference") == windows)
}

@Test func whatIsPrintedDoesNotDependOnTheThreads() throws {
    func summary(_ threads: String) throws -> [Substring] {
        let finished = try Antipode.prepared().run("run", "tiny.yaml", "--threads", threads)
        return finished.output.split(separator: "\n").filter { line in
            !line.hasPrefix("cost")
        }
    }
    #expect(try summary("1") == summary("2"))
}

@Test func severalFilesGiveTheWorstExitCode() throws {
    let antipode = try Antipode.prepared()
    func variant(_ expectation: String) -> String {
        tinyScenario.replacing("delivery.audio.all.all.ever, at-least: 0%", with: expectation)
    }
    try antipode.write("fails.yaml", variant("delivery.expected-pairs, at-most: 0"))
    try antipode.write("open.yaml", variant("recovery.time, at-most: 1s"))
    #expect(try antipode.run("run", "tiny.yaml").code == 0)
    #expect(try antipode.run("run", "tiny.yaml", "open.yaml").code == 2)
    let all = try antipode.run("run", "fails.yaml", "open.yaml", "tiny.yaml", "--format", "json")
    #expect(all.code == 1)
    #expect(all.output.split(separator: "\n").count == 3)
}

@Test func explainTellsOfAFault() throws {
    let antipode = try Antipode.prepared()
    try antipode.write("loss.yaml", loss)
    _ = try antipode.run("run", "loss.yaml")
    let call = try antipode.run("explain", "1", "--call", "1")
    #expect(call.code == 0, "\(call.error)")
    #expect(call.output.hasPrefix("call 1, near-west/call-1, in run 1   tiny\n"))
    #expect(call.output.contains("0:05.000"))
    #expect(try antipode.run("explain", "1", "--call", "near-west/call-1").output == call.output)
    #expect(try antipode.run("explain", "1", "--call", "near-west/call-1/person-1").output == call.output)
    let lost = try antipode.run("explain", "1", "--lost", "site-unreachable")
    #expect(lost.code == 0)
    #expect(lost.output.hasPrefix("pairs lost to \"site unreachable\" in run 1   tiny\n"))
}

private let loss = tinyScenario.replacing(
    "timeline: []", with: "timeline:\n  - { at: 5s, for: 10s, fault: black-hole, site: west }")

@Test(arguments: [
    ("near-west/call-7", "near-west/call-1"), ("7", "1 (near-west/call-1)"), ("nonsense", "near-west/call-1"),
    ("-99999999999999999999", "near-west/call-1"),
])
func anUnknownCallGives65AndTheNearest(_ call: String, _ nearest: String) throws {
    let antipode = try Antipode.prepared()
    try antipode.write("loss.yaml", loss)
    _ = try antipode.run("run", "loss.yaml")
    let finished = try antipode.run("explain", "1", "--call=\(call)")
    #expect(finished.code == 65)
    #expect(
        finished.error
            == "antipode: run 1 knows no call \"\(call)\" in its kept replications; nearest: \(nearest)\n")
}

@Test func aRunThatKeptNoCallSaysSo() throws {
    let antipode = try Antipode.prepared()
    _ = try antipode.run("run", "tiny.yaml")
    let finished = try antipode.run("explain", "1", "--call", "0")
    #expect(finished.code == 65)
    #expect(finished.error.hasPrefix("antipode: run 1 knows no call: "))
    #expect(finished.errorLines.count == 1)
}

@Test func theSummaryNamesCallsThatExplainKnows() throws {
    let antipode = try Antipode.prepared()
    try antipode.write("loss.yaml", loss)
    let run = try antipode.run("run", "loss.yaml")
    let lines = run.output.replacing(" \\\n" + String(repeating: " ", count: 14), with: " ").split(separator: "\n")
    let line = try #require(lines.first { $0.hasPrefix("explain       ") })
    let words = line.dropFirst(14).split(separator: " ").map(String.init)
    #expect(words[0] == Antipode.binary.path)
    let explain = try antipode.start(Array(words[1...4])).finish()
    #expect(explain.code == 0, "\(explain.error)")
    #expect(explain.output.contains("\(words[4]), in run 1"))
}

@Test(arguments: [["show", "9"], ["explain", "9", "--call", "0"], ["run", "--resume", "9"]])
func anUnknownRunGives65(_ arguments: [String]) throws {
    let antipode = try Antipode.prepared()
    _ = try antipode.run("run", "tiny.yaml")
    let finished = try antipode.start(arguments).finish()
    #expect(finished.code == 65)
    #expect(finished.errorLines.count == 1)
}

@Test func aFinishedRunCannotBeResumed() throws {
    let antipode = try Antipode.prepared()
    _ = try antipode.run("run", "tiny.yaml")
    let finished = try antipode.run("run", "--resume", "1")
    #expect(finished.code == 65)
    #expect(finished.error == "antipode: run 1 is finished already\n")
}
