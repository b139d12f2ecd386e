import CLinux
import EventKernel
import Glibc
import Measures
import RandomVariates
import Scenario

/// One replication on real servers, from its lab to its outcome.
final class EmulationRun {
    let deployment: EmulatedDeployment
    let options: EmulationOptions
    let timeline: EmulatedTimeline
    let fabric: Fabric
    let link: LinkKind
    let servers: EmulatedServers
    let desk: RawTrafficDesk
    /// `nil`: the scenario has no people.
    let calls: EmulatedCalls?
    let driver: LoadDriver
    /// What the run itself notes; the logs of the servers are read afterwards.
    var record = Record()
    private let turn: BootTicket
    private let pause: SimDuration
    /// When there is traffic, in nanoseconds from time zero: while publishers are active, or all the time where there
    /// are none.
    private let activity: ClosedRange<Int64>
    private var lastProgress = Int64.min
    private var restarts: EmulatedRestarts

    /// What was really done, and when.
    struct Record {
        /// Time zero, in nanoseconds of the monotonic clock.
        var zero: Int64 = 0
        /// Nanoseconds from the monotonic to the real-time clock.
        var clockOffset: Int64 = 0
        /// By index in `EmulatedTimeline.steps`.
        var stepTimes: [SimTime] = []
        /// By faults, and by the kernel for want of memory.
        var kills: [(server: Int, time: SimTime, isForMemory: Bool)] = []
        var starts: [(server: Int, time: SimTime)] = []
        /// CPU time of each server while publishers were active.
        var busy: [SimDuration] = []
        /// While publishers were active, or in the whole run where there are none.
        var watch = MachineWatch()
        var machineBefore: MachineLoad?
        var machineAfter: MachineLoad?
        var traffic = FabricTraffic()
        var problems: [String] = []
    }

    /// Between two questions whether to go on.
    private static let slice: Int64 = 50_000_000
    private static let progressInterval: Int64 = 250_000_000
    /// From the decision to start until time zero: servers are started, or the driver begins, at this instant.
    private static let head: Int64 = 20_000_000
    /// What servers that start at time zero have the machine for.
    private static let bootTime = SimDuration.seconds(5)

    /// - Parameter turn: taken by the caller; given back as soon as the servers are up.
    init(
        _ deployment: EmulatedDeployment, replication: UInt32, turn: BootTicket, options: EmulationOptions
    ) throws {
        self.deployment = deployment
        self.turn = turn
        self.options = options
        timeline = EmulatedTimeline(deployment)
        pause = Self.pause(before: deployment.scenario, replication: replication)
        restarts = EmulatedRestarts(servers: deployment.servers.count, deployment.scenario.nats)
        let span = Self.span(of: deployment.scenario)
        let end = span?.end ?? .start + deployment.scenario.horizon
        activity = (span?.start ?? .start).nanoseconds...end.nanoseconds
        let desk = RawTrafficDesk(deployment, heal: timeline.heal)
        self.desk = desk
        let calls =
            try deployment.scenario.populations.isEmpty
            ? nil
            : EmulatedCalls(
                deployment, replication: replication, firstConnection: desk.connectionCount,
                isCancelled: options.isCancelled)
        self.calls = calls
        (fabric, link) = try Self.makeFabric(deployment, replication: replication, options.link)
        do {
            servers = try EmulatedServers(deployment, fabric: fabric, executable: options.executable)
            let names = deployment.servers.map(\.name)
            driver = try LoadDriver(
                dial: { [fabric] server in
                    try fabric.connect(
                        at: names[server], host: fabric.address(of: names[server]), port: ServerFile.Port.client,
                        within: .seconds(1))
                },
                onDelivery: { delivery in
                    if let calls, calls.owns(delivery.connection) {
                        calls.take(delivery)
                    } else {
                        desk.take(delivery)
                    }
                })
        } catch {
            fabric.shutDown()
            throw error
        }
    }

