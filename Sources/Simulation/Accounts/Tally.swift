import EventKernel
import Measures

/// The counters of one region: integers only, so that regions add up to the same whatever the order.
struct Tally: ~Copyable {
    // Literals, not `allCases.count`: a lazy static costs a check at every message. A test compares them.
    static var classes: Int { 3 }
    static var paths: Int { 2 }
    static var phases: Int { 3 }
    static var bounds: Int { 4 }

    /// By class, path, phase and bound.
    let delivered: Table<Int64>
    let extra: Table<Int64>
    let decodable: Table<Int64>
    /// By second of capture, class and path: delivered, and within 400 ms.
    private let series: Table<(delivered: Int32, punctual: Int32)>
    /// By class and path, buckets of `IntegerHistogram`; and what it knows beside them.
    private let latencies: Table<Int64>
    private let extremes: Table<LatencyExtremes>
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

    private struct LatencyExtremes: BitwiseCopyable {
        var sum: Int128 = 0
        var least = Int64.max
        var most = Int64.min
    }

    /// Times of uncensored setups, and how many never succeeded.
    struct SetupTimes {
        var audio: [Int64] = []
        var video: [Int64] = []
        var audioNever: Int64 = 0
        var videoNever: Int64 = 0
    }

    init(_ world: World) {
        let classes = MessageClass.allCases.count
        delivered = Table(count: classes * Self.paths * Self.phases * Self.bounds) { _ in 0 }
        extra = Table(count: classes * Self.paths * Self.phases) { _ in 0 }
        decodable = Table(count: Self.paths * Self.phases) { _ in 0 }
        seconds = Int((world.horizon + 999_999_999) / 1_000_000_000)
        series = Table(count: seconds * classes * Self.paths) { _ in (0, 0) }
        latencies = Table(count: classes * Self.paths * IntegerHistogram.bucketLimit) { _ in 0 }
        extremes = Table(count: classes * Self.paths) { _ in LatencyExtremes() }
        setupTimes = Array(repeating: SetupTimes(), count: 2 * Self.paths)
    }

    @inline(__always)
    private static func classIndex(_ kind: Int) -> Int { min(kind, 2) }

    static func cell(_ messageClass: MessageClass, _ path: PathKind, _ phase: Phase) -> Int {
        (Int(messageClass.rawValue) * paths + Int(path.rawValue)) * phases + Int(phase.rawValue)
    }

    // Mutating, as are the others that count, though they change what tables point to: a call that only reads would
    // copy the whole value first.
    @inline(__always)
    mutating func addDelivery(kind: Int, path: PathKind, published: Int64, arrival: Int64, _ world: World) {
        let lag = arrival - published
        let classPath = Self.classIndex(kind) * Self.paths + Int(path.rawValue)
        let cell = (classPath * Self.phases + Int(world.phase(of: published).rawValue)) * Self.bounds
        let bound = lag <= 150_000_000 ? 0 : lag <= 400_000_000 ? 1 : lag <= 1_000_000_000 ? 2 : 3
        delivered[pointer: cell + bound].pointee += 1
        latencies[pointer: classPath * IntegerHistogram.bucketLimit + IntegerHistogram.bucketIndex(of: lag)].pointee +=
            1
        let extreme = extremes[pointer: classPath]
        extreme.pointee.sum += Int128(lag)
        extreme.pointee.least = min(extreme.pointee.least, lag)
        extreme.pointee.most = max(extreme.pointee.most, lag)
        let second = series[pointer: Int(published / 1_000_000_000) * Self.classes * Self.paths + classPath]
        second.pointee.delivered += 1
        if bound < 2 { second.pointee.punctual += 1 }
    }

    /// By second of capture, class and path: delivered, and within 400 ms.
    var delivered1s: [Int32] { (0..<series.count).map { series[$0].delivered } }
    var punctual1s: [Int32] { (0..<series.count).map { series[$0].punctual } }

    /// The latencies of a class and path, by class index x paths + path index.
    func latency(_ classPath: Int) -> IntegerHistogram {
        let first = classPath * IntegerHistogram.bucketLimit
        let buckets = (0..<IntegerHistogram.bucketLimit).compactMap { index -> IntegerHistogram.Bucket? in
            let count = latencies[first + index]
            let lower = IntegerHistogram.lowerBound(of: index)
            return count == 0 ? nil : IntegerHistogram.Bucket(lower: lower, upper: lower, count: count)
        }
        let extreme = extremes[classPath]
        return IntegerHistogram(
            restoring: buckets, sum: extreme.sum, minimum: extreme.least, maximum: extreme.most)!
    }

    mutating func addExtra(kind: Int, path: PathKind, phase: Phase) {
        let classPath = Self.classIndex(kind) * Self.paths + Int(path.rawValue)
        extra[pointer: classPath * Self.phases + Int(phase.rawValue)].pointee += 1
    }

    mutating func addDecodable(_ count: Int, path: PathKind, phase: Phase) {
        decodable[pointer: Int(path.rawValue) * Self.phases + Int(phase.rawValue)].pointee += Int64(count)
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
