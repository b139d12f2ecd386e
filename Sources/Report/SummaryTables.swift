import Experiment
import Measures

/// The tables in the middle of the screen.
extension Summary {
    private static let labelWidth = 22
    /// Two more than a cell may be long, so that columns never touch.
    private static let cellWidth = Numbers.cellLimit + 2

    // MARK: Setup

    /// First audio and first video of a sending peer, first joins by path, reconnects together.
    var setupLines: [String] {
        let rows = [
            ("join, same region", "setup", "same-region"), ("join, cross region", "setup", "cross-region"),
            ("reconnect", "reconnect", "all"),
        ].compactMap { label, kind, path in setupRow(label, kind, path) }
        if rows.isEmpty { return [] }
        let quantiles = ResponseCatalogue.quantiles.map(\.name)
        return [
            header("setup time", ["first audio", "first video"], span: quantiles.count),
            style.faint(row("  ms unless marked", quantiles + quantiles)),
        ] + rows
    }

    private func setupRow(_ label: String, _ kind: String, _ path: String) -> String? {
        let estimates = ["audio", "video"].flatMap { medium in
            ResponseCatalogue.quantiles.map { result.response(named: "\(kind).\(medium).\(path).\($0.name)") }
        }
        if estimates.allSatisfy({ $0?.mean == nil }) { return nil }
        return row(
            label,
            estimates.map { estimate in
                guard let estimate, let mean = estimate.mean else { return "-" }
                if estimate.never > 0 {
                    return Numbers.neverCell(estimate.never, of: estimate.never + estimate.observed)
                }
                return Numbers.timeCell(milliseconds: mean, halfWidth: estimate.halfWidth, range: estimate.range)
            })
    }

    // MARK: Delivery

    /// Delivered within 400 ms and ever, before, during and after the faults.
    var deliveryLines: [String] {
        let phases = Phase.allCases.filter { result.ledger.total(phase: $0).expected > 0 }
        if phases.isEmpty { return [] }
        let bounds: [LatencyBound] = [.within400ms, .ever]
        let titles = phases.count == 1 ? ["whole run"] : phases.map(\.name)
        var lines = [
            header("delivered, %", titles, span: bounds.count),
            style.faint(row("", phases.flatMap { _ in ["in 400 ms", "ever"] })),
        ]
        for messageClass in MessageClass.allCases {
            for path in PathKind.allCases where result.ledger.total(of: messageClass, path: path).expected > 0 {
                let label = pad(messageClass.name, 11) + (path == .sameRegion ? "same" : "cross")
                let cells = phases.flatMap { phase in
                    bounds.map { deliveryCell(messageClass, path, phase, $0) }
                }
                lines.append(row(label, cells))
            }
        }
        return lines
    }

    private func deliveryCell(
        _ messageClass: MessageClass, _ path: PathKind, _ phase: Phase, _ bound: LatencyBound
    ) -> String {
        let name = ResponseCatalogue.deliveryName(messageClass.name, path: path, phase: phase, bound: bound)
        guard let estimate = result.response(named: name), let mean = estimate.mean else { return "-" }
        return Numbers.percentCell(mean, halfWidth: estimate.halfWidth, range: estimate.range)
    }

    // MARK: Streams

    /// Whether anybody was owed anything. A run of plain streams alone has no ledger to show.
    var hasCalls: Bool {
        let total = result.ledger.total()
        return total.expected > 0 || total.void > 0 || total.extra > 0
    }

    private static let streamLimit = 10
    private static let streamColumns: [(measure: StreamMeasure, title: String)] = [
        (.published, "published"), (.lost, "lost"), (.median, "p50"), (.tail, "p99"), (.resumed, "resumed"),
    ]

    /// What became of each plain stream, by name.
    var streamLines: [String] {
        let (prefix, suffix) = ("stream.", "." + StreamMeasure.published.rawValue)
        let names = result.responses.map(\.name).filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
            .map { String($0.dropFirst(prefix.count).dropLast(suffix.count)) }
        if names.isEmpty { return [] }
        var lines = [
            style.bold(row("streams", Self.streamColumns.map(\.title))),
            style.faint("  ms unless marked; resumed: from the last fault's end to the next delivery"),
        ]
        for name in names.prefix(Self.streamLimit) {
            lines.append(row(cut(name, Self.labelWidth), Self.streamColumns.map { streamCell(name, $0.measure) }))
        }
        if names.count > Self.streamLimit { lines.append("  and \(names.count - Self.streamLimit) streams more") }
        return lines
    }

    private func streamCell(_ stream: String, _ measure: StreamMeasure) -> String {
        guard let estimate = result.response(named: measure.responseName(stream: stream)), let mean = estimate.mean
        else { return "-" }
        if estimate.never > 0 { return Numbers.neverCell(estimate.never, of: estimate.never + estimate.observed) }
        if measure.unit == "count" {
            let usual = Numbers.value(mean, unit: "count", halfWidth: estimate.halfWidth, range: estimate.range)
            return usual.count <= Numbers.cellLimit ? usual : Numbers.count(mean)
        }
        let scale: Double = measure.unit == "s" ? 1_000 : 1
        return Numbers.timeCell(
            milliseconds: mean * scale, halfWidth: estimate.halfWidth.map { $0 * scale },
            range: estimate.range.map { $0.lowerBound * scale...$0.upperBound * scale })
    }

    // MARK: Recovery, people, losses, stations