    private static func makeFabric(
        _ deployment: EmulatedDeployment, replication: UInt32, _ link: LinkKind
    ) throws -> (Fabric, LinkKind) {
        let places = deployment.servers.map {
            Fabric.Place(name: $0.name, cluster: deployment.regions[$0.region].name)
        }
        let seed = deployment.scenario.seed
        if link != .proxy {
            let allowed = Fabric.namespacesAvailable
            if allowed.isAvailable {
                return (try Fabric.regions(places, seed: seed, replication: replication), .namespaces)
            }
            guard link == .automatic else {
                throw EmulationError(
                    "no network namespaces here: \(allowed.reason). Run as root, or with --link proxy, which needs no "
                        + "privileges but shows no packet loss and no cut as it is")
            }
        }
        try deployment.checkProxies()
        let fabric = try Fabric.proxied(
            places, gatewayPort: ServerFile.Port.gateway, seed: seed, replication: replication)
        return (fabric, .proxy)
    }

    /// Gives everything back; can be called again.
    func end() {
        driver.stop()
        fabric.shutDown()
    }

    /// Runs the scenario.
    func outcome() throws -> Outcome {
        defer { end() }
        do {
            try run()
        } catch {
            // The logs may tell why.
            if let folder = options.keepLogs { try? servers.keepLogs(in: folder) }
            throw error
        }
        for index in deployment.servers.indices { servers.kill(index) }
        if let folder = options.keepLogs { try servers.keepLogs(in: folder) }
        var builder = OutcomeOfEmulation(self)
        return builder.build()
    }

    private func run() throws {
        apply(leases: [])
        try driver.start()
        record.clockOffset = Self.clockOffset()
        if deployment.scenario.initial == .steady { try settle() }
        try play()
        driver.stop()
        record.traffic = fabric.traffic
        let drift = abs(Self.clockOffset() - record.clockOffset)
        if drift > Bounds.clockDrift.nanoseconds {
            record.problems.append(
                "the real-time clock moved by \(drift / 1_000) us against the monotonic one: gateway times are off")
        }
    }

    private static func clockOffset() -> Int64 {
        var real = timespec()
        let before = clinux_now()
        clock_gettime(CLOCK_REALTIME, &real)
        let after = clinux_now()
        return Int64(real.tv_sec) * 1_000_000_000 + Int64(real.tv_nsec) - (before + after) / 2
    }

    // MARK: Before time zero

    private func cancelled() -> Bool { options.isCancelled?() ?? false }

    private func checkCancelled() throws {
        if cancelled() { throw CancellationError() }
    }

    private func launchAll() throws {
        for index in deployment.servers.indices { try servers.launch(index) }
    }

    /// Boots everything and waits until all is as it is in a deployment that has run for long.
    private func settle() throws {
        try launchAll()
        driver.perform(opening)
        try awaitAll(within: .seconds(30), "gateways: ") {
            servers.missingGateways(try servers.look(options.isCancelled ?? { false }))
        }
        servers.closeMonitoring()
        let connections = desk.connectionCount + (calls?.openingConnections.count ?? 0)
        try awaitAll(within: .seconds(10), "client connections: ") {
            let missing = connections - driver.ready.count
            return missing == 0 ? [] : ["\(missing) of \(connections) are not served"]
        }
        let expected = desk.expectedMarks.union(calls?.expectedMarks ?? [])
        var lastMarkers: Int64 = 0
        try awaitAll(within: .seconds(15), "interest: ") {
            let missing = expected.subtracting(driver.marked)
            if !missing.isEmpty, clinux_now() - lastMarkers > 300_000_000 {
                driver.perform(desk.markers + (calls?.markers ?? []))
                lastMarkers = clinux_now()
            }
            return missing.isEmpty ? [] : missing.map(describe).sorted().prefix(5).map { "no messages of \($0)" }
        }
        turn.giveBack()
        try pass(until: clinux_now() + quiet + pause.nanoseconds)
    }

    /// Between two pings of real servers on a gateway connection (nats-server 2.9.10, gateway.go,
    /// `gatewayPingInterval`); not the scenario's, which is the model's.
    static let gatewayPing = SimDuration.seconds(15)

