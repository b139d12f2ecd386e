import EventKernel
import Foundation
import Network
import Testing

@testable import Scenario

@Suite struct LinkFaultTests {
    static func timeline(_ faults: String) throws -> [Fault] {
        try ScenarioReader.parse(text: Samples.scenario(extra: "timeline: [\(faults)]"), file: "x.yaml").scenario
            .timeline
    }

    @Test(arguments: [
        ("wan-cut, link: us-east/singapore, from: singapore", Fault.Kind.wanCut(link: 0, from: 1)),
        ("wan-cut, link: us-east/singapore", .wanCut(link: 0, from: nil)),
        ("loss, link: us-east/singapore, to: 2%, burst: 3", .loss(link: 0, PacketLoss(share: 0.02, burst: 3))),
        ("loss, link: us-east/singapore, to: 2%", .loss(link: 0, PacketLoss(share: 0.02))),
        ("jitter, link: us-east/singapore, to: 5ms", .jitter(link: 0, .milliseconds(5))),
        ("bandwidth, link: us-east/singapore, to: 10Mbit/s", .bandwidth(link: 0, 10_000_000)),
    ])
    func readsWhatLinksSuffer(_ text: String, _ kind: Fault.Kind) throws {
        #expect(
            try Self.timeline("{ at: 1s, for: 2s, fault: \(text) }") == [
                Fault(
                    kind: kind, start: SimTime(nanoseconds: 1_000_000_000), end: SimTime(nanoseconds: 3_000_000_000))
            ])
    }

    /// Cuts of opposite directions go together, a full one may begin with one of them and end before it, and steps of
    /// a value may follow each other without a gap.
    @Test(arguments: [
        """
        { at: 1s, fault: wan-cut, link: us-east/singapore, from: us-east }, \
        { at: 1s, fault: wan-cut, link: us-east/singapore, from: singapore }
        """,
        """
        { at: 1s, for: 9s, fault: wan-cut, link: us-east/singapore, from: us-east }, \
        { at: 1s, for: 4s, fault: wan-cut, link: us-east/singapore }
        """,
        """
        { at: 1s, for: 4s, fault: loss, link: us-east/singapore, to: 1% }, \
        { at: 5s, for: 4s, fault: loss, link: us-east/singapore, to: 2% }
        """,
        """
        { at: 1s, for: 4s, fault: jitter, link: us-east/singapore, to: 9ms }, \
        { at: 1s, for: 4s, fault: wan-cut, link: us-east/singapore, from: us-east }
        """,
    ])
    func takesFaultsThatGoTogether(_ faults: String) throws {
        #expect(try Self.timeline(faults).count == 2)
    }

    @Test(arguments: [
        (
            "{ at: 5min, fault: wan-cut, link: us-east/singapore, from: singapor }",
            "x.yaml:15:71: from: no region \"singapor\" in deployment \"x\" (did you mean \"singapore\"?)"
        ),
        (
            "{ at: 5min, fault: loss, link: us-east/singapore, to: 5ms }",
            "x.yaml:15:66: to of loss: expected a share such as 4% or 0.04, found \"5ms\""
        ),
        (
            "{ at: 5min, fault: loss, link: us-east/singapore, to: 100% }",
            "x.yaml:15:66: to of loss: expected a value from 0% to 99.9%, found \"100%\""
        ),
        (
            "{ at: 5min, fault: jitter, link: us-east/singapore, to: 2% }",
            "x.yaml:15:68: to of jitter: expected a duration with one of the units ns us ms s min h d, found \"2%\""
        ),
        (
            "{ at: 5min, fault: bandwidth, link: us-east/singapore, to: 10MB }",
            """
            x.yaml:15:71: to of bandwidth: expected a bandwidth with one of the units bit/s kbit/s Mbit/s \
            Gbit/s, found "10MB"
            """
        ),
        (
            "{ at: 5min, fault: loss, link: us-east/singapore }",
            "x.yaml:15:12: loss needs the key \"to\""
        ),
        (
            "{ at: 5min, fault: loss, link: us-east/singapore, to: 0% }",
            "x.yaml:15:66: to: the link's loss is 0% already; the fault hits nothing"
        ),
        (
            "{ at: 5min, fault: jitter, link: us-east/singapore, to: 0s }",
            "x.yaml:15:68: to: the link's jitter is 0s already; the fault hits nothing"
        ),
        (
            "{ at: 5min, fault: round-trip, link: us-east/singapore, to: 1s, burst: 3 }",
            "x.yaml:15:76: burst belongs to loss only"
        ),
        (
            "{ at: 5min, fault: loss, link: us-east/singapore, to: 1s, from: us-east }",
            "x.yaml:15:70: from belongs to wan-cut only"
        ),
        (
            """
            { at: 1min, for: 2min, fault: loss, link: us-east/singapore, to: 1% }, { at: 2min, fault: loss, \
            link: us-east/singapore, to: 2% }
            """,
            "x.yaml:15:83: the fault contradicts the one in line 15: both set the link's loss at one time"
        ),
        (
            """
            { at: 1min, fault: wan-cut, link: us-east/singapore }, { at: 2min, fault: wan-cut, link: \
            us-east/singapore, from: us-east }
            """,
            "x.yaml:15:67: the fault is covered by the one in line 15 and hits nothing"
        ),
        (
            """
            { at: 1min, fault: wan-cut, link: us-east/singapore }, { at: 2min, fault: jitter, link: \
            us-east/singapore, to: 5ms }
            """,
            "x.yaml:15:67: the fault is covered by the one in line 15 and hits nothing"
        ),
        (
            """
            { at: 1min, fault: black-hole, site: singapore }, { at: 2min, fault: bandwidth, link: \
            us-east/singapore, to: 10Mbit/s }
            """,
            "x.yaml:15:62: the fault is covered by the one in line 15 and hits nothing"
        ),
    ])
    func refusesWrongFaultsOfLinks(_ faults: String, _ line: String) {
        #expect(complaint(Samples.scenario(extra: "timeline: [\(faults)]")) == line)
    }

    @Test func readsALinkThatIsNotAlike() throws {
        let text = Samples.deployment.replacing(
            "round-trip: 234ms",
            with: "round-trip: 234ms, one-way: 100ms, jitter: 3ms, loss: 0.1%, loss-burst: 2.5, bandwidth: 1Mbit/s")
        let link = try DeploymentReader(defaultName: "d").read(YAMLNode.parse(text, file: "d.yaml")).links[0]
        #expect(
            link
                == WANLink(
                    first: 0, second: 1, roundTrip: .milliseconds(234), oneWay: .milliseconds(100),
                    jitter: .milliseconds(3), loss: PacketLoss(share: 0.001, burst: 2.5), bandwidth: 1_000_000))
    }

    @Test(arguments: [
        (
            "one-way: 235ms",
            "d.yaml:28:63: one-way: expected at most the round trip of 234ms, found \"235ms\""
        ),
        ("loss: 1", "d.yaml:28:60: loss: expected a value from 0% to 99.9%, found \"1\""),
        ("loss-burst: 3", "d.yaml:28:54: loss-burst has no effect without loss"),
        ("loss: 1%, loss-burst: 0.5", "d.yaml:28:76: loss-burst: expected a value from 1 to 1000, found \"0.5\""),
    ])
    func refusesWrongLinks(_ more: String, _ line: String) {
        #expect(
            DeploymentTests.complaintAbout(replacing: "round-trip: 234ms", with: "round-trip: 234ms, \(more)") == line)
    }
}
