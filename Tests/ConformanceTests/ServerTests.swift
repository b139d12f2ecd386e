import Emulation
import Foundation
import Routing
import Synchronization
import Testing

/// The same cases, unchanged, on real nats-server processes.
@Suite(.serialized, .enabled(if: RealServer.isThere, "no nats-server on the PATH"))
struct ServerConformanceTests {
    @Test func allCasesHold() throws {
        let server = try RealServer.executable()
        let hasNetwork = Fabric.namespacesAvailable.isAvailable
        let corpus = try Corpus.load().filter { hasNetwork || !$0.routingCase.needsNetwork }
        let failures = Mutex<[String]>([])
        sideBySide(corpus.count, threads: 8) { index in
            let entry = corpus[index]
            let result = entry.routingCase.onServer(server)
            if result.isFailed { failures.withLock { $0.append(result.text(entry.file)) } }
        }
        #expect(failures.withLock { $0.sorted() } == [])
    }

    @Test func randomProgramsAgree() throws {
        let server = try RealServer.executable()
        let campaign = runCampaign(
            programs: 50, seed: 20, batchSize: 10,
            makeModel: { _ in ModelBackend(version: server.version) },
            makeReal: { _ in EmulatedBackend(server, shadow: ModelBackend(version: server.version)) },
            jobs: { count, job in sideBySide(count, threads: 3, job) })
        #expect(campaign.failures == [])
        #expect(campaign.outcomes.flatMap(\.disagreements) == [])
        #expect(campaign.programs == 50)
        #expect(campaign.exactShare >= FuzzCampaign.leastExactShare)
    }

    /// A wrong expectation fails in the same words on both.
    @Test func aWrongExpectationFailsOnBoth() throws {
        let routingCase = try CaseReader.parse(
            text: """
                case: Two subscribers get three messages each
                clusters: {us: 1, sgp: 1}
                clients: {ann: us-0, bea: us-0, kim: sgp-0}
                steps:
                  - subscribe: [bea, kim]
                    to: news
                  - publish: ann
                    to: news
                    times: 2
                    expect: {bea: 3, kim: 3}
                """, file: "wrong.yaml")
        let expected = ["bea", "kim"].map { client in
            Mismatch(
                place: "wrong.yaml:7:5", step: "ann publishes to news 2 times", subject: client, expected: "3",
                seen: "2")
        }
        let model = routingCase.onModel()
        let server = routingCase.onServer(try RealServer.executable())
        #expect(model.mismatches.map(\.withoutExamples) == expected)
        #expect(server.mismatches.map(\.withoutExamples) == expected)
    }
}

extension Mismatch {
    var withoutExamples: Mismatch {
        var copy = self
        copy.examples = []
        return copy
    }
}
