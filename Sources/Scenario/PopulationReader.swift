import CallModel
import EventKernel
import Network

/// Reads the people who call.
struct PopulationReader {
    var deployment: Deployment

    /// All populations in file order; a second pass resolves the names that they give each other.
    func read(_ node: YAMLNode?) throws(ScenarioError) -> [Population] {
        guard let node else { return [] }
        let entries = try node.entries("populations")
        guard entries.count <= 64 else {
            throw ScenarioError(node.position, "expected at most 64 populations, found \(entries.count)")
        }
        var result: [Population] = []
        for entry in entries {
            try DeploymentReader.checkName(entry.key, "a population", entry.keyPosition)
            result.append(try readOne(entry))
        }
        for (index, entry) in entries.enumerated() {
            let fields = try Fields(entry.value, FormatTables.population)
            if let cross = fields.node("cross-region") {
                result[index].crossRegion = try readCrossRegion(cross, of: index, in: result)
            }
        }
        return result
    }

    private func readOne(_ entry: YAMLEntry) throws(ScenarioError) -> Population {
        let fields = try Fields(entry.value, FormatTables.population)
        guard let regionNode = fields.node("region"), let trafficNode = fields.node("traffic"),
            let sizesNode = fields.node("sizes")
        else { throw ScenarioError(entry.value.position, "a population needs region, traffic and sizes") }
        let place = try readPlace(fields)
        let region = try Names.region(regionNode, "region", deployment)
        guard !deployment.regions[region].relays.isEmpty else {
            throw ScenarioError(
                regionNode.position, "region \(quoted(deployment.regions[region].name)) has no relays to call through")
        }
        let duration = try readDuration(fields.node("duration"))
        return Population(
            name: entry.key, region: region, roundTrips: try readRoundTrips(fields, place),
            access: try fields.choice("access", AccessKind.self) ?? .wifi,
            utcOffset: try readOffset(fields, place), traffic: try readTraffic(trafficNode, fields),
            sizes: try readSizes(sizesNode), meanDuration: duration.mean, durationVariation: duration.variation,
            crossRegion: nil)
    }

    private func readPlace(_ fields: Fields) throws(ScenarioError) -> Place? {
        guard let node = fields.node("place") else { return nil }
        let text = try node.text("place")
        if let place = Places.named(text) { return place }
        let spelled = text.lowercased().replacing(" ", with: "-")
        throw ScenarioError(
            node.position, "place: unknown place \(quoted(text)); give round-trips and utc-offset instead",
            suggestion: Nearest.match(text, among: Places.all.map(\.name)) ?? Places.named(spelled)?.name)
    }

    private func readRoundTrips(_ fields: Fields, _ place: Place?) throws(ScenarioError) -> [SimDuration] {
        var result: [SimDuration?] = deployment.regions.map { place?.roundTrip(to: $0.site) }
        if let node = fields.node("round-trips") {
            for entry in try node.entries("round trips") {
                let region = try Names.region(entry.key, "round-trips", deployment, entry.keyPosition)
                let value = try entry.value.quantity(fields.table.key("round-trips").named(entry.key, .duration))
                result[region] = SimDuration(nanoseconds: Int64(value))
            }
        }
        var complete: [SimDuration] = []
        for (region, value) in zip(deployment.regions, result) {
            guard let value else {
                let reason = place.map { "place \(quoted($0.name)) has none to site \(quoted(region.site))" }
                throw ScenarioError(
                    fields.position,
                    "round-trips: no round trip to region \(quoted(region.name))"
                        + (reason.map { "; " + $0 } ?? ", and no place is given"))
            }
            complete.append(value)
        }
        return complete
    }

    private func readOffset(_ fields: Fields, _ place: Place?) throws(ScenarioError) -> Int {
        guard let node = fields.node("utc-offset") else {
            if let place { return place.utcOffset }
            if try fields.choice("diurnal", Diurnal.self) ?? .flat == .flat { return 0 }
            throw ScenarioError(fields.keyPosition("diurnal"), "diurnal needs utc-offset or place")
        }
        let text = try node.text("utc-offset")
        let bare = text.hasSuffix(":00") ? String(text.dropLast(3)) : text
        guard bare.unicodeScalars.count <= 3, let hours = Int(bare), (-12...14).contains(hours) else {
            throw ScenarioError(
                node.position, "utc-offset: expected whole hours from -12 to +14, found \(quoted(text))")
        }
        return hours
    }

