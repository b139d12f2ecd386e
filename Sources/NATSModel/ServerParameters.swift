public import EventKernel
public import Parameters

/// Timers, limits and costs of a nats-server process.
public struct ServerParameters: Hashable, Sendable {
    public var startDelay = SimDuration.milliseconds(55)
    public var gatewaySolicitDelay = SimDuration.seconds(1)
    public var dialTimeout = SimDuration.seconds(1)
    public var reconnectDelay = SimDuration.seconds(1)
    public var reconnectJitter = SimDuration.milliseconds(100)
    public var gatewayPingInterval = SimDuration.seconds(15)
    /// `ping_interval`, as far as routes follow it; releases bound it, see `ServerBehaviour.routePingLimit`. Not a
    /// setting of scenarios, whose routes stay within a data centre.
    public var routePingInterval = SimDuration.seconds(120)
    public var firstPing = SimDuration.seconds(1)
    public var firstPingJitter = SimDuration.milliseconds(200)
    public var pingMaximum: Int64 = 2
    public var writeDeadline = SimDuration.seconds(10)
    public var routeHop = SimDuration.microseconds(200)
    public var messageCost = SimDuration.nanoseconds(350)
    public var deliveryCost = SimDuration.nanoseconds(260)
    public var inboundKilobyteCost = SimDuration.nanoseconds(320)
    public var outboundKilobyteCost = SimDuration.nanoseconds(1_400)
    public var readWakeUp = SimDuration.microseconds(70)
    public var remoteReadWakeUp = SimDuration.microseconds(35)
    public var flushWakeUp = SimDuration.microseconds(60)
    public var furtherFlushWakeUp = SimDuration.microseconds(12)
    public var wakeUpShare = 0.8
    public var localWakeUpShare = 1.4
    public var wakeUpLatency = SimDuration.microseconds(20)
    public var idleLoad = 0.0008
    public var sendBufferSize: Int64 = 4_194_304
    public var maximumPending: Int64 = 67_108_864
    public var memoryBaseline: Int64 = 10_485_760
    public var memoryPerPending = 1.15
    public var restartDelay = SimDuration.seconds(1)
    public var restartBackOff = SimDuration.seconds(10)
    public var restartBackOffMaximum = SimDuration.seconds(300)

    public init() {}
}

extension ServerParameters: Parameterised {
    public static var section: String { "nats" }

