/// The forwarding rules: the only place where a model decides who gets a message
/// (nats-server v2.9.10 server/client.go processMsgResults, server/gateway.go sendMsgToGateways).
extension Server {
    /// What this server does with a message on `subject` that came from `source`. A pure function of the interest
    /// that the server knows now.
    ///
    /// - A client's message goes to local subscriptions, routes and gateways.
    /// - One from another cluster goes to local subscriptions and routes, and to the queue groups it lists.
    /// - One from a route goes to local subscriptions and to local members of the groups it lists; if a group has
    ///   no local member any more, to another routed one.
    public func forwarding(of subject: SubjectID, from source: SourceKind, in subjects: SubjectTable) -> Forwarding {
        var slots: [Int] = []
        sublist.match(subject, in: subjects, into: &slots)
        var result = Forwarding()
        if slots.isEmpty { return result }
        switch source {
        case .client:
            addPlain(slots, silent: nil, to: &result)
            addRoutes(slots, to: &result)
            addGroups(slots, silent: nil, filter: .all, isFromRoute: false, to: &result)
            addGateways(slots, to: &result)
        case .clientWithoutEcho(let publisher):
            addPlain(slots, silent: publisher, to: &result)
            addRoutes(slots, to: &result)
            addGroups(slots, silent: publisher, filter: .all, isFromRoute: false, to: &result)
            addGateways(slots, to: &result)
        case .gateway(let filter):
            addPlain(slots, silent: nil, to: &result)
            addRoutes(slots, to: &result)
            addGroups(slots, silent: nil, filter: filter, isFromRoute: false, to: &result)
        case .route(let filter):
            addPlain(slots, silent: nil, to: &result)
            addGroups(slots, silent: nil, filter: filter, isFromRoute: true, to: &result)
        }
        return result
    }

    private func addPlain(_ slots: [Int], silent: ConnectionID?, to result: inout Forwarding) {
        for slot in slots { result.locals.append(contentsOf: sublist.entries[slot].locals) }
        if let silent { result.locals.removeAll { $0.connection == silent } }
        if slots.count > 1 { result.locals.sort() }
    }

    private func addRoutes(_ slots: [Int], to result: inout Forwarding) {
        for slot in slots {
            for route in sublist.entries[slot].routes { result.markRoute(route, plain: true) }
        }
    }

    /// Members of one group under several matching patterns form one list, as in the server's match result.
    private func addGroups(
        _ slots: [Int], silent: ConnectionID?, filter: QueueFilter, isFromRoute: Bool, to result: inout Forwarding
    ) {
        var members = sublist.entries[slots[0]].members
        if slots.count > 1 {
            for slot in slots.dropFirst() { members.append(contentsOf: sublist.entries[slot].members) }
            members.sort()
        }
        result.candidates.reserveCapacity(members.count)
        result.groups.reserveCapacity(members.count)
        let wanted: [QueueID]?
        switch filter {
        case .all: wanted = nil
        case .listed(let queues): wanted = queues.sorted()
        }
        var first = 0
        while first < members.count {
            let queue = members[first].queue
            var last = first + 1
            while last < members.count && members[last].queue == queue { last += 1 }
            if wanted?.containsSorted(queue) ?? true {
                addGroup(members[first..<last], silent: silent, isFromRoute: isFromRoute, to: &result)
            }
            first = last
        }
    }

    /// Local members stand before routed ones in `members`. A member that may not get the message (no echo) is
    /// left out; the real server tries the next one, which differs only in the shares of the others.
    private func addGroup(
        _ members: ArraySlice<Interest.Member>, silent: ConnectionID?, isFromRoute: Bool, to result: inout Forwarding
    ) {
        let localsOnly = isFromRoute && members.contains { !$0.isRoute }
        let first = result.candidates.count
        var weight: Int32 = 0
        for member in members {
            if member.isRoute {
                if localsOnly { continue }
                let share = isFromRoute ? 1 : member.weight
                result.candidates.append(
                    Forwarding.Candidate(connection: member.connection, sid: nil, weight: share))
                weight += share
                result.markRoute(member.connection, plain: false)
            } else if member.connection != silent {
                result.candidates.append(
                    Forwarding.Candidate(connection: member.connection, sid: member.sid, weight: 1))
                weight += 1
            }
        }
        let count = result.candidates.count - first
        if count == 0 { return }
        result.groups.append(
            Forwarding.Group(
                queue: members[members.startIndex].queue, first: Int32(first), count: Int32(count), weight: weight))
    }

