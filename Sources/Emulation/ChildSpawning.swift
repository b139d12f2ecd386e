import CLinux
import Glibc

/// Starts a program on the calling thread, with which it ends.
///
/// - Parameters:
///   - arguments: without the program's name.
///   - namespace: a descriptor of the network namespace to run in, or -1.
///   - groups: descriptors of the `cgroup.procs` of the control groups to run in, at most two.
///   - output: takes what it prints.
/// - Returns: its pid.
func spawn(
    _ executable: String, _ arguments: [String], namespace: Int32, groups: [Int32] = [], output: Int32
) throws(FabricError) -> Int32 {
    var copies: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    copies.append(nil)
    defer { for copy in copies { free(copy) } }
    var step = CLINUX_STEP_FORK
    precondition(groups.count <= 2, "\(groups.count) control groups")
    let entrances = groups + Array(repeating: -1, count: 2 - groups.count)
    let pid = clinux_spawn(executable, &copies, namespace, entrances, output, &step)
    return try checked(pid, "cannot start \(executable) (\(text(of: step)))")
}

private func text(of step: clinux_step) -> String {
    switch step {
    case CLINUX_STEP_FORK: "new process"
    case CLINUX_STEP_OWNER: "tie to its owner"
    case CLINUX_STEP_GROUP: "process group"
    case CLINUX_STEP_NAMESPACE: "network namespace"
    case CLINUX_STEP_QUOTA: "control group"
    case CLINUX_STEP_OUTPUT: "output"
    case CLINUX_STEP_DESCRIPTORS: "other descriptors"
    default: "execution"
    }
}
