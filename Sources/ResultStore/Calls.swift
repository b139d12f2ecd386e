import Foundation
import GRDB
import Measures

/// A call of a kept replication, under its number and its name.
public struct KnownCall: Hashable, Sendable {
    /// Index within the replication; the same call may have another one in another replication.
    public var number: Int32
    /// `vietnam/call-12`: the same people in each replication.
    public var identity: String
}

extension ResultStore {
    /// The calls that setups or journal of the kept replications name, by replication and number.
    public func calls(of run: Int64) throws -> [InReplication<KnownCall>] {
        try read { db in try Self.calls(db, run) }
    }

    /// The calls with the most lost pairs in the journal, the costliest first; a full journal knows only its part.
    public func costliestCalls(of run: Int64, limit: Int) throws -> [(identity: String, pairs: Int64)] {
        try read { db in
            var names: [InReplication<Int32>: String] = [:]
            for call in try Self.calls(db, run) {
                names[InReplication(replication: call.replication, value: call.value.number)] = call.value.identity
            }
            let sums = try Row.fetchAll(
                db,
                sql: """
                    SELECT replication, call, sum(pairs) AS pairs FROM journal
                    WHERE run = ? AND call IS NOT NULL AND pairs > 0 GROUP BY replication, call
                    """, arguments: [run])
            var losses: [String: Int64] = [:]
            for sum in sums {
                let key = InReplication<Int32>(replication: sum["replication"], value: sum["call"])
                if let name = names[key] { losses[name, default: 0] += sum["pairs"] as Int64 }
            }
            let sorted = losses.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            return sorted.prefix(limit).map { (identity: $0.key, pairs: $0.value) }
        }
    }

    private static func calls(_ db: Database, _ run: Int64) throws -> [InReplication<KnownCall>] {
        let people = try Row.fetchAll(
            db,
            sql: """
                SELECT replication, call, joiner AS person FROM setups WHERE run = :run
                UNION
                SELECT replication, call, subject FROM journal
                WHERE run = :run AND call IS NOT NULL AND subject LIKE '%/person-%'
                ORDER BY replication, call, person
                """, arguments: ["run": run])
        var calls: [InReplication<KnownCall>] = []
        for row in people {
            let call = InReplication<KnownCall>(
                replication: row["replication"],
                value: KnownCall(number: row["call"], identity: callIdentity(of: row["person"])))
            // A call is named after the person who appears first, should its people have different prefixes.
            let isKnown = calls.last.map {
                $0.replication == call.replication && $0.value.number == call.value.number
            }
            if isKnown != true { calls.append(call) }
        }
        return calls
    }

    /// `vietnam/call-12` of `vietnam/call-12/person-2`; anything else stays as it is.
    public static func callIdentity(of person: String) -> String {
        guard let slash = person.range(of: "/person-", options: .backwards) else { return person }
        return String(person[..<slash.lowerBound])
    }
}
