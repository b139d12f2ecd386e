public import EventKernel

/// The accepting half of a gateway connection (nats-server v2.9.10 server/gateway.go processGatewayConnect,
/// processGatewayInfo).
///
/// Sends INFO at once, wants CONNECT within 2 s and then INFO. Registered, it is where this server says what its
/// cluster wants; messages come in on it and never leave on it.
public struct InboundGateway: Sendable {
    /// Where the connection stands.
    public enum State: Hashable, Sendable {
        case idle, awaitConnect, awaitInfo, registered, closed
    }

    /// This server as its INFO describes it; its URLs change as servers of its cluster come and go.
    public var own: ServerInfo
    /// `reject_unknown_cluster`: accept only clusters among `remotes`.
    public let rejectsUnknown: Bool
    /// Names of the clusters that this server connects to.
    public var remotes: [String]
    public private(set) var state = State.idle
    /// Names of the servers that routes lead to; a remote server must not have one of them, nor our own.
    public var routedNames: [String] = []

    private var pings: PingMonitor
    private let writeDeadline: SimDuration

    /// How long the acceptor waits for CONNECT (nats-server v2.9.10 server/const.go AUTH_TIMEOUT).
    public static let authenticationTimeout = SimDuration.seconds(2)

    public init(
        own: ServerInfo, remotes: [String] = [], rejectsUnknown: Bool = false,
        parameters: ServerParameters = ServerParameters()
    ) {
        precondition(own.gateway != nil, "a server without gateway name has no gateways")
        self.own = own
        self.remotes = remotes
        self.rejectsUnknown = rejectsUnknown
        self.pings = PingMonitor(parameters)
        self.writeDeadline = parameters.writeDeadline
    }

    /// Takes one input and appends what to do, in order.
    /// - Parameter draw: 64 uniform bits at each call; used for the phase of the pings.
    public mutating func handle(_ input: GatewayInput, draw: () -> UInt64, into outputs: inout [GatewayOutput]) {
        switch input {
        case .accepted:
            precondition(state == .idle, "a connection is accepted once")
            state = .awaitConnect
            outputs.append(.log("Processing inbound gateway connection"))
            outputs.append(.arm(.authentication, Self.authenticationTimeout))
            outputs.append(.send(.info(own)))
        case .connectReceived(let options): receive(options, draw, &outputs)
        case .infoReceived(let info): receive(info, &outputs)
        case .pingReceived, .pongReceived:
            guard state != .awaitConnect else { return close(.authenticationFailure, &outputs) }
            if !isUp { return }
            if input == .pingReceived { outputs.append(.send(.pong)) } else { pings.pongReceived() }
        case .errorReceived(let text):
            guard isUp else { return }
            let isEarly = state == .awaitConnect
            outputs.append(.log(isEarly ? "authentication error" : "Gateway Error '\(text)'"))
            close(isEarly ? .authenticationFailure : .parseError, &outputs)
        case .timerFired(let timer): fire(timer, &outputs)
        case .closed(let reason):
            if isUp { close(reason, &outputs) }
        case .writeDeadlineExpired(let bytesWritten):
            guard isUp else { return }
            outputs.append(.log("Slow Consumer Detected: WriteDeadline of \(writeDeadline.seconds) s exceeded"))
            if bytesWritten == 0 { close(.slowConsumer, &outputs) }
        case .stopped:
            if isUp { close(.serverShutdown, &outputs) }
        case .start, .dialSucceeded, .dialFailed:
            preconditionFailure("an inbound connection is accepted, not dialled")
        }
    }

    private var isUp: Bool {
        switch state {
        case .awaitConnect, .awaitInfo, .registered: true
        case .idle, .closed: false
        }
    }

    private mutating func receive(
        _ options: ConnectOptions, _ draw: () -> UInt64, _ outputs: inout [GatewayOutput]
    ) {
        guard state == .awaitConnect else { return }
        guard let gateway = options.gateway else {
            outputs.append(.log("attempted to connect to gateway port"))
            outputs.append(.send(.error(.wrongPort)))
            close(.wrongPort, &outputs)
            return outputs.append(.log("attempted to connect to gateway port"))
        }
        if rejectsUnknown && !remotes.contains(gateway) {
            outputs.append(.log("Rejecting connection from gateway \"\(gateway)\""))
            outputs.append(.send(.error(.wrongGateway)))
            close(.wrongGateway, &outputs)
            return outputs.append(.log("wrong gateway"))
        }
        state = .awaitInfo
        outputs.append(.disarm(.authentication))
        outputs.append(.arm(.ping, pings.begin(draw: draw)))
    }

    private mutating func receive(_ info: ServerInfo, _ outputs: inout [GatewayOutput]) {
        switch state {
        case .awaitConnect:
            outputs.append(.log("authentication error"))
            close(.authenticationFailure, &outputs)
        case .awaitInfo:
            if info.server.name == own.server.name || routedNames.contains(info.server.name) {
                outputs.append(.log("Remote server has a duplicate name: \"\(info.server.name)\""))
                return close(.duplicateServerName, &outputs)
            }
            state = .registered
            let cluster = info.gateway ?? info.server.cluster
            outputs.append(.log("Inbound gateway connection from \"\(cluster)\" (\(info.server.name)) registered"))
            outputs.append(.opened(info))
            if cluster != own.gateway && !info.urls.isEmpty {
                outputs.append(.learned(cluster: cluster, urls: info.urls))
            }
        case .idle, .registered, .closed: break
        }
    }

    private mutating func fire(_ timer: GatewayTimer, _ outputs: inout [GatewayOutput]) {
        switch (timer, state) {
        case (.authentication, .awaitConnect):
            close(.authenticationTimeout, &outputs)
        case (.ping, .awaitInfo), (.ping, .registered):
            switch pings.tick() {
            case .ping:
                outputs.append(.send(.ping))
                outputs.append(.arm(.ping, pings.interval))
            case .stale: close(.staleConnection, &outputs)
            }
        default: break
        }
    }

    private mutating func close(_ reason: CloseReason, _ outputs: inout [GatewayOutput]) {
        outputs.append(.disarm(state == .awaitConnect ? .authentication : .ping))
        state = .closed
        outputs.append(.closed(reason))
        outputs.append(.log("Gateway connection closed: \(reason.rawValue)"))
    }
}
