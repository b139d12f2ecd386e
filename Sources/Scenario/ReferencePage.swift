import CallModel
import Measures
import NATSModel
import Network
import Parameters

/// The page `docs/reference.md`: every key of the format with meaning, unit, default, range, source and certainty.
public enum ReferencePage {
    /// The whole page; the same text each time.
    public static func markdown() -> String {
        var lines = [
            "# Reference of the scenario and deployment format", "",
            "Generated from the tables that the reader itself uses; do not edit. To write it anew:",
            "`ANTIPODE_UPDATE=1 swift test --filter Generated`.",
            "[scenario-format.md](scenario-format.md) explains the format with examples.",
            "",
            "Certainty: *measured* (seen on real systems, or read in the source of the modelled program), *published*",
            "(documentation or paper), *derived* (computed from such figures), *assumption* (a guess, see",
            "[assumptions.md](assumptions.md)).", "",
        ]
        lines += units()
        lines += ["## Scenario", ""] + table(FormatTables.scenario)
        for (heading, keys) in scenarioTables { lines += ["### \(heading)", ""] + table(keys) }
        lines += faults() + sections() + deployment() + places() + responses()
        return lines.joined(separator: "\n") + "\n"
    }

    private static var scenarioTables: [(String, KeyTable)] {
        [
            ("`populations.NAME`", FormatTables.population),
            ("`populations.NAME.traffic`", FormatTables.traffic),
            ("`populations.NAME.duration`", FormatTables.duration),
            ("`populations.NAME.cross-region`", FormatTables.crossRegion),
            ("`publishers`", FormatTables.publisher),
            ("`timeline`", FormatTables.fault),
            ("`expect`", FormatTables.expectation),
            ("`calibration`", FormatTables.calibration),
            ("`calibration.rows`", FormatTables.calibrationRow),
            ("`calibration.sweep`", FormatTables.calibrationSweep),
        ]
    }

    private static func units() -> [String] {
        func names(_ units: [Units.Unit]) -> String { units.map { "`\($0.name)`" }.joined(separator: " ") }
        return [
            "## Units", "",
            "A number is followed directly by its unit. A value that needs a unit and has none is an error.", "",
            "| kind | units | examples |", "|---|---|---|",
            "| duration | \(names(Units.durations)); parts may be joined, largest first | `40ms`, `1.5s`, `1h30min` |",
            "| size | \(names(Units.sizes)) | `190B`, `64KiB` |",
            "| bandwidth | \(names(Units.bandwidths)) | `10Mbit/s` |",
            "| rate | \(names(Units.rates)) | `50/s`, `12/min` |",
            "| CPU | cores, or thousandths of a core with `m` | `2`, `0.5`, `300m` |",
            "| share | none (0 to 1) or `%` | `0.04`, `4%` |",
            "| whole number, number | none | `16`, `0.8` |", "",
            "`m` is a unit of CPU only: minutes are `min`.", "",
        ]
    }

