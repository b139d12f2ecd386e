import EventKernel
import Measures

/// What the links of a lab did with packets, in all directions together. Behind proxies: with pieces of a stream.
struct FabricTraffic: Hashable, Sendable {
    /// Handed to their destination.
    var passed = 0
    /// Lost in a cut, when they were sent or while they were under way.
    var cut = 0
    /// Lost at random, as the link's `LinkState.loss` wants it.
    var lost = 0
    /// Lost because the sender's queue for a limited bandwidth was full, because a direction held its most packets
    /// already, or because a kernel did not take them.
    var overflowed = 0
    /// For nobody in the lab.
    var unroutable = 0
    /// How much later than due delayed packets were handed over, in nanoseconds.
    var lateness = IntegerHistogram()
    /// Most delayed packets that were handed over in one second, of whole seconds of the clock.
    private(set) var busiestSecond = 0
    private var second = Int64.min
    private var inSecond = 0

    init() {}

    /// Counts a delayed packet that was due, and handed over now; instants in nanoseconds of the same clock.
    mutating func noteDelayed(due: Int64, at now: Int64) {
        lateness.record(max(0, now - due))
        if now / 1_000_000_000 != second {
            second = now / 1_000_000_000
            inSecond = 0
        }
        inSecond += 1
        busiestSecond = max(busiestSecond, inSecond)
    }

    /// At most 1 % of the delayed packets were later; zero without any.
    var lateness99: SimDuration { SimDuration(nanoseconds: lateness.quantile(0.99) ?? 0) }
    /// How late a delayed packet was at worst.
    var worstLateness: SimDuration { SimDuration(nanoseconds: lateness.maximum ?? 0) }
    /// Lost on purpose: what the links were told to lose.
    var lostOnPurpose: Int { cut + lost }
}
