import EventKernel

/// The outbound half of a gateway: one remote cluster, dialled until it answers and again whenever it is lost
/// (nats-server v2.9.10 server/gateway.go solicitGateway, createGateway, processGatewayInfo, reconnectGateway).
///
/// A state machine without input and output: `handle` takes what happened and appends what to do. Timers that fire
/// in a state that does not expect them are ignored, so a late one does no harm.
public struct GatewayDialer: Sendable {
    /// Where the connection stands.
    public enum State: Hashable, Sendable {
        /// Not started, stopped, or never to be dialled: its name is our own, or its list of URLs is empty.
        case idle
        case waitSolicit
        /// Connecting to the `attempt`-th URL (from 0) of the `pass`-th shuffled list (from 1).
        case dialling(pass: Int, attempt: Int)
        /// All URLs of a pass failed.
        case passWait(pass: Int)
        /// TCP is up; nothing is sent before the peer's INFO.
        case awaitInfo
        case registered
        case reconnectWait
        /// An implicit remote that was given up.
        case forgotten
    }

    /// This server as its INFO describes it; its URLs change as servers of its cluster come and go.
    public var own: ServerInfo
    /// The remote cluster's name as configured or learned.
    public let remote: String
    /// Learned from other servers, not configured: not retried for ever.
    public let isImplicit: Bool
    public private(set) var state = State.idle
    /// Configured URLs, then those that the peer's latest INFO added. Indices stay valid until the next INFO.
    public private(set) var urls: [String]
    /// Whether an inbound connection from this cluster is registered: an implicit remote then goes on dialling.
    public var hasInbound = false
    /// Names of the servers that routes lead to; a remote server must not have one of them, nor our own.
    public var routedNames: [String] = []

    private let configured: [String]
    private let connectRetries: Int
    private let parameters: ServerParameters
    private let behaviour: ServerBehaviour
    private var order: [Int] = []
    private var pings: PingMonitor

    /// - Parameters:
    ///   - own: this server as its INFO describes it, with its gateway name.
    ///   - connectRetries: `connect_retries`: passes beyond the first before an implicit remote is given up.
    public init(
        own: ServerInfo, remote: String, urls: [String], isImplicit: Bool = false, connectRetries: Int = 0,
        parameters: ServerParameters = ServerParameters(), version: ServerVersion = .v2_9_10
    ) {
        precondition(own.gateway != nil, "a server without gateway name has no gateways")
        self.own = own
        self.remote = remote
        self.configured = isImplicit ? [] : urls
        self.urls = urls
        self.isImplicit = isImplicit
        self.connectRetries = connectRetries
        self.parameters = parameters
        self.behaviour = version.behaviour
        self.pings = PingMonitor(parameters)
    }

    /// A remote entry with the server's own name, which nats-server skips silently.
    public var isSelf: Bool { remote == own.gateway }

    /// Adds URLs that gossip told about a remote already known.
    public mutating func learn(_ more: [String]) {
        for url in more where !urls.contains(url) { urls.append(url) }
    }

    /// Takes one input and appends what to do, in order.
    /// - Parameter draw: 64 uniform bits at each call; used for the order of URLs and for jitter.
    public mutating func handle(_ input: GatewayInput, draw: () -> UInt64, into outputs: inout [GatewayOutput]) {
        switch input {
        case .start: start(draw, &outputs)
        case .timerFired(let timer): fire(timer, draw, &outputs)
        case .dialSucceeded:
            guard case .dialling = state else { return }
            outputs.append(.disarm(.dial))
            outputs.append(.log("Creating outbound gateway connection to \"\(remote)\""))
            state = .awaitInfo
            if behaviour.closesSilentOutbound {
                outputs.append(.arm(.info, pings.interval * (pings.maximum + 1)))
            }
        case .dialFailed(let reason):
            guard case .dialling(let pass, let attempt) = state else { return }
            outputs.append(.disarm(.dial))
            logFailure(reason.rawValue, pass, attempt, &outputs)
            dialNext(pass, attempt + 1, draw, &outputs)
        case .infoReceived(let info): receive(info, draw, &outputs)
        case .pingReceived:
            if isUp { outputs.append(.send(.pong)) }
        case .pongReceived: pings.pongReceived()
        case .errorReceived(let text):
            guard isUp else { return }
            outputs.append(.log("Gateway Error '\(text)'"))
            close(.parseError, draw, &outputs)
        case .closed(let reason):
            if isUp { close(reason, draw, &outputs) }
        case .writeDeadlineExpired(let bytesWritten):
            guard isUp else { return }
            outputs.append(
                .log("Slow Consumer Detected: WriteDeadline of \(parameters.writeDeadline.seconds) s exceeded"))
            if bytesWritten == 0 { close(.slowConsumer, draw, &outputs) }
        case .stopped: stop(&outputs)
        case .accepted, .connectReceived:
            preconditionFailure("an outbound connection is dialled and gets no CONNECT")
        }
    }

    private var isUp: Bool { state == .awaitInfo || state == .registered }

    private mutating func start(_ draw: () -> UInt64, _ outputs: inout [GatewayOutput]) {
        guard state == .idle, !isSelf, !urls.isEmpty else { return }
        if isImplicit {
            dialPass(1, draw, &outputs)
        } else {
            state = .waitSolicit
            outputs.append(.arm(.solicit, parameters.startDelay + parameters.gatewaySolicitDelay))
        }
    }

