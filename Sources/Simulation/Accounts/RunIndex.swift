/// Runs of sequences, found by a sequence that they cover: O(log n) where runs do not overlap.
struct RunIndex<Run> {
    private var runs: [(first: UInt32, last: UInt32, run: Run)] = []
    /// By position: the largest `last` up to and including it, which ends a search backwards.
    private var reach: [UInt32] = []

    var isEmpty: Bool { runs.isEmpty }

    mutating func append(_ run: Run, first: UInt32, last: UInt32) { runs.append((first, last, run)) }

    /// Call once, before the first look-up.
    mutating func seal() {
        // Stable: of runs that start together the one recorded last stays last, and is found first.
        let order = runs.indices.sorted { (runs[$0].first, $0) < (runs[$1].first, $1) }
        runs = order.map { runs[$0] }
        var largest: UInt32 = 0
        reach = runs.map {
            largest = max(largest, $0.last)
            return largest
        }
    }

    /// The last run that covers `sequence`.
    func find(_ sequence: UInt32) -> Run? {
        var position = lastStarting(notAfter: sequence)
        while position >= 0, reach[position] >= sequence {
            if runs[position].last >= sequence { return runs[position].run }
            position -= 1
        }
        return nil
    }

    /// The run of the highest rank among those that cover `sequence`.
    func find(_ sequence: UInt32, rank: (Run) -> UInt64) -> Run? {
        var position = lastStarting(notAfter: sequence)
        var best: Run?
        while position >= 0, reach[position] >= sequence {
            let run = runs[position].run
            if runs[position].last >= sequence, best.map({ rank($0) < rank(run) }) ?? true { best = run }
            position -= 1
        }
        return best
    }

    private func lastStarting(notAfter sequence: UInt32) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first <= sequence { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    /// The sequences at which the answer of `find` may change.
    var boundaries: [UInt32] { runs.flatMap { [$0.first, $0.last &+ 1] } }
}

/// What is known of the ends of one stream's copies.
struct StreamRecords {
    private(set) var losses: [LossScope: RunIndex<LossRun>] = [:]
    /// By server.
    private(set) var trails: [Int32: RunIndex<TrailRun>] = [:]
    /// The servers in order of their numbers, for walks that do not depend on hashing.
    private(set) var servers: [Int32] = []
    private(set) var boundaries: [UInt32] = []

    mutating func add(_ run: LossRun) {
        losses[run.scope, default: RunIndex()].append(run, first: run.first, last: run.last)
        boundaries += [run.first, run.last &+ 1]
    }

    mutating func add(_ run: TrailRun) {
        trails[run.server, default: RunIndex()].append(run, first: run.first, last: run.last)
        boundaries += [run.first, run.last &+ 1]
    }

    mutating func seal() {
        for scope in Array(losses.keys) { losses[scope]!.seal() }
        for server in Array(trails.keys) { trails[server]!.seal() }
        servers = trails.keys.sorted()
        boundaries = Array(Set(boundaries)).sorted()
    }

    /// The record of the end of one message's copy. Copies for several sessions of one person can end in different
    /// ways at different stations, whose order nobody observes: the fate with the highest code wins, whatever was
    /// recorded last.
    func loss(_ scope: LossScope, _ sequence: UInt32) -> LossRun? {
        losses[scope]?.find(sequence) { $0.fate.code }
    }
}
