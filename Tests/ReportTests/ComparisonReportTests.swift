import Experiment
import Foundation
import Testing

@testable import Report

private let comparison = Comparison(Fixture.simulated(), Fixture.emulated())

private func text(all: Bool = false, filter: String? = nil) -> String {
    ComparisonText(comparison, showsAll: all, filter: filter, style: .plain).text
}

@Test func aComparisonReadsAsWritten() {
    #expect(
        text() == """
                           run 11                      run 12
            scenario       region-loss                 region-loss
            file           scenarios/region-loss.yaml  scenarios/region-loss.yaml
            back end       simulate                    emulate (nats-server 2.9.10, namespaces)  differs
            version        0.1.0                       0.1.0
            seed           7                           7
            scenario hash  00112233                    00112233
            settings       -                           -
            replications   3                           1                                         differs
            verdict        pass                        pass

            response                    run 11  n    run 12  n  difference  relative
            stream.us.delivered         75.0 %  3    50.0 %  1    -25.0 pp   -33.3 %
            stream.us.normal         never 3/3  3  4,000 ms  1           -         -
            stream.us.resumed    2,100 ms ±249  3  1,951 ms  1    -0.149 s    -7.1 %

            4 responses in both, 1 of them equal (shown with --all), 1 in run 11 only

            """)
}

@Test func equalRowsAreShownOnDemand() {
    #expect(text(all: true).contains("stream.us.lost                   0  3         0  1           0         -\n"))
    #expect(!text().contains("stream.us.lost "))
}

@Test func aFilterLeavesRowsAndCountsOfThatName() {
    let found = text(filter: "resumed")
    #expect(found.hasSuffix("\n\n1 response in both\n"))
    #expect(!found.contains("stream.us.normal"))
}

@Test func aComparisonSaysWhatWasNotFaithful() {
    let shaky = Comparison(Fixture.simulated(), Fixture.emulated(problems: ["steal 9.0 %"]))
    let found = ComparisonText(shaky, showsAll: false, filter: nil, style: .plain).text
    #expect(found.contains("\nrun 12 was not faithful: replication 0: steal 9.0 %\n"))
}

@Test func theJSONOfAComparisonHasEveryRow() throws {
    let line = try comparisonJSON(comparison, filter: nil)
    let json = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(json["differs"] as? [String] == ["back end", "replications"])
    #expect(json["onlyFirst"] as? [String] == ["stream.us.late"])
    #expect(json["onlySecond"] as? [String] == [])
    let rows = try #require(json["responses"] as? [[String: Any]])
    #expect(
        rows.map { $0["name"] as? String } == [
            "stream.us.delivered", "stream.us.lost", "stream.us.normal", "stream.us.resumed",
        ])
    #expect(rows[0]["difference"] as? Double == -0.25)
    #expect(rows[2]["difference"] is NSNull)
    let second = try #require(json["second"] as? [String: Any])
    #expect(second["backend"] as? String == "emulate")
    #expect(second["serverVersions"] as? [String] == ["2.9.10"])
}
