import Emulation
import Experiment
import NATSModel
import Report
import Routing

/// Random programs on the model and on real servers.
struct FuzzSession {
    var backends: RouteBackends
    var programs: Int
    var seed: UInt64
    var jobs: Int?
    /// Where cases made of disagreements go.
    var folder: String
    var output: String?

    /// Disagreements beyond these are listed, not shrunk: most have one reason.
    private static let shrunkAtMost = 3

    /// - Returns: the exit code: 1 after a disagreement, 2 if not all programs could be run.
    /// - Throws: `FileError` if the report or a case cannot be written.
    func run() throws -> Int32 {
        // Found out now, not after an hour.
        if let output { try RouteReportFile.check(output) }
        try RouteReportFile.checkFolder(folder, for: folder)
        Interrupt.install()
        let threads = backends.threads(jobs)
        let (makeModel, makeReal) = (makeModel, makeReal)
        let line = RouteProgress("programs", of: programs)
        line.show(0)
        let campaign = runCampaign(
            programs: programs, seed: seed,
            makeModel: { batch in
                // After Ctrl-C the batches that are left end at once.
                if Interrupt.isRequested { throw InterruptedBatch() }
                return try makeModel(batch)
            },
            makeReal: makeReal,
            jobs: { count, job in
                let pool = ReplicationPool(count: count, threads: min(threads, count)) { index in job(index) }
                while pool.take() != nil {}
            },
            progress: { progress in
                if Interrupt.isRequested { return }
                let count = progress.disagreements
                line.show(progress.programs, found: count == 0 ? "" : "\(count) disagreements")
            })
        line.clear()
        if Interrupt.isRequested { return reportInterrupted(campaign) }
        try report(campaign)
        for (batch, disagreement) in disagreements(campaign).prefix(Self.shrunkAtMost) {
            try shrink(disagreement, batch)
        }
        switch campaign.verdict {
        case .agrees: return 0
        case .disagrees: return 1
        case .inconclusive: return 2
        }
    }

    /// What was found before Ctrl-C is not lost.
    private func reportInterrupted(_ campaign: FuzzCampaign) -> Int32 {
        var finished = campaign
        finished.outcomes.removeAll { $0.failure != nil }
        if finished.disagreementCount > 0 { Screen.output(finished.summary) }
        Screen.error("antipode: interrupted after \(finished.programs) of \(programs) programs\n")
        return 2
    }

    /// The first disagreement of each program, with its batch.
    private func disagreements(_ campaign: FuzzCampaign) -> [(batch: Int, FuzzDisagreement)] {
        var found: [(batch: Int, FuzzDisagreement)] = []
        for outcome in campaign.outcomes {
            var seen: Set<Int> = []
            for disagreement in outcome.disagreements where seen.insert(disagreement.program).inserted {
                found.append((outcome.batch, disagreement))
            }
        }
        return found
    }

    private var makeModel: FuzzBackendMaker {
        let version = backends.model ?? .v2_9_10
        let seed = seed
        return { batch in ModelBackend(version: version, seed: seed &+ UInt64(batch)) }
    }

    private var makeReal: FuzzBackendMaker {
        guard let server = backends.server else { preconditionFailure("random programs need a real server") }
        let backends = backends
        return { _ in backends.emulation(of: server, kind: .loopback) }
    }

    private func report(_ campaign: FuzzCampaign) throws {
        let name = backends.server.map { "nats-server \($0.version)" } ?? ""
        let heading = "model against \(name)\n"
        Screen.output(heading + campaign.summary)
        if let output { try RouteReportFile.write(heading + campaign.description, to: output) }
    }

    /// Looks for the smallest program that still disagrees and writes it as a case that expects what the server did.
    private func shrink(_ disagreement: FuzzDisagreement, _ index: Int) throws {
        let (makeModel, makeReal) = (makeModel, makeReal)
        let start = index * FuzzBatch.standardSize
        let size = min(FuzzBatch.standardSize, programs - start)
        let batch = FuzzBatch(seed: seed, index: index, programs: size)
        Screen.error("antipode: shrinking program \(disagreement.program) of batch \(index)\n")
        let shrunk = batch.shrink(program: disagreement.program) { candidate in
            if Interrupt.isRequested { return false }
            let verdict = candidate.compare(
                program: 0, model: try candidate.run(with: makeModel), real: try candidate.run(with: makeReal))
            return !verdict.disagreements.isEmpty
        }
        guard shrunk.isReproduced else {
            Screen.error("antipode: it does not disagree alone\n")
            return
        }
        let routingCase = shrunk.batch.routingCase(
            title: "Random program \(disagreement.program) of batch \(index), seed \(seed)",
            about: "\(disagreement)", real: try shrunk.batch.run(with: makeReal))
        let path = "\(folder)/found-\(seed)-\(index)-\(disagreement.program).yaml"
        try RouteReportFile.write(CaseWriter.text(routingCase), to: path)
        Screen.output("written: \(path)\n")
    }
}

private struct InterruptedBatch: Error {}
