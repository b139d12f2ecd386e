import Experiment
import Report
import Synchronization

/// How far a run of cases or programs is, as one line on standard error that is written over; nothing in a pipe.
final class RouteProgress: Sendable {
    private let total: Int
    /// What is counted: `cases`, `programs`.
    private let unit: String
    private let startedAt = ProcessClock.wallSeconds
    private let isShown: Bool

    init(_ unit: String, of total: Int, isShown: Bool = Screen.errorIsTerminal) {
        self.unit = unit
        self.total = total
        self.isShown = isShown
    }

    /// Wall-clock time since the start.
    var seconds: Double { ProcessClock.wallSeconds - startedAt }

    /// - Parameter found: what else is worth a word: `2 failed`.
    func show(_ done: Int, found: String = "") {
        guard isShown else { return }
        Screen.error("\r" + Self.text(done, of: total, unit, found: found, seconds: seconds) + "\u{1B}[K")
    }

    /// Makes room for other output.
    func clear() {
        if isShown { Screen.error("\r\u{1B}[K") }
    }

    static func text(_ done: Int, of total: Int, _ unit: String, found: String, seconds: Double) -> String {
        let fraction = Double(done) / Double(max(1, total))
        let progress = ExperimentProgress(
            finished: done, total: total, fraction: fraction, elapsedSeconds: seconds)
        // Little is left when all but the longest are done, so the time is rounded up.
        let left = progress.remainingSeconds.map { ", \(clock($0)) left" } ?? ""
        return "\(done) of \(total) \(unit)\(found.isEmpty ? "" : ", " + found)\(left)"
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        let rest = whole % 60
        return "\(whole / 60):\(rest < 10 ? "0" : "")\(rest)"
    }
}
