/// A case, or a server, did something that the emulation cannot go on with.
public struct EmulationError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}
