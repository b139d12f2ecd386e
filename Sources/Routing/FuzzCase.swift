extension FuzzBatch {
    /// The only program of the batch as a routing case that expects what a server did.
    ///
    /// Where the server had a choice (members of a queue group, races), the case allows all that it could have done.
    public func routingCase(title: String, about: String? = nil, real: FuzzRun) -> RoutingCase {
        precondition(programs.count == 1 && real.receptions.count == 1, "a case is made of one program")
        let forecast = FuzzForecast(self, 0)
        precondition(forecast.problems.isEmpty, "only batches that can be performed become cases")
        var steps: [Step] = []
        for wave in 0..<waveCount {
            let actions = actions(of: 0, wave: wave)
            guard !actions.isEmpty else { continue }
            let expectation = expectation(forecast, wave, real.receptions[0][wave])
            steps.append(Step(.together(actions, expectation)))
        }
        let source = "random programs, seed \(seed), batch \(index), program \(programs[0].number)"
        return RoutingCase(
            title: title, about: about, source: source, topology: topology, clients: programs[0].clients, steps: steps)
    }

    private func expectation(_ forecast: FuzzForecast, _ wave: Int, _ received: [Reception]) -> Expectation {
        let expected = forecast.waves[wave]
        guard !expected.messages.isEmpty else { return .none }
        var plain = FuzzTally()
        var answers = FuzzTally()
        var notices = FuzzTally()
        for (key, range) in expected.plain {
            switch key.kind {
            case .noResponders: notices.expect(key.receiver, range)
            case .answer where key.receiver.label == "inbox": answers.expect(key.receiver, range)
            case .message where expected.totals[key.receiver] != nil: break
            case .answer, .message: plain.expect(key.receiver, range)
            }
        }
        for (receiver, copies) in expected.totals { plain.expect(receiver, copies...copies) }
        var choices: [FuzzReceiver: Int] = [:]
        for reception in received {
            let receiver = FuzzReceiver(client: reception.client, label: reception.label)
            switch reception.content {
            case .noResponders: notices.see(receiver)
            case .answer where reception.label == "inbox": answers.see(receiver)
            case .answer, .message:
                if forecast.queues[receiver] != nil { choices[receiver, default: 0] += 1 } else { plain.see(receiver) }
            }
        }
        let shares = plain.receivers.map { receiver in
            Expectation.Share(receivers: [receiver.description], copies: plain.copies([receiver]))
        }
        let hasRequest = expected.messages.contains { $0.publish.isRequest }
        let refusals = notices.copies(notices.receivers)
        return Expectation(
            shares: shares.filter { $0.copies != 0...0 } + groupShares(expected, choices),
            answers: hasRequest ? answers.copies(answers.receivers) : nil,
            noResponders: hasRequest && refusals.lowerBound == refusals.upperBound ? refusals.lowerBound : nil)
    }

    /// One share for the members of a group in each cluster, or in all where the serving cluster is left to chance.
    private func groupShares(_ expected: FuzzExpectation, _ choices: [FuzzReceiver: Int]) -> [Expectation.Share] {
        var shares: [Expectation.Share] = []
        for queue in Set(expected.groups.keys.map(\.queue)).sorted() {
            let groups = expected.groups.filter { $0.key.queue == queue }.values
            let members = Set(groups.flatMap(\.members))
            let isExact = groups.allSatisfy { $0.copies == 1...1 }
            let isSplit = isExact && groups.allSatisfy { $0.clusters.count == 1 }
            let parts = isSplit ? topology.clusters.map { [$0] } : [topology.clusters]
            for clusters in parts {
                let part = members.filter { clusters.contains($0.cluster) }.map(\.receiver).sorted()
                let seen = part.reduce(0) { $0 + choices[$1, default: 0] }
                guard !part.isEmpty else { continue }
                let copies = isExact ? seen...seen : 0...max(seen, groups.count)
                shares.append(Expectation.Share(receivers: part.map(\.description), copies: copies))
            }
        }
        return shares
    }
}

/// Copies by receiver: as the arithmetic allows them, and as they were seen.
private struct FuzzTally {
    private var allowed: [FuzzReceiver: ClosedRange<Int>] = [:]
    private var seen: [FuzzReceiver: Int] = [:]

    var receivers: [FuzzReceiver] { Set(allowed.keys).union(seen.keys).sorted() }

    mutating func expect(_ receiver: FuzzReceiver, _ range: ClosedRange<Int>) {
        let known = allowed[receiver] ?? 0...0
        allowed[receiver] = (known.lowerBound + range.lowerBound)...(known.upperBound + range.upperBound)
    }

    mutating func see(_ receiver: FuzzReceiver) { seen[receiver, default: 0] += 1 }

    /// What was seen where the arithmetic leaves no choice, else all that is allowed or was seen.
    func copies(_ receivers: [FuzzReceiver]) -> ClosedRange<Int> {
        let ranges = receivers.map { allowed[$0] ?? 0...0 }
        let low = ranges.reduce(0) { $0 + $1.lowerBound }
        let high = ranges.reduce(0) { $0 + $1.upperBound }
        let total = receivers.reduce(0) { $0 + seen[$1, default: 0] }
        return low == high ? total...total : min(low, total)...max(high, total)
    }
}
