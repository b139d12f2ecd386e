import EventKernel
import Network
import Scenario

/// What is done to links and processes, and when.
struct EmulatedTimeline {
    /// All that happens at one instant, in this order: links, kills, starts.
    struct Step {
        var time: SimTime
        /// Faults of the timeline that hold from now on, in order of their start.
        var leases: [Fault]
        var changesLinks: Bool
        /// Indices of servers.
        var kills: [Int]
        var starts: [Int]
    }

    /// In order of time; before the horizon.
    let steps: [Step]
    /// When the first fault starts; `nil`: there is none.
    let firstFault: SimTime?
    /// When the last fault ends; `nil`: none ends before the horizon.
    let heal: SimTime?

    init(_ deployment: EmulatedDeployment) {
        let horizon = SimTime.start + deployment.scenario.horizon
        let faults = deployment.scenario.timeline.filter { $0.start < horizon && $0.start < ($0.end ?? .never) }
        firstFault = faults.map(\.start).min()
        heal = faults.compactMap(\.end).filter { $0 < horizon }.max()
        let times = Set(faults.map(\.start) + faults.compactMap(\.end)).filter { $0 < horizon }.sorted()
        var dead: Set<Int> = []
        var steps: [Step] = []
        for time in times {
            let leases = faults.enumerated().filter { $0.element.start <= time && time < ($0.element.end ?? .never) }
                .sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }.map(\.element)
            var gone: Set<Int> = []
            for lease in leases {
                for index in deployment.servers.indices where Self.kills(lease.kind, deployment.servers[index]) {
                    gone.insert(index)
                }
            }
            let touched = faults.filter { $0.start == time || $0.end == time }
            steps.append(
                Step(
                    time: time, leases: leases, changesLinks: touched.contains { Self.concernsLinks($0.kind) },
                    kills: gone.subtracting(dead).sorted(), starts: dead.subtracting(gone).sorted()))
            dead = gone
        }
        self.steps = steps
    }

    private static func kills(_ kind: Fault.Kind, _ place: EmulatedDeployment.ServerPlace) -> Bool {
        switch kind {
        case .powerLoss(place.region), .refused(place.region): true
        case .serverKill(place.region, place.local): true
        default: false
        }
    }

    private static func concernsLinks(_ kind: Fault.Kind) -> Bool {
        switch kind {
        case .blackHole, .powerLoss, .wanCut, .roundTrip, .loss, .jitter, .bandwidth: true
        case .refused, .serverKill, .relayKill: false
        }
    }

    /// Kind and target as scenarios name them.
    static func names(_ kind: Fault.Kind, _ deployment: Deployment) -> (kind: String, target: String) {
        func region(_ index: Int) -> String { deployment.regions[index].name }
        func link(_ index: Int) -> String {
            region(deployment.links[index].first) + "/" + region(deployment.links[index].second)
        }
        switch kind {
        case .blackHole(let index): return ("black-hole", region(index))
        case .powerLoss(let index): return ("power-loss", region(index))
        case .refused(let index): return ("refused", region(index))
        case .wanCut(let index, _): return ("wan-cut", link(index))
        case .roundTrip(let index, _): return ("round-trip", link(index))
        case .loss(let index, _): return ("loss", link(index))
        case .jitter(let index, _): return ("jitter", link(index))
        case .bandwidth(let index, _): return ("bandwidth", link(index))
        case .serverKill(let index, let server): return ("server-kill", "\(region(index))/nats-\(server)")
        case .relayKill(let index, let transport, let replica):
            return ("relay-kill", "\(region(index))/\(transport.rawValue)-\(replica)")
        }
    }
}
