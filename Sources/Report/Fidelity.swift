import EventKernel
import Experiment
import Measures
import ResultStore
import Statistics

/// The fidelity certificate of an emulated run.
extension Summary {
    /// On what it ran and how faithfully, the worst of all replications; then what went beyond its bound.
    var fidelityLines: [String] {
        guard let record = FidelityText(result.emulations.map(\.value)) else { return [] }
        var lines = [labelled("real servers", cut(record.place, Self.width - 14))]
        lines.append(labelled("fidelity", cut(record.quality, Self.width - 14)))
        let problems = result.fidelityProblems
        for problem in problems.prefix(3) {
            let text = "replication \(problem.replication): \(problem.value)"
            lines.append(style.verdict(pad("unfaithful", 14), .inconclusive) + cut(text, Self.width - 14))
        }
        if problems.count > 3 { lines.append(pad("", 14) + "and \(problems.count - 3) problems more") }
        return lines
    }
}

/// Certificates of several replications in two lines.
struct FidelityText {
    /// `nats-server 2.9.10, link by namespaces, TCP reno, Linux 6.1`.
    var place: String
    /// The worst of each number.
    var quality: String

    /// `nil` without any.
    init?(_ records: [EmulationRecord]) {
        guard let first = records.first else { return nil }
        let versions = Set(records.map(\.serverVersion)).sorted().joined(separator: " and ")
        place = "nats-server \(versions), link by \(first.link), TCP \(first.congestionControl), kernel \(first.kernel)"
        func worst(_ name: KeyPath<EmulationRecord, SimDuration>) -> String {
            let longest = records.map { $0[keyPath: name] }.max() ?? .zero
            return Numbers.quantity(longest.milliseconds, unit: "ms")
        }
        let steal = Numbers.percent(records.map(\.steal).max() ?? 0)
        let idle = Numbers.percent(records.map(\.idle).min() ?? 0)
        let dropped = Numbers.grouped(records.reduce(0) { $0 + $1.packetsDropped })
        quality =
            "late p99: link \(worst(\.linkLateness99)), driver \(worst(\.driverLateness99)); "
            + "steal \(steal) %, idle \(idle) %, \(dropped) dropped"
    }
}
