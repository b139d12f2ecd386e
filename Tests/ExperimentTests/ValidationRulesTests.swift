import Scenario
import Statistics
import Testing

@testable import Experiment

private func row(
    _ margin: CalibrationRow.Margin = .absolute(0.5), above: Double? = nil, measured: ClosedRange<Double>? = nil,
    measurements: Int = 0
) -> CalibrationRow {
    CalibrationRow(
        response: "stream.x.resumed", title: nil, margin: margin, above: above, measured: measured,
        measurements: measurements)
}

private func judged(
    _ simulated: [Double?], _ measured: Measurement, _ margin: CalibrationRow.Margin = .absolute(0.5),
    above: Double? = nil
) -> ValidationRow {
    judge(row(margin, above: above), unit: "s", simulated: simulated, measured: measured)
}

/// So many of the values, and nothing otherwise.
private func runs(_ value: Double, _ count: Int, never: Int = 0) -> [Double?] {
    Array(repeating: value, count: count) + Array(repeating: nil, count: never)
}

@Test func aMedianInsideTheMeasuredRangePassesWithoutError() {
    let row = judged([1.0, 2.0, 9.0], .live([1.9, 2.2]))
    #expect(row.verdict == .pass)
    #expect(row.error == 0)
    #expect(row.simulated == Observation(count: 3, never: 0, median: 2, least: 1, most: 9))
    #expect(row.source == .live)
}

@Test func theMarginWidensTheRange() {
    let inside = judged([1.5], .live([2.0, 2.25]))
    #expect(inside.error == 0.5)
    #expect(inside.tolerance == 0.5)
    #expect(inside.verdict == .pass)
    let outside = judged([1.25], .live([2.0, 2.25]))
    #expect(outside.error == 0.75)
    #expect(outside.verdict == .fail)
}

@Test func fewMeasurementsWidenTheRangeByWhatTheyAreExpectedToMiss() {
    // Range 4 over 3 runs: 2 on each side, more than the margin.
    let three = judged([11.5], .live([5, 7, 9.0]), .absolute(0.5))
    #expect(three.tolerance == 2)
    #expect(three.error == 2.5)
    #expect(three.verdict == .fail)
    // Over 2 runs: 4.
    #expect(judged([11.5], .live([5, 9.0]), .absolute(0.5)).verdict == .pass)
}

@Test func oneMeasurementHasTheMarginAlone() {
    let row = judged([10.5], .live([10]), .absolute(0.25))
    #expect(row.tolerance == 0.25)
    #expect(row.verdict == .fail)
}

@Test func aRelativeMarginIsOfTheNearestBound() {
    let row = judged([112], .live([10, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100]), .relative(0.125))
    #expect(row.error == 12)
    #expect(row.tolerance == 12.5)
    #expect(row.verdict == .pass)
    #expect(judged([113], .live([10] + Array(repeating: 100, count: 10)), .relative(0.125)).verdict == .fail)
}

@Test func storedRangesAreWidenedByTheirNumberOfMeasurements() {
    let row = judged([3.2], .stored(1...2, measurements: 11), .absolute(0.05))
    #expect(row.tolerance == 0.1)
    #expect(row.verdict == .fail)
    #expect(row.source == .stored)
    #expect(judged([2.09], .stored(1...2, measurements: 11), .absolute(0.05)).verdict == .pass)
}

@Test func neverAgainstNeverPasses() {
    let row = judged(runs(0, 0, never: 20), .live([nil, nil]))
    #expect(row.verdict == .pass)
    #expect(row.error == nil)
    // An infinite value means never too.
    #expect(judged([.infinity], .live([nil])).verdict == .pass)
}

@Test func neverAgainstAValueFails() {
    #expect(judged(runs(0, 0, never: 20), .live([2])).verdict == .fail)
    #expect(judged(runs(2, 20), .live([nil])).verdict == .fail)
    #expect(judged(runs(0, 0, never: 20), .stored(1...2, measurements: 1)).verdict == .fail)
}

@Test func sometimesNeverIsACoinFlip() {
    // Wilson 95 % of 3 of 6: 18.8 % to 81.2 %.
    let live: [Double?] = [2, 2, 2, nil, nil, nil]
    #expect(judged(runs(2, 10, never: 10), .live(live)).verdict == .pass)
    #expect(judged(runs(2, 4, never: 16), .live(live)).verdict == .pass)
    let rarely = judged(runs(2, 3, never: 17), .live(live))
    #expect(rarely.verdict == .fail)
    #expect(rarely.reason == "happened in 3 of 20 simulated and 3 of 6 real runs")
    // The values of those that have one are compared as well.
    #expect(judged(runs(9, 10, never: 10), .live(live)).verdict == .fail)
}

