import EventKernel
import Network
import Testing

@testable import Routing

/// Where clients end up, by kind of steering.
@Suite struct CaseSteeringTests {
    private func answer(
        _ mode: Steering, of region: String = "us", down: [String] = [],
        after: SimDuration = SteeringQuestion.settledAfter
    ) -> String? {
        let sites = [
            SteeringQuestion.Site(name: "us", roundTrip: .milliseconds(220)),
            SteeringQuestion.Site(name: "sgp", roundTrip: .milliseconds(20)),
            SteeringQuestion.Site(name: "fra", roundTrip: .milliseconds(90)),
        ]
        return SteeringQuestion(mode: mode, region: region, sites: sites, down: down, after: after, expected: nil)
            .answer()
    }

    @Test func anElectionPicksTheNearestSiteThatAnswers() {
        #expect(answer(.election) == "sgp")
        #expect(answer(.election, down: ["sgp"]) == "fra")
        #expect(answer(.election, down: ["sgp", "fra"]) == "us")
        #expect(answer(.election, down: ["sgp", "fra", "us"]) == nil)
    }

    @Test func anElectionNeedsNoTime() { #expect(answer(.election, down: ["sgp"], after: .zero) == "fra") }

    @Test func whoeverIsPinnedStaysWithTheOwnRegion() {
        #expect(answer(.pinned) == "us")
        #expect(answer(.pinned, down: ["us"]) == nil)
    }

    @Test func geographicDNSFailsOverInTheOrderOfSites() {
        #expect(answer(.geoDNS) == "us")
        #expect(answer(.geoDNS, down: ["us"]) == "sgp")
        #expect(answer(.geoDNS, of: "fra", down: ["fra"]) == "us")
        #expect(answer(.geoDNS, down: ["us", "sgp"]) == "fra")
    }

    @Test func geographicDNSIsBlindUntilTheHealthCheckFails() {
        // A check at once: three tries of 5 s, then 3 s until answers change.
        #expect(answer(.geoDNS, down: ["us"], after: .seconds(15)) == nil)
        #expect(answer(.geoDNS, down: ["us"], after: .seconds(18 + 60)) == "sgp")
    }

    @Test func aProxyFollowsHealthWithoutCaches() {
        #expect(answer(.proxiedDNS) == "us")
        #expect(answer(.proxiedDNS, down: ["us"], after: .seconds(15)) == nil)
        #expect(answer(.proxiedDNS, down: ["us"], after: .seconds(18)) == "sgp")
    }

    @Test func aSiteTooFarForTwoSamplesStillWinsAlone() {
        let far = SteeringQuestion.Site(name: "moon", roundTrip: .milliseconds(1_300))
        let question = SteeringQuestion(mode: .election, region: "moon", sites: [far], expected: nil)
        #expect(question.answer() == "moon")
    }
}
