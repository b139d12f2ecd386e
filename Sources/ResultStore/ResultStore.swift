import Foundation
import GRDB
import Synchronization

/// The result database: one SQLite file that any SQL tool can open, written one replication at a time.
///
/// A replication is one transaction, so a process that is killed leaves the finished replications complete and
/// nothing of the others. Readers, in this process or another, never wait for the writer (write-ahead log).
/// `docs/results.md` explains tables and views.
///
/// Opening for writing creates the file and its folder: open it only after the scenario was validated, so that a
/// rejected scenario leaves the database untouched.
public final class ResultStore: Sendable {
    /// Marks the file as ours (`PRAGMA application_id`): "ANTP" in ASCII.
    static let applicationID = 0x414E_5450

    let reader: any DatabaseReader
    let writer: (any DatabaseWriter)?
    /// Keys of names that are known to be committed.
    let known = Mutex(Catalogue())
    let path: String

    private init(path: String, reader: any DatabaseReader, writer: (any DatabaseWriter)?) {
        self.path = path
        self.reader = reader
        self.writer = writer
    }

    /// Opens a database for writing; creates it, and the folder that it lies in, if it is not there.
    ///
    /// - Throws: `ResultStoreError` if the path cannot be written, holds something else than an Antipode database, or
    ///   one of a newer version.
    public static func open(path: String) throws -> ResultStore {
        try readable(path) {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try requireOurs(path)
            // A pool switches to the write-ahead log, which stays a property of the file.
            let pool = try DatabasePool(path: path, configuration: configuration())
            try migrate(pool)
            return ResultStore(path: path, reader: pool, writer: pool)
        }
    }

    /// Opens an existing database for reading; never changes it.
    ///
    /// - Throws: `ResultStoreError` as `open`, and if there is no such file.
    public static func openReadOnly(path: String) throws -> ResultStore {
        if !FileManager.default.fileExists(atPath: path) {
            throw ResultStoreError("\(path): no such database; a run creates it")
        }
        return try readable(path) {
            var configuration = configuration()
            configuration.readonly = true
            try requireOurs(path)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            if try !queue.read(migrator.hasCompletedMigrations) {
                throw ResultStoreError("\(path): written by an older version; a run with this one brings it up to date")
            }
            return ResultStore(path: path, reader: queue, writer: nil)
        }
    }

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 tables") { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            for statements in Tables.all { try db.execute(sql: statements) }
        }
        migrator.registerMigration("2 views") { db in
            for statements in Views.all { try db.execute(sql: statements) }
        }
        migrator.registerMigration("3 back ends") { db in
            for statements in Backends.all { try db.execute(sql: statements) }
        }
        return migrator
    }

    private static func migrate(_ pool: DatabasePool) throws {
        let migrator = migrator
        var failures = 0
        while true {
            do {
                return try migrator.migrate(pool)
            } catch {
                // Another process that creates the same database gets ahead by one migration for each failure here.
                failures += 1
                if failures > migrator.migrations.count { throw error }
            }
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in
            // With a write-ahead log this survives a killed process; only a power cut may cost the last transactions.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA synchronous = NORMAL") }
        }
        return configuration
    }

    /// Looks before it writes: a pool would change somebody else's database to a write-ahead log.
    private static func requireOurs(_ path: String) throws {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let attributes, (attributes[.size] as? Int) != 0 else { return }
        var configuration = configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.read { db in
            let found = try Int.fetchOne(db, sql: "PRAGMA application_id")
            let tables = try Int.fetchOne(
                db, sql: "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'grdb_migrations'")
            // A process killed between creating the file and its tables leaves it with neither mark nor tables.
            if found == 0 && tables == 0 { return }
            if found != applicationID {
                throw ResultStoreError("\(path): a database of another program; choose another path")
            }
            if try migrator.hasBeenSuperseded(db) {
                throw ResultStoreError(
                    "\(path): written by a newer version of antipode; update, or choose another path")
            }
        }
    }

    /// Runs `body` and turns whatever it throws into one readable line.
    static func readable<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ResultStoreError {
            throw error
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_NOTADB: throw ResultStoreError("\(path): not a database; choose another path")
            case .SQLITE_CANTOPEN: throw ResultStoreError("\(path): cannot be opened")
            case .SQLITE_READONLY: throw ResultStoreError("\(path): cannot be written")
            case .SQLITE_FULL: throw ResultStoreError("\(path): the disk is full")
            case .SQLITE_BUSY: throw ResultStoreError("\(path): another process keeps it locked")
            case .SQLITE_CORRUPT: throw ResultStoreError("\(path): the database is damaged")
            default:
                let message = error.message ?? "unknown error"
                throw ResultStoreError("\(path): \(message) (SQLite code \(error.extendedResultCode.rawValue))")
            }
        } catch {
            let reason = (error as NSError).localizedDescription.split(separator: "\n").joined(separator: " ")
            throw ResultStoreError("\(path): \(reason)")
        }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.readable(path) { try reader.read(body) }
    }

    /// One transaction: all of `body`, or nothing of it.
    func write<Result>(_ body: (Database, inout Catalogue) throws -> Result) throws -> Result {
        guard let writer else { throw ResultStoreError("\(path): opened for reading only") }
        return try Self.readable(path) {
            var catalogue = known.withLock { $0 }
            let result = try writer.write { db in try body(db, &catalogue) }
            // Only now: keys handed out in a transaction that was rolled back do not exist.
            known.withLock { [catalogue] in $0 = catalogue.withoutNames() }
            return result
        }
    }
}
