import Testing

@testable import Routing

private let topology = Topology(
    servers: [
        ServerSpec(name: "us-0", cluster: "us", routes: ["us-1"], gateway: GatewaySpec(name: "us")),
        ServerSpec(name: "us-1", cluster: "us", routes: ["us-0"], gateway: GatewaySpec(name: "us")),
        ServerSpec(name: "sgp-0", cluster: "sgp", gateway: GatewaySpec(name: "sgp")),
    ])

/// Three clients, one at each server; wave 0 subscribes, wave 1 publishes.
private func batch(_ subscriptions: [Subscribe], _ traffic: [Action], faults: [Action] = []) -> FuzzBatch {
    let program = FuzzProgram(
        number: 0,
        clients: [
            ClientSpec(name: "ann", server: "us-0"), ClientSpec(name: "bob", server: "us-1"),
            ClientSpec(name: "sam", server: "sgp-0"),
        ],
        waves: [subscriptions.map { .subscribe($0) }, traffic])
    return FuzzBatch(seed: 0, index: 0, topology: topology, faults: [[], faults], programs: [program])
}

private func publish(_ client: String = "ann", times: Int = 1) -> Action {
    .publish(PublishAction(client: client, subject: "p0.a", times: times))
}

private func got(_ client: String, _ label: String, _ number: Int) -> Reception {
    Reception(client: client, label: label, subject: "p0.a", content: .message(MessageNumber(rawValue: number)))
}

private func kinds(_ batch: FuzzBatch, model: [Reception], real: [Reception]) -> [FuzzDisagreement.Kind] {
    let verdict = batch.compare(
        program: 0, model: FuzzRun(receptions: [[[], model]]), real: FuzzRun(receptions: [[[], real]]))
    return (verdict.disagreements + verdict.oddities).map(\.kind)
}

private let plain = Subscribe(client: "bob", subject: "p0.*", label: "s")
private let group = [
    Subscribe(client: "ann", subject: "p0.a", queue: "q", label: "near"),
    Subscribe(client: "bob", subject: "p0.a", queue: "q", label: "beside"),
    Subscribe(client: "sam", subject: "p0.a", queue: "q", label: "far"),
]

@Test func equalCopiesOfASettledMessageAgree() {
    let batch = batch([plain], [publish()])
    #expect(kinds(batch, model: [got("bob", "s", 0)], real: [got("bob", "s", 0)]) == [])
}

@Test func aMissingCopyOfASettledMessageDisagreesAndNamesAllThree() {
    let batch = batch([plain], [publish()])
    let verdict = batch.compare(
        program: 0, model: FuzzRun(receptions: [[[], [got("bob", "s", 0)]]]),
        real: FuzzRun(receptions: [[[], []]]))
    #expect(
        verdict.disagreements.map(\.description) == [
            "wave 1: copies: message 0 at bob/s: model 1, server 0, arithmetic 1"
        ])
    #expect(verdict.pairs == 1)
    #expect(verdict.exactPairs == 1)
}

@Test func aCopyWhereNobodySubscribedDisagrees() {
    let batch = batch([plain], [publish()])
    let copies = [got("bob", "s", 0)]
    #expect(kinds(batch, model: copies, real: copies + [got("sam", "none", 0)]) == [.copies])
}

@Test func whatBothMissIsADifferenceFromTheArithmeticOnly() {
    #expect(kinds(batch([plain], [publish()]), model: [], real: []) == [.arithmetic])
}

@Test func anyMemberOfTheServingClusterAgrees() {
    let batch = batch(group, [publish()])
    #expect(kinds(batch, model: [got("ann", "near", 0)], real: [got("bob", "beside", 0)]) == [])
}

@Test func anotherClusterIsADisagreement() {
    let batch = batch(group, [publish()])
    #expect(kinds(batch, model: [got("ann", "near", 0)], real: [got("sam", "far", 0)]) == [.cluster])
}

@Test func twoMembersForOneMessageDisagree() {
    let batch = batch(group, [publish()])
    let both = [got("ann", "near", 0), got("bob", "beside", 0)]
    #expect(kinds(batch, model: [got("ann", "near", 0)], real: both) == [.group])
}

@Test func whatRacesAnUnsubscribeMayArriveOnceOrNot() {
    let leave = Action.unsubscribe(client: "bob", label: "s", maximum: nil)
    let batch = batch([plain], [publish(), leave])
    #expect(kinds(batch, model: [got("bob", "s", 0)], real: []) == [])
    #expect(kinds(batch, model: [], real: [got("bob", "s", 0), got("bob", "s", 0)]) == [.bounds])
}

@Test func aSubscriptionThatARaceLeavesAloneIsStillExact() {
    let other = Subscribe(client: "sam", subject: "p0.>", label: "t")
    let leave = Action.unsubscribe(client: "bob", label: "s", maximum: nil)
    let batch = batch([plain, other], [publish(), leave])
    #expect(kinds(batch, model: [got("sam", "t", 0)], real: []) == [.copies])
}

