import Experiment
import Foundation
import Measures
import Statistics
import Testing

@testable import Report

@Test func theSummaryOfALossReadsAsWritten() {
    #expect(
        Summary(Fixture.faulty(), style: .plain).text == """
            FAIL  region-loss   seed 7, 3 replications of 40 min
            fault         black-hole singapore 5:00 to 25:00
            fail          delivery.audio.cross-region.during.400ms  64.0 % ±2.5  at-least: 90%
            inconclusive  recovery.time                             in 2 of 3    at-most: 20min
            pass          people.returned                           98.0 % ±2.5  at-least: 90%

            setup time                            first audio                            first video
              ms unless marked              p50          p95          p99          p50          p95          p99
            join, same region          2,411 ±3   3,160 ±100  10.2 s ±1.0        2,600        4,000       14.9 s
            reconnect               32.0 s ±2.5     15.2 min    never 1/3            -            -            -

            delivered, %                      before                    during                    after
                                      in 400 ms         ever    in 400 ms         ever    in 400 ms         ever
            audio      same               99.96          100    96.9 ±0.3    97.1 ±0.3         97.9         98.0
            audio      cross               99.1          100    64.0 ±2.5    65.0 ±2.5         99.0        99.99

            recovery      median 98.0 s after the first fault, 2 of 3 recovered before the end
            people        41 ±3 lost a session, 98.0 % ±2.5 of them returned, 1 gave up
            lost          3.7 % of what was expected; by cause, with its share:
              gateway down            270,000  64.3 %  site unreachable  30,000  7.1 %
              receiver not connected  120,000  28.6 %
            busiest       singapore/relay-wt-0: 57.1 % in its busiest second, 31.2 % on average

            ledger        expected 11,250,000 = delivered 10,829,964 + lost 420,000 + in flight 36
                          summed over replications; beside it void 360, extra 11,106
            cost          123,456,789 events, 61.4 s CPU, 30.9 s wall
            assumptions   2 settings in use are guesses (docs/assumptions.md)
            replay        antipode run scenarios/region-loss.yaml --seed 7 --replications 3 \\
                          --set 'client.webtransport-blocked=10 %'
            database      results/antipode.db, run 12, fingerprint f154caa02fe93114

            """)
}

@Test func theSummaryOfAQuietRunIsShort() {
    #expect(
        Summary(Fixture.quiet(), style: .plain).text == """
            PASS  region-loss   seed 7, 1 replication of 40 min
            nothing expected   (no expect block in the scenario)

            delivered, %                    whole run
                                      in 400 ms         ever
            audio      same                   -          100

            lost          nothing of 500 expected

            ledger        expected 500 = delivered 500 + lost 0 + in flight 0
                          beside it void 0, extra 0
            cost          900 events, 4.0 ms CPU, 5.0 ms wall
            assumptions   none of the settings in use is a guess
            replay        antipode run scenarios/region-loss.yaml --seed 7 --replications 1
            database      other.db, run 12, fingerprint 000000000000abcd

            """)
}

@Test func aRunWithoutCallsShowsItsStreamsAndNoLedger() {
    let text = Summary(Fixture.streams(), style: .plain).text
    #expect(
        text.contains(
            """
            streams                   published         lost          p50          p99      resumed
              ms unless marked; resumed: from the last fault's end to the next delivery
            idle                             90            0          0.2       12.3 s            -
            us                            4,499        1,590          117        1,534        1,950

            cost          900 events, 4.0 ms CPU, 5.0 ms wall

            """))
    for word in ["ledger", "delivered, %", "recovery", "\nlost"] { #expect(!text.contains(word)) }
}

@Test func theSummaryFitsTheScreenWhateverIsExpected() {
    var result = Fixture.faulty()
    result.expectations = (0..<40).map { index in
        var judged = result.expectations[index % 3]
        judged.verdict = index == 39 ? .fail : .pass
        return judged
    }
    result.violations = (0..<9).map { "replication \($0): " + String(repeating: "long ", count: 40) }
    let lines = Summary(result, style: .plain).text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count <= 40)
    #expect(lines.allSatisfy { $0.count <= 100 })
    // What failed is never among what is cut off.
    #expect(lines.contains { $0.hasPrefix("fail  ") })
}

@Test func theCallsThatLostMostAreNamedWithTheCommandAsCalled() {
    let calls: [(identity: String, pairs: Int64)] = [
        (identity: "vietnam/call-12", pairs: 86_417), (identity: "b/call-3", pairs: 5),
    ]
    let text = Summary(Fixture.quiet(), style: .plain, program: ".build/a b/antipode", calls: calls).text
    // The second line has room for the command, the first one only without the number of pairs.
    #expect(
        text.contains(
            """
            lost          nothing of 500 expected
            explain       '.build/a b/antipode' explain 12 --call vietnam/call-12 --database other.db
                          '.build/a b/antipode' explain 12 --call b/call-3 --database other.db   (5 pairs lost)

            """))
    #expect(text.contains("replay        '.build/a b/antipode' run scenarios/region-loss.yaml --seed 7"))
}

