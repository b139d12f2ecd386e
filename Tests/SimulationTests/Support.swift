import CallModel
import EventKernel
import Foundation
import Measures
import Scenario
import Testing

@testable import Simulation

/// The two-region deployment of these tests: cluster and gateway names are the regions'.
enum Place {
    /// One region of a deployment.
    ///
    /// - Parameters:
    ///   - cpu: lines of limits for the NATS servers, for example `cpu: 20m`.
    ///   - relays: the list of relay groups.
    static func region(
        _ name: String, _ site: String, node: Int, servers: Int, remotes: [(String, Int)],
        cpu: String = "", relays: String = "[{ transport: ws, threads: 2 }, { transport: wt, threads: 2 }]"
    ) -> String {
        let list = remotes.map { "{ name: \($0.0), urls: [\"nats://10.100.0.\($0.1):30722\"] }" }
        return """
                \(name):
                  site: \(site)
                  node-pool: { size: s-2vcpu-4gb, count: 1, address: 10.100.0.\(node) }
                  nats:
                    servers: \(servers)
                    version: 2.9.10
                    cluster-name: \(name)
                    \(cpu)
                    gateway:
                      name: \(name)
                      node-port: 30722
                      advertise: 10.100.0.\(node):30722
                      remotes: [\(list.joined(separator: ", "))]
                  relays: \(relays)

            """
    }

    /// Two regions with a link.
    static func two(
        roundTrip: String = "234ms", servers: (Int, Int) = (1, 1), cpu: String = "",
        relays: String = "[{ transport: ws, threads: 2 }, { transport: wt, threads: 2 }]"
    ) -> String {
        "deployment:\n  regions:\n"
            + region("us", "nyc1", node: 1, servers: servers.0, remotes: [("sgp", 2)], cpu: cpu, relays: relays)
            + region("sgp", "sgp1", node: 2, servers: servers.1, remotes: [("us", 1)], cpu: cpu, relays: relays)
            + "  links: [{ between: us/sgp, round-trip: \(roundTrip) }]\n"
    }
}

/// Reads a scenario from its text.
func scenario(_ text: String, _ overrides: [String] = []) throws -> Scenario {
    try ScenarioReader.parse(text: text, file: "test.yaml", overrides: overrides).scenario
}

/// The repository that these tests lie in.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// Reads a scenario that comes with the repository.
func committed(_ name: String, _ overrides: [String] = []) throws -> Scenario {
    try ScenarioReader.load(
        path: repository.appendingPathComponent("scenarios/\(name).yaml").path, overrides: overrides
    ).scenario
}

/// Runs one replication and checks what must hold in every run: the ledger balances and no rule is violated.
@discardableResult
func run(
    _ scenario: Scenario, replication: UInt32 = 0, threads: Int = 1,
    executor: SimulationOptions.Executor = .windows, location: SourceLocation = #_sourceLocation
) throws -> Outcome {
    let outcome = try simulate(
        scenario, replication: replication,
        options: SimulationOptions(executor: executor, threads: threads))
    #expect(outcome.violations == [], sourceLocation: location)
    #expect(outcome.ledger.isBalanced, sourceLocation: location)
    return outcome
}

/// Runs with windows, with two threads and with the reference executor, and expects equal results.
@discardableResult
func runEveryWay(_ scenario: Scenario, location: SourceLocation = #_sourceLocation) throws -> Outcome {
    let windows = try run(scenario, location: location)
    let threads = try run(scenario, threads: 2, location: location)
    let reference = try run(scenario, executor: .reference, location: location)
    for other in [threads, reference] {
        #expect(windows.fingerprint == other.fingerprint, sourceLocation: location)
        #expect(windows.ledger == other.ledger, sourceLocation: location)
        #expect(windows.events == other.events, sourceLocation: location)
    }
    return windows
}

extension Outcome {
    /// The value of a response; `nil` if it has none.
    func response(_ name: String) -> Double? { responses.first { $0.name == name }?.value }

    func lost(_ cause: LossCause) -> Int64 { ledger.total().lost[Int(cause.rawValue)] }

    /// Times of the journal's entries whose text contains `text`.
    func times(of text: String, subject: String? = nil) -> [SimTime] {
        journal.filter { $0.text.contains(text) && (subject == nil || $0.subject == subject!) }.map(\.time)
    }

    /// Expected pairs of each second, class and path, in order.
    var expectedSeries: [Int64] { series.map(\.expected) }
}
