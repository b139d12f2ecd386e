import EventKernel
import Measures
public import Scenario
import Simulation
import Statistics
import Synchronization

/// A calibration scenario with what it is to be held against.
public struct ValidationCase: Sendable {
    /// The scenario at one value of its sweep.
    public struct Variant: Sendable {
        /// Nanoseconds; `nil` without a sweep.
        public var value: Int64?
        public var scenario: Scenario
        /// Whether it runs on real servers too.
        public var isLive: Bool

        public init(value: Int64?, scenario: Scenario, isLive: Bool) {
            self.value = value
            self.scenario = scenario
            self.isLive = isLive
        }
    }

    /// Real servers for a scenario.
    public struct Live: Sendable {
        public var run: ReplicationRunner
        /// For example `2.9.10`.
        public var server: String
        /// At least 1.
        public var runs: Int

        public init(server: String, runs: Int, run: @escaping ReplicationRunner) {
            precondition(runs >= 1)
            self.server = server
            self.runs = runs
            self.run = run
        }
    }

    public var file: String
    public var calibration: Calibration
    /// One without a value, or one for each value of the sweep.
    public var variants: [Variant]
    /// `nil`: stored measurements take their place.
    public var live: Live?
    /// Why there are no real servers.
    public var storedReason: String

    public init(
        file: String, calibration: Calibration, variants: [Variant], live: Live?, storedReason: String = ""
    ) {
        precondition(!variants.isEmpty)
        self.file = file
        self.calibration = calibration
        self.variants = variants
        self.live = live
        self.storedReason = storedReason
    }
}

/// How a validation is run.
public struct ValidationPlan: Sendable {
    public var cases: [ValidationCase]
    /// Threads for the model.
    public var threads: Int
    /// Labs with real servers side by side; exclusive scenarios have the machine for themselves anyway.
    public var jobs: Int

    public init(cases: [ValidationCase], threads: Int, jobs: Int) {
        precondition(threads >= 1 && jobs >= 1)
        self.cases = cases
        self.threads = threads
        self.jobs = jobs
    }
}

/// Runs calibration scenarios on the model and on real servers, and judges each of their rows.
///
/// First all simulated runs, k of a scenario with seed k; then exclusive scenarios on real servers, one at a time;
/// then the others side by side, the longest first. A run on real servers that fails or is not faithful is left out,
/// named, and made again, a bounded number of times, each time with half as many others beside it.
/// - Parameters:
///   - simulate: one replication on the model.
///   - progress: called from any thread, often.
///   - isCancelled: asked often from any thread; `true` ends it with what is finished by then.
/// - Throws: `ExperimentError` if a replication on the model fails.
public func validate(
    _ plan: ValidationPlan, simulate: @escaping ReplicationRunner,
    progress: (@Sendable (ValidationProgress) -> Void)? = nil,
    isCancelled: @escaping @Sendable () -> Bool = { Interrupt.isRequested }
) throws -> ValidationResult {
    var work = ValidationWork(plan, simulate: simulate, progress: progress, isCancelled: isCancelled)
    try work.run()
    let judged = plan.cases.enumerated().map { place, item in
        judgeCase(item, work.jobs.filter { $0.place == place }, work.runs)
    }
    return ValidationResult(cases: judged, isInterrupted: work.runs.count < work.jobs.count)
}

/// The runs of a validation, and what they found.
private struct ValidationWork {
    let plan: ValidationPlan
    let simulate: ReplicationRunner
    let isCancelled: @Sendable () -> Bool
    let meter: ValidationMeter
    /// With those that are made again.
    var jobs: [ValidationJob]
    var runs: [ValidationJob: FinishedRun] = [:]

    /// How often a run on real servers that does not count is made again.
    static let repetitions = 2

    init(
        _ plan: ValidationPlan, simulate: @escaping ReplicationRunner,
        progress: (@Sendable (ValidationProgress) -> Void)?, isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.plan = plan
        self.simulate = simulate
        self.isCancelled = isCancelled
        jobs = ValidationJob.all(plan.cases)
        meter = ValidationMeter(jobs, plan, report: progress)
    }

    mutating func run() throws {
        try perform(jobs.filter { !$0.isLive }, threads: plan.threads)
        for isExclusive in [true, false] {
            var waiting = jobs.filter { $0.isLive && $0.isExclusive == isExclusive }
            // The longest first: at the end no lab waits for a single one that began late.
            if !isExclusive { waiting = byLength(waiting) }
            for attempt in 0...Self.repetitions where !waiting.isEmpty && !isCancelled() {
                // Most runs are left out since others beside them took the processor.
                try perform(waiting, threads: isExclusive ? 1 : max(1, plan.jobs >> attempt))
                guard attempt < Self.repetitions, !isCancelled() else { break }
                waiting = waiting.filter { runs[$0].map { !$0.problems.isEmpty } ?? false }.map(again)
                jobs += waiting
                meter.add(waiting)
            }
        }
    }

    private func byLength(_ jobs: [ValidationJob]) -> [ValidationJob] {
        func length(_ job: ValidationJob) -> Int64 {
            plan.cases[job.place].variants[job.variant].scenario.horizon.nanoseconds
        }
        return jobs.enumerated().sorted { (-length($0.element), $0.offset) < (-length($1.element), $1.offset) }
            .map(\.element)
    }

    /// The same with the next number that is free, and so with another phase of what is random in it.
    private func again(_ job: ValidationJob) -> ValidationJob {
        var next = job
        next.run += plan.cases[job.place].live?.runs ?? 0
        return next
    }

