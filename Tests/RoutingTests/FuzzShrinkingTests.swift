import Testing

@testable import Routing

/// Whether somebody leaves a queue group in a wave and a message for the group follows in a later one.
private func leavesGroupThenPublishes(_ batch: FuzzBatch) -> Bool {
    var groups: [String: (subject: String, queue: String)] = [:]
    var left: Set<String> = []
    for wave in 0..<batch.waveCount {
        let actions = batch.programs[0].waves[wave]
        for case .publish(let publish) in actions where left.contains(publish.subject) { return true }
        for action in actions {
            switch action {
            case .subscribe(let made):
                if let queue = made.queue { groups["\(made.client)/\(made.label)"] = (made.subject, queue) }
            case .unsubscribe(let client, let label, nil):
                if let group = groups["\(client)/\(label)"] { left.insert(group.subject) }
            default: break
            }
        }
    }
    return false
}

/// A program of some batch of which this holds.
private func find(_ holds: (FuzzBatch) -> Bool) -> (batch: FuzzBatch, program: Int)? {
    for index in 0..<10 {
        let batch = FuzzBatch(seed: 21, index: index)
        if let position = batch.programs.indices.first(where: { holds(batch.alone($0)) }) { return (batch, position) }
    }
    return nil
}

@Test func shrinkingFindsTheKnownSmallestProgram() throws {
    let (batch, position) = try #require(find(leavesGroupThenPublishes))
    let shrunk = batch.shrink(program: position, attempts: 200, disagrees: leavesGroupThenPublishes)
    #expect(shrunk.isReproduced)
    #expect(shrunk.attempts <= 200)
    #expect(shrunk.batch.problems() == [])
    let actions = shrunk.batch.programs[0].waves.flatMap(\.self)
    #expect(actions.count == 3)
    #expect(shrunk.batch.faults.flatMap(\.self) == [])
    #expect(shrunk.batch.topology.servers.count <= 2)
    #expect(shrunk.batch.programs[0].clients.count <= 2)
    guard case .subscribe(let made) = actions[0], case .unsubscribe(_, let label, nil) = actions[1],
        case .publish(let publish) = actions[2]
    else {
        Issue.record("subscribe, unsubscribe and publish are left, not \(actions.map(\.fuzzText))")
        return
    }
    #expect(made.queue != nil)
    #expect(label == made.label)
    #expect(publish.subject == made.subject)
    #expect(publish.times == 1)
}

/// Whether a stand-in with a planted fault differs from one without.
private func disagrees(_ batch: FuzzBatch) throws -> Bool {
    let model = try batch.run(with: { _ in StandIn(seed: 1) })
    let real = try batch.run(with: { _ in StandIn(seed: 2, quirk: .groupEndsWithMember) })
    return !batch.compare(program: 0, model: model, real: real).disagreements.isEmpty
}

@Test func aPlantedFaultShrinksToFourActionsAndBecomesACase() throws {
    let (batch, position) = try #require(find { (try? disagrees($0)) == true })
    let shrunk = batch.shrink(program: position, disagrees: disagrees)
    #expect(shrunk.isReproduced)
    let actions = shrunk.batch.programs[0].waves.flatMap(\.self)
    #expect(actions.count <= 6)
    let real = try shrunk.batch.run(with: { _ in StandIn(seed: 2, quirk: .groupEndsWithMember) })
    let made = shrunk.batch.routingCase(title: "A group outlives a member", real: real)
    #expect(made.steps.count == shrunk.batch.programs[0].waves.filter { !$0.isEmpty }.count)
    #expect(made.source == "random programs, seed 21, batch \(batch.index), program \(batch.programs[position].number)")
}

@Test func aProgramThatAgreesAloneIsHandedBackWhole() {
    let batch = FuzzBatch(seed: 3, index: 0, programs: 3)
    let shrunk = batch.shrink(program: 1) { _ in false }
    #expect(!shrunk.isReproduced)
    #expect(shrunk.batch == batch.alone(1))
    #expect(shrunk.attempts == 1)
}

@Test func attemptsAreBoundedAndErrorsCountAsAgreeing() {
    let batch = FuzzBatch(seed: 3, index: 0, programs: 1)
    var asked = 0
    let shrunk = batch.shrink(program: 0, attempts: 7) { _ in
        asked += 1
        if asked > 1 { throw UnsettledError("no route") }
        return true
    }
    #expect(asked == 7)
    #expect(shrunk.attempts == 7)
    #expect(shrunk.failures == 6)
    #expect(shrunk.isReproduced)
}

@Test func aCaseExpectsWhatTheServerDid() {
    let topology = Topology(servers: [ServerSpec(name: "a", cluster: "c")])
    let request = PublishAction(client: "ann", subject: "p0.svc", isRequest: true)
    let program = FuzzProgram(
        number: 0, clients: [ClientSpec(name: "ann", server: "a"), ClientSpec(name: "bob", server: "a")],
        waves: [
            [
                .subscribe(Subscribe(client: "bob", subject: "p0.*", label: "s0", answers: true)),
                .subscribe(Subscribe(client: "ann", subject: "p0.a", queue: "q", label: "s1")),
                .subscribe(Subscribe(client: "bob", subject: "p0.a", queue: "q", label: "s2")),
            ],
            [.publish(PublishAction(client: "ann", subject: "p0.a", times: 2)), .publish(request)],
        ])
    let batch = FuzzBatch(seed: 4, index: 2, topology: topology, faults: [[], []], programs: [program])
    func copy(_ client: String, _ label: String, _ number: Int) -> Reception {
        Reception(client: client, label: label, subject: "", content: .message(MessageNumber(rawValue: number)))
    }
    let answer = Reception.Content.answer(to: MessageNumber(rawValue: 2), responder: "bob")
    let received = [
        copy("bob", "s0", 0), copy("bob", "s0", 1), copy("bob", "s0", 2), copy("ann", "s1", 0), copy("bob", "s2", 1),
        Reception(client: "ann", label: "inbox", subject: "", content: answer),
    ]
    let made = batch.routingCase(title: "t", real: FuzzRun(receptions: [[[], received]]))
    #expect(made.clients == program.clients)
    #expect(made.steps.map(\.kind).first == .together(program.waves[0], .none))
    #expect(
        made.steps.map(\.kind).last
            == .together(
                program.waves[1],
                Expectation(
                    shares: [
                        Expectation.Share(receivers: ["bob/s0"], copies: 3...3),
                        Expectation.Share(receivers: ["ann/s1", "bob/s2"], copies: 2...2),
                    ], answers: 1...1, noResponders: 0)))
}
