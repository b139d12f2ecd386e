/// How interest enters and leaves a server, and whom it tells: RS+ and RS- of nats-server v2.9.10
/// server/route.go updateRouteSubscriptionMap and server/gateway.go updateInterestForAccountOnGateway.
extension Server {
    mutating func add(
        _ subscription: Subscription, sid: Int32, of connection: ConnectionID, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        let key = InterestKey(subject: subscription.subject, queue: subscription.queue)
        peers[connection]?.subscriptions[sid] = subscription
        let slot = sublist.makeSlot(of: key.subject, in: subjects)
        let before = tally(of: key.queue, slot)
        if let queue = key.queue {
            _ = sublist.entries[slot].members.insertSorted(
                Interest.Member(queue: queue, isRoute: false, connection: connection, sid: sid, weight: 1))
        } else {
            _ = sublist.entries[slot].locals.insertSorted(Forwarding.Local(connection: connection, sid: sid))
        }
        count(key, 1)
        changed(key.subject, in: subjects)
        tellRoutes(key, slot: slot, into: &outputs)
        tellGateways(key, from: before, slot: slot, into: &outputs)
    }

    /// - Parameter tellsRoutes: `false` where the caller tells them once for several members.
    mutating func removeSubscription(
        _ sid: Int32, of connection: ConnectionID, tellsRoutes: Bool = true, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        guard let subscription = peers[connection]?.subscriptions.removeValue(forKey: sid),
            let slot = sublist.slot(of: subscription.subject)
        else { return }
        let key = InterestKey(subject: subscription.subject, queue: subscription.queue)
        let before = tally(of: key.queue, slot)
        if let queue = key.queue {
            _ = sublist.entries[slot].members.removeSorted(
                Interest.Member(queue: queue, isRoute: false, connection: connection, sid: sid, weight: 1))
        } else {
            _ = sublist.entries[slot].locals.removeSorted(Forwarding.Local(connection: connection, sid: sid))
        }
        count(key, -1)
        changed(key.subject, in: subjects)
        if tellsRoutes { tellRoutes(key, slot: slot, isRemoval: true, into: &outputs) }
        tellGateways(key, from: before, slot: slot, into: &outputs)
        sublist.releaseIfEmpty(slot)
    }

    /// Ends all subscriptions of a client that closed. Routes hear of each of its queue groups once, however many
    /// members it had (nats-server v2.9.10 server/client.go closeConnection).
    mutating func removeAllSubscriptions(
        of connection: ConnectionID, in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        guard let subscriptions = peers[connection]?.subscriptions else { return }
        var groups: Set<InterestKey> = []
        for sid in subscriptions.keys.sorted() {
            guard let subscription = subscriptions[sid] else { continue }
            let isPlain = subscription.queue == nil
            if !isPlain { groups.insert(InterestKey(subject: subscription.subject, queue: subscription.queue)) }
            removeSubscription(sid, of: connection, tellsRoutes: isPlain, in: subjects, into: &outputs)
        }
        for key in groups.sorted() {
            tellRoutes(key, slot: sublist.slot(of: key.subject), isRemoval: true, into: &outputs)
        }
    }

    mutating func addRouted(
        _ key: InterestKey, weight: Int32, from connection: ConnectionID, in subjects: SubjectTable,
        into outputs: inout [Output]
    ) {
        peers[connection]?.interest.insert(key)
        let slot = sublist.makeSlot(of: key.subject, in: subjects)
        let before = tally(of: key.queue, slot)
        if let queue = key.queue {
            let member = Interest.Member(queue: queue, isRoute: true, connection: connection, sid: 0, weight: weight)
            var change = weight
            if !sublist.entries[slot].members.insertSorted(member) {
                let index = sublist.entries[slot].members.partitionPoint { $0 < member }
                change -= sublist.entries[slot].members[index].weight
                if change == 0 { return }
                sublist.entries[slot].members[index].weight = weight
            }
            count(key, change)
        } else if !sublist.entries[slot].routes.insertSorted(connection) {
            return
        }
        changed(key.subject, in: subjects)
        tellGateways(key, from: before, slot: slot, into: &outputs)
    }

    mutating func removeRouted(
        _ key: InterestKey, from connection: ConnectionID, in subjects: SubjectTable, into outputs: inout [Output]
    ) {
        guard peers[connection]?.interest.remove(key) != nil, let slot = sublist.slot(of: key.subject) else { return }
        let before = tally(of: key.queue, slot)
        if let queue = key.queue {
            let member = Interest.Member(queue: queue, isRoute: true, connection: connection, sid: 0, weight: 1)
            let index = sublist.entries[slot].members.partitionPoint { $0 < member }
            count(key, -sublist.entries[slot].members[index].weight)
            _ = sublist.entries[slot].members.removeSorted(member)
        } else {
            _ = sublist.entries[slot].routes.removeSorted(connection)
        }
        changed(key.subject, in: subjects)
        tellGateways(key, from: before, slot: slot, into: &outputs)
        sublist.releaseIfEmpty(slot)
    }

    mutating func addGatewayInterest(_ key: InterestKey, from connection: ConnectionID, in subjects: SubjectTable) {
        guard peers[connection]?.interest.insert(key).inserted == true else { return }
        let slot = sublist.makeSlot(of: key.subject, in: subjects)
        if let queue = key.queue {
            _ = sublist.entries[slot].gatewayQueues.insertSorted(
                Interest.GatewayQueue(connection: connection, queue: queue))
        } else {
            _ = sublist.entries[slot].gateways.insertSorted(connection)
        }
        changed(key.subject, in: subjects)
    }