    var outcomeLines: [String] {
        var lines: [String] = []
        if hasCalls, let recovery = recoveryText { lines.append(labelled("recovery", recovery)) }
        if let gateways = gatewayText { lines.append(labelled("gateways", gateways)) }
        if let publishers = publisherText { lines.append(labelled("publishers", publishers)) }
        if hasCalls, let people = peopleText { lines.append(labelled("people", people)) }
        if hasCalls { lines += lossLines }
        if let station = result.stations.first {
            let peak = Numbers.percent(station.peakUtilisation)
            let mean = Numbers.percent(station.utilisation)
            lines.append(labelled("busiest", "\(station.name): \(peak) % in its busiest second, \(mean) % on average"))
        }
        return lines
    }

    private var recoveryText: String? {
        guard let recovery = result.recovery else { return nil }
        let recovered = "\(recovery.replications - recovery.censored) of \(recovery.replications)"
        guard let median = recovery.median else {
            return "in \(recovered) replications before the end"
        }
        let time = Numbers.time(milliseconds: median * 1_000)
        var interval = ""
        if let lower = recovery.lower {
            let upper = recovery.upper.map { Numbers.time(milliseconds: $0 * 1_000) } ?? "never"
            interval = " [\(Numbers.time(milliseconds: lower * 1_000)), \(upper)]"
        }
        return "median \(time)\(interval) after the first fault, \(recovered) recovered before the end"
    }

    /// When the fault took the links between clusters, and when they were whole again.
    private var gatewayText: String? {
        guard let closed = result.response(named: "gateway.closed"), let mean = closed.mean else { return nil }
        let end = Numbers.value(mean, unit: closed.unit, halfWidth: closed.halfWidth, range: closed.range)
        guard let restored = result.response(named: "gateway.restored"), let back = restored.mean else {
            return "closed by \(end), not all are back"
        }
        let again = Numbers.value(back, unit: restored.unit, halfWidth: restored.halfWidth, range: restored.range)
        return "closed by \(end), all back \(again) after the fault"
    }

    private var publisherText: String? {
        guard let delivered = result.response(named: "raw.delivered"), let mean = delivered.mean else { return nil }
        var parts = [
            Numbers.value(mean, unit: delivered.unit, halfWidth: delivered.halfWidth, range: delivered.range)
                + " of their deliveries arrived"
        ]
        for quantile in ["p50", "p99"] {
            guard let latency = result.response(named: "raw.latency." + quantile), let mean = latency.mean else {
                continue
            }
            let time = Numbers.value(mean, unit: latency.unit, halfWidth: latency.halfWidth, range: latency.range)
            parts.append("\(quantile) \(time)")
        }
        return parts.joined(separator: ", ")
    }

    private var peopleText: String? {
        guard let lost = result.response(named: "people.lost-session"), let mean = lost.mean else { return nil }
        if mean == 0 { return "nobody lost a session" }
        var parts: [String] = []
        let ends = [
            ("lost-session", "lost a session"), ("returned", "of them returned"), ("gave-up", "gave up"),
        ]
        for (name, words) in ends {
            guard let estimate = result.response(named: "people." + name), let mean = estimate.mean else { continue }
            let number = Numbers.value(
                mean, unit: estimate.unit, halfWidth: estimate.halfWidth, range: estimate.range)
            parts.append(number + " " + words)
        }
        return parts.joined(separator: ", ")
    }

    /// The eight commonest causes in two columns, and what the others come to.
    private var lossLines: [String] {
        let total = result.ledger.total()
        if total.lostTotal == 0 { return [labelled("lost", "nothing of \(Numbers.grouped(total.expected)) expected")] }
        let share = Double(total.lostTotal) / Double(max(1, total.expected))
        var lines = [labelled("lost", "\(Numbers.percent(share)) % of what was expected; by cause, with its share:")]
        let causes = LossCause.allCases
            .map { (cause: $0, pairs: total.lost[Int($0.rawValue)]) }
            .filter { $0.pairs > 0 }
            .sorted { ($1.pairs, $0.cause.rawValue) < ($0.pairs, $1.cause.rawValue) }
        let others = causes.dropFirst(8)
        if !others.isEmpty {
            lines[0] += " (and \(Numbers.grouped(others.reduce(0) { $0 + $1.pairs })) by \(others.count) more)"
        }
        let cells = causes.prefix(8).map { ($0.cause.name, $0.pairs, Double($0.pairs) / Double(total.lostTotal)) }
        return lines + lossTable(cells)
    }

    /// Two columns of causes; names give way where the numbers need their place.
    private func lossTable(_ causes: [(name: String, pairs: Int64, share: Double)]) -> [String] {
        let half = (causes.count + 1) / 2
        var lines: [String] = []
        for nameWidth in [27, 22, 16] {
            var cells = causes.map {
                [cut($0.name, nameWidth), Numbers.grouped($0.pairs), Numbers.percent($0.share) + " %"]
            }
            if cells.count % 2 == 1 { cells.append(["", "", ""]) }
            let rows = (0..<half).map { ["  " + cells[$0][0]] + cells[$0][1...] + cells[$0 + half] }
            lines = columns(rows, [.left, .right, .right, .left, .right, .right])
            if lines.allSatisfy({ $0.count <= Self.width }) { break }
        }
        return lines
    }

    // MARK: Rows

    private func header(_ title: String, _ groups: [String], span: Int) -> String {
        let width = Self.cellWidth * span
        // Centred over their columns, of which the first starts with blanks.
        let titles = groups.map { pad(pad($0, (width + $0.count) / 2 + 2, .right), width) }.joined()
        return style.bold(trimmed(pad(title, Self.labelWidth) + titles))
    }

    private func row(_ label: String, _ cells: [String]) -> String {
        trimmed(pad(label, Self.labelWidth) + cells.map { "  " + pad($0, Numbers.cellLimit, .right) }.joined())
    }
}

extension ResponseEstimate {
    /// The extremes over replications, if it was observed everywhere.
    var range: ClosedRange<Double>? {
        guard let least, let most, never == 0 else { return nil }
        return least...most
    }
}
