import CallModel
import Measures
import NATSModel
import Scenario
import Testing

@testable import Simulation

/// CPU of a server against what was measured on nats-server 2.9.10 (docs/measurements.md): microseconds a message.
@Suite struct ServerCostTests {
    /// Which server of the path is looked at.
    enum Path: String, CaseIterable {
        case nobody, local, tenLocal, routePublisher, routeSubscriber, gatewayPublisher, gatewaySubscriber

        var subscribers: String {
            switch self {
            case .nobody: "us/nats-1"
            case .local: "us/nats-0"
            case .tenLocal: Array(repeating: "us/nats-0", count: 10).joined(separator: ", ")
            case .routePublisher, .routeSubscriber: "us/nats-1"
            case .gatewayPublisher, .gatewaySubscriber: "sgp/nats-0"
            }
        }

        var region: Int { self == .gatewaySubscriber ? 1 : 0 }
        var server: Int { self == .routeSubscriber ? 1 : 0 }
    }

    struct Load {
        /// Microseconds of CPU for each message.
        var cost: Double
        /// Cores.
        var cores: Double
        /// Milliseconds.
        var p50: Double
        var p99: Double
        var deliveredPerSecond: Double
    }

    private static func load(
        _ path: Path, rate: Int, size: Int, cpu: String = "", seconds: Int = 4
    ) throws -> Load {
        let subject = path == .nobody ? "none" : "probe"
        let text =
            """
            horizon: \(seconds)s
            publishers: [{ server: us/nats-0, subject: \(subject), rate: \(rate)/s, size: \(size)B, subscribers:
              [\(path.subscribers)] }]
            """ + "\n" + Place.two(roundTrip: "2ms", servers: (2, 1), cpu: cpu)
        var scenario = try scenario(text)
        if path == .nobody { scenario.publishers[0].subscribers = [] }
        let run = try Run(scenario, replication: 0, options: SimulationOptions())
        try run.run()
        let busy = run.domains[pointer: path.region].pointee.cpuWhilePublishing(server: path.server)
        let raw = run.domains[pointer: path == .gatewaySubscriber ? 1 : 0].pointee.raw
        let messages = Double(rate * seconds - 1)
        return Load(
            cost: Double(busy) / 1e3 / messages, cores: Double(busy) / 1e9 / Double(seconds),
            p50: raw.latency.quantile(0.5).map { Double($0) / 1e6 } ?? 0,
            p99: raw.latency.quantile(0.99).map { Double($0) / 1e6 } ?? 0,
            deliveredPerSecond: Double(raw.delivered) / Double(seconds))
    }

    private static let table: [(path: Path, rate: Int, measured: [Double?])] = [
        (.nobody, 1_000, [56, 71, 64]), (.nobody, 10_000, [30, 33, 32]),
        (.local, 1_000, [120, 174, 150]), (.local, 10_000, [52, 55, 67]),
        (.tenLocal, 1_000, [318, 335, 501]), (.tenLocal, 10_000, [75, 89, nil]),
        (.routePublisher, 1_000, [91, 119, 121]), (.routePublisher, 10_000, [46, 48, 50]),
        (.routeSubscriber, 1_000, [104, 98, 112]), (.routeSubscriber, 10_000, [42, 47, 44]),
        (.gatewayPublisher, 1_000, [126, 94, 125]), (.gatewayPublisher, 10_000, [41, 41, 45]),
        // At 10,000/s 28 us for 1 KB, and 39 us for 8 KB are left out: less than for 100 B, and less than when
        // saturated.
        (.gatewaySubscriber, 1_000, [94, 116, 168]), (.gatewaySubscriber, 10_000, [37, nil, nil]),
    ]

    @Test func theCostOfAMessageIsTheMeasuredOneWithin30Percent() throws {
        for row in Self.table {
            for (size, measured) in zip([100, 1_024, 8_192], row.measured) {
                let cost = try Self.load(row.path, rate: row.rate, size: size, seconds: 2).cost
                guard let measured else { continue }
                #expect(abs(cost / measured - 1) < 0.3, "\(row.path) \(row.rate)/s \(size) B: \(cost) us")
            }
        }
    }