@Test func aKillTouchesOnlyWhatMayPassTheKilledServer() {
    let kill = Action.kill(server: "us-1")
    let far = Subscribe(client: "sam", subject: "p0.a", label: "far")
    let near = Subscribe(client: "ann", subject: "p0.a", label: "near")
    let killed = batch([far, near, plain], [publish()], faults: [kill])
    let both = [got("ann", "near", 0), got("sam", "far", 0)]
    #expect(kinds(killed, model: both, real: both) == [])
    #expect(kinds(killed, model: both, real: [got("ann", "near", 0)]) == [.copies])
    // Messages from the far cluster may have had their gateway at the killed server.
    let inward = batch([far, near, plain], [publish("sam")], faults: [kill])
    #expect(kinds(inward, model: both, real: [got("sam", "far", 0)]) == [])
}

@Test func overtakingOnASubscriptionDisagrees() {
    let batch = batch([plain], [publish(times: 2)])
    let right = [got("bob", "s", 0), got("bob", "s", 1)]
    #expect(kinds(batch, model: right, real: right.reversed()) == [.order])
}

@Test func messagesOfTwoPublishersMayOvertakeEachOther() {
    let batch = batch([plain], [publish("ann"), publish("sam")])
    let one = [got("bob", "s", 0), got("bob", "s", 1)]
    #expect(kinds(batch, model: one, real: one.reversed()) == [])
}

@Test func aWrongReplySubjectIsADisagreementAboutContent() {
    let batch = batch([plain], [publish()])
    var odd = got("bob", "s", 0)
    odd.reply = "_GR_.abc.def.inbox"
    #expect(kinds(batch, model: [got("bob", "s", 0)], real: [odd]) == [.content])
}

@Test func aMessageAfterItsWaveIsLate() {
    let program = FuzzProgram(
        number: 0, clients: [ClientSpec(name: "bob", server: "us-1")],
        waves: [[.subscribe(plain)], [publish("bob")], []])
    let batch = FuzzBatch(seed: 0, index: 0, topology: topology, faults: [[], [], []], programs: [program])
    let copy = got("bob", "s", 0)
    let verdict = batch.compare(
        program: 0, model: FuzzRun(receptions: [[[], [copy], []]]), real: FuzzRun(receptions: [[[], [], [copy]]]))
    #expect(verdict.disagreements.map(\.kind) == [.late])
}

@Test func aRequestWithoutRespondersMustBeRefusedInBoth() {
    let request = Action.publish(PublishAction(client: "ann", subject: "p0.none", isRequest: true))
    let batch = batch([], [request])
    let refusal = Reception(
        client: "ann", label: "inbox", subject: "_INBOX.1", content: .noResponders(MessageNumber(rawValue: 0)))
    #expect(kinds(batch, model: [refusal], real: [refusal]) == [])
    #expect(kinds(batch, model: [refusal], real: []) == [.copies])
}

@Test func answersOfAGroupAreCountedWithoutAskingWhoAnswers() {
    let members = group.map { member in
        var member = member
        member.answers = true
        return member
    }
    let batch = batch(members, [.publish(PublishAction(client: "ann", subject: "p0.a", isRequest: true))])
    func served(by client: String, _ label: String) -> [Reception] {
        var copy = got(client, label, 0)
        copy.reply = "_INBOX.1"
        let answer = Reception.Content.answer(to: MessageNumber(rawValue: 0), responder: client)
        return [copy, Reception(client: "ann", label: "inbox", subject: "_INBOX.1", content: answer)]
    }
    #expect(kinds(batch, model: served(by: "ann", "near"), real: served(by: "bob", "beside")) == [])
    #expect(kinds(batch, model: served(by: "ann", "near"), real: [served(by: "bob", "beside")[0]]) == [.copies])
}

@Test func aLimitedSubscriptionOfTwoPublishersIsExactInAll() {
    var limited = plain
    limited.maximum = 1
    let batch = batch([limited], [publish("ann"), publish("sam")])
    #expect(kinds(batch, model: [got("bob", "s", 0)], real: [got("bob", "s", 1)]) == [])
    #expect(kinds(batch, model: [got("bob", "s", 0)], real: []) == [.copies])
}

@Test func theTestOfSharesCondemnsUnevenRanksOnly() {
    func test(_ counts: [Int]) -> FuzzShareTest {
        let members = counts.indices.map { rank in
            let receiver = FuzzReceiver(client: "c\(rank)", label: "s")
            return FuzzGroup.Member(receiver: receiver, server: "a", cluster: "c", answers: false)
        }
        let group = FuzzGroup(
            members: members, clusters: ["c"], copies: 1...1, isFair: true, besidePublisher: counts.count)
        var choices = FuzzChoices()
        for (rank, count) in counts.enumerated() {
            for _ in 0..<count { choices.add(group, members[rank].receiver) }
        }
        return choices.test
    }
    #expect(test([40, 60]).statistic == 4)
    #expect(test([40, 60]).degrees == 1)
    #expect(abs(test([40, 60]).probability - 0.0455003) < 1e-6)
    #expect(test([40, 60]).holds)
    #expect(!test([20, 80]).holds)
    // Too few to say anything.
    #expect(test([0, 12]).degrees == 0)
}
