public import EventKernel
import RandomVariates

/// All that one person captures while in a call by intent, each stream with numbers of its own.
///
/// Phases are uniform over one period after the join and depend on the person alone. Heartbeats and diagnostics
/// together are the signalling class.
public struct PersonStreams: Hashable, Sendable {
    /// Absent if the microphone is off.
    public var audio: MediaStream?
    /// Absent if the camera is off; one packet is one frame.
    public var video: MediaStream?
    public var heartbeat: MediaStream
    /// Absent if the service sends none.
    public var diagnostics: MediaStream?
    /// Every frame whose number is a multiple of this is a periodic key frame.
    public var keyFrameEvery: UInt32

    /// Whether a video packet is a periodic key frame.
    public func isKeyFrame(_ sequence: UInt32) -> Bool { sequence % keyFrameEvery == 0 }

    /// The streams of a person among the other people of the same call.
    ///
    /// - Parameter members: everyone in the call; the person may be among them.
    public init(
        of person: PersonPlan, among members: some Collection<PersonPlan>, media: MediaParameters, seed: UInt64,
        replication: UInt32
    ) {
        var draws = RandomStream(
            seed: seed, purpose: .streamPhase, replication: replication, entity: person.entity)
        let phases = (0..<4).map { _ in draws.uniform() }
        func start(_ phase: Double, _ period: SimDuration) -> SimTime {
            person.join + SimDuration(nanoseconds: Int64(phase * Double(period.nanoseconds)))
        }
        func regular(_ phase: Double, _ period: SimDuration) -> MediaStream {
            var stream = MediaStream()
            stream.append(from: start(phase, period), to: person.leave, period: period, perTick: 1)
            return stream
        }
        audio = person.microphone ? regular(phases[0], Self.period(media.audioRate)) : nil
        video = person.camera ? regular(phases[1], Self.period(media.videoRate)) : nil
        heartbeat = regular(phases[2], media.heartbeatInterval)
        keyFrameEvery = Self.keyFrameEvery(media)
        diagnostics =
            media.diagnostics
            ? Self.diagnostics(
                of: person, among: members, first: start(phases[3], media.diagnosticsInterval),
                interval: media.diagnosticsInterval) : nil
    }

    /// The time between two packets at a rate per second, rounded down to whole nanoseconds.
    public static func period(_ rate: Double) -> SimDuration { SimDuration(nanoseconds: Int64(1e9 / rate)) }

    /// Frames from one periodic key frame to the next, at least 1: 150 at 30 frames a second and 5 s.
    public static func keyFrameEvery(_ media: MediaParameters) -> UInt32 {
        UInt32(max(1, (media.videoRate * media.keyFrameInterval.seconds).rounded()))
    }

    /// One packet at each tick for each medium that each other person sends, if they are in the call by intent then.
    private static func diagnostics(
        of person: PersonPlan, among members: some Collection<PersonPlan>, first: SimTime, interval: SimDuration
    ) -> MediaStream {
        var changes: [(time: SimTime, packets: Int)] = []
        var packets = 0
        for other in members where other.entity != person.entity && other.leave > first {
            if other.join <= first {
                packets += other.diagnosticsShare
            } else if other.join < person.leave {
                changes.append((other.join, other.diagnosticsShare))
            }
            if other.leave < person.leave { changes.append((other.leave, -other.diagnosticsShare)) }
        }
        changes.sort { $0.time < $1.time }
        var stream = MediaStream()
        var tick = first
        for change in changes {
            stream.append(from: tick, to: change.time, period: interval, perTick: packets)
            packets += change.packets
            if change.time > tick {
                let steps = ((change.time - tick).nanoseconds - 1) / interval.nanoseconds + 1
                tick = tick + interval * steps
            }
        }
        stream.append(from: tick, to: person.leave, period: interval, perTick: packets)
        return stream
    }
}

extension CallPlan {
    /// The streams of person `id`.
    public func streams(of id: Int, media: MediaParameters, seed: UInt64, replication: UInt32) -> PersonStreams {
        PersonStreams(
            of: people[id], among: people[rooms[Int(people[id].room)].people], media: media, seed: seed,
            replication: replication)
    }
}
