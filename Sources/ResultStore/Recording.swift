import EventKernel
import Foundation
import GRDB
public import Measures

extension ResultStore {
    /// Enters a run as `running`.
    ///
    /// - Returns: the run's number, never used twice in one database.
    /// - Throws: `ResultStoreError` if the database cannot be written.
    public func beginRun(_ description: RunDescription) throws -> Int64 {
        try write { db, _ in
            let overrides = String(decoding: try JSONEncoder().encode(description.overrides), as: UTF8.self)
            try db.execute(
                sql: """
                    INSERT INTO run (name, file, scenario, deployment, hash, overrides, seed, replications, threads,
                        tool_version, host, cores, started, backend, state)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running')
                    """,
                arguments: [
                    description.name, description.file, description.scenarioText, description.deploymentText,
                    description.hash, overrides, String(description.seed), description.replications,
                    description.threads, description.toolVersion, description.host, description.cores,
                    description.startedUTC, description.backend.rawValue,
                ])
            return db.lastInsertedRowID
        }
    }

    /// Stores a replication in one transaction.
    ///
    /// - Parameters:
    ///   - replication: its number, from 0.
    ///   - wall: seconds that it took.
    ///   - cpu: CPU seconds that it took.
    ///   - keepDetail: whether to keep the series by second, the setups and the journal.
    /// - Throws: `ResultStoreError` if the database cannot be written, the run does not exist or has this replication
    ///   already, or a number is outside what the schema allows. Then nothing of the replication is stored.
    public func record(
        run: Int64, replication: Int, outcome: Outcome, wall: Double, cpu: Double, keepDetail: Bool
    ) throws {
        try write { db, catalogue in
            let exists = try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT * FROM replication WHERE run = ? AND number = ?)",
                arguments: [run, replication])
            if exists == true {
                throw ResultStoreError("\(path): replication \(replication) of run \(run) is there already")
            }
            var recording = Recording(db: db, run: run, replication: replication, catalogue: catalogue)
            try recording.store(outcome, wall: wall, cpu: cpu, keepDetail: keepDetail)
            catalogue = recording.catalogue
        }
    }

    /// Stores estimates and verdicts of a run and marks it as finished or interrupted; again after a resumption.
    ///
    /// - Throws: `ResultStoreError` if the database cannot be written.
    public func finish(run: Int64, _ conclusion: RunConclusion) throws {
        precondition(conclusion.state != .running, "a run that has been concluded does not run")
        try write { db, catalogue in
            try db.execute(sql: "DELETE FROM estimate WHERE run = ?", arguments: [run])
            try db.execute(sql: "DELETE FROM expectation WHERE run = ?", arguments: [run])
            for estimate in conclusion.estimates {
                let response = try catalogue.key(of: estimate.response, unit: estimate.unit, in: .response, db)
                try db.cachedStatement(sql: "INSERT INTO estimate VALUES (?, ?, ?, ?, ?, ?)")
                    .execute(arguments: [
                        run, response, estimate.mean, estimate.halfWidth, estimate.n, estimate.level,
                    ])
            }
            for (number, expectation) in conclusion.expectations.enumerated() {
                let response = try catalogue.key(
                    of: expectation.response, unit: expectation.unit, in: .response, db)
                try db.cachedStatement(sql: "INSERT INTO expectation VALUES (?, ?, ?, ?, ?, ?, ?)")
                    .execute(arguments: [
                        run, number, expectation.text, response, expectation.atLeast, expectation.atMost,
                        expectation.verdict,
                    ])
            }
            try db.execute(
                sql: """
                    UPDATE run SET state = ?, verdict = ?, fingerprint = ?, finished = ?, wall_seconds = ?,
                        cpu_seconds = ? WHERE id = ?
                    """,
                arguments: [
                    conclusion.state.rawValue, conclusion.verdict, conclusion.fingerprint.map(hexadecimal),
                    conclusion.finishedUTC, conclusion.wallSeconds, conclusion.cpuSeconds, run,
                ])
            if db.changesCount != 1 { throw ResultStoreError("\(path): no run \(run)") }
        }
    }

    /// Marks an unfinished run as running again.
    ///
    /// - Throws: `ResultStoreError` if the database cannot be written or the run is finished.
    public func resume(run: Int64) throws {
        try write { db, _ in
            try db.execute(
                sql: "UPDATE run SET state = 'running', finished = NULL WHERE id = ? AND state <> 'finished'",
                arguments: [run])
            if db.changesCount != 1 { throw ResultStoreError("\(path): no unfinished run \(run)") }
        }
    }

    /// The newest unfinished run of the same inputs, and the replications that it has.
    ///
    /// A run that another process is busy with looks the same as one that was killed: ask before resuming.
    public func unfinishedRun(
        hash: String, seed: UInt64, replications: Int
    ) throws -> (id: Int64, completed: [Int])? {
        try read { db in
            let id = try Int64.fetchOne(
                db,
                sql: """
                    SELECT id FROM run WHERE hash = ? AND seed = ? AND replications = ? AND state <> 'finished'
                    ORDER BY id DESC LIMIT 1
                    """,
                arguments: [hash, String(seed), replications])
            guard let id else { return nil }
            return (id, try Self.completed(db, id))
        }
    }
}

