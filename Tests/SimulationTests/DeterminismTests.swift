import Measures
import Scenario
import Testing

@testable import Simulation

/// A small and busy rehearsal on the committed deployment: churn, and a fault in the middle.
private func rehearsal(_ name: String, _ overrides: [String] = []) throws -> Scenario {
    try committed(
        name,
        [
            "horizon=150s", "timeline.0.at=30s", "timeline.0.for=70s",
            "populations.vietnam.traffic.concurrent=2", "populations.americas.traffic.concurrent=1.5",
            "populations.vietnam.duration.mean=4min", "populations.americas.duration.mean=4min",
        ] + overrides)
}

@Suite struct DeterminismTests {
    @Test(arguments: ["region-loss", "region-loss-refused", "region-power-loss", "wan-partition"])
    func everyExecutorGivesTheSame(name: String) throws {
        try runEveryWay(rehearsal(name))
    }

    @Test(arguments: ["geo-dns", "proxied-dns", "pinned"])
    func everyExecutorGivesTheSameUnderSteering(_ steering: String) throws {
        try runEveryWay(rehearsal("region-loss", ["steering=\(steering)"]))
    }

    @Test func everyExecutorGivesTheSameFromAnEmptyStart() throws {
        try runEveryWay(rehearsal("region-loss", ["initial=empty"]))
    }

    /// Several faults at once: processes die and return while the link and the site are down.
    @Test(arguments: [
        [
            "at: 10s, for: 20s, fault: server-kill, server: us/nats-0",
            "at: 12s, for: 5s, fault: relay-kill, relay: us/ws-0",
        ],
        ["at: 10s, for: 30s, fault: wan-cut, link: us/sgp", "at: 20s, for: 8s, fault: power-loss, site: sgp"],
        ["at: 10s, for: 35s, fault: black-hole, site: sgp", "at: 15s, for: 20s, fault: refused, site: us"],
        [
            "at: 10s, for: 1s, fault: relay-kill, relay: sgp/wt-0",
            "at: 11s, for: 1s, fault: relay-kill, relay: us/wt-0",
            "at: 12s, for: 10s, fault: round-trip, link: us/sgp, to: 80ms",
            "at: 14s, for: 10s, fault: server-kill, server: sgp/nats-0",
        ],
    ])
    func everyExecutorGivesTheSameUnderSeveralFaults(_ faults: [String]) throws {
        try runEveryWay(
            scenario(
                calls(
                    horizon: "70s", steering: "election", sets: ["client: { webtransport-blocked: 40% }"],
                    faults: faults, deployment: Place.two(servers: (2, 2)))))
    }

    /// Relays and servers at their limits: copies are dropped, queues wait, and processes die with work in hand.
    @Test func everyExecutorGivesTheSameUnderOverload() throws {
        let relays = "[{ transport: ws, cpu: 10m }, { transport: wt, threads: 3, cpu: 10m }]"
        let made = try scenario(
            calls(
                horizon: "40s", local: 3,
                sets: ["relay: { mailbox: 1, delivery-cost: 40us }", "nats: { message-cost: 60us }"],
                faults: [
                    "at: 10s, for: 5s, fault: relay-kill, relay: us/wt-0",
                    "at: 20s, for: 5s, fault: server-kill, server: us/nats-0",
                    "at: 20s, for: 3s, fault: relay-kill, relay: sgp/ws-0",
                    "at: 26s, for: 5s, fault: server-kill, server: us/nats-1",
                ],
                deployment: Place.two(servers: (2, 1), cpu: "cpu: 10m", relays: relays)))
        let outcome = try runEveryWay(made)
        #expect(outcome.lost(.mailboxFull) > 100)
        #expect(outcome.lost(.serverDead) > 0)
    }

    @Test func everyExecutorGivesTheSameInThreeRegions() throws {
        let outcome = try runEveryWay(scenario(ThreeRegions.text))
        #expect(outcome.ledger.total(of: .audio, path: .crossRegion).delivered > 1_000)
    }

    /// Random faults, steering, sizes, limits and settings.
    @Test func everyExecutorGivesTheSameInRandomScenarios() throws {
        var random = TestRandom(seed: 12)
        var accepted = 0
        while accepted < 20 {
            // A fault that hits nothing is refused: then the next draw has its turn.
            guard let made = try? scenario(RandomScenarios.text(&random)) else { continue }
            accepted += 1
            try runEveryWay(made)
        }
    }

    @Test func narrowerWindowsGiveTheSame() throws {
        let made = try rehearsal("region-power-loss")
        let wide = try run(made)
        for narrowing in 1...2 {
            var options = SimulationOptions()
            options.narrowing = narrowing
            let narrow = try simulate(made, replication: 0, options: options)
            #expect(narrow.fingerprint == wide.fingerprint)
            #expect(narrow.ledger == wide.ledger)
        }
    }

    @Test func anotherSeedOrReplicationIsAnotherRun() throws {
        let first = try run(rehearsal("wan-partition"))
        let again = try run(rehearsal("wan-partition"))
        let otherSeed = try run(rehearsal("wan-partition", ["seed=2"]))
        let otherReplication = try run(rehearsal("wan-partition"), replication: 1)
        #expect(first.fingerprint == again.fingerprint)
        #expect(first.ledger == again.ledger)
        #expect(Set([first.fingerprint, otherSeed.fingerprint, otherReplication.fingerprint]).count == 3)
    }
}

/// Three regions, each with a gateway to both others.
private enum ThreeRegions {
    static let text =
        """
        horizon: 60s
        seed: 5
        steering: election
        populations:
          asia: { region: sgp, round-trips: { us: 230ms, sgp: 5ms, eu: 170ms }, traffic: { constant: 2 },
            sizes: { "2-4": 100% }, cross-region: { with: europe, share: 100% } }
          america: { region: us, round-trips: { us: 5ms, sgp: 230ms, eu: 80ms }, traffic: { constant: 2 },
            sizes: { "2-4": 100% }, cross-region: { with: asia, share: 100% } }
          europe: { region: eu, round-trips: { us: 80ms, sgp: 170ms, eu: 5ms }, traffic: { constant: 2 },
            sizes: { "2-4": 100% }, cross-region: { with: america, share: 100% } }
        timeline:
          - { at: 10s, for: 20s, fault: wan-cut, link: us/eu }
          - { at: 15s, for: 10s, fault: refused, site: sgp }
          - { at: 20s, for: 15s, fault: black-hole, site: eu }

        """ + "deployment:\n  regions:\n"
        + Place.region("us", "nyc1", node: 1, servers: 2, remotes: [("sgp", 2), ("eu", 3)])
        + Place.region("sgp", "sgp1", node: 2, servers: 1, remotes: [("us", 1), ("eu", 3)])
        + Place.region("eu", "fra1", node: 3, servers: 2, remotes: [("us", 1), ("sgp", 2)])
        + "  links:\n    - { between: us/sgp, round-trip: 234ms }\n"
        + "    - { between: us/eu, round-trip: 80ms, bandwidth: 100Mbit/s }\n"
        + "    - { between: sgp/eu, round-trip: 170ms }\n"
}
