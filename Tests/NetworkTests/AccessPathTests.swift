import EventKernel
import Network
import Testing

@Suite struct AccessPathTests {
    @Test func noPacketIsFasterThanHalfTheRoundTrip() {
        let path = AccessPath(roundTrip: .milliseconds(40), kind: .lte)
        #expect(path.minimumOneWay == .milliseconds(20))
        #expect(QueueingTable().oneWay(path, bits: 0x0000_0000_ffff_ffff) == .milliseconds(20))
    }

    @Test func theQuantilesRise() {
        let table = QueueingTable()
        var last: Int64 = -1
        for step in UInt64(0)..<8_192 {
            let value = table.quantile(step << 51)
            #expect(value >= last)
            last = value
        }
    }

    /// Gamma with shape 0.7 and mean 1: median 0.58203 and 99 % point 5.5368 (scipy.stats.gamma.ppf).
    @Test func knownQuantilesAreMet() {
        let table = QueueingTable()
        #expect(abs(Double(table.quantile(1 << 63)) / 65_536 - 0.58203) < 0.001)
        #expect(abs(Double(table.quantile(UInt64(0.99 * 0x1p64))) / 65_536 - 5.5368) < 0.01)
    }

    /// Over an even grid of all probabilities: the mean within 0.1 %, the variance within 1 % of the gamma law's.
    @Test func meanAndVarianceAreThoseOfTheGammaLaw() {
        let table = QueueingTable()
        var sum = 0.0
        var squares = 0.0
        let steps = 1 << 16
        for step in 0..<steps {
            let value = Double(table.quantile(UInt64(step) << 48 | 1 << 47)) / 65_536
            sum += value
            squares += value * value
        }
        let mean = sum / Double(steps)
        #expect(abs(mean - 1) < 0.001)
        #expect(abs(squares / Double(steps) - mean * mean - 1 / 0.7) < 0.0143)
    }

    @Test func aRepeatedPacketTakesOneRoundTripMore() {
        let path = AccessPath(roundTrip: .milliseconds(40), kind: .busyWifi)
        #expect(QueueingTable().oneWay(path, bits: 0) == .milliseconds(60))
    }

    /// Busy Wi-Fi repeats 0.9 %: of 200,000 packets 1,800 expected, standard deviation 42; 4.5 of them.
    @Test func theShareOfRepeatsIsThatOfTheKind() {
        let table = QueueingTable()
        let path = AccessPath(roundTrip: .seconds(10), kind: .busyWifi)
        var random = Recurrence(5)
        let repeats = (0..<200_000).count { _ in table.oneWay(path, bits: random.bits()) >= .seconds(15) }
        #expect(abs(repeats - 1_800) < 190)
    }

    /// The logarithm of a lognormal is symmetric about the median: of 4,000 people 2,000 lie above it, standard
    /// deviation 32; 4.4 of them, one false alarm in 90,000.
    @Test func theLastMileHasTheMedianOfItsKind() {
        for kind in AccessKind.allCases {
            let above = (UInt64(0)..<4_000).count {
                AccessPath.lastMile(of: kind, seed: 1, replication: 0, entity: $0) > kind.medianDelay
            }
            #expect(abs(above - 2_000) < 140)
        }
    }

    @Test func theLastMileDependsOnThePersonAlone() {
        let first = AccessPath.lastMile(of: .wifi, seed: 1, replication: 2, entity: 3)
        #expect(AccessPath.lastMile(of: .wifi, seed: 1, replication: 2, entity: 3) == first)
        #expect(AccessPath.lastMile(of: .wifi, seed: 1, replication: 2, entity: 4) != first)
        #expect(AccessPath.lastMile(of: .wifi, seed: 1, replication: 1, entity: 3) != first)
    }
}
