import RandomVariates
import Testing

// Layout tests: the identities that a run really uses are anything but random (consecutive sequences, small sender
// numbers, strides), and the bits drawn for them must look independent all the same. Each test is a chi-square with 255
// degrees of freedom on one byte of the bits; 347.7 is exceeded with probability 1e-4. Every layout makes 4 such
// tests, and there are 7 layouts: the false-alarm rate of all together is 0.28 %. The seed is fixed.
private let critical = 347.7

private typealias Hash = (_ key: UInt64, _ sender: UInt32, _ sequence: UInt32, _ leg: UInt32) -> UInt64

/// What a hurried hand would write: linear in the identity, so that neighbours get neighbouring bits.
private func broken(_ key: UInt64, sender: UInt32, sequence: UInt32, leg: UInt32) -> UInt64 {
    (key ^ (UInt64(sender) << 32 | UInt64(sequence))) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(leg)
}

private enum Layout: String, CaseIterable {
    case consecutive, strided, senders, legs, entities, pairs, differences
}

/// The `index`th draw of a layout.
private func draw(_ layout: Layout, _ index: Int, _ keys: [UInt64], _ hash: Hash) -> UInt64 {
    let number = UInt32(index)
    switch layout {
    case .consecutive: return hash(keys[0], 3, number, 1)
    case .strided: return hash(keys[0], 3, number &* 4_096, 1)
    case .senders: return hash(keys[0], number, 1_000, 1)
    case .legs: return hash(keys[0], 3, 1_000, number)
    case .entities: return hash(keys[index % keys.count], 3, number / 64, 1)
    case .pairs: return hash(keys[0], number % 181, number / 181, number % 7)
    case .differences: return hash(keys[0], 3, number, 1) &- hash(keys[0], 3, number &+ 1, 1)
    }
}

/// The greatest chi-square over the bytes at bits 0, 24, 48 and 56.
private func worstChiSquare(_ layout: Layout, _ hash: Hash) -> Double {
    let size = 1 << 14
    let keys = (0..<64).map { entityKey(seed: 11, purpose: .general, replication: 0, entity: UInt64($0)) }
    var counts = [Int](repeating: 0, count: 4 * 256)
    for index in 0..<size {
        let bits = draw(layout, index, keys, hash)
        for (place, shift) in [0, 24, 48, 56].enumerated() {
            counts[place << 8 | Int(truncatingIfNeeded: bits >> UInt64(shift) & 255)] += 1
        }
    }
    let expected = Double(size) / 256
    return (0..<4).map { place in
        (0..<256).reduce(0.0) { sum, byte in
            let surplus = Double(counts[place << 8 | byte]) - expected
            return sum + surplus * surplus / expected
        }
    }.max() ?? .infinity
}

@Test(arguments: Layout.allCases)
private func messageBitsLookIndependent(layout: Layout) {
    let worst = worstChiSquare(layout) { messageBits($0, sender: $1, sequence: $2, leg: $3) }
    #expect(worst < critical)
}

/// The control: the same tests must tell a broken hash, in most layouts by far.
@Test func theLayoutTestsTellABrokenHash() {
    let failed = Layout.allCases.filter {
        worstChiSquare($0) { broken($0, sender: $1, sequence: $2, leg: $3) } > 2 * critical
    }
    #expect(failed.count >= 4)
}

/// Too even is broken too: a lattice has a chi-square far below its degrees of freedom. 174.0 is undercut with
/// probability 1e-4 or less.
@Test(arguments: Layout.allCases)
private func messageBitsAreNotTooEven(layout: Layout) {
    let worst = worstChiSquare(layout) { messageBits($0, sender: $1, sequence: $2, leg: $3) }
    #expect(worst > 174)
}

/// Neighbouring messages: the correlation of 16,384 pairs stays within 3.29 / sqrt(16384), false-alarm rate 1e-3
/// for each of four lags.
@Test(arguments: [1, 2, 50, 4_096] as [UInt32])
func drawsOfNeighboursAreUncorrelated(lag: UInt32) {
    var sum = 0.0
    for sequence in 0..<16_384 as Range<UInt32> {
        let first = unitInterval(messageBits(99, sender: 3, sequence: sequence, leg: 1)) - 0.5
        let second = unitInterval(messageBits(99, sender: 3, sequence: sequence + lag, leg: 1)) - 0.5
        sum += first * second
    }
    #expect(abs(sum * 12 / 16_384) < 3.29 / 128)
}

/// Two receivers of one message draw independently: the mean of 16,384 products, as above.
@Test func legsOfOneMessageAreUncorrelated() {
    var sum = 0.0
    for sequence in 0..<16_384 as Range<UInt32> {
        let first = unitInterval(messageBits(99, sender: 3, sequence: sequence, leg: 1)) - 0.5
        let second = unitInterval(messageBits(99, sender: 3, sequence: sequence, leg: 2)) - 0.5
        sum += first * second
    }
    #expect(abs(sum * 12 / 16_384) < 3.29 / 128)
}
