import CallModel
import EventKernel

/// Reading ahead: what the next items will ask for is read in a row, so that many reads from far memory are under way
/// at once. Settled one by one, each item would wait for its own. It changes nothing but the time that a run takes.
extension Domain {
    /// Items read ahead at a time.
    private static var stride: Int { 32 }

    /// Reads what the next arrivals will ask for; returns the position up to which it did.
    mutating func touchPairs(from first: Int) -> Int {
        let end = min(first + Self.stride, drained.count)
        guard isCrowded else { return Int.max }
        var sum: Int64 = 0
        for position in first..<end where drained[position].kind == .media {
            let item = drained[position]
            let base = Int(receivers[pointer: SessionID.person(item.list)].pointee.pairBase)
            let pair = pairs[pointer: base + StreamTable.person(of: item.sender)]
            sum &+= pair.pointee.lastMedia
            sum &+= Int64(pair.pointee.chain.next)
        }
        touchSum &+= sum
        return end
    }

    /// Reads what the next captures will ask for; returns the position up to which it did.
    mutating func touchSenders(from first: Int) -> Int {
        let end = min(first + Self.stride, sources.captures.count)
        guard isCrowded else { return Int.max }
        var sum: Int64 = 0
        for position in first..<end {
            let person = StreamTable.person(of: sources.captures[position].stream)
            sum &+= Int64(people[pointer: person].pointee.phase.rawValue)
            sum &+= Int64(truncatingIfNeeded: world.access.way(person, region).key)
        }
        touchSum &+= sum
        return end
    }

    /// Reads the sessions that a relay's items before the end of a window are for.
    mutating func touchSessions(_ relay: Int, before window: Int64) {
        let state = relays[pointer: relay]
        var sum: Int64 = 0
        state.pointee.station.forEachWaiting(before: window, limit: Self.stride) { item, port in
            guard item.kind == .media else { return }
            if port == 0 {
                let slot = state.pointee.newest[SessionID.person(item.list)]
                if slot >= 0 { sum &+= state.pointee.sessions[pointer: Int(slot)].pointee.lastInbound }
                return
            }
            let list = plans.relays[pointer: Int(item.list)]
            for index in Int(list.pointee.first)..<Int(list.pointee.first + list.pointee.count) {
                let slot = Int(plans.targets[pointer: index].pointee.slot)
                let session = state.pointee.sessions[pointer: slot]
                sum &+= session.pointee.downlinkFree
                sum &+= Int64(truncatingIfNeeded: session.pointee.way.key)
            }
        }
        touchSum &+= sum
    }

    /// Reads the trails and plans that a server's messages before the end of a window are for.
    mutating func touchPlans(_ server: Int, before window: Int64) {
        var sum: Int64 = 0
        servers[pointer: server].pointee.station.forEachWaiting(before: window, limit: Self.stride) { item, _ in
            guard item.kind == .media else { return }
            sum &+= trails.end(stream: item.sender, localServer: server)
            let plan = plans.current[server * plans.rooms + world.subject(of: item)]
            guard plan != PlanTable.none else { return }
            let what = plans.plans[pointer: Int(plan)]
            if what.pointee.relaysCount > 0 {
                sum &+= Int64(plans.relays[pointer: Int(what.pointee.relaysFirst)].pointee.relay)
            }
        }
        touchSum &+= sum
    }
}