    public static var parameters: [Parameter<ServerParameters>] {
        let gateway = "nats-server v2.9.10 server/gateway.go"
        let fit = "docs/measurements.md: saturated fit, within 15 %"
        let sparse = "docs/models/server-cpu.md: fit of the cost at 1000/s and 10,000/s, within 30 %"
        return [
            Parameter(
                "start-delay", .duration(\.startDelay), 0...1e11,
                "From process start to the gateway listener.",
                source: "docs/measurements.md: 1.65 s to registered gateways minus 1 s and 2.5 round trips", .measured),
            Parameter(
                "gateway-solicit-delay", .duration(\.gatewaySolicitDelay), 0...1e11,
                "Wait before a server dials other clusters.", source: gateway + " defaultSolicitGatewaysDelay",
                .measured),
            Parameter(
                "dial-timeout", .duration(\.dialTimeout), 1e6...1e11,
                "Bound on one dial of a gateway or route.", source: gateway + " DEFAULT_ROUTE_DIAL", .measured),
            Parameter(
                "reconnect-delay", .duration(\.reconnectDelay), 0...1e11,
                "Pause before a closed gateway is dialled again, and between passes over its URLs.",
                source: gateway + " gatewayReconnectDelay, gatewayConnectDelay", .measured),
            Parameter(
                "reconnect-jitter", .duration(\.reconnectJitter), 0...1e11,
                "Uniform addition to the first pause.", source: gateway + " reconnectGateway", .measured),
            Parameter(
                "gateway-ping-interval", .duration(\.gatewayPingInterval), 1e6...1e12,
                "Interval of pings on gateway connections.", source: gateway + " gatewayPingInterval", .measured),
            Parameter(
                "first-ping", .duration(\.firstPing), 0...1e11, "From registration to the first ping.",
                source: "nats-server v2.9.10 server/server.go firstPingInterval", .measured),
            Parameter(
                "first-ping-jitter", .duration(\.firstPingJitter), 0...1e11, "Uniform addition to it.",
                source: "nats-server v2.9.10 server/client.go setFirstPingTimer", .measured),
            Parameter(
                "ping-maximum", .count(\.pingMaximum), 1...100,
                "Unanswered pings allowed; the tick that would send one more closes the connection.",
                source: "nats-server v2.9.10 server/const.go DEFAULT_PING_MAX_OUT", .measured),
            Parameter(
                "write-deadline", .duration(\.writeDeadline), 1e6...1e12,
                "Bound on one flush.", source: "nats-server v2.9.10 server/const.go DEFAULT_FLUSH_DEADLINE", .measured),
            Parameter(
                "route-hop", .duration(\.routeHop), 2e4...1e9,
                "One-way delay between servers of one cluster.",
                source: "docs/measurements.md: 0.17 to 0.28 ms over a route", .measured),
            Parameter(
                "message-cost", .duration(\.messageCost), 0...1e9, "CPU time for each inbound message.", source: fit,
                .measured),
            Parameter(
                "delivery-cost", .duration(\.deliveryCost), 0...1e9, "CPU time for each outbound copy.", source: fit,
                .measured),
            Parameter(
                "inbound-kilobyte-cost", .duration(\.inboundKilobyteCost), 0...1e9,
                "CPU time for each inbound kilobyte.", source: fit, .measured),
            Parameter(
                "outbound-kilobyte-cost", .duration(\.outboundKilobyteCost), 0...1e9,
                "CPU time for each outbound kilobyte.", source: fit, .measured),
            Parameter(
                "read-wake-up", .duration(\.readWakeUp), 0...1e6,
                "CPU time to wake up for a client's message that finds the server idle, long after the last one.",
                source: sparse, .measured),
            Parameter(
                "remote-read-wake-up", .duration(\.remoteReadWakeUp), 0...1e6,
                "The same for a message from a route or a gateway.", source: sparse, .measured),
            Parameter(
                "flush-wake-up", .duration(\.flushWakeUp), 0...1e6,
                "Added to it for the first connection that gets a copy.", source: sparse, .measured),
            Parameter(
                "further-flush-wake-up", .duration(\.furtherFlushWakeUp), 0...1e6,
                "Added to it for each other connection that gets a copy.", source: sparse, .measured),
            Parameter(
                "wake-up-share", .number(\.wakeUpShare), 0.01...4,
                "Cores that wake-ups can keep busy: bounds their cost by this share of the idle time before.",
                source: sparse, .measured),
            Parameter(
                "local-wake-up-share", .number(\.localWakeUpShare), 0.01...4,
                "The same for messages from a client to clients of the same server.", source: sparse, .measured),
            Parameter(
                "wake-up-latency", .duration(\.wakeUpLatency), 0...1e9,
                "From the arrival at an idle server until it reads; what comes in that time is read along.",
                source: "docs/measurements.md: one-way latency within a server at a low rate", .derived),
            Parameter(
                "idle-load", .number(\.idleLoad), 0...1,
                "Cores that an idle server uses; part of the reported load only.",
                source: "docs/measurements.md: 0.7 to 0.95 ms of CPU a second", .measured),
            Parameter(
                "send-buffer-size", .size(\.sendBufferSize), 4096...1e9,
                "Kernel memory that the send buffer of a gateway connection may take at the most.",
                source: "Linux tcp_wmem maximum", .published),
            Parameter(
                "maximum-pending", .size(\.maximumPending), 4096...1e10,
                "Unsent bytes of a connection by which its producers are held up; see `ServerBehaviour.stall`.",
                source: "nats-server v2.9.10 server/const.go MAX_PENDING_SIZE", .published),
        ] + memory
    }

    private static var memory: [Parameter<ServerParameters>] {
        let measured = "docs/models/server-memory.md: 2.9.10 and 2.15.1 killed at 256 MiB"
        let kubelet = "Kubernetes documentation, Pod Lifecycle, container restarts"
        return [
            Parameter(
                "memory-baseline", .size(\.memoryBaseline), 0...1e10,
                "Memory of a server for which nothing waits; counts against its limit.",
                source: measured, .measured),
            Parameter(
                "memory-per-pending", .number(\.memoryPerPending), 0.5...10,
                "Bytes of memory for each byte that waits for a gateway.",
                source: measured, .measured),
            Parameter(
                "restart-delay", .duration(\.restartDelay), 1e6...1e11,
                "From the end of a killed container, or of its back-off, until its process starts.",
                source: "Kubernetes pkg/kubelet/kubelet.go genericPlegRelistPeriod: one look a second", .derived),
            Parameter(
                "restart-back-off", .duration(\.restartBackOff), 0...1e12,
                "Pause before the second start of a container that was killed; doubles with each one.",
                source: kubelet, .published),
            Parameter(
                "restart-back-off-maximum", .duration(\.restartBackOffMaximum), 0...1e12,
                "Longest such pause; a container that has run for twice as long starts at once again.",
                source: kubelet, .published),
        ]
    }
}
