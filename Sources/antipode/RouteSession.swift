import ArgumentParser
import Emulation
import Experiment
import Foundation
import NATSModel
import Report
import Routing
import Scenario

/// A case with its file.
struct RouteCase: Sendable {
    var file: String
    var routingCase: RoutingCase
}

/// Finds and reads case files.
enum RouteFiles {
    /// - Parameter paths: files, or folders whose YAML files are taken with those of their own folders, by name.
    /// - Throws: `ExitCode.badData` after the first mistake of each file was printed; `FileError` if there are none.
    static func load(_ paths: [String], filter: String?) throws -> [RouteCase] {
        var cases: [RouteCase] = []
        var mistakes = 0
        for file in try paths.flatMap(files) {
            do throws(ScenarioError) {
                cases.append(RouteCase(file: file, routingCase: try CaseReader.load(path: file)))
            } catch {
                Screen.error("\(error)\n")
                mistakes += 1
            }
        }
        if mistakes > 0 { throw ExitCode.badData }
        guard let filter else { return cases }
        cases.removeAll {
            !$0.routingCase.title.localizedCaseInsensitiveContains(filter)
                && !$0.file.localizedCaseInsensitiveContains(filter)
        }
        if cases.isEmpty { throw FileError(description: "no case has '\(filter)' in its title or file name") }
        return cases
    }

    private static func files(_ path: String) throws -> [String] {
        var isDirectory: ObjCBool = false
        if path.isEmpty { throw FileError(description: "the name of a case file is empty") }
        // What is not there is for the reader to report.
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
            if path == RouteCommand.defaultFolder {
                throw FileError(description: "no folder \(path) here; name case files, or folders of them")
            }
            return [path]
        }
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: path) else {
            throw FileError(description: "\(path): the folder cannot be read")
        }
        let files = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
        if files.isEmpty { throw FileError(description: "\(path): no case files in this folder") }
        return files.map { path + (path.hasSuffix("/") ? "" : "/") + $0 }
    }
}

/// The back ends of a session, and how one is made for each case.
struct RouteBackends: Sendable {
    private(set) var model: ServerVersion?
    private(set) var server: NATSExecutable?
    /// Why packets cannot be delayed or lost here; `nil` if they can.
    private var networkProblem: String?

    /// - Throws: `FileError` if there is no server to run.
    init(choice: RouteBackendChoice, server path: String?, version: ServerVersion?) throws {
        if choice != .simulate {
            server = try Servers.executable(path)
            let namespaces = Fabric.namespacesAvailable
            networkProblem = namespaces.isAvailable ? nil : namespaces.reason
        }
        if choice != .emulate { model = version ?? server?.version ?? .v2_9_10 }
    }

    var usesServers: Bool { server != nil }

    /// The results of one case, the model first.
    func results(of routingCase: RoutingCase, runsAllVersions: Bool) -> [CaseResult] {
        var results: [CaseResult] = []
        func runner(_ answersSteering: Bool) -> CaseRunner {
            CaseRunner(
                runsAllVersions: runsAllVersions, answersSteering: answersSteering,
                clock: { ProcessClock.wallSeconds })
        }
        if let model {
            var backend = ModelBackend(version: model)
            results.append(runner(true).run(routingCase, on: &backend))
        }
        if let server {
            let needsNetwork = routingCase.needsNetwork
            var backend = emulation(of: server, kind: needsNetwork ? .namespaces : .loopback)
            if needsNetwork, let networkProblem {
                results.append(
                    CaseResult(
                        title: routingCase.title, backend: backend.name, version: backend.version,
                        verdict: .inconclusive("delays and cuts need network namespaces: \(networkProblem)")))
            } else {
                results.append(runner(false).run(routingCase, on: &backend))
            }
        }
        return results
    }

    func emulation(of server: NATSExecutable, kind: Fabric.Kind) -> EmulatedBackend {
        EmulatedBackend(
            server, kind: kind, shadow: ModelBackend(version: server.version),
            isCancelled: { Interrupt.isRequested })
    }

    /// Servers mostly wait for each other, so several labs share a core.
    func threads(_ jobs: Int?) -> Int {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        return jobs ?? (usesServers ? min(3 * cores, 24) : cores)
    }
}

/// Runs cases side by side, and reports them in the order in which they were given.
struct RouteSession {
    var backends: RouteBackends
    var runsAllVersions: Bool
    var jobs: Int?
    var format: RouteFormat
    /// Whether the text names every case, or only those that did not pass.
    var listsAll: Bool
    var output: String?

    /// - Returns: the exit code.
    /// - Throws: `FileError` if the report cannot be written.
    func run(_ cases: [RouteCase]) throws -> Int32 {
        if let output { try RouteReportFile.check(output) }
        Interrupt.install()
        let progress = RouteProgress("cases", of: cases.count)
        progress.show(0)
        let (backends, runsAllVersions) = (backends, runsAllVersions)
        let pool = ReplicationPool(count: cases.count, threads: min(backends.threads(jobs), cases.count)) {
            index in
            backends.results(of: cases[index].routingCase, runsAllVersions: runsAllVersions)
        }
        var records: [CaseRecord] = []
        while let (index, result) = pool.take() {
            // What was under way has failed for no reason of its own.
            if Interrupt.isRequested {
                pool.stop()
                continue
            }
            let record = CaseRecord(
                file: cases[index].file, title: cases[index].routingCase.title, results: try result.get())
            records.append(record)
            progress.clear()
            // Failures at once: the rest may take minutes.
            if showsText, listsAll || record.hasFailed { Screen.output(CaseTextReport.text(record)) }
            let failed = records.count { $0.hasFailed }
            if records.count < cases.count {
                progress.show(records.count, found: failed == 0 ? "" : "\(failed) failed")
            }
        }
        progress.clear()
        try report(records, seconds: progress.seconds)
        if records.count < cases.count {
            Screen.error("antipode: interrupted after \(records.count) of \(cases.count) cases\n")
            return 2
        }
        return CaseTally(records.flatMap(\.results)).exitCode
    }

    /// A report in another format that goes to the screen is all that goes there.
    private var showsText: Bool { format == .text || output != nil }

    private func report(_ records: [CaseRecord], seconds: Double) throws {
        let summary = CaseTextReport.summary(records, seconds: seconds)
        if showsText {
            let notRun = listsAll ? "" : CaseTextReport.notRun(records)
            Screen.output(notRun + (records.isEmpty ? "" : summary))
            if format == .text, output == nil { return }
        }
        let text =
            switch format {
            case .text: CaseTextReport.text(records, listsAll: true) + summary
            case .json: try CaseJSONReport.text(records)
            case .junit: CaseJUnitReport.text(records)
            }
        guard let output else { return Screen.output(text) }
        try RouteReportFile.write(text, to: output)
    }
}