    /// How long a settled deployment waits before time zero, so that faults meet any phase of the servers' ping timers.
    ///
    /// The time from the boot to time zero is nearly the same in each run, so that without it each replication would
    /// measure one phase only. A replication waits as long whenever it is repeated.
    static func pause(before scenario: Scenario, replication: UInt32) -> SimDuration {
        guard scenario.initial == .steady, !scenario.timeline.isEmpty else { return .zero }
        var random = RandomStream(
            seed: scenario.seed, purpose: .emulatedPause, replication: replication, entity: 0)
        return SimDuration(nanoseconds: Int64(random.uniform() * Double(gatewayPing.nanoseconds)))
    }

    /// What is connected and subscribed before time zero.
    private var opening: [DriverOperation] { desk.opening + (calls?.opening ?? []) }

    private func describe(_ mark: LoadDriver.Marked) -> String {
        if let calls, calls.owns(mark.connection) { return calls.describe(mark) }
        return desk.describe(mark)
    }

    /// How long nothing is said before time zero: longer than TCP remembers the window of a connection, which it halves
    /// for each retransmission timeout (RFC 7661's predecessor, RFC 2861) of a round trip and some.
    private var quiet: Int64 {
        let longest = deployment.scenario.deployment.links.map(\.roundTrip.nanoseconds).max() ?? 0
        return 1_000_000_000 + 4 * longest
    }

    /// Looks again and again until nothing is missing.
    private func awaitAll(within limit: SimDuration, _ what: String, _ missing: () throws -> [String]) throws {
        let deadline = Deadline(after: limit)
        while true {
            try checkCancelled()
            let rest = try missing()
            if rest.isEmpty { return }
            if deadline.isOver {
                throw EmulationError(
                    "after \(Int(limit.seconds)) s the servers are not ready; \(what)" + rest.joined(separator: ", "))
            }
            try pass(until: clinux_now() + EmulatedServers.lookInterval.nanoseconds)
        }
    }

    /// Waits for an instant of the monotonic clock, and meanwhile looks whether all is well.
    private func pass(until end: Int64) throws {
        while true {
            try checkCancelled()
            try watchServers()
            tellProgress()
            watchMachine()
            let time = clinux_now()
            let left = end - time
            if left <= 0 { return }
            let restart = restarts.next.map { max(0, record.zero + $0.nanoseconds - time) } ?? Self.slice
            // Who ends is noticed at once.
            var ends = servers.endDescriptors.map { clinux_wait(fd: $0, wantsRead: true) }
            _ = clinux_wait(&ends, ends.count, min(left, restart, Self.slice))
        }
    }

    /// Starts servers again that ran out of memory, after their pauses.
    private func watchServers() throws {
        if record.zero == 0 { return try servers.checkAll() }
        for server in try servers.check() {
            let time = max(.start, now)
            record.kills.append((server, time, true))
            restarts.plan(server, killedAt: time)
        }
        for server in restarts.take(until: now) {
            record.starts.append((server, now))
            try servers.launch(server)
        }
    }

    private func watchMachine() {
        let reached = clinux_now()
        guard record.zero > 0, activity.contains(reached - record.zero) else { return }
        record.watch.look(at: reached)
    }

    private func tellProgress() {
        guard let progress = options.progress, record.zero > 0 else { return }
        let now = clinux_now()
        guard now - record.zero >= 0, lastProgress == Int64.min || now - lastProgress >= Self.progressInterval else {
            return
        }
        lastProgress = now
        progress(SimTime(nanoseconds: min(now - record.zero, deployment.scenario.horizon.nanoseconds)))
    }

    // MARK: From time zero to the horizon

    /// Something that is done on time by the calling thread.
    private enum Act {
        case step(Int)
        case measureCPU(isEnd: Bool)
        case passTurn
    }

    private var now: SimTime { SimTime(nanoseconds: clinux_now() - record.zero) }

