import GRDB

/// Integer keys of names, looked up once and then remembered.
struct Catalogue: Sendable {
    enum Table: String, CaseIterable {
        case messageClass = "message_class"
        case path, phase, cause, name, response, measure

        /// Names that live with a unit.
        var hasUnit: Bool { self == .response || self == .measure }
        var column: String { self == .name ? "text" : "name" }
    }

    private struct Key: Hashable {
        var table: Table
        var name: String
        var unit: String
    }

    private var keys: [Key: Int64] = [:]

    /// The key of a name; enters the name if it is new.
    mutating func key(of name: String, unit: String = "", in table: Table, _ db: Database) throws -> Int64 {
        let key = Key(table: table, name: name, unit: unit)
        if let known = keys[key] { return known }
        let found = try Self.find(name, unit: unit, in: table, db)
        let id = try found ?? Self.enter(name, unit: unit, in: table, db)
        keys[key] = id
        return id
    }

    private static func find(_ name: String, unit: String, in table: Table, _ db: Database) throws -> Int64? {
        if table.hasUnit {
            let statement = try db.cachedStatement(
                sql: "SELECT id FROM \(table.rawValue) WHERE name = ? AND unit = ?")
            return try Int64.fetchOne(statement, arguments: [name, unit])
        }
        let statement = try db.cachedStatement(
            sql: "SELECT id FROM \(table.rawValue) WHERE \(table.column) = ?")
        return try Int64.fetchOne(statement, arguments: [name])
    }

    private static func enter(_ name: String, unit: String, in table: Table, _ db: Database) throws -> Int64 {
        if table.hasUnit {
            try db.cachedStatement(sql: "INSERT INTO \(table.rawValue) (name, unit) VALUES (?, ?)")
                .execute(arguments: [name, unit])
        } else {
            try db.cachedStatement(sql: "INSERT INTO \(table.rawValue) (\(table.column)) VALUES (?)")
                .execute(arguments: [name])
        }
        return db.lastInsertedRowID
    }

    /// Without people and stations: those grow with each run and are not worth remembering.
    func withoutNames() -> Catalogue {
        var copy = self
        copy.keys = keys.filter { $0.key.table != .name }
        return copy
    }
}
