import EventKernel
import NATSModel
import Routing
import Testing

@testable import Emulation

private func canRun() -> Bool { NATSExecutable.path() != nil && Fabric.namespacesAvailable.isAvailable }

extension LabTests {
    @Suite(.enabled(if: canRun()), .serialized) struct EmulatedNetworkTests {
        private func backend() throws -> EmulatedBackend {
            var topology = meshes([("us", 2), ("sgp", 2)])
            topology.delays = [Topology.Delay(between: "us", and: "sgp", oneWay: .milliseconds(40))]
            let backend = EmulatedBackend(
                try NATSExecutable(path: NATSExecutable.path()!), kind: .namespaces, shadow: MeshShadow())
            try backend.boot(topology)
            for (client, server) in [("ann", "us-0"), ("bob", "us-1"), ("cid", "sgp-0"), ("dan", "sgp-1")] {
                try perform(.connect(ClientSpec(name: client, server: server)), on: backend)
                try perform(.subscribe(Subscribe(client: client, subject: "a")), on: backend)
            }
            try backend.settle()
            return backend
        }

        private func perform(_ action: Action, on backend: EmulatedBackend) throws {
            try backend.perform(action, message: MessageNumber(rawValue: 0))
        }

        private func receivers(_ backend: EmulatedBackend) throws -> [String] {
            try backend.settle()
            return try backend.takeReceptions().map(\.client).sorted()
        }

        @Test func messagesTakeTheDelayAndAreAwaited() throws {
            let backend = try backend()
            defer { backend.shutDown() }
            let publish = Action.publish(PublishAction(client: "ann", subject: "a"))
            let time = try ContinuousClock().measure {
                try perform(publish, on: backend)
                #expect(try receivers(backend) == ["ann", "bob", "cid", "dan"])
            }
            #expect(time >= .milliseconds(40))
            #expect(try backend.takeCrossings() == 1)
        }

        @Test func whatACutHoldsUpArrivesAfterTheHeal() throws {
            let backend = try backend()
            defer { backend.shutDown() }
            try perform(.cut(from: "us", to: "sgp", bothWays: true), on: backend)
            try backend.settle()
            try perform(.publish(PublishAction(client: "ann", subject: "a")), on: backend)
            #expect(try receivers(backend) == ["ann", "bob"])
            try backend.wait(.seconds(1))
            #expect(try receivers(backend) == [])
            try perform(.heal(from: "us", to: "sgp", bothWays: true), on: backend)
            #expect(try receivers(backend) == ["cid", "dan"])
            #expect(try backend.takeCrossings() == 1)
        }
    }
}
