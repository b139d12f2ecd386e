import Foundation
import GRDB
import ResultStore
import Testing

/// SplitMix64: the same instants in every run of the tests.
private struct Instants {
    var state: UInt64 = 20_261_117

    mutating func next(below bound: UInt64) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % bound)
    }
}

/// Replications that the newest run has; 0 while there is no database.
private func recorded(_ path: String, run: Int64) -> Int {
    (try? ResultStore.openReadOnly(path: path).completedReplications(of: run).count) ?? 0
}

/// Waits, by looking and not by the clock, until a run has so many replications.
private func waitFor(_ count: Int, run: Int64, _ path: String, _ running: Running) throws -> Int {
    let deadline = Date.now.addingTimeInterval(120)
    while true {
        let seen = recorded(path, run: run)
        if seen >= count { return seen }
        try #require(running.process.isRunning, "the run ended before it could be killed")
        try #require(Date.now < deadline, "no progress for two minutes")
    }
}

/// What a kill must leave behind: a sound file in which each replication that is there is there as a whole.
private func checkSoundness(_ path: String, run: Int64, atLeast seen: Int) throws {
    try DatabaseQueue(path: path).read { db in
        #expect(try String.fetchAll(db, sql: "PRAGMA integrity_check") == ["ok"])
        #expect(try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").isEmpty)
        let present = try Int.fetchAll(
            db, sql: "SELECT number FROM replication WHERE run = ? ORDER BY number", arguments: [run])
        #expect(present.count >= seen)
        // They are recorded in the order of their numbers, so there are no gaps.
        #expect(present == Array(0..<present.count))
        for table in ["ledger", "response_value", "station"] {
            let counts = try Int.fetchAll(
                db,
                sql: "SELECT count(*) FROM \(table) WHERE run = ? GROUP BY replication ORDER BY replication",
                arguments: [run])
            #expect(counts.count == present.count, "\(table)")
            #expect(Set(counts).count <= 1, "\(table)")
        }
        let orphans = try Int.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM response_value v LEFT JOIN replication r
                ON r.run = v.run AND r.number = v.replication WHERE r.run IS NULL
                """)
        #expect(orphans == 0)
    }
}

/// A power cut is another matter; this is the operator who closes the laptop, or the kernel short of memory.
@Test func aKilledRunLeavesASoundDatabase() throws {
    let antipode = try Antipode.prepared()
    let path = antipode.path("results.db")
    var instants = Instants()
    for _ in 1...20 {
        // A run that was killed before it was entered has no number.
        let run = (try? ResultStore.openReadOnly(path: path).runs())?.first?.id ?? 0
        let running = try antipode.start(
            ["run", "tiny.yaml", "--replications", "10000", "--threads", "2", "--database", "results.db"])
        defer { running.stop() }
        // Some replications on, and then somewhere within the next one.
        let seen = try waitFor(instants.next(below: 5), run: run + 1, path, running)
        for _ in 0..<instants.next(below: 40) { _ = recorded(path, run: run + 1) }
        kill(running.process.processIdentifier, SIGKILL)
        running.process.waitUntilExit()
        #expect(running.process.terminationReason == .uncaughtSignal)
        if FileManager.default.fileExists(atPath: path) && recorded(path, run: run + 1) > 0 {
            try checkSoundness(path, run: run + 1, atLeast: seen)
        }
    }
    let list = try antipode.run("list", "--database", "results.db")
    #expect(list.code == 0)
    #expect(list.output.contains("running?"))
}

@Test func aKilledRunGoesOnWhereItWas() throws {
    let antipode = try Antipode.prepared()
    let path = antipode.path("results.db")
    let whole = try antipode.run("run", "tiny.yaml", "--replications", "40", "--database", "whole.db")
    let running = try antipode.start(
        ["run", "tiny.yaml", "--replications", "40", "--threads", "1", "--database", "results.db"])
    defer { running.stop() }
    _ = try waitFor(2, run: 1, path, running)
    kill(running.process.processIdentifier, SIGKILL)
    running.process.waitUntilExit()
    let resumed = try antipode.run("run", "--resume", "1", "--database", "results.db")
    #expect(resumed.code == whole.code)
    #expect(fingerprintLine(resumed) == fingerprintLine(whole))
}

@Test func controlCKeepsWhatIsFinishedAndSaysHowToGoOn() throws {
    let antipode = try Antipode.prepared()
    let path = antipode.path("results.db")
    let running = try antipode.start(
        ["run", "tiny.yaml", "--replications", "10000", "--threads", "2", "--database", "results.db"])
    defer { running.stop() }
    let seen = try waitFor(2, run: 1, path, running)
    kill(running.process.processIdentifier, SIGINT)
    let finished = try running.finish()
    #expect(finished.code == 2)
    #expect(finished.output.hasPrefix("INCONCLUSIVE  tiny"))
    #expect(finished.output.contains("\(Antipode.binary.path) run --resume 1 --database results.db"))
    try checkSoundness(path, run: 1, atLeast: seen)
    let store = try ResultStore.openReadOnly(path: path)
    #expect(try store.run(1)?.state == .interrupted)
}

/// The last field of the line on the database.
private func fingerprintLine(_ finished: Finished) -> Substring? {
    let line = finished.output.split(separator: "\n").first { $0.hasPrefix("database") }
    return line?.split(separator: " ").last
}
