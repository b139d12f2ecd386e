/// The packets under way in one direction, in the order in which they were sent.
final class PacketQueue {
    /// A copy of a packet and when it is due, in nanoseconds of the monotonic clock.
    private struct Entry {
        var due: Int64
        var bytes: UnsafeMutableRawBufferPointer
    }

    /// More are not held in one direction.
    static let mostPackets = 65_536
    /// Nor more bytes: several seconds of all that one thread can carry.
    static let mostBytes = 64 << 20

    // A ring: `count` entries from `first` on. Its capacity is a power of two.
    private var entries: [Entry?] = []
    private var first = 0
    private(set) var count = 0
    private var byteCount = 0
    private var lastDue = Int64.min

    deinit {
        for entry in entries { entry?.bytes.deallocate() }
    }

    /// When the first packet is due; `Int64.max` when there is none.
    var nextDue: Int64 { count == 0 ? Int64.max : entries[first]!.due }

    /// Copies a packet. One that is due before the last one waits for it: TCP would take a packet that was overtaken
    /// for lost.
    ///
    /// - Returns: false when the queue is full.
    func append(_ packet: UnsafeRawBufferPointer, due: Int64) -> Bool {
        guard count < Self.mostPackets, byteCount + packet.count <= Self.mostBytes else { return false }
        if count == entries.count { grow() }
        lastDue = count == 0 ? due : max(due, lastDue)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: packet.count, alignment: 4)
        bytes.copyMemory(from: packet)
        entries[(first + count) & (entries.count - 1)] = Entry(due: lastDue, bytes: bytes)
        count += 1
        byteCount += packet.count
        return true
    }

    /// Forgets all packets and says how many there were.
    func removeAll() -> Int {
        let removed = count
        while count > 0 { takeFirst { _ in } }
        return removed
    }

    /// Hands the first packet over and forgets it.
    func takeFirst(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let bytes = entries[first]!.bytes
        entries[first] = nil
        first = (first + 1) & (entries.count - 1)
        count -= 1
        byteCount -= bytes.count
        body(bytes)
        bytes.deallocate()
    }

    private func grow() {
        var larger = [Entry?](repeating: nil, count: max(16, 2 * entries.count))
        for index in 0..<count { larger[index] = entries[(first + index) & (entries.count - 1)] }
        entries = larger
        first = 0
    }
}
