/// A batch of one program that still disagrees, made as small as the attempts allowed.
public struct FuzzShrunk: Hashable, Sendable {
    public var batch: FuzzBatch
    /// How often a smaller batch was tried.
    public var attempts: Int
    /// Attempts that ended in an error of a back end; they count as agreeing.
    public var failures: Int
    /// Whether the program disagrees without the others of its batch; if not, `batch` is it alone, unshrunk.
    public var isReproduced: Bool
}

extension FuzzBatch {
    /// Finds a small batch on which `disagrees` still holds: the program alone, then without waves, actions, clients,
    /// servers and repetitions, and with one client in place of two, over and over until nothing
    /// more can go or the attempts are used up.
    ///
    /// What a removal leaves impossible (such as ending a subscription that is not made any more) goes with it.
    /// - Parameter attempts: how often `disagrees` may be asked.
    public func shrink(
        program position: Int, attempts: Int = 200, disagrees: (FuzzBatch) throws -> Bool
    ) -> FuzzShrunk {
        // The closure is only used while the shrinker lives.
        withoutActuallyEscaping(disagrees) { disagrees in
            var shrinker = FuzzShrinker(best: alone(position), budget: attempts, disagrees: disagrees)
            let isReproduced = shrinker.accepts(shrinker.best)
            if isReproduced { shrinker.shrink() }
            return FuzzShrunk(
                batch: shrinker.best, attempts: shrinker.attempts, failures: shrinker.failures,
                isReproduced: isReproduced)
        }
    }
}

private struct FuzzShrinker {
    private(set) var best: FuzzBatch
    let budget: Int
    let disagrees: (FuzzBatch) throws -> Bool
    private(set) var attempts = 0
    private(set) var failures = 0

    init(best: FuzzBatch, budget: Int, disagrees: @escaping (FuzzBatch) throws -> Bool) {
        self.best = best
        self.budget = budget
        self.disagrees = disagrees
    }

    /// Whether a candidate disagrees; it is then the best so far.
    mutating func accepts(_ candidate: FuzzBatch) -> Bool {
        guard attempts < budget else { return false }
        attempts += 1
        do {
            guard try disagrees(candidate) else { return false }
        } catch {
            failures += 1
            return false
        }
        best = candidate
        return true
    }

    mutating func shrink() {
        var previous: FuzzBatch
        repeat {
            previous = best
            remove(count: { $0.waveCount }, leaving: { $0.keeping(waves: $1) })
            remove(count: { $0.actionCount }, leaving: { $0.keeping(actions: $1) })
            remove(count: { $0.programs[0].clients.count }, leaving: { $0.keeping(clients: $1) })
            remove(count: { $0.topology.servers.count }, leaving: { $0.keeping(servers: $1) })
            mergeClients()
            reduceRepetitions()
        } while best != previous && attempts < budget
    }

    /// Delta debugging (Zeller and Hildebrandt, 2002), complements only: parts of half the elements, then of a
    /// quarter and so on down to single ones, each left out for good if the rest disagrees without it.
    private mutating func remove(
        count: (FuzzBatch) -> Int, leaving: (FuzzBatch, [Int]) -> FuzzBatch
    ) {
        var size = (count(best) + 1) / 2
        while size > 0 {
            var start = 0
            while start < count(best), attempts < budget {
                let total = count(best)
                let kept = (0..<total).filter { $0 < start || $0 >= start + size }
                let candidate = leaving(best, kept).repaired()
                if candidate == best || !accepts(candidate) { start += size }
            }
            size /= 2
        }
    }

    /// Lets one client do what two did.
    private mutating func mergeClients() {
        for gone in best.clientNames.reversed() {
            for heir in best.clientNames where heir != gone && best.clientNames.contains(gone) {
                _ = accepts(best.merging(gone, into: heir).repaired())
            }
        }
    }

    private mutating func reduceRepetitions() {
        for wave in best.programs[0].waves.indices {
            for place in best.programs[0].waves[wave].indices {
                guard case .publish(var publish) = best.programs[0].waves[wave][place], publish.times > 1 else {
                    continue
                }
                publish.times = 1
                var candidate = best
                candidate.programs[0].waves[wave][place] = .publish(publish)
                candidate = candidate.repaired()
                // A repair would shift what the loops point at.
                if candidate.actionCount == best.actionCount { _ = accepts(candidate) }
            }
        }
    }
}

extension FuzzBatch {
    /// Faults and actions of the first program.
    fileprivate var actionCount: Int {
        faults.reduce(0) { $0 + $1.count } + programs[0].waves.reduce(0) { $0 + $1.count }
    }

    fileprivate func keeping(waves kept: [Int]) -> FuzzBatch {
        var copy = self
        copy.faults = kept.map { faults[$0] }
        copy.programs[0].waves = kept.map { programs[0].waves[$0] }
        return copy
    }

    /// Actions are counted wave by wave, faults first.
    fileprivate func keeping(actions kept: [Int]) -> FuzzBatch {
        var copy = self
        var next = 0
        var rest = kept[...]
        func isKept() -> Bool {
            defer { next += 1 }
            guard rest.first == next else { return false }
            rest.removeFirst()
            return true
        }
        for wave in faults.indices {
            copy.faults[wave] = faults[wave].filter { _ in isKept() }
            copy.programs[0].waves[wave] = programs[0].waves[wave].filter { _ in isKept() }
        }
        return copy
    }

    fileprivate func keeping(clients kept: [Int]) -> FuzzBatch {
        var copy = self
        copy.programs[0].clients = kept.map { programs[0].clients[$0] }
        return copy
    }

    /// Clients of the first program, those that connect late too.
    fileprivate var clientNames: [String] {
        let late = programs[0].waves.joined().compactMap { action in
            if case .connect(let client) = action { client.name } else { nil }
        }
        return programs[0].clients.map(\.name) + late
    }

    fileprivate func merging(_ gone: String, into heir: String) -> FuzzBatch {
        var copy = self
        func name(_ client: String) -> String { client == gone ? heir : client }
        copy.programs[0].clients.removeAll { $0.name == gone }
        copy.programs[0].waves = programs[0].waves.map { actions in
            actions.compactMap { action in
                switch action {
                case .connect(let client): return client.name == gone ? nil : action
                case .disconnect(let client): return client == gone ? nil : action
                case .subscribe(var subscribe):
                    subscribe.client = name(subscribe.client)
                    return .subscribe(subscribe)
                case .unsubscribe(let client, let label, let maximum):
                    return .unsubscribe(client: name(client), label: label, maximum: maximum)
                case .publish(var publish):
                    publish.client = name(publish.client)
                    return .publish(publish)
                default: return action
                }
            }
        }
        return copy
    }

    fileprivate func keeping(servers kept: [Int]) -> FuzzBatch {
        var copy = self
        let left = kept.map { topology.servers[$0] }
        let names = Set(left.map(\.name))
        func isThere(_ endpoint: Endpoint) -> Bool {
            guard case .server(let name, _) = endpoint else { return true }
            return names.contains(name)
        }
        copy.topology.servers = left.map { server in
            var server = server
            server.routes.removeAll { !names.contains($0) }
            if var gateway = server.gateway {
                for place in gateway.remotes.indices { gateway.remotes[place].urls.removeAll { !isThere($0) } }
                gateway.remotes.removeAll(where: \.urls.isEmpty)
                server.gateway = gateway
            }
            return server
        }
        return copy
    }
}
