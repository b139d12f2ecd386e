import EventKernel
import Measures
import Testing

private func at(_ seconds: Double) -> SimTime { SimTime(nanoseconds: Int64(seconds * 1e9)) }

extension [ResponseValue] {
    fileprivate func value(_ measure: String) -> Double? { first { $0.name == "stream.s." + measure }?.value }
}

@Suite struct StreamAccountTests {
    @Test func toldApartAreDuplicatesAndOvertaking() {
        var account = StreamAccount(burst: 1, heal: nil)
        for sequence: UInt32 in [0, 2, 1, 1, 70, 69, 2] {
            account.deliver(sequence: sequence, due: at(1), at: at(1.1))
        }
        #expect(account.delivered == 5)
        #expect(account.duplicates == 2)
        #expect(account.outOfOrder == 2)
        let all = StreamAccount.responses(name: "s", published: 71, perSecond: 10, accounts: [account])
        #expect(all.value("lost") == 66)
        #expect(all.value("lost-time") == 6.6)
        #expect(all.value("duplicates") == 2)
        #expect(all.value("out-of-order") == 2)
    }

    @Test func theLastOfABurstIsTheOneThatCounts() {
        var account = StreamAccount(burst: 3, heal: nil)
        for (sequence, delay) in [0.1, 0.2, 0.3, 0.1, 0.2, 0.7, 0.1, 0.2, 0.5].enumerated() {
            let due = Double(sequence / 3 + 1)
            account.deliver(sequence: UInt32(sequence), due: at(due), at: at(due + delay))
        }
        let all = StreamAccount.responses(name: "s", published: 9, perSecond: 3, accounts: [account])
        #expect(all.value("burst-last") == 500)
        #expect(all.value("lost") == 0)
        #expect(all.value("first-delivery") == 1.1)
    }

    @Test func timesAfterTheHealCountFromIt() {
        var account = StreamAccount(burst: 1, heal: at(10))
        account.deliver(sequence: 0, due: at(5), at: at(9.5))
        account.deliver(sequence: 1, due: at(6), at: at(12))
        account.deliver(sequence: 2, due: at(11), at: at(12.5))
        account.deliver(sequence: 3, due: at(12.9), at: at(13))
        let all = StreamAccount.responses(name: "s", published: 4, perSecond: 1, accounts: [account])
        #expect(all.value("resumed") == 2)
        #expect(all.value("normal") == 2.5)
        #expect(all.value("late") == 3)
    }

    @Test func leftoversOfAClosedConnectionAreNotFresh() {
        // The first subscriber has two leftovers, one of them due as the fault ended; the second one has none.
        var first = StreamAccount(burst: 1, heal: at(10))
        first.deliver(sequence: 0, due: at(5), at: at(5.1))
        first.deliver(sequence: 1, due: at(9), at: at(10.5))
        first.deliver(sequence: 2, due: at(10), at: at(10.75))
        first.deliver(sequence: 4, due: at(12), at: at(12.5))
        first.deliver(sequence: 3, due: at(11), at: at(12.75))
        var second = StreamAccount(burst: 1, heal: at(10))
        second.deliver(sequence: 5, due: at(13), at: at(13.25))
        func responses(_ accounts: [StreamAccount]) -> [ResponseValue] {
            StreamAccount.responses(name: "s", published: 6, perSecond: 1, accounts: accounts)
        }
        #expect(responses([first]).value("resumed") == 0.5)
        #expect(responses([first]).value("fresh") == 2.5)
        #expect(responses([second]).value("fresh") == 3.25)
        #expect(responses([second, first]).value("fresh") == 2.5)
    }

    @Test func nothingIsFreshWithoutAnEndOfTheFault() {
        var account = StreamAccount(burst: 1, heal: nil)
        account.deliver(sequence: 0, due: at(5), at: at(5.5))
        var stale = StreamAccount(burst: 1, heal: at(10))
        stale.deliver(sequence: 0, due: at(5), at: at(11))
        for account in [account, stale] {
            let all = StreamAccount.responses(name: "s", published: 1, perSecond: 1, accounts: [account])
            #expect(all.value("fresh") == nil)
            #expect(all.value("delivered") == 1)
        }
    }

    @Test func nothingIsExpectedWhereNobodyListens() {
        let all = StreamAccount.responses(name: "s", published: 4, perSecond: 1, accounts: [])
        #expect(all.value("published") == 4)
        #expect(all.value("delivered") == nil)
        #expect(all.value("lost") == 0)
        #expect(all.value("lost-time") == nil)
    }
}

@Test func gatewaysOfAServerAreJudgedByTheirOwnEvents() {
    func event(_ seconds: Double, _ server: String, outbound: Bool, registered: Bool) -> GatewayEvent {
        GatewayEvent(
            time: at(seconds), server: server, region: "sgp", isOutbound: outbound, isRegistered: registered)
    }
    let all = GatewayEvent.responses(
        [
            event(1.5, "a", outbound: true, registered: true), event(1.6, "a", outbound: false, registered: true),
            event(22, "a", outbound: true, registered: false), event(36, "a", outbound: false, registered: false),
            event(42, "a", outbound: true, registered: true), event(1.7, "b", outbound: true, registered: true),
        ], servers: [("a", "sgp"), ("b", "sgp")], firstFault: at(10), heal: at(40))
    let values = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.value) })
    #expect(values["gateway.a.sgp.up"] == 1.5)
    #expect(values["gateway.a.sgp.closed"] == 12)
    #expect(values["gateway.a.sgp.inbound-closed"] == 26)
    #expect(values["gateway.a.sgp.restored"] == 2)
    #expect(values["gateway.b.sgp.up"] == 1.7)
    #expect(values["gateway.b.sgp.closed"] == .some(nil))
    #expect(values["gateway.b.sgp.restored"] == .some(nil))
}
