import EventKernel
import NATSModel
import Testing

@Suite struct VersionTests {
    @Test(arguments: [
        ("2.9.10", ServerVersion(major: 2, minor: 9, patch: 10)),
        ("v2.11.0", ServerVersion(major: 2, minor: 11, patch: 0)),
        ("2.9.18-alpine", ServerVersion(major: 2, minor: 9, patch: 18)),
    ])
    func versionsAreRead(_ text: String, _ expected: ServerVersion) throws {
        #expect(try ServerVersion(parsing: text) == expected)
    }

    @Test(arguments: ["", "2", "2.9", "2.9.", "2.9.x", "2.9.1.1", "latest", "2.-9.1", "2.9.99999999999999999999"])
    func otherTextIsAnError(_ text: String) {
        #expect(throws: ServerVersionError.malformed(text)) { try ServerVersion(parsing: text) }
    }

    @Test func optimisticServersAreRefused() {
        #expect(throws: ServerVersionError.tooOld(ServerVersion(major: 2, minor: 8, patch: 4))) {
            try ServerVersion(parsing: "2.8.4")
        }
    }

    @Test func versionsAreOrderedByNumberNotByText() throws {
        #expect(try ServerVersion(parsing: "2.9.10") < ServerVersion(parsing: "2.10.2"))
        #expect(try ServerVersion(parsing: "2.9.9") < ServerVersion(parsing: "2.9.10"))
    }

    @Test(arguments: [
        // version, closes silent outbound, brief stall, pings busy routes, queue tally bug, route pool
        ("2.9.10", false, false, false, false, 1),
        ("2.9.18", false, false, true, false, 1),
        ("2.10.15", false, false, true, false, 3),
        ("2.10.16", true, false, true, false, 3),
        ("2.10.25", true, false, true, true, 3),
        ("2.10.26", true, true, true, true, 3),
        ("2.10.28", true, true, true, false, 3),
        ("2.11.0", true, true, true, false, 3),
        ("2.15.1", true, true, true, false, 3),
    ])
    func behaviourFollowsTheVersion(
        _ text: String, _ closesSilent: Bool, _ brief: Bool, _ pingsBusy: Bool, _ tallyBug: Bool, _ pool: Int
    ) throws {
        let behaviour = try ServerVersion(parsing: text).behaviour
        #expect(behaviour.closesSilentOutbound == closesSilent)
        #expect((behaviour.stall == .brief) == brief)
        #expect(behaviour.pingsBusyRoutes == pingsBusy)
        #expect(behaviour.losesQueueTallyOnRouteReconnect == tallyBug)
        #expect(behaviour.routePoolSize == pool)
    }

    @Test func theLongStallGrowsByATenthOfASecondForEachTenthOfTheThreshold() {
        let mebibyte: Int64 = 1_048_576
        let full = 64 * mebibyte
        #expect(StallRule.long.wait(pending: 32 * mebibyte, maximumPending: full) == nil)
        #expect(StallRule.long.wait(pending: 32 * mebibyte + 1, maximumPending: full) == .milliseconds(100))
        #expect(StallRule.long.wait(pending: 48 * mebibyte, maximumPending: full) == .milliseconds(600))
        #expect(StallRule.long.wait(pending: 63 * mebibyte, maximumPending: full) == .seconds(1))
        #expect(StallRule.long.wait(pending: full, maximumPending: full) == .seconds(1))
    }

    @Test func theBriefStallStartsAtThreeQuarters() {
        #expect(StallRule.brief.wait(pending: 75, maximumPending: 100) == nil)
        #expect(StallRule.brief.wait(pending: 76, maximumPending: 100) == .milliseconds(2))
        #expect(StallRule.brief.wait(pending: 100, maximumPending: 100) == .milliseconds(5))
    }
}
