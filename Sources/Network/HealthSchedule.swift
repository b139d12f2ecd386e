public import EventKernel
import RandomVariates

/// The answers that a health-checked DNS gives over the whole run.
///
/// Each site is probed on its own grid of instants. A probe tries 1 + `healthRetries` times: at a living site it
/// succeeds at once, in a black hole or after a power loss each try costs `healthTimeout`, a refusing site fails
/// each try after `refusalDelay`. `consecutiveDown` failures in a row take the site out, `consecutiveUp`
/// successes bring it back; answers change `propagation` after the verdict. Sites are healthy at the start of
/// the world, before the first fault. Only packets count: a site whose NATS is cut off stays healthy.
/// Source: Cloudflare documentation, load-balancing monitors and health-check details.
public struct HealthSchedule: Sendable {
    /// Time for a probe to be reset by a load balancer without back ends; three tries take about half a second.
    public static var refusalDelay: SimDuration { .milliseconds(170) }

    /// Instants at which the answers about a site flip; the first flip is to unhealthy, then they alternate.
    private var flips: [[SimTime]]

    /// Number of sites.
    public var sites: Int { flips.count }

    /// - Parameters:
    ///   - schedule: sealed.
    ///   - horizon: flips later than this are not computed.
    public init(
        schedule: SiteSchedule, parameters: SteeringParameters, horizon: SimTime, seed: UInt64, replication: UInt32
    ) {
        flips = (0..<schedule.sites).map { site in
            var stream = RandomStream(
                seed: seed, purpose: .healthPhase, replication: replication, entity: UInt64(site))
            let interval = max(1, parameters.healthInterval.nanoseconds)
            let phase = SimTime(nanoseconds: Int64(stream.integer(below: Int(interval))))
            return Self.flips(of: site, in: schedule, parameters, phase: phase, horizon: horizon)
        }
    }

    /// The same with stated phases, one for each site: the first probe at or after time zero.
    public init(schedule: SiteSchedule, parameters: SteeringParameters, horizon: SimTime, phases: [SimDuration]) {
        precondition(phases.count == schedule.sites)
        flips = (0..<schedule.sites).map { site in
            Self.flips(of: site, in: schedule, parameters, phase: .start + phases[site], horizon: horizon)
        }
    }

    /// Whether DNS answers offer the site at `time`.
    public func isHealthy(_ site: Int, at time: SimTime) -> Bool {
        let own = flips[site]
        var low = 0
        var high = own.count
        while low < high {
            let middle = (low + high) / 2
            if own[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low % 2 == 0
    }

    /// The site that a query for `preferred` is sent to: itself if healthy, else the healthy one that follows it
    /// first in the order of sites, else itself all the same.
    public func answer(preferred: Int, at time: SimTime) -> Int {
        for step in 0..<sites {
            let site = (preferred + step) % sites
            if isHealthy(site, at: time) { return site }
        }
        return preferred
    }

    /// The flips of one site in the order of time with what they flip to.
    public func changes(of site: Int) -> [(SimTime, isHealthy: Bool)] {
        flips[site].enumerated().map { ($0.element, isHealthy: $0.offset % 2 == 1) }
    }

    /// Walks the probes of one site, leaping over those that can change nothing.
    private static func flips(
        of site: Int, in schedule: SiteSchedule, _ parameters: SteeringParameters, phase: SimTime, horizon: SimTime
    ) -> [SimTime] {
        var result: [SimTime] = []
        var healthy = true
        var run = 0
        var free = SimTime(nanoseconds: Int64.min / 4)
        var probe = phase
        let longest = parameters.healthTimeout * (parameters.healthRetries + 1)
        while probe <= horizon {
            // No verdict is under way and the site agrees with the answers: nothing happens before its next change.
            if run == 0, (schedule.state(of: site, at: probe) == .up) == healthy {
                let change = schedule.nextChange(of: site, after: probe)
                if change == .never { break }
                probe = grid(notBefore: max(probe, change - longest), phase, parameters.healthInterval)
            }
            let (good, end) = outcome(of: probe, at: site, in: schedule, parameters)
            if good == healthy {
                run = 0
            } else {
                run += 1
                if run >= (healthy ? parameters.consecutiveDown : parameters.consecutiveUp) {
                    result.append(end + parameters.propagation)
                    healthy.toggle()
                    run = 0
                }
            }
            free = max(end, probe + .nanoseconds(1))
            probe = grid(notBefore: free, phase, parameters.healthInterval)
        }
        return result
    }

    /// The first instant of the probe grid at or after `time`.
    private static func grid(notBefore time: SimTime, _ phase: SimTime, _ interval: SimDuration) -> SimTime {
        let gap = (time - phase).nanoseconds
        let steps = gap <= 0 ? 0 : (gap - 1) / interval.nanoseconds + 1
        return phase + interval * steps
    }

    private static func outcome(
        of probe: SimTime, at site: Int, in schedule: SiteSchedule, _ parameters: SteeringParameters
    ) -> (good: Bool, end: SimTime) {
        var time = probe
        for _ in 0...parameters.healthRetries {
            switch schedule.state(of: site, at: time) {
            case .up: return (true, time)
            case .refused: time = time + min(refusalDelay, parameters.healthTimeout)
            case .blackHole, .powerLoss: time = time + parameters.healthTimeout
            }
        }
        return (false, time)
    }
}
