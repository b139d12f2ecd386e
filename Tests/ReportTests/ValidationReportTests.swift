import Experiment
import Foundation
import Testing

@testable import Report

private func snapshot(_ name: String) throws -> String {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Snapshots/\(name)")
    return String(decoding: try Data(contentsOf: file), as: UTF8.self)
}

@Test func theTableOfAValidationReadsAsInItsFile() throws {
    #expect(try validationText(Fixture.validation(), style: .plain) == snapshot("validation.txt"))
}

@Test func thePageOfAValidationReadsAsWritten() throws {
    let setting = ValidationSetting(
        date: "2026-11-23", cores: 2, processor: "Fast 9000", kernel: "Linux 6.1.0", command: "antipode validate",
        version: "0.1.0")
    #expect(try ValidationPage(Fixture.validation(), setting: setting).text == snapshot("validation.md"))
}

@Test func theJSONOfAValidationHasEveryRow() throws {
    let line = try validationJSON(Fixture.validation())
    let json = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(json["verdict"] as? String == "fail")
    #expect(json["interrupted"] as? Bool == false)
    let cases = try #require(json["cases"] as? [[String: Any]])
    #expect(cases.map { $0["scenario"] as? String } == ["cut-30s", "burst"])
    #expect(cases[1]["server"] is NSNull)
    #expect(cases[1]["storedReason"] as? String == "no nats-server on the PATH")
    let rows = try #require(cases[0]["rows"] as? [[String: Any]])
    #expect(rows.map { $0["verdict"] as? String } == ["pass", "fail", "pass", "inconclusive"])
    #expect(rows[0]["error"] as? Double == 0.125)
    #expect(rows[0]["margin"] as? Double == 0.25)
    #expect(rows[0]["above"] is NSNull)
    #expect(rows[2]["above"] as? Double == 0)
    let simulated = try #require(rows[0]["simulated"] as? [String: Any])
    #expect(simulated["median"] as? Double == 1.75)
    let sweep = try #require((cases[0]["sweeps"] as? [[String: Any]])?.first)
    #expect(sweep["inside"] as? Int == 2)
    #expect(sweep["live"] as? Int == 3)
    let points = try #require(sweep["points"] as? [[String: Any]])
    #expect(points.map { $0["value"] as? Double } == [20, 20.5, 21, 21.5])
    #expect((points[2]["live"] as? [Any])?.first is NSNull)
}

@Test func progressNamesWhatRuns() {
    let progress = ValidationProgress(
        finished: 12, total: 40, running: ["cut-30s", "burst"], remainingSeconds: 199.2, elapsedSeconds: 60)
    #expect(validationProgressText(progress) == "12 of 40 runs, 3:20 left  cut-30s, burst")
}

@Test func aValidationWithoutSweepsHasNoPicture() {
    var result = Fixture.validation()
    for place in result.cases.indices { result.cases[place].sweeps = [] }
    #expect(SweepPicture(result) == nil)
}

@Test func thePictureHasALineWithGapsAndAPointForEachRealRun() throws {
    let picture = try #require(SweepPicture(Fixture.validation())?.text)
    #expect(picture.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
    #expect(picture.hasSuffix("</g>\n</svg>\n"))
    let start = try #require(picture.range(of: "<g transform")).lowerBound
    let plot = String(picture[start...])
    // A value at which it never happened on the model ends one stretch and begins another.
    #expect(plot.components(separatedBy: "class=\"line\"").count - 1 == 2)
    #expect(plot.components(separatedBy: "class=\"band\"").count - 1 == 2)
    #expect(plot.components(separatedBy: "<circle class=\"real\"").count - 1 == 1)
    #expect(plot.components(separatedBy: "<circle class=\"outside\"").count - 1 == 1)
    // The run in which it never happened, at the upper edge.
    #expect(plot.contains("<path class=\"real\" d=\"M583.3 34l5 9h-10z\"/>"))
    #expect(plot.contains(">length of the fault, s</text>"))
}