    /// A group served in this cluster goes to no other; the others go to the nearest cluster that has members.
    private func addGateways(_ slots: [Int], to result: inout Forwarding) {
        if outboundGateways.isEmpty { return }
        var served = result.groups.map(\.queue)
        for gateway in outboundGateways {
            var plain = false
            var queues: [QueueID] = []
            for slot in slots {
                let entry = sublist.entries[slot]
                plain = plain || entry.gateways.contains(gateway)
                let start = entry.gatewayQueues.partitionPoint { $0.connection < gateway }
                for row in entry.gatewayQueues[start...] {
                    if row.connection != gateway { break }
                    if !served.containsSorted(row.queue) { queues.append(row.queue) }
                }
            }
            if slots.count > 1 { queues = queues.sortedUnique() }
            if !plain && queues.isEmpty { continue }
            result.gateways.append(Forwarding.Gateway(connection: gateway, plain: plain, queues: queues))
            if outboundGateways.count > 1 { served = (served + queues).sorted() }
        }
    }

    /// Forwards one message by its table: draws a member for each group, writes the copies, counts them against
    /// `UNSUB` maxima, and answers a request that reached nobody.
    ///
    /// `receive(.publish)` and `receive(.routed)` are this with a fresh table.
    public mutating func deliver(
        _ table: Forwarding, _ message: Publish, from source: ConnectionID, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        var spent: [Forwarding.Local] = []
        for local in table.locals { deliverLocally(message, to: local, spent: &spent, into: &outputs) }
        var routed: [(route: ConnectionID, queue: QueueID)] = []
        for group in table.groups {
            let draw = mixed(message.key ^ mixed(choiceKey ^ UInt64(UInt32(bitPattern: group.queue.rawValue))))
            let chosen = table.pick(group, draw: draw)
            if let sid = chosen.sid {
                let local = Forwarding.Local(connection: chosen.connection, sid: sid)
                deliverLocally(message, to: local, spent: &spent, into: &outputs)
            } else {
                routed.append((chosen.connection, group.queue))
            }
        }
        for route in table.routes {
            let queues = routed.filter { $0.route == route.connection }.map { $0.queue }
            if !route.plain && queues.isEmpty { continue }
            outputs.append(Output(connection: route.connection, operation: .routed(message, queues: queues)))
        }
        for gateway in table.gateways {
            outputs.append(Output(connection: gateway.connection, operation: .routed(message, queues: gateway.queues)))
        }
        if table.isEmpty { answerWithoutResponders(message, from: source, in: subjects, into: &outputs) }
        for local in spent { removeSubscription(local.sid, of: local.connection, in: subjects, into: &outputs) }
    }

    private mutating func deliverLocally(
        _ message: Publish, to local: Forwarding.Local, spent: inout [Forwarding.Local], into outputs: inout [Output]
    ) {
        guard var subscription = peers[local.connection]?.subscriptions[local.sid] else { return }
        subscription.delivered += 1
        peers[local.connection]?.subscriptions[local.sid] = subscription
        outputs.append(Output(connection: local.connection, operation: .message(message, sid: local.sid)))
        if let maximum = subscription.maximum, subscription.delivered >= maximum { spent.append(local) }
    }

    /// The `503`: only for clients that asked for it and themselves subscribe to the reply subject.
    private func answerWithoutResponders(
        _ message: Publish, from source: ConnectionID, in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        guard let reply = message.reply, let peer = peers[source], peer.kind == .client, peer.options.noResponders,
            peer.options.headers
        else { return }
        var slots: [Int] = []
        sublist.match(reply, in: subjects, into: &slots)
        for slot in slots {
            let entry = sublist.entries[slot]
            let start = entry.locals.partitionPoint { $0.connection < source }
            if start < entry.locals.count && entry.locals[start].connection == source {
                let operation = Operation.noResponders(subject: reply, sid: entry.locals[start].sid)
                outputs.append(Output(connection: source, operation: operation))
                return
            }
        }
    }
}

extension Forwarding {
    /// Adds a route, keeping the list sorted and each route once.
    fileprivate mutating func markRoute(_ connection: ConnectionID, plain: Bool) {
        let index = routes.partitionPoint { $0.connection < connection }
        if index < routes.count && routes[index].connection == connection {
            routes[index].plain = routes[index].plain || plain
        } else {
            routes.insert(Route(connection: connection, plain: plain), at: index)
        }
    }
}

extension Array where Element: Comparable {
    fileprivate func containsSorted(_ element: Element) -> Bool {
        let index = partitionPoint { $0 < element }
        return index < count && self[index] == element
    }

    fileprivate func sortedUnique() -> [Element] {
        var result: [Element] = []
        for element in sorted() where result.last != element { result.append(element) }
        return result
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): spreads every input bit over the whole word.
func mixed(_ value: UInt64) -> UInt64 {
    var word = value &+ 0x9e37_79b9_7f4a_7c15
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
}