    private func readTraffic(_ node: YAMLNode, _ population: Fields) throws(ScenarioError) -> Traffic {
        let fields = try Fields(node, FormatTables.traffic)
        let given = fields.table.keys.map(\.name).filter { fields.has($0) }
        guard given.count == 1 else {
            throw ScenarioError(
                given.count > 1 ? fields.keyPosition(given[1]) : node.position,
                "traffic: expected exactly one of concurrent, arrivals and constant, found \(given.count)")
        }
        let diurnal = try population.choice("diurnal", Diurnal.self) ?? .flat
        if let calls = try fields.integer("constant") {
            guard diurnal == .flat else {
                throw ScenarioError(population.keyPosition("diurnal"), "diurnal has no effect on constant traffic")
            }
            return .constant(calls: Int(calls))
        }
        if let calls = try fields.real("concurrent") { return .concurrent(calls: calls, diurnal: diurnal) }
        return .arrivals(perSecond: try fields.real("arrivals") ?? 0, diurnal: diurnal)
    }

    private func readDuration(_ node: YAMLNode?) throws(ScenarioError) -> (mean: SimDuration, variation: Double) {
        guard let node else { return (.minutes(52), 0.8) }
        let fields = try Fields(node, FormatTables.duration)
        return (try fields.duration("mean") ?? .minutes(52), try fields.real("variation") ?? 0.8)
    }

    private func readCrossRegion(
        _ node: YAMLNode, of index: Int, in populations: [Population]
    ) throws(ScenarioError) -> CrossRegion {
        let fields = try Fields(node, FormatTables.crossRegion)
        let with = fields.node("with") ?? node
        let text = try with.text("with")
        guard let other = populations.firstIndex(where: { $0.name == text }) else {
            throw ScenarioError(
                with.position, "with: no population \(quoted(text))",
                suggestion: Nearest.match(
                    text, among: populations.map(\.name).filter { $0 != populations[index].name }))
        }
        guard other != index else {
            throw ScenarioError(with.position, "with: a population has no cross-region calls with itself")
        }
        guard populations[other].region != populations[index].region else {
            throw ScenarioError(
                with.position,
                "with: population \(quoted(text)) belongs to the same region as \(quoted(populations[index].name))")
        }
        return CrossRegion(
            with: other, share: try fields.real("share") ?? 0, remoteShare: try fields.real("remote-share") ?? 0.4)
    }
}

extension PopulationReader {
    /// Largest call: relay work grows with the square of it.
    static let largestCall = 500

    /// Sizes with shares that add up to one; they are then divided by the sum, which differs by rounding at most.
    func readSizes(_ node: YAMLNode) throws(ScenarioError) -> [SizeShare] {
        let key = FormatTables.population.key("sizes")
        var result: [SizeShare] = []
        for entry in try node.entries("sizes of calls") {
            let (smallest, largest) = try readSizeRange(entry)
            if let other = result.first(where: { $0.smallest <= largest && smallest <= $0.largest }) {
                throw ScenarioError(
                    entry.keyPosition,
                    "sizes: \(quoted(entry.key)) overlaps \(quoted(other.text))"
                )
            }
            let share = try entry.value.quantity(key.named("sizes", .share))
            result.append(SizeShare(smallest: smallest, largest: largest, share: share))
        }
        let sum = result.reduce(0) { $0 + $1.share }
        guard (sum - 1).magnitude < 1e-6 else {
            throw ScenarioError(
                node.position, "sizes: expected shares that add up to 100%, found \(UnitFormat.share(sum))")
        }
        for index in result.indices { result[index].share /= sum }
        return result
    }

    private func readSizeRange(_ entry: YAMLEntry) throws(ScenarioError) -> (Int, Int) {
        let parts = entry.key.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.map { $0.count <= 4 ? Int($0) : nil }
        guard (1...2).contains(numbers.count), let first = numbers[0], let last = numbers[numbers.count - 1] else {
            throw ScenarioError(
                entry.keyPosition, "sizes: expected a size such as 2 or 3-4, found \(quoted(entry.key))")
        }
        guard first >= 2, last <= Self.largestCall, first <= last else {
            throw ScenarioError(
                entry.keyPosition, "sizes: expected sizes from 2 to \(Self.largestCall), found \(quoted(entry.key))")
        }
        return (first, last)
    }
}

extension SizeShare {
    /// As written in a file: `2` or `3-4`.
    fileprivate var text: String { smallest == largest ? "\(smallest)" : "\(smallest)-\(largest)" }
}

extension Key {
    /// The same key under another name and shape, for the values of a dictionary.
    func named(_ name: String, _ shape: Shape) -> Key {
        var copy = self
        copy.name = name
        copy.shape = shape
        return copy
    }
}
