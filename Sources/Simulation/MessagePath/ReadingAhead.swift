import CPrefetch
import CallModel
import EventKernel

/// Reading ahead: what the next items will ask for is fetched for many of them at once. Served one by one, each would
/// wait for its own reads from far memory. It changes nothing but the time that a run takes, and pays where the state
/// of a region is larger than a core's own cache.
struct ReadingAhead: ~Copyable {
    /// Items of one pass at the most.
    static var limit: Int { 256 }
    /// How far ahead of the item in hand, where items lie in a row.
    static var distance: Int { 12 }

    let isOn: Bool
    fileprivate let items: UnsafeMutablePointer<UnsafePointer<Item>>

    init(isOn: Bool) {
        self.isOn = isOn
        items = .allocate(capacity: Self.limit)
    }

    deinit { items.deallocate() }
}

extension Domain {
    /// Fetches what the arrivals some places ahead of `position` will ask for.
    @inline(__always)
    func readAhead(ofArrival position: Int) {
        guard readingAhead.isOn, position &+ ReadingAhead.distance < drained.count else { return }
        let item = drained[position &+ ReadingAhead.distance]
        let receiver = receivers[pointer: SessionID.person(item.list)]
        let pair = pairs.place(Int(receiver.pointee.pairBase) &+ StreamTable.person(of: item.sender))
        prefetch_line(pair)
        prefetch_line(UnsafeRawPointer(pair) + 64)
    }

    /// Fetches what the services of a server before `window` will ask for: the plans that the streams' trails name,
    /// which were fetched when the items were sent, then the sessions and pairs that these name.
    func readAhead(ofServer server: Int, before window: Int64) {
        let items = readingAhead.items
        let count = servers[pointer: server].pointee.station.collect(
            before: window, limit: ReadingAhead.limit, into: items)
        for index in 0..<count {
            let plan = trails.end(items[index].pointee.sender, localServer: server).pointee.plan
            guard plan != PlanTable.none else { continue }
            prefetch_line(plans.plan(plan))
            prefetch_line(plans.plan(plan) + 2)
        }
        for index in 0..<count {
            let plan = trails.end(items[index].pointee.sender, localServer: server).pointee.plan
            if plan != PlanTable.none { readAhead(ofCopiesOf: items[index], plans.plan(plan)) }
        }
    }

    /// Fetches the sessions that a message is for, and its pairs.
    @inline(__always)
    private func readAhead(ofCopiesOf item: UnsafePointer<Item>, _ plan: UnsafeMutablePointer<Plan>) {
        let sender = StreamTable.person(of: item.pointee.sender)
        plan.forEachList { list in
            guard list.pointee.relay >= 0 else { return }
            let sessions = relays.place(Int(list.pointee.relay)).pointee.sessions.place(0)
            for index in 0..<Int(list.pointee.count) {
                let target = list.targets + index
                prefetch_line(sessions + Int(target.pointee.slot))
                prefetch_line(pairs.place(Int(target.pointee.pairBase) &+ sender))
            }
        }
    }

    /// Fetches what packets of a relay's clients, some places behind the one in hand, will ask for.
    @inline(__always)
    func readAhead(ofRelay state: UnsafeMutablePointer<RelayState>) {
        if let later = state.pointee.station.waiting(at: ReadingAhead.distance) {
            prefetch_line(state.pointee.newest + SessionID.person(later.pointee.list))
            prefetch_line(trails.end(later.pointee.sender, localServer: max(0, state.pointee.server)))
        }
        guard let soon = state.pointee.station.waiting(at: ReadingAhead.distance / 2) else { return }
        let slot = Int(state.pointee.newest[SessionID.person(soon.pointee.list)])
        guard slot >= 0 else { return }
        prefetch_line(state.pointee.upkeep.place(slot))
        prefetch_line(state.pointee.sessions.place(slot))
    }
}
