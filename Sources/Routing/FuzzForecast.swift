/// What one program of a batch must lead to.
struct FuzzForecast: Sendable {
    var waves: [FuzzExpectation] = []
    /// The queue of each subscription that has one.
    var queues: [FuzzReceiver: String] = [:]
    /// Clients that do not take headers.
    var bare: Set<String> = []
    /// The cluster of each client.
    var clusters: [String: String] = [:]
    /// Actions that cannot be performed; they count for nothing.
    var problems: [String] = []
    /// The actions that can be, without faults.
    var valid: [[Action]] = []
    /// The books after the last wave.
    var state: FuzzState
    var features: Set<FuzzFeature> = []

    init(_ batch: FuzzBatch, _ position: Int) {
        let program = batch.programs[position]
        let faults = FuzzForecast.validFaults(batch).faults
        state = FuzzState(batch.topology, clients: [])
        var initial: [ClientSpec] = []
        for client in program.clients {
            if let problem = state.problem(.connect(client), batch.topology) {
                problems.append("p\(program.number): \(problem)")
            } else {
                state.apply(.connect(client))
                initial.append(client)
            }
        }
        note(initial.map { .connect($0) }, batch.topology)
        var number = 0
        var observer = FuzzObserver(batch.topology)
        for wave in 0..<batch.waveCount {
            let own = program.waves[wave]
            let split = FuzzBatch.roundsBeforeFaults
            var draft = state
            var kept: [Action] = []
            var actions: [Action] = []
            func perform(_ action: Action, isOwn: Bool) {
                if let problem = draft.problem(action, batch.topology) {
                    problems.append("p\(program.number) wave \(wave): \(action.fuzzText): \(problem)")
                    return
                }
                draft.apply(action)
                actions.append(action)
                if isOwn { kept.append(action) }
            }
            for action in own.prefix(split) { perform(action, isOwn: true) }
            for fault in faults[wave] { perform(fault, isOwn: false) }
            for action in own.dropFirst(split) { perform(action, isOwn: true) }
            note(actions, batch.topology)
            let before = state
            let expectation = state.run(actions, batch.topology, first: number)
            number += expectation.messages.count
            observer.watch(before: before, after: state, actions: actions, expectation: expectation)
            waves.append(expectation)
            valid.append(kept)
        }
        features = observer.features
    }

    private mutating func note(_ actions: [Action], _ topology: Topology) {
        for action in actions {
            switch action {
            case .subscribe(let subscribe):
                queues[FuzzReceiver(client: subscribe.client, label: subscribe.label)] = subscribe.queue
            case .connect(let client):
                clusters[client.name] = topology.server(client.server)?.cluster
                if !client.headers { bare.insert(client.name) }
            default: break
            }
        }
    }

    /// The faults of a batch that can be performed, and what is wrong with the others.
    static func validFaults(_ batch: FuzzBatch) -> (faults: [[Action]], problems: [String]) {
        var state = FuzzState(batch.topology, clients: [])
        var problems: [String] = []
        let faults = batch.faults.enumerated().map { wave, faults in
            faults.filter { fault in
                if let problem = state.problem(fault, batch.topology) {
                    problems.append("wave \(wave): \(fault.fuzzText): \(problem)")
                    return false
                }
                state.apply(fault)
                return true
            }
        }
        return (faults, problems)
    }
}

extension FuzzBatch {
    /// What cannot be performed as it stands; empty for every generated batch.
    public func problems() -> [String] {
        FuzzForecast.validFaults(self).problems
            + programs.indices.flatMap { FuzzForecast(self, $0).problems }
    }

    /// The batch without the actions that cannot be performed, as they arise when others are left out.
    func repaired() -> FuzzBatch {
        var copy = self
        copy.faults = FuzzForecast.validFaults(self).faults
        for position in programs.indices {
            let running = topology.servers.filter(\.startsAtOnce).map(\.name)
            copy.programs[position].waves = FuzzForecast(self, position).valid
            copy.programs[position].clients.removeAll { !running.contains($0.server) }
        }
        return copy
    }
}
