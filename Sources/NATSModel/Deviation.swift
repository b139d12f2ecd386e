/// Deliberately wrong rules. Tests switch on one at a time to see that a routing case notices it; a server without
/// any follows nats-server.
public struct Deviation: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A group served in the publisher's cluster, or in a nearer one, is listed at the other gateways all the same.
    public static let servesGroupsInEachCluster = Deviation(rawValue: 1 << 0)
    /// RS- from another cluster changes nothing.
    public static let ignoresGatewayUnsubscribe = Deviation(rawValue: 1 << 1)
    /// RS- from a server of the cluster changes nothing.
    public static let ignoresRouteUnsubscribe = Deviation(rawValue: 1 << 2)
    /// A message that came by a route is passed on by other routes: to servers further along in the order of names,
    /// in either direction, so that it does not go round for ever.
    public static let forwardsBetweenRoutes = Deviation(rawValue: 1 << 3)
    /// A message from a cluster earlier in the order of names is sent to gateways again, back to its own included.
    public static let forwardsBetweenGateways = Deviation(rawValue: 1 << 4)
    /// `a.>` matches `a`.
    public static let tailMatchesNothing = Deviation(rawValue: 1 << 5)
    /// `*` matches one token or more.
    public static let starMatchesSeveralTokens = Deviation(rawValue: 1 << 6)
    public static let neverMapsReplies = Deviation(rawValue: 1 << 7)
    /// Other clusters are told of local subscriptions, not of what routes told.
    public static let hidesRoutedInterest = Deviation(rawValue: 1 << 8)
    /// Each route counts once in a group's draw, however many members it has.
    public static let ignoresWeights = Deviation(rawValue: 1 << 9)
    /// A message from another cluster serves every group here, listed or not.
    public static let servesUnlistedGroups = Deviation(rawValue: 1 << 10)
    /// `echo: false` changes nothing.
    public static let ignoresEcho = Deviation(rawValue: 1 << 11)
    /// A copy that went to another cluster does not prevent a 503.
    public static let countsOwnClusterOnly = Deviation(rawValue: 1 << 12)
    public static let neverAnswersNoResponders = Deviation(rawValue: 1 << 13)
    /// A subscription with a maximum gets one message more.
    public static let endsOneMessageLate = Deviation(rawValue: 1 << 14)
    /// A client with several matching plain subscriptions gets the message on one of them only.
    public static let deliversOncePerClient = Deviation(rawValue: 1 << 15)
    /// Every message goes to every other cluster, as if somebody there wanted it.
    public static let forwardsWithoutInterest = Deviation(rawValue: 1 << 16)
    /// A client's message for a group with local members stays on the server.
    public static let prefersLocalMembers = Deviation(rawValue: 1 << 17)
    /// A new route is not told what was subscribed to before it came.
    public static let forgetsReplayToRoutes = Deviation(rawValue: 1 << 18)
    /// A new inbound gateway connection is not told the groups that existed before it came.
    public static let forgetsReplayOfGroups = Deviation(rawValue: 1 << 19)
    /// A group with several members ends with the first one that leaves.
    public static let endsGroupsEarly = Deviation(rawValue: 1 << 20)
    /// A client's disconnect leaves its subscriptions known to the other servers.
    public static let keepsInterestOfClosedClients = Deviation(rawValue: 1 << 21)

    /// Each alone, with its name.
    public static let all: [(name: String, deviation: Deviation)] = [
        ("servesGroupsInEachCluster", .servesGroupsInEachCluster),
        ("ignoresGatewayUnsubscribe", .ignoresGatewayUnsubscribe),
        ("ignoresRouteUnsubscribe", .ignoresRouteUnsubscribe),
        ("forwardsBetweenRoutes", .forwardsBetweenRoutes),
        ("forwardsBetweenGateways", .forwardsBetweenGateways),
        ("tailMatchesNothing", .tailMatchesNothing),
        ("starMatchesSeveralTokens", .starMatchesSeveralTokens),
        ("neverMapsReplies", .neverMapsReplies),
        ("hidesRoutedInterest", .hidesRoutedInterest),
        ("ignoresWeights", .ignoresWeights),
        ("servesUnlistedGroups", .servesUnlistedGroups),
        ("ignoresEcho", .ignoresEcho),
        ("countsOwnClusterOnly", .countsOwnClusterOnly),
        ("neverAnswersNoResponders", .neverAnswersNoResponders),
        ("endsOneMessageLate", .endsOneMessageLate),
        ("deliversOncePerClient", .deliversOncePerClient),
        ("forwardsWithoutInterest", .forwardsWithoutInterest),
        ("prefersLocalMembers", .prefersLocalMembers),
        ("forgetsReplayToRoutes", .forgetsReplayToRoutes),
        ("forgetsReplayOfGroups", .forgetsReplayOfGroups),
        ("endsGroupsEarly", .endsGroupsEarly),
        ("keepsInterestOfClosedClients", .keepsInterestOfClosedClients),
    ]
}
