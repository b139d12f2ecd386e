import EventKernel
import Network
import Scenario

/// How packets fare from each region to each other one, by the leases that hold at a time.
struct EmulatedLinks {
    let deployment: Deployment

    /// The state of both directions of each link.
    ///
    /// Cuts hold while any lease of one does; changes of the round trip add their differences, half to each
    /// direction, but never go below the least value that anything states; of other changes the latest lease holds.
    ///
    /// - Parameter leases: the faults that hold, in order of their start.
    func states(_ leases: [Fault]) -> [(from: Int, to: Int, state: LinkState)] {
        deployment.links.indices.flatMap { index in
            let link = deployment.links[index]
            return [(link.first, link.second), (link.second, link.first)].map { from, to in
                (from, to, state(of: index, from: from, to: to, leases))
            }
        }
    }

    private func state(of index: Int, from: Int, to: Int, _ leases: [Fault]) -> LinkState {
        let link = deployment.links[index]
        let forward = link.oneWay ?? link.roundTrip / 2
        let base = from == link.first ? forward : link.roundTrip - forward
        var state = LinkState(delay: base, jitter: link.jitter, loss: link.loss, bandwidth: link.bandwidth)
        var least = link.roundTrip
        var gain = SimDuration.zero
        for lease in leases {
            switch lease.kind {
            case .blackHole(let region), .powerLoss(let region):
                if region == from || region == to { state.isCut = true }
            case .wanCut(index, let source):
                if source == nil || source == from { state.isCut = true }
            case .roundTrip(index, let roundTrip):
                gain = gain + (roundTrip - link.roundTrip)
                least = min(least, roundTrip)
            case .loss(index, let loss): state.loss = loss
            case .jitter(index, let jitter): state.jitter = jitter
            case .bandwidth(index, let bandwidth): state.bandwidth = bandwidth
            default: break
            }
        }
        let roundTrip = max(link.roundTrip + gain, least)
        state.delay = max(.zero, base + (roundTrip - link.roundTrip) / 2)
        return state
    }
}
