import EventKernel
import RandomVariates
import Testing

private func at(_ nanoseconds: Int64) -> SimTime { SimTime(nanoseconds: nanoseconds) }

@Test func aRingIsFirstInFirstOutAcrossItsSeam() {
    var ring = Ring<Int>(capacityLimit: 1_000)
    var next = 0
    var expected = 0
    for round in 0..<50 {
        for _ in 0..<(round % 9) {
            ring.append(next)
            next += 1
        }
        while ring.count > 3 {
            #expect(ring.first == expected)
            #expect(ring.popFirst() == expected)
            expected += 1
        }
    }
    #expect(ring.headNumber == expected)
    #expect(ring.last == next - 1)
    #expect(ring[1] == expected + 1)
}

@Test func truncationTakesTheTailInReverseAndStopsAtTheFirstThatStays() {
    var ring = Ring<Int>(capacityLimit: 100)
    for element in [1, 9, 2, 7, 8] { ring.append(element) }
    var removed: [Int] = []
    ring.removeLast(while: { $0 > 5 }, { removed.append($0) })
    #expect(removed == [8, 7])
    ring.append(4)
    var left: [Int] = []
    ring.forEach { left.append($0) }
    #expect(left == [1, 9, 2, 4])
}

@Test func removeAllHandsOverEveryElementInOrder() {
    var ring = Ring<Int>(capacityLimit: 100)
    for element in 0..<7 { ring.append(element) }
    _ = ring.popFirst()
    var removed: [Int] = []
    ring.removeAll { removed.append($0) }
    #expect(removed == [1, 2, 3, 4, 5, 6])
    #expect(ring.isEmpty == true)
}

@Test func aBufferIsAppendedAcrossTheSeamOfARing() {
    var ring = Ring<Int>(capacityLimit: 100)
    for element in 0..<7 { ring.append(element) }
    for _ in 0..<6 { _ = ring.popFirst() }
    var buffer = ItemBuffer<Int>()
    for element in 7..<13 { buffer.append(element) }
    ring.append(contentsOf: buffer)
    var left: [Int] = []
    ring.forEach { left.append($0) }
    #expect(left == [6, 7, 8, 9, 10, 11, 12])
}

@Test func anElementTakenByItsPlaceIsStillThere() {
    var ring = Ring<Int>(capacityLimit: 100)
    for element in [5, 6] { ring.append(element) }
    let place = ring.popFirstPlace()
    #expect(place.pointee == 5)
    #expect(ring.first == 6)
}

@Test func aConditionDecidesWhetherABufferKeepsAnElement() {
    var buffer = ItemBuffer<Int>()
    for element in 0..<40 { buffer.append(element, if: element % 3 == 0) }
    #expect(contents(buffer) == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39])
}

@Test func aRingCanBeChangedInPlace() {
    var ring = Ring<Int>(capacityLimit: 10)
    ring.append(1)
    ring.append(2)
    ring[1] += 40
    #expect(ring.last == 42)
}

@Test func popFromAnEmptyRingIsAProgrammingError() async {
    await #expect(processExitsWith: .failure) {
        var ring = Ring<Int>(capacityLimit: 10)
        _ = ring.popFirst()
    }
}

@Test func aRingDoesNotGrowBeyondItsLimit() async {
    await #expect(processExitsWith: .failure) {
        var ring = Ring<Int>(capacityLimit: 10)
        for element in 0..<17 { ring.append(element) }
    }
}

private func contents(_ buffer: borrowing ItemBuffer<Int>) -> [Int] {
    (0..<buffer.count).map { buffer[$0] }
}

@Test func aBinGivesItsItemsBackSlotBySlot() {
    var bin = SlotBin<Int>(slotShift: 4, slots: 4)
    var buffer = ItemBuffer<Int>()
    bin.append(1, at: at(33))
    bin.append(2, at: at(0))
    bin.append(3, at: at(47))
    bin.append(4, at: at(16_000))
    #expect(bin.count == 4)
    #expect(bin.earliestSlot == 0)
    bin.drain(slot: 0, into: &buffer)
    #expect(contents(buffer) == [2])
    #expect(bin.earliestSlot == 2)
    buffer.removeAll()
    bin.drain(slot: 2, into: &buffer)
    #expect(contents(buffer) == [1, 3])
    #expect(bin.earliestSlot == 1_000)
    bin.append(5, at: at(16_015))
    bin.drain(slot: 1_000, into: &buffer)
    #expect(contents(buffer).sorted() == [1, 3, 4, 5])
    #expect(bin.isEmpty == true)
    #expect(bin.earliestSlot == nil)
}

