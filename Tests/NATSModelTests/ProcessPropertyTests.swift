import EventKernel
import NATSModel
import Testing

/// Clusters of a few servers whose configurations hang together, started one by one.
private struct RandomSuperCluster {
    var network = ProcessNetwork()
    var clusters: [[String]] = []
    var configurations: [ServerConfiguration] = []
    var random: Splitmix

    init(seed: UInt64) {
        random = Splitmix(state: seed)
        for cluster in 0..<(1 + random.below(4)) {
            clusters.append((0...random.below(3)).map { "c\(cluster)-\($0)" })
        }
        for (number, servers) in clusters.enumerated() {
            for (index, server) in servers.enumerated() {
                // Each server knows an earlier one of its cluster, and each cluster's first an earlier cluster.
                var routes = index == 0 ? [] : ["\(servers[random.below(index)])/route"]
                if random.below(3) == 0 { routes = servers.map { "\($0)/route" } }
                var remotes: [(String, [String])] = []
                for other in 0..<number where index == 0 && other == number - 1 || random.below(4) == 0 {
                    let peers = clusters[other]
                    remotes.append(("c\(other)", ["\(peers[random.below(peers.count)])/gateway"]))
                }
                configurations.append(gated(server, remotes: remotes, routes: routes))
            }
        }
        for first in clusters.joined() {
            for second in clusters.joined() where first < second {
                network.delays[[first, second]] = .microseconds(Int64(200 + random.below(20_000)))
            }
        }
    }

    mutating func startAll() {
        var waiting = configurations
        while !waiting.isEmpty {
            network.start(waiting.remove(at: random.below(waiting.count)))
            network.run(.milliseconds(Int64(random.below(400))))
        }
    }

    /// Lets time pass until nothing more comes up by itself.
    mutating func settle() -> Bool {
        network.markChange()
        for _ in 0..<600 {
            network.run(.milliseconds(100))
            if !network.isSettling { return true }
        }
        return false
    }

    /// The servers that lack a connection which they should have.
    var incomplete: [String] {
        clusters.joined().filter { server in
            let own = clusters.first { $0.contains(server) } ?? []
            let others = Set(clusters.filter { $0 != own }.map { String($0[0].prefix(2)) })
            return network.routes(server) != own.filter { $0 != server }
                || Set(network.outbound(server).keys) != others
        }
    }
}

@Suite struct ProcessPropertyTests {
    @Test func whateverHangsTogetherBecomesAMesh() {
        for seed in UInt64(0)..<150 {
            var cluster = RandomSuperCluster(seed: seed)
            cluster.startAll()
            let isSettled = cluster.settle()
            #expect(isSettled, "seed \(seed) does not settle")
            #expect(cluster.incomplete == [], "seed \(seed)")
        }
    }

    /// Every server's interest is known once to every other cluster and to each server of its own.
    @Test func interestIsKnownEverywhere() {
        for seed in UInt64(0)..<60 {
            var cluster = RandomSuperCluster(seed: seed)
            let servers = Array(cluster.clusters.joined())
            cluster.startAll()
            let early = cluster.random.below(2) == 0
            if !early { _ = cluster.settle() }
            for server in servers {
                cluster.network.connect("client \(server)", to: server)
                cluster.network.subscribe("client \(server)", "all.*")
                cluster.network.subscribe("client \(server)", "only.\(server)", queue: "q", sid: 2)
            }
            let isSettled = cluster.settle()
            #expect(isSettled, "seed \(seed) does not settle")
            cluster.network.run(.seconds(1))
            for server in servers {
                let own = cluster.clusters.first { $0.contains(server) } ?? []
                #expect(cluster.network.processes[server]?.subscriptionCount == 2 * own.count, "seed \(seed)")
                for (number, peers) in cluster.clusters.enumerated() where peers != own {
                    let known = cluster.network.processes[server]?.outboundGateways["c\(number)"]?.interest
                    #expect(known == 1 + peers.count, "seed \(seed)")
                }
            }
            cluster.network.publish("client \(servers[0])", "all.x")
            cluster.network.run(.seconds(1))
            for server in servers { #expect(cluster.network.messages("client \(server)") == 1, "seed \(seed)") }
        }
    }

    /// A killed server leaves nothing behind, and comes back as it was where it or its peers are configured to.
    @Test func aKilledAndRestartedServerIsBackInTheMesh() {
        for seed in UInt64(0)..<60 {
            var cluster = RandomSuperCluster(seed: seed)
            cluster.startAll()
            _ = cluster.settle()
            let servers = Array(cluster.clusters.joined())
            let victim = servers[cluster.random.below(servers.count)]
            cluster.network.kill(victim)
            let isSettled = cluster.settle()
            #expect(isSettled, "seed \(seed) does not settle after the kill")
            for server in servers where server != victim {
                #expect(!cluster.network.routes(server).contains(victim), "seed \(seed)")
                #expect(!cluster.network.outbound(server).values.contains(victim), "seed \(seed)")
            }
            cluster.network.restart(victim)
            let isSettledAgain = cluster.settle()
            #expect(isSettledAgain, "seed \(seed) does not settle after the restart")
            #expect(cluster.incomplete == [], "seed \(seed)")
        }
    }
}
