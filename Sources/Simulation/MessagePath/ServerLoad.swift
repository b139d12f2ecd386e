import EventKernel
import NATSModel
import Scenario

/// CPU time that a server's messages cost, at the two ends of the plain publishers' activity.
struct CPUUsage {
    var atStart: Int64 = 0
    /// `nil`: the activity lasts to the horizon.
    var atEnd: Int64?
}

/// CPU time of waking up, in nanoseconds; see docs/models/server-cpu.md.
struct WakeUps {
    private let read: Int64
    private let remoteRead: Int64
    private let flush: Int64
    private let furtherFlush: Int64
    /// Thousandths of a core.
    let share: Int64
    let localShare: Int64

    init(_ nats: ServerParameters) {
        read = nats.readWakeUp.nanoseconds
        remoteRead = nats.remoteReadWakeUp.nanoseconds
        flush = nats.flushWakeUp.nanoseconds
        furtherFlush = nats.furtherFlushWakeUp.nanoseconds
        share = Int64((nats.wakeUpShare * 1_000).rounded())
        localShare = Int64((nats.localWakeUpShare * 1_000).rounded())
    }

    /// For one message, long after the last one.
    ///
    /// - Parameter flushes: connections that get a copy, whatever the number of their subscriptions.
    @inline(__always)
    func wakeUp(from source: Source, flushes: Int64) -> Int64 {
        let writing = flushes == 0 ? 0 : flush &+ (flushes &- 1) &* furtherFlush
        return (source == .client ? read : remoteRead) &+ writing
    }
}

extension World {
    /// From the first plain publisher's start to the last one's end, within the horizon; all of the run where only
    /// people send; `nil`: nobody does.
    var publishingSpan: Range<Int64>? {
        let active = scenario.publishers.filter { $0.published(before: SimTime(nanoseconds: horizon)) > 0 }
        guard let start = active.map(\.start.nanoseconds).min() else {
            return scenario.populations.isEmpty ? nil : 0..<horizon
        }
        let end = active.map { min($0.end?.nanoseconds ?? horizon, horizon) }.max() ?? horizon
        return start..<end
    }
}

extension Domain {
    /// The servers' use of CPU is noted when the plain publishers begin, and when they have ended.
    mutating func scheduleLoadMarks() {
        guard let span = world.publishingSpan else { return }
        schedule(.loadMark, object: 0, payload: 0, at: span.lowerBound)
        schedule(.loadMark, object: 0, payload: 1, at: span.upperBound)
    }

    mutating func markLoad(isEnd: Bool, at time: Int64) {
        for server in 0..<servers.count {
            let processor = servers[pointer: server].pointee.station.processor
            let used = processor.busy + processor.beside
            if isEnd {
                servers[pointer: server].pointee.usage.atEnd = used
            } else {
                servers[pointer: server].pointee.usage.atStart = used
            }
        }
    }

    /// CPU nanoseconds of a server in `World.publishingSpan`, with what it uses when idle; 0 without one.
    func cpuWhilePublishing(server: Int) -> Int64 {
        guard let span = world.publishingSpan else { return 0 }
        let usage = servers[pointer: server].pointee.usage
        let processor = servers[pointer: server].pointee.station.processor
        let messages = (usage.atEnd ?? processor.busy + processor.beside) - usage.atStart
        let dead = outages(ofServer: server).reduce(Int64(0)) { sum, outage in
            sum + max(0, min(outage.end, span.upperBound) - max(outage.start, span.lowerBound))
        }
        let alive = span.upperBound - span.lowerBound - dead
        return messages + Int64(Double(alive) * world.nats.idleLoad)
    }
}
