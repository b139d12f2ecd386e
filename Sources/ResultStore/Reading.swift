import EventKernel
import Foundation
import GRDB
public import Measures

extension ResultStore {
    /// All runs, the newest first.
    public func runs() throws -> [RunSummary] {
        try read { db in
            try Row.fetchAll(db, sql: Self.runColumns + " ORDER BY id DESC").map { try summary($0) }
        }
    }

    /// One run; `nil` if there is none of this number.
    public func run(_ id: Int64) throws -> RunSummary? {
        try read { db in
            try Row.fetchOne(db, sql: Self.runColumns + " WHERE id = ?", arguments: [id]).map { try summary($0) }
        }
    }

    private static let runColumns =
        "SELECT *, (SELECT count(*) FROM replication WHERE replication.run = run.id) AS completed FROM run"

    private func summary(_ row: Row) throws -> RunSummary {
        guard
            let seed = UInt64(row["seed"] as String), let state = RunState(rawValue: row["state"]),
            let backend = RunBackend(rawValue: row["backend"])
        else {
            throw ResultStoreError("\(path): run \(row["id"] as Int64) cannot be read")
        }
        let overrides: String = row["overrides"]
        let description = RunDescription(
            name: row["name"], file: row["file"], scenarioText: row["scenario"], deploymentText: row["deployment"],
            hash: row["hash"], overrides: try JSONDecoder().decode([String].self, from: Data(overrides.utf8)),
            seed: seed, replications: row["replications"], threads: row["threads"],
            toolVersion: row["tool_version"], host: row["host"], cores: row["cores"], startedUTC: row["started"],
            backend: backend)
        return RunSummary(
            id: row["id"], description: description, state: state, completed: row["completed"],
            verdict: row["verdict"], fingerprint: (row["fingerprint"] as String?).flatMap { UInt64($0, radix: 16) },
            finishedUTC: row["finished"], wallSeconds: row["wall_seconds"], cpuSeconds: row["cpu_seconds"])
    }

    /// Numbers of the replications that are complete, ascending.
    public func completedReplications(of run: Int64) throws -> [Int] {
        try read { db in try Self.completed(db, run) }
    }

    static func completed(_ db: Database, _ run: Int64) throws -> [Int] {
        try Int.fetchAll(
            db, sql: "SELECT number FROM replication WHERE run = ? ORDER BY number", arguments: [run])
    }

