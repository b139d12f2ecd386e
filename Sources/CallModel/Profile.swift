import EventKernel

/// Behaviour that differs between releases of the service, as data.
public enum Profile: String, CaseIterable, Sendable {
    /// The code the seed design was written for (pull request 325): 10 s timeouts, 1 s heartbeats, 3 s election.
    case videocall2025 = "videocall-2025-07"
    /// Main of July 2026 (33b44e02): election of 2 s, 30 s timeouts.
    case videocall2026 = "videocall-2026"

    /// Sets what this release does differently from the defaults, which are those of `videocall2026`.
    public func apply(relay: inout RelayParameters, client: inout ClientParameters, media: inout MediaParameters) {
        switch self {
        case .videocall2026:
            break
        case .videocall2025:
            // actix-api/src/constants.rs and webtransport/mod.rs:142 at e04fd6c2; blog of 2025-07-23 for the election.
            relay.clientTimeout = .seconds(10)
            client.quicIdleTimeout = .seconds(10)
            client.electionPeriod = .seconds(3)
            client.reconnectDelay = .zero
            client.tokenRoundTrips = 0
            client.tokenService = .zero
            media.heartbeatInterval = .seconds(1)
        }
    }
}
