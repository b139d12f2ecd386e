import CLinux
import EventKernel
import Foundation
import Glibc
import Network

/// Stands for the links of a lab that has no packets: listens, for each cluster and each server of another one, and
/// passes on what is said as late as the link between the two clusters wants.
struct LinkProxy: LinkCarrier {
    /// More are accepted only when others have ended.
    static let mostConnections = 512
    /// One wait takes them and both ends of each connection.
    static let mostListeners = 512

    /// One listener and where it leads.
    struct Route: Sendable {
        var listener: Int32
        /// Of the listener, and the source of the connections that it makes.
        var address: Address
        var target: Address
        var port: UInt16
        var from: Int
        var to: Int
    }

    private let table: LinkProxyTable
    private let wakeUp: Int32
    private let thread: JoinableThread

    /// - Parameters:
    ///   - port: where servers and proxies listen.
    ///   - clock: of a direction, by its number.
    init(_ plan: AddressPlan, port: UInt16, clock: (Int) -> LinkClock) throws(FabricError) {
        let routes = try Self.routes(plan, port)
        let sites = plan.clusters.count
        let table = LinkProxyTable(sites: sites, clocks: (0..<sites * sites).map(clock))
        let wakeUp = clinux_new_event()
        do {
            try checked(wakeUp, "cannot make an event")
            thread = try JoinableThread {
                var loop = LinkProxyLoop(table: table, routes: routes, wakeUp: wakeUp)
                loop.run()
            }
        } catch {
            for route in routes { close(route.listener) }
            if wakeUp >= 0 { close(wakeUp) }
            throw error
        }
        self.table = table
        self.wakeUp = wakeUp
    }

    private static func routes(_ plan: AddressPlan, _ port: UInt16) throws(FabricError) -> [Route] {
        var routes: [Route] = []
        do throws(FabricError) {
            for (from, cluster) in plan.clusters.enumerated() {
                for place in plan.places where place.cluster != cluster {
                    guard routes.count < mostListeners else { throw FabricError("too many servers for proxies") }
                    let address = plan.proxyAddress(of: place.name, seenFrom: cluster)
                    let listener = try Socket.listen(address, port, backlog: 64)
                    routes.append(
                        Route(
                            listener: listener, address: address, target: plan.address(of: place.name), port: port,
                            from: from, to: plan.site(named: place.cluster)))
                }
            }
        } catch {
            for route in routes { close(route.listener) }
            throw error
        }
        return routes
    }

    func change(from: Int, to: Int, _ body: (inout LinkState) -> Void) {
        table.use { $0.changeLink(from: from, to: to, now: clinux_now(), body) }
        clinux_raise_event(wakeUp)
    }

    var traffic: FabricTraffic { table.use { $0.traffic } }

    func resetTraffic() { table.use { $0.traffic = FabricTraffic() } }

    func end() {
        table.use { $0.isEnding = true }
        clinux_raise_event(wakeUp)
        thread.join()
        close(wakeUp)
    }
}

/// What the proxy's thread and its callers share.
final class LinkProxyTable: @unchecked Sendable {
    struct State {
        var traffic = FabricTraffic()
        var isEnding = false
        fileprivate(set) var clocks: [LinkClock]
        /// Nothing is passed on before: the end of the last cut and one delay, or never during a cut.
        fileprivate(set) var heldUntil: [Int64]
        fileprivate let sites: Int

        func direction(_ from: Int, _ to: Int) -> Int { from * sites + to }

        fileprivate mutating func changeLink(from: Int, to: Int, now: Int64, _ body: (inout LinkState) -> Void) {
            let direction = direction(from, to)
            let wasCut = clocks[direction].state.isCut
            body(&clocks[direction].state)
            let state = clocks[direction].state
            precondition(state.loss.share == 0, "proxies lose nothing")
            if state.isCut {
                heldUntil[direction] = Int64.max
            } else if wasCut {
                heldUntil[direction] = now + state.delay.nanoseconds
            }
        }

        /// When something that is said now arrives, if no cut holds it back.
        mutating func due(bytes: Int, in direction: Int, now: Int64) -> Int64 {
            clocks[direction].due(bytes: bytes, now: now)
        }
    }

    // `state` is guarded by `lock`; a `Mutex` would not let the thread hand its connections in.
    private let lock = NSLock()
    private var state: State

    init(sites: Int, clocks: [LinkClock]) {
        state = State(clocks: clocks, heldUntil: Array(repeating: Int64.min, count: clocks.count), sites: sites)
    }

    func use<Value>(_ body: (inout State) -> Value) -> Value {
        lock.lock()
        defer { lock.unlock() }
        return body(&state)
    }
}

/// The proxy's thread: its connections, and one wait for all of them.
private struct LinkProxyLoop {
    let table: LinkProxyTable
    let routes: [LinkProxy.Route]
    let wakeUp: Int32
    private var connections: [LinkConnection] = []
    /// The process has no more descriptors; what waits to be accepted would end every wait at once.
    private var isExhausted = false

    /// In nanoseconds.
    private static let pause: Int64 = 10_000_000

    init(table: LinkProxyTable, routes: [LinkProxy.Route], wakeUp: Int32) {
        self.table = table
        self.routes = routes
        self.wakeUp = wakeUp
    }

    mutating func run() {
        clinux_prepare_timing_thread("links")
        defer {
            for connection in connections { connection.close() }
            for route in routes { close(route.listener) }
        }
        while true {
            let next = table.use { state in
                for index in connections.indices { connections[index].deliver(&state) }
                return state.isEnding ? nil : connections.map { $0.nextDue(state) }.min() ?? Int64.max
            }
            guard let next else { return }
            connections.removeAll { connection in
                if connection.isOver { connection.close() }
                return connection.isOver
            }
            wait(until: next)
        }
    }

    private mutating func wait(until next: Int64) {
        var items = [clinux_wait(fd: wakeUp, wantsRead: true)]
        let accepts = connections.count < LinkProxy.mostConnections && !isExhausted
        items += routes.map { clinux_wait(fd: accepts ? $0.listener : -1, wantsRead: true) }
        for connection in connections { items += connection.wishes }
        var time = next == Int64.max ? -1 : max(0, next - clinux_now())
        if isExhausted { time = time < 0 ? Self.pause : min(time, Self.pause) }
        let ready = clinux_wait(&items, items.count, time)
        precondition(ready >= 0, "a wait fails for nothing but our own mistakes")
        isExhausted = false
        if items[0].can_read {
            var counter: UInt64 = 0
            _ = read(wakeUp, &counter, 8)
        }
        let first = 1 + routes.count
        table.use { state in
            for index in connections.indices {
                connections[index].proceed(items[first + 2 * index], items[first + 2 * index + 1], &state)
            }
        }
        for (index, route) in routes.enumerated() where items[1 + index].can_read { accept(route) }
    }

    private mutating func accept(_ route: LinkProxy.Route) {
        while connections.count < LinkProxy.mostConnections {
            let incoming = clinux_accept(route.listener)
            if incoming < 0 {
                isExhausted = incoming != -EAGAIN && incoming != -ECONNABORTED
                return
            }
            table.use { connections.append(LinkConnection(incoming, route, &$0)) }
        }
    }
}