    /// The replications that are complete, in ascending order.
    public func replications(of run: Int64) throws -> [ReplicationSummary] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM replication WHERE run = ? ORDER BY number", arguments: [run]
            ).map { row in
                ReplicationSummary(
                    number: row["number"], fingerprint: UInt64(row["fingerprint"] as String, radix: 16) ?? 0,
                    events: row["events"], wallSeconds: row["wall_seconds"], cpuSeconds: row["cpu_seconds"],
                    isKept: row["kept"])
            }
        }
    }

    /// Keys of the parameters marked as assumptions that the run read, sorted.
    public func assumptions(of run: Int64) throws -> [String] {
        try read { db in
            try String.fetchAll(db, sql: "SELECT key FROM assumption WHERE run = ? ORDER BY key", arguments: [run])
        }
    }

    /// Broken invariants; not empty: the model is wrong.
    public func violations(of run: Int64) throws -> [InReplication<String>] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM violation WHERE run = ? ORDER BY replication, number", arguments: [run]
            ).map { InReplication(replication: $0["replication"], value: $0["text"]) }
        }
    }

    /// Each response of each replication, by name and then by replication.
    public func responses(of run: Int64) throws -> [InReplication<ResponseValue>] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM responses WHERE run = ? ORDER BY response, unit, replication", arguments: [run]
            ).map { row in
                InReplication(
                    replication: row["replication"],
                    value: ResponseValue(name: row["response"], unit: row["unit"], value: row["value"]))
            }
        }
    }

    /// The estimates that `finish` stored, by name.
    public func estimates(of run: Int64) throws -> [StoredEstimate] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM estimates WHERE run = ? ORDER BY response", arguments: [run])
                .map { row in
                    StoredEstimate(
                        response: row["response"], unit: row["unit"], mean: row["mean"],
                        halfWidth: row["half_width"], n: row["n"], level: row["level"])
                }
        }
    }

    /// The lines of the `expect` block with their verdicts, in the scenario's order.
    public func expectations(of run: Int64) throws -> [StoredExpectation] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM expectations WHERE run = ? ORDER BY number", arguments: [run])
                .map { row in
                    StoredExpectation(
                        text: row["text"], response: row["response"], unit: row["unit"], atLeast: row["at_least"],
                        atMost: row["at_most"], verdict: row["verdict"])
                }
        }
    }

    /// The ledger summed over the replications of a run, or of one of them.
    public func ledger(of run: Int64, replication: Int? = nil) throws -> Ledger {
        try read { db in
            var ledger = Ledger()
            for stored in try Self.replicationNumbers(db, run, replication) {
                ledger.add(try Self.ledger(db, run, stored))
            }
            return ledger
        }
    }

    /// Lost pairs over all replications, the most frequent cause first; equal numbers in the causes' own order.
    public func losses(of run: Int64) throws -> [CauseTotal] {
        let total = try ledger(of: run).total()
        return LossCause.allCases
            .map { CauseTotal(cause: $0, pairs: total.lost[Int($0.rawValue)]) }
            .filter { $0.pairs > 0 }
            .sorted { ($1.pairs, $0.cause.rawValue) < ($0.pairs, $1.cause.rawValue) }
    }

    /// A histogram merged over the replications of a run; `nil` if none has it.
    public func histogram(of run: Int64, named name: String) throws -> IntegerHistogram? {
        try read { db in
            var merged: IntegerHistogram?
            for replication in try Self.completed(db, run) {
                for named in try Self.histograms(db, run, replication) where named.name == name {
                    merged = merged ?? IntegerHistogram()
                    merged?.merge(named.histogram)
                }
            }
            return merged
        }
    }

    /// The series by second of a kept replication; empty if it was not kept.
    public func series(of run: Int64, replication: Int) throws -> [SeriesRow] {
        try read { db in try Self.series(db, run, replication) }
    }

    /// Setups of kept replications, or only those of one call.
    public func setups(of run: Int64, call: Int32? = nil) throws -> [InReplication<SetupRecord>] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM setups WHERE run = ? AND (? IS NULL OR call = ?) ORDER BY replication, number",
                arguments: [run, call, call]
            ).map { InReplication(replication: $0["replication"], value: Self.setup($0)) }
        }
    }

    /// Journal of kept replications in order of time; for one call also what concerns all calls.
    public func journal(of run: Int64, call: Int32) throws -> [InReplication<JournalEntry>] {
        try journal("run = ? AND (call = ? OR call IS NULL)", [run, call])
    }

    /// Journal entries of kept replications that tell of losses with one cause, in order of time.
    public func journal(of run: Int64, cause: LossCause) throws -> [InReplication<JournalEntry>] {
        try journal("run = ? AND cause = ?", [run, cause.name])
    }

    private func journal(
        _ condition: String, _ arguments: StatementArguments
    ) throws -> [InReplication<JournalEntry>] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM stories WHERE \(condition) ORDER BY replication, time_s, number",
                arguments: arguments
            ).map { InReplication(replication: $0["replication"], value: try Self.journalEntry($0)) }
        }
    }

    /// A whole replication as it was recorded; without series, setups and journal if those were not kept.
    ///
    /// Responses, histograms and stations come back sorted by name.
    /// - Parameter withDetail: whether to read series, setups and journal, which take nearly all of the time.
    public func outcome(of run: Int64, replication: Int, withDetail: Bool = true) throws -> Outcome? {
        try read { db in
            guard var outcome = try Self.outcome(db, run, replication) else { return nil }
            if withDetail { try Self.addDetail(to: &outcome, db, run, replication) }
            return outcome
        }
    }
}