    private mutating func fire(_ timer: GatewayTimer, _ draw: () -> UInt64, _ outputs: inout [GatewayOutput]) {
        switch (timer, state) {
        case (.solicit, .waitSolicit), (.reconnect, .reconnectWait):
            dialPass(1, draw, &outputs)
        case (.pass, .passWait(let pass)):
            dialPass(pass + 1, draw, &outputs)
        case (.dial, .dialling(let pass, let attempt)):
            outputs.append(.abandonDial)
            logFailure("i/o timeout", pass, attempt, &outputs)
            dialNext(pass, attempt + 1, draw, &outputs)
        case (.info, .awaitInfo):
            close(.staleConnection, draw, &outputs)
        case (.ping, .registered):
            switch pings.tick() {
            case .ping:
                outputs.append(.send(.ping))
                outputs.append(.arm(.ping, pings.interval))
            case .stale: close(.staleConnection, draw, &outputs)
            }
        default: break
        }
    }

    /// Starts a pass over all URLs in an order drawn anew (Fisher-Yates).
    private mutating func dialPass(_ pass: Int, _ draw: () -> UInt64, _ outputs: inout [GatewayOutput]) {
        order = Array(urls.indices)
        for last in stride(from: order.count - 1, to: 0, by: -1) {
            let other = Int(UInt64(last + 1).multipliedFullWidth(by: draw()).high)
            order.swapAt(last, other)
        }
        dialNext(pass, 0, draw, &outputs)
    }

    private mutating func dialNext(
        _ pass: Int, _ attempt: Int, _ draw: () -> UInt64, _ outputs: inout [GatewayOutput]
    ) {
        if attempt < order.count {
            state = .dialling(pass: pass, attempt: attempt)
            outputs.append(.dial(url: order[attempt]))
            outputs.append(.arm(.dial, parameters.dialTimeout))
        } else if isImplicit && pass > connectRetries && !hasInbound {
            state = .forgotten
            outputs.append(.forgotten)
        } else if isImplicit && pass > connectRetries {
            // The peer has just reached us, so the real server goes on at once, without the pause.
            dialPass(pass + 1, draw, &outputs)
        } else {
            state = .passWait(pass: pass)
            outputs.append(.arm(.pass, parameters.reconnectDelay))
        }
    }

    private mutating func receive(_ info: ServerInfo, _ draw: () -> UInt64, _ outputs: inout [GatewayOutput]) {
        guard isUp else { return }
        guard let gateway = info.gateway else {
            outputs.append(.log("Attempt to connect to gateway \"\(remote)\" using wrong port"))
            return close(.wrongPort, draw, &outputs)
        }
        if gateway != remote {
            if state == .registered {
                return outputs.append(.learned(cluster: gateway, urls: info.urls))
            }
            let line = "Failing connection to gateway \"\(remote)\", remote gateway name is \"\(gateway)\""
            outputs.append(.log(line))
            outputs.append(.send(.error(.wrongGateway)))
            return close(.wrongGateway, draw, &outputs)
        }
        if info.server.name == own.server.name || routedNames.contains(info.server.name) {
            outputs.append(.log("Remote server has a duplicate name: \"\(info.server.name)\""))
            return close(.duplicateServerName, draw, &outputs)
        }
        if !info.urls.isEmpty {
            urls = configured
            learn(info.urls)
        }
        if state == .awaitInfo {
            if behaviour.closesSilentOutbound { outputs.append(.disarm(.info)) }
            state = .registered
            outputs.append(.send(.connect(ConnectOptions(gateway: own.gateway))))
            outputs.append(.send(.info(own)))
            outputs.append(.opened(info))
            outputs.append(.log("Outbound gateway connection to \"\(remote)\" (\(info.server.name)) registered"))
            outputs.append(.arm(.ping, pings.begin(draw: draw)))
        }
        outputs.append(.gossip(info))
    }

    private mutating func close(_ reason: CloseReason, _ draw: () -> UInt64, _ outputs: inout [GatewayOutput]) {
        disarmUp(&outputs)
        outputs.append(.closed(reason))
        outputs.append(.log("Gateway connection closed: \(reason.rawValue)"))
        state = .reconnectWait
        let pause = isImplicit ? SimDuration.zero : parameters.reconnectDelay
        outputs.append(.arm(.reconnect, pause + uniform(below: parameters.reconnectJitter, draw)))
    }

    private mutating func stop(_ outputs: inout [GatewayOutput]) {
        switch state {
        case .idle, .forgotten: break
        case .waitSolicit: outputs.append(.disarm(.solicit))
        case .dialling:
            outputs.append(.disarm(.dial))
            outputs.append(.abandonDial)
        case .passWait: outputs.append(.disarm(.pass))
        case .reconnectWait: outputs.append(.disarm(.reconnect))
        case .awaitInfo, .registered:
            disarmUp(&outputs)
            outputs.append(.closed(.serverShutdown))
        }
        state = .idle
        // A restarted process knows its configuration only.
        if !isImplicit { urls = configured }
    }

    private func disarmUp(_ outputs: inout [GatewayOutput]) {
        if state == .registered { outputs.append(.disarm(.ping)) }
        if state == .awaitInfo && behaviour.closesSilentOutbound { outputs.append(.disarm(.info)) }
    }

    private func logFailure(_ reason: String, _ pass: Int, _ attempt: Int, _ outputs: inout [GatewayOutput]) {
        let kind = isImplicit ? "implicit" : "explicit"
        let url = urls[order[attempt]]
        outputs.append(
            .log("Error connecting to \(kind) gateway \"\(remote)\" (\(url)) (attempt \(pass)): \(reason)"))
    }
}
