import EventKernel
import Foundation
import Testing

@testable import Scenario

@Suite struct PublisherTests {
    static func publishers(_ text: String) throws -> LoadedScenario {
        try ScenarioReader.parse(text: Samples.scenario(extra: "publishers: [\(text)]"), file: "x.yaml")
    }

    @Test func readsBurstsWithinASpan() throws {
        let scenario = try Self.publishers(
            """
            { name: pulse, server: us-east/nats-0, subject: a, rate: 2/s, burst: 30, size: 1000B, at: 5s, for: 3s, \
            subscribers: [us-east/nats-1, us-east/nats-1] }
            """
        ).scenario
        let twice = ServerReference(region: 0, server: 1)
        #expect(
            scenario.publishers == [
                RawPublisher(
                    name: "pulse", region: 0, server: 0, subject: "a", perSecond: 2, burst: 30, size: 1_000,
                    subscribers: [twice, twice], start: SimTime(nanoseconds: 5_000_000_000),
                    end: SimTime(nanoseconds: 8_000_000_000))
            ])
    }

    /// The instant at the very end is none any more.
    @Test func countsWhatIsDueBeforeTheEnd() {
        let publisher = RawPublisher(
            name: "a", region: 0, server: 0, subject: "a", perSecond: 2, burst: 30, size: 1, subscribers: [],
            start: SimTime(nanoseconds: 5_000_000_000), end: SimTime(nanoseconds: 8_000_000_000))
        #expect(publisher.published(before: SimTime(nanoseconds: 60_000_000_000)) == 5 * 30)
        #expect(publisher.published(before: SimTime(nanoseconds: 6_000_000_001)) == 2 * 30)
        #expect(publisher.published(before: SimTime(nanoseconds: 5_000_000_000)) == 0)
    }

    @Test func allowsThatNobodyListens() throws {
        let loaded = try Self.publishers("{ server: us-east/nats-0, subject: a, rate: 1/s, size: 1B, subscribers: [] }")
        #expect(loaded.scenario.publishers[0].subscribers.isEmpty)
        #expect(loaded.findings == [])
    }

    @Test func saysThatNothingIsPublished() throws {
        let loaded = try Self.publishers(
            "{ server: us-east/nats-0, subject: a, rate: 1/s, size: 1B, at: 1s, for: 1s, subscribers: [] }")
        #expect(
            loaded.findings == [
                "x.yaml:15:58: publisher \"a\" publishes nothing: its first message is due after its end or the horizon"
            ])
    }

    @Test(arguments: [
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.b, rate: 1/s, size: 1B, subscribers: \
            [us-east/nats-1], name: a b }]
            """,
            "x.yaml:15:112: name: expected letters, digits, - and _ (at most 255), found \"a b\""
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.$b, rate: 1/s, size: 1B, subscribers: \
            [us-east/nats-1] }]
            """,
            """
            x.yaml:15:49: name: expected letters, digits, - and _ (at most 255), found "a-$b"; give the \
            publisher a "name"
            """
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.b, rate: 1/s, size: 1B, subscribers: \
            [us-east/nats-1] }, { server: us-east/nats-1, name: a-b, subject: c, rate: 1/s, size: 1B, \
            subscribers: [] }]
            """,
            "x.yaml:15:140: two publishers are named \"a-b\", here and in line 15: give each a \"name\" of its own"
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.b, rate: 1/s, size: 1B, subscribers: \
            [us-east/nats-1], at: 10min }]
            """,
            "x.yaml:15:110: at: the publisher begins at 10min, not before the horizon of 10min"
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.b, rate: 1/s, size: 1B, subscribers: \
            [us-east/nats-1], for: 0s }]
            """,
            "x.yaml:15:111: for: expected a value from 1ns to 7d, found \"0s\""
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.b, rate: 1/s, size: 1B, subscribers: \
            [us-east/nats-1], burst: 0 }]
            """,
            "x.yaml:15:113: burst: expected a value from 1 to 1000000, found \"0\""
        ),
        (
            "publishers: [{ server: us-east/nats-0, subject: a, rate: 1/s, size: 2MiB, subscribers: [] }]",
            "x.yaml:15:69: size: expected a value from 0B to 1MiB, found \"2MiB\""
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a, rate: 100000/s, burst: 1000, size: 1B, \
            subscribers: [] }]
            """,
            "x.yaml:15:58: rate: expected at most 4294967295 messages of one publisher, found 59999999000"
        ),
    ])
    func refusesWrongPublishers(_ extra: String, _ line: String) {
        #expect(complaint(Samples.scenario(extra: extra)) == line)
    }

    @Test func expectationsNameStreamsThatExist() {
        let publishers = "publishers: [{ server: us-east/nats-0, subject: a, rate: 1/s, size: 1B, subscribers: [] }]"
        #expect(
            complaint(Samples.scenario(extra: publishers + "\nexpect: [{ response: stream.b.lost, at-most: 0 }]"))
                == """
                x.yaml:16:22: response: no response "stream.b.lost" among the streams, gateways and servers of this \
                scenario (did you mean "stream.a.lost"?)
                """)
        #expect(
            complaint(Samples.scenario(extra: "expect: [{ response: stream.a.lost, at-most: 0 }]"))
                == "x.yaml:15:22: response: \"stream.a.lost\" is observed in scenarios with publishers only")
        #expect(
            complaint(Samples.scenario(extra: publishers + "\nexpect: [{ response: stream.a.lost, at-most: 0 }]"))
                == nil)
    }
}
