public import EventKernel

/// A server of the message path: directed FIFO ports that it serves in time order with one processor.
///
/// The items of a port never go back in time, so choosing the port with the least head time (ties: the lowest
/// port) gives the total order (time, port, position) without a calendar. A station knows nothing about what it
/// serves: its owner takes the items, serves them and appends the results to other stations.
@frozen
public struct Station: ~Copyable {
    public let portCount: Int
    @usableFromInline let ports: UnsafeMutablePointer<Ring<Item>>
    /// When the service of each port's first item can begin at the earliest; `Int64.max`: the port is empty. As many
    /// as there are ports, rounded up to a multiple of four.
    @usableFromInline let heads: UnsafeMutablePointer<Int64>
    @usableFromInline let gates: UnsafeMutablePointer<Int64>
    /// Of the first 64 ports, which hold an item.
    @usableFromInline var ready: UInt64 = 0
    /// The port with the least head time, the lowest of equals, and that time; `Int64.max`: every port is empty.
    @usableFromInline var first = (port: 0, head: Int64.max)
    public var processor: Processor
    /// Where `nextTime` is: stations that are looked at together keep theirs side by side.
    @usableFromInline let clock: UnsafeMutablePointer<Int64>
    private let ownsClock: Bool

    /// A lower bound for the time of the next service, `Int64.max` when every port is empty.
    @inlinable
    public private(set) var nextTime: Int64 {
        get { clock.pointee }
        nonmutating set { clock.pointee = newValue }
    }

    /// The most items that may wait at one port: half a billion bytes, beyond any limit of what is modelled.
    public static var portLimit: Int { 1 << 24 }

    /// - Parameter clock: where to keep `nextTime`, longer than the station lives; `nil`: a place of its own.
    public init(ports portCount: Int, processor: Processor, clock: UnsafeMutablePointer<Int64>? = nil) {
        precondition(portCount >= 1)
        self.clock = clock ?? .allocate(capacity: 1)
        ownsClock = clock == nil
        self.clock.initialize(to: Int64.max)
        self.portCount = portCount
        ports = .allocate(capacity: portCount)
        let headCount = (portCount + 3) & ~3
        heads = .allocate(capacity: headCount)
        heads.initialize(repeating: Int64.max, count: headCount)
        gates = .allocate(capacity: portCount)
        for port in 0..<portCount {
            (ports + port).initialize(to: Ring<Item>(capacityLimit: Self.portLimit))
            (gates + port).initialize(to: 0)
        }
        self.processor = processor
    }

    deinit {
        ports.deinitialize(count: portCount)
        ports.deallocate()
        heads.deallocate()
        gates.deallocate()
        if ownsClock { clock.deallocate() }
    }

    /// Adds an item behind the others of a port; its time must not lie before theirs. Complexity: amortised O(1).
    @inlinable
    @inline(__always)
    public mutating func append(_ item: Item, to port: Int) {
        assert(port < portCount)
        noteHead(of: port, item.time)
        ports[port].append(item)
    }

    /// Notes an item that goes behind the others of a port. It is never before the head: no need to ask whether there
    /// is one.
    @inlinable
    @inline(__always)
    mutating func noteHead(of port: Int, _ time: Int64) {
        let head = min(heads[port], max(time, gates[port]))
        heads[port] = head
        ready |= 1 << UInt64(port)
        let isFirst = head < first.head || (head == first.head && port < first.port)
        first.port = isFirst ? port : first.port
        first.head = min(first.head, head)
        nextTime = min(nextTime, time)
    }

    /// Adds items behind the others of a port, in order of time and none before what waits there.
    @inlinable
    public mutating func append(contentsOf items: borrowing ItemBuffer<Item>, to port: Int) {
        assert(port < portCount)
        guard !items.isEmpty else { return }
        noteHead(of: port, items[0].time)
        ports[port].append(contentsOf: items)
    }

    /// The port with the least head time, the lowest of equals. Complexity: O(1).
    @inlinable
    public func earliestPort() -> Int { first.port }

    /// Finds the port with the least head time anew: its head has changed. Complexity: O(ports that hold an item).
    ///
    /// Four ports at a time and without branches: which of them is first is anybody's guess. Fours that hold nothing
    /// are passed over.
    @inlinable
    @inline(__always)
    mutating func findFirst() {
        var bits = ready
        // Most often one port alone has something, and nothing is to be compared.
        if bits & (bits &- 1) == 0 && portCount <= 64 {
            let port = bits.trailingZeroBitCount & 63
            first = bits == 0 ? (0, Int64.max) : (port, heads[port])
            return
        }
        var best = (port: 0, head: Int64.max)
        while bits != 0 {
            let four = bits.trailingZeroBitCount & ~3
            bits &= ~(15 << UInt64(four))
            let other = earliest(from: four)
            best.port = other.head < best.head ? other.port : best.port
            best.head = min(best.head, other.head)
        }
        var port = 64
        while port < portCount {
            let other = earliest(from: port)
            best.port = other.head < best.head ? other.port : best.port
            best.head = min(best.head, other.head)
            port &+= 4
        }
        first = best
    }

