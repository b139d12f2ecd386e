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
    /// By kind of stream, person and server: the open run's end, and its beginning. What a message finds at one server
    /// lies beside what it will find at the next.
    private let ends: Table<End>
    private let firsts: Table<UInt32>
    /// By server: its number over all.
    private let numbers: Table<Int32>
    private let streams: Int
    private let people: Int
    private let servers: Int

    /// - Parameters:
    ///   - streams: number of streams of the run.
    ///   - servers: number of servers of the region.
    init(streams: Int, servers: Int) {
        self.streams = streams
        self.servers = servers
        people = (streams + StreamKind.count - 1) / StreamKind.count
        ends = Table(count: people * StreamKind.count * servers) { _ in End() }
        firsts = Table(count: people * StreamKind.count * servers) { _ in 0 }
        numbers = Table(count: servers) { _ in 0 }
    }

    /// All runs. Those of one stream at one server are in the order in which they began.
    var runs: [TrailRun] {
        var result = closed
        for server in 0..<servers {
            for stream in 0..<UInt32(streams) where end(stream, localServer: server).pointee.plan != End.none {
                result.append(openRun(stream, server))
            }
        }
        return result
    }

    private func openRun(_ stream: UInt32, _ server: Int) -> TrailRun {
        let slot = slot(stream, server)
        return TrailRun(
            stream: stream, server: numbers[server], first: firsts[slot], last: ends[slot].last, plan: ends[slot].plan)
    }

    @inline(__always)
    private func slot(_ stream: UInt32, _ server: Int) -> Int {
        (StreamTable.kind(of: stream) &* people &+ StreamTable.person(of: stream)) &* servers &+ server
    }

    mutating func add(stream: UInt32, localServer: Int, server: Int32, sequence: UInt32, plan: UInt32) {
        let end = end(stream, localServer: localServer)
        if end.pointee.plan == plan && extend(end, stream, localServer: localServer, sequence) { return }
        begin(stream, localServer, server: server, sequence: sequence, plan: plan)
    }

    /// Takes a message that is served by the run's plan into the run, whose end is known; `false`: it precedes the run.
    /// Messages of one stream may overtake each other on the last mile: a run covers what lies between.
    @inline(__always)
    func extend(_ end: UnsafeMutablePointer<End>, _ stream: UInt32, localServer: Int, _ sequence: UInt32) -> Bool {
        if sequence <= end.pointee.last { return sequence >= firsts.place(slot(stream, localServer)).pointee }
        end.pointee.last = sequence
        return true
    }

    /// The end of a stream's run at a server.
    @inline(__always)
    func end(_ stream: UInt32, localServer: Int) -> UnsafeMutablePointer<End> {
        ends.place(slot(stream, localServer))
    }

    private mutating func begin(_ stream: UInt32, _ localServer: Int, server: Int32, sequence: UInt32, plan: UInt32) {
        let slot = slot(stream, localServer)
        if ends[slot].plan != End.none { closed.append(openRun(stream, localServer)) }
        numbers[localServer] = server
        firsts[slot] = sequence
        ends[slot] = End(last: sequence, plan: plan)
    }
}
