import Foundation
import GRDB
import Measures
import Testing

@testable import ResultStore

@Test func migrationsBuildTheSchemaFromNothing() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let migrations = try store.read { db in
        try String.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
    }
    #expect(migrations == ["1 tables", "2 views", "3 back ends"])
    let unstrict = try store.read { db in
        try String.fetchAll(
            db,
            sql: """
                SELECT name FROM pragma_table_list
                WHERE type = 'table' AND schema = 'main' AND NOT strict
                    AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'grdb%'
                """)
    }
    #expect(unstrict == [])
}

@Test func theFileUsesAWriteAheadLog() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    #expect(try store.read { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") } == "wal")
    let synchronous = try store.write { db, _ in try Int.fetchOne(db, sql: "PRAGMA synchronous") }
    #expect(synchronous == 1)
    #expect(try store.read { db in try Bool.fetchOne(db, sql: "PRAGMA foreign_keys") } == true)
}

@Test func openingAgainKeepsWhatIsThere() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    _ = try Sample.filledStore(path)
    #expect(try ResultStore.open(path: path).runs().count == 2)
    #expect(try ResultStore.openReadOnly(path: path).runs().count == 2)
}

@Test func foldersAreMadeOnTheWay() throws {
    let scratch = try Scratch()
    let path = scratch.path("results/deep/r.sqlite")
    _ = try ResultStore.open(path: path)
    #expect(FileManager.default.fileExists(atPath: path))
}

@Test func readingWhatIsNotThereCreatesNothing() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    #expect(throws: ResultStoreError("\(path): no such database; a run creates it")) {
        try ResultStore.openReadOnly(path: path)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
}

@Test func readOnlyRefusesToWrite() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    _ = try Sample.filledStore(path)
    #expect(throws: ResultStoreError("\(path): opened for reading only")) {
        try ResultStore.openReadOnly(path: path).beginRun(Sample.description())
    }
}

@Test func aDatabaseOfAnotherProgramIsLeftAsItIs() throws {
    let scratch = try Scratch()
    let path = scratch.path("other.sqlite")
    do {
        let other = try DatabaseQueue(path: path)
        try other.write { db in try db.execute(sql: "CREATE TABLE theirs (x)") }
    }
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    let expected = ResultStoreError("\(path): a database of another program; choose another path")
    #expect(throws: expected) { try ResultStore.open(path: path) }
    #expect(throws: expected) { try ResultStore.openReadOnly(path: path) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
}

@Test func aFileWhoseCreationWasCutShortIsCompleted() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    do {
        let begun = try DatabaseQueue(path: path)
        try begun.write { db in
            try db.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
        }
    }
    #expect(try ResultStore.open(path: path).runs() == [])
}

@Test func manyWhoCreateTheSameDatabaseAllSucceed() async throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
        for _ in 0..<6 {
            group.addTask { try ResultStore.open(path: path).beginRun(Sample.description()) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(ids.sorted() == [1, 2, 3, 4, 5, 6])
}

@Test func aNewerSchemaIsRefused() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    do {
        let store = try ResultStore.open(path: path)
        try store.write { db, _ in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 future')") }
    }
    let expected = ResultStoreError(
        "\(path): written by a newer version of antipode; update, or choose another path")
    #expect(throws: expected) { try ResultStore.open(path: path) }
    #expect(throws: expected) { try ResultStore.openReadOnly(path: path) }
}

@Test func aFileThatIsNoDatabaseIsRefusedAndLeftAsItIs() throws {
    let scratch = try Scratch()
    let path = scratch.path("notes.txt")
    let text = Data(String(repeating: "not a database\n", count: 100).utf8)
    try text.write(to: URL(fileURLWithPath: path))
    #expect(throws: ResultStoreError("\(path): not a database; choose another path")) {
        try ResultStore.open(path: path)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)
}

@Test func aPathThatCannotBeWrittenGivesOneLine() throws {
    let scratch = try Scratch()
    try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.path("file")))
    for path in [scratch.path("file/r.sqlite"), scratch.folder] {
        do {
            _ = try ResultStore.open(path: path)
            Issue.record("opened \(path)")
        } catch let error as ResultStoreError {
            #expect(error.description.hasPrefix(path))
            #expect(!error.description.contains("\n"))
        }
    }
}

@Test func columnsOfTheSetupTableFollowTheStages() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let columns = try store.read { db in
        try String.fetchAll(db, sql: "SELECT name FROM pragma_table_info('setup')")
    }
    let stages = SetupStage.allCases.map { $0.name.replacingOccurrences(of: " ", with: "_") + "_ms" }
    #expect(Array(columns[11..<(11 + stages.count)]) == stages)
}
