public import ResultStore

/// The runs of a database, newest first, one line each.
public func runList(_ runs: [RunSummary], database: String, style: TextStyle) -> String {
    if runs.isEmpty { return "no runs in \(database)\n" }
    let heading = ["run", "started (UTC)", "scenario", "on", "seed", "done", "verdict", "wall", "file"]
    let rows = runs.map { run in
        [
            String(run.id), started(run.description.startedUTC), cut(run.description.name, 28),
            run.description.backend == .simulate ? "model" : "servers", String(run.description.seed),
            "\(run.completed)/\(run.description.replications)",
            run.verdict ?? stateText(run.state),
            run.wallSeconds.map { Numbers.time(milliseconds: $0 * 1_000) } ?? "-", run.description.file,
        ]
    }
    let lines = columns([heading] + rows, [.right, .left, .left, .left, .right, .right, .left, .right, .left])
    return ([style.bold(lines[0])] + lines.dropFirst()).joined(separator: "\n") + "\n"
}

/// A run that was killed cannot say so, and stays `running` in the database.
private func stateText(_ state: RunState) -> String {
    switch state {
    case .running: "running?"
    case .interrupted: "interrupted"
    case .finished: "-"
    }
}

/// `2026-11-23 12:00`.
private func started(_ utc: String) -> String {
    utc.prefix(16).split(separator: "T").joined(separator: " ")
}