    private func play() throws {
        let scenario = deployment.scenario
        let horizon = SimTime.start + scenario.horizon
        var acts: [(time: SimTime, act: Act)] = timeline.steps.indices.map { (timeline.steps[$0].time, .step($0)) }
        if let span = Self.span(of: scenario) {
            acts.append((span.start, .measureCPU(isEnd: false)))
            acts.append((span.end, .measureCPU(isEnd: true)))
        }
        if scenario.initial == .empty { acts.append((.start + Self.bootTime, .passTurn)) }
        acts = acts.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
        var waiting = acts[...]
        record.zero = clinux_now() + Self.head
        if scenario.initial == .empty { driver.perform(opening) }
        driver.begin(at: record.zero, source(until: horizon))
        fabric.resetTraffic()
        record.machineBefore = MachineLoad.now()
        try pass(until: record.zero)
        if scenario.initial == .empty {
            // Starting processes takes a while, and their first packets are to find the links as they are to be.
            while let first = waiting.first, first.time == .start, isLinkChange(first.act) {
                try perform(first.act)
                waiting.removeFirst()
            }
            try launchAll()
        }
        for (time, act) in waiting {
            try pass(until: record.zero + time.nanoseconds)
            try perform(act)
        }
        try pass(until: record.zero + horizon.nanoseconds)
        record.machineAfter = MachineLoad.now()
        tellProgress()
        // What comes to relays after the horizon is in flight, not lost.
        if calls != nil { try pass(until: clinux_now() + quiet) }
    }

    private func isLinkChange(_ act: Act) -> Bool {
        guard case .step(let index) = act else { return false }
        let step = timeline.steps[index]
        return step.changesLinks && step.kills.isEmpty && step.starts.isEmpty
    }

    private func source(until horizon: SimTime) -> any DriverSource {
        let raw = RawSource(deployment.scenario.publishers, horizon: horizon)
        guard let calls else { return raw }
        return MergedSource(raw, calls.running)
    }

    /// From the first publisher's start to the last one's end; all of the run where only people send.
    static func span(of scenario: Scenario) -> (start: SimTime, end: SimTime)? {
        let horizon = SimTime.start + scenario.horizon
        guard let start = scenario.publishers.map(\.start).min(), start < horizon else {
            return scenario.populations.isEmpty ? nil : (.start, horizon)
        }
        let end = scenario.publishers.map { min($0.end ?? horizon, horizon) }.max() ?? horizon
        return start < end ? (start, end) : nil
    }

    private func perform(_ act: Act) throws {
        switch act {
        case .passTurn: turn.giveBack()
        case .measureCPU(let isEnd):
            let times = deployment.servers.indices.map(servers.cpuTime)
            record.busy = isEnd ? zip(times, record.busy).map { $0 - $1 } : times
        case .step(let index):
            let step = timeline.steps[index]
            // A cut comes before the kills, so that nobody hears of them; a heal comes with the new processes.
            if step.changesLinks { apply(leases: step.leases) }
            forgetSockets(of: step)
            for server in step.kills {
                restarts.cancel(server)
                guard servers.isRunning(server) else { continue }
                servers.kill(server)
                record.kills.append((server, now, false))
            }
            record.stepTimes.append(now)
            for server in step.starts {
                record.starts.append((server, now))
                try servers.launch(server)
            }
        }
    }

    /// Makes the kernel of a region without power forget the connections of its servers.
    ///
    /// It would send on what they had written once the links are back, as no machine without power does. Now it gives
    /// up connections without an owner at the first retransmission after 0.6 s (ip-sysctl, `tcp_orphan_retries`), so
    /// an outage that is shorter than about a second still shows them.
    private func forgetSockets(of step: EmulatedTimeline.Step) {
        guard link == .namespaces else { return }
        for lease in step.leases {
            guard case .powerLoss(let region) = lease.kind,
                let server = step.kills.first(where: { deployment.servers[$0].region == region })
            else { continue }
            let isSet = try? fabric.inside(deployment.servers[server].name) {
                Sysctl.set("ipv4/tcp_orphan_retries", "1")
            }
            if isSet != true { record.problems.append("connections of servers without power live on in the kernel") }
        }
    }

    /// Makes the links what the leases want.
    private func apply(leases: [Fault]) {
        for (from, to, state) in EmulatedLinks(deployment: deployment.scenario.deployment).states(leases) {
            fabric.setLink(from: deployment.regions[from].name, to: deployment.regions[to].name, state)
        }
    }
}
