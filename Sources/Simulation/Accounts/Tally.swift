import EventKernel
import Measures

/// The counters of one region: integers only, so that regions add up to the same whatever the order.
struct Tally: ~Copyable {
    // Literals, not `allCases.count`: a lazy static costs a check at every message. A test compares them.
    static var classes: Int { 3 }
    static var paths: Int { 2 }
    static var phases: Int { 3 }
    static var bounds: Int { 4 }

    /// By class, path and phase.
    let extra: Table<Int64>
    let decodable: Table<Int64>
    /// By second of capture, class and path: delivered, and in the upper half those within 400 ms.
    private let series: Table<UInt64>
    /// By class and path a row of counters for its deliveries: see `Place`.
    private let rows: Table<Int64>
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
    /// As the world has them.
    private let phaseStart: Int64
    private let phaseEnd: Int64
    private var interval = CaptureInterval()

    /// What messages captured in the same second and phase have in common.
    private struct CaptureInterval {
        var start: Int64 = 0
        /// Nanoseconds; 0: nothing is known yet.
        var length: UInt64 = 0
        /// Where the second begins in the series, and the phase in a row.
        var second = 0
        var bounds = 0
    }

    /// Places in a row: the buckets of an `IntegerHistogram`, deliveries by phase and bound, and what the histogram
    /// knows beside its buckets; the sum has 128 bits.
    private enum Place {
        static var bounds: Int { IntegerHistogram.bucketLimit }
        static var sumLow: Int { bounds + phases * Tally.bounds }
        static var sumHigh: Int { sumLow + 1 }
        static var least: Int { sumLow + 2 }
        static var most: Int { sumLow + 3 }
        static var count: Int { sumLow + 4 }
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
        extra = Table(count: classes * Self.paths * Self.phases) { _ in 0 }
        decodable = Table(count: Self.paths * Self.phases) { _ in 0 }
        seconds = Int((world.horizon + 999_999_999) / 1_000_000_000)
        series = Table(count: seconds * classes * Self.paths) { _ in 0 }
        rows = Table(count: classes * Self.paths * Place.count) { index in
            let place = index % Place.count
            return place == Place.least ? Int64.max : place == Place.most ? Int64.min : 0
        }
        setupTimes = Array(repeating: SetupTimes(), count: 2 * Self.paths)
        phaseStart = world.phaseStart
        phaseEnd = world.phaseEnd
    }

    @inline(__always)
    private static func classIndex(_ kind: Int) -> Int { min(kind, 2) }

    static func cell(_ messageClass: MessageClass, _ path: PathKind, _ phase: Phase) -> Int {
        (Int(messageClass.rawValue) * paths + Int(path.rawValue)) * phases + Int(phase.rawValue)
    }

    // Mutating, as are the others that count, though they change what tables point to: a call that only reads would
    // copy the whole value first.
    /// Counts a delivery: in the phase and second of its capture.
    @inline(__always)
    mutating func addDelivery(kind: Int, path: PathKind, published: Int64, arrival: Int64) {
        if UInt64(bitPattern: published &- interval.start) >= interval.length { findInterval(of: published) }
        let lag = arrival &- published
        let classPath = Self.classIndex(kind) &* Self.paths &+ Int(path.rawValue)
        let row = rows.place(classPath &* Place.count)
        row[IntegerHistogram.bucketIndex(of: lag)] &+= 1
        let bound = (lag > 150_000_000 ? 1 : 0) &+ (lag > 400_000_000 ? 1 : 0) &+ (lag > 1_000_000_000 ? 1 : 0)
        row[interval.bounds &+ bound] &+= 1
        let low = UInt64(bitPattern: row[Place.sumLow]).addingReportingOverflow(UInt64(bitPattern: lag))
        row[Place.sumLow] = Int64(bitPattern: low.partialValue)
        row[Place.sumHigh] &+= low.overflow ? 1 : 0
        if lag < row[Place.least] { row[Place.least] = lag }
        if lag > row[Place.most] { row[Place.most] = lag }
        series.place(interval.second &+ classPath).pointee &+= bound < 2 ? 1 &<< 32 | 1 : 1
    }

    /// Looks up the second and phase of a capture.
    @inline(never)
    private mutating func findInterval(of published: Int64) {
        let second = published / 1_000_000_000
        var start = second * 1_000_000_000
        var end = start + 1_000_000_000
        let phase: Phase
        if published < phaseStart {
            phase = .before
            end = min(end, phaseStart)
        } else if published < phaseEnd {
            phase = .during
            start = max(start, phaseStart)
            end = min(end, phaseEnd)
        } else {
            phase = .after
            start = max(start, phaseEnd)
        }
        interval = CaptureInterval(
            start: start, length: UInt64(end - start), second: Int(second) * Self.classes * Self.paths,
            bounds: Place.bounds + Int(phase.rawValue) * Self.bounds)
    }

    /// Deliveries of a class and path in a phase, within a bound and not within the one before.
    func delivered(_ messageClass: MessageClass, _ path: PathKind, _ phase: Phase, bound: Int) -> Int64 {
        let classPath = Int(messageClass.rawValue) * Self.paths + Int(path.rawValue)
        return rows[classPath * Place.count + Place.bounds + Int(phase.rawValue) * Self.bounds + bound]
    }

    /// By second of capture, class and path: delivered, and within 400 ms.
    var delivered1s: [Int32] { (0..<series.count).map { Int32(truncatingIfNeeded: series[$0]) } }
    var punctual1s: [Int32] { (0..<series.count).map { Int32(truncatingIfNeeded: series[$0] >> 32) } }

    /// The latencies of a class and path, by class index x paths + path index.
    func latency(_ classPath: Int) -> IntegerHistogram {
        let row = rows.place(classPath * Place.count)
        let buckets = (0..<IntegerHistogram.bucketLimit).compactMap { index -> IntegerHistogram.Bucket? in
            let lower = IntegerHistogram.lowerBound(of: index)
            return row[index] == 0 ? nil : IntegerHistogram.Bucket(lower: lower, upper: lower, count: row[index])
        }
        let sum = Int128(row[Place.sumHigh]) << 64 + Int128(UInt64(bitPattern: row[Place.sumLow]))
        return IntegerHistogram(
            restoring: buckets, sum: sum, minimum: row[Place.least], maximum: row[Place.most])!
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
