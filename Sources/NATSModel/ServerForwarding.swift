public import EventKernel

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
    /// - The answer to a mapped request goes to all that a client's message goes to.
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
            let served = deviations.contains(.servesUnlistedGroups) ? .all : filter
            addGroups(slots, silent: nil, filter: served, isFromRoute: false, to: &result)
        case .route(let filter):
            addPlain(slots, silent: nil, to: &result)
            addGroups(slots, silent: nil, filter: filter, isFromRoute: true, to: &result)
        case .answer(let isFromRoute):
            addPlain(slots, silent: nil, to: &result)
            addRoutes(slots, to: &result)
            addGroups(slots, silent: nil, filter: .all, isFromRoute: isFromRoute, to: &result)
            addGateways(slots, to: &result)
        }
        return result
    }

    private func addPlain(_ slots: [Int], silent: ConnectionID?, to result: inout Forwarding) {
        for slot in slots { result.locals.append(contentsOf: sublist.entries[slot].locals) }
        if let silent { result.locals.removeAll { $0.connection == silent } }
        if slots.count > 1 { result.locals.sort() }
        if deviations.contains(.deliversOncePerClient) {
            var last: ConnectionID?
            result.locals.removeAll { local in
                defer { last = local.connection }
                return local.connection == last
            }
        }
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

    /// The draw starts at a uniformly random place of the list, in which a routed entry stands as often as it has
    /// members, and takes the first that may get the message: the share of a member that may not (no echo) falls to
    /// the one behind it. Local members stand before routed ones in `members`.
    ///
    /// For a message from a route without local members the real server takes the first routed one in its list,
    /// whose order is random; so here their weights are equal.
    private func addGroup(
        _ members: ArraySlice<Interest.Member>, silent: ConnectionID?, isFromRoute: Bool, to result: inout Forwarding
    ) {
        let prefersLocals = isFromRoute || deviations.contains(.prefersLocalMembers)
        let localsOnly = prefersLocals && members.contains { !$0.isRoute }
        let equalWeights = isFromRoute || deviations.contains(.ignoresWeights)
        let first = result.candidates.count
        var weight: Int32 = 0
        var skipped: Int32 = 0
        for member in members {
            if !member.isRoute && member.connection == silent {
                skipped += 1
                continue
            }
            if member.isRoute && localsOnly { continue }
            let share = (member.isRoute && !equalWeights ? member.weight : 1) + skipped
            skipped = 0
            weight += share
            result.candidates.append(
                Forwarding.Candidate(
                    connection: member.connection, sid: member.isRoute ? nil : member.sid, weight: share))
            if member.isRoute { result.markRoute(member.connection, plain: false) }
        }
        let count = result.candidates.count - first
        if count == 0 { return }
        result.candidates[first].weight += skipped
        result.groups.append(
            Forwarding.Group(
                queue: members[members.startIndex].queue, first: Int32(first), count: Int32(count),
                weight: weight + skipped))
    }

    /// A group served in this cluster goes to no other; the others go to the nearest cluster that has members.
    private func addGateways(_ slots: [Int], to result: inout Forwarding) {
        if outboundGateways.isEmpty { return }
        let isLocal = !deviations.contains(.servesGroupsInEachCluster)
        var served = isLocal ? result.groups.map(\.queue) : []
        for gateway in outboundGateways {
            var plain = deviations.contains(.forwardsWithoutInterest)
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
            if outboundGateways.count > 1 && isLocal { served = (served + queues).sorted() }
        }
    }

    /// Forwards one message by its table: draws a member for each group, writes the copies, counts them against
    /// `UNSUB` maxima, and answers a request that reached nobody. A copy handed to a route or a gateway counts as
    /// reached.
    ///
    /// `receive(.publish)` and `receive(.routed)` are this with a fresh table.
    public mutating func deliver(
        _ table: Forwarding, _ message: Publish, from source: ConnectionID, at now: SimTime, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        for local in table.locals { deliver(message, to: local, at: now, in: subjects, into: &outputs) }
        var routed: [(route: ConnectionID, queue: QueueID)] = []
        for group in table.groups {
            let draw = mixed(message.key ^ mixed(choiceKey ^ UInt64(UInt32(bitPattern: group.queue.rawValue))))
            let chosen = table.pick(group, draw: draw)
            if let sid = chosen.sid {
                let local = Forwarding.Local(connection: chosen.connection, sid: sid)
                deliver(message, to: local, at: now, in: subjects, into: &outputs)
            } else {
                routed.append((chosen.connection, group.queue))
            }
        }
        for route in table.routes {
            let queues = routed.filter { $0.route == route.connection }.map { $0.queue }
            if !route.plain && queues.isEmpty { continue }
            outputs.append(Output(connection: route.connection, operation: .routed(message, queues: queues)))
        }
        if !table.gateways.isEmpty {
            let leaving = leaving(message, at: now, in: subjects)
            for gateway in table.gateways {
                let operation = Operation.routed(leaving, queues: gateway.queues)
                outputs.append(Output(connection: gateway.connection, operation: operation))
            }
        }
        var isUnanswered = table.isEmpty
        if deviations.contains(.countsOwnClusterOnly) {
            isUnanswered = table.locals.isEmpty && table.groups.isEmpty && table.routes.isEmpty
        }
        if isUnanswered { answerWithoutResponders(message, from: source, in: subjects, into: &outputs) }
    }

    /// One copy for one subscription, which ends with the last message that its `UNSUB` allows.
    private mutating func deliver(
        _ message: Publish, to local: Forwarding.Local, at now: SimTime, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        guard let options = peers[local.connection]?.options,
            var subscription = peers[local.connection]?.subscriptions[local.sid]
        else { return }
        subscription.delivered += 1
        peers[local.connection]?.subscriptions[local.sid] = subscription
        if let reply = message.reply, let origin = message.replyOrigin {
            replyMap.track(reply, origin, for: local.connection, at: now)
        }
        let seen = message.seen(byClientWithHeaders: options.headers)
        outputs.append(Output(connection: local.connection, operation: .message(seen, sid: local.sid)))
        guard let maximum = subscription.maximum else { return }
        let last = deviations.contains(.endsOneMessageLate) ? maximum + 1 : maximum
        if subscription.delivered >= last {
            removeSubscription(local.sid, of: local.connection, in: subjects, into: &outputs)
        }
    }

    /// The `503`: only for clients that asked for it and themselves have a plain subscription for the reply subject.
    /// Of several the first gets it, in the order in which a server walks its trie; below one pattern, that with
    /// the lowest sid (the real order is random).
    private func answerWithoutResponders(
        _ message: Publish, from source: ConnectionID, in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        guard let reply = message.reply, let peer = peers[source], peer.kind == .client, peer.options.noResponders,
            peer.options.headers, !deviations.contains(.neverAnswersNoResponders)
        else { return }
        var slots: [Int] = []
        sublist.match(reply, in: subjects, into: &slots)
        let own: [(pattern: SubjectID, sid: Int32)] = slots.compactMap { slot in
            let entry = sublist.entries[slot]
            let start = entry.locals.partitionPoint { $0.connection < source }
            guard start < entry.locals.count && entry.locals[start].connection == source else { return nil }
            return (entry.subject, entry.locals[start].sid)
        }
        guard let first = own.min(by: { subjects.isFoundEarlier($0.pattern, than: $1.pattern) }) else { return }
        outputs.append(Output(connection: source, operation: .noResponders(subject: reply, sid: first.sid)))
    }

    /// What a message from another server must not reach: `Deviation.forwardsBetweenRoutes` and
    /// `forwardsBetweenGateways`.
    func addForbidden(
        to table: inout Forwarding, _ subject: SubjectID, from connection: ConnectionID, in subjects: SubjectTable
    ) {
        guard let source = peers[connection]?.identity else { return }
        var slots: [Int] = []
        sublist.match(subject, in: subjects, into: &slots)
        if peers[connection]?.kind == .route {
            guard deviations.contains(.forwardsBetweenRoutes) else { return }
            for route in slots.flatMap({ sublist.entries[$0].routes }) {
                guard let target = peers[route]?.identity?.name else { continue }
                let isFurther =
                    source.name < identity.name
                    ? identity.name < target : identity.name < source.name && target < identity.name
                if isFurther { table.markRoute(route, plain: true) }
            }
        } else if deviations.contains(.forwardsBetweenGateways), source.cluster < identity.cluster {
            addGateways(slots, to: &table)
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
