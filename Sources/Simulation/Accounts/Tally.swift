import EventKernel
import Measures

/// The counters of one region: integers only, so that regions add up to the same whatever the order.
struct Tally {
    // Literals, not `allCases.count`: a lazy static costs a check at every message. A test compares them.
    static var classes: Int { 3 }
    static var paths: Int { 2 }
    static var phases: Int { 3 }
    static var bounds: Int { 4 }

    /// By class, path, phase and bound.
    private(set) var delivered: [Int64]
    private(set) var extra: [Int64]
    private(set) var decodable: [Int64]
    /// By second of capture, class and path: delivered, and within 400 ms.
    private(set) var delivered1s: [Int32]
    private(set) var punctual1s: [Int32]
    private(set) var latency: [IntegerHistogram]
    private(set) var setups: [SetupRecord] = []
    private(set) var setupsNotKept: Int64 = 0
    private(set) var setupTimes: [SetupTimes]
    var lostSessions: Int64 = 0
    var peopleWhoLost: Int64 = 0
    var returned: Int64 = 0
    var gaveUp: Int64 = 0
    /// Registered gateway ends over time, as changes.
    private(set) var inboundChanges: [(time: Int64, change: Int)] = []
    private(set) var outboundChanges: [(time: Int64, change: Int)] = []
    var setupLimit = 20_000
    let seconds: Int

    /// Times of uncensored setups, and how many never succeeded.
    struct SetupTimes {
        var audio: [Int64] = []
        var video: [Int64] = []
        var audioNever: Int64 = 0
        var videoNever: Int64 = 0
    }

    init(_ world: World) {
        let classes = MessageClass.allCases.count
        delivered = Array(repeating: 0, count: classes * Self.paths * Self.phases * Self.bounds)
        extra = Array(repeating: 0, count: classes * Self.paths * Self.phases)
        decodable = Array(repeating: 0, count: Self.paths * Self.phases)
        seconds = Int((world.horizon + 999_999_999) / 1_000_000_000)
        delivered1s = Array(repeating: 0, count: seconds * classes * Self.paths)
        punctual1s = Array(repeating: 0, count: seconds * classes * Self.paths)
        latency = Array(repeating: IntegerHistogram(), count: classes * Self.paths)
        setupTimes = Array(repeating: SetupTimes(), count: 2 * Self.paths)
    }

    @inline(__always)
    private static func classIndex(_ kind: Int) -> Int { min(kind, 2) }

    static func cell(_ messageClass: MessageClass, _ path: PathKind, _ phase: Phase) -> Int {
        (Int(messageClass.rawValue) * paths + Int(path.rawValue)) * phases + Int(phase.rawValue)
    }

    @inline(__always)
    mutating func addDelivery(kind: Int, path: PathKind, published: Int64, arrival: Int64, _ world: World) {
        let lag = arrival - published
        let classPath = Self.classIndex(kind) * Self.paths + Int(path.rawValue)
        let cell = (classPath * Self.phases + Int(world.phase(of: published).rawValue)) * Self.bounds
        let bound = lag <= 150_000_000 ? 0 : lag <= 400_000_000 ? 1 : lag <= 1_000_000_000 ? 2 : 3
        delivered[cell + bound] += 1
        latency[classPath].record(lag)
        let second = Int(published / 1_000_000_000) * Self.classes * Self.paths + classPath
        delivered1s[second] += 1
        if bound < 2 { punctual1s[second] += 1 }
    }

    mutating func addExtra(kind: Int, path: PathKind, phase: Phase) {
        extra[(Self.classIndex(kind) * Self.paths + Int(path.rawValue)) * Self.phases + Int(phase.rawValue)] += 1
    }

    mutating func addDecodable(_ count: Int, path: PathKind, phase: Phase) {
        decodable[Int(path.rawValue) * Self.phases + Int(phase.rawValue)] += Int64(count)
    }

    mutating func noteInbound(registered: Bool, at time: Int64) { inboundChanges.append((time, registered ? 1 : -1)) }
    mutating func noteOutbound(registered: Bool, at time: Int64) { outboundChanges.append((time, registered ? 1 : -1)) }

    mutating func add(_ record: SetupRecord, path: PathKind, hasAudio: Bool) {
        let index = (record.isReconnect ? Self.paths : 0) + Int(path.rawValue)
        if hasAudio {
            if let audio = record.firstAudio {
                setupTimes[index].audio.append(audio.nanoseconds)
            } else if !record.isCensored {
                setupTimes[index].audioNever += 1
            }
        }
        if record.expectsVideo {
            if let video = record.firstVideo {
                setupTimes[index].video.append(video.nanoseconds)
            } else if !record.isCensored && record.firstAudio == nil {
                setupTimes[index].videoNever += 1
            }
        }
        if setups.count < setupLimit { setups.append(record) } else { setupsNotKept += 1 }
    }
}
