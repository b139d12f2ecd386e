import CLinux
import EventKernel
import Foundation

/// Lets the labs of a process boot one after the other.
///
/// Servers that start want all of the machine for a moment. Labs side by side would make each other late: packets by
/// milliseconds, faults at time zero by a tenth of a second.
final class BootTurn: @unchecked Sendable {
    static let shared = BootTurn()

    // Guarded by `condition`.
    private var isTaken = false
    private let condition = NSCondition()

    /// Between two questions whether to give up.
    private static let patience: TimeInterval = 0.05

    /// Waits until nobody else boots.
    ///
    /// - Throws: `CancellationError` when `isCancelled` says so.
    func take(isCancelled: () -> Bool) throws {
        condition.lock()
        defer { condition.unlock() }
        while isTaken {
            if isCancelled() { throw CancellationError() }
            _ = condition.wait(until: Date(timeIntervalSinceNow: Self.patience))
        }
        isTaken = true
    }

    func pass() {
        condition.lock()
        precondition(isTaken, "a turn that nobody has")
        isTaken = false
        condition.signal()
        condition.unlock()
    }
}

/// A turn to boot that one lab may have; given back at the latest by `deinit`.
final class BootTicket {
    private var isHeld = false

    func take(isCancelled: () -> Bool) throws {
        precondition(!isHeld, "one turn is enough")
        try BootTurn.shared.take(isCancelled: isCancelled)
        isHeld = true
    }

    func giveBack() {
        if isHeld { BootTurn.shared.pass() }
        isHeld = false
    }

    deinit { giveBack() }
}
