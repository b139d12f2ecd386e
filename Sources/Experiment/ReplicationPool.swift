import Foundation

/// Runs numbered jobs on threads and hands their results back in the order of the numbers.
///
/// After a job that throws, no other one starts. Whoever takes the results cannot tell how many threads there were. A
/// thread that runs ahead waits once `lookahead` results are pending, so that one slow job does not let the finished
/// ones pile up in memory.
package final class ReplicationPool<Value: Sendable>: @unchecked Sendable {
    // All state below is guarded by `condition`.
    private let condition = NSCondition()
    private var nextToStart = 0
    private var nextToTake = 0
    private var results: [Int: Result<Value, any Error>] = [:]
    private var isStopped = false
    private var running = 0

    private let count: Int
    private let lookahead: Int
    private let job: @Sendable (Int) throws -> Value

    /// - Parameter lookahead: results that may wait to be taken; twice the threads if not given.
    package init(count: Int, threads: Int, lookahead: Int? = nil, job: @escaping @Sendable (Int) throws -> Value) {
        precondition(threads >= 1, "a pool needs a thread")
        self.count = count
        self.job = job
        self.lookahead = lookahead ?? 2 * threads
        running = min(threads, count)
        for _ in 0..<running {
            let thread = Thread { self.work() }
            // The engine recurses little, but a call model with large value types wants more than 512 KiB.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// The next result in order; `nil` when all are taken, or when the pool was stopped and nothing finished is left.
    ///
    /// Jobs that never ran, because of `stop()` or an error, are skipped.
    package func take() -> (index: Int, result: Result<Value, any Error>)? {
        condition.lock()
        defer { condition.unlock() }
        while nextToTake < count {
            if let result = results.removeValue(forKey: nextToTake) {
                nextToTake += 1
                condition.broadcast()
                return (nextToTake - 1, result)
            }
            if isStopped && running == 0 {
                nextToTake += 1
            } else {
                condition.wait()
            }
        }
        return nil
    }

    /// Starts no further job; those under way go on to their end.
    package func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func work() {
        while let index = claim() {
            let result = Result { try job(index) }
            condition.lock()
            results[index] = result
            // One that failed ends the experiment, and one that was cancelled will not be alone.
            if case .failure = result { isStopped = true }
            condition.broadcast()
            condition.unlock()
        }
        condition.lock()
        running -= 1
        condition.broadcast()
        condition.unlock()
    }

    private func claim() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped && nextToStart < count && nextToStart >= nextToTake + lookahead { condition.wait() }
        guard !isStopped, nextToStart < count else { return nil }
        nextToStart += 1
        return nextToStart - 1
    }
}
