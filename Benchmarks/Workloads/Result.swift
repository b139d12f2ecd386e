import Glibc

/// CPU and wall time of the loop, set-up excluded.
struct Meter {
    private let wallStart: Double
    private let cpuStart: Double

    init() {
        wallStart = Self.seconds(CLOCK_MONOTONIC)
        cpuStart = Self.seconds(CLOCK_PROCESS_CPUTIME_ID)
    }

    /// Seconds since the start: the process's own user and system time, and the clock on the wall.
    func elapsed() -> (cpu: Double, wall: Double) {
        (Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpuStart, Self.seconds(CLOCK_MONOTONIC) - wallStart)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
}

/// Prints the line that `Benchmarks/compare` reads; its words are defined in `Benchmarks/README.md`.
///
/// - Parameters:
///   - events: what the engine counted.
///   - useful: work that does not depend on the engine: holds, customers, deliveries.
///   - cpu: seconds of the process, of all its threads together.
///   - check: what must agree with the reference digit for digit.
func printResult(workload: String, events: UInt64, useful: UInt64, cpu: Double, wall: Double, check: String) {
    print(
        "RESULT engine=antipode workload=\(workload) events=\(events) useful=\(useful)",
        "loop_cpu=\(fixed(cpu, digits: 4)) loop_wall=\(fixed(wall, digits: 4)) rss_kb=\(peakMemory()) check=\(check)")
}

/// `1.2346` for `fixed(1.23456, digits: 4)`; for numbers that are not negative.
func fixed(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = UInt64((value * scale).rounded())
    let fraction = String(scaled % UInt64(scale))
    return "\(scaled / UInt64(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// The process's highest resident memory in KiB. From `/proc`, since `ru_maxrss` would also count the parent's
/// memory before `exec`; 0 where there is no `/proc`.
private func peakMemory() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix("VmHWM:") { return Int(text.filter(\.isNumber)) ?? 0 }
    }
    return 0
}
