import Experiment
import Foundation
import Testing

@testable import Report

@Test func theSummaryOfAnEmulatedRunShowsItsCertificate() {
    let text = Summary(Fixture.emulated(), style: .plain).text
    #expect(
        text.hasPrefix(
            """
            PASS  region-loss   seed 7, 1 replication of 40 min
            real servers  nats-server 2.9.10, link by namespaces, TCP reno, kernel 6.1.0
            fidelity      late p99: link 0.0620 ms, driver 0.250 ms; steal 1.2 %, idle 50.0 %, 3 dropped

            """))
    #expect(text.contains("run 12, fingerprint none (real servers)\n"))
    #expect(text.contains("--replications 1 --backend emulate\n"))
}

@Test func theSummarySaysWhyNothingIsConcluded() {
    let text = Summary(Fixture.emulated(problems: ["a", "b", "c", "d", "e"]), style: .plain).text
    #expect(text.hasPrefix("INCONCLUSIVE  region-loss"))
    #expect(text.contains("\nunfaithful    replication 0: a\n"))
    #expect(text.contains("\n              and 2 problems more\n"))
    #expect(text.contains("\nnote          the emulation was not faithful, so nothing is concluded;"))
}

@Test func theJSONOfAnEmulatedRunHasNoFingerprint() throws {
    let line = try jsonReport(Fixture.emulated(problems: ["late"]))
    let json = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(json["fingerprint"] is NSNull)
    #expect(json["fingerprints"] as? [String] == [])
    #expect(json["backend"] as? String == "emulate")
    let certificate = try #require((json["emulations"] as? [[String: Any]])?.first)
    #expect(certificate["serverVersion"] as? String == "2.9.10")
    #expect(certificate["linkLatenessP99Ms"] as? Double == 0.062)
    #expect(certificate["problems"] as? [String] == ["late"])
}
