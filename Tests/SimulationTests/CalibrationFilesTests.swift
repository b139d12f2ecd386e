import EventKernel
import Foundation
import Measures
import Scenario
import Testing

@testable import Simulation

/// The files of `scenarios/calibration`.
@Suite struct CalibrationFilesTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("scenarios/calibration")

    static let names: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".yaml") }.sorted()

    @Test func everySuiteHasFiles() throws {
        var suites: [Calibration.Suite] = []
        for name in Self.names {
            suites.append(try #require(try Self.load(name).scenario.calibration).suite)
        }
        #expect(Set(suites) == Set(Calibration.Suite.allCases))
    }

    /// It says what it is for, surprises nobody, and one run on the model has every response that is compared.
    @Test(arguments: names)
    func eachIsReadAndRun(_ name: String) throws {
        let loaded = try Self.load(name)
        #expect(loaded.text.hasPrefix("# Calibrates "))
        #expect(loaded.findings.filter { !$0.contains("publishes nothing") } == [])
        let calibration = try #require(loaded.scenario.calibration)
        let outcome = try run(loaded.scenario)
        for row in calibration.rows {
            #expect(outcome.responses.contains { $0.name == row.response }, "\(row.response)")
        }
        // What is late arrives before the horizon: nobody is still publishing then, but where nothing is expected.
        let last = loaded.scenario.publishers.compactMap(\.end).max()
        #expect(last.map { $0 < .start + loaded.scenario.horizon } != false)
    }

    static func load(_ name: String) throws -> LoadedScenario {
        try ScenarioReader.load(path: folder.appendingPathComponent(name).path)
    }
}
