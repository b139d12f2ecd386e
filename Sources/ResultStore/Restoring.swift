import EventKernel
import GRDB
import Measures

// Back from rows to the values of `Measures`. Each function belongs to one table of `Tables.swift`.
extension ResultStore {
    static func replicationNumbers(_ db: Database, _ run: Int64, _ only: Int?) throws -> [Int] {
        try completed(db, run).filter { only == nil || $0 == only }
    }

    static func outcome(_ db: Database, _ run: Int64, _ replication: Int) throws -> Outcome? {
        let place: StatementArguments = [run, replication]
        guard
            let head = try Row.fetchOne(
                db, sql: "SELECT * FROM replication WHERE run = ? AND number = ?", arguments: place)
        else { return nil }
        func rows(_ table: String, by order: String) throws -> [Row] {
            try Self.rows(db, table, run, replication, by: order)
        }
        var outcome = Outcome()
        outcome.fingerprint = UInt64(head["fingerprint"] as String, radix: 16) ?? 0
        outcome.events = head["events"]
        outcome.setupsNotKept = head["setups_not_kept"]
        outcome.ledger = try ledger(db, run, replication)
        outcome.responses = try rows("responses", by: "response, unit").map {
            ResponseValue(name: $0["response"], unit: $0["unit"], value: $0["value"])
        }
        outcome.histograms = try histograms(db, run, replication)
        outcome.faults = try rows("fault", by: "number").map {
            FaultRecord(
                kind: $0["kind"], target: $0["target"], start: time($0["start_s"]),
                end: ($0["end_s"] as Double?).map(time))
        }
        outcome.stations = try rows("stations", by: "station").map {
            StationRecord(
                name: $0["station"], served: $0["served"], utilisation: $0["utilisation"],
                peakUtilisation: $0["peak_utilisation"], meanWait: duration($0["mean_wait_ms"]),
                maximumWait: duration($0["maximum_wait_ms"]))
        }
        outcome.emulation = try emulation(db, run, replication)
        outcome.violations = try rows("violation", by: "number").map { $0["text"] }
        outcome.assumptions = try String.fetchAll(
            db, sql: "SELECT key FROM assumption WHERE run = ? ORDER BY key", arguments: [run])
        return outcome
    }

    /// The fidelity certificate of an emulated replication; `nil` for a simulated one.
    private static func emulation(_ db: Database, _ run: Int64, _ replication: Int) throws -> EmulationRecord? {
        guard let row = try rows(db, "emulation", run, replication, by: "replication").first else { return nil }
        return EmulationRecord(
            serverVersion: row["server_version"], link: row["link"], congestionControl: row["congestion_control"],
            kernel: row["kernel"], linkLateness99: duration(row["link_lateness_p99_ms"]),
            linkLatenessMaximum: duration(row["link_lateness_max_ms"]),
            driverLateness99: duration(row["driver_lateness_p99_ms"]),
            driverLatenessMaximum: duration(row["driver_lateness_max_ms"]), steal: row["steal"], idle: row["idle"],
            packetsDropped: row["packets_dropped"],
            problems: try rows(db, "fidelity_problem", run, replication, by: "number").map { $0["text"] })
    }

    static func addDetail(to outcome: inout Outcome, _ db: Database, _ run: Int64, _ replication: Int) throws {
        outcome.series = try series(db, run, replication)
        outcome.setups = try rows(db, "setups", run, replication, by: "number").map(setup)
        outcome.journal = try rows(db, "stories", run, replication, by: "number").map(journalEntry)
    }

