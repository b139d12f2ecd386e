import EventKernel
import GRDB
import Measures
import Testing

@testable import ResultStore

private func emulated() -> Outcome {
    var outcome = Sample.outcome()
    outcome.fingerprint = 0
    outcome.emulation = EmulationRecord(
        serverVersion: "2.9.10", link: "namespaces", congestionControl: "reno", kernel: "Linux 6.1.0",
        linkLateness99: .microseconds(60), linkLatenessMaximum: .milliseconds(2),
        driverLateness99: .microseconds(250), driverLatenessMaximum: .milliseconds(7), steal: 0.0125, idle: 0.5,
        packetsDropped: 3, problems: ["steal 1.3 %", "3 packets dropped"])
    return outcome
}

@Test func theFidelityCertificateComesBackWhole() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    var description = Sample.description()
    description.backend = .emulate
    let run = try store.beginRun(description)
    try store.record(run: run, replication: 0, outcome: emulated(), wall: 1, cpu: 1, keepDetail: false)
    #expect(try store.run(run)?.description.backend == .emulate)
    #expect(try store.outcome(of: run, replication: 0)?.emulation == emulated().emulation)
}

@Test func aSimulatedReplicationHasNoCertificate() throws {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    #expect(try store.outcome(of: 1, replication: 0)?.emulation == nil)
    #expect(try store.run(1)?.description.backend == .simulate)
}

@Test func theViewsCountTheProblems() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let run = try store.beginRun(Sample.description())
    try store.record(run: run, replication: 0, outcome: emulated(), wall: 1, cpu: 1, keepDetail: false)
    let problems = try store.read { db in
        try Int.fetchAll(
            db, sql: "SELECT problems FROM emulations UNION ALL SELECT fidelity_problems FROM runs")
    }
    #expect(problems == [2, 2])
}

/// A database as the version before wrote it: two migrations, and a run without a back end.
private func writeSecondVersion(_ path: String) throws {
    let queue = try DatabaseQueue(path: path)
    try ResultStore.migrator.migrate(queue, upTo: "2 views")
    try queue.write { db in
        try db.execute(
            sql: """
                INSERT INTO run (name, file, scenario, deployment, hash, overrides, seed, replications, threads,
                    tool_version, host, cores, started, finished, state, verdict, fingerprint)
                VALUES ('old', 'old.yaml', 'x', '', 'h', '[]', '7', 1, 1, '0.1.0', 'bench', 2,
                    '2026-11-20T12:00:00Z', '2026-11-20T12:01:00Z', 'finished', 'pass', '00000000000000ff');
                INSERT INTO replication VALUES (1, 0, '00000000000000ff', 5, 1, 1, 0, 0);
                """)
    }
}

@Test func aDatabaseOfTheSecondVersionIsBroughtUpToDate() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    try writeSecondVersion(path)
    let store = try ResultStore.open(path: path)
    let run = try #require(try store.run(1))
    #expect(run.description.name == "old")
    #expect(run.description.backend == .simulate)
    #expect(run.fingerprint == 0xFF)
    #expect(try store.outcome(of: 1, replication: 0)?.emulation == nil)
    let runs = try store.read { db in
        try Row.fetchAll(db, sql: "SELECT run, backend, completed, fidelity_problems FROM runs")
    }
    #expect(runs == [["run": 1, "backend": "simulate", "completed": 1, "fidelity_problems": 0]])
}

@Test func aDatabaseOfTheSecondVersionIsNotChangedByReading() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    try writeSecondVersion(path)
    let expected = ResultStoreError(
        "\(path): written by an older version; a run with this one brings it up to date")
    #expect(throws: expected) { try ResultStore.openReadOnly(path: path) }
}
