import EventKernel
import Measures
import ResultStore
import Testing

@Test func aKeptReplicationComesBackWhole() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let run = try store.beginRun(Sample.description())
    var original = Sample.outcome()
    original.violations = ["ledger out of balance by 1"]
    original.setupsNotKept = 3
    try store.record(run: run, replication: 0, outcome: original, wall: 1.5, cpu: 2.5, keepDetail: true)

    let restored = try #require(try store.outcome(of: run, replication: 0))
    #expect(restored.fingerprint == original.fingerprint)
    #expect(restored.events == original.events)
    #expect(restored.ledger == original.ledger)
    #expect(restored.responses == original.responses)
    #expect(restored.histograms.map(\.name) == ["latency.audio"])
    #expect(restored.histograms.map(\.histogram) == original.histograms.map(\.histogram))
    #expect(restored.series == original.series)
    #expect(restored.setups == original.setups)
    #expect(restored.setupsNotKept == 3)
    #expect(restored.faults == original.faults)
    #expect(restored.stations == original.stations)
    #expect(restored.journal == original.journal)
    #expect(restored.violations == original.violations)
    #expect(restored.assumptions == original.assumptions)
}

@Test func whatNeverHappensComesBackAsInfinity() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let run = try store.beginRun(Sample.description())
    try store.record(
        run: run, replication: 0, outcome: Sample.outcome(gaveUp: .infinity), wall: 1, cpu: 1, keepDetail: false)
    #expect(try store.responses(of: run).first?.value.value == .infinity)
    var conclusion = Sample.conclusion()
    conclusion.estimates[0].mean = .infinity
    conclusion.estimates[0].halfWidth = nil
    try store.finish(run: run, conclusion)
    #expect(try store.estimates(of: run) == conclusion.estimates)
}

@Test func detailIsReadOnlyWhenAskedFor() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    let outcome = try #require(try store.outcome(of: 1, replication: 0, withDetail: false))
    #expect(outcome.setups.isEmpty && outcome.series.isEmpty && outcome.journal.isEmpty)
    #expect(outcome.ledger == Sample.ledger())
}

@Test func aReplicationThatIsNotKeptLeavesOutTheDetail() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    let second = try #require(try store.outcome(of: 1, replication: 1))
    #expect(second.series.isEmpty && second.setups.isEmpty && second.journal.isEmpty)
    #expect(second.setupsNotKept == 23)
    #expect(second.ledger == Sample.ledger())
    #expect(try store.replications(of: 1).map(\.isKept) == [true, false])
}

@Test func aRunComesBackWithItsDescription() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let description = Sample.description(seed: UInt64.max)
    let run = try store.beginRun(description)
    var summary = try #require(try store.run(run))
    #expect(summary.description == description)
    #expect(summary.state == .running && summary.completed == 0 && summary.verdict == nil)

    try store.finish(run: run, Sample.conclusion())
    summary = try #require(try store.run(run))
    #expect(summary.state == .finished && summary.verdict == "pass")
    #expect(summary.fingerprint == UInt64.max)
    #expect(summary.wallSeconds == 60 && summary.cpuSeconds == 110.5)
    #expect(summary.finishedUTC == "2026-11-23T12:01:00Z")
}

@Test func runsAreListedNewestFirst() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    #expect(try store.runs().map(\.id) == [2, 1])
    #expect(try store.runs().map(\.completed) == [2, 2])
    #expect(try store.run(3) == nil)
}

@Test func estimatesAndExpectationsComeBack() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    #expect(try store.estimates(of: 1) == Sample.conclusion().estimates)
    #expect(try store.expectations(of: 1) == Sample.conclusion().expectations)
}

@Test func totalsSumOverReplications() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    #expect(try store.ledger(of: 1).total().expected == 700)
    #expect(try store.ledger(of: 1, replication: 1) == Sample.ledger())
    #expect(try store.histogram(of: 1, named: "latency.audio")?.count == 8)
    #expect(try store.histogram(of: 1, named: "nothing") == nil)
    let losses = try store.losses(of: 1)
    #expect(losses.map(\.cause) == [.siteUnreachable, .receiverNotConnected])
    #expect(losses.map(\.pairs) == [120, 16])
}

@Test func responsesComeByNameAndReplication() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    let responses = try store.responses(of: 2)
    #expect(responses.map(\.value.name) == ["people.gave-up", "people.gave-up", "recovery.time", "recovery.time"])
    #expect(responses.map(\.value.value) == [2, 3, nil, nil])
    #expect(responses.map(\.replication) == [0, 1, 0, 1])
}

@Test func oneCallIsToldWithWhatConcernsAll() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    #expect(try store.journal(of: 1, call: 5).map(\.value.text) == ["goes dark", "is not heard in singapore"])
    #expect(
        try store.setups(of: 1, call: 5).map(\.value.joiner) == [
            "us-east/call-5/person-10", "us-east/call-5/person-11",
        ])
    #expect(try store.setups(of: 1).count == 23)
}

@Test func lossesOfOneCauseAreTold() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    #expect(try store.journal(of: 1, cause: .receiverNotConnected).map(\.value.call) == [6])
    #expect(try store.journal(of: 1, cause: .gatewayDown).isEmpty)
}

@Test func anUnfinishedRunOfTheSameInputsIsFound() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let run = try store.beginRun(Sample.description(replications: 3))
    for replication in [0, 2] {
        try store.record(
            run: run, replication: replication, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: false)
    }
    let found = try #require(try store.unfinishedRun(hash: "h1", seed: 7, replications: 3))
    #expect(found.id == run && found.completed == [0, 2])
    #expect(try store.unfinishedRun(hash: "h1", seed: 8, replications: 3) == nil)
    #expect(try store.unfinishedRun(hash: "h2", seed: 7, replications: 3) == nil)

    try store.finish(run: run, Sample.conclusion(state: .interrupted))
    try store.resume(run: run)
    #expect(try store.run(run)?.state == .running)
    try store.finish(run: run, Sample.conclusion())
    #expect(try store.unfinishedRun(hash: "h1", seed: 7, replications: 3) == nil)
    #expect(throws: ResultStoreError.self) { try store.resume(run: run) }
}