    private static func table(_ table: KeyTable) -> [String] {
        let isSourced = table.keys.contains { $0.source != nil }
        var lines = ["| key | value | default | range | meaning |" + (isSourced ? " source | certainty |" : "")]
        lines.append("|---|---|---|---|---|" + (isSourced ? "---|---|" : ""))
        for key in table.keys {
            let range = key.name == "seed" ? "0 to 2^64 - 1" : key.rangeText ?? ""
            var cells = [
                "`\(key.name)`", key.shape.words, key.isRequired ? "required" : key.defaultText ?? "",
                range.replacing("from ", with: ""), key.meaning,
            ]
            if isSourced { cells += [key.source ?? "", key.certainty?.rawValue ?? ""] }
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines + [""]
    }

    private static func faults() -> [String] {
        var lines = ["### Faults", "", "| `fault:` | target key | what happens |", "|---|---|---|"]
        for kind in FaultKind.allCases {
            let extra = kind.ownKeys.map { key in
                guard key == "to", let value = kind.value else { return ", `\(key)`" }
                return ", `to` (\(value.shape.words), \(value.rangeText ?? ""))"
            }.joined()
            lines.append("| `\(kind.rawValue)` | `\(kind.targetKey)`\(extra) | \(kind.meaning) |")
        }
        return lines + [""]
    }

    private static func sections() -> [String] {
        let intro = [
            "## Settings of the models", "",
            "Defaults are those of profile `\(Profile.videocall2026.rawValue)`; another profile changes some.",
            "Order of application: profile, section of the file, `--set`.", "",
        ]
        let tables = [
            KeyTable(section: RelayParameters.self), KeyTable(section: ClientParameters.self),
            KeyTable(section: MediaParameters.self), KeyTable(section: ServerParameters.self),
            KeyTable(section: SteeringParameters.self),
        ]
        let names = [
            RelayParameters.section, ClientParameters.section, MediaParameters.section, ServerParameters.section,
            SteeringParameters.section,
        ]
        return intro + zip(names, tables).flatMap { ["### `\($0.0)`", ""] + table($0.1) } + profiles()
    }

    /// What the other profiles set, found by applying them.
    private static func profiles() -> [String] {
        var lines = ["### Profiles", "", "| profile | key | value |", "|---|---|---|"]
        for profile in Profile.allCases {
            var relay = RelayParameters()
            var client = ClientParameters()
            var media = MediaParameters()
            profile.apply(relay: &relay, client: &client, media: &media)
            let changes = differences(relay) + differences(client) + differences(media)
            if changes.isEmpty { lines.append("| `\(profile.rawValue)` | | the defaults |") }
            for (key, value) in changes { lines.append("| `\(profile.rawValue)` | `\(key)` | \(value) |") }
        }
        return lines + [""]
    }

    private static func differences<Root: Parameterised>(_ root: Root) -> [(String, String)] {
        let defaults = Root()
        return Root.parameters.compactMap { parameter in
            let text = parameter.text(in: root)
            return text == parameter.text(in: defaults) ? nil : ("\(Root.section).\(parameter.key)", text)
        }
    }

    private static func deployment() -> [String] {
        let tables: [(String, KeyTable)] = [
            ("`regions.NAME`", DeploymentTables.region), ("`regions.NAME.node-pool`", DeploymentTables.nodePool),
            ("`regions.NAME.nats`", DeploymentTables.nats),
            ("`regions.NAME.nats.gateway`", DeploymentTables.gateway),
            ("`regions.NAME.nats.gateway.remotes`", DeploymentTables.remote),
            ("`regions.NAME.relays`", DeploymentTables.relay), ("`links`", DeploymentTables.link),
        ]
        return ["## Deployment", ""] + table(DeploymentTables.deployment)
            + tables.flatMap { ["### \($0.0)", ""] + table($0.1) }
    }

    private static func places() -> [String] {
        var lines = [
            "## Places", "",
            "Base round trips in milliseconds, without the last mile; UTC offsets are those of winter, in whole hours.",
            "", "| place | UTC | to `nyc1` | to `sgp1` | source | certainty |", "|---|---|---|---|---|---|",
        ]
        for place in Places.all {
            let offset = place.utcOffset < 0 ? "\(place.utcOffset)" : "+\(place.utcOffset)"
            lines.append(
                "| `\(place.name)` | \(offset) | \(place.newYork) | \(place.singapore) | \(place.source) | "
                    + "\(place.certainty.rawValue) |")
        }
        return lines + [""]
    }

    private static func responses() -> [String] {
        var lines = [
            "## Responses", "",
            "What `expect` may bound. Bounds on `ms` and `s` are written as durations, on `share` as shares.", "",
            "| response | unit | meaning |", "|---|---|---|",
        ]
        let delivery = ResponseCatalogue.all.filter { $0.name.hasPrefix("delivery.") && $0.unit == "share" }
        lines.append(
            "| `delivery.CONTENT.PATH.PHASE.BOUND` (\(delivery.count) names) | share | Share of expected pairs "
                + "delivered within the bound after capture. CONTENT: \(listed(delivery, 1)); PATH: "
                + "\(listed(delivery, 2)); PHASE: \(listed(delivery, 3)); BOUND: \(listed(delivery, 4)) |")
        for response in ResponseCatalogue.all where !(response.name.hasPrefix("delivery.") && response.unit == "share")
        {
            lines.append("| `\(response.name)` | \(response.unit) | \(response.meaning) |")
        }
        return lines + publisherResponses()
    }

    private static func publisherResponses() -> [String] {
        var lines = [
            "", "With publishers there are also the following. NAME is a publisher's name, SERVER a server such as",
            "`us-east/nats-0`, REGION another region with a gateway. Those of memory need no publishers, but a limit.",
            "", "| response | unit | meaning |",
            "|---|---|---|",
        ]
        for measure in StreamMeasure.allCases {
            lines.append("| `\(measure.responseName(stream: "NAME"))` | \(measure.unit) | \(measure.meaning) |")
        }
        for measure in GatewayMeasure.allCases {
            let name = measure.responseName(server: "SERVER", region: "REGION")
            lines.append("| `\(name)` | \(measure.unit) | \(measure.meaning) |")
        }
        for measure in ServerMeasure.allCases {
            lines.append("| `\(measure.responseName(server: "SERVER"))` | \(measure.unit) | \(measure.meaning) |")
        }
        return lines
    }

    /// The different words at one place of the dotted names, in order of appearance.
    private static func listed(_ definitions: [ResponseDefinition], _ index: Int) -> String {
        var words: [String] = []
        for definition in definitions {
            let parts = definition.name.split(separator: ".")
            if parts.count > index, !words.contains(String(parts[index])) { words.append(String(parts[index])) }
        }
        return words.map { "`\($0)`" }.joined(separator: ", ")
    }
}
