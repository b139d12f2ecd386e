/// A growable run of elements in one piece of memory, for use over and over without allocation.
@frozen
public struct ItemBuffer<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>?
    @usableFromInline var size: Int
    @usableFromInline var capacity: Int

    /// Makes an empty buffer; memory is taken at the first `append`.
    @inlinable
    public init() {
        base = nil
        size = 0
        capacity = 0
    }

    @inlinable
    deinit { base?.deallocate() }

    /// Elements in the buffer.
    @inlinable public var count: Int { size }
    /// Whether the buffer is empty.
    @inlinable public var isEmpty: Bool { size == 0 }

    /// The element at a position from 0 to `count - 1`.
    @inlinable
    public subscript(position: Int) -> Element {
        get {
            precondition(position >= 0 && position < size, "no element at this position of the buffer")
            return base.unsafelyUnwrapped[position]
        }
        set {
            precondition(position >= 0 && position < size, "no element at this position of the buffer")
            base.unsafelyUnwrapped[position] = newValue
        }
    }

    /// Adds an element at the end.
    @inlinable
    public mutating func append(_ element: Element) {
        if size == capacity { reserve(size + 1) }
        (base.unsafelyUnwrapped + size).initialize(to: element)
        size &+= 1
    }

    /// Adds a place at the end, for an element that the caller writes there.
    @inlinable
    @inline(__always)
    public mutating func appendPlace() -> UnsafeMutablePointer<Element> {
        if size == capacity { reserve(size + 1) }
        size &+= 1
        return base.unsafelyUnwrapped + (size &- 1)
    }

    /// Adds an element at the end if `condition` holds, without a branch on it: for conditions that nobody can guess.
    @inlinable
    public mutating func append(_ element: Element, if condition: Bool) {
        if size == capacity { reserve(size + 1) }
        (base.unsafelyUnwrapped + size).initialize(to: element)
        size &+= condition ? 1 : 0
    }

    /// Adds `count` elements that lie one after another at `source`.
    @inlinable
    mutating func append(from source: UnsafeMutablePointer<Element>, count: Int) {
        if size + count > capacity { reserve(size + count) }
        (base.unsafelyUnwrapped + size).update(from: source, count: count)
        size += count
    }

    /// Forgets the elements and keeps the memory.
    @inlinable
    public mutating func removeAll() { size = 0 }

    /// Makes room for at least `needed` elements in all.
    @inlinable
    mutating func reserve(_ needed: Int) {
        guard needed > capacity else { return }
        let larger = max(16, max(needed, capacity * 2))
        let fresh = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        if let base {
            fresh.moveInitialize(from: base, count: size)
            base.deallocate()
        }
        base = fresh
        capacity = larger
    }
}
