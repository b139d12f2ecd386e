import CLinux
import Foundation
import Glibc

/// A thread that can be joined, which `Foundation.Thread` cannot.
struct JoinableThread: @unchecked Sendable {
    // Never changes; `pthread_t` is a number.
    private let thread: pthread_t

    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    init(_ run: @escaping @Sendable () -> Void) throws(FabricError) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let code = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw FabricError("cannot start a thread", code: code)
        }
        self.thread = thread
    }

    /// Waits for its end; to be called exactly once.
    func join() { _ = pthread_join(thread, nil) }
}

/// One long-lived thread that carries out jobs, each while its caller waits.
///
/// All children of a lab are forked here: the kernel kills a child when the *thread* that forked it ends. The thread
/// also changes its network namespace for a job, which no other code should notice.
struct LauncherThread: Sendable {
    private final class Queue: @unchecked Sendable {
        // All state is guarded by `condition`.
        private let condition = NSCondition()
        private var jobs: [() -> Void] = []
        private var isStopped = false

        func add(_ job: @escaping () -> Void) -> Bool {
            condition.lock()
            defer { condition.unlock() }
            guard !isStopped else { return false }
            jobs.append(job)
            condition.signal()
            return true
        }

        func stop() {
            condition.lock()
            isStopped = true
            condition.signal()
            condition.unlock()
        }

        func work() {
            clinux_name_thread("launcher")
            while let job = next() { job() }
        }

        private func next() -> (() -> Void)? {
            condition.lock()
            defer { condition.unlock() }
            while jobs.isEmpty && !isStopped { condition.wait() }
            return jobs.isEmpty ? nil : jobs.removeFirst()
        }
    }

    private final class Outcome<Value: Sendable>: @unchecked Sendable {
        // Written by the launcher before `done` is signalled and read by the caller after it.
        var result: Result<Value, any Error>?
        let done = DispatchSemaphore(value: 0)
    }

    private let queue = Queue()
    private let thread: JoinableThread

    init() throws(FabricError) {
        thread = try JoinableThread { [queue] in queue.work() }
    }

    /// Does a job on the thread and waits for it.
    ///
    /// - Throws: what the job throws, or `FabricError` when the thread has ended.
    func run<Value: Sendable>(_ job: @escaping @Sendable () throws -> Value) throws -> Value {
        let outcome = Outcome<Value>()
        let isAccepted = queue.add {
            outcome.result = Result(catching: job)
            outcome.done.signal()
        }
        guard isAccepted else { throw FabricError.isShutDown }
        outcome.done.wait()
        return try outcome.result!.get()
    }

    /// Ends the thread, and with it all that it forked; to be called exactly once.
    func end() {
        queue.stop()
        thread.join()
    }
}
