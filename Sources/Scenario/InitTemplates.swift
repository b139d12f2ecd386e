/// Commented files to start from, for `antipode init`.
public enum InitTemplates {
    /// A deployment of two regions under the given names, sized like the seed's.
    ///
    /// - Parameters:
    ///   - first: a region's name; letters, digits, `-` and `_`.
    ///   - second: the other one's.
    public static func deployment(first: String = "east", second: String = "west") -> String {
        """
        # A deployment: regions with NATS servers and relays, and the links between them.
        # Every key is explained in docs/reference.md. Replace what differs at your place.
        name: my-deployment

        regions:
        \(region(first, other: second, site: "nyc1", network: 100))
        \(region(second, other: first, site: "sgp1", network: 110))
        links:
          # Measure it: ping from a pod of one region to a node of the other.
          - between: \(first)/\(second)
            round-trip: 234ms
            bandwidth: 1Gbit/s

        """
    }

    private static func region(_ name: String, other: String, site: String, network: Int) -> String {
        let peer = network == 100 ? 110 : 100
        return """
              \(name):
                # Data centre. Places know their round trips to nyc1 and sgp1; for others a population gives its own.
                site: \(site)
                vpc: 10.\(network).0.0/16 # information only
                node-pool:
                  size: s-2vcpu-4gb
                  count: 1
                  address: 10.\(network).0.2 # the node whose NodePort the other region dials
                nats:
                  servers: 3
                  version: 2.9.10
                  cluster-name: \(name) # must equal the gateway's name, or nats-server does not start
                  cpu: 400m # limit of one server; leave it out for none
                  gateway:
                    name: \(name)
                    port: 7222
                    node-port: 30722
                    advertise: 10.\(network).0.2:30722 # without it, servers give out their pod addresses
                    remotes:
                      - name: \(other) # exactly the other side's gateway name
                        urls: ["nats://10.\(peer).0.2:30722"]
                relays:
                  - { transport: ws, replicas: 1, cpu: 1000m, threads: 2 } # WebSocket
                  - { transport: wt, replicas: 1, cpu: 1000m, threads: 2 } # WebTransport

            """
    }

    /// A rehearsal of losing the second region, on the deployment file of the given name beside it.
    public static func scenario(
        deployment: String = "my-deployment.yaml", first: String = "east", second: String = "west"
    ) -> String {
        """
        # A rehearsal: who calls, what fails, and what must hold.
        # Run it with: antipode run my-scenario.yaml
        # Every key is explained in docs/reference.md; values carry units (40ms, 5min, 64KiB, 10Mbit/s, 4%).
        name: my-scenario
        kind: terminating
        start: 2026-11-17T13:30:00Z # sets local hours
        initial: steady # calls in progress at time zero as on any such day
        horizon: 10min
        seed: 1
        replications: 5 # intervals come from these
        deployment: \(deployment)
        profile: videocall-2026
        steering: election # or geo-dns, proxied-dns, pinned

        populations:
          near-\(first):
            region: \(first)
            # A known place (new-york, ho-chi-minh, london ...), or round-trips and utc-offset of your own.
            place: new-york
            access: cable # fibre, cable, wifi, busy-wifi, lte, 5g
            traffic: { concurrent: 5 } # mean number of calls in progress; or { arrivals: 6/h }, { constant: 5 }
            diurnal: business # flat, business, social
            sizes: { "2": 60%, "3-4": 40% } # participants of a call
            duration: { mean: 52min, variation: 0.8 }
          near-\(second):
            region: \(second)
            round-trips: { \(first): 250ms, \(second): 30ms } # without the last mile
            utc-offset: +7
            access: wifi
            traffic: { concurrent: 5 }
            diurnal: social
            sizes: { "2": 60%, "3-4": 40% }
            cross-region: { with: near-\(first), share: 10% }

        # Settings of the models, where yours differ; antipode prints which guesses a run rests on.
        client:
          webtransport-blocked: 4% # networks that drop UDP

        timeline:
          # black-hole, power-loss, refused (site: ...), wan-cut, round-trip (link: ...), server-kill, relay-kill
          - at: 2min
            for: 4min
            fault: black-hole
            site: \(second)

        expect:
          - { response: delivery.audio.all.before.400ms, at-least: 95% }
          - { response: delivery.audio.all.after.ever, at-least: 90% }
          - { response: people.returned, at-least: 80% }

        """
    }
}
