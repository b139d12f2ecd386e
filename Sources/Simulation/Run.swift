import CallModel
import Dispatch
import EventKernel
import Measures
import NATSModel
import Network
import Scenario

/// One replication under way: the regions, and the barrier between them.
struct Run: ~Copyable {
    let world: World
    let options: SimulationOptions
    let domains: Table<Domain>

    init(_ scenario: Scenario, replication: UInt32, options: SimulationOptions) throws {
        let world = try World(scenario, replication: replication, narrowing: options.narrowing)
        self.world = world
        self.options = options
        domains = Table(count: world.regionCount) { region in
            Domain(
                world, region: region, useReference: options.executor == .reference,
                journalLimit: options.journalLimit, recordingLimit: options.recordingLimit)
        }
        for region in 0..<domains.count { domains[pointer: region].pointee.tally.setupLimit = options.setupLimit }
        setUp()
    }

    // MARK: Setting up

    /// Brings the regions to time zero: routes and, in a steady start, gateways and everyone in progress.
    private func setUp() {
        for region in 0..<domains.count {
            let domain = domains[pointer: region]
            domain.pointee.isWarping = true
            domain.pointee.connectLocally()
            // All before any starts: a cluster that is dialled first must not take its own remote for a learned one.
            for server in 0..<domain.pointee.servers.count { domain.pointee.createDialers(server) }
        }
        settle()
        let isSteady = world.scenario.initial == .steady
        for region in 0..<domains.count {
            let domain = domains[pointer: region]
            domain.pointee.isWarping = isSteady
            for server in 0..<domain.pointee.servers.count { domain.pointee.startDialers(server, at: 0) }
            domain.pointee.isWarping = true
            settle()
        }
        for region in 0..<domains.count { domains[pointer: region].pointee.startRaw() }
        settle()
        for person in world.people.indices { place(person, isSteady: isSteady) }
        settle()
        for region in 0..<domains.count {
            domains[pointer: region].pointee.isWarping = false
            domains[pointer: region].pointee.scheduleOutages()
        }
    }

    /// Handles what was posted during the set-up, at time zero, until nothing is left.
    private func settle() {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for source in 0..<domains.count {
                for target in 0..<domains.count {
                    let posted = domains[pointer: source].pointee.outboxes[target]
                    domains[pointer: source].pointee.outboxes[target].removeAll(keepingCapacity: true)
                    for entry in posted {
                        isQuiet = false
                        domains[pointer: target].pointee.handleAtOnce(entry)
                    }
                }
            }
        }
    }

    /// Gives a person the first timers, and whoever is in progress a session.
    private func place(_ person: Int, isSteady: Bool) {
        let plan = world.people[person]
        let home = domains[pointer: plan.region]
        home.pointee.sources.add(person)
        home.pointee.arm(person, .leave, at: max(0, plan.leave.nanoseconds))
        guard isSteady && plan.isInProgress else {
            return home.pointee.arm(person, .join, at: max(0, plan.join.nanoseconds))
        }
        guard let relay = home.pointee.settledRelay(of: person) else {
            return home.pointee.arm(person, .join, at: 0)
        }
        let session = home.pointee.beginConnected(person, on: relay)
        domains[pointer: world.relays[relay].region].pointee.admit(session, on: world.relays[relay].local)
    }

    // MARK: Running

    /// Runs to the horizon.
    func run() throws {
        switch options.executor {
        case .windows: try runWindows()
        case .reference: try runReference()
        }
    }

    /// Rounds of the lookahead: each region runs alone, then the outboxes change sides.
    private func runWindows() throws {
        var start: Int64 = 0
        while start < world.horizon {
            if options.isCancelled?() == true { throw CancellationError() }
            let end = min(start + world.lookahead, world.horizon)
            runRound(from: start, until: end)
            exchange(until: end)
            for region in 0..<domains.count { try domains[pointer: region].pointee.checkBacklog() }
            try checkRecording()
            options.progress?(SimTime(nanoseconds: end))
            start = end
        }
    }

    private func runRound(from start: Int64, until end: Int64) {
        if options.threads > 1 && domains.count > 1 {
            let domains = RegionPointers(base: domains[pointer: 0])
            DispatchQueue.concurrentPerform(iterations: self.domains.count) { region in
                domains.base.advanced(by: region).pointee.run(from: start, until: end)
            }
        } else {
            for region in 0..<domains.count { domains[pointer: region].pointee.run(from: start, until: end) }
        }
    }

    /// Hands over what the regions sent each other; each list is in order of sending, so rings stay in order.
    private func exchange(until end: Int64) {
        for source in 0..<domains.count {
            for target in 0..<domains.count where target != source {
                for entry in domains[pointer: source].pointee.outboxes[target] {
                    domains[pointer: target].pointee.deliver(entry.item, to: entry.destination)
                }
                domains[pointer: source].pointee.outboxes[target].removeAll(keepingCapacity: true)
                exchangeWire(source, target, until: end)
            }
        }
    }

    /// Puts on the wire what departs before `end`, in order of departure over all servers of the region.
    private func exchangeWire(_ source: Int, _ target: Int, until end: Int64) {
        let from = domains[pointer: source]
        if !world.limitsBandwidth && !from.pointee.hasPackets(toward: target, before: end) {
            return from.pointee.releaseFlows(toward: target, before: end, into: domains[pointer: target])
        }
        from.pointee.gatherWire(toward: target, before: end)
        while let entry = from.pointee.popWire(toward: target, before: end) {
            domains[pointer: target].pointee.deliver(entry.item, to: entry.destination)
        }
    }
}

/// The regions, handed to threads that each work on one of them alone between two barriers.
private struct RegionPointers: @unchecked Sendable {
    let base: UnsafeMutablePointer<Domain>
}