/// Items up to 40 slots ahead in a wheel of 8, against a plain list. The larger wheel has two bitmap words.
@Test(arguments: [1, 8, 128])
func theBinAgreesWithAListOfItems(slots: Int) {
    var random = RandomStream(seed: 4, purpose: .general, replication: 0, entity: UInt64(slots))
    var bin = SlotBin<Int>(slotShift: 10, slots: slots)
    var buffer = ItemBuffer<Int>()
    var pending: [(slot: Int64, item: Int)] = []
    for step in 0..<4_000 {
        let reach = random.bernoulli(0.9) ? 6 << 10 : 200 << 10
        let time = bin.firstOpenSlot << 10 + Int64(random.integer(below: reach))
        bin.append(step, at: at(time))
        pending.append((time >> 10, step))
        if random.bernoulli(0.3), let slot = bin.earliestSlot {
            #expect(slot == pending.map(\.slot).min())
            buffer.removeAll()
            bin.drain(slot: slot, into: &buffer)
            #expect(contents(buffer).sorted() == pending.filter { $0.slot == slot }.map(\.item))
            pending.removeAll { $0.slot == slot }
        }
        #expect(bin.count == pending.count)
    }
    var left: [Int] = []
    bin.removeAll { left.append($0) }
    #expect(left.sorted() == pending.map(\.item))
    #expect(bin.isEmpty == true)
}

@Test func drainingPastAnItemIsAProgrammingError() async {
    await #expect(processExitsWith: .failure) {
        var bin = SlotBin<Int>(slotShift: 4, slots: 4)
        var buffer = ItemBuffer<Int>()
        bin.append(1, at: SimTime(nanoseconds: 3))
        bin.drain(slot: 1, into: &buffer)
    }
}

private struct Stamped: BitwiseCopyable, Equatable {
    var time: SimTime
    var number: Int
}

/// Sizes on both sides of the insertion limit; the third grain makes long runs of ties.
@Test(arguments: [0, 1, 11, 12, 700, 5_000], [1, 1 << 12, 1 << 19] as [Int64])
func theSorterAgreesWithTheStandardLibrary(size: Int, grain: Int64) {
    var random = RandomStream(seed: 5, purpose: .general, replication: 0, entity: UInt64(size) << 20 | UInt64(grain))
    var sorter = SlotSorter<Stamped>()
    var buffer = ItemBuffer<Stamped>()
    var items: [Stamped] = []
    let slotStart: Int64 = 77 << 20
    for _ in 0..<size {
        let time = slotStart + Int64(random.integer(below: 1 << 20)) / grain * grain
        items.append(Stamped(time: at(time), number: random.integer(below: 1 << 40)))
        buffer.append(items[items.count - 1])
    }
    sorter.sort(&buffer, slotShift: 20, time: { $0.time }, precedes: { $0.number < $1.number })
    items.sort { ($0.time, $0.number) < ($1.time, $1.number) }
    #expect((0..<buffer.count).map { buffer[$0] } == items)
}

@Test func theFingerprintOfNothingIsZero() {
    #expect(Fingerprint().hexadecimal == "0000000000000000")
}

@Test func theFingerprintDoesNotDependOnTheOrderOfRecords() {
    var forward = Fingerprint()
    var left = Fingerprint()
    var right = Fingerprint()
    for word in 0..<100 as Range<UInt64> { forward.add(.delivery, word, word * 3, 7) }
    for word in (0..<100 as Range<UInt64>).reversed() {
        if word % 3 == 0 { left.add(.delivery, word, word * 3, 7) } else { right.add(.delivery, word, word * 3, 7) }
    }
    right.merge(left)
    #expect(forward == right)
}

@Test func theFingerprintIsKnown() {
    var fingerprint = Fingerprint()
    fingerprint.add(.delivery, 1, 2, 3)
    #expect(fingerprint.hexadecimal == "b52d209765563e7e")
    fingerprint.add(.loss, 1, 2, 3)
    #expect(fingerprint.hexadecimal == "c45bad4e7415a4d9")
}

/// Swapped words, other ingredients and repeated records all count.
@Test func theFingerprintSeesEveryWordAndRecord() {
    var seen: Set<UInt64> = []
    for ingredient in Fingerprint.Ingredient.allCases {
        for (first, second, third) in [(1, 2, 3), (2, 1, 3), (3, 2, 1), (1, 3, 2), (0, 0, 0)]
            as [(UInt64, UInt64, UInt64)]
        {
            for copies in 1...2 {
                var fingerprint = Fingerprint()
                for _ in 0..<copies { fingerprint.add(ingredient, first, second, third) }
                seen.insert(fingerprint.value)
            }
        }
    }
    #expect(seen.count == 7 * 5 * 2)
}

/// Places are those of the elements, before and after the ring has grown around its seam.
@Test func placesOfARingAreThoseOfItsElements() {
    var ring = Ring<Int>(capacityLimit: 100)
    for element in 0..<3 { ring.append(element) }
    #expect(ring.popFirstPlace().pointee == 0)
    for element in 3..<9 { ring.appendPlace().initialize(to: element) }
    #expect(ring.count == 8)
    #expect(ring.upcomingPlace.pointee == 1)
    #expect((0..<ring.count).map { ring.place($0).pointee } == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(ring.last == 8)
}
