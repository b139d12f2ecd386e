import EventKernel
import NATSModel
import Routing
import Testing

@testable import Emulation

extension LabTests {
    @Suite(.enabled(if: NATSExecutable.path() != nil), .serialized) struct SettlingTests {
        @Test func noMarkersWhileCountsOnlyRiseOrOnlyFall() {
            #expect(InterestChanges(additions: 5).markers == 0)
            #expect(InterestChanges(removals: 5).markers == 0)
            #expect(InterestChanges(additions: 1, removals: 5).markers == 6)
            #expect(InterestChanges(additions: 1, hasGroups: true).markers == 1)
            #expect(InterestChanges(removals: 2, touchesConnections: true).markers == 3)
        }

        /// In each wave subscriptions move between clients so that no count changes, and messages follow at once.
        @Test func interestThatMovesHasSpreadEverywhere() throws {
            let sizes = [("us", 2), ("sgp", 2)].map { (cluster: $0.0, size: $0.1) }
            let backend = EmulatedBackend(try NATSExecutable(path: NATSExecutable.path()!), shadow: MeshShadow())
            defer { backend.shutDown() }
            try backend.boot(meshes(sizes))
            let names = ["us-0", "us-1", "sgp-0", "sgp-1"]
            var number = 0
            func perform(_ action: Action) throws {
                try backend.perform(action, message: MessageNumber(rawValue: number))
            }
            for name in names { try perform(.connect(ClientSpec(name: name, server: name))) }
            for (index, name) in names.enumerated() {
                try perform(.subscribe(Subscribe(client: name, subject: "wave.\((index + 3) % 4)")))
            }
            var missed: [String] = []
            for wave in 0..<40 {
                for (index, name) in names.enumerated() {
                    try perform(.unsubscribe(client: name, label: "wave.\((index + wave + 3) % 4)", maximum: nil))
                    try perform(.subscribe(Subscribe(client: name, subject: "wave.\((index + wave) % 4)")))
                }
                try backend.settle()
                for publisher in names {
                    for subject in 0..<4 {
                        try perform(.publish(PublishAction(client: publisher, subject: "wave.\(subject)")))
                        number += 1
                    }
                }
                try backend.settle()
                let receptions = try backend.takeReceptions()
                for (index, name) in names.enumerated() {
                    let copies = receptions.filter { $0.client == name && $0.label == "wave.\((index + wave) % 4)" }
                        .count
                    if copies != 4 { missed.append("\(name) in wave \(wave): \(copies)") }
                }
                if receptions.count != 16 { missed.append("\(receptions.count) in wave \(wave)") }
                // Each of the four publishers has two of the four subjects' subscribers in the other cluster.
                let crossings = try backend.takeCrossings()
                if crossings != 8 { missed.append("\(crossings) crossings in wave \(wave)") }
            }
            #expect(missed == [])
        }
    }
}
