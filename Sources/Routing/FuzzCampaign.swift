import Synchronization

/// What a batch of a campaign came to.
public struct FuzzOutcome: Hashable, Sendable {
    public var batch: Int
    public var programs: Int
    public var disagreements: [FuzzDisagreement] = []
    /// Differences from the arithmetic that both back ends share.
    public var oddities: [FuzzDisagreement] = []
    public var pairs = 0
    public var exactPairs = 0
    public var coverage = FuzzCoverage()
    public var modelChoices = FuzzChoices()
    public var realChoices = FuzzChoices()
    /// Why nothing was compared: an error of a back end.
    public var failure: String?

    init(batch: Int, programs: Int) {
        self.batch = batch
        self.programs = programs
    }

    mutating func add(_ verdict: FuzzVerdict) {
        disagreements += verdict.disagreements
        oddities += verdict.oddities
        pairs += verdict.pairs
        exactPairs += verdict.exactPairs
        modelChoices.merge(verdict.modelChoices)
        realChoices.merge(verdict.realChoices)
    }
}

/// The result of a campaign: the same for the same seed as far as the back ends repeat themselves.
public struct FuzzCampaign: Hashable, Sendable {
    public var seed: UInt64
    /// In the order of the batches.
    public var outcomes: [FuzzOutcome]

    /// The share of pairs that must be compared exactly.
    public static let leastExactShare = 0.8

    /// Programs of batches without failure.
    public var programs: Int { outcomes.filter { $0.failure == nil }.reduce(0) { $0 + $1.programs } }
    /// Pairs of a message and a subscription or group that could have had a copy.
    public var pairs: Int { outcomes.reduce(0) { $0 + $1.pairs } }
    /// Those compared exactly.
    public var exactPairs: Int { outcomes.reduce(0) { $0 + $1.exactPairs } }
    /// The share of (message, subscription) pairs of which both runs must agree on the exact number of copies.
    public var exactShare: Double { pairs == 0 ? 0 : Double(exactPairs) / Double(pairs) }
    /// All disagreements; at most `FuzzVerdict.kept` of each program.
    public var disagreementCount: Int { outcomes.reduce(0) { $0 + $1.disagreements.count } }
    /// Errors of back ends, one for each batch that was not compared.
    public var failures: [String] { outcomes.compactMap(\.failure) }

    /// Programs that exercised each feature.
    public var coverage: FuzzCoverage {
        outcomes.reduce(into: FuzzCoverage()) { $0.merge($1.coverage) }
    }

    /// The test of the model's choices of queue group members.
    public var modelShares: FuzzShareTest {
        outcomes.reduce(into: FuzzChoices()) { $0.merge($1.modelChoices) }.test
    }

    /// The same for the servers' choices.
    public var realShares: FuzzShareTest {
        outcomes.reduce(into: FuzzChoices()) { $0.merge($1.realChoices) }.test
    }

    /// Whether nothing disagreed or failed, enough was compared exactly, and nothing was left unexercised.
    public var holds: Bool {
        disagreementCount == 0 && failures.isEmpty && modelShares.holds && realShares.holds
            && exactShare >= Self.leastExactShare && coverage.missing.isEmpty
    }
}

/// How far a campaign is.
public struct FuzzProgress: Hashable, Sendable {
    public var programs: Int
    public var of: Int
    public var disagreements: Int
    public var failures: Int
}

/// Makes a back end for one batch, numbered from 0; called from any thread.
public typealias FuzzBackendMaker = @Sendable (Int) throws -> any RoutingBackend
/// Runs a job for each index below a count, side by side or not, and returns when all have ended.
public typealias FuzzJobs = (_ count: Int, _ job: @escaping @Sendable (Int) -> Void) -> Void

/// Runs random programs on two back ends and compares what was received.
///
/// - Parameters:
///   - programs: how many; the last batch may be smaller than the others.
///   - jobs: decides how many batches run at the same time; the rooms of the model start no threads.
///   - progress: told after each batch, from any thread.
public func runCampaign(
    programs: Int, seed: UInt64, batchSize: Int = FuzzBatch.standardSize, makeModel: @escaping FuzzBackendMaker,
    makeReal: @escaping FuzzBackendMaker,
    jobs: FuzzJobs = { count, job in for index in 0..<count { job(index) } },
    progress: @escaping @Sendable (FuzzProgress) -> Void = { _ in }
) -> FuzzCampaign {
    precondition(programs > 0 && batchSize > 0, "a campaign has programs")
    let count = (programs + batchSize - 1) / batchSize
    let shared = FuzzLedger(count)
    jobs(count) { index in
        let size = min(batchSize, programs - index * batchSize)
        let batch = FuzzBatch(seed: seed, index: index, programs: size)
        let outcome = batch.outcome(makeModel: makeModel, makeReal: makeReal)
        progress(shared.add(outcome, at: index, total: programs))
    }
    return FuzzCampaign(seed: seed, outcomes: shared.outcomes)
}

/// The outcomes of all batches, filled in from several threads.
private final class FuzzLedger: Sendable {
    private let state: Mutex<[FuzzOutcome?]>

    init(_ count: Int) { state = Mutex(Array(repeating: nil, count: count)) }

    func add(_ outcome: FuzzOutcome, at index: Int, total: Int) -> FuzzProgress {
        state.withLock { state in
            state[index] = outcome
            let done = state.compactMap(\.self)
            return FuzzProgress(
                programs: done.reduce(0) { $0 + $1.programs }, of: total,
                disagreements: done.reduce(0) { $0 + $1.disagreements.count },
                failures: done.count { $0.failure != nil })
        }
    }

    /// All of them, once the jobs have ended.
    var outcomes: [FuzzOutcome] {
        state.withLock { state in
            state.map { outcome in
                guard let outcome else { preconditionFailure("every batch was run") }
                return outcome
            }
        }
    }
}

extension FuzzBatch {
    /// Programs of a batch: enough that starting its servers costs each of them little.
    public static let standardSize = 40

    /// Runs the batch on both back ends and compares all its programs.
    public func outcome(makeModel: FuzzBackendMaker, makeReal: FuzzBackendMaker) -> FuzzOutcome {
        var outcome = FuzzOutcome(batch: index, programs: programs.count)
        do {
            let model = try run(with: makeModel)
            let real = try run(with: makeReal)
            for position in programs.indices {
                outcome.add(compare(program: position, model: model, real: real))
                outcome.coverage.add(FuzzForecast(self, position).features)
            }
        } catch {
            outcome.failure = "batch \(index): \(error)"
        }
        return outcome
    }

    /// Runs the batch on a new back end. Errors name it.
    public func run(with make: FuzzBackendMaker) throws -> FuzzRun {
        var backend = try make(index)
        let name = backend.name
        do {
            return try run(on: &backend)
        } catch let error as FuzzRunError {
            throw error
        } catch {
            throw FuzzRunError("\(name): \(error)")
        }
    }
}
