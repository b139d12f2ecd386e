import Measures
import Testing

private func sampleCell() -> LedgerCell {
    var cell = LedgerCell()
    cell.expected = 10
    cell.delivered = 6
    cell.deliveredWithin = [1, 4, 5, 6]
    cell.lost[Int(LossCause.gatewayDown.rawValue)] = 3
    cell.inFlight = 1
    return cell
}

@Test func aCellBalancesWhenEveryExpectedPairIsAccountedFor() {
    var cell = sampleCell()
    #expect(cell.imbalance == 0)
    cell.expected += 1
    #expect(cell.imbalance == 1)
}

@Test func voidAndExtraAreOutsideTheBalance() {
    var cell = sampleCell()
    cell.void = 5
    cell.extra = 7
    #expect(cell.imbalance == 0)
}

@Test func oneUnbalancedCellUnbalancesTheLedger() {
    var ledger = Ledger()
    ledger[.audio, .crossRegion, .during] = sampleCell()
    #expect(ledger.isBalanced)
    // Opposite errors in two cells must not cancel.
    ledger[.video, .sameRegion, .before].expected = 1
    ledger[.video, .sameRegion, .after].inFlight = 1
    #expect(!ledger.isBalanced)
}

@Test func totalsSumOverWhatIsNotGiven() {
    var ledger = Ledger()
    ledger[.audio, .crossRegion, .during] = sampleCell()
    ledger[.audio, .sameRegion, .before] = sampleCell()
    ledger[.signalling, .crossRegion, .during] = sampleCell()
    #expect(ledger.total().expected == 30)
    #expect(ledger.total(of: .audio).expected == 20)
    #expect(ledger.total(path: .crossRegion, phase: .during).deliveredWithin == [2, 8, 10, 12])
    #expect(ledger.total(of: .video).expected == 0)
}

@Test func addingLedgersAddsCellByCell() {
    var ledger = Ledger()
    ledger[.video, .crossRegion, .after] = sampleCell()
    var sum = ledger
    sum.add(ledger)
    #expect(sum[.video, .crossRegion, .after].lostTotal == 6)
    #expect(sum.total().delivered == 12)
}
