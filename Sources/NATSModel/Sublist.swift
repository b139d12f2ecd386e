/// The interest in one subject or pattern, by who has it. All lists are sorted.
struct Interest: Sendable {
    struct Member: Comparable, Sendable, BitwiseCopyable {
        var queue: QueueID
        var isRoute: Bool
        var connection: ConnectionID
        /// 0 for a route.
        var sid: Int32
        var weight: Int32

        static func < (left: Member, right: Member) -> Bool {
            if left.queue != right.queue { return left.queue < right.queue }
            if left.isRoute != right.isRoute { return !left.isRoute }
            if left.connection != right.connection { return left.connection < right.connection }
            return left.sid < right.sid
        }

        /// Identity only: the weight is what a search finds out.
        static func == (left: Member, right: Member) -> Bool {
            left.queue == right.queue && left.isRoute == right.isRoute && left.connection == right.connection
                && left.sid == right.sid
        }
    }

    struct GatewayQueue: Comparable, Sendable, BitwiseCopyable {
        var connection: ConnectionID
        var queue: QueueID

        static func < (left: GatewayQueue, right: GatewayQueue) -> Bool {
            left.connection == right.connection ? left.queue < right.queue : left.connection < right.connection
        }
    }

    var subject = SubjectID(rawValue: -1)
    var node: Int32 = -1
    /// Plain subscriptions of clients.
    var locals: [Forwarding.Local] = []
    /// Routes whose server has plain subscriptions.
    var routes: [ConnectionID] = []
    /// Queue members: local ones and, per route, one row with its weight.
    var members: [Member] = []
    /// Outbound gateway connections with plain interest behind them.
    var gateways: [ConnectionID] = []
    /// Outbound gateway connections with queue interest behind them.
    var gatewayQueues: [GatewayQueue] = []

    var isEmpty: Bool {
        locals.isEmpty && routes.isEmpty && members.isEmpty && gateways.isEmpty && gatewayQueues.isEmpty
    }

    /// The rows of one queue group in `members`.
    func range(of queue: QueueID) -> Range<Int> {
        let first = members.partitionPoint { $0.queue < queue }
        var last = first
        while last < members.count && members[last].queue == queue { last += 1 }
        return first..<last
    }

    /// What other servers of the cluster are told: local subscriptions of one kind.
    func localWeight(of queue: QueueID?) -> Int32 {
        guard let queue else { return Int32(locals.count) }
        return Int32(members[range(of: queue)].count { !$0.isRoute })
    }

    /// What other clusters are told when it becomes or ceases to be zero: local subscriptions plus one for each
    /// routed server that has some, whatever its weight (nats-server v2.9.10 server/gateway.go
    /// updateInterestForAccountOnGateway).
    func tally(of queue: QueueID?) -> Int {
        guard let queue else { return locals.count + routes.count }
        return range(of: queue).count
    }
}

extension Array where Element: Comparable {
    /// Inserts into a sorted array; `false` if the element is already there.
    mutating func insertSorted(_ element: Element) -> Bool {
        let index = partitionPoint { $0 < element }
        if index < count && self[index] == element { return false }
        insert(element, at: index)
        return true
    }

    /// Removes from a sorted array; `false` if the element is not there.
    mutating func removeSorted(_ element: Element) -> Bool {
        let index = partitionPoint { $0 < element }
        guard index < count && self[index] == element else { return false }
        remove(at: index)
        return true
    }
}

