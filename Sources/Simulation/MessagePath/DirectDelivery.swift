import CallModel
import EventKernel
import Measures

/// Copies that are settled when their relay sends them, not when they arrive.
///
/// The last hop to a person is a computed arrival. If nothing can happen to the person before it that the copy could
/// tell, and the copy changes nothing that anything before it could tell, it need not wait in a bin. That holds for
/// audio and signalling (for video the order of arrivals decides what can be decoded) of somebody
/// - who lives in the relay's region, is connected by this session, and has no other one that could bring a copy of the
///   same message: none is open or being opened, and what was sent on an earlier one has arrived;
/// - none of whose timers fires before the arrival;
/// - whose session cannot be closed by the relay before it, so that no reset comes: neither for silence nor by a fault;
/// - who is not waiting for the first packet of the sender, nor after a silence that would count as an interruption.
///
/// Then all that the copy changes are sums, greatest values and sets. The reference executor, which lets every copy
/// arrive, gives the same fingerprint.
extension Domain {
    @inline(__always)
    mutating func settlesDirectly(
        _ relay: Int, _ item: UnsafePointer<Item>, _ copy: Target, _ session: UnsafeMutablePointer<RelaySession>,
        arrival: Int64, from came: Int64
    ) -> Bool {
        let kind = StreamTable.kind(of: item.pointee.sender)
        guard arrival < session.pointee.directUntil || allowsDirect(relay, copy, session, arrival, sentAt: came),
            kind != StreamKind.video.rawValue
        else { return false }
        let state = pairs[pointer: Int(copy.pairBase) &+ StreamTable.person(of: item.pointee.sender)]
        let last = state.pointee.lastMedia
        guard state.pointee.setupStart < 0, last < 0 || arrival &- last <= PairState.interruption else { return false }
        events &+= 1
        session.pointee.lastDirect = max(session.pointee.lastDirect, arrival)
        let person = SessionID.person(copy.session)
        let path: PathKind = state.pointee.isWithinRegion ? .sameRegion : .crossRegion
        guard gaps.receive(kind, item.pointee.sequence, state) else {
            tally.addExtra(kind: kind, path: path, phase: world.phase(of: item.pointee.published))
            return true
        }
        count(item.pointee, kind, person, path, arrival: arrival)
        if kind == StreamKind.audio.rawValue {
            state.pointee.noteUninterrupted(at: arrival, published: item.pointee.published)
        }
        return true
    }

    /// Looks anew until when copies on a session may be settled at once.
    @inline(never)
    private mutating func allowsDirect(
        _ relay: Int, _ copy: Target, _ session: UnsafeMutablePointer<RelaySession>, _ arrival: Int64,
        sentAt time: Int64
    ) -> Bool {
        if isReference { return false }
        guard Int(session.pointee.home) == region else {
            // For somebody of another region: so much for the notice that the session has ended.
            session.pointee.lastDirect = max(session.pointee.lastDirect, arrival)
            return false
        }
        let person = SessionID.person(copy.session)
        let receiver = receivers[pointer: person]
        guard receiver.pointee.session == copy.session else {
            receiver.pointee.strayUntil = max(receiver.pointee.strayUntil, arrival)
            return false
        }
        // Of this slot's arrivals none is left in the bin.
        let slotStart = (time >> Int64(world.slotShift)) << Int64(world.slotShift)
        guard receiver.pointee.connections == 1, receiver.pointee.strayUntil < slotStart else { return false }
        let upkeep = relays[pointer: relay].pointee.upkeep[Int(copy.slot)]
        var until = min(refreshQuiet(person), min(upkeep.staysUntil, world.horizon))
        for outage in world.relayOutages[firstRelay + relay] where outage.start > time {
            until = min(until, outage.start)
        }
        session.pointee.directUntil = until
        return arrival < until
    }

    /// The latest packet on a person's elected session that was settled before it arrived; 0: none.
    func lastDirect(_ person: Int) -> Int64 {
        guard let elected = people[pointer: person].pointee.elected else { return 0 }
        let place = addresses[elected.relay]
        guard Int(place.region) == region else { return 0 }
        let state = relays[pointer: Int(place.local)]
        let slot = state.pointee.place(of: elected.session)
        return slot < 0 ? 0 : state.pointee.sessions[slot].lastDirect
    }

    /// A relay has closed a session, or will never open it: it brings no more copies.
    mutating func noteClosed(_ relay: Int, _ slot: Int, at time: Int64) {
        recorder.noteClosed(relay, slot: slot, at: time)
        let state = relays[pointer: relay]
        noteGone(state.pointee.upkeep[slot].id, lastCopy: state.pointee.sessions[slot].lastDirect, at: time)
    }

    /// Counts down a person's connections. In another region that is done when its last copy has arrived there.
    mutating func noteGone(_ session: UInt32, lastCopy: Int64, at time: Int64) {
        guard !isReference else { return }
        let person = SessionID.person(session)
        let home = Int(world.traits[person].region)
        if home == region { return receivers[pointer: person].pointee.connections -= 1 }
        let item = Item(
            time: max(lastCopy, time + world.lookahead) + 1, published: time, sender: UInt32(person), sequence: 0,
            list: session, size: 0, kind: .gone, flags: 0)
        hand(item, toClientsIn: home)
    }
}
