import Foundation
import NATSModel
import Routing
import Testing

/// The cases on the model alone: no server, no real time.
@Suite struct ModelConformanceTests {
    @Test func thereAreCasesForMoreThanTheUpstreamTests() throws {
        let corpus = try Corpus.load()
        #expect(corpus.count >= 60)
        #expect(Set(corpus.map(\.routingCase.title)).count == corpus.count)
        #expect(corpus.count { $0.routingCase.source?.hasPrefix("nats-server v2.9.10 ") ?? false } >= 60)
    }

    @Test func theTableListsEveryCase() throws {
        let table = try String(contentsOfFile: Corpus.folder + "/README.md", encoding: .utf8)
        let corpus = try Corpus.load()
        #expect(corpus.filter { !table.contains("](\($0.file)) | \($0.routingCase.title)") }.map(\.file) == [])
        #expect(table.contains("\(corpus.count) small cases"))
    }

    @Test(arguments: [
        "2.9.10", "2.9.18", "2.10.22", "2.10.28", "2.15.1",
    ]) func allHold(release: String) throws {
        let version = try ServerVersion(parsing: release)
        for entry in try Corpus.load() {
            let result = entry.routingCase.onModel(version)
            if result.isFailed { Issue.record("\(result.text(entry.file))") }
        }
    }

    @Test(arguments: ["2.10.23", "2.10.25", "2.10.27"])
    func theGroupGoesDeafOnReleasesThatLoseItsTally(release: String) throws {
        let routingCase = try Corpus.load("queue-leaves-after-late-route.yaml")
        let result = routingCase.onModel(try ServerVersion(parsing: release))
        #expect(result.mismatches.map(\.subject) == ["bea/first", "answers", "no-responders"])
    }

    @Test func theSeedChangesNoVerdict() throws {
        for entry in try Corpus.load() {
            for seed in UInt64(2)...6 {
                var backend = ModelBackend(seed: seed)
                let result = CaseRunner().run(entry.routingCase, on: &backend)
                if result.isFailed { Issue.record("seed \(seed): \(result.text(entry.file))") }
            }
        }
    }

    /// Each rule of the model is made wrong, one at a time: the cases alone must notice.
    @Test func everyWrongRuleIsNoticed() throws {
        let corpus = try Corpus.load()
        var survivors: [String] = []
        for (name, deviation) in Deviation.all {
            let noticed = corpus.contains { $0.routingCase.onModel(deviations: deviation).isFailed }
            if !noticed { survivors.append(name) }
        }
        let killed = Deviation.all.count - survivors.count
        print("mutation score: \(killed) of \(Deviation.all.count) wrong models are noticed by the cases")
        #expect(Deviation.all.count >= 10)
        #expect(survivors == [])
    }
}