/// Sixteen hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The rows of one replication. Statements are prepared once and bound row by row: a record type with Codable would
/// take ten times as long.
struct Recording {
    let db: Database
    let run: Int64
    let replication: Int
    var catalogue: Catalogue
    private var statements: [String: Statement] = [:]

    init(db: Database, run: Int64, replication: Int, catalogue: Catalogue) {
        self.db = db
        self.run = run
        self.replication = replication
        self.catalogue = catalogue
    }

    mutating func store(_ outcome: Outcome, wall: Double, cpu: Double, keepDetail: Bool) throws {
        try insert(
            "replication",
            [
                hexadecimal(outcome.fingerprint), outcome.events, wall, cpu, keepDetail,
                keepDetail ? outcome.setupsNotKept : outcome.setupsNotKept + Int64(outcome.setups.count),
            ])
        for key in outcome.assumptions {
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO assumption VALUES (?, ?)")
                .execute(arguments: [run, key])
        }
        for (number, text) in outcome.violations.enumerated() { try insert("violation", [number, text]) }
        for response in outcome.responses { try store(response) }
        for histogram in outcome.histograms { try store(histogram) }
        try store(outcome.ledger)
        for (number, fault) in outcome.faults.enumerated() {
            try insert("fault", [number, fault.kind, fault.target, fault.start.seconds, fault.end?.seconds])
        }
        for station in outcome.stations {
            try insert(
                "station",
                [
                    try name(station.name), station.served, station.utilisation, station.peakUtilisation,
                    station.meanWait.milliseconds, station.maximumWait.milliseconds,
                ])
        }
        if let emulation = outcome.emulation { try store(emulation) }
        if !keepDetail { return }
        for row in outcome.series {
            try insert(
                "series",
                [
                    row.second, try key(row.messageClass), try key(row.path), row.expected, row.delivered,
                    row.within400ms,
                ])
        }
        for (number, setup) in outcome.setups.enumerated() { try store(setup, number) }
        for (number, entry) in outcome.journal.enumerated() {
            try insert(
                "journal",
                [
                    number, entry.time.seconds, entry.call < 0 ? nil : entry.call, entry.subject, entry.text,
                    try entry.cause.map { try catalogue.key(of: $0.name, in: .cause, db) }, entry.pairs,
                ])
        }
    }

    private mutating func store(_ response: ResponseValue) throws {
        // SQLite would turn it into NULL, which means "not observed".
        if let value = response.value, value.isNaN {
            throw ResultStoreError("replication \(replication): response \(response.name) is not a number")
        }
        let key = try catalogue.key(of: response.name, unit: response.unit, in: .response, db)
        try insert("response_value", [key, response.value])
    }

