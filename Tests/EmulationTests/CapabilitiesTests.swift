import EventKernel
import Foundation
import Glibc
import Testing

@testable import Emulation

/// The path of a shell script in a lab's folder.
private func script(_ fabric: Fabric, _ text: String) throws -> String {
    let path = fabric.directory + "/server"
    try Data("#!/bin/sh\n\(text)\n".utf8).write(to: URL(fileURLWithPath: path))
    chmod(path, 0o700)
    return path
}

extension LabTests {
    @Suite struct CapabilitiesTests {
        @Test func aServerSaysItsVersion() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let path = try script(fabric, "test \"$1\" = --version && echo nats-server: v9.9.9")
            #expect(Capabilities.probe(server: path).server == .init(path: path, version: "nats-server: v9.9.9"))
        }

        @Test func aServerThatFailsHasNoVersion() throws {
            let fabric = try Fabric.loopback(threePlaces)
            defer { fabric.shutDown() }
            let path = try script(fabric, "echo broken; exit 1")
            #expect(Capabilities.probe(server: path).server == .init(path: path, version: nil))
            #expect(Capabilities.probe(server: "/nonexistent").server == .init(path: "/nonexistent", version: nil))
        }

        @Test func programsAreFoundOnThePath() throws {
            let shell = try #require(NATSExecutable.path(of: "sh"))
            #expect(shell.hasSuffix("/sh"))
            #expect(NATSExecutable.path(of: "no-such-program-anywhere") == nil)
        }

        @Test func theMachineSaysWhatItCan() {
            let capabilities = Capabilities.probe(server: "/nonexistent")
            #expect(capabilities.cores >= 1)
            #expect(!capabilities.congestionControl.isEmpty)
            // Whoever cannot learns why.
            for availability in [
                capabilities.namespaces, capabilities.devices, capabilities.quotas, capabilities.memoryLimits,
            ] {
                #expect(availability.isAvailable == availability.reason.isEmpty)
            }
        }
    }
}
