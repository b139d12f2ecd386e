import EventKernel
import NATSModel
import Testing

@testable import Routing

@Test func aServerThatIsStillLeavingIsNotStarted() throws {
    var backend = ModelBackend()
    try backend.boot(Topology(servers: [ServerSpec(name: "us-0", cluster: "us")]))
    let none = MessageNumber(rawValue: 0)
    try backend.perform(.connect(ClientSpec(name: "ann", server: "us-0")), message: none)
    try backend.settle()
    try backend.perform(.lameDuck(server: "us-0"), message: none)
    #expect(throws: UnsettledError("server us-0 is running")) {
        try backend.perform(.start(server: "us-0"), message: none)
    }
    // Its only client leaves after the grace period of 0.5 s, and it goes too.
    try backend.wait(.seconds(1))
    try backend.perform(.start(server: "us-0"), message: none)
    #expect(backend.views().keys.sorted() == ["us-0"])
}
