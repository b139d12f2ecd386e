public import EventKernel

/// Why a connection ended, in the words of nats-server's log.
public enum CloseReason: String, Hashable, Sendable, CaseIterable {
    /// The other end's FIN or RST arrived.
    case clientClosed = "Client Closed"
    case readError = "Read Error"
    case wrongGateway = "Wrong Gateway"
    case wrongPort = "Incorrect Port"
    case duplicateServerName = "Duplicate Server Name"
    /// CONNECT did not come in time.
    case authenticationTimeout = "Authentication Timeout"
    /// Something else came before CONNECT.
    case authenticationFailure = "Authentication Failure"
    case staleConnection = "Stale Connection"
    case slowConsumer = "Slow Consumer (Write Deadline)"
    /// An `-ERR` came in.
    case parseError = "Parse Error"
    case serverShutdown = "Server Shutdown"
    /// A second route to the same server, or one to itself.
    case duplicateRoute = "Duplicate Route"
    /// A route to a server of another cluster.
    case clusterNameConflict = "Cluster Name Conflict"
    /// An operation came in that the connection may not carry.
    case protocolViolation = "Protocol Violation"
}

/// Why a TCP connect did not succeed.
public enum DialFailure: String, Hashable, Sendable {
    /// A RST answered: nobody listens there.
    case refused = "connect: connection refused"
}

/// The timers of a gateway connection. A machine has at most one of each kind running.
public enum GatewayTimer: UInt8, CaseIterable, Hashable, Sendable, BitwiseCopyable {
    /// Wait before the first dial of a process.
    case solicit
    /// Bound on one TCP connect.
    case dial
    /// Pause after all URLs failed.
    case pass
    /// Pause after a connection closed.
    case reconnect
    /// Next ping.
    case ping
    /// Bound on the wait for INFO (outbound, from 2.10.16).
    case info
    /// Bound on the wait for CONNECT (inbound).
    case authentication
}

/// What a gateway machine asks of its surroundings.
public enum GatewayOutput: Hashable, Sendable {
    /// Start a TCP connect to `GatewayDialer.urls[url]`.
    case dial(url: Int)
    /// Give up the TCP connect under way.
    case abandonDial
    case send(Operation)
    /// (Re)start a timer.
    case arm(GatewayTimer, SimDuration)
    case disarm(GatewayTimer)
    /// Registered with this peer: open the connection in `Server`, as outbound or inbound according to the machine.
    case opened(ServerInfo)
    /// The connection is gone: drop it, and close it in `Server` if it was opened there.
    case closed(CloseReason)
    /// Tell this server's routes about the peer's cluster, so that each of them connects to it too.
    case gossip(ServerInfo)
    /// The peer's cluster exists at these URLs: create an implicit remote, unless there is one with that name.
    case learned(cluster: String, urls: [String])
    /// An implicit remote could not be reached and is deleted.
    case forgotten
    /// A line of the server's log.
    case log(String)
}

/// What happens to a gateway connection at either end.
public enum GatewayInput: Hashable, Sendable {
    /// Outbound: the process started, or an implicit remote was created.
    case start
    /// Inbound: TCP is up.
    case accepted
    case timerFired(GatewayTimer)
    case dialSucceeded
    case dialFailed(DialFailure)
    case infoReceived(ServerInfo)
    case connectReceived(ConnectOptions)
    case pingReceived
    case pongReceived
    /// `-ERR`, or anything else that is not expected at this point.
    case errorReceived(String)
    /// TCP was closed or reset by the other end.
    case closed(CloseReason)
    /// A flush did not finish within the write deadline; with nothing written at all the connection is closed.
    case writeDeadlineExpired(bytesWritten: Int64)
    /// This process ends.
    case stopped
}
