import CallModel
import EventKernel
import Measures
import Scenario

/// Turns the counters of the regions into the outcome of a replication.
struct OutcomeBuilder {
    let world: World
    var outcome = Outcome()
    private var setupTimes: [Tally.SetupTimes] = []
    private var expected1s: [Int32] = []
    private var punctual1s: [Int32] = []
    /// By receiver: what did not arrive; empty unless relays were recorded.
    private(set) var missing: [[MissingRun]] = []

    init(_ world: World) { self.world = world }

    mutating func build(_ domains: borrowing Table<Domain>, options: SimulationOptions) -> Outcome {
        for region in 0..<domains.count {
            domains[pointer: region].pointee.closeAllSetups()
            domains[pointer: region].pointee.accountHorizon()
        }
        var resolution = Resolution(
            world, domains, journalLimit: options.journalLimit, keepsMissing: options.recordingLimit != nil)
        var fingerprint = Fingerprint()
        for region in 0..<domains.count {
            resolution.resolve(domains[region], domains)
            fingerprint.merge(domains[pointer: region].pointee.fingerprint)
            outcome.events += domains[pointer: region].pointee.events
        }
        resolution.close(delivered: deliveredLedger(domains))
        fingerprint.merge(resolution.fingerprint)
        outcome.fingerprint = fingerprint.value
        outcome.ledger = resolution.ledger
        missing = resolution.missing
        if resolution.unexplained > 0 {
            outcome.violations.append("\(resolution.unexplained) missing pairs have no cause")
        }
        if resolution.mismatched > 0 {
            outcome.violations.append("the ledger is out of balance by \(resolution.mismatched) pairs")
        }
        addSeries(resolution.expected1s, domains)
        addSetups(domains)
        addStations(domains)
        addJournal(resolution.journal, domains)
        outcome.faults = FaultNames.records(world)
        outcome.assumptions = assumptionsInUse(world.scenario)
        addResponses(domains)
        return outcome
    }

    // MARK: Ledger and series

    private func deliveredLedger(_ domains: borrowing Table<Domain>) -> Ledger {
        var ledger = Ledger()
        for region in 0..<domains.count { domains[pointer: region].pointee.tally.add(to: &ledger) }
        return ledger
    }

    private mutating func addSeries(_ expected: [Int32], _ domains: borrowing Table<Domain>) {
        var delivered = [Int32](repeating: 0, count: expected.count)
        var punctual = delivered
        for region in 0..<domains.count {
            let own = domains[pointer: region].pointee.tally.delivered1s
            let inTime = domains[pointer: region].pointee.tally.punctual1s
            for index in delivered.indices {
                delivered[index] += own[index]
                punctual[index] += inTime[index]
            }
        }
        expected1s = expected
        punctual1s = punctual
        outcome.series = LedgerResponses.series(expected: expected, delivered: delivered, punctual: punctual)
        for messageClass in MessageClass.allCases {
            for path in PathKind.allCases {
                var histogram = IntegerHistogram()
                let index = Int(messageClass.rawValue) * PathKind.allCases.count + Int(path.rawValue)
                for region in 0..<domains.count {
                    histogram.merge(domains[pointer: region].pointee.tally.latency(index))
                }
                outcome.histograms.append(
                    NamedHistogram(
                        name: "latency.\(messageClass.name).\(path.name)", unit: "ns", histogram: histogram))
            }
        }
    }

    // MARK: Records

    private mutating func addSetups(_ domains: borrowing Table<Domain>) {
        setupTimes = Array(repeating: Tally.SetupTimes(), count: 2 * PathKind.allCases.count)
        for region in 0..<domains.count {
            outcome.setups += domains[pointer: region].pointee.tally.setups
            outcome.setupsNotKept += domains[pointer: region].pointee.tally.setupsNotKept
            let times = domains[pointer: region].pointee.tally.setupTimes
            for index in setupTimes.indices {
                setupTimes[index].audio += times[index].audio
                setupTimes[index].video += times[index].video
                setupTimes[index].audioNever += times[index].audioNever
                setupTimes[index].videoNever += times[index].videoNever
            }
        }
        outcome.setups.sort { ($0.start, $0.joiner, $0.peer) < ($1.start, $1.joiner, $1.peer) }
    }

