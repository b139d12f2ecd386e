import CallModel
import EventKernel
import Measures
import Scenario

/// The four streams of a person, in the order of their numbers: stream = 4 x person + kind.
enum StreamKind: Int, CaseIterable {
    case audio, video, heartbeat, diagnostics

    static let count = 4

    var messageClass: MessageClass {
        switch self {
        case .audio: .audio
        case .video: .video
        case .heartbeat, .diagnostics: .signalling
        }
    }
}

/// Every stream of a run: what each person captures, and when. Known at time zero and independent of the system.
struct StreamTable {
    /// By stream number; `nil`: the person has no such stream.
    let schedules: [MediaStream?]
    /// Bytes in units of 16: audio, video, key frame, heartbeat, diagnostics.
    let audioUnits, videoUnits, keyFrameUnits, heartbeatUnits, diagnosticsUnits: UInt16
    let framesPerKeyFrame: UInt32

    init(_ plan: CallPlan, _ scenario: Scenario, replication: UInt32) {
        var schedules: [MediaStream?] = []
        schedules.reserveCapacity(plan.people.count * StreamKind.count)
        for person in plan.people.indices {
            let own = plan.streams(of: person, media: scenario.media, seed: scenario.seed, replication: replication)
            schedules.append(own.audio)
            schedules.append(own.video)
            schedules.append(own.heartbeat)
            schedules.append(own.diagnostics)
        }
        self.schedules = schedules
        let media = scenario.media
        audioUnits = Item.units(bytes: media.audioSize)
        videoUnits = Item.units(bytes: media.videoSize)
        keyFrameUnits = Item.units(bytes: Int64(Double(media.videoSize) * media.keyFrameRatio))
        heartbeatUnits = Item.units(bytes: media.heartbeatSize)
        diagnosticsUnits = Item.units(bytes: media.diagnosticsSize)
        framesPerKeyFrame = PersonStreams.keyFrameEvery(media)
    }

    static func number(person: Int, kind: StreamKind) -> UInt32 { UInt32(person * StreamKind.count + kind.rawValue) }

    @inline(__always)
    static func person(of stream: UInt32) -> Int { Int(stream >> 2) }

    @inline(__always)
    static func kind(of stream: UInt32) -> Int { Int(stream & 3) }

    /// Number of captures in `from..<to`.
    func count(_ stream: Int, from: Int64, to: Int64) -> Int64 {
        guard from < to, let schedule = schedules[stream] else { return 0 }
        return schedule.count(from: SimTime(nanoseconds: from), to: SimTime(nanoseconds: to))
    }

    func firstSequence(_ stream: Int, notBefore time: Int64) -> UInt32 {
        schedules[stream]!.firstSequence(notBefore: SimTime(nanoseconds: time))
    }

    func captureTime(_ stream: Int, _ sequence: UInt32) -> Int64 {
        schedules[stream]!.captureTime(of: sequence).nanoseconds
    }

    func isKeyFrame(_ sequence: UInt32) -> Bool { sequence % framesPerKeyFrame == 0 }

    @inline(__always)
    func advance(_ stream: Int, _ cursor: inout MediaCursor) { schedules[stream]!.advance(&cursor) }

    func units(kind: Int, sequence: UInt32) -> UInt16 {
        switch StreamKind(rawValue: kind)! {
        case .audio: audioUnits
        case .video: isKeyFrame(sequence) ? keyFrameUnits : videoUnits
        case .heartbeat: heartbeatUnits
        case .diagnostics: diagnosticsUnits
        }
    }
}