    /// A quota shows as steps of latency long before the mean load reaches it, and at 4000/s what waited through the
    /// rest of a period is read at once and so costs less: 200m carry it.
    @Test(
        arguments: [
            ("cpu: 300m", 1_000, 0.27, nil), ("cpu: 300m", 2_000, 0.28, 40), ("cpu: 300m", 4_000, nil, 66),
            ("cpu: 200m", 500, 0.22, nil), ("cpu: 200m", 1_000, 0.23, nil), ("cpu: 200m", 2_000, 15, 69),
            ("cpu: 200m", 4_000, 28, 78), ("", 500, 0.28, nil), ("", 4_000, 0.27, nil),
        ] as [(String, Int, Double?, Double?)])
    func aQuotaShowsAsMeasured(_ cpu: String, _ rate: Int, _ p50: Double?, _ p99: Double?) throws {
        let load = try Self.load(.tenLocal, rate: rate, size: 1_024, cpu: cpu)
        if let p50 { #expect(abs(load.p50 / p50 - 1) < 0.3, "p50 \(load.p50)") }
        if let p99 { #expect(abs(load.p99 / p99 - 1) < 0.3, "p99 \(load.p99)") }
    }

    /// What a server carries at the most: measured 45,600/s, 20,900/s and 11,800/s.
    @Test(arguments: [("", 45_600.0), ("cpu: 300m", 20_900), ("cpu: 200m", 11_800)])
    func anOverloadedServerCarriesWhatWasMeasured(_ cpu: String, _ measured: Double) throws {
        let load = try Self.load(.tenLocal, rate: 80_000, size: 1_024, cpu: cpu, seconds: 2)
        #expect(abs(load.deliveredPerSecond / 10 / measured - 1) < 0.3, "\(load.deliveredPerSecond)")
    }

    /// A crowd pays no wake-ups: what is left is the saturated fit.
    @Test func aBusyServerPaysNoWakeUps() {
        var processor = Processor(threads: 1, milliCPU: nil, wakeUpShare: 800)
        let first = processor.serve(arrival: 1_000_000_000, cost: 1_000, wakeUp: 100_000, latency: 20_000)
        let second = processor.serve(arrival: 1_000_000_000, cost: 1_000, wakeUp: 100_000, latency: 20_000)
        #expect([first, second] == [1_000_021_000, 1_000_022_000])
        // 100 us x 800 ms / 800.1 ms.
        #expect(processor.beside == 99_987)
        #expect(processor.busy == 2_000)
    }

    /// After 125 us of rest wake-ups can have had 100 us, so one of 100 us counts half.
    @Test func aShortRestHalvesTheWakeUp() {
        var processor = Processor(threads: 1, milliCPU: nil, wakeUpShare: 800)
        _ = processor.serve(arrival: 125_000, cost: 1_000, wakeUp: 100_000, latency: 20_000)
        #expect(processor.beside == 50_000)
    }

    /// The wake-up takes 15 of 20 ms. The next item has 4 ms left and takes 10: it ends in the next period.
    @Test func wakeUpsTakeBudget() {
        var processor = Processor(threads: 1, milliCPU: 200, wakeUpShare: 1_000)
        let first = processor.serve(arrival: 1_015_000_000, cost: 1_000_000, wakeUp: 15_228_427, latency: 0)
        let second = processor.serve(arrival: 1_016_000_000, cost: 10_000_000, wakeUp: 0, latency: 0)
        #expect(processor.beside == 15_000_000)
        #expect([first, second] == [1_016_000_000, 1_106_000_000])
    }

    /// What is missing is taken from the periods to come, and everything waits for them.
    @Test func aWakeUpBeyondTheBudgetStopsTheProcess() {
        var processor = Processor(threads: 1, milliCPU: 10, wakeUpShare: 1_000)
        let departure = processor.serve(arrival: 1_000_000_000, cost: 500_000, wakeUp: 2_000_000, latency: 0)
        #expect(departure == 1_000_500_000)
        #expect(processor.free == 1_200_000_000)
        #expect(processor.load == processor.busy + processor.beside)
    }

    /// Published for the real service (videocall-rs docs/server-sizing-guide.md); this model, with few connections
    /// and no crowd, says several times as much. The test keeps docs/measurements.md honest.
    @Test func aMeetingOfTwentyCostsWhatTheDocumentationSays() throws {
        let text =
            """
            horizon: 60s
            start: 2026-11-17T13:30:00Z
            initial: steady
            populations:
              america:
                place: new-york
                region: us
                access: fibre
                traffic: { concurrent: 1 }
                duration: { mean: 600min }
                sizes: { "20": 100% }

            """ + Place.two()
        var meeting = try scenario(text)
        // A seed with one meeting, everyone in it.
        let seed = try (UInt64(1)...400).first { seed in
            var other = meeting
            other.seed = seed
            let people = try World(other, replication: 0).people
            return people.count == 20 && people.allSatisfy(\.isInProgress)
        }
        meeting.seed = try #require(seed)
        let run = try Run(meeting, replication: 0, options: SimulationOptions())
        try run.run()
        let processor = run.domains[pointer: 0].pointee.servers[pointer: 0].pointee.station.processor
        let cores = Double(processor.busy + processor.beside) / 60e9
        print("MEETING people", run.world.people.count, "messages/s", processor.served / 60, "cores", cores)
        #expect(abs(cores - 0.181) < 0.001)
    }
}
