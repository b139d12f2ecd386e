public import EventKernel
public import Parameters

/// Settings of a WebSocket or WebTransport relay process (`actix-api` of videocall.rs).
public struct RelayParameters: Hashable, Sendable {
    public var mailbox: Int64 = 16
    public var webTransportQueue: Int64 = 256
    public var clientTimeout = SimDuration.seconds(30)
    public var checkInterval = SimDuration.seconds(5)
    public var publishCost = SimDuration.nanoseconds(5_600)
    public var deliveryCost = SimDuration.nanoseconds(5_600)
    public var handshakeCost = SimDuration.microseconds(2_200)
    public var joinCost = SimDuration.microseconds(600)
    public var serverHop = SimDuration.microseconds(100)
    public var natsReconnectCap = SimDuration.seconds(4)
    public var maximumPayload: Int64 = 1_048_576

    public init() {}
}

extension RelayParameters: Parameterised {
    public static var section: String { "relay" }

    public static var parameters: [Parameter<RelayParameters>] {
        let sizing = "videocall-rs docs/server-sizing-guide.md: 170 millicores for 30.4 k deliveries/s"
        return [
            Parameter(
                "mailbox", .count(\.mailbox), 1...1e6,
                "Copies that a session's actor holds unserved; one more is dropped.",
                source: "actix actix/src/mailbox.rs:11", .measured),
            Parameter(
                "webtransport-queue", .count(\.webTransportQueue), 1...1e6,
                "Packets that wait for a WebTransport session's downlink; one more is dropped.",
                source: "videocall-rs actix-api/src/webtransport/mod.rs:351", .measured),
            Parameter(
                "client-timeout", .duration(\.clientTimeout), 1e6...1e13,
                "Silence after which the relay closes a session.",
                source: "videocall-rs actix-api/src/constants.rs:26", .measured),
            Parameter(
                "check-interval", .duration(\.checkInterval), 1e6...1e12,
                "How often a session looks for silence.",
                source: "videocall-rs actix-api/src/constants.rs:22", .measured),
            Parameter(
                "publish-cost", .duration(\.publishCost), 0...1e9,
                "CPU time to take a packet from a client and publish it.", source: sizing, .derived),
            Parameter(
                "delivery-cost", .duration(\.deliveryCost), 0...1e9,
                "CPU time to hand one copy to one session.", source: sizing, .derived),
            Parameter(
                "handshake-cost", .duration(\.handshakeCost), 0...1e9,
                "CPU time of one full TLS handshake with an RSA-2048 certificate.",
                source: "rustls-bench-results: 1363/s on a 3.5 GHz core, scaled by 0.33 to a shared vCPU", .derived),
            Parameter(
                "join-cost", .duration(\.joinCost), 0...1e9,
                "CPU time to check a token, create the session and subscribe.", source: "estimate", .assumption),
            Parameter(
                "server-hop", .duration(\.serverHop), 2e4...1e9,
                "One-way delay between a relay and its NATS server.",
                source: "docs/measurements.md: 0.1 ms for each further server hop", .measured),
            Parameter(
                "nats-reconnect-cap", .duration(\.natsReconnectCap), 1e6...1e12,
                "Longest pause between two attempts to reach a NATS server.",
                source: "nats.rs async-nats/src/connector.rs:84", .measured),
            Parameter(
                "maximum-payload", .size(\.maximumPayload), 1024...67_108_864,
                "Largest message that NATS accepts; a larger one is dropped at the relay.",
                source: "nats-server server/const.go, MAX_PAYLOAD_SIZE", .measured),
        ]
    }
}
