public import EventKernel

/// What is measured of one server's gateway to one region; each is the response `gateway.SERVER.REGION.` plus the
/// case's name.
public enum GatewayMeasure: String, CaseIterable, Sendable {
    case up
    case closed
    case restored
    case inboundClosed = "inbound-closed"

    /// `count`, `share`, `ms`, `s` or `number`.
    public var unit: String { "s" }

    /// What it says, for the reference page.
    public var meaning: String {
        switch self {
        case .up: "From time zero until the server's outbound gateway to the region was first registered"
        case .closed: "From the start of the first fault to the first close of the outbound gateway after it"
        case .restored: "From the end of the last fault until the outbound gateway is registered again for good"
        case .inboundClosed:
            "From the start of the first fault to the first close of an inbound gateway from the region after it"
        }
    }

    /// `gateway.SERVER.REGION.MEASURE`.
    public func responseName(server: String, region: String) -> String {
        "gateway.\(server).\(region).\(rawValue)"
    }
}

/// A gateway connection of a server came or went.
public struct GatewayEvent: Hashable, Sendable {
    public var time: SimTime
    /// For example `us-east/nats-0`.
    public var server: String
    /// The region at the other end.
    public var region: String
    public var isOutbound: Bool
    /// Registered, or closed after it was.
    public var isRegistered: Bool

    public init(time: SimTime, server: String, region: String, isOutbound: Bool, isRegistered: Bool) {
        self.time = time
        self.server = server
        self.region = region
        self.isOutbound = isOutbound
        self.isRegistered = isRegistered
    }

    /// The gateway responses of every (server, region).
    ///
    /// - Parameters:
    ///   - events: in order of time.
    ///   - firstFault: when the first fault starts; `nil`: there is none.
    ///   - heal: when the last fault ends; `nil`: none ends.
    public static func responses(
        _ events: [GatewayEvent], servers: [(server: String, region: String)], firstFault: SimTime?, heal: SimTime?
    ) -> [ResponseValue] {
        servers.flatMap { server, region in
            let own = events.filter { $0.server == server && $0.region == region }
            let outbound = own.filter(\.isOutbound)
            func seconds(_ time: SimTime?, since start: SimTime?) -> Double? {
                guard let time, let start else { return nil }
                return Double((time - start).nanoseconds) / 1e9
            }
            func firstClose(_ events: [GatewayEvent]) -> Double? {
                let event = events.first { !$0.isRegistered && firstFault.map($0.time.isAtOrAfter) == true }
                return seconds(event?.time, since: firstFault)
            }
            let last = outbound.last.flatMap { $0.isRegistered ? $0.time : nil }
            let restored = last.flatMap { time in heal.map(time.isAtOrAfter) == true ? time : nil }
            return GatewayMeasure.allCases.map { measure in
                let value: Double?
                switch measure {
                case .up: value = seconds(outbound.first { $0.isRegistered }?.time, since: .start)
                case .closed: value = firstClose(outbound)
                case .restored: value = seconds(restored, since: heal)
                case .inboundClosed: value = firstClose(own.filter { !$0.isOutbound })
                }
                return ResponseValue(
                    name: measure.responseName(server: server, region: region), unit: measure.unit, value: value)
            }
        }
    }
}

extension SimTime {
    fileprivate func isAtOrAfter(_ other: SimTime) -> Bool { self >= other }
}

/// What is measured of a NATS server: its CPU while plain publishers are active, or all the time where only people
/// send, and its memory if that has a limit;
/// each is the response `server.SERVER.` plus the case's name.
public enum ServerMeasure: String, CaseIterable, Sendable {
    case cpu
    case cpuPerMessage = "cpu-per-message"
    case memoryPeak = "memory-peak"
    case memoryKills = "memory-kills"

    /// Those of servers with a memory limit.
    public static let ofMemory: [ServerMeasure] = [.memoryPeak, .memoryKills]

    /// `count`, `share`, `ms`, `s` or `number`.
    public var unit: String {
        switch self {
        case .cpu, .memoryPeak: "number"
        case .cpuPerMessage: "ms"
        case .memoryKills: "count"
        }
    }