@Test func callsNeverPushTheSummaryOffTheScreen() {
    var result = Fixture.faulty()
    result.expectations = (0..<12).map { result.expectations[$0 % 3] }
    let calls = (0..<3).map { (identity: "vietnam/call-\($0)", pairs: Int64(1)) }
    let lines = Summary(result, style: .plain, calls: calls).text.split(
        separator: "\n", omittingEmptySubsequences: false
    ).dropLast()
    #expect(lines.count <= 40)
}

@Test func columnsNeverTouchWhateverTheValues() throws {
    var result = Fixture.faulty()
    for index in result.responses.indices {
        let mean = [25_142_800.0, 3e17, 1_238, 599_949][index % 4]
        result.responses[index].mean = result.responses[index].unit == "share" ? 0.000_04 : mean
        result.responses[index].lower = mean * 0.001
        result.responses[index].upper = mean * 1.999
        result.responses[index].least = nil
    }
    for cause in LossCause.allCases {
        let pairs: Int64 = cause.rawValue % 2 == 0 ? 123_456_789_012 : 12
        result.ledger[.audio, .sameRegion, .during].lost[Int(cause.rawValue)] = pairs
    }
    let lines = Summary(result, style: .plain).text.split(separator: "\n")
    let times = lines.filter { $0.hasPrefix("join,") || $0.hasPrefix("reconnect") }
    #expect(times.count == 2)
    for line in times {
        let characters = Array(line)
        for column in 0..<6 where characters.count > 22 + 13 * column + 1 {
            #expect(characters[22 + 13 * column] == " " && characters[22 + 13 * column + 1] == " ", "\(line)")
        }
    }
    let causes = lines.filter { $0.hasPrefix("  ") && $0.hasSuffix(" %") }
    #expect(causes.count == 4)
    #expect((times + causes).allSatisfy { $0.count <= 100 })
    for line in causes {
        let cells = String(line.dropFirst(2)).components(separatedBy: "  ").filter { !$0.isEmpty }
        #expect(cells.count == 6, "\(line)")
    }
}

@Test func anInconclusiveRunSaysWhyAndWithWhichCode() {
    var result = Fixture.quiet()
    result.verdict = .inconclusive
    result.expectations = [
        JudgedExpectation(expectation: Fixture.identity.expectations[0], estimate: nil, verdict: .inconclusive)
    ]
    let text = Summary(result, style: .plain).text
    #expect(
        text.hasPrefix(
            "INCONCLUSIVE  region-loss   seed 7, 1 replication of 40 min, which gives no interval\n"))
    #expect(
        text.hasSuffix(
            "\nnote          one replication has no interval, so expectations stay open; "
                + "inconclusive is exit code 2\n"))
}

@Test func coloursDoNotMoveColumns() throws {
    let plain = Summary(Fixture.faulty(), style: .plain).text
    let coloured = Summary(Fixture.faulty(), style: TextStyle(isEnabled: true)).text
    let codes = try Regex("\u{1B}\\[[0-9;]*m")
    #expect(coloured != plain)
    #expect(coloured.replacing(codes, with: "") == plain)
}

@Test func anInterruptedRunSaysHowToGoOn() {
    var result = Fixture.quiet()
    result.isInterrupted = true
    result.identity.replicationsPlanned = 5
    #expect(
        Summary(result, style: .plain).text.contains(
            "interrupted   4 to go: antipode run --resume 12 --database other.db\n"))
}

@Test func aRunWithoutReplicationsStillHasASummary() {
    let result = summarise(
        Fixture.identity, replications: [], isInterrupted: true, cpuSeconds: 0, wallSeconds: 0)
    let text = Summary(result, style: .plain).text
    #expect(text.hasPrefix("INCONCLUSIVE  region-loss   seed 7, 0 of 3 replications of 40 min\n"))
    #expect(text.contains("inconclusive  people.returned"))
}

@Test func progressTellsWhatIsLeft() {
    let progress = ExperimentProgress(finished: 1, total: 5, fraction: 0.25, elapsedSeconds: 30)
    #expect(ProgressLine.text("baseline", progress) == "baseline   25 %  1 of 5 replications, 1:30 left")
}

@Test func progressDoesNotGuessTooEarly() {
    let progress = ExperimentProgress(finished: 0, total: 5, fraction: 0.001, elapsedSeconds: 0.5)
    #expect(ProgressLine.text("baseline", progress) == "baseline    0 %  0 of 5 replications")
}
