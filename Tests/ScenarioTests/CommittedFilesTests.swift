import CallModel
import EventKernel
import Foundation
import Measures
import Testing

@testable import Scenario

@Suite struct CommittedFilesTests {
    static let scenarios = [
        "baseline", "region-loss", "region-loss-refused", "region-power-loss", "seed-as-deployed", "wan-partition",
    ]

    @Test func everyScenarioFileIsInTheListAbove() throws {
        let folder = Samples.root.appendingPathComponent("scenarios").path
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
        #expect(Set(Self.scenarios.map { $0 + ".yaml" }).isSubset(of: Set(files)))
        for file in files { _ = try ScenarioReader.load(path: folder + "/" + file) }
    }

    @Test(arguments: scenarios)
    func scenariosLoadAndExpectSomething(_ name: String) throws {
        let path = Samples.root.appendingPathComponent("scenarios/\(name).yaml").path
        let loaded = try ScenarioReader.load(path: path)
        #expect(loaded.scenario.name == name)
        #expect(!loaded.scenario.expectations.isEmpty)
        #expect(loaded.text.hasPrefix("# Rehearses"))
        #expect(!loaded.deploymentText.isEmpty)
        if name != "seed-as-deployed" { #expect(loaded.findings.isEmpty) }
    }

    @Test(arguments: ["region-loss", "region-loss-refused", "region-power-loss"])
    func lossesOfARegionLastTwentyMinutesInTheEveningPeak(_ name: String) throws {
        let path = Samples.root.appendingPathComponent("scenarios/\(name).yaml").path
        let scenario = try ScenarioReader.load(path: path).scenario
        let fault = try #require(scenario.timeline.first)
        #expect(try #require(fault.end) - fault.start == .minutes(20))
        #expect(scenario.horizon >= .minutes(35))
        #expect(scenario.startUTC % 86_400 == 13 * 3_600 + 30 * 60)
        #expect(fault.kind.wholeRegion == 1)
    }

    @Test func templatesParseTogether() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("antipode-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try InitTemplates.deployment(first: "paris", second: "tokyo").write(
            to: folder.appendingPathComponent("d.yaml"), atomically: true, encoding: .utf8)
        let file = folder.appendingPathComponent("s.yaml")
        try InitTemplates.scenario(deployment: "d.yaml", first: "paris", second: "tokyo").write(
            to: file, atomically: true, encoding: .utf8)
        let loaded = try ScenarioReader.load(path: file.path)
        #expect(loaded.scenario.deployment.regions.map(\.name) == ["paris", "tokyo"])
        #expect(loaded.scenario.populations.map(\.name) == ["near-paris", "near-tokyo"])
        #expect(loaded.findings.isEmpty)
    }

    @Test func theExampleOfTheFormatPageLoads() throws {
        let page = Samples.root.appendingPathComponent("docs/scenario-format.md")
        let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```")
        let example = try #require(parts.first { $0.hasPrefix("yaml\n") }).dropFirst("yaml\n".count)
        let file = Samples.root.appendingPathComponent("scenarios/example.yaml").path
        let scenario = try ScenarioReader.parse(text: String(example), file: file).scenario
        #expect(scenario.populations.map(\.name) == ["vietnam", "americas"])
        #expect(scenario.timeline.count == 1)
    }

    @Test func countsTheAssumptionsInUse() throws {
        let path = Samples.root.appendingPathComponent("scenarios/baseline.yaml").path
        let keys = assumptionsInUse(try ScenarioReader.load(path: path).scenario)
        #expect(keys.contains("client.connect-timeout"))
        #expect(keys.contains("access.wifi"))
        #expect(keys.contains("place.ho-chi-minh"))
        #expect(!keys.contains("place.new-york"))
        #expect(!keys.contains("dns.missteered"))
        let stated = try ScenarioReader.load(
            path: path, overrides: ["client.connect-timeout=9s", "steering=geo-dns"]
        ).scenario
        #expect(!assumptionsInUse(stated).contains("client.connect-timeout"))
        #expect(assumptionsInUse(stated).contains("dns.missteered"))
    }
}

/// The pages under `docs/` that are generated. `ANTIPODE_UPDATE=1 swift test --filter Generated` writes them anew.
@Suite struct GeneratedPagesTests {
    static let isUpdate = ProcessInfo.processInfo.environment["ANTIPODE_UPDATE"] == "1"

    static func check(_ name: String, _ text: String) throws {
        let file = Samples.root.appendingPathComponent("docs/\(name)")
        if isUpdate { try text.write(to: file, atomically: true, encoding: .utf8) }
        #expect(try String(contentsOf: file, encoding: .utf8) == text, "docs/\(name) is out of date")
    }

    @Test func theSchemaIsUpToDate() throws { try Self.check("scenario.schema.json", ScenarioSchema.json()) }

    @Test func theReferencePageIsUpToDate() throws { try Self.check("reference.md", ReferencePage.markdown()) }

    @Test func theListOfAssumptionsIsUpToDate() throws {
        let file = Samples.root.appendingPathComponent("docs/assumptions.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        try Self.check("assumptions.md", try #require(AssumptionList.replacingGeneratedPart(of: page)))
    }

    @Test func theSchemaIsJSONWithEveryTopLevelKey() throws {
        let value = try JSONSerialization.jsonObject(with: Data(ScenarioSchema.json().utf8))
        let schema = try #require(value as? [String: Any])
        let properties = try #require(schema["properties"] as? [String: Any])
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(
            properties.keys.sorted() == [
                "calibration", "client", "deployment", "dns", "expect", "horizon", "initial", "kind", "media", "name",
                "nats",
                "populations", "profile", "publishers", "relay", "replications", "seed", "start", "steering",
                "timeline",
            ])
    }

    @Test func theReferencePageNamesEveryResponse() {
        let page = ReferencePage.markdown()
        for response in ResponseCatalogue.all where !response.name.hasPrefix("delivery.") {
            #expect(page.contains("`\(response.name)`"))
        }
    }

    @Test func everyDefaultReadsBackWithinItsRange() throws {
        let tables = [
            FormatTables.scenario, FormatTables.population, FormatTables.duration, FormatTables.crossRegion,
            DeploymentTables.nats, DeploymentTables.gateway, DeploymentTables.relay,
        ]
        var sections: [KeyTable] = []
        for key in FormatTables.scenario.keys {
            if case .table(let table) = key.shape { sections.append(table) }
        }
        #expect(sections.count == 6)
        for key in (tables + sections).flatMap(\.keys) where key.shape.isQuantity {
            guard let text = key.defaultText, !text.hasPrefix("no ") else { continue }
            let value = try Units.parse(text, as: key.shape)
            let range = try #require(key.range)
            #expect(range.contains(value), "\(key.name)")
        }
    }
}