extension Array {
    /// The first index for which `isBefore` does not hold, in an array where it holds for a prefix.
    func partitionPoint(where isBefore: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// All interest that a server knows, found by subject: a trie over tokens.
///
/// Adding and removing a pattern cost its tokens; matching costs the matching branches. Slots and nodes are
/// recycled, so a run of many short subscriptions needs no more than its peak.
struct Sublist: Sendable {
    private struct Node: Sendable, BitwiseCopyable {
        var parent: Int32
        var token: Int32
        var star: Int32 = -1
        var tail: Int32 = -1
        var children: Int32 = 0
        var slot: Int32 = -1
    }

    private var nodes = [Node(parent: -1, token: -1)]
    private var freeNodes: [Int32] = []
    /// Literal children: (node, token) to node.
    private var children: [UInt64: Int32] = [:]
    private var slots: [SubjectID: Int32] = [:]
    private var freeSlots: [Int32] = []
    /// Wrong ways to match.
    var deviations: Deviation = []
    /// By slot. A caller may change the lists of an entry, and calls `releaseIfEmpty` after removing from one.
    var entries: [Interest] = []

    /// The slots in use, in the order of their subjects.
    var slotsBySubject: [Int] {
        entries.indices.filter { entries[$0].node >= 0 }.sorted { entries[$0].subject < entries[$1].subject }
    }

    func slot(of subject: SubjectID) -> Int? { slots[subject].map(Int.init) }

    /// The slot of a subscribable subject, made if there is none.
    mutating func makeSlot(of subject: SubjectID, in subjects: SubjectTable) -> Int {
        if let known = slots[subject] { return Int(known) }
        var node: Int32 = 0
        for token in subjects.tokens(of: subject) { node = makeChild(of: node, token) }
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = Int32(entries.count)
            entries.append(Interest())
        }
        entries[Int(slot)].subject = subject
        entries[Int(slot)].node = node
        nodes[Int(node)].slot = slot
        slots[subject] = slot
        return Int(slot)
    }

    mutating func releaseIfEmpty(_ slot: Int) {
        guard entries[slot].isEmpty, entries[slot].node >= 0 else { return }
        slots[entries[slot].subject] = nil
        var node = entries[slot].node
        nodes[Int(node)].slot = -1
        entries[slot].node = -1
        freeSlots.append(Int32(slot))
        while node != 0 && nodes[Int(node)].slot < 0 && nodes[Int(node)].children == 0 {
            let parent = nodes[Int(node)].parent
            detach(node, from: parent)
            freeNodes.append(node)
            node = parent
        }
    }

    /// Appends the slots of all patterns that match `subject`, in the order of the patterns' ids.
    func match(_ subject: SubjectID, in subjects: SubjectTable, into found: inout [Int]) {
        let tokens = subjects.tokens(of: subject)
        guard !tokens.contains(SubjectTable.empty) else { return }
        descend(from: 0, tokens, into: &found)
        if found.count > 1 { found.sort { entries[$0].subject < entries[$1].subject } }
        if deviations.contains(.starMatchesSeveralTokens) {
            // One pattern may match in several ways.
            found = found.enumerated().filter { $0 == 0 || found[$0 - 1] != $1 }.map(\.element)
        }
    }

    private func descend(from node: Int32, _ tokens: ArraySlice<Int32>, into found: inout [Int]) {
        let here = nodes[Int(node)]
        guard let token = tokens.first else {
            if here.slot >= 0 { found.append(Int(here.slot)) }
            if deviations.contains(.tailMatchesNothing), here.tail >= 0 {
                found.append(Int(nodes[Int(here.tail)].slot))
            }
            return
        }
        if here.tail >= 0 && nodes[Int(here.tail)].slot >= 0 { found.append(Int(nodes[Int(here.tail)].slot)) }
        if here.star >= 0 {
            descend(from: here.star, tokens.dropFirst(), into: &found)
            if deviations.contains(.starMatchesSeveralTokens) {
                for count in 2..<max(2, tokens.count + 1) {
                    descend(from: here.star, tokens.dropFirst(count), into: &found)
                }
            }
        }
        if token > SubjectTable.empty, let next = children[Self.key(node, token)] {
            descend(from: next, tokens.dropFirst(), into: &found)
        }
    }

    private static func key(_ node: Int32, _ token: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: token))
    }

    private func child(of node: Int32, _ token: Int32) -> Int32? {
        let index: Int32
        switch token {
        case SubjectTable.star: index = nodes[Int(node)].star
        case SubjectTable.tail: index = nodes[Int(node)].tail
        default: return children[Self.key(node, token)]
        }
        return index < 0 ? nil : index
    }

    private mutating func makeChild(of node: Int32, _ token: Int32) -> Int32 {
        if let known = child(of: node, token) { return known }
        let index: Int32
        if let free = freeNodes.popLast() {
            index = free
            nodes[Int(free)] = Node(parent: node, token: token)
        } else {
            index = Int32(nodes.count)
            nodes.append(Node(parent: node, token: token))
        }
        nodes[Int(node)].children += 1
        switch token {
        case SubjectTable.star: nodes[Int(node)].star = index
        case SubjectTable.tail: nodes[Int(node)].tail = index
        default: children[Self.key(node, token)] = index
        }
        return index
    }

    private mutating func detach(_ node: Int32, from parent: Int32) {
        nodes[Int(parent)].children -= 1
        let token = nodes[Int(node)].token
        switch token {
        case SubjectTable.star: nodes[Int(parent)].star = -1
        case SubjectTable.tail: nodes[Int(parent)].tail = -1
        default: children[Self.key(parent, token)] = nil
        }
    }
}
