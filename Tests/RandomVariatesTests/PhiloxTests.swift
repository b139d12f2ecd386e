import RandomVariates
import Testing

private func hexadecimal(_ block: Philox4x32.Block) -> String {
    [block.0, block.1, block.2, block.3].map { String($0, radix: 16) }.joined(separator: " ")
}

// Known answers of Random123 1.09, file kat_vectors, for philox4x32 with 10 rounds.
@Test func philoxOfZeros() {
    let block = Philox4x32.block(counter: (0, 0, 0, 0), key: (0, 0))
    #expect(hexadecimal(block) == "6627e8d5 e169c58d bc57ac4c 9b00dbd8")
}

@Test func philoxOfOnes() {
    let ones = UInt32.max
    let block = Philox4x32.block(counter: (ones, ones, ones, ones), key: (ones, ones))
    #expect(hexadecimal(block) == "408f276d 41c83b0e a20bc7c6 6d5451fd")
}

@Test func philoxOfTheDigitsOfPi() {
    let block = Philox4x32.block(
        counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
    #expect(hexadecimal(block) == "d16cfe09 94fdcceb 5001e420 24126ea1")
}

/// The first output of splitmix64 from seed 0, whose state is then one golden-ratio step.
@Test func theMixerIsSplitmix64s() {
    #expect(mix64(0x9E37_79B9_7F4A_7C15) == 0xE220_A839_7B1D_CDAF)
}

@Test func aStreamIsDefinedByItsIdentityAlone() {
    var first = RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 99)
    var other = RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 100)
    var again = RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 99)
    let draws = (0..<10).map { _ in first.bits() }
    for _ in 0..<3 { _ = other.bits() }
    #expect((0..<10).map { _ in again.bits() } == draws)
    #expect(again.drawCount == 10)
}

/// Changing any one part of the identity, its high bits included, gives other numbers.
@Test func streamsThatDifferInOnePartShareNothing() {
    let streams = [
        RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 99),
        RandomStream(seed: 8, purpose: .arrival, replication: 2, entity: 99),
        RandomStream(seed: 7, purpose: .service, replication: 2, entity: 99),
        RandomStream(seed: 7, purpose: .arrival, replication: 3, entity: 99),
        RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 98),
        RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 99 + 1 << 16),
        RandomStream(seed: 7, purpose: .arrival, replication: 2, entity: 99 + 1 << 47),
        RandomStream(seed: 7 + 1 << 63, purpose: .arrival, replication: 2, entity: 99),
    ]
    var seen: Set<UInt64> = []
    for stream in streams {
        var stream = stream
        for _ in 0..<100 { seen.insert(stream.bits()) }
    }
    #expect(seen.count == 800)
}

@Test func uniformNumbersNeverReachTheirBounds() {
    #expect(unitInterval(0) == 0x1p-53)
    #expect(unitInterval(.max) == 1 - 0x1p-53)
    #expect(unitInterval(1 << 63) > 0.5)
}

@Test func theFirstDrawsAreKnown() {
    var stream = RandomStream(seed: 42, purpose: .general, replication: 1, entity: 5)
    #expect(
        (0..<4).map { _ in String(stream.bits(), radix: 16) } == [
            "7eeb786bc5d9f46d", "f0ed3e4e3f521d2d", "2704021c7851822f", "49141ac5747ed84e",
        ])
    #expect(String(entityKey(seed: 42, purpose: .general, replication: 1, entity: 5), radix: 16) == "354d208ee321b9ef")
    #expect(String(messageBits(1, sender: 2, sequence: 3, leg: 4), radix: 16) == "1af8673427d037d3")
}
