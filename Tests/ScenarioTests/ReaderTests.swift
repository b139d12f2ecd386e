import CallModel
import EventKernel
import Foundation
import Network
import Testing

@testable import Scenario

@Suite struct ReaderTests {
    @Test func readsTheSample() throws {
        let loaded = try ScenarioReader.parse(text: Samples.scenario, file: "folder/sample.yaml")
        let scenario = loaded.scenario
        #expect(scenario.name == "sample")
        #expect(scenario.horizon == .minutes(10))
        #expect(scenario.startUTC == 1_794_922_200)
        #expect(scenario.seed == 7)
        #expect(scenario.replications == 5)
        #expect(scenario.steering == .election)
        #expect(scenario.populations.map(\.name) == ["vietnam", "americas"])
        #expect(scenario.populations[0].region == 1)
        #expect(scenario.populations[0].roundTrips == [.milliseconds(250), .milliseconds(30)])
        #expect(scenario.populations[0].utcOffset == 7)
        #expect(scenario.populations[0].traffic == .concurrent(calls: 4, diurnal: .flat))
        #expect(scenario.populations[0].sizes.map(\.share) == [0.6, 0.4])
        #expect(scenario.populations[1].meanDuration == .minutes(52))
        #expect(scenario.deployment.regions.map(\.name) == ["us-east", "singapore"])
        #expect(scenario.deployment.regions[0].relays[1].cpu == 500)
        #expect(loaded.findings.isEmpty)
        #expect(loaded.deploymentText.isEmpty)
        #expect(loaded.text == Samples.scenario)
    }

    @Test func readsFaultsAndExpectations() throws {
        let extra = """
            timeline:
              - { at: 1min, for: 2min, fault: round-trip, link: singapore/us-east, to: 300ms }
              - { at: 2min, fault: relay-kill, relay: us-east/wt-1 }
            expect:
              - { response: setup.audio.all.p50, at-most: 4s }
              - { response: people.returned, at-least: 99% }
              - { response: recovery.time, at-least: 1s, at-most: 2min }
            """
        let scenario = try ScenarioReader.parse(text: Samples.scenario(extra: extra), file: "x.yaml").scenario
        #expect(
            scenario.timeline == [
                Fault(
                    kind: .roundTrip(link: 0, .milliseconds(300)), start: .start + .minutes(1),
                    end: .start + .minutes(3)),
                Fault(
                    kind: .relayKill(region: 0, transport: .webTransport, replica: 1), start: .start + .minutes(2),
                    end: nil),
            ])
        #expect(
            scenario.expectations == [
                Expectation(response: "setup.audio.all.p50", atLeast: nil, atMost: 4_000, text: "at-most: 4s"),
                Expectation(response: "people.returned", atLeast: 0.99, atMost: nil, text: "at-least: 99%"),
                Expectation(response: "recovery.time", atLeast: 1, atMost: 120, text: "at-least: 1s, at-most: 2min"),
            ])
    }

    @Test func appliesProfileThenSectionThenOverride() throws {
        let text = Samples.scenario(extra: "profile: videocall-2025-07\nrelay: { client-timeout: 12s }")
        let old = try ScenarioReader.parse(text: text, file: "x.yaml").scenario
        #expect(old.client.electionPeriod == .seconds(3))
        #expect(old.relay.clientTimeout == .seconds(12))
        let overrides = ["relay.client-timeout=13s", "client.election-period=1s"]
        let new = try ScenarioReader.parse(text: text, file: "x.yaml", overrides: overrides).scenario
        #expect(new.relay.clientTimeout == .seconds(13))
        #expect(new.client.electionPeriod == .seconds(1))
    }

    @Test func keepsAllBitsOfTheSeed() throws {
        let text = Samples.scenario([14: "seed: 18446744073709551615"])
        #expect(try ScenarioReader.parse(text: text, file: "x.yaml").scenario.seed == UInt64.max)
    }

    @Test func acceptsOneFaultAfterAnother() {
        let extra = """
            timeline:
              - { at: 1min, for: 1min, fault: round-trip, link: us-east/singapore, to: 300ms }
              - { at: 2min, for: 1min, fault: round-trip, link: us-east/singapore, to: 400ms }
              - { at: 4min, for: 1min, fault: black-hole, site: singapore }
              - { at: 4min, for: 1min, fault: power-loss, site: singapore }
            """
        #expect(complaint(Samples.scenario(extra: extra)) == nil)
    }

    @Test func saysThatAFaultOutlastsTheHorizon() throws {
        let extra = "timeline: [{ at: 5min, for: 10min, fault: black-hole, site: singapore }]"
        let loaded = try ScenarioReader.parse(text: Samples.scenario(extra: extra), file: "x.yaml")
        #expect(loaded.findings == ["x.yaml:15:29: the fault lasts to the horizon: no recovery will be seen"])
        #expect(loaded.scenario.timeline[0].end == nil)
    }

    @Test func saysThatAResponseIsNeverObserved() throws {
        let extra = "expect: [{ response: recovery.time, at-most: 1min }]"
        let loaded = try ScenarioReader.parse(text: Samples.scenario(extra: extra), file: "x.yaml")
        #expect(loaded.findings == ["x.yaml:15:22: without a fault, recovery.time is never observed"])
    }

    @Test func readsPublishersWithoutPeople() throws {
        let inline = Samples.deployment.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        let text = """
            horizon: 10s
            publishers:
              - { server: us-east/nats-1, subject: probe.a, rate: 100/s, size: 128B, subscribers: [singapore/nats-0] }
            deployment:
            \(inline)
            """
        let scenario = try ScenarioReader.parse(text: text, file: "x.yaml").scenario
        #expect(
            scenario.publishers == [
                RawPublisher(
                    name: "probe-a", region: 0, server: 1, subject: "probe.a", perSecond: 100, size: 128,
                    subscribers: [ServerReference(region: 1, server: 0)])
            ])
    }

    @Test func identityChangesWithEachPart() throws {
        let plain = try ScenarioReader.parse(text: Samples.scenario, file: "x.yaml").hash
        let same = try ScenarioReader.parse(text: Samples.scenario, file: "y.yaml").hash
        let other = try ScenarioReader.parse(text: Samples.scenario, file: "x.yaml", overrides: ["seed=8"]).hash
        #expect(plain == same)
        #expect(plain != other)
        #expect(plain.count == 16)
        // FNV-1a of "0:", from the published parameters.
        #expect(ScenarioReader.identity([""]) == "07fc0e07b4bd112f")
    }
}

