/// A first-in-first-out queue in a circular buffer that doubles when it is full.
///
/// The ring is the wire and the queue of the message path: the pointer lies in the value, elements are copied bit by
/// bit, and neither `append` nor `popFirst` touches a reference count.
@frozen
public struct Ring<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    /// Capacity minus one; the capacity is a power of two.
    @usableFromInline var mask: Int
    /// Elements ever popped and ever appended (less those truncated); positions in the buffer are these under `mask`.
    @usableFromInline var head: Int
    @usableFromInline var tail: Int

    /// The most elements the ring may hold; one more is a programming error.
    public let capacityLimit: Int

    /// Makes an empty ring for at most `capacityLimit` elements.
    @inlinable
    public init(capacityLimit: Int) {
        precondition(capacityLimit > 0, "a ring without room is a mistake")
        self.capacityLimit = capacityLimit
        base = UnsafeMutablePointer<Element>.allocate(capacity: 4)
        mask = 3
        head = 0
        tail = 0
    }

    @inlinable
    deinit { base.deallocate() }

    /// Elements in the ring.
    @inlinable public var count: Int { tail &- head }
    /// Whether the ring is empty.
    @inlinable public var isEmpty: Bool { tail == head }

    /// The running number of the first element: how many were taken from the front before it.
    ///
    /// The element at `subscript` position `p` has the number `headNumber + p`. Truncation gives the numbers of the
    /// truncated elements to those appended later.
    @inlinable public var headNumber: Int { head }

    /// Adds an element at the tail.
    @inlinable
    public mutating func append(_ element: Element) {
        if tail &- head > mask { grow() }
        (base + (tail & mask)).initialize(to: element)
        tail &+= 1
    }

    /// Adds a place at the tail, for an element that the caller writes there.
    @inlinable
    @inline(__always)
    public mutating func appendPlace() -> UnsafeMutablePointer<Element> {
        if tail &- head > mask { grow() }
        let place = base + (tail & mask)
        tail &+= 1
        return place
    }

    /// Adds all elements of a buffer at the tail.
    @inlinable
    public mutating func append(contentsOf buffer: borrowing ItemBuffer<Element>) {
        guard let source = buffer.base else { return }
        while tail &- head &+ buffer.size > mask &+ 1 { grow() }
        for position in 0..<buffer.size {
            (base + ((tail &+ position) & mask)).initialize(to: source[position])
        }
        tail &+= buffer.size
    }

    /// The element at the head. The ring must not be empty.
    @inlinable public var first: Element {
        precondition(tail != head, "an empty ring has no first element")
        return base[head & mask]
    }

    /// What lies at the head's place: the first element or, in an empty ring, any bits. For code that decides without
    /// a branch whether it may use it.
    @inlinable public var upcoming: Element { base[head & mask] }

    /// Where `upcoming` lies: there until the next `append`.
    @inlinable public var upcomingPlace: UnsafePointer<Element> { UnsafePointer(base + (head & mask)) }

    /// The element at the tail. The ring must not be empty.
    @inlinable public var last: Element {
        precondition(tail != head, "an empty ring has no last element")
        return base[(tail &- 1) & mask]
    }

    /// Removes and returns the element at the head. The ring must not be empty.
    @inlinable
    public mutating func popFirst() -> Element {
        precondition(tail != head, "an empty ring has no first element")
        let element = base[head & mask]
        head &+= 1
        return element
    }

    /// Removes the element at the head and returns where it lies: there until the next `append`. The ring must not be
    /// empty.
    @inlinable
    public mutating func popFirstPlace() -> UnsafePointer<Element> {
        precondition(tail != head, "an empty ring has no first element")
        return popFirstPlaceUnchecked()
    }

    /// As ``popFirstPlace()``, for a caller that knows that the ring is not empty.
    @inlinable
    @inline(__always)
    public mutating func popFirstPlaceUnchecked() -> UnsafePointer<Element> {
        assert(tail != head, "an empty ring has no first element")
        let place = base + (head & mask)
        head &+= 1
        return UnsafePointer(place)
    }

    /// Where the element at a position counted from the head lies: there until the next `append`.
    @inlinable
    public func place(_ position: Int) -> UnsafePointer<Element> {
        assert(position >= 0 && position < tail &- head)
        return UnsafePointer(base + ((head &+ position) & mask))
    }

    /// The element at a position counted from the head, which is 0.
    @inlinable
    public subscript(position: Int) -> Element {
        get {
            precondition(position >= 0 && position < tail &- head, "no element at this position of the ring")
            return base[(head &+ position) & mask]
        }
        set {
            precondition(position >= 0 && position < tail &- head, "no element at this position of the ring")
            base[(head &+ position) & mask] = newValue
        }
    }

    /// Truncates the tail: removes the last element as long as `predicate` holds for it, and hands each to `body`,
    /// the last one first.
    @inlinable
    public mutating func removeLast(while predicate: (Element) -> Bool, _ body: (Element) -> Void) {
        while tail != head {
            let element = base[(tail &- 1) & mask]
            guard predicate(element) else { return }
            tail &-= 1
            body(element)
        }
    }

    /// Empties the ring and hands each element to `body`, the first one first.
    @inlinable
    public mutating func removeAll(each body: (Element) -> Void) {
        while tail != head {
            let element = base[head & mask]
            head &+= 1
            body(element)
        }
    }

    /// Reads all elements, the first one first.
    @inlinable
    public func forEach(_ body: (Element) -> Void) {
        for number in head..<tail { body(base[number & mask]) }
    }

    /// Doubles the buffer. The limit is checked here and not at each `append`, so that it holds to the next power
    /// of two at the latest.
    @inlinable
    @inline(never)
    mutating func grow() {
        let capacity = mask + 1
        precondition(capacity < capacityLimit, "the ring is full")
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        for number in head..<tail {
            (larger + (number & (capacity * 2 - 1))).initialize(to: base[number & mask])
        }
        base.deallocate()
        base = larger
        mask = capacity * 2 - 1
    }
}