@Test func aShareWithinTheMarginPasses() {
    // 2 of 20 and 0 of 100: outside the interval, which ends at 3.7 %.
    let simulated = runs(5, 2) + runs(0, 18)
    #expect(judged(simulated, .live(runs(0, 100)), .absolute(0.125), above: 1).verdict == .pass)
    let narrow = judged(simulated, .live(runs(0, 100)), .absolute(0.0625), above: 1)
    #expect(narrow.verdict == .fail)
    #expect(narrow.error == 0.1)
    #expect(narrow.unit == "share")
}

@Test func aShareInsideTheIntervalOfTheMeasuredOnePasses() {
    // Wilson 95 % of 1 of 3: 6.1 % to 79.2 %.
    let live: [Double?] = [5, 0, 0]
    let row = judged(runs(5, 15) + runs(0, 5), .live(live), .absolute(0.05), above: 1)
    #expect(row.verdict == .pass)
    #expect(row.reason == "inside the 95 % interval of the measured share")
    #expect(judged(runs(5, 16) + runs(0, 4), .live(live), .absolute(0.05), above: 1).verdict == .fail)
}

@Test func whatNeverHappensExceedsNothing() {
    #expect(judged(runs(0, 0, never: 20), .stored(0...0, measurements: 3), .absolute(0), above: 0).verdict == .pass)
    #expect(judged(runs(3.5, 20), .stored(0...0, measurements: 3), .absolute(0), above: 0).verdict == .fail)
    #expect(judged([.infinity], .live([nil]), .absolute(0), above: 0).simulated.median == 0)
}

@Test func nothingMeasuredIsInconclusive() {
    #expect(judged([1], .live([])).verdict == .inconclusive)
    #expect(judged([1], .live([]), above: 0).verdict == .inconclusive)
    let row = judged([1], .none("no server"))
    #expect(row.verdict == .inconclusive)
    #expect(row.reason == "no server")
    #expect(judged([1], .none("no server"), above: 0).verdict == .inconclusive)
    #expect(judged([], .live([1])).verdict == .inconclusive)
}

// MARK: Sweeps

private func sweep(
    _ values: [(value: Int64, simulated: [Double?], live: [Double?])], isCompared: Bool = true
) -> ValidationSweep {
    judgeSweep(row(), unit: "s", key: "timeline.0.for", isCompared: isCompared, values: values)
}

@Test func aRealRunBetweenTheExtremesIsInside() {
    let found = sweep([(20, [1, 3], [0.5, 3.5, 0.49, nil]), (21, [1, nil], [nil])])
    #expect(found.points[0].isInside == [true, true, false, false])
    #expect(found.points[1].isInside == [true])
    #expect(found.live == 5)
    #expect(found.inside == 3)
}

@Test func chanceLeavesSomeRunsOutside() {
    // A draw lies outside the range of 20 others with probability 2/21; P(X <= 2) is 0.923 and P(X <= 3) 0.986 of 10.
    #expect(allowedOutside(of: 10, simulatedRuns: 20) == 3)
    // Fewer than half in any case.
    #expect(allowedOutside(of: 1, simulatedRuns: 20) == 0)
    #expect(allowedOutside(of: 2, simulatedRuns: 20) == 0)
    #expect(allowedOutside(of: 3, simulatedRuns: 20) == 1)
    #expect(allowedOutside(of: 10, simulatedRuns: 2) == 4)
}

@Test func aSweepFailsWhenMoreLieOutside() {
    let model = runs(1, 20)
    func found(outside: Int) -> ValidationSweep {
        sweep([(20, model, runs(1, 10 - outside) + runs(5, outside))])
    }
    #expect(found(outside: 0).verdict == .pass)
    #expect(found(outside: 3).verdict == .pass)
    #expect(found(outside: 4).verdict == .fail)
    #expect(found(outside: 4).reason == "4 outside, where chance leaves up to 3")
}

@Test func aSweepWithoutRealServersIsNotCompared() {
    #expect(sweep([(20, [1], [])], isCompared: false).verdict == nil)
    #expect(sweep([(20, [1], [])]).verdict == .inconclusive)
}
