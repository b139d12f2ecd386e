import EventKernel
import RandomVariates

/// What can happen in a queue: customers arrive, and a server finishes one of them.
enum QueueEvent: BitwiseCopyable, Sendable {
    case arrival
    case departure
}

/// How long a service takes. The mean is one second in every model here, so that rates read as loads.
enum ServiceLaw {
    case exponential
    case deterministic
}

/// Servers with one line, first come first served; customers arrive in batches at Poisson times.
struct Queue: ~Copyable, Model {
    let servers: Int
    let batch: Int
    let law: ServiceLaw
    /// Mean time between batches in nanoseconds.
    let meanGap: Double

    var arrivals: RandomStream
    var services: RandomStream
    var line = Ring<SimTime>(capacityLimit: 1 << 20)
    var busy = 0
    var waits: BatchMeans

    init(servers: Int, batch: Int, law: ServiceLaw, batchesPerSecond: Double, seed: UInt64, waits: BatchMeans) {
        self.servers = servers
        self.batch = batch
        self.law = law
        meanGap = 1e9 / batchesPerSecond
        arrivals = RandomStream(seed: seed, purpose: .arrival, replication: 0, entity: 0)
        services = RandomStream(seed: seed, purpose: .service, replication: 0, entity: 0)
        self.waits = waits
    }

    mutating func handle(_ event: QueueEvent, _ calendar: inout EventCalendar<QueueEvent>) {
        switch event {
        case .arrival:
            calendar.post(.arrival, after: .nanoseconds(Int64(arrivals.exponential(mean: meanGap))))
            for _ in 0..<batch {
                if busy < servers {
                    busy += 1
                    serve(waited: .zero, &calendar)
                } else {
                    line.append(calendar.now)
                }
            }
        case .departure:
            if line.count > 0 {
                serve(waited: calendar.now - line.popFirst(), &calendar)
            } else {
                busy -= 1
            }
        }
    }

    mutating func serve(waited: SimDuration, _ calendar: inout EventCalendar<QueueEvent>) {
        waits.record(waited.seconds)
        let service = law == .exponential ? services.exponential(mean: 1e9) : 1e9
        calendar.post(.departure, after: .nanoseconds(Int64(service)))
    }

    /// The interval for the mean wait in seconds from one long run.
    static func meanWait(_ queue: consuming Queue) throws -> Interval {
        var engine = Engine(queue, limit: 1_000_000, instantLimit: 1_000)
        engine.calendar.post(.arrival, at: .start)
        var horizon = SimTime.start
        while !engine.model.waits.isComplete {
            horizon = horizon + .seconds(1_000)
            try engine.run(until: horizon)
        }
        return engine.model.waits.interval
    }
}

/// A confidence interval: centre plus or minus half-width.
struct Interval {
    var centre: Double
    var halfWidth: Double

    func contains(_ value: Double) -> Bool { abs(value - centre) <= halfWidth }
    var relativeHalfWidth: Double { halfWidth / centre }
}

/// The method of batch means on the first observations after a warm-up: 30 batches of equal size.
struct BatchMeans {
    /// Student's t for 29 degrees of freedom at 99.5 %: the interval covers with probability 99 %.
    static let quantile = 2.756
    static let batches = 30

    let batchSize: Int
    var discard: Int
    var sums: [Double] = []
    var sum = 0.0
    var inBatch = 0

    init(discard: Int, batchSize: Int) {
        self.discard = discard
        self.batchSize = batchSize
    }

    /// How many times longer than in a debug build, where an event costs fifty times as much, a run is in a release
    /// build: intervals are three times narrower there, at a fraction of the time.
    #if DEBUG
        static let scale = 1
    #else
        static let scale = 10
    #endif

    var isComplete: Bool { sums.count == Self.batches }

    mutating func record(_ value: Double) {
        if discard > 0 {
            discard -= 1
            return
        }
        guard !isComplete else { return }
        sum += value
        inBatch += 1
        if inBatch == batchSize {
            sums.append(sum / Double(batchSize))
            sum = 0
            inBatch = 0
        }
    }

    var interval: Interval {
        let count = Double(sums.count)
        let mean = sums.reduce(0, +) / count
        let squares = sums.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return Interval(centre: mean, halfWidth: Self.quantile * (squares / (count - 1) / count).squareRoot())
    }
}

/// Calls in progress where nobody is ever refused: Poisson arrivals, lognormal durations, endless servers.
struct EndlessServers: Model {
    var arrivals = RandomStream(seed: 5, purpose: .arrival, replication: 0, entity: 0)
    var services = RandomStream(seed: 5, purpose: .service, replication: 0, entity: 0)
    let meanGap: Double
    let mu: Double
    let sigma: Double
    var inProgress: Int64 = 0
    /// Calls in progress integrated over time, in call nanoseconds.
    var integral: Int64 = 0
    var lastChange = SimTime.start

    mutating func handle(_ event: QueueEvent, _ calendar: inout EventCalendar<QueueEvent>) {
        settle(calendar.now)
        switch event {
        case .arrival:
            inProgress += 1
            let duration = services.lognormal(mu: mu, sigma: sigma)
            calendar.post(.departure, after: .nanoseconds(Int64(duration)))
            calendar.post(.arrival, after: .nanoseconds(Int64(arrivals.exponential(mean: meanGap))))
        case .departure:
            inProgress -= 1
        }
    }

    mutating func settle(_ now: SimTime) {
        integral += inProgress * (now - lastChange).nanoseconds
        lastChange = now
    }
}
