/// A growing array of plain values that are changed in place, without reference counts or uniqueness checks.
@frozen
public struct Slab<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    @usableFromInline var capacity: Int
    public private(set) var count: Int = 0

    public init(capacity: Int = 16) {
        self.capacity = max(capacity, 1)
        base = Self.allocate(self.capacity)
    }

    /// At the beginning of a line of the cache, so that elements of whole lines lie in as few as they need.
    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Element> {
        UnsafeMutableRawPointer.allocate(byteCount: capacity * MemoryLayout<Element>.stride, alignment: 64)
            .bindMemory(to: Element.self, capacity: capacity)
    }

    deinit { base.deallocate() }

    /// Complexity: amortised O(1).
    @inlinable
    public mutating func append(_ element: Element) {
        if count == capacity { grow() }
        (base + count).initialize(to: element)
        setCount(count + 1)
    }

    /// The place of an element; valid until the next `append`.
    @inlinable
    public subscript(pointer index: Int) -> UnsafeMutablePointer<Element> {
        assert(index >= 0 && index < count)
        return base + index
    }

    /// Where an element lies, or would lie.
    @inlinable
    @inline(__always)
    func place(_ index: Int) -> UnsafeMutablePointer<Element> { base + index }

    @inlinable
    public subscript(index: Int) -> Element {
        get {
            assert(index >= 0 && index < count)
            return base[index]
        }
        set {
            assert(index >= 0 && index < count)
            base[index] = newValue
        }
    }

    public mutating func removeAll() { count = 0 }

    /// Removes the last elements, so many.
    public mutating func removeLast(_ number: Int) {
        precondition(number >= 0 && number <= count)
        count -= number
    }

    /// The elements as a buffer, valid until the next change of the slab.
    @inlinable public var buffer: UnsafeMutableBufferPointer<Element> {
        UnsafeMutableBufferPointer(start: base, count: count)
    }

    @usableFromInline
    mutating func setCount(_ newCount: Int) { count = newCount }

    @usableFromInline
    mutating func grow() {
        let larger = Self.allocate(capacity * 2)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
        capacity *= 2
    }
}
