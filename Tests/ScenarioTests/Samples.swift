import Foundation
import Scenario

/// Texts that are right, for tests that make one thing wrong.
enum Samples {
    /// Two regions with every kind of key. Line 1 is `regions:`.
    static let deployment = """
        regions:
          us-east:
            site: nyc1
            node-pool: { size: s-2vcpu-4gb, count: 1, address: 10.100.0.2 }
            nats:
              servers: 2
              version: 2.9.10
              cluster-name: us-east
              gateway:
                name: us-east
                node-port: 30722
                advertise: 10.100.0.2:30722
                remotes: [{ name: singapore, urls: ["nats://10.110.0.2:30722"] }]
            relays: [{ transport: ws }, { transport: wt, replicas: 2, cpu: 500m }]
          singapore:
            site: sgp1
            node-pool: { size: s-2vcpu-4gb, count: 1, address: 10.110.0.2 }
            nats:
              servers: 1
              version: 2.9.10
              gateway:
                name: singapore
                node-port: 30722
                advertise: 10.110.0.2:30722
                remotes: [{ name: us-east, urls: ["nats://10.100.0.2:30722"] }]
            relays: [{ transport: ws }]
        links:
          - { between: us-east/singapore, round-trip: 234ms }

        """

    /// A scenario with that deployment inline; the population is `vietnam`. Lines 1 to 14 hold everything but the
    /// deployment, so that positions in tests stay put.
    static let scenario = scenario()

    /// The same with lines replaced: `changes[n]` stands for line `n`, `extra` for more lines before the deployment.
    static func scenario(_ changes: [Int: String] = [:], extra: String = "") -> String {
        var lines = [
            "horizon: 10min",
            "start: 2026-11-17T13:30:00Z",
            "populations:",
            "  vietnam:",
            "    place: ho-chi-minh",
            "    region: singapore",
            "    traffic: { concurrent: 4 }",
            "    sizes: { \"2\": 60%, \"3-4\": 40% }",
            "  americas:",
            "    place: new-york",
            "    region: us-east",
            "    traffic: { arrivals: 6/h }",
            "    sizes: { \"2\": 100% }",
            "seed: 7",
        ]
        for (line, text) in changes { lines[line - 1] = text }
        let indented = deployment.split(separator: "\n").map { "  " + $0 }
        return (lines + (extra.isEmpty ? [] : [extra]) + ["deployment:"] + indented).joined(separator: "\n") + "\n"
    }

    /// The repository's root, from the place of this file.
    static var root: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }
}

/// The one line that reading `text` ends with; `nil` if it is accepted.
func complaint(_ text: String, overrides: [String] = []) -> String? {
    do throws(ScenarioError) {
        _ = try ScenarioReader.parse(text: text, file: "x.yaml", overrides: overrides)
        return nil
    } catch {
        return error.description
    }
}

func complaint(bytes: [UInt8]) -> String? {
    do throws(ScenarioError) {
        _ = try ScenarioReader.parse(bytes: bytes, file: "x.yaml")
        return nil
    } catch {
        return error.description
    }
}
