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
    /// which were fetched when the items were sent, then the plans' lists, then the sessions and pairs that these name.
    func readAhead(ofServer server: Int, before window: Int64) {
        let items = readingAhead.items
        let count = servers[pointer: server].pointee.station.collect(
            before: window, limit: ReadingAhead.limit, into: items)
        for index in 0..<count {
            let plan = trails.end(items[index].pointee.sender, localServer: server).pointee.plan
            if plan != PlanTable.none { prefetch_line(plans.plans.place(Int(plan))) }
        }
        for index in 0..<count {
            let number = trails.end(items[index].pointee.sender, localServer: server).pointee.plan
            guard number != PlanTable.none else { continue }
            let plan = plans.plans.place(Int(number))
            prefetch_line(plans.relays.place(Int(plan.pointee.relaysFirst)))
            prefetch_line(plans.routes.place(Int(plan.pointee.routesFirst)))
            prefetch_line(plans.targets.place(Int(plan.pointee.targetsFirst)))
        }
        for index in 0..<count {
            let number = trails.end(items[index].pointee.sender, localServer: server).pointee.plan
            if number != PlanTable.none { readAhead(ofCopiesOf: items[index], plans.plans.place(Int(number))) }
        }
    }

    /// Fetches the sessions that a message is for, and its pairs.
    @inline(__always)
    private func readAhead(ofCopiesOf item: UnsafePointer<Item>, _ plan: UnsafeMutablePointer<Plan>) {
        let first = Int(plan.pointee.relaysFirst)
        for index in first..<(first &+ Int(plan.pointee.relaysCount)) {
            let list = plans.relays.place(index)
            guard list.pointee.relay >= 0 else { continue }
            let relay = relays[pointer: Int(list.pointee.relay)]
            for place in Int(list.pointee.first)..<Int(list.pointee.first &+ list.pointee.count) {
                let target = plans.targets.place(place)
                prefetch_line(relay.pointee.sessions.place(Int(target.pointee.slot)))
                prefetch_line(pairs.place(Int(target.pointee.pairBase) &+ StreamTable.person(of: item.pointee.sender)))
            }
        }
    }

    /// Fetches the plan of what a server serves next.
    @inline(__always)
    func readAhead(ofNext state: UnsafeMutablePointer<ServerState>, _ server: Int) {
        guard let next = state.pointee.station.upcoming, next.pointee.kind == .media else { return }
        let plan = trails.end(next.pointee.sender, localServer: server).pointee.plan
        prefetch_line(plans.plans.place(Int(plan)))
    }

    /// Fetches the session and the pair of a message's first copy, while the server's service is computed.
    @inline(__always)
    func readAhead(ofFirstCopy plan: UnsafeMutablePointer<Plan>) {
        let state = relays.place(Int(plan.pointee.firstRelay))
        prefetch_line(state.pointee.sessions.place(Int(plan.pointee.firstSlot)))
        let sender = StreamTable.person(of: held.pointee.sender)
        prefetch_line(pairs.place(Int(plan.pointee.firstPairBase) &+ sender))
        prefetch_line(plans.relays.place(Int(plan.pointee.relaysFirst)))
        prefetch_line(plans.targets.place(Int(plan.pointee.targetsFirst)))
    }

    /// Fetches what packets of a relay's clients, some places behind the one in hand, will ask for.
    @inline(__always)
    func readAhead(ofRelay state: UnsafeMutablePointer<RelayState>) {
        if let later = state.pointee.station.waiting(at: ReadingAhead.distance) {
            prefetch_line(state.pointee.newest + SessionID.person(later.pointee.list))
        }
        guard let soon = state.pointee.station.waiting(at: ReadingAhead.distance / 2) else { return }
        let slot = Int(state.pointee.newest[SessionID.person(soon.pointee.list)])
        guard slot >= 0 else { return }
        prefetch_line(state.pointee.upkeep.place(slot))
        prefetch_line(state.pointee.sessions.place(slot))
    }
}
