import CallModel
import EventKernel
import NATSModel
import Network
import Parameters

/// The defaults that are guesses: the generated part of `docs/assumptions.md`.
public enum AssumptionList {
    public static let beginMarker = "<!-- generated: begin -->"
    public static let endMarker = "<!-- generated: end -->"

    /// The text between the markers, markers included.
    public static func markdown() -> String {
        var lines = [beginMarker, "", "| key | default | what it stands for | basis |", "|---|---|---|---|"]
        lines += rows(RelayParameters.self) + rows(ClientParameters.self) + rows(MediaParameters.self)
        lines += rows(ServerParameters.self) + rows(SteeringParameters.self)
        let tables = [
            ("populations.NAME.", FormatTables.population), ("populations.NAME.traffic.", FormatTables.traffic),
            ("populations.NAME.duration.", FormatTables.duration),
            ("populations.NAME.cross-region.", FormatTables.crossRegion),
        ]
        for (prefix, table) in tables {
            for key in table.keys where key.certainty == .assumption {
                lines.append(row(prefix + key.name, key.defaultText ?? "", key.meaning, key.source ?? ""))
            }
        }
        for kind in AccessKind.allCases {
            let figures =
                "\(UnitFormat.duration(kind.medianDelay.nanoseconds)) median, "
                + "\(UnitFormat.duration(kind.queueing.nanoseconds)) queueing, \(UnitFormat.share(kind.loss)) loss, "
                + UnitFormat.bandwidth(kind.downstream)
            lines.append(
                row("access.\(kind.rawValue)", figures, "Last mile of a person.", "typical shape, no one network"))
        }
        for place in Places.all where place.certainty == .assumption {
            let figures = "\(place.newYork) ms to nyc1, \(place.singapore) ms to sgp1"
            lines.append(row("place.\(place.name)", figures, "Base round trips.", place.source))
        }
        return (lines + ["", endMarker]).joined(separator: "\n")
    }

    /// `page` with the text between its markers replaced by `markdown()`; `nil` if it has no markers.
    public static func replacingGeneratedPart(of page: String) -> String? {
        guard let begin = page.firstRange(of: beginMarker), let end = page.firstRange(of: endMarker),
            begin.lowerBound < end.lowerBound
        else { return nil }
        return page[..<begin.lowerBound] + markdown() + page[end.upperBound...]
    }

    private static func rows<Root: Parameterised>(_ root: Root.Type) -> [String] {
        let defaults = Root()
        return Root.parameters.filter { $0.certainty == .assumption }.map {
            row("\(Root.section).\($0.key)", $0.text(in: defaults), $0.meaning, $0.source)
        }
    }

    private static func row(_ key: String, _ value: String, _ meaning: String, _ basis: String) -> String {
        "| `\(key)` | \(value) | \(meaning) | \(basis) |"
    }
}

/// Keys of the guessed defaults that a run of `scenario` rests on.
///
/// A value that differs from its default was stated by the author and is not counted; parts of the model that the
/// scenario does not use (DNS under election, people where only publishers are) are not either. Sorted.
public func assumptionsInUse(_ scenario: Scenario) -> [String] {
    var keys = assumed(scenario.nats)
    if !scenario.populations.isEmpty {
        keys += assumed(scenario.relay) + assumed(scenario.client) + assumed(scenario.media)
    }
    switch scenario.steering {
    case .geoDNS, .proxiedDNS: keys += assumed(scenario.dns)
    case .election, .pinned: break
    }
    for population in scenario.populations {
        keys.append("access.\(population.access.rawValue)")
        for place in Places.all where place.certainty == .assumption {
            let trips = scenario.deployment.regions.map { place.roundTrip(to: $0.site) }
            if trips == population.roundTrips.map({ Optional($0) }) { keys.append("place.\(place.name)") }
        }
        switch population.traffic {
        case .arrivals(_, let diurnal), .concurrent(_, let diurnal):
            if diurnal != .flat { keys.append("populations.\(population.name).diurnal") }
        case .constant: break
        }
        if population.crossRegion?.remoteShare == 0.4 {
            keys.append("populations.\(population.name).cross-region.remote-share")
        }
    }
    return Set(keys).sorted()
}

private func assumed<Root: Parameterised>(_ root: Root) -> [String] {
    let defaults = Root()
    return Root.parameters.filter { $0.certainty == .assumption && $0.text(in: root) == $0.text(in: defaults) }
        .map { "\(Root.section).\($0.key)" }
}
