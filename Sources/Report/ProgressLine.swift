public import Experiment
import Synchronization

/// One line that is written over again and again while an experiment runs.
public final class ProgressLine: Sendable {
    private let name: String
    private let write: @Sendable (String) -> Void
    private let lastShown = Mutex(-1.0)

    /// - Parameter write: puts text on the terminal as it is.
    public init(name: String, write: @escaping @Sendable (String) -> Void) {
        self.name = name
        self.write = write
    }

    /// Shows the progress, ten times a second at most.
    public func show(_ progress: ExperimentProgress) {
        let isDue = lastShown.withLock { last in
            guard progress.elapsedSeconds - last >= 0.1 else { return false }
            last = progress.elapsedSeconds
            return true
        }
        if isDue { write("\r" + Self.text(name, progress) + "\u{1B}[K") }
    }

    /// Takes the line away, to make room for the summary.
    public func clear() { write("\r\u{1B}[K") }

    static func text(_ name: String, _ progress: ExperimentProgress) -> String {
        let percent = pad("\(Int(progress.fraction * 100))", 3, .right)
        let left = progress.remainingSeconds.map { ", \(Numbers.clock(seconds: $0.rounded(.up))) left" } ?? ""
        let done = "\(progress.finished) of \(progress.total) replications"
        return "\(cut(name, 30))  \(percent) %  \(done)\(left)"
    }
}
