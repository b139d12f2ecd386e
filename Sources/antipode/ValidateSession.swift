import ArgumentParser
import Emulation
import Experiment
import Foundation
import NATSModel
import Report
import Scenario
import Simulation
import Statistics

/// Reads calibration scenarios, runs them on both back ends, and reports.
struct ValidateSession {
    var suite: SuiteChoice
    var isStored: Bool
    var servers: [String]
    var jobs: Int
    var liveRuns: Int?
    var format: OutputFormat
    var output: String?
    var report: String?

    /// - Returns: the verdict over everything.
    /// - Throws: `ExitCode.badData` after the first mistake of each file was printed; `FileError`.
    func run(_ files: [String]) throws -> Verdict {
        for path in [output, report].compactMap({ $0 }) { try RouteReportFile.check(path) }
        let cases = try self.cases(files.isEmpty ? Self.defaultFiles() : files)
        Interrupt.install()
        let plan = ValidationPlan(
            cases: cases, threads: ProcessInfo.processInfo.activeProcessorCount, jobs: jobs)
        let result = try watched { try validate(plan, simulate: simulate, progress: $0) }
        try write(result, files)
        if result.isInterrupted { Screen.error("antipode: interrupted; what was not run is inconclusive\n") }
        return result.verdict
    }

    private func watched(
        _ work: ((@Sendable (ValidationProgress) -> Void)?) throws -> ValidationResult
    ) throws -> ValidationResult {
        guard Screen.errorIsTerminal else { return try work(nil) }
        defer { Screen.error("\r\u{1B}[K") }
        return try work { Screen.error("\r" + validationProgressText($0) + "\u{1B}[K") }
    }

    // MARK: Reading

    private static func defaultFiles() throws -> [String] {
        let folder = ValidateCommand.defaultFolder
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let files = names.filter { $0.hasSuffix(".yaml") }.sorted().map { "\(folder)/\($0)" }
        if files.isEmpty { throw FileError(description: "no scenarios in \(folder) here; name scenario files") }
        return files
    }

    private func cases(_ files: [String]) throws -> [ValidationCase] {
        var read: [(file: String, loaded: LoadedScenario, variants: [ValidationCase.Variant])] = []
        var mistakes = 0
        for file in files {
            do throws(ScenarioError) {
                let loaded = try ScenarioReader.load(path: file)
                if let calibration = loaded.scenario.calibration, !suite.contains(calibration.suite) { continue }
                read.append((file, loaded, try Self.variants(of: loaded.scenario, file)))
            } catch {
                Screen.error("\(error)\n")
                mistakes += 1
            }
        }
        if mistakes > 0 { throw ExitCode.badData }
        let supply = try ServerSupply(paths: servers, isStored: isStored)
        let cases = try read.map { file, loaded, variants in
            guard let calibration = loaded.scenario.calibration else {
                throw FileError(description: "\(file): has no calibration block, so there is nothing to compare")
            }
            let (live, reason) = supply.live(for: loaded.scenario, runs: liveRuns ?? calibration.liveRuns)
            return ValidationCase(
                file: file, calibration: calibration, variants: variants, live: live, storedReason: reason)
        }
        if cases.isEmpty { throw FileError(description: "no scenario of suite \(suite.rawValue)") }
        return cases
    }

    /// The scenario once, or once for each value of its sweep, read again with the value in its place.
    static func variants(
        of scenario: Scenario, _ file: String
    ) throws(ScenarioError) -> [ValidationCase.Variant] {
        guard let sweep = scenario.calibration?.sweep else {
            return [ValidationCase.Variant(value: nil, scenario: scenario, isLive: true)]
        }
        var variants: [ValidationCase.Variant] = []
        for value in sweep.values {
            let loaded = try ScenarioReader.load(path: file, overrides: ["\(sweep.key)=\(value)ns"])
            variants.append(
                ValidationCase.Variant(
                    value: value, scenario: loaded.scenario, isLive: sweep.live.contains(value)))
        }
        return variants
    }

    // MARK: Writing

    private func write(_ result: ValidationResult, _ files: [String]) throws {
        let plain = try format == .json ? validationJSON(result) + "\n" : validationText(result, style: .plain)
        if let output { try RouteReportFile.write(plain, to: output) }
        // A report in another format that goes to the screen is all that goes there.
        let showsText = format == .text || output != nil
        Screen.output(showsText ? validationText(result, style: .output) : plain)
        guard let report else { return }
        let page = ValidationPage(result, setting: Machine.setting(command: command(files)))
        try RouteReportFile.write(page.text, to: report)
        guard let picture = SweepPicture(result) else { return }
        let url = URL(fileURLWithPath: report).deletingLastPathComponent()
            .appendingPathComponent(ValidationPage.picture)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        } catch {
            throw FileError(description: "\(url.relativePath): cannot be written")
        }
        try RouteReportFile.write(picture.text, to: url.relativePath)
    }

    /// The command for the page: without the places of servers on this machine, which are nobody else's.
    private func command(_ files: [String]) -> String {
        var words = [programName, "validate"] + files.map(shellQuoted)
        if suite != .all { words.append("--suite \(suite.rawValue)") }
        if isStored { words.append("--stored") }
        for server in servers { words.append("--server \(URL(fileURLWithPath: server).lastPathComponent)") }
        if let liveRuns { words.append("--live-runs \(liveRuns)") }
        return words.joined(separator: " ")
    }
}

/// The real servers that there are, or why there are none.
private struct ServerSupply {
    private var executables: [NATSExecutable] = []
    private var refusal = ""

    /// - Throws: `FileError` if a server that was named cannot be run.
    init(paths: [String], isStored: Bool) throws {
        if isStored {
            refusal = "asked for"
            return
        }
        executables = try paths.map { try Servers.executable($0) }
        if paths.isEmpty {
            guard let found = NATSExecutable.path(), let executable = try? NATSExecutable(path: found) else {
                refusal = "no nats-server on the PATH"
                return
            }
            executables = [executable]
        }
        let namespaces = Fabric.namespacesAvailable
        if !namespaces.isAvailable { refusal = "no namespaces: \(namespaces.reason)" }
    }

    func live(for scenario: Scenario, runs: Int) -> (ValidationCase.Live?, reason: String) {
        if !refusal.isEmpty { return (nil, refusal) }
        let mismatches = executables.map { Servers.mismatch($0.version, scenario.deployment) }
        guard let place = mismatches.firstIndex(of: nil) else { return (nil, mismatches[0] ?? "") }
        let fitting = executables[place]
        let settings = EmulationSettings(executable: fitting, link: .namespaces, keepLogs: nil)
        let live = ValidationCase.Live(server: "\(fitting.version)", runs: runs, run: settings.runner)
        return (live, "")
    }
}

/// The machine that a validation ran on.
private enum Machine {
    static func setting(command: String) -> ValidationSetting {
        ValidationSetting(
            date: String(Date.now.formatted(.iso8601).prefix(10)), cores: ProcessInfo.processInfo.activeProcessorCount,
            processor: processor, kernel: kernel, command: command, version: antipodeVersion)
    }

    /// `model name` of the first processor; empty where the kernel does not say.
    private static var processor: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? ""
    }

    private static var kernel: String {
        var name = utsname()
        uname(&name)
        func text<Tuple>(_ field: Tuple) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(name.sysname)) \(text(name.release))"
    }
}