@Suite struct OverrideTests {
    static func scenario(_ overrides: [String], extra: String = "") throws -> Scenario {
        try ScenarioReader.parse(text: Samples.scenario(extra: extra), file: "x.yaml", overrides: overrides).scenario
    }

    @Test func setsScalarsAtAnyDepth() throws {
        let scenario = try Self.scenario([
            "relay.mailbox=1", "horizon=2min", "populations.vietnam.traffic.concurrent=20", "steering=pinned", "seed=9",
        ])
        #expect(scenario.relay.mailbox == 1)
        #expect(scenario.horizon == .minutes(2))
        #expect(scenario.populations[0].traffic == .concurrent(calls: 20, diurnal: .flat))
        #expect(scenario.steering == .pinned)
        #expect(scenario.seed == 9)
    }

    @Test func equalsTheFileThatSaysTheSame() throws {
        let edited = try ScenarioReader.parse(
            text: Samples.scenario([1: "horizon: 2min"], extra: "relay: { mailbox: 1 }"), file: "x.yaml"
        ).scenario
        #expect(try Self.scenario(["horizon=2min", "relay.mailbox=1"]) == edited)
    }

    @Test func dropsAllFaults() throws {
        let extra = "timeline: [{ at: 5min, fault: black-hole, site: singapore }]"
        #expect(try Self.scenario([], extra: extra).timeline.count == 1)
        #expect(try Self.scenario(["timeline=[]"], extra: extra).timeline.isEmpty)
    }

    @Test func reachesListItemsAndTheDeployment() throws {
        let extra = "timeline: [{ at: 5min, fault: black-hole, site: singapore }]"
        let scenario = try Self.scenario(
            [
                "timeline.0.at=1min", "deployment.regions.singapore.nats.servers=3",
                "deployment.links.0.round-trip=200ms",
            ],
            extra: extra)
        #expect(scenario.timeline[0].start == .start + .minutes(1))
        #expect(scenario.deployment.regions[1].nats.servers == 3)
        #expect(scenario.deployment.links[0].roundTrip == .milliseconds(200))
    }

    @Test func reachesADeploymentFile() throws {
        let path = Samples.root.appendingPathComponent("scenarios/baseline.yaml").path
        let loaded = try ScenarioReader.load(path: path, overrides: ["deployment.regions.us-east.nats.servers=1"])
        #expect(loaded.scenario.deployment.regions.map(\.nats.servers) == [1, 2])
        #expect(loaded.deploymentText.contains("name: seed-intended"))
    }

    @Test func refusesEndlessKeys() {
        let key = [String](repeating: "a", count: 50_000).joined(separator: ".") + "=1"
        #expect(complaint(Samples.scenario, overrides: [key]) == "--set:1:1: expected at most 32 parts in a dotted key")
    }

    @Test func theLastOneWins() throws {
        #expect(try Self.scenario(["seed=8", "seed=9"]).seed == 9)
    }

    @Test(arguments: [
        ("relay.mialbox=1", "--set:1:1: unknown key \"mialbox\" in the settings of relay (did you mean \"mailbox\"?)"),
        ("relay.mailbox=0", "--set:1:15: mailbox: expected a value from 1 to 1000000, found \"0\""),
        ("relay.mailbox=", "--set:1:15: expected a value for mailbox, found nothing"),
        ("relay.mailbox", "--set:1:1: expected key=value, found \"relay.mailbox\""),
        ("relay..mailbox=1", "--set:1:1: expected a dotted key such as relay.mailbox, found \"relay..mailbox=1\""),
        (
            "horizon=5m",
            """
            --set:1:9: horizon: m is a unit of CPU only; expected a duration with one of the units ns us ms s \
            min h d, found "5m" (did you mean "5min"?)
            """
        ),
        (
            "populations.vietnm.access=lte",
            "--set:1:1: no \"vietnm\" among the populations (did you mean \"vietnam\"?)"
        ),
        (
            "populations.vietnam.traffic.constant=4",
            "--set:1:1: traffic: expected exactly one of concurrent, arrivals and constant, found 2"
        ),
        (
            "deployment.regions.singapor.nats.servers=3",
            "--set:1:1: no \"singapor\" among the regions (did you mean \"singapore\"?)"
        ),
        ("horizon.length=5min", "--set:1:1: \"horizon\" is a single value and has no key \"length\""),
        ("timeline.0.at=1min", "--set:1:1: the list is empty, found \"0\""),
    ])
    func pointsAtTheOption(_ text: String, _ line: String) {
        #expect(complaint(Samples.scenario(extra: "timeline: []"), overrides: [text]) == line)
    }
}
