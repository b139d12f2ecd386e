public import CPrefetch
public import EventKernel

/// A server of the message path: directed FIFO ports that it serves in time order with one processor.
///
/// The items of a port never go back in time, so choosing the port with the least head time (ties: the lowest
/// port) gives the total order (time, port, position) without a calendar. The choice is a tournament: a tree whose
/// leaves are the ports' heads and whose nodes are the least of their four children. A head that changes plays its way
/// up again, without a branch that nobody can guess. A port has its leaf from its first item on, as most of a server's
/// ports never see one and the tree is as high as there are leaves. A station knows nothing about what it serves: its
/// owner takes the items, serves them and appends the results to other stations.
@frozen
public struct Station: ~Copyable {
    public let portCount: Int
    /// Four at least: runs of services look at so many.
    @usableFromInline let ports: UnsafeMutablePointer<Ring<Item>>
    private let ringCount: Int
    /// The tree: the root is node 0, the children of node n are 4 n + 1 to 4 n + 4, the leaves begin at `firstLeaf`. A
    /// node is a head's time and its port in one number.
    @usableFromInline var nodes: UnsafeMutablePointer<Int64>
    @usableFromInline var firstLeaf: Int
    /// By port: its leaf, counted from the first one; `noLeaf` before its first item.
    @usableFromInline let leaves: UnsafeMutablePointer<UInt16>
    private var leavesTaken: Int
    private var leafLimit = 4
    @usableFromInline let gates: UnsafeMutablePointer<Int64>
    /// Whether ``begin(before:)`` may be called: see there.
    @usableFromInline private(set) var takesRuns: Bool
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

    /// Bits of a node that name the port: times stay below 2^51 ns, 26 days.
    @inlinable static var portBits: Int64 { 12 }

    @inlinable static var noLeaf: UInt16 { UInt16.max }

    /// The most ports of a station.
    @inlinable static var mostPorts: Int { 1 << portBits }

    /// - Parameter clock: where to keep `nextTime`, longer than the station lives; `nil`: a place of its own.
    public init(ports portCount: Int, processor: Processor, clock: UnsafeMutablePointer<Int64>? = nil) {
        precondition(portCount >= 1 && portCount <= Self.mostPorts)
        self.clock = clock ?? .allocate(capacity: 1)
        ownsClock = clock == nil
        self.clock.initialize(to: Int64.max)
        self.portCount = portCount
        ringCount = max(portCount, 4)
        ports = .allocate(capacity: ringCount)
        // Four leaves at least, which runs of services look at together, port by port.
        firstLeaf = 1
        nodes = .allocate(capacity: 5)
        nodes.initialize(repeating: Int64.max, count: 5)
        leaves = .allocate(capacity: portCount)
        leavesTaken = portCount <= 4 ? portCount : 0
        for port in 0..<portCount { (leaves + port).initialize(to: portCount <= 4 ? UInt16(port) : Self.noLeaf) }
        gates = .allocate(capacity: portCount)
        gates.initialize(repeating: 0, count: portCount)
        for port in 0..<ringCount {
            (ports + port).initialize(to: Ring<Item>(capacityLimit: Self.portLimit))
        }
        self.processor = processor
        takesRuns = processor.isPlain && portCount <= 4
    }

    deinit {
        ports.deinitialize(count: ringCount)
        ports.deallocate()
        nodes.deallocate()
        leaves.deallocate()
        gates.deallocate()
        if ownsClock { clock.deallocate() }
    }

    /// Adds an item behind the others of a port; its time must not lie before theirs. Complexity: amortised
    /// O(log ports).
    @inlinable
    @inline(__always)
    public mutating func append(_ item: Item, to port: Int) {
        assert(port < portCount)
        noteTail(of: port, item.time)
        ports[port].append(item)
    }

    /// Adds a copy of an item, at another time and with another list; the item as a whole is moved, not its parts.
    ///
    /// - Parameter added: flags that the copy has beside the item's.
    @inlinable
    @inline(__always)
    public mutating func append(
        copyOf item: UnsafePointer<Item>, at time: Int64, list: UInt32, adding added: UInt8 = 0, to port: Int
    ) {
        assert(port < portCount)
        noteTail(of: port, time)
        let place = ports[port].appendPlace()
        Item.copy(item, to: place)
        place.pointee.time = time
        place.pointee.list = list
        if added != 0 { place.pointee.flags |= added }
    }

    /// Notes that an item goes behind the others of a port: the first one plays for the port.
    @inlinable
    @inline(__always)
    mutating func noteTail(of port: Int, _ time: Int64) {
        clock.pointee = min(clock.pointee, time)
        guard ports[port].isEmpty else { return }
        if leaves[port] == Self.noLeaf { takeLeaf(port) }
        setHead(of: port, to: max(time, gates[port]) &<< Self.portBits | Int64(port))
    }

    /// Gives a port its leaf; if none is left, the tree becomes one level higher.
    @usableFromInline
    @inline(never)
    mutating func takeLeaf(_ port: Int) {
        if leavesTaken == leafLimit {
            let old = UnsafeMutableBufferPointer(start: nodes + firstLeaf, count: leafLimit)
            firstLeaf += leafLimit
            leafLimit *= 4
            nodes = .allocate(capacity: firstLeaf + leafLimit)
            nodes.initialize(repeating: Int64.max, count: firstLeaf + leafLimit)
            (nodes + firstLeaf).update(from: old.baseAddress!, count: old.count)
            for node in (0..<firstLeaf).reversed() { nodes[node] = Self.least(nodes + 4 * node + 1) }
            (old.baseAddress! - (firstLeaf - old.count)).deallocate()
        }
        leaves[port] = UInt16(leavesTaken)
        leavesTaken += 1
    }

