import EventKernel
import NATSModel
import Scenario

/// What one client connection of a server has waited since its last read.
struct ReadState {
    /// When the current read began: what had arrived by then belongs to it.
    var start: Int64 = -1
    var stalled: Int64 = 0
    /// Whether the last message with a gateway to go to had to wait.
    var isHeldUp = false
}

extension StallRule {
    /// How long one more message of a read waits.
    ///
    /// - Parameters:
    ///   - wait: by the destination's pending bytes, as `wait(pending:maximumPending:)` tells.
    ///   - stalled: what the read has waited already.
    func wait(_ wait: Int64, afterStalled stalled: Int64) -> Int64 {
        guard let limit = limitPerRead?.nanoseconds else { return wait }
        return max(0, min(wait, limit - stalled))
    }
}

extension Domain {
    /// How long the reader of a client's connection is held up by the gateways that its message goes to.
    ///
    /// The whole connection stands still: everything behind the message waits, wherever it goes. The message itself
    /// is handed on at once, as other readers of the server would flush it; see docs/models/server-cpu.md.
    @inline(__always)
    mutating func stall(
        _ server: Int, _ state: UnsafeMutablePointer<ServerState>, _ plan: UnsafeMutablePointer<Plan>, port: Int,
        arrival: Int64, at time: Int64
    ) -> Int64 {
        var mayWait = state.pointee.hasStalled
        for index in 0..<Int(plan.pointee.gatewaysCount) {
            let target = Int(plan.gateways[index].place)
            mayWait = mayWait || state.pointee.dialerFlows[pointer: target].pointee.mayBePending
        }
        return mayWait ? waitForGateways(server, plan, port: port, arrival: arrival, at: time) : 0
    }

    @inline(never)
    private mutating func waitForGateways(
        _ server: Int, _ plan: UnsafeMutablePointer<Plan>, port: Int, arrival: Int64, at time: Int64
    ) -> Int64 {
        let state = servers[pointer: server]
        var total: Int64 = 0
        for index in 0..<Int(plan.pointee.gatewaysCount) {
            let target = Int(plan.gateways[index].place)
            let pending = state.pointee.dialerFlows[pointer: target].pointee
                .pendingBytes(at: time)
            guard pending > 0,
                let wait = stallRule.wait(pending: pending, maximumPending: world.nats.maximumPending)
            else { continue }
            total += holdUp(server, port, by: wait.nanoseconds, arrival: arrival, at: time)
        }
        if total == 0 && !state.pointee.hasStalled { return 0 }
        let place = readPlace(port)
        if total >= Self.notableStall && !state.pointee.reads[place].isHeldUp {
            let name = port < relays.count ? world.relays[firstRelay + port].name : "a plain publisher"
            journal.add(
                time, room: -1, subject: world.servers[firstServer + server].name,
                "holds up \(name): too much waits for a gateway")
        }
        state.pointee.hasStalled = true
        state.pointee.reads[place].isHeldUp = total >= Self.notableStall
        return total
    }

    /// A wait that people notice, and that the journal tells of: the least of servers before 2.10.26.
    private static var notableStall: Int64 { 100_000_000 }

    @inline(__always)
    private func readPlace(_ port: Int) -> Int { port < relays.count ? port : relays.count + port - rawPort }

    private mutating func holdUp(_ server: Int, _ port: Int, by wait: Int64, arrival: Int64, at time: Int64) -> Int64 {
        let state = servers[pointer: server]
        let place = readPlace(port)
        if arrival > state.pointee.reads[place].start {
            state.pointee.reads[place].start = time
            state.pointee.reads[place].stalled = 0
        }
        let own = stallRule.wait(wait, afterStalled: state.pointee.reads[place].stalled)
        state.pointee.reads[place].stalled += own
        return own
    }
}

extension World {
    /// Connections of one server that plain publishers share at the most.
    static var rawPortLimit: Int { 64 }

    /// By plain publisher: its connection among those of its server. Each has its own up to a limit of 64 for one
    /// server, beyond which they share, as every connection costs a look at each service.
    var rawConnections: [Int] {
        var counts = Array(repeating: 0, count: servers.count)
        return scenario.publishers.map { publisher in
            let server = serversOfRegion[publisher.region].lowerBound + publisher.server
            counts[server] += 1
            return (counts[server] - 1) % Self.rawPortLimit
        }
    }

    /// Ports of a server (index over all) for plain publishers.
    func rawPorts(server: Int) -> Int {
        let place = servers[server]
        let own = scenario.publishers.filter { $0.region == place.region && $0.server == place.local }
        return min(own.count, Self.rawPortLimit)
    }
}
