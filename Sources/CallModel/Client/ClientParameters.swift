public import EventKernel
public import Parameters

/// Settings of the browser client (`videocall-client` of videocall.rs).
public struct ClientParameters: Hashable, Sendable {
    public var electionPeriod = SimDuration.milliseconds(2_000)
    public var electionCheck = SimDuration.milliseconds(100)
    public var electionExtension = SimDuration.seconds(1)
    public var electionExtensions: Int64 = 2
    public var electionSamples: Int64 = 2
    public var probeInterval = SimDuration.milliseconds(200)
    public var reconnectDelay = SimDuration.milliseconds(500)
    public var backoffCapEarly = SimDuration.seconds(2)
    public var backoffCapMiddle = SimDuration.seconds(10)
    public var backoffCapLate = SimDuration.seconds(30)
    public var giveUpAttempts: Int64 = 10
    public var quicIdleTimeout = SimDuration.seconds(30)
    public var webSocketTimeout = SimDuration.milliseconds(924_600)
    public var connectTimeout = SimDuration.seconds(10)
    public var webSocketRoundTrips: Int64 = 3
    public var webTransportRoundTrips: Int64 = 2
    public var tokenRoundTrips: Int64 = 3
    public var tokenService = SimDuration.milliseconds(20)
    public var resolverDelay = SimDuration.milliseconds(60)
    public var resolverHitShare = 0.5
    public var audioStart = SimDuration.milliseconds(80)
    public var videoStart = SimDuration.milliseconds(30)
    public var webTransportBlocked = 0.04
    public var webSocketOnly = 0.0

    public init() {}
}

extension ClientParameters: Parameterised {
    public static var section: String { "client" }

    public static var parameters: [Parameter<ClientParameters>] {
        let manager = "videocall-rs videocall-client/src/connection/connection_manager.rs"
        let quality = "videocall-rs videocall-client/src/adaptive_quality_constants.rs"
        return [
            Parameter(
                "election-period", .duration(\.electionPeriod), 1e8...1e11,
                "Time for which a client probes all servers before it chooses one.",
                source: "videocall-rs helm/global/us-east/videocall-ui/values.yaml:32", .measured),
            Parameter(
                "election-check", .duration(\.electionCheck), 1e6...1e10,
                "Grain of the election's deadline.", source: manager, .measured),
            Parameter(
                "election-extension", .duration(\.electionExtension), 1e6...1e11,
                "Added when no server has enough samples at the deadline.", source: quality + ":413", .measured),
            Parameter(
                "election-extensions", .count(\.electionExtensions), 0...100,
                "How often an election may be extended.", source: quality + ":413", .measured),
            Parameter(
                "election-samples", .count(\.electionSamples), 1...100,
                "Round-trip samples that qualify a server.", source: quality + ":407", .measured),
            Parameter(
                "probe-interval", .duration(\.probeInterval), 1e6...1e11,
                "Interval of round-trip probes during an election; afterwards one each second.",
                source: "videocall-rs connection_controller.rs:101", .measured),
            Parameter(
                "reconnect-delay", .duration(\.reconnectDelay), 0...1e11,
                "Pause between the loss of a session and the first new election; doubles for each further attempt.",
                source: quality + ":320", .measured),
            Parameter(
                "backoff-cap-early", .duration(\.backoffCapEarly), 0...1e12,
                "Longest pause after attempts 1 to 5.", source: quality + ":344", .measured),
            Parameter(
                "backoff-cap-middle", .duration(\.backoffCapMiddle), 0...1e12,
                "Longest pause after attempts 6 to 15.", source: quality + ":344", .measured),
            Parameter(
                "backoff-cap-late", .duration(\.backoffCapLate), 0...1e13,
                "Longest pause after later attempts.", source: quality + ":344", .measured),
            Parameter(
                "give-up-attempts", .count(\.giveUpAttempts), 1...1e6,
                "Attempts in a row in which no server answers before a person gives up.",
                source: quality + ":356", .measured),
            Parameter(
                "quic-idle-timeout", .duration(\.quicIdleTimeout), 1e9...1e13,
                "Silence after which a WebTransport session counts as lost.",
                source: "videocall-rs actix-api/src/webtransport/mod.rs:38", .measured),
            Parameter(
                "websocket-timeout", .duration(\.webSocketTimeout), 1e9...1e13,
                "Silence after which the operating system gives up a WebSocket: there is no watchdog above TCP.",
                source: "Linux Documentation/networking/ip-sysctl.rst, tcp_retries2 = 15", .published),
            Parameter(
                "connect-timeout", .duration(\.connectTimeout), 1e8...1e12,
                "Time after which an unanswered request for a token counts as failed.",
                source: "Chromium's QUIC handshake timeout, from memory", .assumption),
            Parameter(
                "websocket-round-trips", .count(\.webSocketRoundTrips), 1...10,
                "Round trips of TCP, TLS 1.3 and the upgrade.", source: "RFC 8446, RFC 6455", .published),
            Parameter(
                "webtransport-round-trips", .count(\.webTransportRoundTrips), 1...10,
                "Round trips of QUIC with TLS 1.3 and CONNECT.",
                source: "draft-ietf-webtrans-http3, section on session establishment", .published),
            Parameter(
                "token-round-trips", .count(\.tokenRoundTrips), 0...10,
                "Round trips to the token service, which runs in the first region only.",
                source: "videocall-rs helm/global/us-east/meeting-api; TCP + TLS + request", .derived),
            Parameter(
                "token-service", .duration(\.tokenService), 0...1e11,
                "Time the token service takes to answer.", source: "estimate", .assumption),
            Parameter(
                "resolver-delay", .duration(\.resolverDelay), 0...1e10,
                "Time of a DNS query that the resolver has to forward.", source: "estimate", .assumption),
            Parameter(
                "resolver-hit-share", .share(\.resolverHitShare), 0...1,
                "Share of queries answered from the browser's cache at once.", source: "estimate", .assumption),
            Parameter(
                "audio-start", .duration(\.audioStart), 0...1e10,
                "Buffered audio before playout starts.", source: "videocall-rs neteq/src/delay_manager.rs:36", .measured
            ),
            Parameter(
                "video-start", .duration(\.videoStart), 0...1e10,
                "From the arrival of a key frame to its display.", source: "one frame time at 30 fps", .assumption),
            Parameter(
                "webtransport-blocked", .share(\.webTransportBlocked), 0...1,
                "Share of people whose network drops UDP, so that only WebSocket works.",
                source: "Langley et al., SIGCOMM 2017 (4.4 % could not use QUIC)", .published),
            Parameter(
                "websocket-only", .share(\.webSocketOnly), 0...1,
                "Share of people whose browser has no WebTransport.", source: "none by default", .assumption),
        ]
    }
}
