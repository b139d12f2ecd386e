import Foundation
import Synchronization

/// Set by the first SIGINT or SIGTERM; read by everything that can stop early.
private let interruptRequested = Atomic<Bool>(false)

/// Turns Ctrl-C into a request to finish what is being written and stop.
public enum Interrupt {
    /// Whether the user asked to stop.
    public static var isRequested: Bool { interruptRequested.load(ordering: .relaxed) }

    /// Starts to listen. The first signal sets the flag; the second has its usual effect and ends the process,
    /// which the database survives (each replication is one transaction).
    public static func install() {
        // The global is created lazily: touch it here, since a signal handler must not take the lock for that.
        _ = interruptRequested.load(ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in interruptRequested.store(true, ordering: .relaxed) }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_RESTART)
        sigemptyset(&action.sa_mask)
        sigaction(SIGINT, &action, nil)
        sigaction(SIGTERM, &action, nil)
        // Whoever started us may have had them blocked, and a blocked signal is inherited.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
}