    private mutating func addStations(_ domains: borrowing Table<Domain>) {
        for region in 0..<domains.count {
            let domain = domains[pointer: region]
            for relay in 0..<domain.pointee.relays.count {
                add(
                    world.relays[domain.pointee.firstRelay + relay].name,
                    domain.pointee.relays[pointer: relay].pointee.station.processor,
                    world.relayOutages[domain.pointee.firstRelay + relay])
            }
            for server in 0..<domain.pointee.servers.count {
                add(
                    world.servers[domain.pointee.firstServer + server].name,
                    domain.pointee.servers[pointer: server].pointee.station.processor,
                    domain.pointee.outages(ofServer: server))
            }
        }
    }

    /// Utilisation is busy time over what the CPU limit allows in the time the process was alive.
    private mutating func add(_ name: String, _ processor: Processor, _ outages: [Outage]) {
        let dead = outages.reduce(Int64(0)) { $0 + min($1.end, world.horizon) - min($1.start, world.horizon) }
        let alive = Double(max(1, world.horizon - dead))
        let capacity = processor.capacity
        outcome.stations.append(
            StationRecord(
                name: name, served: processor.served, utilisation: Double(processor.load) / alive / capacity,
                peakUtilisation: min(1, Double(processor.busiestSecond) / 1e9 / capacity),
                meanWait: SimDuration(nanoseconds: processor.served == 0 ? 0 : processor.waited / processor.served),
                maximumWait: SimDuration(nanoseconds: processor.longestWait)))
    }

    private mutating func addJournal(_ losses: Journal, _ domains: borrowing Table<Domain>) {
        for record in FaultNames.records(world) {
            outcome.journal.append(
                JournalEntry(
                    time: record.start, call: -1, subject: record.target, text: "\(record.kind) begins", cause: nil,
                    pairs: 0))
            if let end = record.end {
                outcome.journal.append(
                    JournalEntry(
                        time: end, call: -1, subject: record.target, text: "\(record.kind) ends", cause: nil, pairs: 0))
            }
        }
        for region in 0..<domains.count { outcome.journal += domains[pointer: region].pointee.journal.entries }
        outcome.journal += losses.entries
        outcome.journal.sort { ($0.time, $0.call, $0.subject, $0.text) < ($1.time, $1.call, $1.subject, $1.text) }
    }

    // MARK: Responses

    private mutating func add(_ name: String, _ value: Double?) {
        outcome.responses.append(LedgerResponses.value(name, value))
    }

    private mutating func addResponses(_ domains: borrowing Table<Domain>) {
        outcome.responses += LedgerResponses.delivery(outcome.ledger)
        addSetupQuantiles()
        addPeople(domains)
        outcome.responses += LedgerResponses.losses(outcome.ledger)
        add("recovery.time", RecoveryClock.seconds(world, expected: expected1s, punctual: punctual1s))
        add("station.peak-utilisation", outcome.stations.map(\.peakUtilisation).max())
        add("station.utilisation", outcome.stations.map(\.utilisation).max())
        let gateways = GatewayClock(world, domains)
        add("gateway.usable", gateways.usable)
        add("gateway.closed", gateways.closed)
        add("gateway.restored", gateways.restored)
        addRaw(domains)
        addQuality(domains)
        addPublisherResponses(domains)
        addMemoryResponses(domains)
    }

    private mutating func addSetupQuantiles() {
        let paths: [PathKind?] = [nil, .sameRegion, .crossRegion]
        for (offset, kind) in ["setup", "reconnect"].enumerated() {
            var succeeded = 0
            var never: Int64 = 0
            for path in paths {
                let indices = PathKind.allCases.filter { path == nil || $0 == path }.map {
                    offset * PathKind.allCases.count + Int($0.rawValue)
                }
                let audio = indices.flatMap { setupTimes[$0].audio }
                let video = indices.flatMap { setupTimes[$0].video }
                let audioNever = indices.reduce(Int64(0)) { $0 + setupTimes[$1].audioNever }
                let videoNever = indices.reduce(Int64(0)) { $0 + setupTimes[$1].videoNever }
                if path == nil {
                    succeeded = audio.count
                    never = audioNever
                }
                let name = path?.name ?? "all"
                for quantile in ResponseCatalogue.quantiles {
                    add("\(kind).audio.\(name).\(quantile.name)", Self.quantile(audio, audioNever, quantile.value))
                    add("\(kind).video.\(name).\(quantile.name)", Self.quantile(video, videoNever, quantile.value))
                }
            }
            let total = Double(succeeded) + Double(never)
            add("\(kind).succeeded", total == 0 ? nil : Double(succeeded) / total)
        }
    }