    private mutating func perform(_ jobs: [ValidationJob], threads: Int) throws {
        guard !jobs.isEmpty, !isCancelled() else { return }
        let pool = ReplicationPool(
            count: jobs.count, threads: min(threads, jobs.count), lookahead: jobs.count
        ) { [self] index in
            let job = jobs[index]
            if isCancelled() { throw CancellationError() }
            meter.start(job)
            defer { meter.finish(job) }
            return try Experiment.run(
                job, plan.cases[job.place], simulate: simulate, meter: meter, isCancelled: isCancelled)
        }
        while let (index, result) = pool.take() {
            switch result {
            case .success(let finished): runs[jobs[index]] = finished
            case .failure(is CancellationError): pool.stop()
            case .failure(let error):
                pool.stop()
                while pool.take() != nil {}
                throw error
            }
        }
    }
}

/// One run of a validation.
struct ValidationJob: Hashable, Sendable {
    /// Index of the case.
    var place: Int
    /// Index of its variant.
    var variant: Int
    var isLive: Bool
    /// From 0.
    var run: Int
    var isExclusive: Bool

    static func all(_ cases: [ValidationCase]) -> [ValidationJob] {
        cases.enumerated().flatMap { place, item in
            item.variants.indices.flatMap { variant in
                let live = item.variants[variant].isLive ? item.live?.runs ?? 0 : 0
                return [(false, item.calibration.simulatedRuns), (true, live)].flatMap { isLive, count in
                    (0..<count).map {
                        ValidationJob(
                            place: place, variant: variant, isLive: isLive, run: $0,
                            isExclusive: item.calibration.isExclusive)
                    }
                }
            }
        }
    }
}

/// What is kept of a run.
struct FinishedRun: Sendable {
    var responses: [String: ResponseValue]
    var emulation: EmulationRecord?
    /// Why it does not count; empty if it does.
    var problems: [String]
}

private func run(
    _ job: ValidationJob, _ item: ValidationCase, simulate: ReplicationRunner, meter: ValidationMeter,
    isCancelled: @escaping @Sendable () -> Bool
) throws -> FinishedRun {
    var scenario = item.variants[job.variant].scenario
    let options = SimulationOptions(
        threads: 1, progress: { meter.update(job, time: $0) }, isCancelled: isCancelled)
    func kept(_ outcome: Outcome) -> FinishedRun {
        let responses = Dictionary(outcome.responses.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return FinishedRun(
            responses: responses, emulation: outcome.emulation, problems: outcome.emulation?.problems ?? [])
    }
    guard job.isLive, let live = item.live else {
        scenario.seed = UInt64(job.run + 1)
        do {
            return kept(try simulate(scenario, 0, options))
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ExperimentError("\(item.file), seed \(scenario.seed): \(error)")
        }
    }
    do {
        return kept(try live.run(scenario, UInt32(job.run), options))
    } catch let error as CancellationError {
        throw error
    } catch {
        // One lab that did not come up must not cost the others' hour.
        return FinishedRun(responses: [:], emulation: nil, problems: ["\(error)"])
    }
}

private func judgeCase(
    _ item: ValidationCase, _ jobs: [ValidationJob], _ runs: [ValidationJob: FinishedRun]
) -> ValidatedCase {
    let calibration = item.calibration
    let counting = jobs.filter { job in runs[job].map(\.problems.isEmpty) ?? false }
    func values(_ row: CalibrationRow, variant: Int, isLive: Bool) -> [Double?] {
        counting.filter { $0.variant == variant && $0.isLive == isLive }.map {
            runs[$0]?.responses[row.response]?.value
        }
    }
    func unit(_ row: CalibrationRow) -> String {
        let seen = counting.lazy.compactMap { runs[$0]?.responses[row.response]?.unit }.first
        return seen ?? ResponseCatalogue.definition(named: row.response)?.unit ?? "number"
    }
    let isOpen = counting.count { !$0.isLive } < calibration.simulatedRuns * item.variants.count
    var judged = ValidatedCase(
        file: item.file, scenario: item.variants[0].scenario.name, suite: calibration.suite,
        simulatedRuns: calibration.simulatedRuns, liveRuns: counting.count { $0.isLive }, server: item.live?.server,
        storedReason: item.storedReason, rows: [], sweeps: [],
        excluded: jobs.compactMap { job in
            guard let finished = runs[job], !finished.problems.isEmpty else { return nil }
            return ExcludedRun(run: job.run, value: item.variants[job.variant].value, reasons: finished.problems)
        },
        emulations: counting.compactMap { runs[$0]?.emulation })
    for row in calibration.rows {
        if let sweep = calibration.sweep {
            var result = judgeSweep(
                row, unit: unit(row), key: sweep.key, isCompared: item.live != nil,
                values: item.variants.indices.map { index in
                    let variant = item.variants[index]
                    return (
                        variant.value ?? 0, values(row, variant: index, isLive: false),
                        values(row, variant: index, isLive: true)
                    )
                })
            if isOpen { (result.verdict, result.reason) = (.inconclusive, "interrupted") }
            judged.sweeps.append(result)
        } else {
            let simulated = values(row, variant: 0, isLive: false)
            let measured = measurement(row, item, live: values(row, variant: 0, isLive: true))
            var result = judge(row, unit: unit(row), simulated: simulated, measured: measured)
            if isOpen { result.settle(.inconclusive, "interrupted") }
            judged.rows.append(result)
        }
    }
    return judged
}

private func measurement(_ row: CalibrationRow, _ item: ValidationCase, live: [Double?]) -> Measurement {
    if item.live != nil { return .live(live) }
    guard let range = row.measured else { return .none("never measured before, and no real server now") }
    return .stored(range, measurements: row.measurements)
}
