import ArgumentParser
import Experiment
import Report
import ResultStore
import Scenario
import Statistics

/// The exit codes beside 64, which the argument parser gives.
extension ExitCode {
    /// A scenario, a database or the number of a run is wrong (`EX_DATAERR` of sysexits.h).
    static let badData = ExitCode(65)

    init(_ verdict: Verdict) {
        switch verdict {
        case .pass: self.init(0)
        case .fail: self.init(1)
        case .inconclusive: self.init(2)
        }
    }
}

/// Does the work of a command, and turns what it throws into one line on standard error and an exit code.
func reportingFailure(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let error as ScenarioError {
        // The position comes first, so that an editor can jump to it.
        Screen.error("\(error)\n")
        throw ExitCode.badData
    } catch let error as ResultStoreError {
        throw failure("\(error)", .badData)
    } catch let error as FileError {
        throw failure("\(error)", .badData)
    } catch let error as ResumeError {
        throw failure("\(error)", .badData)
    } catch let error as ExperimentError {
        throw failure("\(error)", ExitCode(.fail))
    }
}

private func failure(_ message: String, _ code: ExitCode) -> ExitCode {
    Screen.error("antipode: \(message)\n")
    return code
}
