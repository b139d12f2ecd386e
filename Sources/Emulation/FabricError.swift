internal import CLinux
internal import Glibc

/// The machine refused something that an emulated network needs.
public struct FabricError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
    /// The `errno` behind it, if there is one.
    public var code: Int32?

    public init(_ description: String, code: Int32? = nil) {
        self.code = code
        self.description = code.map { "\(description): \(String(cString: strerror($0)))" } ?? description
    }
    static let isShutDown = FabricError("the lab was shut down")
}

/// The value of a call of `CLinux`, which answers -errno on failure.
@discardableResult
func checked(_ value: Int32, _ what: @autoclosure () -> String) throws(FabricError) -> Int32 {
    guard value >= 0 else { throw FabricError(what(), code: -value) }
    return value
}
