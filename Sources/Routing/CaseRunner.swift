import NATSModel

/// Runs cases on back ends and compares what they do with what is expected.
public struct CaseRunner: Sendable {
    /// Run cases of other releases too; without it they are skipped.
    public var runsAllVersions: Bool
    /// Whether questions to steering are answered; the model knows about it, servers do not.
    public var answersSteering: Bool
    /// Seconds from a point that does not matter; for how long a case took.
    private let clock: @Sendable () -> Double

    public init(
        runsAllVersions: Bool = false, answersSteering: Bool = true, clock: @escaping @Sendable () -> Double = { 0 }
    ) {
        self.runsAllVersions = runsAllVersions
        self.answersSteering = answersSteering
        self.clock = clock
    }

    /// Runs the case from start to end; whatever goes wrong, the back end is shut down and the result says what.
    ///
    /// After each step the back end settles, and what was received since the step before is compared. What arrives
    /// at a step without expectation is dropped.
    public func run(_ routingCase: RoutingCase, on backend: inout some RoutingBackend) -> CaseResult {
        let start = clock()
        defer { backend.shutDown() }
        var result = CaseResult(
            title: routingCase.title, backend: backend.name, version: backend.version, verdict: .pass)
        if let reason = reasonToSkip(routingCase, backend.version) {
            result.verdict = .skipped(reason)
            return result
        }
        var run = CaseRun(answersSteering: answersSteering)
        if let failure = run.prepare(routingCase, on: &backend) {
            result.failure = failure
        } else {
            result.failure = run.perform(routingCase.steps, on: &backend)
        }
        result.mismatches = run.mismatches
        result.skippedSteps = run.skippedSteps
        result.observations = run.observations
        result.verdict = result.failure == nil && run.mismatches.isEmpty ? .pass : .fail
        result.seconds = clock() - start
        return result
    }

    private func reasonToSkip(_ routingCase: RoutingCase, _ version: ServerVersion) -> String? {
        if let range = routingCase.versions, !runsAllVersions, !range.contains(version) {
            return "holds \(range.words), this is \(version)"
        }
        if !answersSteering, routingCase.steps.allSatisfy({ $0.kind.isSteering }) {
            return "asks about steering only, which servers know nothing of"
        }
        return nil
    }
}

extension VersionRange {
    /// `from 2.10.0 before 2.11.0`.
    var words: String {
        [from.map { "from \($0)" }, before.map { "before \($0)" }].compactMap(\.self).joined(separator: " ")
    }
}

extension Step.Kind {
    var isSteering: Bool {
        if case .steer = self { true } else { false }
    }
}

/// One run of one case.
private struct CaseRun {
    var answersSteering: Bool
    var messages = MessageTable()
    var mismatches: [Mismatch] = []
    var observations: [StepObservation] = []
    var skippedSteps = 0

    /// Boots and connects; returns why that failed.
    mutating func prepare(_ routingCase: RoutingCase, on backend: inout some RoutingBackend) -> String? {
        // Steering needs no servers.
        if routingCase.steps.allSatisfy({ $0.kind.isSteering }) { return nil }
        do {
            try backend.boot(routingCase.topology)
        } catch {
            return "boot: \(error)"
        }
        do {
            for client in routingCase.clients {
                try backend.perform(.connect(client), message: messages.next)
            }
            if !routingCase.clients.isEmpty { try backend.settle() }
            _ = try backend.takeReceptions()
            _ = try backend.takeCrossings()
        } catch {
            return "connecting clients: \(error)"
        }
        return nil
    }

    /// Runs the steps; returns the error that ended them early.
    mutating func perform(_ steps: [Step], on backend: inout some RoutingBackend) -> String? {
        for (index, step) in steps.enumerated() {
            do {
                try perform(step, index, on: &backend)
            } catch {
                let place = step.place.text.isEmpty ? "step \(index + 1)" : step.place.text
                return "\(place): \(step.summary): \(error)"
            }
        }
        return nil
    }

    private mutating func perform(
        _ step: Step, _ index: Int, on backend: inout some RoutingBackend
    ) throws {
        var observation = StepObservation(step: index, place: step.place)
        let first = messages.next.rawValue
        var expectation = Expectation.none
        switch step.kind {
        case .steer(let question): return answer(question, step)
        case .wait(let duration): try backend.wait(duration)
        case .check(let check, let within):
            observation.differences = try backend.hold(check, within: within)
            mismatches += observation.differences.map {
                Mismatch(
                    place: step.place.text, step: step.summary, subject: "\($0.server): \($0.what)",
                    expected: $0.expected, seen: $0.seen)
            }
        case .together(let actions, let expected):
            expectation = expected
            for action in actions { try backend.perform(action, message: messages.add(action)) }
        }
        try backend.settle()
        let receptions = try backend.takeReceptions()
        observation.crossings = try backend.takeCrossings()
        observation.copies = CaseJudge.counts(receptions.filter(\.isCopy)).map {
            StepObservation.Copies(receiver: $0.receiver, count: $0.count)
        }
        observation.answers = receptions.count(where: \.isAnswerToRequest)
        observation.noResponders = receptions.count(where: \.isNoResponders)
        observations.append(observation)
        let judge = CaseJudge(
            messages: messages, published: first..<messages.next.rawValue, place: step.place.text, step: step.summary)
        mismatches += judge.judge(expectation, receptions, crossings: observation.crossings)
    }

    private mutating func answer(_ question: SteeringQuestion, _ step: Step) {
        guard answersSteering else { return skippedSteps += 1 }
        let found = question.answer()
        if found == question.expected { return }
        mismatches.append(
            Mismatch(
                place: step.place.text, step: step.summary, subject: "site", expected: question.expected ?? "nobody",
                seen: found ?? "nobody"))
    }
}
