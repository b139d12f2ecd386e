import CallModel
import EventKernel
import Measures

/// The responses that follow from a ledger and its series alone, whichever back end filled them.
enum LedgerResponses {
    static func value(_ name: String, _ value: Double?) -> ResponseValue {
        guard let definition = ResponseCatalogue.definition(named: name) else {
            preconditionFailure("\(name) is not in the catalogue of responses")
        }
        return ResponseValue(name: name, unit: definition.unit, value: value)
    }

    /// `delivery.*` but for the number of pairs.
    static func delivery(_ ledger: Ledger) -> [ResponseValue] {
        let paths: [PathKind?] = [nil, .sameRegion, .crossRegion]
        let phases: [Phase?] = [nil, .before, .during, .after]
        var responses: [ResponseValue] = []
        for content in ResponseCatalogue.contents {
            let messageClass = MessageClass.allCases.first { $0.name == content }
            for path in paths {
                for phase in phases {
                    let cell = ledger.total(of: messageClass ?? .video, path: path, phase: phase)
                    for bound in LatencyBound.allCases {
                        let name = ResponseCatalogue.deliveryName(content, path: path, phase: phase, bound: bound)
                        // Decodability is counted without a bound on latency.
                        let got = messageClass == nil ? cell.decodable : cell.deliveredWithin[Int(bound.rawValue)]
                        responses.append(value(name, cell.expected == 0 ? nil : Double(got) / Double(cell.expected)))
                    }
                }
            }
        }
        return responses
    }

    /// `lost.*` and `delivery.expected-pairs`.
    static func losses(_ ledger: Ledger) -> [ResponseValue] {
        let total = ledger.total()
        let lost = LossCause.allCases.map {
            value(ResponseCatalogue.lossName($0), Double(total.lost[Int($0.rawValue)]))
        }
        return lost + [value("delivery.expected-pairs", Double(total.expected))]
    }

    /// The series of a ledger: all three by second, class and path, as `Tally` counts.
    static func series(expected: [Int32], delivered: [Int32], punctual: [Int32]) -> [SeriesRow] {
        let columns = MessageClass.allCases.count * PathKind.allCases.count
        var rows: [SeriesRow] = []
        for second in 0..<(expected.count / columns) {
            for messageClass in MessageClass.allCases {
                for path in PathKind.allCases {
                    let index =
                        second * columns + Int(messageClass.rawValue) * PathKind.allCases.count + Int(path.rawValue)
                    rows.append(
                        SeriesRow(
                            second: Int32(second), path: path, messageClass: messageClass,
                            expected: Int64(expected[index]), delivered: Int64(delivered[index]),
                            within400ms: Int64(punctual[index])))
                }
            }
        }
        return rows
    }
}

extension Tally {
    /// Latencies by class and path, in the order of classes, then paths.
    func latencyHistograms() -> [NamedHistogram] {
        MessageClass.allCases.flatMap { messageClass in
            PathKind.allCases.map { path in
                NamedHistogram(
                    name: "latency.\(messageClass.name).\(path.name)", unit: "ns",
                    histogram: latency(Int(messageClass.rawValue) * PathKind.allCases.count + Int(path.rawValue)))
            }
        }
    }

    /// Adds what receivers got to a ledger.
    func add(to ledger: inout Ledger) {
        for messageClass in MessageClass.allCases {
            for path in PathKind.allCases {
                for phase in Phase.allCases {
                    let index = Tally.cell(messageClass, path, phase)
                    var cell = ledger[messageClass, path, phase]
                    var running: Int64 = 0
                    for bound in LatencyBound.allCases.indices {
                        running += delivered(messageClass, path, phase, bound: bound)
                        cell.deliveredWithin[bound] += running
                    }
                    cell.delivered += running
                    cell.extra += extra[index]
                    if messageClass == .video {
                        cell.decodable +=
                            decodable[Int(path.rawValue) * Phase.allCases.count + Int(phase.rawValue)]
                    }
                    ledger[messageClass, path, phase] = cell
                }
            }
        }
    }
}

/// Pairs that people are entitled to, from intent alone.
struct ExpectedPairs {
    var ledger = Ledger()
    /// By second, class and path, as `Tally` counts deliveries.
    private(set) var bySecond: [Int32]

    init(_ world: World) {
        let seconds = Int((world.horizon + 999_999_999) / 1_000_000_000)
        bySecond = Array(repeating: 0, count: seconds * MessageClass.allCases.count * PathKind.allCases.count)
    }

    /// What a receiver is entitled to of a sender: captures in `from..<to`; `nil`: nothing.
    static func span(_ receiver: Int, _ sender: Int, _ world: World) -> (from: Int64, to: Int64)? {
        let own = world.people[receiver]
        let from = max(0, own.join.nanoseconds)
        let to = min(world.horizon, min(own.leave.nanoseconds, world.people[sender].leave.nanoseconds))
        return from < to ? (from, to) : nil
    }

    mutating func add(
        _ stream: Int, _ messageClass: MessageClass, _ path: PathKind, _ from: Int64, _ to: Int64, _ world: World
    ) {
        let spans = [
            (Phase.before, Int64(0), world.phaseStart), (.during, world.phaseStart, world.phaseEnd),
            (.after, world.phaseEnd, world.horizon),
        ]
        for (phase, start, end) in spans {
            let count = world.streams.count(stream, from: max(from, start), to: min(to, end))
            ledger[messageClass, path, phase].expected += count
        }
        let classPath = Int(messageClass.rawValue) * PathKind.allCases.count + Int(path.rawValue)
        let columns = MessageClass.allCases.count * PathKind.allCases.count
        var second = from / 1_000_000_000
        while second * 1_000_000_000 < to {
            let start = second * 1_000_000_000
            let count = world.streams.count(stream, from: max(from, start), to: min(to, start + 1_000_000_000))
            bySecond[Int(second) * columns + classPath] += Int32(count)
            second += 1
        }
    }
}