    /// A head and its place in one number, so that the lesser of two is one comparison for both. Times are below
    /// 2^62 ns; an empty port stays the greatest of all.
    @inlinable
    @inline(__always)
    func earliest(from port: Int) -> (port: Int, head: Int64) {
        let first = UInt64(bitPattern: heads[port]) &<< 2
        let second = UInt64(bitPattern: heads[port &+ 1]) &<< 2 | 1
        let third = UInt64(bitPattern: heads[port &+ 2]) &<< 2 | 2
        let fourth = UInt64(bitPattern: heads[port &+ 3]) &<< 2 | 3
        let least = min(min(first, second), min(third, fourth))
        let best = port &+ Int(truncatingIfNeeded: least & 3)
        return (best, heads[best])
    }

    /// Until when a port's items wait, whatever their time; 0: they do not.
    @inlinable
    public func gate(of port: Int) -> Int64 { gates[port] }

    /// Makes a port's items wait until `time`: its reader is held up.
    public mutating func hold(_ port: Int, until time: Int64) {
        gates[port] = time
        if heads[port] != Int64.max { heads[port] = max(ports[port].first.time, time) }
        findFirst()
    }

    /// Arrival of a port's first item or the end of its wait, `Int64.max` when the port is empty.
    @inlinable
    public func headTime(_ port: Int) -> Int64 { heads[port] }

    /// When the service of the next item would start. Complexity: O(1).
    @inlinable
    public func nextStart() -> Int64 {
        first.head == Int64.max ? first.head : max(first.head, processor.free)
    }

    /// Removes and returns the first item of a port that is not empty.
    @inlinable
    public mutating func take(from port: Int) -> Item { takePlace(from: port).pointee }

    @inlinable
    @inline(__always)
    mutating func takePlace(from port: Int) -> UnsafePointer<Item> {
        let place = ports[port].popFirstPlace()
        // A ring's place can be read though it is empty; which it is, nobody can guess.
        let following = max(ports[port].upcoming.time, gates[port])
        let isEmpty = ports[port].isEmpty
        heads[port] = isEmpty ? Int64.max : following
        ready &= ~((isEmpty ? 1 : 0) << UInt64(port))
        findFirst()
        return place
    }

    /// Takes the next item whose service starts before `horizon`; `nil` when there is none.
    ///
    /// An item whose service would start at the horizon or later stays where it is: nothing is decided ahead of
    /// what may still arrive or break.
    @inlinable
    @inline(__always)
    public mutating func next(before horizon: Int64) -> Served? {
        guard let (item, port) = nextPlace(before: horizon) else { return nil }
        return Served(item: item.pointee, port: port)
    }

    /// As ``next(before:)``, without a copy: the pointer is good until something is appended to the item's port.
    @inlinable
    @inline(__always)
    public mutating func nextPlace(before horizon: Int64) -> (item: UnsafePointer<Item>, port: Int)? {
        // An empty station starts at the end of time.
        let start = max(first.head, processor.free)
        guard start < horizon else {
            nextTime = start
            return nil
        }
        let port = first.port
        return (takePlace(from: port), port)
    }

    /// Reads the first items of each port, those before `window` and up to `limit`; of the first 64 ports.
    @inlinable
    public func forEachWaiting(before window: Int64, limit: Int, _ body: (Item, Int) -> Void) {
        var bits = ready
        while bits != 0 {
            let port = bits.trailingZeroBitCount
            bits &= bits &- 1
            for position in 0..<min(limit, ports[port].count) {
                let item = ports[port][position]
                if item.time >= window { break }
                body(item, port)
            }
        }
    }

    @inlinable
    public func count(of port: Int) -> Int { ports[port].count }

    /// The most items that wait at one port.
    public var backlog: Int {
        var most = 0
        for port in 0..<portCount { most = max(most, ports[port].count) }
        return most
    }

    /// Empties a port; `body` sees each item.
    public mutating func removeAll(from port: Int, _ body: (Item) -> Void) {
        while !ports[port].isEmpty { body(take(from: port)) }
    }
}

/// An item that a station took, and the port it came from.
@frozen
public struct Served: BitwiseCopyable {
    public var item: Item
    public var port: Int

    @inlinable
    public init(item: Item, port: Int) {
        self.item = item
        self.port = port
    }
}

/// A fixed number of values that need not be copyable, in one block of memory.
@frozen
public struct Table<Element: ~Copyable>: ~Copyable {
    public let count: Int
    @usableFromInline let base: UnsafeMutablePointer<Element>

    @inlinable
    public init(count: Int, _ make: (Int) -> Element) {
        self.count = count
        base = .allocate(capacity: max(count, 1))
        for index in 0..<count { (base + index).initialize(to: make(index)) }
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    /// The place of an element; valid as long as the table lives.
    @inlinable
    public subscript(pointer index: Int) -> UnsafeMutablePointer<Element> {
        assert(index >= 0 && index < count)
        return base + index
    }

    @inlinable
    public subscript(index: Int) -> Element {
        _read { yield base[index] }
        nonmutating _modify { yield &base[index] }
    }
}
