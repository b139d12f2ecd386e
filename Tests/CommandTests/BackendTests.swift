import Emulation
import Foundation
import Testing

/// A program that says that it is a nats-server of some release; nothing more is asked of it here.
private func writeServer(_ antipode: Antipode, _ version: String) throws {
    try antipode.write("nats-server", "#!/bin/sh\necho 'nats-server: v\(version)'\n")
    try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: antipode.path("nats-server"))
}

@Test func aServerThatBehavesOtherwiseThanTheDeploymentsGives65() throws {
    let antipode = try Antipode.prepared()
    try writeServer(antipode, "2.15.1")
    let finished = try antipode.run("run", "tiny.yaml", "--backend", "emulate", "--server", "./nats-server")
    #expect(finished.code == 65)
    #expect(
        finished.error == """
            antipode: tiny.yaml: nats-server 2.15.1 behaves otherwise than the 2.9.10 of region east; \
            name another with --server, or set the region's nats.version

            """)
    #expect(!antipode.exists("results"))
}

@Test(arguments: [["run", "tiny.yaml", "--backend", "emulate"], ["validate", "tiny.yaml"]])
func aServerThatIsNotThereGives65(_ arguments: [String]) throws {
    let antipode = try Antipode.prepared()
    let finished = try antipode.start(arguments + ["--server", "./nowhere"]).finish()
    #expect(finished.code == 65)
    #expect(finished.error == "antipode: ./nowhere: no such file\n")
}

// MARK: compare

@Test func twoRunsAreLaidSideBySide() throws {
    let antipode = try Antipode.prepared()
    _ = try antipode.run("run", "tiny.yaml")
    _ = try antipode.run("run", "tiny.yaml", "--seed", "2")
    let finished = try antipode.run("compare", "1", "latest")
    #expect(finished.code == 0, "\(finished.error)")
    #expect(finished.output.contains("run 1"))
    #expect(finished.output.contains(/\nseed +1 +2 +differs\n/))
    #expect(finished.output.contains("in both"))
    let json = try antipode.run("compare", "1", "2", "--format", "json", "--filter", "delivery.audio")
    let object = try #require(
        try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(object["differs"] as? [String] == ["seed"])
}

@Test func aRunComparedWithItselfHasNoRows() throws {
    let antipode = try Antipode.prepared()
    _ = try antipode.run("run", "tiny.yaml")
    let finished = try antipode.run("compare", "latest", "latest")
    #expect(finished.code == 0)
    #expect(!finished.output.contains("relative"))
    #expect(try antipode.run("compare", "1", "1", "--all").output.contains("relative"))
}

@Test func comparingARunThatIsNotThereGives65() throws {
    let antipode = try Antipode.prepared()
    _ = try antipode.run("run", "tiny.yaml")
    let finished = try antipode.run("compare", "1", "7")
    #expect(finished.code == 65)
    #expect(finished.error == "antipode: no run 7 in results/antipode.db\n")
}

// MARK: validate

/// The tiny scenario with a plain stream that is compared with what earlier measurements are said to have been.
private func calibrated(_ measured: String) -> String {
    tinyScenario.components(separatedBy: "populations:")[0].replacing("start: 2026-11-17T13:30:00Z\n", with: "") + """
        publishers:
          - name: near
            server: east/nats-0
            subject: near
            rate: 10/s
            size: 100B
            subscribers: [east/nats-0]
        calibration:
          suite: healthy
          rows:
            - { response: stream.near.lost, margin: 1, measured: \(measured), measurements: 3 }

        """
}

@Test func validateWithoutServersHoldsTheModelAgainstWhatIsStored() throws {
    let antipode = try Antipode.prepared()
    try antipode.write("good.yaml", calibrated("[0, 0]"))
    try antipode.write("bad.yaml", calibrated("[50, 60]"))
    let good = try antipode.run("validate", "good.yaml", "--stored")
    #expect(good.code == 0, "\(good.error)\(good.output)")
    #expect(good.output.hasPrefix("suite healthy\n"))
    #expect(good.output.hasSuffix("\nPASS  1 pass, 0 fail, 0 inconclusive\n"))
    let both = try antipode.run("validate", "good.yaml", "bad.yaml", "--stored", "--format", "json")
    #expect(both.code == 1)
    let json = try #require(try JSONSerialization.jsonObject(with: Data(both.output.utf8)) as? [String: Any])
    #expect(json["verdict"] as? String == "fail")
}

@Test func validateWritesItsReportAndItsPage() throws {
    let antipode = try Antipode.prepared()
    try antipode.write("good.yaml", calibrated("[0, 0]"))
    let finished = try antipode.run(
        "validate", "good.yaml", "--stored", "--format", "json", "--output", "r.json", "--report", "page.md")
    #expect(finished.code == 0, "\(finished.error)")
    #expect(finished.output.hasPrefix("suite healthy\n"))
    #expect(try antipode.read("r.json").hasPrefix(#"{"cases":["#))
    let page = try antipode.read("page.md")
    #expect(page.hasPrefix("# Validation\n"))
    #expect(page.contains("| command | `antipode validate good.yaml --stored` |"))
    #expect(!antipode.exists("images"))
}

@Test func validateNamesWhatItCannotUse() throws {
    let antipode = try Antipode.prepared()
    #expect(
        try antipode.run("validate", "--stored").error
            == "antipode: no scenarios in scenarios/calibration here; name scenario files\n")
    let plain = try antipode.run("validate", "tiny.yaml", "--stored")
    #expect(plain.code == 65)
    #expect(plain.error == "antipode: tiny.yaml: has no calibration block, so there is nothing to compare\n")
    try antipode.write("good.yaml", calibrated("[0, 0]"))
    let other = try antipode.run("validate", "good.yaml", "--stored", "--suite", "burst")
    #expect(other.code == 65)
    #expect(other.error == "antipode: no scenario of suite burst\n")
    #expect(try antipode.run("validate", "nowhere.yaml", "--stored").code == 65)
    #expect(try antipode.run("validate", "good.yaml", "--stored", "--report", "no/page.md").code == 65)
}
