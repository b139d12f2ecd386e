import EventKernel
import Network
import RandomVariates

/// How packets fare in one direction between two sites of a `Fabric`.
struct LinkState: Hashable, Sendable {
    /// How long a packet is under way at least, once it has left the sender.
    var delay = SimDuration.zero
    /// Each packet takes up to that much longer, each time in between equally likely. Packets never overtake.
    var jitter = SimDuration.zero
    /// Which packets are lost at random. Not possible behind proxies.
    var loss = PacketLoss.none
    /// Bits per second of whole IP packets, which the sender sends one after the other; `nil`: not limited.
    var bandwidth: Int64?
    /// How many bytes wait at the sender for a limited bandwidth at most. More have no room and are dropped.
    var queueBytes = 4 << 20
    /// Whether all packets vanish.
    var isCut = false
}

extension Purpose {
    /// Which packets of an emulated link are lost; the entity is the direction.
    static let emulatedLoss = Purpose(rawValue: 1290)
    /// How much later than the least delay an emulated link delivers; the entity is the direction.
    static let emulatedJitter = Purpose(rawValue: 1291)
    /// How long an emulated run waits before time zero; the entity is 0.
    static let emulatedPause = Purpose(rawValue: 1292)
}

/// Decides about each packet of one direction: whether it arrives, and when.
struct LinkClock: Sendable {
    enum Fate: Equatable, Sendable {
        /// Nanoseconds of the monotonic clock.
        case due(Int64)
        case lost
        case cut
        case hasNoRoom
    }

    var state = LinkState()
    private var losses: RandomStream
    private var jitters: RandomStream
    /// The chain of `PacketLoss` is where everything is lost.
    private var isInBurst = false
    /// When the sender has sent all that it was given.
    private var free = Int64.min

    /// The same seed, replication and direction give the same draws, packet for packet.
    init(seed: UInt64, replication: UInt32, direction: Int) {
        let entity = UInt64(direction)
        losses = RandomStream(seed: seed, purpose: .emulatedLoss, replication: replication, entity: entity)
        jitters = RandomStream(seed: seed, purpose: .emulatedJitter, replication: replication, entity: entity)
    }

    /// What becomes of a packet that is sent now.
    mutating func fate(bytes: Int, now: Int64) -> Fate {
        if state.isCut { return .cut }
        guard let sent = send(bytes, now: now, most: state.queueBytes) else { return .hasNoRoom }
        // A packet that the way loses has taken its time at the sender.
        return isLost() ? .lost : .due(arrival(sent))
    }

    /// When something arrives that can neither be lost nor find no room.
    mutating func due(bytes: Int, now: Int64) -> Int64 { arrival(send(bytes, now: now, most: Int.max)!) }

    private mutating func arrival(_ sent: Int64) -> Int64 {
        let due = sent + state.delay.nanoseconds
        guard state.jitter > .zero else { return due }
        return due + Int64(Double(state.jitter.nanoseconds) * jitters.uniform())
    }

    /// When its last bit leaves the sender; `nil` when more bytes than `most` would wait there.
    private mutating func send(_ bytes: Int, now: Int64, most: Int) -> Int64? {
        guard let bandwidth = state.bandwidth else { return now }
        let start = max(now, free)
        let waiting = Double(start - now) * Double(bandwidth) / 8e9
        guard waiting + Double(bytes) <= Double(most) else { return nil }
        free = start + Int64(bytes) * 8_000_000_000 / bandwidth
        return free
    }

    private mutating func isLost() -> Bool {
        let loss = state.loss
        guard loss.share > 0 else { return false }
        let draw = losses.uniform()
        if loss.burst == 1 { return draw < loss.share }
        let leaves = 1 / loss.burst
        isInBurst = isInBurst ? draw >= leaves : draw < leaves * loss.share / (1 - loss.share)
        return isInBurst
    }
}

extension Fabric {
    // MARK: The way between two sites

    /// Sets how packets fare from one site to another, one way: the two directions are independent. At first they take
    /// no time.
    ///
    /// A site is a region, or in a lab of `namespaces` a server. It holds for packets sent from now on. Those under way
    /// arrive when they were due, and later ones never before them; but a cut loses what is under way, too.
    ///
    /// - Precondition: not on loopback, and no loss where proxies take the place of the network.
    func setLink(from: String, to: String, _ state: LinkState) { changeLink(from: from, to: to) { $0 = state } }

    /// Changes only the delay of a link.
    func setDelay(from: String, to: String, _ delay: SimDuration) {
        changeLink(from: from, to: to) { $0.delay = delay }
    }

    /// Changes only whether a link is cut.
    func setCut(from: String, to: String, _ isCut: Bool) {
        changeLink(from: from, to: to) { $0.isCut = isCut }
    }

    private func changeLink(from: String, to: String, _ change: (inout LinkState) -> Void) {
        let (from, to) = (plan.site(named: from), plan.site(named: to))
        precondition(from != to, "inside a site there is no link")
        links.change(from: from, to: to) { state in
            change(&state)
            precondition(state.delay >= .zero && state.jitter >= .zero, "packets do not arrive before they are sent")
            precondition(state.bandwidth ?? 1 > 0, "a link without bandwidth is a cut link")
        }
    }

    /// What happened to packets since the start or the last `resetTraffic`; nothing on loopback.
    var traffic: FabricTraffic { hasLinks ? links.traffic : FabricTraffic() }

    /// Starts to count packets and to measure lateness anew.
    func resetTraffic() { if hasLinks { links.resetTraffic() } }
}

extension Fabric {
    // MARK: The way around proxies

    /// Where a cluster reaches the gateway of a server: the server itself, or the proxy that stands for the way there.
    func gatewayAddress(of server: String, seenFrom cluster: String) -> (host: String, port: UInt16) {
        guard kind == .proxies, plan.places[plan.index(of: server)].cluster != cluster else {
            return (address(of: server), gatewayPort)
        }
        return (plan.proxyAddress(of: server, seenFrom: cluster).description, gatewayPort)
    }

    /// What a server must advertise as its gateway, so that what others tell about it leads to them through a proxy:
    /// that of the first cluster that is not its own.
    func advertisedGateway(of server: String) -> (host: String, port: UInt16) {
        let own = plan.places[plan.index(of: server)].cluster
        guard kind == .proxies, let other = plan.clusters.first(where: { $0 != own }) else {
            return (address(of: server), gatewayPort)
        }
        return gatewayAddress(of: server, seenFrom: other)
    }

    /// As `nodePort(cluster:port:)`, for the gateways of a cluster as another one reaches them.
    func gatewayNodePort(of cluster: String, seenFrom other: String) throws -> (host: String, port: UInt16) {
        guard kind == .proxies, cluster != other else { return try nodePort(cluster: cluster, port: gatewayPort) }
        return (plan.proxyNodePortAddress(of: cluster, seenFrom: other).description, Self.nodePortNumber)
    }
}

/// What carries packets, or what takes their place, between the sites of a lab.
protocol LinkCarrier: Sendable {
    /// Changes the link between two sites, one way.
    func change(from: Int, to: Int, _ body: (inout LinkState) -> Void)
    /// What happened since the last `resetTraffic`.
    var traffic: FabricTraffic { get }
    /// Starts to count anew.
    func resetTraffic()
    /// Stops it; to be called exactly once.
    func end()
}
