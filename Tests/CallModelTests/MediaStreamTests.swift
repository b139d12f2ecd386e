import CallModel
import EventKernel
import Network
import Testing

private func at(_ milliseconds: Int64) -> SimTime { .start + .milliseconds(milliseconds) }

/// A person of a two-region call.
private func person(
    _ number: UInt64, _ join: Int64, _ leave: Int64, microphone: Bool = true, camera: Bool = true
) -> PersonPlan {
    PersonPlan(
        id: Int32(number), identity: "p-\(number)", entity: number, population: 0, region: 0, room: 0, join: at(join),
        leave: at(leave), isInProgress: join < 0, roundTrips: [.milliseconds(30)], access: .fibre,
        hasWebTransport: true, microphone: microphone, camera: camera)
}

private func streams(_ own: PersonPlan, _ members: [PersonPlan], _ media: MediaParameters = .init()) -> PersonStreams {
    PersonStreams(of: own, among: members, media: media, seed: 1, replication: 0)
}

/// Every packet of a stream with its time, by walking a cursor.
private func walk(_ stream: MediaStream) -> [(SimTime, UInt32)] {
    var result: [(SimTime, UInt32)] = []
    var cursor = stream.cursor(notBefore: SimTime(nanoseconds: Int64.min / 2))
    while cursor.time < .never {
        result.append((cursor.time, cursor.sequence))
        stream.advance(&cursor)
    }
    return result
}

@Suite struct MediaStreamTests {
    /// Ticks at 10, 30, 50 ms with 1 packet, then at 100, 200 ms with 3.
    private var stream: MediaStream {
        var stream = MediaStream()
        stream.append(from: at(10), to: at(51), period: .milliseconds(20), perTick: 1)
        stream.append(from: at(60), to: at(90), period: .milliseconds(10), perTick: 0)
        stream.append(from: at(100), to: at(300), period: .milliseconds(100), perTick: 3)
        return stream
    }

    @Test func packetsAreNumberedThroughTheSegments() {
        #expect(stream.count == 9)
        #expect(stream.segments.count == 2)
        let times: [Int64] = [10, 30, 50, 100, 100, 100, 200, 200, 200]
        #expect((0..<9).map { stream.captureTime(of: $0) } == times.map(at))
    }

    @Test func countsTakeTheStartAndLeaveTheEnd() {
        #expect(stream.count(from: at(10), to: at(30)) == 1)
        #expect(stream.count(from: at(10), to: at(30) + .nanoseconds(1)) == 2)
        #expect(stream.count(from: at(50), to: at(200)) == 4)
        #expect(stream.count(from: at(0), to: .never) == 9)
        #expect(stream.count(from: at(60), to: at(99)) == 0)
        #expect(stream.count(from: at(200), to: at(10)) == 0)
    }

    @Test func theFirstNumberNotBeforeATimeIsTheFirstOfItsTick() {
        #expect(stream.firstSequence(notBefore: at(0)) == 0)
        #expect(stream.firstSequence(notBefore: at(51)) == 3)
        #expect(stream.firstSequence(notBefore: at(100)) == 3)
        #expect(stream.firstSequence(notBefore: at(101)) == 6)
        #expect(stream.firstSequence(notBefore: at(201)) == 9)
    }

    @Test func aCursorWalksEveryPacketOnce() {
        let walked = walk(stream)
        #expect(walked.map(\.1) == Array(0..<9))
        #expect(walked.map(\.0) == (0..<9).map { stream.captureTime(of: $0) })
    }

    @Test func aCursorStartsAnywhere() {
        var cursor = stream.cursor(notBefore: at(31))
        #expect(cursor.time == at(50) && cursor.sequence == 2)
        stream.advance(&cursor)
        #expect(cursor.time == at(100) && cursor.sequence == 3)
        #expect(stream.cursor(notBefore: at(201)).time == .never)
    }

    @Test func anEmptyRowLeavesNothing() {
        var stream = MediaStream()
        stream.append(from: at(10), to: at(10), period: .milliseconds(1), perTick: 1)
        #expect(stream.count == 0 && stream.segments.isEmpty)
        #expect(stream.cursor(notBefore: at(0)).time == .never)
    }

    @Test func aLastingStreamIsCutAtTheLastNumber() {
        var stream = MediaStream()
        stream.append(from: at(0), to: .never, period: .milliseconds(1), perTick: 1)
        #expect(stream.count == UInt32.max)
    }
}