    mutating func removeGatewayInterest(
        _ key: InterestKey, from connection: ConnectionID, in subjects: SubjectTable
    ) {
        guard peers[connection]?.interest.remove(key) != nil, let slot = sublist.slot(of: key.subject) else { return }
        if let queue = key.queue {
            _ = sublist.entries[slot].gatewayQueues.removeSorted(
                Interest.GatewayQueue(connection: connection, queue: queue))
        } else {
            _ = sublist.entries[slot].gateways.removeSorted(connection)
        }
        changed(key.subject, in: subjects)
        sublist.releaseIfEmpty(slot)
    }

    /// Routes hear of this server's own subscriptions only: a plain subject when it appears and disappears, a
    /// queue group at every change with its new weight.
    private func tellRoutes(_ key: InterestKey, slot: Int?, isRemoval: Bool = false, into outputs: inout [Output]) {
        if routes.isEmpty { return }
        let weight = slot.map { sublist.entries[$0].localWeight(of: key.queue) } ?? 0
        let operation: Operation
        if weight == 0 {
            operation = .remoteUnsubscribe(subject: key.subject, queue: key.queue)
        } else if key.queue != nil || (weight == 1 && !isRemoval) {
            operation = .remoteSubscribe(subject: key.subject, queue: key.queue, weight: weight)
        } else {
            return
        }
        for route in routes { outputs.append(Output(connection: route, operation: operation)) }
    }

    /// What other clusters are told when it becomes or ceases to be zero.
    func tally(of queue: QueueID?, _ slot: Int) -> Int {
        if deviations.contains(.hidesRoutedInterest) { return Int(sublist.entries[slot].localWeight(of: queue)) }
        if losesGroupTallies, queue != nil {
            return Int(groupTallies[InterestKey(subject: sublist.entries[slot].subject, queue: queue)] ?? 0)
        }
        return sublist.entries[slot].tally(of: queue)
    }

    /// The count of a group's members as releases 2.10.23 to 2.10.27 keep it: routed members count with their
    /// weight, but the first announcement of a group as one, whatever its weight. A group whose count came to zero
    /// too early stays unknown to other clusters until its next member (nats-server v2.10.25 server/gateway.go
    /// gatewayUpdateSubInterest; commit 1b9d9ed5 ends it).
    private mutating func count(_ key: InterestKey, _ change: Int32) {
        guard losesGroupTallies, key.queue != nil else { return }
        guard let known = groupTallies[key] else {
            if change > 0 { groupTallies[key] = 1 }
            return
        }
        groupTallies[key] = known + change > 0 ? known + change : nil
    }

    /// Other clusters hear of the whole cluster's interest when it appears and disappears.
    private func tellGateways(_ key: InterestKey, from before: Int, slot: Int, into outputs: inout [Output]) {
        let after = tally(of: key.queue, slot)
        let endsEarly = deviations.contains(.endsGroupsEarly) && key.queue != nil && after < before
        guard (before == 0) != (after == 0) || endsEarly else { return }
        let operation: Operation =
            after > before
            ? .remoteSubscribe(subject: key.subject, queue: key.queue, weight: 1)
            : .remoteUnsubscribe(subject: key.subject, queue: key.queue)
        for gateway in inboundGateways { outputs.append(Output(connection: gateway, operation: operation)) }
    }

    /// What a new route is told.
    func replayLocalInterest(to connection: ConnectionID, into outputs: inout [Output]) {
        for slot in sublist.slotsBySubject {
            let entry = sublist.entries[slot]
            if !entry.locals.isEmpty { outputs.append(entry.announcement(nil, weight: 1, to: connection)) }
            for queue in entry.queues {
                let weight = entry.localWeight(of: queue)
                if weight > 0 { outputs.append(entry.announcement(queue, weight: weight, to: connection)) }
            }
        }
    }

    /// What a new inbound gateway is told: all queue groups, then the plain subjects between start and complete.
    func replayClusterInterest(to connection: ConnectionID, into outputs: inout [Output]) {
        let slots = sublist.slotsBySubject
        for slot in slots {
            if deviations.contains(.forgetsReplayOfGroups) { break }
            for queue in sublist.entries[slot].queues where tally(of: queue, slot) > 0 {
                outputs.append(sublist.entries[slot].announcement(queue, weight: 1, to: connection))
            }
        }
        outputs.append(Output(connection: connection, operation: .allSubscriptionsStart))
        for slot in slots where tally(of: nil, slot) > 0 {
            outputs.append(sublist.entries[slot].announcement(nil, weight: 1, to: connection))
        }
        outputs.append(Output(connection: connection, operation: .allSubscriptionsComplete))
    }
}

extension Interest {
    /// The queue groups with members in this cluster, sorted, each once.
    var queues: [QueueID] {
        var found: [QueueID] = []
        for member in members where found.last != member.queue { found.append(member.queue) }
        return found
    }

    func announcement(_ queue: QueueID?, weight: Int32, to connection: ConnectionID) -> Output {
        Output(
            connection: connection, operation: .remoteSubscribe(subject: subject, queue: queue, weight: weight))
    }
}
