import EventKernel
import Scenario
import Synchronization

/// How far a validation has come, for display only.
public struct ValidationProgress: Hashable, Sendable {
    /// Runs that are done, and all of them, on the model and on real servers.
    public var finished: Int
    public var total: Int
    /// What runs now.
    public var running: [String]
    /// Seconds to go; `nil` while the model's speed is unknown.
    public var remainingSeconds: Double?
    public var elapsedSeconds: Double

    public init(
        finished: Int, total: Int, running: [String], remainingSeconds: Double?, elapsedSeconds: Double
    ) {
        self.finished = finished
        self.total = total
        self.running = running
        self.remainingSeconds = remainingSeconds
        self.elapsedSeconds = elapsedSeconds
    }
}

/// Counts runs, and estimates what is left: real servers take their time, the model what it took so far.
final class ValidationMeter: Sendable {
    private struct State {
        var jobs: [ValidationJob]
        var finished: Set<ValidationJob> = []
        /// In the order in which they started, with the simulated seconds that they reached.
        var running: [(job: ValidationJob, reached: Double)] = []
        /// When the last run on the model ended, seconds since the start.
        var modelSeconds = 0.0
        /// When somebody was told last, seconds since the start.
        var reportedAt = -1.0
    }

    /// Starting and ending the servers of one lab.
    private static let overheadSeconds = 4.0
    /// What a lab that is cut or killed waits on average before time zero, to meet any phase of the servers' timers.
    private static let pauseSeconds = 7.5

    private let state: Mutex<State>
    private let names: [String]
    /// How long a run takes on real servers.
    private let horizons: [[Double]]
    private let sideBySide: Int
    private let startedAt = ProcessClock.wallSeconds
    private let report: (@Sendable (ValidationProgress) -> Void)?

    init(_ jobs: [ValidationJob], _ plan: ValidationPlan, report: (@Sendable (ValidationProgress) -> Void)?) {
        state = Mutex(State(jobs: jobs))
        names = plan.cases.map { $0.variants[0].scenario.name }
        horizons = plan.cases.map { $0.variants.map { Self.seconds($0.scenario) } }
        sideBySide = plan.jobs
        self.report = report
    }

    private static func seconds(_ scenario: Scenario) -> Double {
        let pause = scenario.initial == .steady && !scenario.timeline.isEmpty ? pauseSeconds : 0
        return scenario.horizon.seconds + overheadSeconds + pause
    }

    /// More to do.
    func add(_ jobs: [ValidationJob]) { state.withLock { $0.jobs += jobs } }

    func start(_ job: ValidationJob) { change { $0.running.append((job, 0)) } }

    func update(_ job: ValidationJob, time: SimTime) {
        if !job.isLive { return }
        change { state in
            guard let place = state.running.firstIndex(where: { $0.job == job }) else { return }
            state.running[place].reached = time.seconds
        }
    }

    func finish(_ job: ValidationJob) {
        change { state in
            state.running.removeAll { $0.job == job }
            state.finished.insert(job)
            if !job.isLive { state.modelSeconds = ProcessClock.wallSeconds - startedAt }
        }
    }

    /// Tells ten times a second at most: counting what is left takes a moment, and the machine is to be quiet.
    private func change(_ body: (inout State) -> Void) {
        guard let report else { return }
        let elapsed = ProcessClock.wallSeconds - startedAt
        let progress: ValidationProgress? = state.withLock { state in
            body(&state)
            let isLast = state.finished.count == state.jobs.count
            guard isLast || elapsed - state.reportedAt >= 0.1 else { return nil }
            state.reportedAt = elapsed
            return snapshot(state)
        }
        if let progress { report(progress) }
    }

    private func snapshot(_ state: State) -> ValidationProgress {
        var running: [String] = []
        for entry in state.running where !running.contains(names[entry.job.place]) {
            running.append(names[entry.job.place])
        }
        return ValidationProgress(
            finished: state.finished.count, total: state.jobs.count, running: running,
            remainingSeconds: remaining(state), elapsedSeconds: ProcessClock.wallSeconds - startedAt)
    }

    private func remaining(_ state: State) -> Double? {
        var model = (done: 0, left: 0)
        var (alone, beside) = (0.0, 0.0)
        for job in state.jobs {
            if state.finished.contains(job) {
                if !job.isLive { model.done += 1 }
                continue
            }
            guard job.isLive else {
                model.left += 1
                continue
            }
            let reached = state.running.first { $0.job == job }?.reached ?? 0
            let left = max(0, horizons[job.place][job.variant] - reached)
            if job.isExclusive { alone += left } else { beside += left }
        }
        if model.left > 0 && model.done == 0 { return nil }
        let simulation = model.left == 0 ? 0 : state.modelSeconds * Double(model.left) / Double(model.done)
        return simulation + alone + beside / Double(sideBySide)
    }
}
