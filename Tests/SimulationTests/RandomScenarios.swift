import Scenario

/// Uniform numbers for tests (SplitMix64).
struct TestRandom {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func bits() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    /// A number in `0..<bound`.
    mutating func below(_ bound: Int) -> Int { Int(UInt64(bound).multipliedFullWidth(by: bits()).high) }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
}

/// Small scenarios with random faults, steering, sizes, limits and settings.
enum RandomScenarios {
    /// The text of one; some are refused by the reader (a fault that hits nothing), the caller draws again.
    static func text(_ random: inout TestRandom) -> String {
        let servers = (1 + random.below(3), 1 + random.below(2))
        let cpu = random.pick(["", "", "cpu: 100m", "cpu: 20m"])
        let limit = random.pick(["", "", ", cpu: 100m", ", cpu: 20m"])
        let relays =
            "[{ transport: ws, threads: \(1 + random.below(3)), replicas: \(1 + random.below(2))\(limit) }, "
            + "{ transport: wt, threads: \(1 + random.below(3))\(limit) }]"
        let roundTrip = random.pick(["234ms", "234ms", "40ms", "90ms", "900ms"])
        let steering = random.pick(["election", "election", "pinned", "geo-dns", "proxied-dns"])
        var lines = [
            "horizon: \(40 + random.below(60))s", "start: 2026-11-17T13:30:00Z",
            "initial: \(random.pick(["steady", "steady", "empty"]))", "seed: \(random.below(1_000_000))",
            "steering: \(steering)",
            "relay: { mailbox: \(random.pick(["1", "2", "16"])), client-timeout: \(random.pick(["10s", "30s"])), "
                + "delivery-cost: \(random.pick(["5.6us", "5.6us", "60us"])) }",
            "nats: { message-cost: \(random.pick(["350ns", "350ns", "80us"])), "
                + "\(random.pick(["", "", "send-buffer-size: 4KiB, maximum-pending: 16KiB, "]))"
                + "flush-wake-up: \(random.pick(["0s", "55us"])) }",
            "client: { websocket-timeout: \(random.pick(["15s", "40s", "924s"])), "
                + "quic-idle-timeout: \(random.pick(["10s", "30s"])), webtransport-blocked: 30% }",
            "media: { diagnostics: \(random.pick(["true", "false"])), microphone-on: 90% }",
            "populations:",
        ]
        let population = { (name: String, place: String, region: String, other: String, random: inout TestRandom) in
            """
              \(name):
                place: \(place)
                region: \(region)
                access: \(random.pick(["fibre", "wifi", "lte", "busy-wifi"]))
                traffic: { concurrent: \(1 + random.below(3)) }
                duration: { mean: \(1 + random.below(3))min }
                sizes: { "2": 60%, "3-5": 40% }
                cross-region: { with: \(other), share: 50% }
            """
        }
        lines.append(population("asia", "ho-chi-minh", "sgp", "america", &random))
        lines.append(population("america", "new-york", "us", "asia", &random))
        lines.append("timeline:")
        for _ in 0...random.below(4) { lines.append(fault(&random, servers)) }
        return lines.joined(separator: "\n") + "\n"
            + Place.two(roundTrip: roundTrip, servers: servers, cpu: cpu, relays: relays)
    }

    private static func fault(_ random: inout TestRandom, _ servers: (Int, Int)) -> String {
        let region = random.pick(["us", "sgp"])
        let count = region == "us" ? servers.0 : servers.1
        let what =
            random.pick([
                "black-hole, site: \(region)", "power-loss, site: \(region)", "refused, site: \(region)",
                "wan-cut, link: us/sgp", "round-trip, link: us/sgp, to: \(50 + random.below(500))ms",
                "server-kill, server: \(region)/nats-\(random.below(count))",
                "relay-kill, relay: \(region)/\(random.pick(["ws", "wt"]))-0",
            ])
        return "  - { at: \(1 + random.below(50_000))ms, for: \(1 + random.below(40_000))ms, fault: \(what) }"
    }
}
