import EventKernel
import Measures
import NATSModel

/// A server's memory against its limit: docs/models/server-memory.md.
struct MemoryState {
    let memory: ServerMemory
    /// More pending bytes than these end the process; `Int64.max`: no limit.
    let pendingLimit: Int64
    /// The most bytes that waited at once; noted for servers with a limit only.
    var peakPending: Int64 = 0
    /// Counts deaths and returns, so that what was meant for an earlier life is told apart.
    private(set) var life: UInt32 = 0
    /// The limit is passed: the kill is on the agenda.
    var isDoomed = false
    var restarts: RestartBackOff
    /// When the process was dead for want of memory, in order of time.
    var outages: [Outage] = []
    var kills: Int64 = 0

    init(_ memory: ServerMemory, _ parameters: ServerParameters) {
        self.memory = memory
        pendingLimit = memory.pendingLimit
        restarts = RestartBackOff(parameters)
    }

    /// What an entry of the agenda says of the life that it is meant for.
    var lifeOnAgenda: UInt32 { life & 0xff_ffff }

    /// The process has died or come back.
    mutating func turn() {
        life &+= 1
        isDoomed = false
    }
}

/// Deaths that nobody knows of in advance. All that such a death changes lies in its own region, or leaves it as the
/// packets that close connections; so regions stay as independent of each other as with the faults of the timeline.
extension Domain {
    /// Looks whether what waits for a server's gateways still fits into its memory.
    ///
    /// The kill is an entry of the agenda, one hop later, when everything that this window of the stations serves lies
    /// behind; so the order of what other servers do in the meantime makes no difference.
    @inline(__always)
    mutating func checkMemory(_ server: Int, at time: Int64) {
        let state = servers[pointer: server]
        guard state.pointee.memory.pendingLimit != Int64.max else { return }
        noteMemory(server, at: time)
    }

    private mutating func noteMemory(_ server: Int, at time: Int64) {
        let state = servers[pointer: server]
        // What has departed meanwhile is not taken off here: no more than this can wait.
        var most: Int64 = 0
        for gateway in state.pointee.outbound where gateway.target >= 0 {
            let flow = state.pointee.dialerFlows[pointer: gateway.target]
            most += flow.pointee.unsentBytes + flow.pointee.heldBytes
        }
        let notable = min(state.pointee.memory.peakPending, state.pointee.memory.pendingLimit)
        guard most > notable else { return }
        let pending = pendingBytes(ofServer: server, at: time)
        state.pointee.memory.peakPending = max(pending, state.pointee.memory.peakPending)
        guard pending > state.pointee.memory.pendingLimit, !state.pointee.memory.isDoomed else { return }
        state.pointee.memory.isDoomed = true
        schedule(
            .memoryKill, object: server, payload: state.pointee.memory.lifeOnAgenda, at: time + world.leastHop)
    }

    /// Bytes that wait for the outbound gateways of a server.
    private mutating func pendingBytes(ofServer server: Int, at time: Int64) -> Int64 {
        let state = servers[pointer: server]
        var sum: Int64 = 0
        for gateway in state.pointee.outbound where gateway.target >= 0 {
            sum += state.pointee.dialerFlows[pointer: gateway.target].pointee.pendingBytes(at: time)
        }
        return sum
    }

    /// The kernel kills the process, as `kill -9` does, and kubelet plans its return.
    mutating func memoryKillFired(_ server: Int, _ payload: UInt32, at time: Int64) {
        let state = servers[pointer: server]
        guard state.pointee.isAlive, state.pointee.memory.lifeOnAgenda == payload else { return }
        let pending = pendingBytes(ofServer: server, at: time)
        let limit = state.pointee.memory.memory.limit ?? 0
        journal.add(
            time, room: -1, subject: world.servers[firstServer + server].name,
            "runs out of memory: \(pending >> 20) MiB wait for its gateways, its limit is \(limit >> 20) MiB")
        serverGoesDown(server, isSilent: false, at: time)
        let start = state.pointee.memory.restarts.start(afterEndAt: SimTime(nanoseconds: time))
        let up = (start + world.nats.restartDelay).nanoseconds
        state.pointee.memory.kills += 1
        state.pointee.memory.outages.append(Outage(start: time, end: up, isSilent: false))
        schedule(.memoryRestart, object: server, payload: state.pointee.memory.lifeOnAgenda, at: up)
    }

    mutating func memoryRestartFired(_ server: Int, _ payload: UInt32, at time: Int64) {
        let state = servers[pointer: server]
        guard !state.pointee.isAlive, state.pointee.memory.lifeOnAgenda == payload else { return }
        serverComesUp(server, at: time)
    }

    /// A fault of the timeline takes a server down, which may be dead for want of memory already: then it comes back
    /// when the fault ends.
    mutating func serverFaultBegins(_ server: Int, isSilent: Bool, at time: Int64) {
        let state = servers[pointer: server]
        if state.pointee.isAlive { return serverGoesDown(server, isSilent: isSilent, at: time) }
        state.pointee.memory.turn()
        if let last = state.pointee.memory.outages.indices.last {
            state.pointee.memory.outages[last].end = min(state.pointee.memory.outages[last].end, time)
        }
        if isSilent { dropOrphans(of: server, at: time) }
    }

    /// Whether nobody, not even a kernel, answers in the place of a dead server.
    func isSilentlyDead(_ server: Int, at time: Int64) -> Bool {
        world.serverOutages[firstServer + server].contains { $0.isSilent && $0.start <= time && time < $0.end }
    }

    /// When a server was dead: by faults, and for want of memory.
    func outages(ofServer server: Int) -> [Outage] {
        world.serverOutages[firstServer + server] + servers[pointer: server].pointee.memory.outages
    }
}

extension OutcomeBuilder {
    /// The responses of servers with a memory limit.
    mutating func addMemoryResponses(_ domains: borrowing Table<Domain>) {
        for place in world.servers {
            let state = domains[pointer: place.region].pointee.servers[pointer: place.local].pointee.memory
            guard state.memory.limit != nil else { continue }
            outcome.responses += ServerMeasure.responses(
                server: place.name, memoryPeak: state.memory.use(pending: state.peakPending), kills: state.kills)
        }
    }
}
