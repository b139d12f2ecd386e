import Glibc

// The workloads of `Benchmarks/README.md` on our kernel: one run, one RESULT line.
let arguments = Array(CommandLine.arguments.dropFirst())
let numbers = arguments.dropFirst().compactMap { UInt32($0) }.filter { $0 > 0 }

switch (arguments.first, numbers.count) {
case ("w1", 2): try runHoldModel(pending: numbers[0], count: UInt64(numbers[1]))
case ("w2", 1): try runQueueModel(customers: UInt64(numbers[0]))
case ("w3", 2), ("w3", 3):
    runFanOut(
        clients: Int(numbers[0]), milliseconds: Int(numbers[1]), threads: numbers.count == 3 ? Int(numbers[2]) : 1)
default:
    print("usage: workloads w1 PENDING HOLDS | w2 CUSTOMERS | w3 CLIENTS MILLISECONDS [THREADS]")
    exit(64)
}
