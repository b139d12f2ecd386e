import EventKernel
import Foundation
import Measures
import NATSModel
import Scenario

/// Beyond these a replication proves nothing, since the machine may have done what the servers are blamed for.
enum Bounds {
    /// Packets that the switch holds up add to the latency that is measured, whose error is to stay below that of a
    /// healthy gateway's own spread.
    static let quietLinkLateness99 = SimDuration.milliseconds(1)
    /// The same for a busy link. Bulk traffic comes in windows of hundreds of packets that are due at once, each of
    /// which waits for those before it. What is measured of it are tenths of seconds and seconds.
    static let busyLinkLateness99 = SimDuration.milliseconds(5)
    /// Packets in the busiest second from which on a link is busy.
    static let busyLink = 2_000
    /// Messages written late arrive late: the same for what the driver adds.
    static let driverLateness99 = SimDuration.milliseconds(2)
    /// CPU time that the hypervisor withholds is missing to servers and driver alike.
    static let steal = 0.05
    /// Share of the seconds in which the machine had no CPU time left. In such a second a server that has something to
    /// do waits for other processes, as it would not on a machine of its own, and who waits is chance.
    static let fullSeconds = 0.05
    /// Faults and what follows are told in tenths of a second, which 25 ms do not change.
    static let faultLateness = SimDuration.milliseconds(25)
    /// Times of gateways come from logs with the real-time clock, all others from the monotonic one.
    static let clockDrift = SimDuration.milliseconds(2)
    /// Entries of the journal.
    static let journal = 4_000

    static func linkLateness99(of traffic: FabricTraffic) -> SimDuration {
        traffic.busiestSecond > busyLink ? busyLinkLateness99 : quietLinkLateness99
    }

    /// What is wrong with a machine that was full so often; `nil`: nothing.
    static func problem(of watch: MachineWatch) -> String? {
        guard watch.fullShare > fullSeconds else { return nil }
        let (least, most) = (Int(MachineWatch.leastIdle * 100), Int(fullSeconds * 100))
        return "in \(watch.fullSeconds) of \(watch.seconds) s the CPUs were idle for less than \(least) % of the time, "
            + "at most \(most) % of them is sound"
    }
}

/// Turns what was recorded into the outcome of a replication.
struct OutcomeOfEmulation {
    private let run: EmulationRun
    private let scenario: Scenario
    private let account: LoadDriver.Account
    private var outcome = Outcome()
    private var gatewayEvents: [GatewayEvent] = []

    init(_ run: EmulationRun) {
        self.run = run
        scenario = run.deployment.scenario
        account = run.driver.account
    }

    private var deployment: Deployment { scenario.deployment }
    private var horizon: SimTime { .start + scenario.horizon }

    mutating func build() -> Outcome {
        addFaults()
        readLogs()
        addStreams()
        addGateways()
        addServers()
        addMemory()
        if account.lostAway > 0 {
            tell(horizon, "load driver", "\(account.lostAway) messages were due while there was no connection")
        }
        run.calls?.add(to: &outcome)
        outcome.events = account.written + account.delivered
        outcome.emulation = fidelity()
        outcome.journal.sort { ($0.time, $0.call, $0.subject, $0.text) < ($1.time, $1.call, $1.subject, $1.text) }
        if outcome.journal.count > Bounds.journal {
            outcome.journal.removeSubrange(Bounds.journal...)
        }
        return outcome
    }

    private mutating func tell(_ time: SimTime, _ subject: String, _ text: String) {
        outcome.journal.append(
            JournalEntry(time: time, call: -1, subject: subject, text: text, cause: nil, pairs: 0))
    }

    /// Faults with the times at which they really began and ended.
    private mutating func addFaults() {
        let steps = zip(run.timeline.steps, run.record.stepTimes)
        func done(_ time: SimTime) -> SimTime { steps.first { $0.0.time == time }?.1 ?? time }
        for fault in scenario.timeline {
            let (kind, target) = EmulatedTimeline.names(fault.kind, deployment)
            let start = done(fault.start)
            let end = fault.end.map(done)
            outcome.faults.append(FaultRecord(kind: kind, target: target, start: start, end: end))
            if start < horizon { tell(start, target, "\(kind) begins") }
            if let end, end < horizon { tell(end, target, "\(kind) ends") }
        }
        for (server, time, isForMemory) in run.record.kills where time < horizon {
            let limit = (run.servers.memoryLimit(of: server) ?? 0) >> 20
            let text = isForMemory ? "runs out of memory and dies: its limit is \(limit) MiB" : "dies"
            tell(time, run.servers.name(server), text)
        }
        for (server, time) in run.record.starts where time < horizon {
            tell(time, run.servers.name(server), "is back, empty")
        }
    }

