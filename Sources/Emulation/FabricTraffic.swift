import EventKernel

/// What the switch of a lab did with packets, in all directions together.
struct FabricTraffic: Hashable, Sendable {
    /// Handed to their destination.
    var passed = 0
    /// Lost in a cut, when they were sent or while they were under way.
    var cut = 0
    /// Lost because a direction held its most packets already, or because a kernel did not take them.
    var overflowed = 0
    /// For nobody in the lab.
    var unroutable = 0
    /// How much later than due a delayed packet was handed over, at worst.
    var worstLateness = SimDuration.zero

    init() {}
}
