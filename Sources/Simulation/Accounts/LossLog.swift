import Measures

/// Whom a loss record concerns.
enum LossScope: Hashable {
    /// Everyone who was to get the message.
    case everyone
    /// One person.
    case person(Int32)
    /// Everyone reached through a gateway to this region.
    case region(Int32)
    /// Everyone served by this relay.
    case relay(Int32)
    /// Everyone served by this server, reached over a route.
    case server(Int32)

    var code: Int64 {
        switch self {
        case .everyone: 0
        case .person(let index): 1 << 32 | Int64(index)
        case .region(let index): 2 << 32 | Int64(index)
        case .relay(let index): 3 << 32 | Int64(index)
        case .server(let index): 4 << 32 | Int64(index)
        }
    }
}

/// What became of copies that did not arrive: a cause of loss, or still under way at the horizon.
enum Fate: Hashable {
    case lost(LossCause)
    case inFlight
    /// The receiver had left of its own will.
    case void

    var code: UInt64 {
        switch self {
        case .lost(let cause): UInt64(cause.rawValue)
        case .inFlight: 254
        case .void: 255
        }
    }
}

/// A run of consecutive messages of one stream that ended in the same way at the same place.
struct LossRun {
    var stream: UInt32
    var scope: LossScope
    var first: UInt32
    var last: UInt32
    var fate: Fate
    /// When the first of them ended.
    var time: Int64
}

/// Run-length records of where copies ended, extended only at a drop.
///
/// One side of the ledger's double entry: the other is what receivers got. Joined after the run (`Resolution`).
struct LossLog {
    private(set) var runs: [LossRun] = []
    private var open: [Key: Int] = [:]

    private struct Key: Hashable {
        var stream: UInt32
        var scope: Int64
    }

    /// Records that a copy of message `sequence` of `stream` ended here.
    mutating func add(stream: UInt32, sequence: UInt32, scope: LossScope, fate: Fate, at time: Int64) {
        let key = Key(stream: stream, scope: scope.code)
        if let index = open[key], runs[index].fate == fate, runs[index].last &+ 1 >= sequence,
            runs[index].first <= sequence
        {
            runs[index].last = max(runs[index].last, sequence)
            return
        }
        open[key] = runs.count
        runs.append(LossRun(stream: stream, scope: scope, first: sequence, last: sequence, fate: fate, time: time))
    }
}

/// A run of consecutive messages of one stream that one server forwarded by the same plan.
struct TrailRun {
    var stream: UInt32
    var server: Int32
    var first: UInt32
    var last: UInt32
    var plan: UInt32
}

/// Which plan served each message at each server: what `Resolution` follows to find where a pair was lost.
struct Trails: ~Copyable {
    /// The end of the run that a stream at a server is in: all that a message in order asks for.
    struct End: BitwiseCopyable {
        var last: UInt32 = 0
        /// `none`: no message yet.
        var plan: UInt32 = End.none

        static var none: UInt32 { UInt32.max }
    }

    private var closed: [TrailRun] = []
    /// By server, then stream: the open run's end, its beginning, and the server's number over all.
    private let ends: Table<End>
    private let firsts: Table<UInt32>
    private let numbers: Table<Int32>
    private let streams: Int

    /// - Parameters:
    ///   - streams: number of streams of the run.
    ///   - servers: number of servers of the region.
    init(streams: Int, servers: Int) {
        self.streams = streams
        ends = Table(count: streams * servers) { _ in End() }
        firsts = Table(count: streams * servers) { _ in 0 }
        numbers = Table(count: servers) { _ in 0 }
    }

    /// All runs. Those of one stream at one server are in the order in which they began.
    var runs: [TrailRun] {
        var result = closed
        for slot in 0..<ends.count where ends[slot].plan != End.none { result.append(run(of: slot)) }
        return result
    }

    private func run(of slot: Int) -> TrailRun {
        TrailRun(
            stream: UInt32(slot % streams), server: numbers[slot / streams], first: firsts[slot],
            last: ends[slot].last, plan: ends[slot].plan)
    }

    mutating func add(stream: UInt32, localServer: Int, server: Int32, sequence: UInt32, plan: UInt32) {
        let slot = localServer * streams + Int(stream)
        let end = ends[pointer: slot]
        if end.pointee.plan == plan && sequence > end.pointee.last {
            end.pointee.last = sequence
            return
        }
        begin(slot, server: server, sequence: sequence, plan: plan)
    }

    /// The end of a stream's run at a server.
    @inline(__always)
    func end(_ stream: UInt32, localServer: Int) -> UnsafeMutablePointer<End> {
        ends[pointer: localServer &* streams &+ Int(stream)]
    }

    private mutating func begin(_ slot: Int, server: Int32, sequence: UInt32, plan: UInt32) {
        // Messages of one stream may overtake each other on the last mile: a run covers what lies between.
        if ends[slot].plan == plan && sequence >= firsts[slot] { return }
        if ends[slot].plan != End.none { closed.append(run(of: slot)) }
        numbers[slot / streams] = server
        firsts[slot] = sequence
        ends[slot] = End(last: sequence, plan: plan)
    }
}
