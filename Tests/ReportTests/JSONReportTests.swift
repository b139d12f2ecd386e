import Experiment
import Foundation
import Measures
import Testing

@testable import Report

private func object(_ result: ExperimentResult) throws -> [String: Any] {
    let line = try jsonReport(result)
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
}

@Test func theJSONOfAQuietRunReadsAsWritten() throws {
    var result = Fixture.quiet()
    // The cells are checked below: here they would only be long.
    result.ledger = .init()
    let line = try jsonReport(result)
    let cells = try Regex("\"byClass\":\\[.*?\\],\"delivered\"")
    #expect(
        line.replacing(cells, with: "\"byClass\":[],\"delivered\"")
            == [
                #"{"assumptions":[],"backend":"simulate","cpuSeconds":0.004,"database":"other.db","emulations":[],"#,
                #""events":900,"expectations":[],"faults":[],"fingerprint":"000000000000abcd","#,
                #""fingerprints":["000000000000abcd"],"#,
                #""interrupted":false,"#,
                #""ledger":{"byClass":[],"delivered":0,"expected":0,"extra":0,"inFlight":0,"lost":{},"void":0},"#,
                #""recovery":null,"replay":"antipode run scenarios/region-loss.yaml --seed 7 --replications 1","#,
                #""replications":1,"replicationsDone":1,"#,
                #""responses":[{"estimate":1,"interval":null,"missing":0,"n":1,"#,
                #""name":"delivery.audio.same-region.before.ever","never":0,"unit":"share"}],"#,
                #""run":12,"scenario":"region-loss","seed":7,"stations":[],"#,
                #""verdict":"pass","violations":[],"wallSeconds":0.005}"#,
            ].joined())
}

@Test func theJSONLedgerBalances() throws {
    let ledger = try #require(try object(Fixture.faulty())["ledger"] as? [String: Any])
    let lost = try #require(ledger["lost"] as? [String: Int])
    #expect(ledger["expected"] as? Int == 11_250_000)
    #expect(lost == ["receiver not connected": 120_000, "site unreachable": 30_000, "gateway down": 270_000])
    #expect(ledger["inFlight"] as? Int == 36)
    #expect(ledger["delivered"] as? Int == 11_250_000 - 420_000 - 36)
    #expect(ledger["void"] as? Int == 360)
    #expect(ledger["extra"] as? Int == 11_106)
    #expect((ledger["byClass"] as? [Any])?.count == 18)
}

@Test func anEstimateThatIsNeverReachedIsNull() throws {
    let responses = try #require(try object(Fixture.faulty())["responses"] as? [[String: Any]])
    let slow = try #require(responses.first { $0["name"] as? String == "reconnect.audio.all.p99" })
    #expect(slow["estimate"] is NSNull)
    #expect(slow["interval"] is NSNull)
    #expect(slow["never"] as? Int == 1)
    #expect(slow["n"] as? Int == 2)
}

@Test func theJSONIsOneLineAndAlwaysTheSame() throws {
    let first = try jsonReport(Fixture.faulty())
    #expect(!first.contains("\n"))
    #expect(try jsonReport(Fixture.faulty()) == first)
}

@Test func everyKeyOfTheContractIsThere() throws {
    let keys = Set(try object(Fixture.quiet()).keys)
    let contract: Set = [
        "scenario", "run", "seed", "replications", "verdict", "expectations", "fingerprint", "fingerprints", "ledger",
        "responses", "events", "cpuSeconds", "wallSeconds", "assumptions", "database", "replay",
    ]
    #expect(contract.subtracting(keys).isEmpty)
}
