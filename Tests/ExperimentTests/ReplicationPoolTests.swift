import Synchronization
import Testing

@testable import Experiment

@Test(arguments: [1, 2, 7])
func resultsComeInOrder(_ threads: Int) throws {
    let pool = ReplicationPool(count: 50, threads: threads) { $0 * $0 }
    var results: [Int] = []
    while let (_, result) = pool.take() { results.append(try result.get()) }
    #expect(results == (0..<50).map { $0 * $0 })
}

@Test func aPoolWithoutJobsIsEmpty() {
    #expect(ReplicationPool(count: 0, threads: 2) { $0 }.take() == nil)
}

@Test func aStoppedPoolStartsNothingMore() {
    let counter = Counter()
    let pool = ReplicationPool(count: 1_000, threads: 1) { _ in counter.increment() }
    _ = pool.take()
    pool.stop()
    while pool.take() != nil {}
    // One was taken, and the single thread runs at most its lookahead of two and the one under way ahead of it.
    #expect(counter.value <= 4)
}

@Test func anErrorIsHandedBackInItsPlaceAndStopsThePool() {
    struct Broken: Error {}
    let pool = ReplicationPool(count: 10, threads: 1) { index in
        if index == 1 { throw Broken() }
        return index
    }
    var seen: [Bool] = []
    while let (_, result) = pool.take() { seen.append((try? result.get()) != nil) }
    #expect(seen == [true, false])
}

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func increment() -> Int { count.add(1, ordering: .relaxed).newValue }
}