    private mutating func readLogs() {
        let offset = GatewayLog.localOffset
        let start = run.record.zero + run.record.clockOffset
        for server in run.deployment.servers.indices {
            let text = (try? String(contentsOfFile: run.servers.logPath(server), encoding: .utf8)) ?? ""
            let history = GatewayHistory(
                GatewayLog(text, offset: offset), server: server, of: run.deployment,
                kills: run.record.kills.filter { $0.server == server }.map(\.time),
                time: { SimTime(nanoseconds: $0 - start) })
            gatewayEvents += history.events.filter { $0.time < horizon }
            for (time, text) in history.notes where time < horizon { tell(time, run.servers.name(server), text) }
        }
        gatewayEvents = gatewayEvents.enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }.map(\.element)
    }

    private mutating func add(_ name: String, _ value: Double?) {
        guard let definition = ResponseCatalogue.definition(named: name) else {
            preconditionFailure("\(name) is not in the catalogue of responses")
        }
        outcome.responses.append(ResponseValue(name: name, unit: definition.unit, value: value))
    }

    private mutating func addStreams() {
        var all = IntegerHistogram()
        var expected: Int64 = 0
        var delivered: Int64 = 0
        for (index, publisher) in scenario.publishers.enumerated() {
            let accounts = run.desk.accounts(of: index)
            let published = publisher.published(before: horizon)
            outcome.responses += StreamAccount.responses(
                name: publisher.name, published: published,
                perSecond: publisher.perSecond * Double(publisher.burst), accounts: accounts)
            var latency = IntegerHistogram()
            for account in accounts { latency.merge(account.latency) }
            outcome.histograms.append(
                NamedHistogram(name: "latency.stream.\(publisher.name)", unit: "ns", histogram: latency))
            all.merge(latency)
            expected += published * Int64(accounts.count)
            delivered += accounts.reduce(0) { $0 + $1.delivered }
        }
        add("raw.delivered", expected == 0 ? nil : Double(delivered) / Double(expected))
        add("raw.latency.p50", all.quantile(0.5).map { Double($0) / 1e6 })
        add("raw.latency.p99", all.quantile(0.99).map { Double($0) / 1e6 })
        if expected > 0 { outcome.histograms.append(NamedHistogram(name: "latency.raw", unit: "ns", histogram: all)) }
    }

    private mutating func addGateways() {
        let pairs = run.deployment.servers.flatMap { place in
            deployment.regions.indices.filter { region in
                region != place.region && deployment.regions[region].nats.gateway != nil
                    && deployment.regions[place.region].nats.gateway != nil
            }.map { (server: place.name, region: deployment.regions[$0].name) }
        }
        outcome.responses += GatewayEvent.responses(
            gatewayEvents, servers: pairs, firstFault: run.timeline.firstFault, heal: run.timeline.heal)
        addGatewayClock()
    }

    /// When gateways were complete: as many inbound ones as the deployment can have.
    private mutating func addGatewayClock() {
        let inbound = gatewayEvents.filter { !$0.isOutbound }
        var level = 0
        var peak = 0
        for event in inbound {
            level += event.isRegistered ? 1 : -1
            peak = max(peak, level)
        }
        // A stale connection and the one that takes its place may be there at once.
        let most = min(peak, run.deployment.gatewayCount)
        var usable: Double?
        var closed: Double?
        var restored: Double?
        level = 0
        var lowest = most
        let lastEnd = scenario.timeline.map { min($0.end ?? horizon, horizon) }.max() ?? horizon
        for event in inbound where most > 0 {
            level += event.isRegistered ? 1 : -1
            if level >= most, usable == nil { usable = event.time.seconds }
            guard usable != nil, let first = run.timeline.firstFault, event.time >= first else { continue }
            if !event.isRegistered, level < lowest {
                lowest = level
                closed = (event.time - first).seconds
            }
            if level >= most, lowest < most, event.time >= lastEnd, restored == nil {
                restored = (event.time - lastEnd).seconds
            }
        }
        add("gateway.usable", usable)
        add("gateway.closed", closed)
        add("gateway.restored", restored)
    }

    private mutating func addServers() {
        guard let span = EmulationRun.span(of: scenario), !run.record.busy.isEmpty else { return }
        let published =
            scenario.publishers.isEmpty
            ? nil : scenario.publishers.reduce(Int64(0)) { $0 + $1.published(before: horizon) }
        for (index, place) in run.deployment.servers.enumerated() {
            outcome.responses += ServerMeasure.responses(
                server: place.name, busy: run.record.busy[index], span: span.end - span.start, published: published)
        }
    }

    /// Of servers with a memory limit; not known where the machine does not allow it.
    private mutating func addMemory() {
        for (index, place) in run.deployment.servers.enumerated()
        where run.deployment.regions[place.region].nats.memory != nil {
            let kills = run.record.kills.count {
                $0.isForMemory && $0.server == index && $0.time < horizon
            }
            outcome.responses += ServerMeasure.responses(
                server: place.name, memoryPeak: run.servers.memoryPeak(of: index),
                kills: run.servers.memoryObstacle == nil ? Int64(kills) : nil)
        }
    }

    // MARK: How faithful it was

    private func fidelity() -> EmulationRecord {
        let shares = run.record.machineBefore.flatMap { run.record.machineAfter?.shares(since: $0) }
        var record = EmulationRecord(
            serverVersion: run.options.executable.version.description, link: run.link.rawValue,
            congestionControl: run.fabric.congestionControl,
            kernel: (smallFile("/proc/sys/kernel/osrelease") ?? "unknown").filter { $0 != "\n" },
            linkLateness99: run.record.traffic.lateness99, linkLatenessMaximum: run.record.traffic.worstLateness,
            driverLateness99: SimDuration(nanoseconds: account.lateness.quantile(0.99) ?? 0),
            driverLatenessMaximum: SimDuration(nanoseconds: account.lateness.maximum ?? 0),
            steal: shares?.steal ?? 0, idle: shares?.idle ?? 0, packetsDropped: Int64(run.record.traffic.overflowed))
        record.problems = run.record.problems + problems(record)
        return record
    }

    private func problems(_ record: EmulationRecord) -> [String] {
        var problems: [String] = []
        func limit(_ what: String, _ value: SimDuration, _ bound: SimDuration) {
            guard value > bound else { return }
            problems.append("\(what): \(Self.text(value)), at most \(Self.text(bound)) is sound")
        }
        limit(
            "99 % of packets passed later than due", record.linkLateness99,
            Bounds.linkLateness99(of: run.record.traffic))
        limit("99 % of messages written later than due", record.driverLateness99, Bounds.driverLateness99)
        if record.steal > Bounds.steal {
            problems.append("the hypervisor withheld \(Int((record.steal * 100).rounded())) % of the CPU time")
        }
        if let full = Bounds.problem(of: run.record.watch) { problems.append(full) }
        if record.packetsDropped > 0 { problems.append("\(record.packetsDropped) packets found no room in the link") }
        if account.lostFull > 0 {
            problems.append("\(account.lostFull) messages found no room in the driver's backlog")
        }
        for (step, time) in zip(run.timeline.steps, run.record.stepTimes) {
            let what = "the change of the timeline at \(step.time.seconds) s came later"
            limit(what, time - step.time, Bounds.faultLateness)
        }
        problems += account.problems
        for region in deployment.regions where !isSame(region.nats.version) {
            problems.append("\(region.name) has nats-server \(region.nats.version), this is \(record.serverVersion)")
        }
        if let why = run.servers.quotaObstacle { problems.append("CPU limits of servers do not hold: \(why)") }
        if let why = run.servers.memoryObstacle { problems.append("memory limits of servers do not hold: \(why)") }
        if run.link == .proxy, run.timeline.steps.contains(where: \.changesLinks) {
            problems.append("proxies hold up what is said, but they are no network: cuts are not as they would be")
        }
        return problems
    }

    private func isSame(_ version: String) -> Bool {
        guard let stated = try? ServerVersion(parsing: version) else { return false }
        return stated.behaviour == run.options.executable.version.behaviour
    }

    private static func text(_ duration: SimDuration) -> String {
        String(format: "%.3g ms", duration.milliseconds)
    }
}
