import Testing

@testable import Report

@Test(arguments: [(Int64(0), "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")])
func digitsAreGrouped(_ value: Int64, _ expected: String) {
    #expect(Numbers.grouped(value) == expected)
}

@Test(arguments: [
    (0.0, "0 ms"), (3.21, "3.2 ms"), (812.4, "812 ms"), (9_999.0, "9,999 ms"), (10_000.0, "10.0 s"),
    (599_000.0, "599.0 s"), (912_000.0, "15.2 min"), (.infinity, "never"),
])
func timesHaveAUnitThatFits(_ milliseconds: Double, _ expected: String) {
    #expect(Numbers.time(milliseconds: milliseconds) == expected)
}

@Test func anIntervalIsInTheUnitOfItsTime() {
    #expect(Numbers.time(milliseconds: 12_300, halfWidth: 410) == "12.3 s ±0.5")
    #expect(Numbers.time(milliseconds: 812, halfWidth: 20, isBare: true) == "812 ±20")
}

@Test(arguments: [
    (812.0, Double?.some(20), "812 ±20"), (9_939.0, 10_369, "9.9 s ±10.4"), (479_400.0, 5_673_400, "479 s ±5,674"),
    (927_000.0, 9_000_000_000, "15.4 min ±.."), (1_000.0, nil, "1,000"),
])
func cellsKeepWithinTheirColumn(_ milliseconds: Double, _ halfWidth: Double?, _ expected: String) {
    #expect(Numbers.timeCell(milliseconds: milliseconds, halfWidth: halfWidth, width: 12) == expected)
}

@Test(arguments: [
    (0.0, "0"), (1.0, "100"), (0.5, "50.0"), (0.999_6, "99.96"), (0.999_999, "99.99"), (0.000_004, "<0.01"),
    (0.000_3, "0.03"), (0.999, "99.9"),
])
func onlyAllIsAHundredPercent(_ share: Double, _ expected: String) {
    #expect(Numbers.percent(share) == expected)
}

@Test func aHalfWidthIsNeverRoundedDown() {
    #expect(Numbers.percent(0.971, halfWidth: 0.0041) == "97.1 ±0.5")
    #expect(Numbers.percent(0.971, halfWidth: 0.000_001) == "97.10 ±0.01")
    #expect(Numbers.percent(0.971, halfWidth: 0) == "97.1")
}

@Test(arguments: [
    (0.971, "share", Double?.some(0.004), "97.1 % ±0.4"), (0.971, "share", nil, "97.1 %"),
    (2_410.0, "ms", 20, "2,410 ms ±20"),
    (94.0, "s", 3, "94.0 s ±3.0"), (2.5, "s", nil, "2,500 ms"), (41.0, "count", 2.5, "41 ±3"),
    (1.25, "count", nil, "1.2"),
    (4.1, "number", nil, "4.10"), (7.0, "per-second", nil, "7.00 per-second"),
])
func valuesCarryTheirUnit(_ value: Double, _ unit: String, _ halfWidth: Double?, _ expected: String) {
    #expect(Numbers.value(value, unit: unit, halfWidth: halfWidth) == expected)
}

@Test func clocksCountMinutes() {
    #expect(Numbers.clock(seconds: 300) == "5:00")
    #expect(Numbers.clock(seconds: 3_725.5, hasMilliseconds: true) == "62:05.500")
    #expect(Numbers.clock(seconds: 59.9999, hasMilliseconds: true) == "1:00.000")
}

@Test func colourIsForTerminalsOnly() {
    #expect(TextStyle.detect(isTerminal: true, environment: [:]).isEnabled)
    #expect(!TextStyle.detect(isTerminal: false, environment: [:]).isEnabled)
    #expect(!TextStyle.detect(isTerminal: true, environment: ["NO_COLOR": "1"]).isEnabled)
    #expect(TextStyle.detect(isTerminal: true, environment: ["NO_COLOR": ""]).isEnabled)
    #expect(!TextStyle.detect(isTerminal: true, environment: ["TERM": "dumb"]).isEnabled)
}

@Test func shellsGetWhatTheyCanRead() {
    #expect(shellQuoted("scenarios/a.yaml") == "scenarios/a.yaml")
    #expect(shellQuoted("it's here") == "'it'\\''s here'")
    #expect(shellQuoted("") == "''")
}