    /// Nearest rank over the times and the setups that never succeeded, which count as +infinity (then `nil`).
    private static func quantile(_ times: [Int64], _ never: Int64, _ share: Double) -> Double? {
        let count = times.count + Int(never)
        guard count > 0 else { return nil }
        let rank = max(1, Int((share * Double(count)).rounded(.up)))
        guard rank <= times.count else { return nil }
        return Double(times.sorted()[rank - 1]) / 1e6
    }

    private mutating func addPeople(_ domains: borrowing Table<Domain>) {
        var lost: Int64 = 0
        var gaveUp: Int64 = 0
        var back: Int64 = 0
        var interruptions: Int64 = 0
        var interrupted: Int64 = 0
        for region in 0..<domains.count {
            let domain = domains[pointer: region]
            lost += domain.pointee.tally.peopleWhoLost
            gaveUp += domain.pointee.tally.gaveUp
            for person in world.people.indices where world.people[person].region == region {
                let client = domain.pointee.people[pointer: person].pointee
                if client.lostSessions > 0 && !client.isReconnecting { back += 1 }
            }
            for pair in 0..<domain.pointee.pairs.count {
                interruptions += Int64(domain.pointee.pairs[pair].interruptions)
                interrupted += domain.pointee.pairs[pair].interrupted
            }
        }
        add("people.lost-session", Double(lost))
        add("people.returned", lost == 0 ? nil : Double(back) / Double(lost))
        add("people.gave-up", Double(gaveUp))
        add("people.interruptions", Double(interruptions))
        let audio = outcome.ledger.total(of: .audio).expected
        let seconds = Double(audio) / world.scenario.media.audioRate
        add("people.interrupted-share", seconds == 0 ? nil : Double(interrupted) / 1e9 / seconds)
        add("calls.split", Double(SplitRooms.count(world, domains)))
    }

    private mutating func addRaw(_ domains: borrowing Table<Domain>) {
        var published: Int64 = 0
        var delivered: Int64 = 0
        var latency = IntegerHistogram()
        for region in 0..<domains.count {
            published += domains[pointer: region].pointee.raw.published
            delivered += domains[pointer: region].pointee.raw.delivered
            latency.merge(domains[pointer: region].pointee.raw.latency)
        }
        add("raw.delivered", published == 0 ? nil : Double(delivered) / Double(published))
        add("raw.latency.p50", latency.quantile(0.5).map { Double($0) / 1e6 })
        add("raw.latency.p99", latency.quantile(0.99).map { Double($0) / 1e6 })
        if published > 0 {
            outcome.histograms.append(NamedHistogram(name: "latency.raw", unit: "ns", histogram: latency))
        }
    }

    private mutating func addQuality(_ domains: borrowing Table<Domain>) {
        var scores: [Double] = []
        for region in 0..<domains.count {
            let domain = domains[pointer: region]
            for pair in 0..<domain.pointee.pairs.count {
                let state = domain.pointee.pairs[pair]
                guard state.latencyCount > 0 else { continue }
                let delay =
                    Double(state.latencySum) / Double(state.latencyCount) / 1e6 + world.client.audioStart.milliseconds
                let late = 1 - Double(state.punctual) / Double(state.latencyCount)
                scores.append(SpeechQuality.meanOpinionScore(delayMilliseconds: delay, lossShare: late))
            }
        }
        add("quality.mos", scores.isEmpty ? nil : scores.sorted()[scores.count / 2])
        let video = outcome.ledger.total(of: .video)
        add("quality.freeze-share", video.expected == 0 ? nil : 1 - Double(video.decodable) / Double(video.expected))
    }
}
