import Foundation
import GRDB
import Testing

@testable import ResultStore

private func page() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("docs/results.md"), encoding: .utf8)
}

/// The blocks between "```sql" and "```".
private func queries(_ text: String) -> [String] {
    text.components(separatedBy: "```sql\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
}

@Test func everyQueryOfThePageRunsAndFindsSomething() throws {
    let scratch = try Scratch()
    let path = scratch.path("r.sqlite")
    _ = try Sample.filledStore(path)
    let store = try ResultStore.openReadOnly(path: path)
    let queries = queries(try page())
    #expect(queries.count >= 8)
    for query in queries {
        let rows = try store.read { db in try Row.fetchAll(db, sql: query) }
        #expect(!rows.isEmpty, "\(query)")
    }
}

@Test func thePageNamesEveryTableAndView() throws {
    let scratch = try Scratch()
    let store = try ResultStore.open(path: scratch.path("r.sqlite"))
    let names = try store.read { db in
        try String.fetchAll(
            db,
            sql: """
                SELECT name FROM sqlite_schema
                WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'grdb%'
                """)
    }
    let text = try page()
    let missing = names.filter { !text.contains("`\($0)`") }
    #expect(missing == [])
}
