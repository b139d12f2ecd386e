import EventKernel
import Foundation
import Measures
import ResultStore

/// A folder of its own for each test, removed at the end of it.
final class Scratch: Sendable {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "antipode-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ name: String) -> String { folder + "/" + name }
}

/// Outcomes small enough to compute every view by hand.
enum Sample {
    static func description(hash: String = "h1", seed: UInt64 = 7, replications: Int = 2) -> RunDescription {
        RunDescription(
            name: "region-loss", file: "scenarios/region-loss.yaml", scenarioText: "kind: terminating\n",
            deploymentText: "regions:\n", hash: hash, overrides: ["seed=7", "relay.mailbox=16"], seed: seed,
            replications: replications, threads: 2, toolVersion: "0.1.0", host: "bench", cores: 2,
            startedUTC: "2026-11-23T12:00:00Z")
    }

    static func conclusion(state: RunState = .finished) -> RunConclusion {
        RunConclusion(
            state: state, verdict: state == .finished ? "pass" : nil, fingerprint: UInt64.max,
            estimates: [
                StoredEstimate(
                    response: "people.gave-up", unit: "count", mean: 1.5, halfWidth: 0.25, n: 2, level: 0.95),
                StoredEstimate(
                    response: "recovery.time", unit: "s", mean: nil, halfWidth: nil, n: 0, level: 0.95),
            ],
            expectations: [
                StoredExpectation(
                    text: "people.gave-up: at-most: 2", response: "people.gave-up", unit: "count", atLeast: nil,
                    atMost: 2, verdict: "pass")
            ],
            finishedUTC: "2026-11-23T12:01:00Z", wallSeconds: 60, cpuSeconds: 110.5)
    }

    static func outcome(gaveUp: Double = 1) -> Outcome {
        var outcome = Outcome()
        outcome.fingerprint = 0xFEDC_BA98_7654_3210
        outcome.events = 123_456
        outcome.ledger = ledger()
        outcome.responses = [
            ResponseValue(name: "people.gave-up", unit: "count", value: gaveUp),
            ResponseValue(name: "recovery.time", unit: "s", value: nil),
        ]
        var histogram = IntegerHistogram()
        for value: Int64 in [3, 117_000_001, 117_000_001, 9_000_000_000] { histogram.record(value) }
        outcome.histograms = [NamedHistogram(name: "latency.audio", unit: "ns", histogram: histogram)]
        outcome.faults = [
            FaultRecord(
                kind: "black-hole", target: "singapore", start: SimTime(nanoseconds: 3_000_000_000),
                end: SimTime(nanoseconds: 6_000_000_000))
        ]
        outcome.stations = [
            StationRecord(
                name: "singapore/nats-0", served: 500, utilisation: 0.25, peakUtilisation: 0.5,
                meanWait: .microseconds(40), maximumWait: .milliseconds(3))
        ]
        outcome.series = series()
        outcome.setups = setups()
        outcome.journal = journal()
        outcome.assumptions = ["client.election-timeout", "media.key-frame-interval"]
        return outcome
    }

    /// Expected 350; lost 60 to the site and 8 to absent receivers; 2 in flight.
    static func ledger() -> Ledger {
        var ledger = Ledger()
        var quiet = LedgerCell()
        quiet.expected = 200
        quiet.delivered = 200
        quiet.deliveredWithin = [200, 200, 200, 200]
        ledger[.audio, .sameRegion, .before] = quiet
        var audio = LedgerCell()
        audio.expected = 100
        audio.delivered = 60
        audio.deliveredWithin = [10, 50, 55, 60]
        audio.lost[Int(LossCause.siteUnreachable.rawValue)] = 30
        audio.lost[Int(LossCause.receiverNotConnected.rawValue)] = 8
        audio.inFlight = 2
        audio.void = 4
        audio.extra = 5
        ledger[.audio, .crossRegion, .during] = audio
        var video = LedgerCell()
        video.expected = 50
        video.delivered = 20
        video.deliveredWithin = [0, 20, 20, 20]
        video.decodable = 15
        video.lost[Int(LossCause.siteUnreachable.rawValue)] = 30
        ledger[.video, .crossRegion, .during] = video
        return ledger
    }

    /// Ten audio pairs a second across regions, none of them delivered while the fault of seconds 3 to 5 lasts.
    static func series() -> [SeriesRow] {
        (0..<10).map { (second: Int32) -> SeriesRow in
            let delivered: Int64 = (3..<6).contains(second) ? 0 : 10
            return SeriesRow(
                second: second, path: .crossRegion, messageClass: .audio, expected: 10, delivered: delivered,
                within400ms: delivered == 0 ? 0 : 8)
        }
    }

    /// First joins us-east to singapore at 100, 200 ... 1,900 ms, one that gave up and one that was censored; two
    /// reconnects the other way, with video.
    static func setups() -> [SetupRecord] {
        let joins = (1...21).map { number -> SetupRecord in
            let audio: SimDuration? = number <= 19 ? .milliseconds(Int64(100 * number)) : nil
            return setup(number: number, isReconnect: false, audio: audio, video: nil, isCensored: number == 21)
        }
        let returns = [
            setup(number: 30, isReconnect: true, audio: .milliseconds(400), video: .nanoseconds(900_000_001)),
            setup(number: 31, isReconnect: true, audio: .milliseconds(300), video: nil),
        ]
        return joins + returns
    }

    static func setup(
        number: Int, isReconnect: Bool, audio: SimDuration?, video: SimDuration?, isCensored: Bool = false
    ) -> SetupRecord {
        let home = isReconnect ? "singapore" : "us-east"
        let away = isReconnect ? "us-east" : "singapore"
        return SetupRecord(
            joiner: "\(home)/call-\(number / 2)/person-\(number)", peer: "\(away)/call-\(number / 2)/person-0",
            call: Int32(number / 2), joinerRegion: home, peerRegion: away, isReconnect: isReconnect,
            start: SimTime(nanoseconds: 1_234_567_891 * Int64(number)),
            stages: [.milliseconds(20), nil, .nanoseconds(80_000_003), nil, .milliseconds(95), audio, audio],
            firstAudio: audio, firstVideo: video, expectsVideo: isReconnect, isCensored: isCensored,
            site: audio == nil ? "" : home)
    }

    static func journal() -> [JournalEntry] {
        [
            JournalEntry(
                time: SimTime(nanoseconds: 3_000_000_000), call: -1, subject: "singapore", text: "goes dark",
                cause: nil, pairs: 0),
            JournalEntry(
                time: SimTime(nanoseconds: 3_100_000_001), call: 5, subject: "us-east/call-5/person-1",
                text: "is not heard in singapore", cause: .siteUnreachable, pairs: 60),
            JournalEntry(
                time: SimTime(nanoseconds: 3_200_000_000), call: 6, subject: "singapore/call-6/person-2",
                text: "loses its session", cause: .receiverNotConnected, pairs: 8),
        ]
    }

    /// Two finished runs of two replications each, the first replication kept.
    static func filledStore(_ path: String) throws -> ResultStore {
        let store = try ResultStore.open(path: path)
        for (hash, extra) in [("h1", 0.0), ("h2", 2.0)] {
            let run = try store.beginRun(description(hash: hash))
            for replication in 0..<2 {
                try store.record(
                    run: run, replication: replication, outcome: outcome(gaveUp: Double(replication) + extra),
                    wall: 1, cpu: 2, keepDetail: replication == 0)
            }
            try store.finish(run: run, conclusion())
        }
        return store
    }
}