    private mutating func store(_ named: NamedHistogram) throws {
        let measure = try catalogue.key(of: named.name, unit: named.unit, in: .measure, db)
        let histogram = named.histogram
        try insert(
            "histogram",
            [measure, histogram.count, String(histogram.sum), histogram.minimum, histogram.maximum])
        for bucket in histogram.buckets {
            try insert("bucket", [measure, bucket.lower, bucket.upper, bucket.count])
        }
    }

    private mutating func store(_ ledger: Ledger) throws {
        for messageClass in MessageClass.allCases {
            for path in PathKind.allCases {
                for phase in Phase.allCases {
                    let cell = ledger[messageClass, path, phase]
                    let place: [(any DatabaseValueConvertible)?] = [
                        try key(messageClass), try key(path), try catalogue.key(of: phase.name, in: .phase, db),
                    ]
                    let within = cell.deliveredWithin
                    try insert(
                        "ledger",
                        place + [
                            cell.expected, cell.delivered, within[Int(LatencyBound.within150ms.rawValue)],
                            within[Int(LatencyBound.within400ms.rawValue)],
                            within[Int(LatencyBound.within1s.rawValue)], cell.decodable, cell.inFlight, cell.void,
                            cell.extra,
                        ])
                    for cause in LossCause.allCases where cell.lost[Int(cause.rawValue)] != 0 {
                        let id = try catalogue.key(of: cause.name, in: .cause, db)
                        try insert("loss", place + [id, cell.lost[Int(cause.rawValue)]])
                    }
                }
            }
        }
    }

    private mutating func store(_ emulation: EmulationRecord) throws {
        try insert(
            "emulation",
            [
                emulation.serverVersion, emulation.link, emulation.congestionControl, emulation.kernel,
                emulation.linkLateness99.milliseconds, emulation.linkLatenessMaximum.milliseconds,
                emulation.driverLateness99.milliseconds, emulation.driverLatenessMaximum.milliseconds,
                emulation.steal, emulation.idle, emulation.packetsDropped,
            ])
        for (number, text) in emulation.problems.enumerated() { try insert("fidelity_problem", [number, text]) }
    }

    private mutating func store(_ setup: SetupRecord, _ number: Int) throws {
        var row: [(any DatabaseValueConvertible)?] = [
            number, setup.call, try name(setup.joiner), try name(setup.peer), try name(setup.joinerRegion),
            try name(setup.peerRegion), setup.site.isEmpty ? nil : try name(setup.site), setup.isReconnect,
            setup.start.seconds,
        ]
        precondition(setup.stages.count == SetupStage.allCases.count)
        for stage in setup.stages { row.append(stage?.milliseconds) }
        row += [
            setup.firstAudio?.milliseconds, setup.firstVideo?.milliseconds, setup.expectsVideo, setup.isCensored,
        ]
        try insert("setup", row)
    }

    private mutating func key(_ messageClass: MessageClass) throws -> Int64 {
        try catalogue.key(of: messageClass.name, in: .messageClass, db)
    }

    private mutating func key(_ path: PathKind) throws -> Int64 {
        try catalogue.key(of: path.name, in: .path, db)
    }

    private mutating func name(_ text: String) throws -> Int64 {
        try catalogue.key(of: text, in: .name, db)
    }

    /// Inserts a row whose first two columns are run and replication, in the order of the table's columns.
    private mutating func insert(_ table: String, _ values: [(any DatabaseValueConvertible)?]) throws {
        let statement = try statements[table] ?? prepare(table, columns: values.count)
        statement.setUncheckedArguments(StatementArguments([run, replication] + values))
        try statement.execute()
    }

    private mutating func prepare(_ table: String, columns: Int) throws -> Statement {
        let places = String(repeating: ", ?", count: columns)
        let statement = try db.cachedStatement(sql: "INSERT INTO \(table) VALUES (?, ?\(places))")
        statements[table] = statement
        return statement
    }
}
