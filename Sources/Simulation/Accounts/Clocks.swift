import CallModel
import EventKernel
import Measures
import Network
import Scenario

/// How faults are named in records: as in the scenario.
enum FaultNames {
    static func records(_ world: World) -> [FaultRecord] {
        world.scenario.timeline.map { fault in
            let (kind, target) = describe(fault.kind, world.scenario.deployment)
            return FaultRecord(kind: kind, target: target, start: fault.start, end: fault.end)
        }
    }

    private static func describe(_ kind: Fault.Kind, _ deployment: Deployment) -> (String, String) {
        func linkName(_ index: Int) -> String {
            let link = deployment.links[index]
            return "\(deployment.regions[link.first].name)/\(deployment.regions[link.second].name)"
        }
        switch kind {
        case .blackHole(let region): return ("black-hole", deployment.regions[region].name)
        case .powerLoss(let region): return ("power-loss", deployment.regions[region].name)
        case .refused(let region): return ("refused", deployment.regions[region].name)
        case .wanCut(let link, _): return ("wan-cut", linkName(link))
        case .roundTrip(let link, _): return ("round-trip", linkName(link))
        case .loss(let link, _): return ("loss", linkName(link))
        case .jitter(let link, _): return ("jitter", linkName(link))
        case .bandwidth(let link, _): return ("bandwidth", linkName(link))
        case .serverKill(let region, let server):
            return ("server-kill", "\(deployment.regions[region].name)/nats-\(server)")
        case .relayKill(let region, let transport, let replica):
            return ("relay-kill", "\(deployment.regions[region].name)/\(transport.rawValue)-\(replica)")
        }
    }
}

/// When the service met its objective again.
enum RecoveryClock {
    /// Share of audio pairs within 400 ms that a second must reach, and seconds in a row that must.
    static let objective = 0.99
    static let hold = 30

    /// Seconds from the first fault to the first second from which the objective holds; `nil`: not before the horizon,
    /// or no fault.
    static func seconds(_ world: World, expected: [Int32], punctual: [Int32]) -> Double? {
        guard world.phaseStart < world.horizon else { return nil }
        let columns = MessageClass.allCases.count * PathKind.allCases.count
        let count = expected.count / columns
        let start = Int(world.phaseStart / 1_000_000_000)
        var run = 0
        for second in start..<count {
            var due: Int64 = 0
            var met: Int64 = 0
            for path in PathKind.allCases {
                let index =
                    second * columns + Int(MessageClass.audio.rawValue) * PathKind.allCases.count + Int(path.rawValue)
                due += Int64(expected[index])
                met += Int64(punctual[index])
            }
            run = Double(met) >= objective * Double(due) ? run + 1 : 0
            if run == hold { return Double(second - hold + 1 - start) }
        }
        return nil
    }
}

/// When gateways were complete: all that the deployment can have, in both directions.
struct GatewayClock {
    private(set) var usable: Double?
    private(set) var closed: Double?
    private(set) var restored: Double?

    init(_ world: World, _ domains: borrowing Table<Domain>) {
        var changes: [(time: Int64, change: Int)] = []
        for region in 0..<domains.count { changes += domains[pointer: region].pointee.tally.inboundChanges }
        changes.sort { ($0.time, -$0.change) < ($1.time, -$1.change) }
        let most = Self.peak(changes)
        guard most > 0 else { return }
        var level = 0
        var lowest = most
        for (time, change) in changes {
            level += change
            if level == most && usable == nil { usable = Double(time) / 1e9 }
            guard usable != nil, world.phaseStart < world.horizon, time >= world.phaseStart else { continue }
            if change < 0 && level < lowest {
                lowest = level
                closed = Double(time - world.phaseStart) / 1e9
            }
            if level == most && lowest < most && time >= world.phaseEnd && restored == nil {
                restored = Double(time - world.phaseEnd) / 1e9
            }
        }
    }

    private static func peak(_ changes: [(time: Int64, change: Int)]) -> Int {
        var level = 0
        var most = 0
        for (_, change) in changes {
            level += change
            most = max(most, level)
        }
        return most
    }
}

/// Rooms in which two people with sessions had heard nothing from each other for the last ten seconds.
enum SplitRooms {
    static let silence: Int64 = 10_000_000_000

    static func count(_ world: World, _ domains: borrowing Table<Domain>) -> Int {
        world.rooms.count { room in
            room.people.contains { receiver in
                room.people.contains { sender in
                    sender != receiver && isDeaf(receiver, to: sender, world, domains)
                }
            }
        }
    }

    private static func isDeaf(
        _ receiver: Int, to sender: Int, _ world: World, _ domains: borrowing Table<Domain>
    ) -> Bool {
        let since = world.horizon - silence
        guard world.people[sender].microphone else { return false }
        for person in [receiver, sender] {
            let plan = world.people[person]
            guard plan.join.nanoseconds <= since, plan.leave.nanoseconds > world.horizon else { return false }
            let presence = domains[pointer: plan.region].pointee.people[pointer: person].pointee.presence
            guard let last = presence.last, last.state == .connected, last.time <= since else { return false }
        }
        let pair = world.pair(receiver: receiver, sender: sender)
        return domains[pointer: world.people[receiver].region].pointee.pairs[pair].lastMedia < since
    }
}