    /// Adds items behind the others of a port, in order of time and none before what waits there.
    @inlinable
    public mutating func append(contentsOf items: borrowing ItemBuffer<Item>, to port: Int) {
        assert(port < portCount)
        guard !items.isEmpty else { return }
        noteTail(of: port, items[0].time)
        ports[port].append(contentsOf: items)
    }

    /// A port's head has changed.
    @inlinable
    @inline(__always)
    func setHead(of port: Int, to head: Int64) {
        var node = firstLeaf &+ Int(leaves[port])
        nodes[node] = head
        repeat {
            node = (node &- 1) &>> 2
            nodes[node] = Self.least(nodes + (node &<< 2) + 1)
        } while node > 0
    }

    /// The least of four nodes.
    @inlinable
    @inline(__always)
    static func least(_ nodes: UnsafeMutablePointer<Int64>) -> Int64 {
        min(min(nodes[0], nodes[1]), min(nodes[2], nodes[3]))
    }

    /// The time of a node; `Int64.max`: every port below it is empty.
    @inlinable
    @inline(__always)
    static func time(_ node: Int64) -> Int64 { node == Int64.max ? node : node &>> portBits }

    /// The port with the least head time, the lowest of equals; meaningless when all are empty. Complexity: O(1).
    @inlinable
    public func earliestPort() -> Int { Int(nodes[0] & (1 &<< Self.portBits &- 1)) }

    /// Whether what waits first comes before an item with this time at a port, or is one of its predecessors there.
    @inlinable
    @inline(__always)
    func precedes(_ time: Int64, at port: Int) -> Bool { nodes[0] <= time &<< Self.portBits | Int64(port) }

    /// Looks anew at when the next service can start.
    @inlinable
    @inline(__always)
    func noteNextTime() { clock.pointee = max(Self.time(nodes[0]), processor.free) }

    /// Until when a port's items wait, whatever their time; 0: they do not.
    @inlinable
    public func gate(of port: Int) -> Int64 { gates[port] }

    /// Makes a port's items wait until `time`: its reader is held up.
    public mutating func hold(_ port: Int, until time: Int64) {
        gates[port] = time
        takesRuns = false
        guard !ports[port].isEmpty else { return }
        setHead(of: port, to: max(ports[port].first.time, time) << Self.portBits | Int64(port))
    }

    /// Arrival of a port's first item or the end of its wait, `Int64.max` when the port is empty.
    @inlinable
    public func headTime(_ port: Int) -> Int64 {
        leaves[port] == Self.noLeaf ? Int64.max : Self.time(nodes[firstLeaf &+ Int(leaves[port])])
    }

    /// When the service of the next item would start. Complexity: O(1).
    @inlinable
    public func nextStart() -> Int64 {
        let head = Self.time(nodes[0])
        return head == Int64.max ? head : max(head, processor.free)
    }

    /// Removes and returns the first item of a port that is not empty.
    @inlinable
    public mutating func take(from port: Int) -> Item { takePlace(from: port).pointee }

    @inlinable
    @inline(__always)
    mutating func takePlace(from port: Int) -> UnsafePointer<Item> {
        let place = ports[port].popFirstPlace()
        prefetch_line(place + 3)
        // A ring's place can be read though it is empty; which it is, nobody can guess.
        let following = max(ports[port].upcomingPlace.pointee.time, gates[port]) &<< Self.portBits | Int64(port)
        setHead(of: port, to: ports[port].isEmpty ? Int64.max : following)
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
        let start = max(Self.time(nodes[0]), processor.free)
        guard start < horizon else {
            clock.pointee = start
            return nil
        }
        let port = earliestPort()
        return (takePlace(from: port), port)
    }

    /// Writes down where the first items of all ports lie, those before `window` and up to `limit`; returns how many.
    func collect(before window: Int64, limit: Int, into places: UnsafeMutablePointer<UnsafePointer<Item>>) -> Int {
        var count = 0
        for leaf in 0..<leavesTaken where nodes[firstLeaf &+ leaf] != Int64.max {
            let port = Int(nodes[firstLeaf &+ leaf] & (1 &<< Self.portBits &- 1))
            count = collect(port, before: window, count, limit, into: places)
        }
        return count
    }

    /// The item at a position of the first port.
    @inlinable
    @inline(__always)
    func waiting(at position: Int) -> UnsafePointer<Item>? {
        position < ports[0].count ? ports[0].place(position) : nil
    }

    @inline(__always)
    private func collect(
        _ port: Int, before window: Int64, _ noted: Int, _ limit: Int,
        into places: UnsafeMutablePointer<UnsafePointer<Item>>
    ) -> Int {
        var count = noted
        var position = 0
        while count < limit, position < ports[port].count {
            let place = ports[port].place(position)
            guard place.pointee.time < window else { break }
            places[count] = place
            count &+= 1
            position &+= 1
        }
        return count
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
        // At the beginning of a line of the cache, as slabs are.
        base = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Element>.stride, alignment: max(64, MemoryLayout<Element>.alignment)
        ).bindMemory(to: Element.self, capacity: max(count, 1))
        for index in 0..<count { (base + index).initialize(to: make(index)) }
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    /// Where an element lies, or would lie.
    @inlinable
    @inline(__always)
    func place(_ index: Int) -> UnsafeMutablePointer<Element> { base + index }

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
