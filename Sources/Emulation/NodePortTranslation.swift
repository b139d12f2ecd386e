/// A node port inside the switch: the destination of a connection's packets becomes one of the cluster's servers, the
/// source of its answers the node port again, as a Kubernetes node does it.
///
/// The connection itself stays one from end to end, so delay and cuts between its two servers hold for it.
struct NodePortTranslation {
    struct Service {
        /// Numbers of places.
        var servers: [Int]
        var serverPort: UInt16
    }

    struct EndPoint: Hashable {
        var address: Address
        var port: UInt16
    }

    /// Who sends a packet to whom.
    struct Ends: Hashable {
        var source: EndPoint
        var destination: EndPoint
    }

    enum Outcome: Equatable {
        /// Not of a node port.
        case untouched
        case rewritten
        /// Of a node port, but of no connection, or of one too many.
        case dropped
    }

    private struct Entry {
        var becomes: Ends
        /// The packets of the other direction, as they are sent.
        var opposite: Ends
        var lastUse: Int64
        /// A FIN or RST was seen.
        var isEnding = false
    }

    /// More connections are not kept.
    static let mostConnections = 16_384
    /// Of a connection that may be forgotten when there are too many, in nanoseconds.
    private static let longSilence: Int64 = 300_000_000_000

    private var services: [EndPoint: Service] = [:]
    private var entries: [Ends: Entry] = [:]

    mutating func add(_ service: Service, at point: EndPoint) { services[point] = service }

    /// Rewrites the addresses and ports of a packet that goes to or comes from a node port.
    ///
    /// - Parameters:
    ///   - sender: the port of the switch that it came from.
    ///   - now: nanoseconds of any clock that does not go back.
    ///   - address: of a server.
    ///   - port: of the switch that leads to a server.
    ///   - choose: draws one of the servers.
    mutating func rewrite(
        _ packet: inout IPv4Packet, from sender: Int, now: Int64, address: (Int) -> Address,
        port: (Int) -> Int = { $0 }, choose: ([Int]) -> Int
    ) -> Outcome {
        guard !services.isEmpty, let ends = packet.tcpEnds else { return .untouched }
        let service = services[ends.destination]
        if packet.opensConnection, let service, entries[ends]?.isEnding ?? true {
            guard makeRoom(now) else { return .dropped }
            let server = choose(service.servers)
            let target = EndPoint(address: address(server), port: service.serverPort)
            // A kernel that saw its own address as source on a packet from outside would take it for a forgery.
            let source = EndPoint(
                address: port(server) == sender ? ends.destination.address : ends.source.address, port: ends.source.port
            )
            let becomes = Ends(source: source, destination: target)
            forget(ends)
            let answer = Ends(source: target, destination: source)
            entries[ends] = Entry(becomes: becomes, opposite: answer, lastUse: now)
            entries[answer] = Entry(
                becomes: Ends(source: ends.destination, destination: ends.source), opposite: ends, lastUse: now)
        }
        guard let entry = entries[ends] else { return service == nil ? .untouched : .dropped }
        entries[ends]?.lastUse = now
        entries[entry.opposite]?.lastUse = now
        if packet.endsConnection {
            entries[ends]?.isEnding = true
            entries[entry.opposite]?.isEnding = true
        }
        packet.setTCPEnds(entry.becomes)
        return .rewritten
    }

    private mutating func forget(_ ends: Ends) {
        guard let entry = entries.removeValue(forKey: ends) else { return }
        entries.removeValue(forKey: entry.opposite)
    }

    private mutating func makeRoom(_ now: Int64) -> Bool {
        if entries.count < 2 * Self.mostConnections { return true }
        // Both directions of a connection are always used and ended together.
        entries = entries.filter { !$0.value.isEnding && now - $0.value.lastUse < Self.longSilence }
        return entries.count < 2 * Self.mostConnections
    }
}
