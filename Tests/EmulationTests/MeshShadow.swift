import EventKernel
import NATSModel
import Routing

@testable import Emulation

/// What a healthy super-cluster without failures of packets comes to, by counting sets: all running servers of a
/// cluster have routes, and each has a gateway to each other cluster.
struct MeshShadow: ShadowModel {
    struct Client {
        var spec: ClientSpec
        var subscriptions: [String: Subscribe] = [:]
    }

    /// What interest is about.
    struct Key: Hashable {
        var subject: String
        var queue: String?
    }

    var name: String { "full meshes" }
    var version = ServerVersion.v2_9_10
    var now = SimTime.start
    private var topology = Topology(servers: [])
    private var running: Set<String> = []
    private var clients: [String: Client] = [:]
    private var receptions: [Reception] = []
    private var crossings = 0
    /// Pairs of clusters that packets do not pass between; connections survive that.
    private var cuts: Set<[String]> = []
    /// What was known before the last cut.
    private var frozen: [String: ServerView] = [:]

    init() {}

    mutating func boot(_ topology: Topology) {
        self.topology = topology
        running = Set(topology.servers.filter(\.startsAtOnce).map(\.name))
        now = now + .seconds(1)
    }

    mutating func perform(_ action: Action, message: MessageNumber) {
        switch action {
        case .connect(let spec): clients[spec.name] = Client(spec: spec)
        case .disconnect(let name): clients[name] = nil
        case .subscribe(let subscribe):
            precondition(clients[subscribe.client]?.subscriptions[subscribe.label] == nil)
            clients[subscribe.client]?.subscriptions[subscribe.label] = subscribe
        case .unsubscribe(let name, let label, _): clients[name]?.subscriptions[label] = nil
        case .publish(let publish): self.publish(publish, message)
        case .kill(let server), .stop(let server), .lameDuck(let server):
            running.remove(server)
            clients = clients.filter { $0.value.spec.server != server }
            now = now + .seconds(1)
        case .start(let server):
            running.insert(server)
            now = now + .seconds(1)
        case .cut(let from, let to, _):
            frozen = views()
            cuts.formUnion([[from, to], [to, from]])
        case .heal(let from, let to, _): cuts.subtract([[from, to], [to, from]])
        }
    }

    private mutating func publish(_ publish: PublishAction, _ message: MessageNumber) {
        guard let publisher = clients[publish.client], let home = topology.server(publisher.spec.server) else { return }
        var reached: Set<String> = []
        for name in clients.keys.sorted() {
            guard let client = clients[name], let server = topology.server(client.spec.server) else { continue }
            for subscription in client.subscriptions.values
            where NATSConnection.pattern(subscription.subject, matches: publish.subject) {
                if server.cluster != home.cluster { reached.insert(server.cluster) }
                if cuts.contains([home.cluster, server.cluster]) { continue }
                if name == publish.client, !publisher.spec.echo { continue }
                receptions.append(
                    Reception(
                        client: name, label: subscription.label, subject: publish.subject, content: .message(message)))
            }
        }
        crossings += reached.count
    }

    mutating func settle() {}
    mutating func wait(_ duration: SimDuration) { now = now + duration }
    mutating func hold(_ check: StateCheck, within: SimDuration) -> [StateDifference] { [] }
    mutating func shutDown() {}

    mutating func takeReceptions() -> [Reception] {
        defer { receptions = [] }
        return receptions
    }

    mutating func takeCrossings() -> Int {
        defer { crossings = 0 }
        return crossings
    }

    func views() -> [String: ServerView] {
        var views: [String: ServerView] = [:]
        for name in running { views[name] = view(of: name) }
        return views
    }

    private func view(of name: String) -> ServerView {
        var view = ServerView()
        let own = topology.server(name)!
        for cluster in topology.clusters where cluster != own.cluster {
            let members = topology.servers(of: cluster).map(\.name).filter(running.contains)
            guard !members.isEmpty, own.gateway != nil else { continue }
            let known = cuts.contains([own.cluster, cluster]) ? frozen[name]?.outbound[cluster] : nil
            view.outbound[cluster] = known ?? Set(members.flatMap(keys)).count
            let first = topology.servers(of: own.cluster).first { running.contains($0.name) }
            if first?.name == name { view.inbound[cluster] = members.count }
        }
        view.routes = topology.servers(of: own.cluster).map(\.name).filter { $0 != name && running.contains($0) }
        view.subscriptions = keys(of: name).count
        for peer in view.routes { view.subscriptions += Set(keys(of: peer)).count }
        return view
    }

    private func keys(of server: String) -> [Key] {
        clients.values.filter { $0.spec.server == server }.flatMap { client in
            client.subscriptions.values.map { Key(subject: $0.subject, queue: $0.queue) }
        }
    }
}

/// Clusters of so many servers with full meshes: us-0, us-1, sgp-0, ...
func meshes(_ sizes: [(cluster: String, size: Int)]) -> Topology {
    var servers: [ServerSpec] = []
    for (cluster, size) in sizes {
        let names = (0..<size).map { "\(cluster)-\($0)" }
        let remotes = sizes.filter { $0.cluster != cluster }.map { remote in
            GatewaySpec.Remote(
                name: remote.cluster,
                urls: (0..<remote.size).map { .server("\(remote.cluster)-\($0)", .gateway) })
        }
        for name in names {
            servers.append(
                ServerSpec(
                    name: name, cluster: cluster, routes: names.filter { $0 != name },
                    gateway: GatewaySpec(name: cluster, remotes: remotes)))
        }
    }
    return Topology(servers: servers)
}