    private static func rows(
        _ db: Database, _ table: String, _ run: Int64, _ replication: Int, by order: String
    ) throws -> [Row] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM \(table) WHERE run = ? AND replication = ? ORDER BY \(order)",
            arguments: [run, replication])
    }

    static func ledger(_ db: Database, _ run: Int64, _ replication: Int) throws -> Ledger {
        var ledger = Ledger()
        let place: StatementArguments = [run, replication]
        for row in try Row.fetchAll(
            db, sql: "SELECT * FROM ledgers WHERE run = ? AND replication = ?", arguments: place)
        {
            var cell = LedgerCell()
            cell.expected = row["expected"]
            cell.delivered = row["delivered"]
            cell.deliveredWithin[Int(LatencyBound.within150ms.rawValue)] = row["within_150ms"]
            cell.deliveredWithin[Int(LatencyBound.within400ms.rawValue)] = row["within_400ms"]
            cell.deliveredWithin[Int(LatencyBound.within1s.rawValue)] = row["within_1s"]
            cell.deliveredWithin[Int(LatencyBound.ever.rawValue)] = row["delivered"]
            cell.decodable = row["decodable"]
            cell.inFlight = row["in_flight"]
            cell.void = row["void"]
            cell.extra = row["extra"]
            ledger[try messageClass(row), try path(row), try phase(row)] = cell
        }
        for row in try Row.fetchAll(
            db, sql: "SELECT * FROM losses WHERE run = ? AND replication = ?", arguments: place)
        {
            let cause = try cause(row["cause"])
            ledger[try messageClass(row), try path(row), try phase(row)].lost[Int(cause.rawValue)] = row["pairs"]
        }
        return ledger
    }

    static func histograms(_ db: Database, _ run: Int64, _ replication: Int) throws -> [NamedHistogram] {
        let heads = try Row.fetchAll(
            db,
            sql: """
                SELECT h.*, m.name, m.unit FROM histogram h JOIN measure m ON m.id = h.measure
                WHERE h.run = ? AND h.replication = ? ORDER BY m.name, m.unit
                """,
            arguments: [run, replication])
        return try heads.map { head in
            let buckets = try Row.fetchAll(
                db,
                sql: "SELECT * FROM bucket WHERE run = ? AND replication = ? AND measure = ? ORDER BY lower",
                arguments: [run, replication, head["measure"] as Int64]
            ).map { IntegerHistogram.Bucket(lower: $0["lower"], upper: $0["upper"], count: $0["count"]) }
            guard
                let sum = Int128(head["sum"] as String),
                let histogram = IntegerHistogram(
                    restoring: buckets, sum: sum, minimum: head["minimum"] ?? 0, maximum: head["maximum"] ?? 0)
            else { throw ResultStoreError("the histogram \(head["name"] as String) of run \(run) contradicts itself") }
            return NamedHistogram(name: head["name"], unit: head["unit"], histogram: histogram)
        }
    }

    static func series(_ db: Database, _ run: Int64, _ replication: Int) throws -> [SeriesRow] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT s.*, c.name AS class_name, p.name AS path_name FROM series s
                JOIN message_class c ON c.id = s.class JOIN path p ON p.id = s.path
                WHERE run = ? AND replication = ?
                """,
            arguments: [run, replication]
        ).map { row in
            SeriesRow(
                second: row["second"], path: try path(row, column: "path_name"),
                messageClass: try messageClass(row, column: "class_name"), expected: row["expected"],
                delivered: row["delivered"], within400ms: row["within_400ms"])
        }.sorted {
            ($0.second, $0.path.rawValue, $0.messageClass.rawValue)
                < ($1.second, $1.path.rawValue, $1.messageClass.rawValue)
        }
    }

    static func setup(_ row: Row) -> SetupRecord {
        let stages = [
            "resolve_ms", "token_ms", "connect_ms", "elect_ms", "interest_ms", "first_packet_ms", "playable_ms",
        ]
        return SetupRecord(
            joiner: row["joiner"], peer: row["peer"], call: row["call"], joinerRegion: row["joiner_region"],
            peerRegion: row["peer_region"], isReconnect: row["kind"] == "reconnect", start: time(row["start_s"]),
            stages: stages.map { (row[$0] as Double?).map(duration) },
            firstAudio: (row["first_audio_ms"] as Double?).map(duration),
            firstVideo: (row["first_video_ms"] as Double?).map(duration), expectsVideo: row["expects_video"],
            isCensored: row["is_censored"], site: row["site"] ?? "")
    }

    static func journalEntry(_ row: Row) throws -> JournalEntry {
        JournalEntry(
            time: time(row["time_s"]), call: row["call"] ?? -1, subject: row["subject"], text: row["text"],
            cause: try (row["cause"] as String?).map(cause), pairs: row["pairs"])
    }

    // Rounding gives the nanosecond back up to 26 days: beyond, a double's spacing nears a nanosecond.
    private static func time(_ seconds: Double) -> SimTime {
        SimTime(nanoseconds: Int64((seconds * 1e9).rounded()))
    }

    private static func duration(_ milliseconds: Double) -> SimDuration {
        SimDuration(nanoseconds: Int64((milliseconds * 1e6).rounded()))
    }

    private static func messageClass(_ row: Row, column: String = "class") throws -> MessageClass {
        try known(row[column], MessageClass.allCases, \.name)
    }

    private static func path(_ row: Row, column: String = "path") throws -> PathKind {
        try known(row[column], PathKind.allCases, \.name)
    }

    private static func phase(_ row: Row) throws -> Phase { try known(row["phase"], Phase.allCases, \.name) }

    private static func cause(_ name: String) throws -> LossCause { try known(name, LossCause.allCases, \.name) }

    private static func known<Case>(_ name: String, _ cases: [Case], _ caseName: KeyPath<Case, String>) throws -> Case {
        guard let found = cases.first(where: { $0[keyPath: caseName] == name }) else {
            throw ResultStoreError("the database names \"\(name)\", which this version does not know")
        }
        return found
    }
}
