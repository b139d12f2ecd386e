import Foundation
import Testing

/// A scenario with one thing wrong: the starter file with a text replaced, or a file of its own.
struct Malformed: CustomTestStringConvertible {
    var testDescription: String
    var text: String?
    var replacement: String
    var whole: Data?

    init(_ name: String, _ text: String, _ replacement: String) {
        testDescription = name
        self.text = text
        self.replacement = replacement
    }

    init(_ name: String, whole: Data) {
        testDescription = name
        replacement = ""
        self.whole = whole
    }

    func bytes(from starter: String) throws -> Data {
        if let whole { return whole }
        let range = try #require(starter.range(of: text ?? ""), "the starter file has changed")
        return Data(starter.replacingCharacters(in: range, with: replacement).utf8)
    }

    /// Nine anchors, each nine times the one before: 387 million nodes if anybody followed them.
    private static let aliasBomb: String = {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let copies = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(copies)]\n"
        }
        return text
    }()

    static let all = [
        Malformed("wrong unit", "horizon: 10min", "horizon: 10kg"),
        Malformed("a bare m is no time", "horizon: 10min", "horizon: 10m"),
        Malformed("no unit", "horizon: 10min", "horizon: 10"),
        Malformed("negative time", "horizon: 10min", "horizon: -10min"),
        Malformed("unknown key", "horizon: 10min", "horison: 10min"),
        Malformed("key twice", "seed: 1", "seed: 1\nseed: 2"),
        Malformed("required key missing", "deployment: my-deployment.yaml", ""),
        Malformed("word not in the list", "kind: terminating", "kind: eternal"),
        Malformed("unknown region", "region: east", "region: atlantis"),
        Malformed("unknown place", "place: new-york", "place: new-yrok"),
        Malformed("negative rate", "traffic: { concurrent: 5 }", "traffic: { arrivals: -6/h }"),
        Malformed("share above all", "share: 10%", "share: 140%"),
        Malformed("no replications", "replications: 5", "replications: 0"),
        Malformed("fault on nothing", "site: west", "site: north"),
        Malformed("fault after the horizon", "at: 2min", "at: 20min"),
        Malformed("unknown fault", "fault: black-hole", "fault: white-hole"),
        Malformed("unknown response", "people.returned", "people.retuned"),
        Malformed("unknown setting of a model", "webtransport-blocked: 4%", "webtransport-blokked: 4%"),
        Malformed("map where a list belongs", "expect:", "expect: { a: 1 }\nnot-expect:"),
        Malformed("missing deployment", "my-deployment.yaml", "nowhere.yaml"),
        Malformed("impossible date", "2026-11-17", "2026-13-17"),
        Malformed("tab for indentation", "  near-east:", "\tnear-east:"),
        Malformed("unclosed bracket", "traffic: { concurrent: 5 }", "traffic: { concurrent: 5"),
        Malformed("empty file", whole: Data()),
        Malformed("only comments", whole: Data("# nothing\n".utf8)),
        Malformed("a line of 10 MB", whole: Data("name: ".utf8) + Data(repeating: 0x61, count: 10 << 20)),
        Malformed("alias bomb", whole: Data(aliasBomb.utf8)),
        Malformed("not UTF-8", whole: Data("name: caf".utf8) + Data([0xE9, 0x0A])),
        Malformed("NUL", whole: Data("name: a\u{0}b\n".utf8)),
        Malformed("deep nesting", whole: Data(String(repeating: "[", count: 50_000).utf8)),
        Malformed("two documents", whole: Data("name: a\n---\nname: b\n".utf8)),
    ]
}

@Test(arguments: Malformed.all)
func aMalformedScenarioGivesOneLineAnd65(_ malformed: Malformed) throws {
    let antipode = try Antipode.prepared()
    try antipode.write("bad.yaml", malformed.bytes(from: antipode.read("my-scenario.yaml")))
    let finished = try antipode.run("run", "bad.yaml")
    #expect(finished.code == 65)
    #expect(finished.output == "")
    #expect(finished.errorLines.count == 1)
    #expect(finished.error.wholeMatch(of: /[^\n]+:[0-9]+:[0-9]+: [^\n]+\n/) != nil, "\(finished.error)")
    #expect(!antipode.exists("results"))
}

@Test func aMissingFileGives65() throws {
    let antipode = try Antipode()
    let finished = try antipode.run("run", "nowhere.yaml")
    #expect(finished.code == 65)
    #expect(finished.errorLines.count == 1)
    #expect(!antipode.exists("results"))
}

@Test func aFolderInPlaceOfAFileGives65() throws {
    let antipode = try Antipode()
    let finished = try antipode.run("run", ".")
    #expect(finished.code == 65)
    #expect(finished.errorLines.count == 1)
}

@Test func anUnknownSettingOfTheCommandLineGives65() throws {
    let antipode = try Antipode.prepared()
    let finished = try antipode.run("run", "tiny.yaml", "--set", "client.nonsense=1")
    #expect(finished.code == 65)
    #expect(finished.error.hasPrefix("--set:1:"))
    #expect(finished.errorLines.count == 1)
    #expect(!antipode.exists("results"))
}

@Test func oneBadFileAmongGoodOnesStopsAllBeforeTheyStart() throws {
    let antipode = try Antipode.prepared()
    try antipode.write("bad.yaml", "name: bad\n")
    try antipode.write("worse.yaml", "")
    let finished = try antipode.run("run", "tiny.yaml", "bad.yaml", "worse.yaml")
    #expect(finished.code == 65)
    #expect(finished.errorLines.count == 2)
    #expect(!antipode.exists("results"))
}

@Test func aMalformedScenarioLeavesAnExistingDatabaseAsItIs() throws {
    let antipode = try Antipode.prepared()
    let before = Data("not even a database".utf8)
    try antipode.write("d.db", before)
    try antipode.write("bad.yaml", "")
    #expect(try antipode.run("run", "bad.yaml", "--database", "d.db").code == 65)
    #expect(try Data(contentsOf: antipode.folder.appendingPathComponent("d.db")) == before)
    #expect(!antipode.exists("d.db-wal"))
}

@Test(arguments: [["list"], ["show", "1"], ["explain", "1", "--call", "2"], ["run", "--resume", "1"]])
func aMissingDatabaseGives65(_ arguments: [String]) throws {
    let antipode = try Antipode()
    let finished = try antipode.start(arguments).finish()
    #expect(finished.code == 65)
    #expect(finished.error == "antipode: results/antipode.db: no such database; a run creates it\n")
    #expect(!antipode.exists("results"))
}

@Test(arguments: [["list"], ["show", "1"], ["run", "tiny.yaml"]])
func aFileThatIsNoDatabaseGives65(_ arguments: [String]) throws {
    let antipode = try Antipode.prepared()
    try antipode.write("d.db", String(repeating: "no database ", count: 1_000))
    let finished = try antipode.start(arguments + ["--database", "d.db"]).finish()
    #expect(finished.code == 65)
    #expect(finished.errorLines.count == 1)
    #expect(try antipode.read("d.db").hasPrefix("no database "))
}