    /// What it says, for the reference page.
    public var meaning: String {
        switch self {
        case .cpu: "Cores used from the first to the last publisher's activity, or all the time without any"
        case .cpuPerMessage: "CPU time used in that span over messages that all publishers published in it"
        case .memoryPeak: "Most memory used at once, in MiB; of servers with a memory limit"
        case .memoryKills: "How often the server was killed for want of memory; of servers with a memory limit"
        }
    }

    /// Those of any server: without plain publishers there are no messages to share the time among.
    public static func cases(hasPublishers: Bool) -> [ServerMeasure] {
        hasPublishers ? [.cpu, .cpuPerMessage] : [.cpu]
    }

    /// `server.SERVER.MEASURE`.
    public func responseName(server: String) -> String {
        "server.\(server).\(rawValue)"
    }

    /// - Parameters:
    ///   - busy: CPU time of the server in the span.
    ///   - published: messages of all publishers in the span; `nil`: there is none.
    public static func responses(
        server: String, busy: SimDuration, span: SimDuration, published: Int64?
    ) -> [ResponseValue] {
        let cores = span > .zero ? Double(busy.nanoseconds) / Double(span.nanoseconds) : nil
        guard let published else { return [cpu.value(cores, server: server)] }
        return [
            cpu.value(cores, server: server),
            cpuPerMessage.value(
                published > 0 ? Double(busy.nanoseconds) / 1e6 / Double(published) : nil, server: server),
        ]
    }

    /// - Parameters:
    ///   - peak: the most bytes used at once; `nil`: not known.
    ///   - kills: for want of memory; `nil`: not known.
    public static func responses(server: String, memoryPeak peak: Int64?, kills: Int64?) -> [ResponseValue] {
        [
            memoryPeak.value(peak.map { Double($0) / 1_048_576 }, server: server),
            memoryKills.value(kills.map(Double.init), server: server),
        ]
    }

    private func value(_ value: Double?, server: String) -> ResponseValue {
        ResponseValue(name: responseName(server: server), unit: unit, value: value)
    }
}

/// How faithful an emulated replication was, and on what it ran.
public struct EmulationRecord: Hashable, Sendable {
    /// For example `2.9.10`.
    public var serverVersion: String
    /// `namespaces`, or `proxy` where those are not allowed.
    public var link: String
    /// Of the servers' TCP connections, for example `reno`.
    public var congestionControl: String
    public var kernel: String
    /// How much later than due the link passed packets on.
    public var linkLateness99: SimDuration
    public var linkLatenessMaximum: SimDuration
    /// How much later than due the load driver wrote messages.
    public var driverLateness99: SimDuration
    public var driverLatenessMaximum: SimDuration
    /// Share of the machine's CPU time that the hypervisor withheld, 0 to 1.
    public var steal: Double
    /// Share of the machine's CPU time that was idle, 0 to 1.
    public var idle: Double
    /// Packets that the link had no room for, beyond those that the scenario loses.
    public var packetsDropped: Int64
    /// What went beyond its bound, in words. Not empty: nothing can be concluded from the replication.
    public var problems: [String]

    public init(
        serverVersion: String, link: String, congestionControl: String, kernel: String,
        linkLateness99: SimDuration = .zero, linkLatenessMaximum: SimDuration = .zero,
        driverLateness99: SimDuration = .zero, driverLatenessMaximum: SimDuration = .zero,
        steal: Double = 0, idle: Double = 0, packetsDropped: Int64 = 0, problems: [String] = []
    ) {
        self.serverVersion = serverVersion
        self.link = link
        self.congestionControl = congestionControl
        self.kernel = kernel
        self.linkLateness99 = linkLateness99
        self.linkLatenessMaximum = linkLatenessMaximum
        self.driverLateness99 = driverLateness99
        self.driverLatenessMaximum = driverLatenessMaximum
        self.steal = steal
        self.idle = idle
        self.packetsDropped = packetsDropped
        self.problems = problems
    }
}