@Suite struct PersonStreamsTests {
    @Test func tenSecondsHaveFiveHundredAudioPacketsAndThreeHundredFrames() {
        let own = streams(person(1, 2_000, 12_000), [])
        #expect(own.audio?.count(from: at(2_000), to: at(12_000)) == 500)
        #expect(own.audio?.count == 500)
        // 10 s hold 300.000003 periods of 33,333,333 ns.
        #expect(own.video?.count == 300)
        #expect(own.heartbeat.count == 2)
    }

    @Test func nothingIsCapturedOutsideTheIntent() {
        for number in UInt64(1)..<50 {
            let own = streams(person(number, 2_000, 7_777), [person(99, -5, 60_000)])
            for stream in [own.audio, own.video, own.heartbeat, own.diagnostics].compactMap(\.self) {
                let times = walk(stream).map(\.0)
                #expect(times.allSatisfy { $0 >= at(2_000) && $0 < at(7_777) })
            }
        }
    }

    @Test func whatIsOffIsAbsent() {
        var media = MediaParameters()
        media.diagnostics = false
        let own = streams(person(1, 0, 10_000, microphone: false, camera: false), [], media)
        #expect(own.audio == nil && own.video == nil && own.diagnostics == nil)
        #expect(own.heartbeat.count == 2)
    }

    @Test func everyHundredAndFiftiethFrameIsAKeyFrame() {
        let own = streams(person(1, 0, 60_000), [])
        #expect(own.keyFrameEvery == 150)
        #expect((0..<450).filter { own.isKeyFrame($0) } == [0, 150, 300])
    }

    @Test func thePeriodIsRoundedDown() {
        #expect(PersonStreams.period(30) == .nanoseconds(33_333_333))
        #expect(PersonStreams.period(50) == .milliseconds(20))
    }

    /// Two others with both media and one without a camera: 5 packets at each of 20 ticks.
    @Test func diagnosticsAreOnePacketForEachMediumOfEachPeer() {
        let others = [person(2, -1_000, 60_000), person(3, -1_000, 60_000), person(4, -1_000, 60_000, camera: false)]
        let own = person(1, 0, 10_000)
        #expect(streams(own, others + [own]).diagnostics?.count == 100)
    }

    @Test func diagnosticsFollowThePeersThatComeAndGo() {
        let own = person(1, 0, 30_000)
        let others = [
            person(2, 5_250, 20_100), person(3, -10_000, 7_000, camera: false), person(4, 29_999, 90_000),
            person(5, 5_250, 12_000, microphone: false), person(6, 31_000, 40_000), person(7, -20, -10),
        ]
        for entity in UInt64(10)..<40 {
            var drawn = own
            drawn.entity = entity
            let stream = streams(drawn, others).diagnostics!
            var expected: [SimTime] = []
            let phase = streams(drawn, [person(99, -9, 99_000)]).diagnostics!.captureTime(of: 0)
            var tick = phase
            while tick < at(30_000) {
                for other in others where other.isInCall(at: tick) {
                    expected += Array(repeating: tick, count: other.diagnosticsShare)
                }
                tick = tick + .milliseconds(500)
            }
            #expect(walk(stream).map(\.0) == expected)
            #expect(walk(stream).map(\.1) == Array(0..<UInt32(expected.count)))
        }
    }

    @Test func phasesDependOnThePersonAlone() {
        let alone = streams(person(1, 0, 10_000), [])
        let together = streams(person(1, 0, 10_000), [person(2, 0, 10_000)])
        #expect(alone.audio == together.audio && alone.video == together.video)
        #expect(alone.audio != streams(person(2, 0, 10_000), []).audio)
    }

    @Test func aPlanGivesTheStreamsOfItsPeople() throws {
        let plan = try Sample.plan([
            Sample.population(.constant(calls: 3), sizes: [SizeShare(smallest: 3, largest: 3, share: 1)])
        ])
        var media = MediaParameters()
        media.cameraOn = 1
        let own = plan.streams(of: 4, media: media, seed: 1, replication: 0)
        // Ticks of 500 ms over the 30 min run, with one or two packets for each of two others.
        let others = plan.people[3...5].filter { $0.id != 4 }.map(\.diagnosticsShare).reduce(0, +)
        #expect(own.diagnostics?.count(from: .start, to: .start + .minutes(30)) == Int64(3_600 * others))
        #expect(own.audio?.count(from: .start, to: .start + .minutes(30)) == 90_000)
    }
}
