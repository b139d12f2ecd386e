import Foundation
import Testing

/// The help is part of the program's contract: any change to it shows in review.
/// `ANTIPODE_UPDATE=1 swift test --filter HelpTests` writes the files again.
@Test(arguments: [
    "antipode", "run", "list", "show", "explain", "schema", "init", "reference", "route",
    "compare", "validate", "doctor",
])
func theHelpReadsAsInItsFile(_ verb: String) throws {
    let antipode = try Antipode()
    let finished = try verb == "antipode" ? antipode.run("--help") : antipode.run(verb, "--help")
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Snapshots/\(verb).txt")
    if ProcessInfo.processInfo.environment["ANTIPODE_UPDATE"] == "1" {
        try Data(finished.output.utf8).write(to: file)
    }
    #expect(finished.code == 0)
    #expect(finished.error == "")
    #expect(finished.output == String(decoding: try Data(contentsOf: file), as: UTF8.self))
    #expect(finished.output.contains("EXAMPLE"))
}

@Test func theVersionIsPrinted() throws {
    let finished = try Antipode().run("--version")
    #expect(finished.code == 0)
    #expect(finished.output == "0.1.0\n")
}

@Test(arguments: [
    ["run"], ["run", "a.yaml", "--seed", "x"], ["run", "a.yaml", "--replications", "0"],
    ["run", "a.yaml", "--threads", "0"], ["run", "a.yaml", "--set", "novalue"], ["run", "a.yaml", "--set", "=3"],
    ["run", "a.yaml", "--format", "xml"], ["run", "a.yaml", "--resume", "1"], ["run", "--resume", "1", "--seed", "2"],
    ["run", "a.yaml", "--nonsense"], ["show"], ["show", "abc"], ["explain", "1"],
    ["explain", "1", "--call", "2", "--lost", "no-gateway"], ["explain", "1", "--lost", "bad-luck"],
    ["explain", "1", "--call", "2", "--limit", "0"], ["explain", "1", "--call", ""], ["init", "--regions", "one"],
    ["init", "--regions", "one,one"],
    ["init", "--regions", "one,t/wo"], ["rehearse"],
    ["route", "--backend", "guess"], ["route", "--jobs", "0"], ["route", "--server-version", "2.8.0"],
    ["route", "--format", "xml"], ["route", "--server", "nats-server"],
    ["route", "--backend", "emulate", "--server-version", "2.9.10"], ["doctor", "now"],
    ["route", "--random", "0"], ["route", "--random", "5", "--backend", "simulate"], ["route", "--seed", "1"],
    ["route", "--random", "5", "--format", "json"],
    ["run", "a.yaml", "--server", "nats-server"], ["run", "a.yaml", "--backend", "both"],
    ["run", "a.yaml", "--link", "proxy"], ["run", "a.yaml", "--backend", "simulate", "--keep-logs", "logs"],
    ["run", "--resume", "1", "--backend", "emulate"], ["run", "a.yaml", "--backend", "emulate", "--link", "wire"],
    ["compare", "1"], ["compare", "1", "two"], ["compare", "1", "2", "--format", "xml"],
    ["validate", "--suite", "noise"], ["validate", "--jobs", "0"], ["validate", "--live-runs", "0"],
    ["validate", "--stored", "--server", "nats-server"], ["validate", "--stored", "--live-runs", "2"],
])
func aWrongCommandLineGives64(_ arguments: [String]) throws {
    let antipode = try Antipode()
    let finished = try antipode.start(arguments).finish()
    #expect(finished.code == 64)
    #expect(finished.output == "")
    #expect(finished.error.hasPrefix("Error: "))
    #expect(!antipode.exists("results"))
}

@Test func theSchemaIsJSON() throws {
    let finished = try Antipode().run("schema")
    #expect(finished.code == 0)
    let schema = try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any]
    #expect(schema?["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
}

@Test func theReferenceIsMarkdown() throws {
    let finished = try Antipode().run("reference")
    #expect(finished.code == 0)
    #expect(finished.output.hasPrefix("# Reference"))
}

@Test func initWritesFilesForTheReadersRegions() throws {
    let antipode = try Antipode()
    let finished = try antipode.run("init", "rehearsals", "--regions", "frankfurt,sydney")
    #expect(finished.code == 0)
    #expect(
        finished.output == """
            wrote rehearsals/my-deployment.yaml
            wrote rehearsals/my-scenario.yaml
            next: \(Antipode.binary.path) run rehearsals/my-scenario.yaml

            """)
    #expect(try antipode.read("rehearsals/my-deployment.yaml").contains("sydney:"))
    let scenario = try antipode.read("rehearsals/my-scenario.yaml")
    #expect(scenario.contains("near-frankfurt:"))
    #expect(scenario.contains("{ response: delivery.audio.all.after.ever, at-least: 90% }"))
}

@Test func initNeverWritesOverAFile() throws {
    let antipode = try Antipode()
    try antipode.write("my-scenario.yaml", "mine")
    let finished = try antipode.run("init")
    #expect(finished.code == 65)
    #expect(finished.error == "antipode: my-scenario.yaml is there already; --force writes over it\n")
    #expect(try antipode.read("my-scenario.yaml") == "mine")
    #expect(!antipode.exists("my-deployment.yaml"))
}

@Test func initWritesOverAFileIfForced() throws {
    let antipode = try Antipode()
    try antipode.write("my-scenario.yaml", "mine")
    #expect(try antipode.run("init", "--force").code == 0)
    #expect(try antipode.read("my-scenario.yaml") != "mine")
}
