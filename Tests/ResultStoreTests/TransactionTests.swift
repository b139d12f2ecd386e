import EventKernel
import Foundation
import GRDB
import Measures
import Testing

@testable import ResultStore

/// Tables with a row for each replication or more.
private let perReplication = [
    "violation", "response_value", "histogram", "bucket", "ledger", "loss", "series", "fault", "station", "setup",
    "journal", "emulation", "fidelity_problem",
]

private func rows(_ store: ResultStore, _ table: String, replication: Int) throws -> Int? {
    try store.read { db in
        try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) WHERE replication = ?", arguments: [replication])
    }
}

@Test func anErrorInTheMiddleLeavesNothingOfThatReplication() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let run = try store.beginRun(Sample.description())
    try store.record(run: run, replication: 0, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: true)
    var broken = Sample.outcome()
    // The journal is stored last; names and assumptions that only this outcome has must vanish too.
    broken.journal[2].pairs = -1
    broken.stations[0].name = "nowhere/nats-9"
    broken.assumptions.append("only.here")
    #expect(throws: ResultStoreError.self) {
        try store.record(run: run, replication: 1, outcome: broken, wall: 1, cpu: 1, keepDetail: true)
    }
    for table in perReplication { #expect(try rows(store, table, replication: 1) == 0) }
    #expect(try store.completedReplications(of: run) == [0])
    #expect(try store.assumptions(of: run) == ["client.election-timeout", "media.key-frame-interval"])

    broken.journal[2].pairs = 0
    try store.record(run: run, replication: 1, outcome: broken, wall: 1, cpu: 1, keepDetail: true)
    #expect(try store.outcome(of: run, replication: 1)?.stations.map(\.name) == ["nowhere/nats-9"])
}

@Test func aValueThatIsNotANumberIsRefused() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let run = try store.beginRun(Sample.description())
    #expect(throws: ResultStoreError("replication 0: response people.gave-up is not a number")) {
        try store.record(
            run: run, replication: 0, outcome: Sample.outcome(gaveUp: .nan), wall: 1, cpu: 1, keepDetail: false)
    }
    #expect(try store.completedReplications(of: run) == [])
}

@Test func aReplicationIsStoredOnce() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    let store = try ResultStore.open(path: path)
    let run = try store.beginRun(Sample.description())
    try store.record(run: run, replication: 0, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: false)
    #expect(throws: ResultStoreError("\(path): replication 0 of run 1 is there already")) {
        try store.record(run: run, replication: 0, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: false)
    }
}

@Test func aReplicationOfAnUnknownRunIsRefused() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    #expect(throws: ResultStoreError.self) {
        try store.record(run: 9, replication: 0, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: false)
    }
}

@Test func aReaderNeitherWaitsForTheWriterNorSeesHalfAReplication() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    let store = try ResultStore.open(path: path)
    let run = try store.beginRun(Sample.description())
    let reader = try ResultStore.openReadOnly(path: path)
    try store.write { db, catalogue in
        var recording = Recording(db: db, run: run, replication: 0, catalogue: catalogue)
        try recording.store(Sample.outcome(), wall: 1, cpu: 1, keepDetail: true)
        #expect(try reader.completedReplications(of: run) == [])
        #expect(try reader.run(run)?.state == .running)
    }
    #expect(try reader.completedReplications(of: run) == [0])
}

@Test func filesCopiedInTheMiddleOfATransactionHoldTheFinishedReplications() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    let store = try ResultStore.open(path: path)
    let run = try store.beginRun(Sample.description())
    try store.record(run: run, replication: 0, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: true)
    // Large enough to overflow the page cache, so that uncommitted pages lie in the log when it is copied.
    var large = Sample.outcome()
    large.journal = (0..<40_000).map { index in
        JournalEntry(
            time: .start, call: Int32(index), subject: "us-east/call-\(index)/person-1",
            text: "says something long enough to fill a page soon", cause: nil, pairs: 0)
    }
    let copy = scratch.path("copy.sqlite")
    try store.write { db, catalogue in
        let before = try logSize(path)
        var recording = Recording(db: db, run: run, replication: 1, catalogue: catalogue)
        try recording.store(large, wall: 1, cpu: 1, keepDetail: true)
        #expect(try logSize(path) > before)
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
    }
    try expectIntact(copy, completed: [0])
}

@Test func aLogCutOffAnywhereHoldsWholeReplicationsOnly() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    let store = try ResultStore.open(path: path)
    let run = try store.beginRun(Sample.description())
    let start = try logSize(path)
    for replication in 0..<2 {
        try store.record(
            run: run, replication: replication, outcome: Sample.outcome(), wall: 1, cpu: 1, keepDetail: true)
    }
    let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
    var seen = Set<Int>()
    for cut in 0...20 {
        let length = start + (log.count - start) * cut / 20
        let copy = scratch.path("copy-\(cut).sqlite")
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try log.prefix(length).write(to: URL(fileURLWithPath: copy + "-wal"))
        let opened = try ResultStore.open(path: copy)
        let completed = try opened.completedReplications(of: run)
        try expectIntact(copy, completed: Array(0..<completed.count))
        seen.insert(completed.count)
    }
    #expect(seen == [0, 1, 2])
}

private func logSize(_ path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int ?? 0
}

/// Opens as `show` and as a resumed run would: the database is sound, and each replication it names is complete.
private func expectIntact(_ path: String, completed: [Int]) throws {
    #expect(try ResultStore.openReadOnly(path: path).completedReplications(of: 1) == completed)
    let store = try ResultStore.open(path: path)
    #expect(try store.read { db in try String.fetchOne(db, sql: "PRAGMA integrity_check") } == "ok")
    #expect(try store.read { db in try Row.fetchAll(db, sql: "PRAGMA foreign_key_check") }.isEmpty)
    #expect(try store.completedReplications(of: 1) == completed)
    for replication in 0..<2 {
        let present = completed.contains(replication)
        #expect(try rows(store, "journal", replication: replication) == (present ? 3 : 0))
        #expect(try rows(store, "series", replication: replication) == (present ? 10 : 0))
        #expect(try rows(store, "setup", replication: replication) == (present ? 23 : 0))
    }
}
