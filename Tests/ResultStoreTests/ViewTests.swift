import GRDB
import Testing

@testable import ResultStore

private func fetch(_ sql: String) throws -> [Row] {
    let scratch = try Scratch()
    let store = try Sample.filledStore(scratch.path("r.sqlite"))
    return try store.read { db in try Row.fetchAll(db, sql: sql) }
}

private func text(_ row: Row, _ column: String) -> String? { row[column] }
private func whole(_ row: Row, _ column: String) -> Int? { row[column] }
private func number(_ row: Row, _ column: String) -> Double? { row[column] }

@Test func setupPercentilesCountGivingUpAsNever() throws {
    let rows = try fetch(
        "SELECT * FROM setup_percentiles_by_region_pair WHERE run = 1 AND kind = 'first join' AND medium = 'audio'")
    let row = try #require(rows.first)
    #expect(rows.count == 1)
    #expect(whole(row, "replication") == 0)
    #expect(text(row, "joiner_region") == "us-east")
    #expect(text(row, "peer_region") == "singapore")
    // 19 finite times and one never; ranks 10, 19 and 20 of 20.
    #expect(whole(row, "setups") == 20)
    #expect(whole(row, "never") == 1)
    #expect(whole(row, "censored") == 1)
    #expect(number(row, "p50_ms") == 1_000.0)
    #expect(number(row, "p95_ms") == 1_900.0)
    #expect(number(row, "p99_ms") == nil)
}

@Test func setupPercentilesOfVideoLeaveOutPeersWithoutVideo() throws {
    let rows = try fetch(
        "SELECT * FROM setup_percentiles_by_region_pair WHERE run = 1 AND medium = 'video'")
    let row = try #require(rows.first)
    #expect(rows.count == 1)
    #expect(text(row, "kind") == "reconnect")
    #expect(whole(row, "setups") == 2)
    #expect(whole(row, "never") == 1)
    #expect(number(row, "p50_ms") == 900.000001)
    #expect(number(row, "p95_ms") == nil)
}

@Test func percentilesOfTwoTakeTheLowerForTheMedian() throws {
    let rows = try fetch(
        "SELECT * FROM setup_percentiles_by_region_pair WHERE run = 1 AND kind = 'reconnect' AND medium = 'audio'")
    let row = try #require(rows.first)
    #expect(number(row, "p50_ms") == 300.0)
    #expect(number(row, "p95_ms") == 400.0)
    #expect(number(row, "p99_ms") == 400.0)
}

@Test func deliveryBySecondShowsTheFault() throws {
    let rows = try fetch(
        "SELECT * FROM delivery_by_second WHERE run = 1 AND class = 'audio' AND path = 'cross-region' ORDER BY second")
    #expect(rows.map { $0["delivered_share"] as Double? } == [1, 1, 1, 0, 0, 0, 1, 1, 1, 1])
    #expect(rows.map { $0["within_400ms_share"] as Double? } == [0.8, 0.8, 0.8, 0, 0, 0, 0.8, 0.8, 0.8, 0.8])
}

@Test func lossesByCauseShareOutTheLostPairs() throws {
    let rows = try fetch("SELECT * FROM losses_by_cause WHERE run = 1 ORDER BY pairs DESC")
    #expect(rows.map { $0["cause"] as String } == ["site unreachable", "receiver not connected"])
    // Two replications of 60 + 8 lost out of 350 expected.
    #expect(rows.map { $0["pairs"] as Int } == [120, 16])
    #expect(rows.map { $0["share_of_lost"] as Double } == [120.0 / 136, 16.0 / 136])
    #expect(rows.map { $0["share_of_expected"] as Double } == [120.0 / 700, 16.0 / 700])
}

@Test func theLedgerBalancesInSQL() throws {
    let rows = try fetch(
        "SELECT expected - delivered - lost - in_flight AS imbalance, lost FROM ledgers WHERE run = 1")
    #expect(rows.count == 36)
    #expect(rows.allSatisfy { whole($0, "imbalance") == 0 })
    #expect(rows.map { $0["lost"] as Int }.reduce(0, +) == 136)
}

@Test func runsCountWhatIsComplete() throws {
    let rows = try fetch("SELECT * FROM runs ORDER BY run")
    #expect(rows.map { $0["completed"] as Int } == [2, 2])
    #expect(rows.map { $0["assumptions"] as Int } == [2, 2])
    #expect(rows.map { $0["seed"] as String } == ["7", "7"])
    #expect(rows.map { $0["fingerprint"] as String } == ["ffffffffffffffff", "ffffffffffffffff"])
}

@Test func estimatesCarryTheirInterval() throws {
    let rows = try fetch("SELECT * FROM estimates WHERE run = 1 ORDER BY response")
    #expect(rows.map { $0["lower"] as Double? } == [1.25, nil])
    #expect(rows.map { $0["upper"] as Double? } == [1.75, nil])
}

@Test func histogramsHaveAMean() throws {
    let rows = try fetch("SELECT * FROM histograms WHERE run = 1 AND replication = 0")
    #expect(rows.map { $0["mean"] as Double } == [9_234_000_005.0 / 4])
    #expect(rows.map { $0["maximum"] as Int } == [9_000_000_000])
}
