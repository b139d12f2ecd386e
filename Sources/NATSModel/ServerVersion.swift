public import EventKernel

/// A nats-server release.
public struct ServerVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var major: Int
    public var minor: Int
    public var patch: Int

    public init(major: Int, minor: Int, patch: Int) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Reads `2.9.10`, `v2.9.10` or an image tag such as `2.9.18-alpine`, whose suffix is ignored.
    /// - Throws: `ServerVersionError` when the text is no version, or one before 2.9.0.
    public init(parsing text: String) throws(ServerVersionError) {
        let bare = text.hasPrefix("v") ? text.dropFirst() : Substring(text)
        let parts = bare.prefix { $0 != "-" }.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(part) : nil
        }
        guard parts.count == 3, numbers.count == 3 else { throw .malformed(text) }
        self.init(major: numbers[0], minor: numbers[1], patch: numbers[2])
        if self < ServerVersion(major: 2, minor: 9, patch: 0) { throw .tooOld(self) }
    }

    /// The version of Debian 12, the reference of this model.
    public static let v2_9_10 = ServerVersion(major: 2, minor: 9, patch: 10)

    public static func < (left: ServerVersion, right: ServerVersion) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    public var description: String { "\(major).\(minor).\(patch)" }

    /// Behaviour that releases differ in.
    public var behaviour: ServerBehaviour { ServerBehaviour(self) }
}

/// Text that names no version that can be modelled.
public enum ServerVersionError: Error, Hashable, CustomStringConvertible {
    case malformed(String)
    /// Before 2.9.0 servers forwarded to other clusters without known interest, which is not modelled.
    case tooOld(ServerVersion)

    public var description: String {
        switch self {
        case .malformed(let text): "'\(text)' is no nats-server version; write it as 2.9.10"
        case .tooOld(let version):
            "nats-server \(version) is not modelled: before 2.9.0 gateways were optimistic, not interest-only"
        }
    }
}

/// What releases differ in, as data.
///
/// Ranges are read from the releases' sources and change notes. On real binaries the model was held against 2.9.10
/// and 2.15.1, with all routing cases and with random programs, and they agreed: that shows who gets which message;
/// what takes time is in `docs/measurements.md`. Between these two releases only `losesQueueTallyOnRouteReconnect` was
/// looked for, on 2.10.25 and 2.10.26, so no release at which a range begins or ends was run.
public struct ServerBehaviour: Hashable, Sendable {
    /// How a publisher is held back by a slow destination.
    public var stall: StallRule
    /// An outbound gateway connection whose INFO never comes is closed after (ping maximum + 1) ping intervals.
    /// From 2.10.16 (`watchForStaleConnection`), not seen on a real binary; before, it hangs until the peer's FIN or
    /// RST.
    public var closesSilentOutbound: Bool
    /// Routes are pinged whatever their traffic. From 2.9.16; not seen on a real binary.
    public var pingsBusyRoutes: Bool
    /// Upper limit of the ping interval on routes: 2 min, and 30 s from 2.10.0; not seen on a real binary.
    public var routePingLimit: SimDuration
    /// Connections between two servers of a cluster: 1, and 3 from 2.10.0 (one account always uses the same one); 1 was
    /// seen on 2.9.10, 3 on 2.15.1.
    public var routePoolSize: Int
    /// Names with spaces are refused. From 2.11.0; not seen on a real binary.
    public var refusesSpacesInNames: Bool
    /// A group that a route announces at once with several members, as after a reconnect, is counted as one, but
    /// each member that leaves reduces the count, so other clusters get an RS- too early. 2.10.23 to 2.10.27 by
    /// the sources; seen on 2.10.25 and 2.10.26, and not on 2.9.10 and 2.15.1.
    public var losesQueueTallyOnRouteReconnect: Bool

    public init(_ version: ServerVersion) {
        func from(_ minor: Int, _ patch: Int) -> Bool {
            version >= ServerVersion(major: 2, minor: minor, patch: patch)
        }
        stall = from(10, 26) ? .brief : .long
        closesSilentOutbound = from(10, 16)
        pingsBusyRoutes = from(9, 16)
        routePingLimit = from(10, 0) ? .seconds(30) : .seconds(120)
        routePoolSize = from(10, 0) ? 3 : 1
        refusesSpacesInNames = from(11, 0)
        losesQueueTallyOnRouteReconnect = from(10, 23) && !from(10, 28)
    }
}

/// How a client whose message goes to a congested destination is held up (server/client.go `stalledWait`).
public struct StallRule: Hashable, Sendable {
    /// Pending bytes from which producers wait, in quarters of `max_pending`.
    public var thresholdQuarters: Int64
    /// The shortest wait.
    public var minimum: SimDuration
    /// At `max_pending` and above.
    public var maximum: SimDuration
    /// Whether the wait grows by `minimum` for each tenth of the threshold in between.
    public var grows: Bool
    /// Most that one read of the client's socket is held up in all.
    public var limitPerRead: SimDuration?

    /// Up to 2.10.25: 100 ms at half of `max_pending`, 1 s when it is reached, for each message.
    public static let long = StallRule(
        thresholdQuarters: 2, minimum: .milliseconds(100), maximum: .seconds(1), grows: true, limitPerRead: nil)

    /// From 2.10.26 and 2.11.0: 2 to 5 ms above three quarters. Not seen on a real binary.
    public static let brief = StallRule(
        thresholdQuarters: 3, minimum: .milliseconds(2), maximum: .milliseconds(5), grows: false,
        limitPerRead: .milliseconds(10))

    /// How long one message waits for a destination with `pending` unsent bytes; `nil`: not at all.
    public func wait(pending: Int64, maximumPending: Int64) -> SimDuration? {
        let threshold = maximumPending / 4 * thresholdQuarters
        if pending <= threshold { return nil }
        if pending >= maximumPending { return maximum }
        if !grows { return minimum }
        let step = max(1, threshold / 10)
        return minimum + minimum * ((pending - threshold) / step)
    }
}
