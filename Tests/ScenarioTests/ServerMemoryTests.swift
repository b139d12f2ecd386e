import Foundation
import Testing

@testable import Scenario

@Suite struct ServerMemoryNamesTests {
    /// Singapore's server has a limit, those in New York do not.
    private static func complain(_ server: String) -> String? {
        let text = Samples.scenario(extra: "expect: [{ response: server.\(server).memory-kills, at-most: 0 }]")
        return complaint(text.replacingOccurrences(of: "servers: 1\n", with: "servers: 1\n        memory: 256MiB\n"))
    }

    @Test func memoryIsObservedWhereItIsLimited() {
        #expect(Self.complain("singapore/nats-0") == nil)
        #expect(
            Self.complain("us-east/nats-0") == """
                x.yaml:15:22: response: no response "server.us-east/nats-0.memory-kills" among the streams, gateways \
                and servers of this scenario (did you mean "server.singapore/nats-0.memory-kills"?)
                """)
    }
}
